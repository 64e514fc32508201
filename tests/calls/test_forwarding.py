"""Peers' cores over simulated links: what reaches whom, and under which numbers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.congestion.base import CongestionController, PacketResult
from media.payload import red
from media.rtp.rtcp import TransportFeedback
from media.stream.send import SendStream
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.receiver import Received, VideoReceiver
from media.testing.sender import OPUS, RED, Camera
from media.testing.traffic import CAMERA, MARK_END, EncodingSettings, read_mark

PLAIN = (EncodingSettings("", 640, 360, 300_000),)
NEAR = LinkSettings(delay=((0.0, 0.01),))


def lossy(loss: float) -> LinkSettings:
    return LinkSettings(delay=((0.0, 0.01),), loss=loss)


def pair(
    call: Call,
    camera: tuple[EncodingSettings, ...] = CAMERA,
    *,
    up: LinkSettings = NEAR,
    down: LinkSettings = NEAR,
    descriptor: bool = False,
    takes_descriptor: bool | None = None,
    feedback: bool = False,
) -> tuple[Client, Client]:
    """Alice, who sends sound and picture, and Bob, who receives them. Without feedback from Bob the relay
    sends him all that he wishes for."""
    alice = call.join("alice", microphone=True, camera=camera, up=up, descriptor=descriptor)
    takes = descriptor if takes_descriptor is None else takes_descriptor
    bob = call.join("bob", slots=1, down=down, descriptor=takes, feedback=feedback)
    call.bind(bob, 0, alice)
    return alice, bob


def stream(call: Call, receiver: Client, slot: int = 0) -> SendStream:
    found = call.core(receiver).slots[slot].video
    assert found is not None
    return found


def camera_of(client: Client) -> Camera:
    assert client.camera is not None
    return client.camera


def widths(receiver: VideoReceiver) -> list[int]:
    """The sizes of the pictures shown, each once in a row."""
    found = [shown.width for shown in receiver.shown]
    return [found[0]] + [b for a, b in pairwise(found) if a != b]


def test_sound_and_picture_reach_everybody() -> None:
    call = Call(seed=1)
    people = [call.join(n, microphone=True, camera=CAMERA, slots=2, feedback=False) for n in "abc"]
    for person in people:
        for slot, other in enumerate(p for p in people if p is not person):
            call.bind(person, slot, other)
            call.wish(person, slot, 480, 270)
    call.run(3.0)
    for person in people:
        for sound in person.audio:
            assert sound.packets >= 145
            assert not sound.holes()
        for picture in person.video:
            assert len(picture.shown) >= 85
            assert picture.longest_gap() < 0.1
            assert picture.faults() == []


def test_two_runs_give_the_same_trace_to_the_bit() -> None:
    def run(seed: int) -> str:
        call = Call(seed=seed)
        bad = LinkSettings(loss=0.05, jitter=0.005, reorder=0.02, duplicate=0.01)
        pair(call, up=bad, down=bad, feedback=True)
        call.run(3.0)
        return call.digest()

    assert run(7) == run(7)
    assert run(7) != run(8)


@pytest.mark.parametrize("descriptor", [False, True])
def test_a_layer_switch_happens_on_a_keyframe_with_continuous_numbers(descriptor: bool) -> None:
    call = Call(seed=2)
    _alice, bob = pair(call, descriptor=descriptor)
    call.run(1.0)
    for width, height in ((480, 270), (240, 136), (960, 540)):
        call.wish(bob, 0, width, height)
        call.run(0.5)
        assert bob.video[0].shown[-1].width == width
    picture = bob.video[0]
    assert picture.faults() == []
    assert picture.holes() == []
    assert picture.longest_gap() < 0.1
    assert bob.keyframe_requests == []
    for before, after in pairwise(picture.shown):
        if before.mark.encoder != after.mark.encoder:
            assert after.mark.distance == 0
    if descriptor:
        numbers = [p.frame_number for p in picture.in_order() if p.frame_number is not None]
        frames = [a for a, b in pairwise(numbers) if a != b]
        assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(frames))


def test_a_switch_whose_keyframe_is_lost_is_asked_for_again() -> None:
    call = Call(seed=3)
    alice, bob = pair(call)
    call.wish(bob, 0, 240, 136)
    call.run(1.0)
    assert bob.video[0].shown[-1].width == 240
    camera = camera_of(alice)
    call.wish(bob, 0, 960, 540)
    # The first packets of the large encoding's keyframe do not arrive; those of the others do.
    camera.loses_keyframes_of = {"f"}
    call.run(0.5)
    camera.loses_keyframes_of = set()
    assert bob.video[0].shown[-1].width == 240
    call.run(2.0)
    assert bob.video[0].shown[-1].width == 960
    assert bob.video[0].faults() == []


def test_lost_uplink_packets_are_asked_for_and_forwarded_late_into_their_gap() -> None:
    call = Call(seed=4)
    alice, bob = pair(call, PLAIN, up=lossy(0.05))
    call.run(5.0)
    call.impair(alice, up=NEAR)
    call.run(0.5)
    picture = bob.video[0]
    arrived = [packet.sequence for packet in picture.log]
    assert picture.holes() == []
    assert arrived != sorted(arrived)
    assert picture.faults() == []
    assert bob.keyframe_requests == []


def test_lost_downlink_packets_are_answered_with_rtx_once_per_round_trip() -> None:
    call = Call(seed=5)
    _alice, bob = pair(call, PLAIN, down=lossy(0.05))
    bob.rtt = 0.005  # a receiver that asks far too often
    call.run(5.0)
    picture = bob.video[0]
    repaired = sum(packet.repaired for packet in picture.log)
    lost = repaired + len(picture.holes())
    assert repaired > 15
    assert len(picture.holes()) <= 1
    # Some repairs are lost too, none is sent while one is on its way.
    assert stream(call, bob).retransmitted <= lost * 1.25


def test_rtx_probes_of_known_packets_are_not_forwarded() -> None:
    call = Call(seed=6)
    alice, bob = pair(call, PLAIN)
    call.run(1.0)
    before = stream(call, bob).packets
    sender = camera_of(alice).senders[0]
    for back in range(20):
        sender.resend(sender.sequence - back & 0xFFFF)
    call.run(0.0)
    call.peers["alice"].flush()
    call.run(0.02)
    assert stream(call, bob).packets - before <= 3
    assert bob.video[0].duplicates == 0
    assert bob.video[0].faults() == []


def test_packets_of_padding_alone_are_swallowed_without_a_gap() -> None:
    call = Call(seed=7)
    alice, bob = pair(call, PLAIN)
    sender = camera_of(alice).senders[0]
    for _ in range(50):
        call.run(0.033)
        sender.send(b"", sender.timestamp(call.now), padding=200)
        sender.send(b"", sender.timestamp(call.now), padding=255)
    call.run(0.1)
    picture = bob.video[0]
    assert all(len(packet.payload) >= MARK_END for packet in picture.log)
    assert picture.holes() == []
    assert picture.faults() == []
    assert len(picture.shown) > 45


def test_lost_padding_that_comes_late_fills_its_gap() -> None:
    call = Call(seed=8)
    alice, bob = pair(call, PLAIN, up=lossy(0.2))
    sender = camera_of(alice).senders[0]
    for _ in range(60):
        call.run(0.033)
        sender.send(b"", sender.timestamp(call.now), padding=200)
    call.impair(alice, up=NEAR)
    call.run(0.5)
    assert bob.video[0].holes() == []


def test_the_requests_of_ten_receivers_make_one_request_each_half_second() -> None:
    call = Call(seed=9)
    alice = call.join("alice", camera=PLAIN)
    viewers = [call.join(f"viewer {n}", slots=1, feedback=False) for n in range(10)]
    for viewer in viewers:
        call.bind(viewer, 0, alice)
    call.run(1.0)
    asked = len(alice.keyframes_asked)
    for _ in range(20):
        for viewer in viewers:
            viewer.video[0].wants_keyframe = True
        call.run(0.1)
    later = alice.keyframes_asked[asked:]
    assert 3 <= len(later) <= 5
    assert all(b - a >= 0.5 - 1e-9 for a, b in pairwise(later))


def test_mute_forwards_nothing_and_unmute_goes_on_without_a_gap() -> None:
    call = Call(seed=10)
    alice, bob = pair(call)
    call.run(1.0)
    sound, picture = bob.audio[0], bob.video[0]
    publications = call.core(alice).publications
    for publication in publications.values():
        publication.muted = True
    call.run(0.1)
    heard, seen = sound.packets, picture.packets
    requests = len(alice.keyframes_asked)
    call.run(2.0)
    assert (sound.packets, picture.packets) == (heard, seen)
    assert len(alice.keyframes_asked) == requests, "nobody needs keyframes of what nobody may see"
    for publication in publications.values():
        publication.muted = False
    call.run(1.0)
    assert sound.packets >= heard + 48
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert len(picture.shown) > 25
    resumed = next(s.at for s in picture.shown if s.at > 3.0)
    assert resumed < 3.2
    # Time went on while nothing was forwarded, so that sound and picture are still together.
    assert picture.in_order()[-1].timestamp - picture.in_order()[0].timestamp == pytest.approx(
        4.05 * 90_000, abs=0.1 * 90_000
    )


def test_a_camera_whose_first_keyframe_came_before_the_word_that_it_is_on_is_shown_at_once() -> None:
    call = Call(seed=10)
    alice, bob = pair(call)
    publications = call.core(alice).publications
    for publication in publications.values():
        publication.muted = True
    call.run(0.5)
    assert not bob.video[0].shown and not bob.audio[0].packets
    asked = len(alice.keyframes_asked)
    for publication in publications.values():
        publication.muted = False
    call.run(0.3)
    assert bob.video[0].shown[0].at < 0.7 and bob.video[0].faults() == []
    assert len(alice.keyframes_asked) == asked + 1
    assert bob.audio[0].packets >= 10


def test_reports_keep_sound_and_picture_within_a_millisecond_through_switches() -> None:
    call = Call(seed=11)
    _alice, bob = pair(call, up=LinkSettings(delay=((0.0, 0.03),), jitter=0.008))
    for width, height in ((480, 270), (240, 136), (960, 540), (480, 270), (960, 540)):
        call.wish(bob, 0, width, height)
        call.run(1.3)
    by_ssrc = {report.ssrc: report for _, report in bob.reports}
    audio, video = by_ssrc[stream_ssrc(call, bob, "audio")], by_ssrc[stream_ssrc(call, bob, "video")]
    # Where the reports place the newest packets' capture on one time line, against the truth.
    places = []
    for report, log, clock in ((audio, bob.audio[0].log, 48_000), (video, bob.video[0].log, 90_000)):
        packet = max(log, key=lambda p: p.sequence)
        mark = read_mark(opus_of(packet) if clock == 48_000 else packet.payload)
        assert mark is not None
        behind = (packet.timestamp - report.rtp + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        places.append(report.ntp / (1 << 32) + behind / clock - mark.captured_us / 1e6)
    assert places[0] == pytest.approx(places[1], abs=0.001)


def stream_ssrc(call: Call, receiver: Client, kind: str) -> int:
    slot = call.core(receiver).slots[0]
    found = slot.audio if kind == "audio" else slot.video
    assert found is not None
    return found.ssrc


def opus_of(packet: Received) -> bytes:
    """The newest sound in an audio packet."""
    if packet.payload_type == OPUS:
        return packet.payload
    blocks = red.parse(packet.payload)
    assert blocks is not None
    return blocks[-1].data


def test_a_slot_bound_to_another_publisher_goes_on_with_its_numbers() -> None:
    call = Call(seed=13)
    alice, bob = pair(call)
    carol = call.join("carol", microphone=True, camera=CAMERA)
    for _ in range(3):
        for publisher in (carol, alice):
            call.run(0.7)
            call.bind(bob, 0, publisher)
    call.run(0.5)
    sound, picture = bob.audio[0], bob.video[0]
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert picture.longest_gap() < 0.2
    times = [packet.timestamp for packet in sound.in_order()]
    assert all(0 < b - a < 4800 for a, b in pairwise(times))


def test_an_encoding_that_goes_silent_gives_way_to_the_next_smaller_one() -> None:
    call = Call(seed=14)
    alice, bob = pair(call)
    call.run(1.0)
    camera = camera_of(alice)
    camera.enabled[2] = False
    call.run(3.0)
    picture = bob.video[0]
    assert picture.shown[-1].width == 480
    assert picture.longest_gap() < 1.4
    camera.enabled[2] = True
    call.run(2.0)
    assert picture.shown[-1].width == 960
    assert picture.longest_gap(since=3.0) < 0.2
    assert picture.faults() == []


def test_a_publisher_may_go_on_under_another_ssrc() -> None:
    call = Call(seed=15)
    alice, bob = pair(call)
    call.run(1.0)
    for sender in (*camera_of(alice).senders, alice.microphone):
        assert sender is not None
        sender.restart()
    call.run(2.0)
    sound, picture = bob.audio[0], bob.video[0]
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert picture.longest_gap() < 0.7
    assert sound.packets > 140
    assert len(call.core(alice).publications["camera"].encodings) == 3


def test_numbers_that_jump_under_the_same_ssrc_make_no_jump_at_the_receiver() -> None:
    call = Call(seed=16)
    alice, bob = pair(call)
    call.run(1.0)
    for sender in (*camera_of(alice).senders, alice.microphone):
        assert sender is not None
        sender.sequence = (sender.sequence + 20_000) & 0xFFFF
        sender.offset = (sender.offset + 1_000_000_000) & 0xFFFFFFFF
    call.run(2.0)
    sound, picture = bob.audio[0], bob.video[0]
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert picture.longest_gap() < 0.7
    times = [packet.timestamp for packet in sound.in_order()]
    assert all(0 < b - a < 4800 for a, b in pairwise(times))


def test_rids_are_told_apart_by_their_pictures_whatever_their_order_in_the_offer() -> None:
    call = Call(seed=17)
    alice, bob = pair(call, CAMERA[::-1])
    call.wish(bob, 0, 480, 270)
    call.run(2.0)
    assert [e.width for e in call.core(alice).publications["camera"].encodings] == [240, 480, 960]
    assert bob.video[0].shown[-1].width == 480
    assert widths(bob.video[0])[-1] == 480


def test_a_hidden_tile_gets_no_picture_and_a_shown_one_gets_it_at_once() -> None:
    call = Call(seed=18)
    _alice, bob = pair(call)
    call.run(1.0)
    call.wish(bob, 0, 0, 0)
    call.run(0.1)
    before = bob.video[0].packets
    call.run(1.0)
    assert bob.video[0].packets == before
    call.wish(bob, 0, 480, 270)
    call.run(0.2)
    assert bob.video[0].shown[-1].at > 2.1
    call.run(0.5)
    assert bob.video[0].shown[-1].width == 480
    assert bob.video[0].faults() == []


def test_the_size_of_a_tile_outlives_who_is_shown_in_it() -> None:
    call = Call(seed=19)
    _alice, bob = pair(call)
    carol = call.join("carol", camera=CAMERA)
    call.wish(bob, 0, 240, 136)
    call.run(1.5)
    call.bind(bob, 0, carol)
    call.run(1.5)
    assert bob.video[0].shown[-1].width == 240


def test_redundancy_is_taken_out_for_a_receiver_that_lacks_it() -> None:
    call = Call(seed=20)
    alice = call.join("alice", microphone=True, redundant=True)
    bob = call.join("bob", slots=1, redundant=False)
    carol = call.join("carol", slots=1, redundant=True)
    for viewer in (bob, carol):
        call.bind(viewer, 0, alice)
    call.run(1.0)
    assert {packet.payload_type for packet in bob.audio[0].log} == {OPUS}
    assert RED in {packet.payload_type for packet in carol.audio[0].log}
    plain = [read_mark(packet.payload) for packet in bob.audio[0].in_order()]
    packed = [read_mark(opus_of(packet)) for packet in carol.audio[0].in_order()]
    assert plain == packed
    assert None not in plain


def test_silence_passes_without_gaps_in_numbers_and_with_gaps_in_time() -> None:
    call = Call(seed=21)
    alice, bob = pair(call)
    call.run(0.5)
    alice.speaking = False
    call.run(2.0)
    alice.speaking = True
    call.run(0.5)
    sound = bob.audio[0]
    assert sound.holes() == []
    assert sound.packets < 70
    steps = {b.timestamp - a.timestamp for a, b in pairwise(sound.in_order())}
    assert {960, 19_200} <= steps
    assert call.core(alice).publications["microphone"].speech.level(now=call.now) > 0.5


@pytest.mark.parametrize(("sends", "takes"), [(True, False), (False, True)])
def test_descriptors_go_to_those_alone_who_agreed_on_them(sends: bool, takes: bool) -> None:
    call = Call(seed=22)
    _alice, bob = pair(call, descriptor=sends, takes_descriptor=takes)
    call.run(1.0)
    call.wish(bob, 0, 240, 136)
    call.run(1.0)
    picture = bob.video[0]
    assert all(packet.frame_number is None for packet in picture.log)
    assert picture.faults() == []
    assert picture.longest_gap() < 0.1
    assert picture.shown[-1].width == 240


class Recorder:
    """Stands before a congestion controller and writes down what it is told of packets."""

    def __init__(self, controller: CongestionController | None) -> None:
        assert controller is not None
        self.results: list[PacketResult] = []
        self._controller = controller

    def on_feedback(self, results: Sequence[PacketResult], *, now: float) -> None:
        self.results.extend(results)
        self._controller.on_feedback(results, now=now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._controller, name)


def test_every_packet_has_one_transport_wide_number_and_gets_one_result() -> None:
    call = Call(seed=23)
    _alice, bob = pair(call, PLAIN, down=lossy(0.05), feedback=True)
    core = call.core(bob)
    recorder = Recorder(core.downlink.controller)
    core.downlink._controller = recorder  # type: ignore[assignment]
    call.run(4.0)
    received = {result.sequence for result in recorder.results if result.received_at is not None}
    lost = {result.sequence for result in recorder.results if result.received_at is None}
    assert not received & lost
    assert received | lost == set(range(max(received) + 1))
    assert len(received) + len(lost) >= sum(stream.packets for stream in core.slots[0].streams) - 30
    assert stream(call, bob).retransmitted > 3


def test_feedback_reaches_a_publisher_for_every_packet_it_sent() -> None:
    call = Call(seed=24)
    alice, _bob = pair(call, up=lossy(0.05))
    call.run(3.0)
    told: dict[int, int | None] = {}
    base = None
    for feedback in alice.feedback:
        assert isinstance(feedback, TransportFeedback)
        base = feedback.base_sequence if base is None else base
        for place, arrival in enumerate(feedback.arrivals):
            told.setdefault((feedback.base_sequence + place) & 0xFFFF, arrival)
    lost = sum(arrival is None for arrival in told.values())
    assert len(told) > 550
    assert sorted(told) == list(range(min(told), max(told) + 1)), "no number is left out"
    assert 0.02 < lost / len(told) < 0.09
    assert [f.feedback_count for f in alice.feedback] == [n & 0xFF for n in range(len(alice.feedback))]


def test_requests_for_lost_packets_do_not_wait_for_feedback() -> None:
    call = Call(seed=25)
    alice, bob = pair(call, PLAIN, up=lossy(0.06))
    call.run(5.0)
    call.impair(alice, up=NEAR)
    call.run(0.5)
    log = bob.video[0].log
    newest = 0
    delays: list[float] = []
    seen: dict[int, float] = {}
    for packet in log:
        if packet.sequence > newest:
            for number in range(newest + 1, packet.sequence):
                seen[number] = packet.at
            newest = packet.sequence
        elif packet.sequence in seen:
            delays.append(packet.at - seen[packet.sequence])
    assert len(delays) > 10
    # 10 ms for reordering, at most one packet's distance until it is noticed, a round trip of 20 ms.
    assert sorted(delays)[len(delays) // 2] < 0.07


@settings(max_examples=25)
@given(
    wishes=st.lists(st.sampled_from([(240, 136), (480, 270), (960, 540), (0, 0)]), max_size=8),
    spans=st.lists(st.floats(0.03, 0.6), min_size=8, max_size=8),
    loss=st.sampled_from([0.0, 0.0, 0.05]),
    reorder=st.sampled_from([0.0, 0.05]),
    descriptor=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_whatever_happens_upstream_the_numbers_of_a_stream_make_sense(
    wishes: list[tuple[int, int]],
    spans: list[float],
    loss: float,
    reorder: float,
    descriptor: bool,
    seed: int,
) -> None:
    call = Call(seed=seed)
    bad = LinkSettings(loss=loss, reorder=reorder, duplicate=reorder, delay=((0.0, 0.01),))
    alice, bob = pair(call, up=bad, descriptor=descriptor)
    for size, span in zip(wishes, spans, strict=False):
        call.wish(bob, 0, *size)
        call.run(span)
    call.wish(bob, 0, 480, 270)
    call.impair(alice, up=NEAR)
    call.run(2.0)
    picture = bob.video[0]
    assert picture.faults() == []
    if not loss and not reorder:
        assert picture.holes() == []
    assert picture.shown[-1].at > call.now - 0.1
    assert picture.shown[-1].width == 480
    assert bob.audio[0].duplicates == 0
