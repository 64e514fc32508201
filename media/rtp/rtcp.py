"""Compound RTCP (RFC 3550 section 6.1) and reduced-size RTCP (RFC 5506): a datagram to packets.

The packets themselves are in `reports`, `feedback` and `twcc`, and may all be imported from here.
A compound datagram is made by joining `serialize()` results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from media.rtp import feedback, reports, twcc
from media.rtp.feedback import FullIntraRequest, Nack, PictureLoss, Remb
from media.rtp.reports import Goodbye, ReceiverReport, ReportBlock, SenderReport, SourceDescription
from media.rtp.twcc import TransportFeedback

__all__ = [
    "FullIntraRequest",
    "Goodbye",
    "Nack",
    "PictureLoss",
    "ReceiverReport",
    "Remb",
    "ReportBlock",
    "RtcpPacket",
    "SenderReport",
    "SourceDescription",
    "TransportFeedback",
    "parse",
]

RtcpPacket: TypeAlias = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Goodbye
    | Nack
    | PictureLoss
    | FullIntraRequest
    | Remb
    | TransportFeedback
)

APPLICATION_DEFINED: Final = 204  # RFC 3550 section 6.7, RFC 3611: valid, of no use here
EXTENDED_REPORT: Final = 207

# What is read of one datagram; one of 1,200 bytes then takes well under a millisecond, whatever it says. We
# ourselves join at most 40 packets (`stream.arrivals.MAX_RUNS`).
MAX_PACKETS: Final = 64
# Sequence numbers, of NACKs and transport feedback together; the packet that reaches it is the last.
MAX_NUMBERS: Final = twcc.MAX_COUNT


def parse(data: bytes, drops: Counter[str] | None = None) -> list[RtcpPacket]:
    """The packets of one decrypted RTCP datagram, in order. What is malformed or unknown is skipped and
    counted in `drops`; a tail that is cut off ends the reading, and so does more than `MAX_PACKETS` or
    `MAX_NUMBERS`."""
    packets: list[RtcpPacket] = []
    read = numbers = 0
    if drops is None:
        drops = Counter()
    at = 0
    while at < len(data):
        if at + 4 > len(data) or data[at] & 0xC0 != 0x80:
            drops["rtcp-malformed"] += 1
            break
        end = at + 4 + (data[at + 2] << 10 | data[at + 3] << 2)
        if end > len(data):
            drops["rtcp-truncated"] += 1
            break
        packet_type, count = data[at + 1], data[at] & 0x1F
        if _known(packet_type, count):
            if read >= MAX_PACKETS or numbers >= MAX_NUMBERS:
                drops["rtcp-flood"] += 1
                break
            read += 1
            body = _body(data[at:end])
            packet = None if body is None else _read(packet_type, count, body)
            if packet is None:
                drops["rtcp-malformed"] += 1
            else:
                packets.append(packet)
                numbers += _numbers(packet)
        elif packet_type not in (APPLICATION_DEFINED, EXTENDED_REPORT):
            drops["rtcp-unknown"] += 1
        at = end
    return packets


def _numbers(packet: RtcpPacket) -> int:
    if isinstance(packet, TransportFeedback):
        return len(packet.arrivals)
    return len(packet.lost) if isinstance(packet, Nack) else 0


def _body(packet: bytes) -> bytes | None:
    """What follows the common head, without padding. None: more padding than there is body."""
    if not packet[0] & 0x20:
        return packet[4:]
    padding = packet[-1]
    return packet[4 : len(packet) - padding] if 0 < padding <= len(packet) - 4 else None


def _read(packet_type: int, count: int, body: bytes) -> RtcpPacket | None:
    if packet_type in _REPORTS:
        return _REPORTS[packet_type](count, body)
    return _FEEDBACK[packet_type, count](body)


def _known(packet_type: int, count: int) -> bool:
    return packet_type in _REPORTS or (packet_type, count) in _FEEDBACK


_REPORTS: dict[int, Callable[[int, bytes], RtcpPacket | None]] = {
    reports.SENDER_REPORT: SenderReport.parse,
    reports.RECEIVER_REPORT: ReceiverReport.parse,
    reports.SOURCE_DESCRIPTION: SourceDescription.parse,
    reports.GOODBYE: Goodbye.parse,
}

_FEEDBACK: dict[tuple[int, int], Callable[[bytes], RtcpPacket | None]] = {
    (feedback.TRANSPORT_FEEDBACK, feedback.NACK): Nack.parse,
    (feedback.PAYLOAD_FEEDBACK, feedback.PICTURE_LOSS): PictureLoss.parse,
    (feedback.PAYLOAD_FEEDBACK, feedback.FULL_INTRA_REQUEST): FullIntraRequest.parse,
    (feedback.PAYLOAD_FEEDBACK, feedback.APPLICATION): Remb.parse,
    (twcc.PACKET_TYPE, twcc.FORMAT): TransportFeedback.parse,
}
