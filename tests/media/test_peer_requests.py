"""What one peer's core asks of publishers for its receivers, and sends again."""

import pytest

from media.rtp.rtcp import FullIntraRequest, Nack, PictureLoss
from media.stream.send import SendStream
from media.testing.sender import VP8
from tests.media.peers import Peer


@pytest.mark.parametrize(
    "request_of", [lambda s: PictureLoss(1, s), lambda s: FullIntraRequest(1, ((s, 7),))]
)
def test_a_receivers_request_reaches_the_publisher(pair: tuple[Peer, Peer], request_of) -> None:  # type: ignore[no-untyped-def]
    alice, bob = pair
    alice.run(2.0)
    alice.rtcp.clear()
    bob.core.receive_rtcp(request_of(bob.streams["3"].ssrc).serialize(), now=2.0)
    (request,) = alice.sent(PictureLoss)
    assert isinstance(request, PictureLoss)
    assert request.media_ssrc in {sender.ssrc for sender in alice.client.senders()}


def test_requests_for_what_is_not_a_picture_of_theirs_are_ignored(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.run(2.0)
    alice.rtcp.clear()
    sound, picture = (
        tuple(header.sequence for header, _, _ in bob.rtp if header.ssrc == bob.streams[mid].ssrc)[-3:]
        for mid in ("2", "3")
    )
    before = len(bob.rtp)
    publishers = next(iter(alice.client.senders())).ssrc
    for ssrc, numbers in ((bob.streams["2"].ssrc, sound), (12345, picture), (publishers, picture)):
        bob.core.receive_rtcp(PictureLoss(1, ssrc).serialize(), now=2.0)
        bob.core.receive_rtcp(Nack(1, ssrc, numbers).serialize(), now=2.0)
    assert alice.sent(PictureLoss) == []
    assert len(bob.rtp) == before, "nothing is sent again"


def test_timers_follow_what_others_ask(pair: tuple[Peer, Peer]) -> None:
    """A request that has to wait for the rate limit is made in time, though its publisher is silent."""
    alice, bob = pair
    alice.run(2.0)
    for now in (2.0, 2.1):
        bob.core.receive_rtcp(PictureLoss(1, bob.streams["3"].ssrc).serialize(), now=now)
        alice.run(now + 0.05)
    alice.core.on_timeout(now=2.2)
    alice.woken.clear()
    bob.core.receive_rtcp(PictureLoss(1, bob.streams["3"].ssrc).serialize(), now=2.21)
    timeout = alice.core.next_timeout()
    assert timeout is not None
    assert timeout <= 2.5


def test_lost_packets_are_repaired_from_the_history(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.run(1.0)
    pictures = [h for h, _, _ in bob.rtp if h.ssrc == bob.streams["3"].ssrc]
    lost = tuple(h.sequence for h in pictures[-3:])
    before = len(bob.rtp)
    bob.core.receive_rtcp(Nack(1, bob.streams["3"].ssrc, lost).serialize(), now=1.0)
    repairs = bob.rtp[before:]
    assert [h.ssrc for h, _, _ in repairs] == [bob.streams["3"].rtx_ssrc] * 3
    assert tuple(int.from_bytes(p[:2], "big") for _, _, p in repairs) == lost


def test_nobody_gets_more_repairs_than_packets(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.run(1.0)
    sent = len(bob.rtp)
    numbers = {h.sequence for h, _, _ in bob.rtp if h.ssrc == bob.streams["3"].ssrc}
    every = Nack(1, bob.streams["3"].ssrc, tuple(sorted(numbers))).serialize()
    for round_ in range(50):
        bob.core.receive_rtcp(every, now=1.0 + round_ * 0.02)
        bob.core.receive_rtcp(
            Nack(1, bob.streams["3"].ssrc, tuple(numbers)).serialize(), now=1.0 + round_ * 0.02
        )
    assert len(bob.rtp) <= 2 * sent


def test_what_does_not_fit_costs_its_own_picture_alone_and_a_repair_costs_none() -> None:
    core = Peer(slots=2, publishes=False).core
    core.on_connected(now=1.0)
    outlet = core.downlink.outlet
    a, b = (slot.video for slot in core.slots)
    assert a is not None and b is not None and a.history is not None and b.history is not None

    def send(stream: SendStream, now: float) -> None:
        stream.carry("vp8")
        stream.send(stream.next_sequence, 3000, True, VP8, bytes(1000), now=now)

    for _ in range(10):
        send(a, 1.0)
        send(b, 1.0)
    outlet.set_rates(100_000, None, constrained=True, now=1.1)
    while outlet.queue_delay < 0.9:
        send(a, 1.1)
        send(b, 1.1)
    before = outlet.dropped
    lost = tuple(a.next_sequence - 15 + place & 0xFFFF for place in range(4))
    core.receive_rtcp(Nack(1, a.ssrc, lost).serialize(), now=1.11)
    assert outlet.dropped > before, "there is no room"
    assert a.history.newest is not None and b.history.newest is not None and outlet.queue_delay > 0.8
    while a.history.newest is not None:
        send(a, 1.12)
    assert b.history.newest is not None
