"""One peer's core, packet by packet."""

from dataclasses import replace

import pytest

from media import sdp
from media.payload import formats
from media.rtp.rtcp import ReceiverReport, ReportBlock, SenderReport, SourceDescription
from media.rtp.twcc import TransportFeedback
from media.sdp import Codec, SessionDescription
from tests.media.peers import Peer


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
