"""What no publisher's packets may do to one peer's core."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from media import sdp
from media.rtp import rtcp
from media.rtp.packet import RtpHeader
from media.rtp.rtcp import Goodbye, Nack, ReportBlock, SenderReport
from media.rtp.twcc import TransportFeedback
from media.settings import MAX_ENCODINGS
from media.testing.client import Client
from media.testing.sender import OPUS, RED, RTX, VP8
from media.testing.traffic import CAMERA
from tests.media.peers import SECOND, Peer, packet


def test_unknown_streams_are_dropped_and_counted() -> None:
    peer = Peer()
    for ssrc in range(1000):
        peer.take(packet(1, ssrc, payload_type=50), now=1.0)
    assert peer.core.drops == {"unknown-ssrc": 1000}


def test_an_unknown_payload_type_uses_up_its_number(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    for number, payload_type in enumerate((OPUS, OPUS, 13, OPUS, 126, OPUS)):
        alice.take(packet(number + 10, 7, payload_type), now=0.02 * number)
    numbers = [h.sequence for h, _, _ in bob.rtp]
    assert len(numbers) == 4
    assert all(b - a == 1 for a, b in pairwise(numbers))
    assert alice.core.drops["unknown-payload-type"] == 2


def test_padding_that_cannot_be_is_dropped_and_starts_nothing() -> None:
    peer = Peer()
    for padding in (b"", b"\x00", b"abc\x09"):
        header = RtpHeader(OPUS, 1, 0, 7, padding=True).serialize()
        peer.core.receive_rtp(header, padding, now=1.0)
    assert peer.core.drops == {"bad-padding": 3}
    assert peer.core.publications["microphone"].encodings == []
    peer.core.on_timeout(now=1.5)
    timeout = peer.core.next_timeout()
    assert timeout is not None
    assert timeout > 1.5


def test_a_peer_cannot_speak_over_the_ssrc_of_another(pair: tuple[Peer, Peer]) -> None:
    """Each peer's streams are a table of its own."""
    alice, bob = pair
    mallory = Peer(seed=3)
    alice.take(packet(1, 7), now=0.0)
    before = len(bob.rtp)
    mallory.take(packet(2, 7, payload=b"\x78lies"), now=0.02)
    mallory.core.receive_rtcp(Goodbye((7,)).serialize(), now=0.03)
    assert len(bob.rtp) == before
    alice.take(packet(2, 7), now=0.04)
    assert len(bob.rtp) == before + 1


def test_a_stream_that_says_goodbye_is_silent_and_may_come_back(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.take(packet(1, 7), now=0.0)
    alice.core.receive_rtcp(Goodbye((7, 8, 9)).serialize(), now=0.1)
    microphone = alice.core.publications["microphone"]
    assert microphone.encodings == []
    alice.core.on_timeout(now=1.0)
    assert not microphone.live
    alice.take(packet(2, 7), now=1.1)
    assert microphone.live
    assert [b - a for a, b in pairwise(h.sequence for h, _, _ in bob.rtp)] == [1]


def test_a_sender_clock_without_sense_does_no_harm(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.run(0.5)
    ssrcs = [sender.ssrc for sender in alice.client.senders()]
    for number, ssrc in enumerate(ssrcs * 5):
        ntp = (number * 0x0F0F_0F0F_0F0F_0F0F) % (1 << 64)
        report = SenderReport(ssrc, ntp, number * 0x1234567 & 0xFFFFFFFF, 0, 0)
        now = 0.5 + number / 10
        alice.run(now)
        alice.core.receive_rtcp(report.serialize(), now=now)
        bob.core.on_timeout(now=now)
    assert len(bob.sent(SenderReport)) > 2


# --- bytes of any kind ---


def fragments() -> st.SearchStrategy[bytes]:
    """Packets of a client, cut, changed and joined with nonsense; RTCP of every kind; plain nonsense."""
    client = Client(
        "fuzz",
        random.Random(7),
        microphone=True,
        camera=CAMERA,
        slots=2,
        descriptor=True,
        redundant=True,
        rtx=True,
        feedback=True,
    )
    sdp.parse(client.offer())
    packets: list[bytes] = []
    while len(packets) < 60:
        client.on_timeout(now=client.next_timeout())
        for sender in client.senders():
            sender.resend(sender.sequence)
        packets += client.take_packets()
    packets += [
        TransportFeedback(1, 2, 0, 5, 0, (1, None, 9000, 3)).serialize(),
        Nack(1, 2, (1, 5, 900)).serialize(),
        Goodbye((1, 2)).serialize(),
        SenderReport(1, 5 * SECOND, 3, 4, 5, (ReportBlock(1, 2, 3, 4, 5, 6, 7),)).serialize(),
        rtcp.Remb(1, 500_000, (1, 2)).serialize(),
    ]
    mutated = st.builds(
        lambda base, at, byte, cut: base[:at] + bytes((byte,)) + base[at + 1 : len(base) - cut],
        st.sampled_from(packets),
        st.integers(0, 60),
        st.integers(0, 255),
        st.integers(0, 30),
    )
    return st.sampled_from(packets) | mutated | st.binary(min_size=2, max_size=80)


@settings(max_examples=150)
@given(st.lists(st.tuples(fragments(), st.floats(0, 0.3)), max_size=60))
def test_no_bytes_raise_and_none_fill_memory(steps: list[tuple[bytes, float]]) -> None:
    alice, bob = Peer(slots=1, seed=1), Peer(slots=1, seed=2)
    for one, other in ((alice, bob), (bob, alice)):
        sources = other.core.publications
        one.core.slots[0].bind(sources["microphone"], sources["camera"], now=0.0)
    now = 0.0
    for data, wait in steps:
        now += wait
        for peer in (alice, bob):
            peer.take(data, now=now)
            at = peer.core.next_timeout()
            if at is not None and at <= now:
                peer.core.on_timeout(now=now)
                again = peer.core.next_timeout()
                assert again is None or again > now - 1e-9
    for peer in (alice, bob):
        assert len(peer.core._demultiplexer.inbound) <= 2 * MAX_ENCODINGS
        assert len(peer.core.drops) < 20
        assert {h.payload_type for h, _, _ in peer.rtp} <= {OPUS, RED, VP8, RTX}
        numbers = [(h.ssrc, h.sequence) for h, _, _ in peer.rtp]
        assert len(set(numbers)) == len(numbers), "a nonce would repeat"
