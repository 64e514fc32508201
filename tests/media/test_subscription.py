"""A publication's packets into one stream, without links or timers."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.encoding import Packet
from media.subscription import BEST, STILLS, Layer
from tests.media.viewing import Camera, Viewer


@pytest.fixture(params=[False, True], ids=["vp8", "descriptor"])
def camera(request: pytest.FixtureRequest) -> Camera:
    return Camera(descriptor=request.param)


def test_the_best_encoding_is_sent_unless_another_is_wanted(camera: Camera) -> None:
    best, small, none = Viewer(camera), Viewer(camera, Layer(0)), Viewer(camera, None)
    camera.run(10)
    assert best.shown()[-1] == 320
    assert set(small.shown()) == {160}
    assert none.receiver.packets == 0


def test_a_switch_waits_for_a_keyframe_and_the_old_encoding_goes_on_meanwhile(camera: Camera) -> None:
    viewer = Viewer(camera, Layer(0))
    camera.run(10)
    camera.requests.clear()
    for packet in camera.frame():
        camera.take(*packet)
    viewer.want(BEST)
    assert camera.requests == [camera.now]
    assert viewer.shown()[-1] == 160
    camera.run(10)
    assert viewer.shown()[-1] == 320
    assert len(viewer.shown()) >= 21
    assert viewer.receiver.faults() == []


def test_a_wish_that_is_taken_back_before_the_keyframe_changes_nothing(camera: Camera) -> None:
    viewer = Viewer(camera, Layer(0))
    camera.run(10)
    viewer.want(BEST)
    viewer.want(Layer(0))
    camera.run(10)
    assert set(viewer.shown()) == {160}


@pytest.mark.parametrize(("temporal", "share"), [(0, 1 / 4), (1, 1 / 2), (2, 1)])
def test_temporal_layers_above_the_target_are_left_out(camera: Camera, temporal: int, share: float) -> None:
    viewer = Viewer(camera, Layer(1, temporal))
    camera.run(80)
    assert len(viewer.shown()) == pytest.approx(80 * share, abs=2)
    assert viewer.receiver.faults() == []
    assert viewer.receiver.holes() == []


def test_temporal_layers_come_back_without_a_keyframe(camera: Camera) -> None:
    viewer = Viewer(camera, Layer(1, 0))
    camera.run(20)
    camera.requests.clear()
    for temporal in (2, 0, 1, 2):
        viewer.want(Layer(1, temporal))
        camera.run(20)
    assert camera.requests == []
    before = len(viewer.shown())
    camera.run(20)
    assert len(viewer.shown()) - before == 20
    assert viewer.receiver.faults() == []


def test_stills_are_keyframes_alone_and_motion_returns_with_one(camera: Camera) -> None:
    viewer = Viewer(camera, Layer(0, STILLS))
    camera.run(30)
    assert len(viewer.shown()) == 1
    camera.keyframe()
    camera.run(30)
    assert len(viewer.shown()) == 1, "somebody else wanted it"
    camera.run(130)
    assert len(viewer.shown()) == 2
    assert all(shown.mark.distance == 0 for shown in viewer.receiver.shown)
    viewer.want(Layer(0))
    camera.run(30)
    assert len(viewer.shown()) >= 30
    assert viewer.receiver.holes() == []
    assert viewer.receiver.faults() == []


def test_stills_that_begin_anew_go_on(camera: Camera) -> None:
    viewer = Viewer(camera, Layer(0, STILLS))
    camera.run(10)
    viewer.subscription.restart()
    viewer.subscription.want_keyframe(now=camera.now)
    camera.run(300)
    assert len(viewer.shown()) >= 3


def test_a_picture_that_stops_is_whole_first(camera: Camera) -> None:
    viewer = Viewer(camera, Layer(1, STILLS))
    camera.run(5)
    numbers = [packet.timestamp for packet in viewer.receiver.in_order()]
    assert len(set(numbers)) == len(viewer.shown())
    assert viewer.receiver.in_order()[-1].marker


def test_with_nothing_shown_a_smaller_keyframe_is_taken_but_none_larger_than_wanted() -> None:
    for wanted, begins in ((2, True), (0, False)):
        camera = Camera()
        viewer = Viewer(camera, Layer(wanted))
        for packet in camera.frame():
            if packet[0] == 1:
                camera.take(*packet)
        assert (viewer.receiver.packets > 0) is begins


def test_a_late_keyframe_start_does_not_begin_a_picture() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(1))
    (first, *rest) = [packet for packet in camera.frame() if packet[0] == 1]
    camera.take(*rest[0])
    camera.take(*first)
    assert viewer.receiver.packets == 0
    for packet in rest[1:]:
        camera.take(*packet)
    assert viewer.receiver.packets == 0


def test_numbers_go_on_from_one_publisher_to_the_next_and_back() -> None:
    one, other = Camera(seed=1), Camera(seed=2)
    viewer = Viewer(one)
    one.run(20)
    for camera in (other, one, other):
        viewer.rebind(camera)
        camera.keyframe()
        camera.run(20)
    assert viewer.receiver.faults() == []
    assert viewer.receiver.holes() == []
    assert len(viewer.shown()) >= 80


def test_picture_ids_of_seven_bits_stay_so() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(0, 0))
    for _ in range(300):
        for place, packet, descriptor in camera.frame():
            if place == 0:
                head = packet.payload
                packet.payload = head[:2] + bytes((head[3] & 0x7F,)) + head[4:]
                camera.take(place, packet, descriptor)
    ids = [packet.payload[2] for packet in viewer.receiver.in_order() if packet.payload[0] & 0x10]
    assert all(b == (a + 1) % 128 for a, b in pairwise(ids))


def test_nobody_asks_for_pictures_on_behalf_of_who_wants_none() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(0))
    camera.run(30)
    for target in (None, Layer(0, STILLS)):
        viewer.want(target)
        camera.run(30)
        camera.requests.clear()
        viewer.subscription.want_keyframe(now=camera.now)
        assert camera.requests == []


def test_what_was_closed_is_fed_no_more() -> None:
    camera = Camera()
    viewer = Viewer(camera)
    camera.run(5)
    before = viewer.receiver.packets
    viewer.subscription.close()
    viewer.subscription.close()
    camera.run(5)
    assert viewer.receiver.packets == before
    assert viewer.subscription.report_timestamp(now=camera.now) is None
    assert camera.publication.subscriptions == []


TARGETS = [None, BEST, Layer(0), Layer(0, 0), Layer(0, 1), Layer(1, 0), Layer(1, 1), Layer(0, STILLS)]


@settings(max_examples=150)
@given(
    wishes=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(TARGETS)), max_size=12),
    keyframes=st.sets(st.integers(0, 60), max_size=4),
    descriptor=st.booleans(),
)
def test_any_wishes_without_loss_leave_no_gap_of_any_kind(
    wishes: list[tuple[int, Layer | None]], keyframes: set[int], descriptor: bool
) -> None:
    camera = Camera(descriptor=descriptor)
    viewer = Viewer(camera, takes_descriptor=descriptor)
    for number in range(60):
        for at, target in wishes:
            if at == number:
                viewer.want(target)
        if number in keyframes:
            camera.keyframe()
        camera.run(1)
    assert viewer.receiver.faults() == []
    assert viewer.receiver.holes() == []
    assert len(set(viewer.numbers)) == len(viewer.numbers)
    frames = [p.frame_number for p in viewer.receiver.in_order() if p.frame_number is not None]
    assert all((b - a) & 0xFFFF < 0x8000 for a, b in pairwise(frames))


@settings(max_examples=150)
@given(
    wishes=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(TARGETS)), max_size=8),
    fates=st.lists(st.sampled_from(["come"] * 12 + ["lose", "late", "twice"]), min_size=20, max_size=200),
    delay=st.integers(1, 15),
    descriptor=st.booleans(),
)
def test_no_number_is_used_twice_and_every_gap_is_the_networks_whatever_it_does(
    wishes: list[tuple[int, Layer | None]], fates: list[str], delay: int, descriptor: bool
) -> None:
    camera = Camera(descriptor=descriptor)
    viewer = Viewer(camera, takes_descriptor=descriptor)
    waiting: list[tuple[int, tuple[int, Packet, bytes]]] = []
    troubled = count = 0
    for number in range(60):
        for at, target in wishes:
            if at == number:
                viewer.want(target)
        for packet in camera.frame():
            count += 1
            fate = fates[count % len(fates)]
            troubled += fate in ("lose", "late")
            if fate in ("come", "twice"):
                camera.take(*packet)
            if fate == "twice":
                place, again, described = packet
                repeat = Packet(again.sequence & 0xFFFF, again.timestamp, again.marker, again.payload)
                camera.take(place, repeat, described)
            if fate == "late":
                waiting.append((count + delay, packet))
            while waiting and waiting[0][0] <= count:
                camera.take(*waiting.pop(0)[1])
        camera.publication.on_timeout(now=camera.now)
    assert len(set(viewer.numbers)) == len(viewer.numbers), "it would repeat a nonce"
    assert len(viewer.receiver.holes()) <= troubled
    times = [packet.timestamp for packet in viewer.receiver.in_order()]
    assert all(b >= a for a, b in pairwise(times))
