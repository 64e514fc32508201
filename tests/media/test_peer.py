"""One peer's core, packet by packet."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media import negotiation, sdp
from media.negotiation import SlotStream
from media.payload import formats
from media.peer import PeerCore
from media.publication import Publication
from media.rtp import rtcp
from media.rtp.extensions import parse_extensions
from media.rtp.packet import RtpHeader, header_length
from media.rtp.rtcp import (
    FullIntraRequest,
    Goodbye,
    Nack,
    PictureLoss,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
)
from media.rtp.twcc import TransportFeedback
from media.sdp import Codec, SessionDescription
from media.settings import MAX_ENCODINGS
from media.stream.send import SendStream
from media.testing.client import Client
from media.testing.sender import OPUS, RED, RTX, VP8
from media.testing.traffic import CAMERA

SECOND = 1 << 32  # of NTP time


class Peer:
    """A core with a client's tongue: what `client` has to send is received, what the core sends is kept."""

    def __init__(
        self, *, slots: int = 0, publishes: bool = True, redundant: bool = True, seed: int = 1
    ) -> None:
        self.rtp: list[tuple[RtpHeader, dict[int, bytes], bytes]] = []
        self.rtcp: list[rtcp.RtcpPacket] = []
        self.datagrams: list[bytes] = []
        self.publications: list[tuple[str, bool]] = []
        self.woken: list[float] = []
        self.core = PeerCore(
            rng=random.Random(seed),
            send_rtp=self._send_rtp,
            send_rtcp=self._send_rtcp,
            on_publication=self._changed,
            wake=self.woken.append,
        )
        self.client = Client(
            "client",
            random.Random(seed + 1000),
            microphone=publishes,
            camera=CAMERA if publishes else (),
            slots=slots,
            descriptor=False,
            redundant=redundant,
            rtx=True,
            feedback=True,
        )
        self.offer = sdp.parse(self.client.offer())
        self.streams = self.configure(self.offer, now=0.0)

    def configure(self, offer: SessionDescription, *, now: float) -> dict[str, SlotStream]:
        sources = {m.mid: self.client.sources[m.mid] for m in offer.media if m.mid in self.client.sources}
        return self.core.configure(negotiation.agree(offer, sources, max_lines=64), now=now)

    def take(self, packet: bytes, *, now: float) -> None:
        if len(packet) >= 4 and packet[0] & 0xC0 == 0x80 and 192 <= packet[1] <= 223:  # RFC 5761 section 4
            self.core.receive_rtcp(packet, now=now)
            return
        length = header_length(packet)
        if length is not None:
            self.core.receive_rtp(packet[:length], packet[length:], now=now)

    def run(self, until: float) -> None:
        """The client sends, and timers are kept."""
        now = 0.0
        while (now := self.client.next_timeout()) <= until:
            at = self.core.next_timeout()
            if at is not None and at <= now:
                self.core.on_timeout(now=at)
            self.client.on_timeout(now=now)
            for packet in self.client.take_packets():
                self.take(packet, now=now)

    def sent(self, kind: type) -> list[rtcp.RtcpPacket]:
        return [packet for packet in self.rtcp if isinstance(packet, kind)]

    def _send_rtp(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None
        self.rtp.append((parsed, parse_extensions(header), payload))

    def _send_rtcp(self, data: bytes) -> None:
        drops: Counter[str] = Counter()
        self.datagrams.append(data)
        self.rtcp += rtcp.parse(data, drops)
        assert not drops

    def _changed(self, publication: Publication) -> None:
        self.publications.append((publication.source, publication.live))


@pytest.fixture
def pair() -> Iterator[tuple[Peer, Peer]]:
    """Alice, whom Bob receives."""
    alice, bob = Peer(seed=1), Peer(slots=1, publishes=False, seed=2)
    sources = alice.core.publications
    bob.core.slots[0].bind(sources["microphone"], sources["camera"], now=0.0)
    yield alice, bob


def without(offer: SessionDescription, *mids: str) -> SessionDescription:
    """Those lines stopped."""
    media = tuple(replace(m, port=0) if m.mid in mids else m for m in offer.media)
    return replace(offer, media=media, bundle=tuple(mid for mid in offer.bundle if mid not in mids))


# --- what is agreed ---


def test_publications_appear_with_the_offer_and_go_with_their_line() -> None:
    peer = Peer()
    assert set(peer.core.publications) == {"microphone", "camera"}
    assert peer.publications == [("microphone", False), ("camera", False)]
    microphone = peer.core.publications["microphone"]
    peer.configure(without(peer.offer, "1"), now=1.0)
    assert set(peer.core.publications) == {"microphone"}
    assert peer.core.publications["microphone"] is microphone
    assert peer.publications[-1] == ("camera", False)


def test_a_line_that_goes_over_to_another_format_is_another_publication() -> None:
    peer = Peer()
    before = peer.core.publications["camera"]
    media = [
        replace(m, codecs=(Codec(102, "H264", 90_000),)) if m.mid == "1" else m for m in peer.offer.media
    ]
    offer = replace(peer.offer, media=tuple(media))
    peer.configure(offer, now=1.0)
    after = peer.core.publications["camera"]
    assert (before.format, after.format) == (formats.VP8, formats.CONSTRAINED_BASELINE)
    peer.configure(offer, now=2.0)
    assert peer.core.publications["camera"] is after
    pausing = [replace(m, direction="inactive") if m.mid == "0" else m for m in offer.media]
    microphone = peer.core.publications["microphone"]
    peer.configure(replace(offer, media=tuple(pausing)), now=3.0)
    assert peer.core.publications["microphone"] is microphone, "it may go on"


def test_slots_keep_their_streams_through_every_offer() -> None:
    peer = Peer(slots=2)
    again = peer.configure(peer.offer, now=1.0)
    assert again == peer.streams
    assert [(slot.audio_mid, slot.video_mid) for slot in peer.core.slots] == [("2", "3"), ("4", "5")]
    ssrcs = [ssrc for s in again.values() for ssrc in (s.ssrc, s.rtx_ssrc) if ssrc is not None]
    assert len(set(ssrcs)) == 6


def test_more_slots_come_behind_those_that_are_there() -> None:
    peer = Peer(slots=1)
    peer.client.add_slots(1)
    more = peer.configure(sdp.parse(peer.client.offer()), now=1.0)
    assert more["2"] == peer.streams["2"]
    assert len(peer.core.slots) == 2


def test_a_paused_line_keeps_its_stream_but_is_fed_no_more(pair: tuple[Peer, Peer]) -> None:
    _, bob = pair
    media = tuple(replace(m, direction="inactive") if m.mid == "3" else m for m in bob.offer.media)
    bob.configure(replace(bob.offer, media=media), now=1.0)
    slot = bob.core.slots[0]
    assert slot.video_subscription is None
    assert slot.audio_subscription is not None
    assert bob.configure(bob.offer, now=2.0)["3"] == bob.streams["3"]


def test_a_stopped_line_takes_its_half_along_and_a_recycled_one_fills_the_place() -> None:
    peer = Peer(slots=2)
    known = len(peer.core.table.streams)
    peer.configure(without(peer.offer, "3"), now=1.0)
    assert peer.core.slots[0].video is None
    assert len(peer.core.table.streams) == known - 2
    offer = peer.offer
    for number in range(20):
        mid = f"again{number}"
        media = tuple(replace(m, mid=mid) if m.mid == "3" else m for m in offer.media)
        bundle = tuple(mid if old == "3" else old for old in offer.bundle)
        fresh = peer.configure(replace(offer, media=media, bundle=bundle), now=2.0)
        assert fresh[mid].slot == 0
        assert fresh[mid].ssrc != peer.streams["3"].ssrc
    assert len(peer.core.slots) == 2
    assert len(peer.core.table.streams) == known


def test_a_closed_core_takes_nothing_in() -> None:
    peer = Peer()
    peer.run(0.5)
    packets = peer.core.packets_received
    peer.core.close(now=1.0)
    peer.run(1.0)
    assert peer.core.publications == {}
    assert peer.core.drops["unknown-ssrc"] == peer.core.packets_received - packets > 0


# --- reports ---


def test_a_publisher_is_told_how_it_arrives() -> None:
    peer = Peer()
    peer.run(2.5)
    reports = peer.sent(ReceiverReport)
    assert len(reports) in (2, 3)
    last = reports[-1]
    assert isinstance(last, ReceiverReport)
    assert len(last.reports) == 4
    assert all(block.packets_lost == 0 for block in last.reports)
    assert any(block.last_sr for block in last.reports)


def test_receivers_get_sender_reports_and_names_of_each_slot(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.run(3.0)
    bob.core.on_timeout(now=3.0)
    ssrcs = {bob.streams["2"].ssrc, bob.streams["3"].ssrc}
    assert {report.ssrc for report in bob.sent(SenderReport) if isinstance(report, SenderReport)} == ssrcs
    (names,) = bob.sent(SourceDescription)
    assert isinstance(names, SourceDescription)
    assert dict(names.chunks) == dict.fromkeys(ssrcs, "slot0")


def test_reports_of_many_slots_fit_datagrams() -> None:
    alice, bob = Peer(seed=1), Peer(slots=20, publishes=False, seed=2)
    sources = alice.core.publications
    for slot in bob.core.slots:
        slot.bind(sources["microphone"], sources["camera"], now=0.0)
    alice.run(2.0)
    bob.core.on_timeout(now=2.5)
    reports = bob.sent(SenderReport)
    assert len(reports) == 40
    assert max(len(datagram) for datagram in bob.datagrams) < 1200
    for datagram in bob.datagrams:
        assert datagram[1] in (200, 201, 205, 206), "a compound packet begins with a report"


def test_a_round_trip_is_known_from_reports(pair: tuple[Peer, Peer]) -> None:
    alice, bob = pair
    alice.run(2.0)
    bob.core.on_timeout(now=2.0)
    report = bob.sent(SenderReport)[-1]
    assert isinstance(report, SenderReport)
    block = ReportBlock(report.ssrc, 13, 1, 0, 0, report.ntp >> 16 & 0xFFFFFFFF, 32768)
    bob.core.receive_rtcp(ReceiverReport(1, (block,)).serialize(), now=2.58)
    assert bob.core.rtt == pytest.approx(0.08, abs=0.001)


# --- requests ---


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


# --- what a publisher may not do ---


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


def packet(sequence: int, ssrc: int, payload_type: int = OPUS, payload: bytes = b"\x78sound") -> bytes:
    header = RtpHeader(payload_type, sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, ssrc)
    return header.serialize() + payload


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


def test_feedback_is_told_for_packets_of_unknown_streams_too() -> None:
    """A sender's estimate is of its path, not of what we make of its packets."""
    peer = Peer()
    peer.run(0.5)
    feedbacks = peer.sent(TransportFeedback)
    assert sum(len(f.arrivals) for f in feedbacks if isinstance(f, TransportFeedback)) > 50


def test_a_process_that_stood_still_goes_on() -> None:
    peer = Peer()
    peer.run(1.0)
    peer.client.muted = True
    peer.run(59.0)
    peer.client.muted = False
    peer.run(60.0)
    peer.core.on_timeout(now=60.0)
    assert peer.core.publications["camera"].live


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
