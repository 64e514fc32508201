from collections import Counter
from typing import Any

import pytest
from aiortc.rtp import RtcpPacket as AiortcPacket
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.feedback import MAX_LOST
from media.rtp.rtcp import (
    MAX_NUMBERS,
    MAX_PACKETS,
    FullIntraRequest,
    Goodbye,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
    SourceDescription,
    TransportFeedback,
    parse,
)
from media.stream import arrivals

BLOCK = ReportBlock(
    ssrc=7,
    fraction_lost=128,
    packets_lost=-2,
    highest_sequence=0x0001_FFFE,
    jitter=90,
    last_sr=0x1234_5678,
    delay_since_last_sr=65_536,
)
SENDER = SenderReport(
    ssrc=1, ntp=0xE000_0000_8000_0000, rtp=90_000, packets=10, octets=9_000, reports=(BLOCK,)
)
CNAME = SourceDescription(((1, "abc"),))

ssrcs = st.integers(0, 0xFFFF_FFFF)
blocks = st.builds(
    ReportBlock,
    ssrc=ssrcs,
    fraction_lost=st.integers(0, 255),
    packets_lost=st.integers(-(2**23), 2**23 - 1),
    highest_sequence=ssrcs,
    jitter=ssrcs,
    last_sr=ssrcs,
    delay_since_last_sr=ssrcs,
)
many_blocks = st.lists(blocks, max_size=31).map(tuple)
cnames = (
    st.text(max_size=60)
    .filter(lambda text: len(text.encode("utf-8", "replace")) <= 255)
    .filter(lambda text: text.isprintable())
)
packets: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        SenderReport,
        ssrc=ssrcs,
        ntp=st.integers(0, 2**64 - 1),
        rtp=ssrcs,
        packets=ssrcs,
        octets=ssrcs,
        reports=many_blocks,
    ),
    st.builds(ReceiverReport, ssrc=ssrcs, reports=many_blocks),
    st.builds(SourceDescription, st.lists(st.tuples(ssrcs, cnames), max_size=31).map(tuple)),
    st.builds(Goodbye, st.lists(ssrcs, max_size=31).map(tuple)),
    st.builds(Nack, ssrcs, ssrcs, st.integers(0, 0xFFFF).map(lambda number: (number,))),
    st.builds(PictureLoss, ssrcs, ssrcs),
    st.builds(
        FullIntraRequest,
        ssrcs,
        st.lists(st.tuples(ssrcs, st.integers(0, 255)), min_size=1, max_size=9).map(tuple),
    ),
    st.builds(Remb, ssrcs, st.integers(0, 2**18 - 1), st.lists(ssrcs, max_size=255).map(tuple)),
    st.builds(
        TransportFeedback,
        ssrcs,
        ssrcs,
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFF_FFFF),
        st.integers(0, 255),
        st.lists(st.none() | st.integers(0, 0x7FFF), max_size=40).map(tuple),
    ),
)


def hexadecimal(text: str) -> bytes:
    return bytes.fromhex(text)


def test_a_sender_report_lies_as_rfc_3550_draws_it():
    assert SENDER.serialize().hex(" ", 4) == (
        "81c8000c 00000001 e0000000 80000000 00015f90 0000000a 00002328"
        " 00000007 80fffffe 0001fffe 0000005a 12345678 00010000"
    )


def test_a_compound_packet_is_read_in_order():
    goodbye = Goodbye((1, 2))
    assert parse(SENDER.serialize() + CNAME.serialize() + goodbye.serialize()) == [SENDER, CNAME, goodbye]


def test_a_single_feedback_packet_needs_no_report_before_it():
    nack = Nack(1, 2, (5,))
    assert parse(nack.serialize()) == [nack]


def test_a_truncated_tail_leaves_what_came_before_it():
    drops: Counter[str] = Counter()
    whole = SENDER.serialize() + CNAME.serialize()
    assert parse(whole[:-1], drops) == [SENDER]
    assert parse(whole[: len(SENDER.serialize()) + 3], drops) == [SENDER]
    assert drops == {"rtcp-truncated": 1, "rtcp-malformed": 1}


def test_extended_reports_and_app_packets_are_passed_over_in_silence():
    drops: Counter[str] = Counter()
    extended = hexadecimal("80cf0004 00000001 04000002 0000000000000000")
    application = hexadecimal("80cc0002 00000001 61626364")
    assert parse(extended + application + SENDER.serialize(), drops) == [SENDER]
    assert not drops


def test_unknown_packets_are_counted_and_skipped():
    drops: Counter[str] = Counter()
    unknown_type = hexadecimal("80d00001 00000001")
    unknown_feedback = hexadecimal("87cd0002 00000001 00000002")
    assert parse(unknown_type + unknown_feedback + SENDER.serialize(), drops) == [SENDER]
    assert drops == {"rtcp-unknown": 2}


def test_a_report_with_fewer_blocks_than_it_says_is_malformed():
    drops: Counter[str] = Counter()
    assert parse(hexadecimal("81c90001 00000001"), drops) == []
    assert drops == {"rtcp-malformed": 1}


def test_padding_is_taken_off():
    picture_loss = PictureLoss(1, 2)
    padded = hexadecimal("a1ce0003 00000001 00000002 00000004")
    assert parse(padded) == [picture_loss]
    drops: Counter[str] = Counter()
    assert parse(hexadecimal("a1ce0002 00000001 000000ff"), drops) == []
    assert drops == {"rtcp-malformed": 1}


