"""What is lost between cores: asked for, sent again, told of."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from media.congestion.base import CongestionController, PacketResult
from media.rtp.rtcp import TransportFeedback
from media.testing.call import Call
from media.testing.traffic import MARK_END
from tests.calls.pairs import NEAR, PLAIN, camera_of, lossy, pair, stream


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
