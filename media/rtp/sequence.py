"""Numbers that wrap, by serial arithmetic (RFC 1982): RTP sequence numbers and timestamps."""

from __future__ import annotations


def unwrap16(value: int, reference: int) -> int:
    """The number congruent to `value` modulo 2**16 that is nearest to `reference`, an unwrapped number.
    At exactly half the range away the older one is taken. Negative near the start, so that order holds."""
    return reference + ((value - reference + 0x8000) & 0xFFFF) - 0x8000


def unwrap32(value: int, reference: int) -> int:
    """As `unwrap16`, modulo 2**32."""
    return reference + ((value - reference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