def test_a_profile_extension_after_the_blocks_is_ignored():
    assert parse(hexadecimal("80c90002 00000001 deadbeef")) == [ReceiverReport(1)]


def test_source_items_other_than_the_cname_are_skipped():
    # NAME "x", CNAME "ab"; then a chunk with a NOTE alone
    packet = hexadecimal("82ca0006 00000001 02017801 02616200 00000002 07016e00 00000000")
    assert parse(packet) == [SourceDescription(((1, "ab"),))]


@pytest.mark.parametrize("length", range(1, 10))
def test_every_length_of_cname_ends_on_a_word_of_its_own(length: int):
    description = SourceDescription(((1, "c" * length), (2, "d")))
    assert len(description.serialize()) % 4 == 0
    assert parse(description.serialize()) == [description]


def test_lost_packets_are_packed_into_the_fewest_pairs():
    nack = Nack(1, 2, (100, 101, 116, 117, 133, 200))
    assert nack.serialize().hex(" ", 4) == "81cd0005 00000001 00000002 00648001 00758000 00c80000"
    assert parse(nack.serialize()) == [nack]


def test_a_nack_across_the_wrap_is_one_pair():
    nack = Nack(1, 2, (1, 65_535, 0))
    assert nack.serialize()[12:].hex() == "ffff0003"
    assert parse(nack.serialize()) == [Nack(1, 2, (65_535, 0, 1))]


def test_a_nack_may_not_ask_for_any_number_of_packets():
    pairs = b"".join(hexadecimal(f"{17 * i:04x}ffff") for i in range(1000))
    (nack,) = parse(hexadecimal("81cd") + (1002).to_bytes(2, "big") + bytes(8) + pairs)
    assert isinstance(nack, Nack)
    assert nack.lost == tuple(range(MAX_LOST))


def test_of_one_datagram_a_limited_number_of_packets_is_read():
    drops: Counter[str] = Counter()
    picture_loss = PictureLoss(1, 2)
    assert parse(picture_loss.serialize() * (MAX_PACKETS + 9), drops) == [picture_loss] * MAX_PACKETS
    assert drops == {"rtcp-flood": 1}


def test_of_one_datagram_a_limited_number_of_sequence_numbers_is_read():
    drops: Counter[str] = Counter()
    nack = Nack(1, 2, tuple(range(600)))
    lost = TransportFeedback(1, 2, 0, 0, 0, (None,) * 600)
    assert parse((nack.serialize() + lost.serialize()) * 9, drops) == [nack, lost, nack, lost]
    assert drops == {"rtcp-flood": 1}


def test_our_own_reports_are_not_too_many_for_one_datagram():
    assert arrivals.MAX_RUNS < MAX_PACKETS and arrivals.MAX_GAP < MAX_NUMBERS


def test_a_full_intra_request_carries_its_number():
    request = FullIntraRequest(1, ((5, 255),))
    assert request.serialize().hex(" ", 4) == "84ce0004 00000001 00000000 00000005 ff000000"
    assert parse(request.serialize()) == [request]


def test_a_remb_keeps_eighteen_significant_bits():
    remb = Remb(1, 1_000_000_007, (3, 4))
    assert remb.serialize().hex(" ", 4) == "8fce0006 00000001 00000000 52454d42 0233b9ac 00000003 00000004"
    (read,) = parse(remb.serialize())
    assert isinstance(read, Remb)
    assert 0 <= remb.bitrate - read.bitrate < 2**12
    assert read.ssrcs == (3, 4)


def test_a_remb_beyond_any_rate_is_malformed():
    drops: Counter[str] = Counter()
    assert parse(hexadecimal("8fce0004 00000001 00000000 52454d42 00ffffff"), drops) == []
    assert drops == {"rtcp-malformed": 1}


def test_application_feedback_that_is_no_remb_is_malformed():
    assert parse(hexadecimal("8fce0004 00000001 00000000 41424344 00000000")) == []


def test_aiortc_reads_what_we_write():
    compound = SENDER.serialize() + CNAME.serialize() + Nack(1, 2, (5, 7)).serialize()
    sender, description, nack = AiortcPacket.parse(compound + PictureLoss(1, 2).serialize())[:3]
    assert (sender.ssrc, sender.sender_info.ntp_timestamp) == (1, SENDER.ntp)
    assert sender.reports[0].packets_lost == -2
    assert description.chunks[0].items == [(1, b"abc")]
    assert nack.lost == [5, 7]


@given(st.sets(st.integers(0, 0x3FFF), min_size=1, max_size=100), st.integers(0, 0xFFFF))
def test_any_lost_packets_are_asked_for_once(distances: set[int], origin: int):
    lost = tuple((origin + distance) & 0xFFFF for distance in sorted(distances))
    assert parse(Nack(1, 2, lost).serialize()) == [Nack(1, 2, lost)]


@given(st.lists(packets, max_size=5))
def test_packets_survive_the_way_to_bytes_and_back(compound):
    drops: Counter[str] = Counter()
    assert parse(b"".join(packet.serialize() for packet in compound), drops) == compound
    assert not drops


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(data: bytes):
    assert all(parse(packet.serialize()) for packet in parse(data))


@given(st.data(), st.lists(packets, min_size=1, max_size=3))
def test_no_altered_packet_breaks_the_parser(data, compound):
    raw = bytearray(b"".join(packet.serialize() for packet in compound))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    drops: Counter[str] = Counter()
    assert len(parse(bytes(raw), drops)) + drops.total() <= len(raw) // 4 + 1
