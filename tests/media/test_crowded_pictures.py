"""Pictures that find no room on their way, or only in part."""

import random

from media.subscription import STILLS, Layer
from media.testing.traffic import EncodingSettings, Vp8Encoder
from tests.media.viewing import Camera, Viewer


def behind(target: Layer) -> tuple[Camera, Viewer]:
    """A path of 80 kbit/s, for which a keyframe of 40 kB is four seconds."""
    camera = Camera()
    camera.encoders[1] = Vp8Encoder(
        EncodingSettings("h", 320, 180, 20_000, keyframe=40_000), random.Random(1), number=1
    )
    viewer = Viewer(camera, target)
    viewer.outlet.set_rates(80_000, None, constrained=True, now=0.0)
    camera.run(3)
    assert viewer.stream.is_behind
    return camera, viewer


def run(camera: Camera, viewer: Viewer, frames: int) -> None:
    for _ in range(frames):
        camera.run(1)
        viewer.outlet.on_timeout(now=camera.now)


def test_no_still_follows_one_that_has_not_left_yet() -> None:
    camera, viewer = behind(Layer(1, STILLS))
    asked = len(camera.requests)
    camera.run(200)
    camera.keyframe()
    camera.run(3)
    assert len(camera.requests) == asked and viewer.shown() == []
    packets = viewer.stream.packets
    run(camera, viewer, 160)
    assert viewer.shown() == [160, 320] and viewer.stream.packets >= packets
    assert len(camera.requests) == asked + 1, "now"
    assert viewer.receiver.holes() == []


def test_a_receiver_that_waits_for_a_keyframe_on_its_way_gets_that_and_no_other() -> None:
    camera, viewer = behind(Layer(1))
    asked = len(camera.requests)
    while 320 not in viewer.shown():
        run(camera, viewer, 6)
        viewer.subscription.want_keyframe(now=camera.now)
    assert len(camera.requests) == asked
    run(camera, viewer, 60)
    viewer.subscription.want_keyframe(now=camera.now)
    assert len(camera.requests) == asked + 1


def test_what_a_long_keyframe_lost_can_be_asked_for_as_soon_as_it_is_missed() -> None:
    camera, viewer = behind(Layer(1))
    while viewer.receiver.packets < 30:
        run(camera, viewer, 1)
    first = viewer.receiver.log[25].sequence & 0xFFFF
    assert camera.now > 2.0 and viewer.stream.resend(first, now=camera.now)


def waits(camera: Camera, viewer: Viewer, count: int) -> list[int]:
    """Seconds from finding no room to asking for a keyframe, time after time."""
    subscription, seconds = viewer.subscription, []
    for _ in range(count):
        subscription.pause(now=camera.now)
        begun, asked, sent = camera.now, len(camera.requests), viewer.stream.packets
        while len(camera.requests) == asked:
            subscription.want_keyframe(now=camera.now)
            camera.keyframe()
            subscription.resume(now=camera.now)
            run(camera, viewer, 1)
            assert viewer.stream.packets == sent or len(camera.requests) > asked, "others' begin nothing"
        seconds.append(round(camera.now - begun))
        run(camera, viewer, 1)
    return seconds


def test_a_picture_that_finds_no_room_again_and_again_rests_in_between() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(1))
    camera.run(30)
    assert waits(camera, viewer, 4) == [0, 1, 1, 1]
    viewer.subscription.pause(now=camera.now)
    viewer.subscription.resume(at_once=True, now=camera.now)
    camera.run(630)
    assert waits(camera, viewer, 1) == [0], "it was well for long"
    shown = len(viewer.shown())
    camera.run(30)
    assert len(viewer.shown()) > shown + 10


def test_behind_large_keyframes_it_rests_ever_longer() -> None:
    camera, viewer = behind(Layer(1))
    *first, fifth, sixth, seventh = waits(camera, viewer, 7)
    # Each keyframe takes the path four seconds, with what follows of it some more.
    assert all(4 <= wait <= 6 for wait in first) and (fifth, sixth, seventh) == (8, 16, 16)


def test_a_smaller_picture_does_not_wait_for_what_a_larger_one_did_not_find() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(1))
    camera.run(30)
    for _ in range(4):
        viewer.subscription.pause(now=camera.now)
        viewer.subscription.resume(at_once=True, now=camera.now)
    viewer.subscription.pause(now=camera.now)
    viewer.want(Layer(0))
    viewer.subscription.resume(now=camera.now)
    camera.run(30)
    assert viewer.shown()[-1] == 160


def test_a_still_that_was_lost_to_a_late_packet_is_no_still() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(1, STILLS))
    camera.run(20)
    asked = len(camera.requests)
    while len(camera.requests) == asked:
        camera.run(1)
    shown = len(viewer.shown())
    (first, *rest) = [packet for packet in camera.frame() if packet[0] == 1]
    for packet in (rest[0], first, *rest[1:]):
        camera.take(*packet)
    assert len(viewer.shown()) == shown
    camera.run(30)
    assert len(viewer.shown()) == shown + 1, "the next one comes soon"


def test_holes_in_what_moves_for_nobody_cost_no_keyframe() -> None:
    camera = Camera()
    Viewer(camera, Layer(1, STILLS))
    camera.run(40)
    asked = len(camera.requests)
    for encoding in camera.encodings:
        encoding.stream.unrepaired = 5
    camera.run(30)
    assert len(camera.requests) == asked
