"""RTCP that asks for something of a sender: NACK and PLI (RFC 4585), FIR (RFC 5104) and REMB
(draft-alvestrand-rmcat-remb-03)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from media.rtp.reports import pack

TRANSPORT_FEEDBACK: Final = 205  # RTCP packet types, RFC 4585 section 6.1
PAYLOAD_FEEDBACK: Final = 206
NACK: Final = 1  # feedback format of TRANSPORT_FEEDBACK
PICTURE_LOSS: Final = 1  # feedback formats of PAYLOAD_FEEDBACK
FULL_INTRA_REQUEST: Final = 4
APPLICATION: Final = 15
# Sequence numbers read from one NACK. libwebrtc asks for at most so many at a time (nack_requester.cc).
MAX_LOST: Final = 1000

_SSRCS: Final = struct.Struct("!II")


@dataclass(frozen=True, slots=True)
class Nack:
    """Generic NACK, RFC 4585 section 6.2.1. `lost` are 16-bit sequence numbers, oldest first."""

    sender_ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]

    @classmethod
    def parse(cls, body: bytes) -> Nack | None:
        """None: malformed. Numbers beyond `MAX_LOST` are left out."""
        if len(body) < 12 or len(body) % 4:
            return None
        lost: list[int] = []
        for first, following in struct.iter_unpack("!HH", body[8:]):
            if len(lost) > MAX_LOST:
                break
            lost.append(first)
            while following:
                lowest = following & -following
                lost.append(first + lowest.bit_length() & 0xFFFF)
                following -= lowest
        sender_ssrc, media_ssrc = _SSRCS.unpack_from(body)
        return cls(sender_ssrc, media_ssrc, tuple(lost[:MAX_LOST]))

    def serialize(self) -> bytes:
        """In as few (first, following 16) pairs as can be, if `lost` spans less than half the range."""
        pairs = b"".join(struct.pack("!HH", *pair) for pair in _pairs(self.lost))
        return pack(TRANSPORT_FEEDBACK, NACK, _SSRCS.pack(self.sender_ssrc, self.media_ssrc) + pairs)


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """Picture loss indication, RFC 4585 section 6.3.1: a keyframe, please."""

    sender_ssrc: int
    media_ssrc: int

    @classmethod
    def parse(cls, body: bytes) -> PictureLoss | None:
        return cls(*_SSRCS.unpack_from(body)) if len(body) >= 8 else None

    def serialize(self) -> bytes:
        return pack(PAYLOAD_FEEDBACK, PICTURE_LOSS, _SSRCS.pack(self.sender_ssrc, self.media_ssrc))


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """RFC 5104 section 4.3.1: (SSRC of the sender of the picture, 8-bit request number). A repeated number is
    a repeated request."""

    sender_ssrc: int
    entries: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, body: bytes) -> FullIntraRequest | None:
        if len(body) < 16 or len(body) % 8:
            return None
        entries = tuple((ssrc, number >> 24) for ssrc, number in struct.iter_unpack("!II", body[8:]))
        return cls(int.from_bytes(body[:4], "big"), entries)

    def serialize(self) -> bytes:
        entries = b"".join(struct.pack("!II", ssrc, number << 24) for ssrc, number in self.entries)
        return pack(PAYLOAD_FEEDBACK, FULL_INTRA_REQUEST, _SSRCS.pack(self.sender_ssrc, 0) + entries)


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate (bit/s) of all `ssrcs` together. On the wire it has 18 significant
    bits, rounded down."""

    sender_ssrc: int
    bitrate: int
    ssrcs: tuple[int, ...]

    @classmethod
    def parse(cls, body: bytes) -> Remb | None:
        if len(body) < 16 or body[8:12] != b"REMB" or len(body) < 16 + 4 * body[12]:
            return None
        exponent, mantissa = body[13] >> 2, int.from_bytes(body[13:16], "big") & 0x3FFFF
        if (mantissa << exponent) >> 63:  # no rate but an overflow
            return None
        ssrcs = struct.unpack_from(f"!{body[12]}I", body, 16)
        return cls(int.from_bytes(body[:4], "big"), mantissa << exponent, ssrcs)

    def serialize(self) -> bytes:
        exponent = max(0, self.bitrate.bit_length() - 18)
        rate = len(self.ssrcs) << 24 | exponent << 18 | self.bitrate >> exponent
        body = _SSRCS.pack(self.sender_ssrc, 0) + b"REMB" + rate.to_bytes(4, "big")
        return pack(PAYLOAD_FEEDBACK, APPLICATION, body + struct.pack(f"!{len(self.ssrcs)}I", *self.ssrcs))


def _pairs(lost: Iterable[int]) -> list[tuple[int, int]]:
    numbers = list(lost)
    if not numbers:
        return []
    # Sorted by distance from any one of them, so that the order holds across the wrap.
    origin = numbers[0] - 0x8000
    offsets = sorted({(number - origin) & 0xFFFF for number in numbers})
    pairs: list[tuple[int, int]] = []
    first, following = offsets[0], 0
    for offset in offsets[1:]:
        if offset - first <= 16:
            following |= 1 << (offset - first - 1)
        else:
            pairs.append((first + origin & 0xFFFF, following))
            first, following = offset, 0
    pairs.append((first + origin & 0xFFFF, following))
    return pairs
