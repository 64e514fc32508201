"""A publication's packets into one stream, without links or timers."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.congestion.sent import SentPackets
from media.encoding import Encoding, Packet
from media.publication import Publication
from media.rtp.extensions import parse_extensions
from media.rtp.packet import RtpHeader
from media.rtp.rtcp import PictureLoss
from media.stream.clock import SenderClock
from media.stream.outlet import Outlet
from media.stream.receive import ReceiveStream
from media.stream.send import SendStream
from media.subscription import BEST, STILLS, Layer, VideoSubscription
from media.testing.receiver import VideoReceiver
from media.testing.traffic import EncodingSettings, Vp8Encoder

DESCRIPTOR = 13
FRAME = 1 / 30
SETTINGS = (EncodingSettings("q", 160, 90, 60_000), EncodingSettings("h", 320, 180, 250_000))


class Camera:
    """A publication with its encoders; what `viewers` get is in their receivers."""

    def __init__(self, *, descriptor: bool = False, seed: int = 1) -> None:
        rng = random.Random(seed)
        self.now = 0.0
        self.requests: list[float] = []
        self.descriptor = descriptor
        self.publication = Publication(
            "camera",
            "video",
            "1",
            ("q", "h"),
            SenderClock(),
            send_rtcp=self._asked,
            on_changed=lambda publication: None,
            wake=lambda at: None,
        )
        self.encoders = [Vp8Encoder(s, rng, descriptor=descriptor, number=n) for n, s in enumerate(SETTINGS)]
        self.encodings: list[Encoding] = []
        self.sequences = [rng.getrandbits(16) for _ in SETTINGS]
        self.offsets = [rng.getrandbits(32) for _ in SETTINGS]
        self._keyframe = True

    def frame(self) -> list[tuple[int, Packet, bytes]]:
        """The packets of the next picture in all encodings, not yet taken in, and their descriptors."""
        self.now += FRAME
        packets = []
        for place, encoder in enumerate(self.encoders):
            frame = encoder.encode(keyframe=self._keyframe, captured_us=round(self.now * 1e6))
            timestamp = self.offsets[place] + round(self.now * 90_000) & 0xFFFFFFFF
            for number, payload in enumerate(frame.payloads):
                self.sequences[place] += 1
                marker = number == len(frame.payloads) - 1
                packet = Packet(self.sequences[place] & 0xFFFF, timestamp, marker, payload)
                packets.append((place, packet, frame.descriptors[number]))
        self._keyframe = False
        return packets

    def take(self, place: int, packet: Packet, descriptor: bytes) -> None:
        """A packet comes in, as `PeerCore.receive_rtp` takes it."""
        while len(self.encodings) <= place:
            stream = ReceiveStream(len(self.encodings), 90_000, nacks=True)
            encoding = Encoding(SETTINGS[len(self.encodings)].rid, stream, now=self.now)
            self.encodings.append(encoding)
            self.publication.add_encoding(encoding, now=self.now)
        encoding = self.encodings[place]
        extended = encoding.stream.receive(
            packet.sequence, packet.timestamp, len(packet.payload), now=self.now
        )
        if extended is None:
            return
        packet.sequence = extended
        if not encoding.read_video(packet, descriptor or None):
            packet.payload = b""
        self.publication.on_packet(encoding, packet, now=self.now)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            for packet in self.frame():
                self.take(*packet)
            self.publication.on_timeout(now=self.now)

    def keyframe(self) -> None:
        self._keyframe = True

    def _asked(self, packet: PictureLoss) -> None:
        self.requests.append(self.now)
        self._keyframe = True


class Viewer:
    """A stream that a camera feeds, and what its receiver makes of it."""

    def __init__(
        self, camera: Camera, target: Layer | None = BEST, *, takes_descriptor: bool = False
    ) -> None:
        self.camera = camera
        self.receiver = VideoReceiver()
        self.numbers: list[tuple[int, int]] = []
        self.outlet = Outlet(SentPackets(), self._send)
        self.stream = SendStream(
            mid="3",
            ssrc=1,
            rtx_ssrc=2,
            sequence=0xFFF0,
            clock_rate=90_000,
            video=True,
            outlet=self.outlet,
        )
        self.stream.negotiated(
            {"vp8": 96}, {96: 97}, twcc_id=3, descriptor_id=DESCRIPTOR if takes_descriptor else 0
        )
        self.subscription = VideoSubscription(camera.publication, self.stream, target, now=camera.now)

    def want(self, target: Layer | None) -> None:
        self.subscription.set_target(target, now=self.camera.now)

    def rebind(self, camera: Camera) -> None:
        self.subscription.close()
        camera.now = max(camera.now, self.camera.now)
        self.camera = camera
        self.subscription = VideoSubscription(camera.publication, self.stream, now=camera.now)

    def shown(self, since: int = 0) -> list[int]:
        """Widths of the pictures shown."""
        return [shown.width for shown in self.receiver.shown[since:]]

    def _send(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None
        descriptor = parse_extensions(header).get(DESCRIPTOR)
        self.numbers.append((parsed.ssrc, parsed.sequence))
        packet = self.receiver.receive(
            parsed.sequence,
            parsed.timestamp,
            parsed.marker,
            parsed.payload_type,
            payload,
            frame_number=None if descriptor is None else descriptor[1] << 8 | descriptor[2],
            now=self.camera.now,
        )
        if packet is not None and payload:
            self.receiver.take(packet, now=self.camera.now)


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


def test_a_picture_that_finds_no_room_again_and_again_asks_ever_more_seldom() -> None:
    camera = Camera()
    viewer = Viewer(camera, Layer(1))
    camera.run(30)
    subscription, waits = viewer.subscription, []
    for _ in range(7):
        subscription.pause(now=camera.now)
        begun, asked, shown = camera.now, len(camera.requests), len(viewer.shown())
        while len(camera.requests) == asked:
            subscription.want_keyframe(now=camera.now)
            camera.keyframe()
            assert len(viewer.shown()) == shown, "others' keyframes begin nothing"
            subscription.resume(now=camera.now)
            camera.run(1)
        waits.append(round(camera.now - begun))
    assert waits == [0, 1, 2, 4, 8, 16, 16]
    subscription.pause(now=camera.now)
    subscription.resume(at_once=True, now=camera.now)
    camera.run(630)
    subscription.pause(now=camera.now)
    subscription.resume(now=camera.now)
    asked, shown = len(camera.requests), len(viewer.shown())
    camera.run(30)
    assert len(viewer.shown()) > shown + 10, "it was well for long"


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
