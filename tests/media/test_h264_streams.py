"""Publications of H.264: what of them goes on, alone and in turn with VP8 on one stream."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.congestion.sent import SentPackets
from media.encoding import WIRE_OVERHEAD, Encoding, Packet
from media.ladder import ladder
from media.payload.formats import CONSTRAINED_BASELINE, VP8
from media.publication import STILL_INTERVAL
from media.rtp.packet import RtpHeader
from media.rtp.rtcp import PictureLoss
from media.stream.outlet import Outlet
from media.stream.receive import ReceiveStream
from media.stream.send import SendStream
from media.subscription import BEST, STILLS, Layer, VideoSubscription
from media.testing.traffic import EncodingSettings, Vp8Encoder
from tests.media.payload.test_h264 import AUD, PPS, SPS, aggregate, fragments
from tests.media.publishing import new_publication

FRAME = 1 / 30
KEYFRAME = (AUD, aggregate(SPS, PPS), *fragments(b"\x65" + bytes(3000), 1000))
PICTURE = tuple(fragments(b"\x41" + bytes(600), 400))


class Source:
    """A publication of one encoding, and its publisher."""

    def __init__(self, format: str, *, now: float = 0.0) -> None:
        rng = random.Random(format)
        self.now = now
        self.requests: list[float] = []
        self.publication = new_publication(format=format, ask=self._asked)
        stream = ReceiveStream(7, 90_000, nacks=True)
        self.encoding = Encoding("", stream, format=format, now=now)
        self.publication.add_encoding(self.encoding, now=now)
        settings = EncodingSettings("", 320, 180, 100_000)
        self._vp8 = Vp8Encoder(settings, rng) if format == VP8 else None
        self._keyframe = True
        self._sequence, self._offset = rng.getrandbits(15), rng.getrandbits(32)

    def frame(self, *, keyframe: bool = False) -> list[Packet]:
        """The next picture; its packets are still to come in."""
        self.now += FRAME
        keyframe, self._keyframe = keyframe or self._keyframe, False
        if self._vp8 is None:
            payloads = KEYFRAME if keyframe else PICTURE
        else:
            payloads = self._vp8.encode(keyframe=keyframe).payloads
        timestamp = self._offset + round(self.now * 90_000) & 0xFFFFFFFF
        packets = []
        for number, payload in enumerate(payloads, 1):
            self._sequence += 1
            packets.append(Packet(self._sequence, timestamp, number == len(payloads), payload))
        return packets

    def take(self, packet: Packet) -> None:
        """As `PeerCore.receive_rtp` takes it."""
        size = len(packet.payload)
        extended = self.encoding.stream.receive(
            packet.sequence & 0xFFFF, packet.timestamp, size, now=self.now
        )
        if extended is None:
            return
        packet.sequence = extended
        if not self.encoding.read_video(packet, None):
            packet.payload = b""
        self.publication.on_packet(self.encoding, packet, now=self.now)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            for packet in self.frame():
                self.take(packet)
            self.publication.on_timeout(now=self.now)

    def _asked(self, packet: PictureLoss) -> None:
        self.requests.append(self.now)
        self._keyframe = True


class Viewer:
    """A stream, what feeds it, and what left on it."""

    def __init__(self) -> None:
        self.log: list[tuple[RtpHeader, bytes]] = []
        self.stream = SendStream(
            mid="3",
            ssrc=1,
            rtx_ssrc=2,
            sequence=0xFFF0,
            clock_rate=90_000,
            video=True,
            outlet=Outlet(SentPackets(), self._send),
        )
        types = {VP8: 96, CONSTRAINED_BASELINE: 102}
        self.stream.negotiated(types, {96: 97, 102: 103}, twcc_id=3, descriptor_id=0)
        self.subscription: VideoSubscription | None = None

    def watch(self, source: Source) -> None:
        if self.subscription is not None:
            self.subscription.close()
        self.subscription = VideoSubscription(source.publication, self.stream, now=source.now)

    def steps(self) -> tuple[list[int], list[int]]:
        """From packet to packet: of sequence numbers, and of timestamps."""
        pairs = list(pairwise(self.log))
        sequences = [(b.sequence - a.sequence) & 0xFFFF for (a, _), (b, _) in pairs]
        return sequences, [(b.timestamp - a.timestamp) & 0xFFFFFFFF for (a, _), (b, _) in pairs]

    def _send(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None
        self.log.append((parsed, payload))


def test_a_stream_begins_with_parameter_sets_and_goes_on_unchanged() -> None:
    source, viewer = Source(CONSTRAINED_BASELINE), Viewer()
    viewer.watch(source)
    source.run(5)
    assert [payload for _, payload in viewer.log] == [*KEYFRAME[1:], *PICTURE * 4]
    assert {header.payload_type for header, _ in viewer.log} == {102}
    markers = [header.marker for header, _ in viewer.log]
    assert markers == [False] * 3 + [True] + [False, True] * 4
    sequences, timestamps = viewer.steps()
    assert set(sequences) == {1}
    assert set(timestamps) == {0, 3000}
    assert (source.encoding.width, source.encoding.height) == (640, 480)


def test_who_comes_later_waits_for_a_keyframe_which_is_asked_for() -> None:
    source, viewer = Source(CONSTRAINED_BASELINE), Viewer()
    source.run(20)
    source.requests.clear()
    viewer.watch(source)
    assert source.requests == [source.now]
    for packet in source.frame()[2:]:  # of the keyframe its parameter sets are lost
        source.take(packet)
    source.run(1)
    assert viewer.log == [], "nobody could decode it"
    for packet in source.frame(keyframe=True):
        source.take(packet)
    assert viewer.log[0][1] == KEYFRAME[1]


def test_a_stream_goes_from_vp8_to_h264_and_back_without_a_break_in_its_numbers() -> None:
    camera, screen, viewer = Source(VP8), Source(CONSTRAINED_BASELINE), Viewer()
    screen.run(40)
    viewer.watch(camera)
    camera.run(20)
    screen.now = camera.now
    viewer.watch(screen)
    before = len(viewer.log)
    for packet in screen.frame():
        screen.take(packet)
    at = next(n for n, (header, _) in enumerate(viewer.log) if header.payload_type == 102)
    assert at == before
    assert viewer.log[at][1] == KEYFRAME[1], "it begins with what can be decoded by itself"
    screen.run(20)
    camera.now = screen.now
    viewer.watch(camera)
    camera.run(20)
    types = [header.payload_type for header, _ in viewer.log]
    assert sorted(set(types)) == [96, 102]
    assert sum(a != b for a, b in pairwise(types)) == 2
    sequences, timestamps = viewer.steps()
    assert set(sequences) == {1}
    assert max(timestamps) <= 2 * 3000
    for n, (header, _) in enumerate(viewer.log[1:]):
        changed = types[n] != types[n + 1]
        assert (timestamps[n] > 0) == viewer.log[n][0].marker, header
        assert not changed or viewer.log[n][0].marker


def test_repairs_have_the_payload_type_of_their_format() -> None:
    camera, screen, viewer = Source(VP8), Source(CONSTRAINED_BASELINE), Viewer()
    viewer.watch(camera)
    camera.run(3)
    of_vp8 = viewer.log[-1][0].sequence
    assert viewer.stream.resend(of_vp8, now=camera.now)
    assert viewer.log[-1][0].payload_type == 97
    viewer.watch(screen)
    screen.now = camera.now
    screen.run(2)
    assert not viewer.stream.resend(of_vp8, now=screen.now), "nobody decodes it any more"
    header, payload = viewer.log[-1]
    assert viewer.stream.resend(header.sequence, now=screen.now)
    repair, again = viewer.log[-1]
    assert (repair.payload_type, repair.marker) == (103, True)
    assert again == header.sequence.to_bytes(2, "big") + payload


def test_stills_are_whole_keyframes_and_nothing_else() -> None:
    source, viewer = Source(CONSTRAINED_BASELINE), Viewer()
    viewer.watch(source)
    assert viewer.subscription is not None
    viewer.subscription.set_target(Layer(0, STILLS), now=0.0)
    source.run(round(3 * STILL_INTERVAL / FRAME))
    payloads = [payload for _, payload in viewer.log]
    stills = payloads.count(KEYFRAME[1])
    assert stills in (3, 4)
    assert payloads == [*KEYFRAME[1:]] * stills
    assert set(viewer.steps()[0]) == {1}
    viewer.subscription.set_target(Layer(0), now=source.now)
    source.run(3)
    assert [payload for _, payload in viewer.log][len(payloads) :][:5] == [*KEYFRAME[1:], PICTURE[0]]


def test_an_encoder_that_sends_keyframes_more_often_sends_no_more_stills_for_that() -> None:
    source, viewer = Source(CONSTRAINED_BASELINE), Viewer()
    viewer.watch(source)
    assert viewer.subscription is not None
    viewer.subscription.set_target(Layer(0, STILLS), now=0.0)
    for second in range(13):
        for packet in source.frame(keyframe=True):
            source.take(packet)
        source.run(29)
        stills = [payload for _, payload in viewer.log].count(KEYFRAME[1])
        assert stills == 1 + second // 4
    assert set(viewer.steps()[0]) == {1}


def test_a_lost_packet_stays_a_gap_and_what_comes_late_fills_it() -> None:
    source, viewer = Source(CONSTRAINED_BASELINE), Viewer()
    viewer.watch(source)
    source.run(3)
    first, second = source.frame()
    third, fourth = source.frame()
    for packet in (second, third, first, fourth):
        source.take(packet)
    sent = [header.sequence for header, _ in viewer.log[-4:]]
    assert [number - sent[2] for number in sent] == [1, 2, 0, 3]
    assert not fourth.start, "a late packet begins no picture anew"


def test_the_ladder_is_a_still_and_the_picture_as_it_is_sent() -> None:
    source = Source(CONSTRAINED_BASELINE)
    source.run(90)
    still, motion = ladder(source.publication, BEST)
    keyframe = sum(len(payload) + WIRE_OVERHEAD for payload in KEYFRAME[1:])
    assert still.bitrate == pytest.approx(8 * keyframe / STILL_INTERVAL)
    picture = sum(len(payload) + WIRE_OVERHEAD for payload in PICTURE)
    assert motion.bitrate == pytest.approx(8 * 30 * picture, rel=0.15)
    assert (still.temporal, motion.temporal) == (STILLS, 0)


def test_a_picture_at_rest_is_not_stopped_because_its_keyframes_cost_more() -> None:
    source = Source(CONSTRAINED_BASELINE)
    source.run(60)
    source.encoding.keyframe_size = 40_000
    source.encoding.bitrates[0] = 40_000.0
    still, motion = ladder(source.publication, BEST)
    assert (still.temporal, motion.temporal) == (STILLS, 0)
    assert still.bitrate < motion.bitrate


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3), st.booleans()), max_size=30))
def test_any_bytes_at_all_are_taken_without_an_error(packets: list[tuple[bytes, int, bool]]) -> None:
    source, viewer = Source(CONSTRAINED_BASELINE), Viewer()
    viewer.watch(source)
    for sequence, (payload, timestamp, marker) in enumerate(packets):
        source.take(Packet(sequence, timestamp, marker, payload))
    assert len(viewer.log) <= len(packets)
