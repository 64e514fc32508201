"""RTP packets (RFC 3550 section 5.1).

The relay's hot path reads header fields in place; `RtpHeader` is for tests and slow paths.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

FIXED_HEADER: Final = 12  # bytes before the CSRCs
MAX_CSRCS: Final = 15

_FIXED: Final = struct.Struct("!BBHII")


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """An RTP header. `extension` is the whole extension block, its 4-byte profile and length head included,
    as `write_extensions` makes it; b"" for none. `padding` is the P bit."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool = False
    padding: bool = False
    csrcs: tuple[int, ...] = ()
    extension: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> RtpHeader | None:
        """Reads the header of `data`, which may go on with a payload. None: malformed."""
        length = header_length(data)
        if length is None:
            return None
        first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(data)
        csrc_end = FIXED_HEADER + 4 * (first & 0x0F)
        return cls(
            payload_type=second & 0x7F,
            sequence=sequence,
            timestamp=timestamp,
            ssrc=ssrc,
            marker=second >= 0x80,
            padding=bool(first & 0x20),
            csrcs=struct.unpack_from(f"!{first & 0x0F}I", data, FIXED_HEADER),
            extension=bytes(data[csrc_end:length]),
        )

    def serialize(self) -> bytes:
        assert len(self.csrcs) <= MAX_CSRCS and len(self.extension) % 4 == 0
        first = 0x80 | self.padding << 5 | bool(self.extension) << 4 | len(self.csrcs)
        second = self.marker << 7 | self.payload_type
        fixed = _FIXED.pack(first, second, self.sequence, self.timestamp, self.ssrc)
        return fixed + struct.pack(f"!{len(self.csrcs)}I", *self.csrcs) + self.extension


def header_length(data: bytes) -> int | None:
    """Bytes of fixed header, CSRCs and header extension. None: not RTP, or cut off within its header."""
    size = len(data)
    if size < FIXED_HEADER:
        return None
    first = data[0]
    if first & 0xC0 != 0x80:
        return None
    length = FIXED_HEADER + ((first & 0x0F) << 2)
    if first & 0x10:
        if size < length + 4:
            return None
        length += 4 + (data[length + 2] << 10 | data[length + 3] << 2)
    return length if length <= size else None
