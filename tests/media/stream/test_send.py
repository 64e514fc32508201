from collections.abc import Iterator

import pytest

from media.congestion.sent import SentPackets
from media.payload.formats import CONSTRAINED_BASELINE, HIGH, HIGH_444, VP8
from media.rtp.extensions import parse_extensions
from media.rtp.packet import RtpHeader
from media.rtp.rtcp import ReportBlock
from media.stream.outlet import Outlet
from media.stream.send import SendStream

TYPES, REPAIRS = {"vp8": 96}, {96: 97}


PLAYOUT = 5  # id of the playout delay extension


class Wire:
    """A video stream and what it sent."""

    def __init__(self, *, rtx: bool = True, twcc_id: int = 3, descriptor_id: int = 0) -> None:
        self.packets: list[tuple[RtpHeader, dict[int, bytes], bytes]] = []
        self.sent = SentPackets()
        self.stream = SendStream(
            mid="1",
            ssrc=1,
            rtx_ssrc=2 if rtx else None,
            sequence=0xFFFE,
            clock_rate=90_000,
            video=True,
            outlet=Outlet(self.sent, self._send),
        )
        self.stream.negotiated(
            TYPES, REPAIRS, twcc_id=twcc_id, descriptor_id=descriptor_id, playout_id=PLAYOUT
        )

    def send(self, count: int = 1, *, at: float = 1.0, descriptor: bytes = b"") -> None:
        for _ in range(count):
            self.stream.send(
                self.stream.next_sequence, 5000, True, TYPES["vp8"], b"picture", descriptor, now=at
            )

    def _send(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None
        self.packets.append((parsed, parse_extensions(header), payload))


@pytest.fixture
def wire() -> Iterator[Wire]:
    yield Wire()


def test_headers_say_what_was_negotiated(wire: Wire) -> None:
    wire.send()
    ((header, elements, payload),) = wire.packets
    assert (header.ssrc, header.sequence, header.timestamp) == (1, 0xFFFE, 5000)
    assert (header.payload_type, header.marker) == (96, True)
    assert elements == {3: b"\x00\x00"}
    assert payload == b"picture"


def test_stills_are_shown_at_once_and_motion_when_it_is_due_again() -> None:
    wire = Wire(descriptor_id=4)
    for at_once in (False, True, True, *[False] * 20):
        wire.stream.begin_picture(at_once=at_once)
        wire.send(2, descriptor=b"abc")
    told = [elements.get(PLAYOUT) for _, elements, _ in wire.packets]
    assert told[:2] == [None, None]
    assert told[2:6] == [b"\x00\x00\x00"] * 4
    motion = told[6:]
    assert motion[:20] == [(1000).to_bytes(3, "big")] * 20, "often enough to survive loss"
    assert motion[-2:] == [None, None]
    wire.stream.begin_picture(at_once=True)
    wire.send(descriptor=b"abc")
    wire.stream.resend(wire.packets[-1][0].sequence, now=1.5)
    assert wire.packets[-1][1][PLAYOUT] == b"\x00\x00\x00", "a repair says so too"


def test_nothing_is_told_to_who_does_not_understand_it(wire: Wire) -> None:
    wire.stream.negotiated(TYPES, REPAIRS, twcc_id=3, descriptor_id=0)
    wire.stream.begin_picture(at_once=True)
    wire.send()
    assert wire.packets[0][1] == {3: b"\x00\x00"}


def test_numbers_wrap_on_the_wire_alone(wire: Wire) -> None:
    wire.send(3)
    assert [header.sequence for header, _, _ in wire.packets] == [0xFFFE, 0xFFFF, 0]
    assert wire.stream.next_sequence == 0x10001


def test_a_packet_sent_late_does_not_turn_the_stream_back(wire: Wire) -> None:
    wire.send(3)
    wire.stream.send(0xFFFD, 100, False, 96, b"late", now=2.0)
    assert wire.stream.next_sequence == 0x10001
    assert wire.stream.last_timestamp == 5000


@pytest.mark.parametrize("descriptor", [b"\xc0\x00\x01", bytes(20)])
@pytest.mark.parametrize("twcc_id", [0, 3])
def test_a_dependency_descriptor_goes_with_the_packet_and_its_repair(descriptor: bytes, twcc_id: int) -> None:
    wire = Wire(twcc_id=twcc_id, descriptor_id=13)
    wire.send(descriptor=descriptor)
    assert wire.stream.resend(0xFFFE, now=1.1)
    for _, elements, _ in wire.packets:
        assert elements[13] == descriptor
        assert (3 in elements) == bool(twcc_id)


def test_without_extensions_there_is_no_extension_bit() -> None:
    wire = Wire(twcc_id=0)
    wire.send()
    assert wire.packets[0][0].extension == b""
    assert wire.packets[0][1] == {}


def test_a_repair_is_rtx_with_numbers_of_its_own(wire: Wire) -> None:
    wire.send(2)
    assert wire.stream.resend(0xFFFF, now=1.05)
    assert wire.stream.resend(0xFFFE, now=1.05)
    (first, elements, payload), (second, _, _) = wire.packets[2:]
    assert (first.ssrc, first.payload_type, first.marker, first.timestamp) == (2, 97, True, 5000)
    assert payload == b"\xff\xffpicture"
    assert second.sequence == first.sequence + 1
    assert elements[3] == b"\x00\x02", "a fresh transport-wide number"
    assert wire.stream.retransmitted == 2


def test_a_repair_is_repeated_after_a_round_trip_alone(wire: Wire) -> None:
    wire.send()
    report = wire.stream.report(5000, now=2.0)
    wire.stream.on_report_block(ReportBlock(1, 0, 0, 0, 0, report.ntp >> 16 & 0xFFFFFFFF, 0), now=2.1)
    assert wire.stream.rtt == pytest.approx(0.1, abs=0.001)
    wire.send(at=2.2)
    number = (wire.stream.next_sequence - 1) & 0xFFFF
    assert [wire.stream.resend(number, now=at) for at in (2.3, 2.35, 2.39)] == [True, False, True]


def test_unknown_numbers_and_receivers_without_rtx_get_nothing(wire: Wire) -> None:
    wire.send()
    assert not wire.stream.resend(77, now=1.0)
    plain = Wire(rtx=False)
    plain.send()
    assert not plain.stream.resend(0xFFFE, now=1.0)
    assert len(plain.packets) == 1


def test_no_number_of_an_ssrc_leaves_twice(wire: Wire) -> None:
    """It would repeat a nonce of AES-GCM (RFC 7714 section 8.1)."""
    wire.send(300)
    for number in range(300):
        wire.stream.resend(0xFFFE + number & 0xFFFF, now=1.1)
        wire.stream.pad(200, 1, now=1.1)
    numbers = [(header.ssrc, header.sequence) for header, _, _ in wire.packets]
    assert len(set(numbers)) == len(numbers)


BOTH = {VP8: 96, CONSTRAINED_BASELINE: 102}


def test_each_format_has_its_own_payload_type_and_repairs(wire: Wire) -> None:
    stream = wire.stream
    stream.negotiated(BOTH, {96: 97, 102: 103}, twcc_id=3, descriptor_id=0)
    stream.carry(VP8)
    wire.send()
    stream.carry(CONSTRAINED_BASELINE)
    assert stream.payload_type == 102
    assert not stream.resend(0xFFFE, now=1.05), "it would be taken for H.264"
    wire.send()
    assert stream.resend(0xFFFF, now=1.05)
    assert wire.packets[-1][0].payload_type == 103
    stream.pad(60, 1, now=1.05)
    assert wire.packets[-1][0].payload_type == 103
    stream.carry(CONSTRAINED_BASELINE)
    assert stream.resend(0xFFFF, now=3.0) is False, "as old as that"
    wire.send(at=3.0)
    stream.carry(CONSTRAINED_BASELINE)
    assert stream.resend(0, now=3.1), "nothing has changed"


def test_probes_that_follow_a_change_of_format_bring_nothing_of_before(wire: Wire) -> None:
    wire.stream.negotiated(BOTH, {96: 97, 102: 103}, twcc_id=3, descriptor_id=0)
    wire.stream.carry(VP8)
    wire.stream.send(wire.stream.next_sequence, 5000, True, 96, bytes(1000), now=1.0)
    wire.stream.carry(CONSTRAINED_BASELINE)
    wire.stream.pad(1000, 1, now=1.0)
    assert wire.packets[-1][0].padding


def test_a_format_whose_rtx_was_not_agreed_on_is_not_repaired(wire: Wire) -> None:
    wire.stream.negotiated(BOTH, {96: 97}, twcc_id=3, descriptor_id=0)
    wire.stream.carry(CONSTRAINED_BASELINE)
    wire.send()
    assert not wire.stream.resend(0xFFFE, now=1.05)
    assert wire.stream.pad(1000, 1, now=1.05) == 0


def test_payload_types_may_change_with_an_answer(wire: Wire) -> None:
    wire.stream.negotiated(BOTH, {}, twcc_id=3, descriptor_id=0)
    wire.stream.carry(CONSTRAINED_BASELINE)
    wire.stream.negotiated({VP8: 96, HIGH: 120}, {120: 121}, twcc_id=3, descriptor_id=0)
    assert wire.stream.payload_type == 120
    assert wire.stream.takes(CONSTRAINED_BASELINE)
    assert not wire.stream.takes(HIGH_444)


def test_padding_is_marked_as_padding() -> None:
    wire = Wire()
    assert wire.stream.pad(1000, 1, now=1.0) > 0
    ((header, _, payload),) = wire.packets
    assert header.padding
    assert header.ssrc == 2
    assert payload[-1] == len(payload)


def test_a_report_counts_what_was_sent(wire: Wire) -> None:
    wire.send(2)
    report = wire.stream.report(5000 + (1 << 32), now=2.5)
    assert (report.ssrc, report.rtp, report.packets, report.octets) == (1, 5000, 2, 14)
    assert (report.ntp >> 32) - 2_208_988_800 == 2
    assert report.ntp & 0xFFFFFFFF == 1 << 31


def test_loss_and_round_trip_come_from_reports(wire: Wire) -> None:
    first = wire.stream.report(0, now=1.0)
    second = wire.stream.report(0, now=2.0)
    middle = second.ntp >> 16 & 0xFFFFFFFF
    wire.send(4)
    wire.stream.on_report_block(
        ReportBlock(1, 64, 1, wire.stream.next_sequence - 1, 0, middle, 65536 // 2), now=2.6
    )
    assert wire.stream.loss == 0.25
    assert wire.stream.rtt == pytest.approx(0.1)
    wire.stream.on_report_block(ReportBlock(1, 0, 9, 0, 0, 0x1234, 0), now=9.0)
    assert wire.stream.rtt == pytest.approx(0.1), "a report that we never made says nothing"
    wire.stream.on_report_block(ReportBlock(1, 0, 9, 0, 0, first.ntp >> 16 & 0xFFFFFFFF, 0xFFFFFFFF), now=9.0)
    assert wire.stream.rtt == 0.0
