"""RTCP that says who sends and how it arrives: SR, RR, SDES and BYE (RFC 3550 section 6.4 to 6.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

SENDER_REPORT: Final = 200  # RTCP packet types
RECEIVER_REPORT: Final = 201
SOURCE_DESCRIPTION: Final = 202
GOODBYE: Final = 203
MAX_COUNT: Final = 31  # report blocks, chunks or sources in one packet

_BLOCK: Final = struct.Struct("!IIIIII")
_SENDER_INFO: Final = struct.Struct("!IQIII")
_CNAME: Final = 1  # SDES item, RFC 3550 section 6.5.1


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one stream arrives, RFC 3550 section 6.4.1."""

    ssrc: int
    fraction_lost: int  # of 256, since the last report
    packets_lost: int  # ever, signed 24 bits: duplicates make it negative
    highest_sequence: int  # 32 bits: the upper half counts the wraps
    jitter: int  # in units of the RTP clock
    last_sr: int  # the middle 32 bits of the NTP time of the last SR; 0: none came
    delay_since_last_sr: int  # in 1/65536 s

    def serialize(self) -> bytes:
        return _BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | self.packets_lost & 0xFFFFFF,
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """RFC 3550 section 6.4.1. `ntp` is the 64-bit NTP time at which the RTP clock showed `rtp`."""

    ssrc: int
    ntp: int
    rtp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, count: int, body: bytes) -> SenderReport | None:
        if len(body) < _SENDER_INFO.size + count * _BLOCK.size:
            return None
        ssrc, ntp, rtp, packets, octets = _SENDER_INFO.unpack_from(body)
        return cls(ssrc, ntp, rtp, packets, octets, _read_blocks(body, _SENDER_INFO.size, count))

    def serialize(self) -> bytes:
        body = _SENDER_INFO.pack(self.ssrc, self.ntp, self.rtp, self.packets, self.octets)
        body += b"".join(block.serialize() for block in self.reports)
        return pack(SENDER_REPORT, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RFC 3550 section 6.4.2."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()

    @classmethod
    def parse(cls, count: int, body: bytes) -> ReceiverReport | None:
        if len(body) < 4 + count * _BLOCK.size:
            return None
        return cls(int.from_bytes(body[:4], "big"), _read_blocks(body, 4, count))

    def serialize(self) -> bytes:
        body = self.ssrc.to_bytes(4, "big") + b"".join(block.serialize() for block in self.reports)
        return pack(RECEIVER_REPORT, len(self.reports), body)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """RFC 3550 section 6.5: (SSRC, CNAME) of each chunk. Other items are skipped, as are chunks without a
    CNAME. A CNAME is at most 255 bytes of UTF-8."""

    chunks: tuple[tuple[int, str], ...]

    @classmethod
    def parse(cls, count: int, body: bytes) -> SourceDescription | None:
        chunks: list[tuple[int, str]] = []
        at = 0
        for _ in range(count):
            if at + 5 > len(body):
                return None
            ssrc = int.from_bytes(body[at : at + 4], "big")
            at += 4
            while at < len(body) and body[at]:
                if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                    return None
                value = body[at + 2 : at + 2 + body[at + 1]]
                if body[at] == _CNAME:
                    chunks.append((ssrc, value.decode("utf-8", "replace")))
                at += 2 + len(value)
            at += 4 - at % 4  # one to four zero bytes end a chunk
        return cls(tuple(chunks))

    def serialize(self) -> bytes:
        body = b""
        for ssrc, cname in self.chunks:
            value = cname.encode()
            assert len(value) <= 255
            body += ssrc.to_bytes(4, "big") + bytes((_CNAME, len(value))) + value
            body += bytes(4 - len(body) % 4)
        return pack(SOURCE_DESCRIPTION, len(self.chunks), body)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """RFC 3550 section 6.6. The reason, a text, is skipped."""

    ssrcs: tuple[int, ...]

    @classmethod
    def parse(cls, count: int, body: bytes) -> Goodbye | None:
        if len(body) < 4 * count:
            return None
        return cls(struct.unpack_from(f"!{count}I", body))

    def serialize(self) -> bytes:
        return pack(GOODBYE, len(self.ssrcs), struct.pack(f"!{len(self.ssrcs)}I", *self.ssrcs))


def pack(packet_type: int, count: int, body: bytes) -> bytes:
    """An RTCP packet: the common head (`count` may be a feedback format) and a body of whole words."""
    assert count <= MAX_COUNT and len(body) % 4 == 0
    return struct.pack("!BBH", 0x80 | count, packet_type, len(body) // 4) + body


def _read_blocks(body: bytes, at: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    words = _BLOCK.iter_unpack(body[at : at + count * _BLOCK.size])
    for ssrc, loss, highest, jitter, last_sr, delay in words:
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(blocks)
