"""Which packets of a batch can leave in one UDP GSO send (Linux UDP_SEGMENT).

One send is cut into segments of equal size by the kernel, the last may be shorter. Packets of one video frame
differ by a few bytes, the longer ones last (libwebrtc modules/rtp_rtcp/source/rtp_format.cc,
`SplitAboutEqually`), so that the shorter ones get RTP padding (RFC 3550 section 5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_SEGMENTS: Final = 64  # UDP_MAX_SEGMENTS before Linux 6.9
MAX_BYTES: Final = 65_000  # an IP datagram's 65,535 less room for its headers
# Padding is at most a 32nd of the size: 34 bytes for 1,100, and next to nothing for audio.
PADDING_SHIFT: Final = 5

PADDING_BIT: Final = 0x20


def plan_runs(packets: Sequence[tuple[bytes, bytes]], overhead: int) -> list[tuple[int, int, int]]:
    """Cuts a batch of (RTP header, payload) into runs, in order: (first, end, segment size).

    `overhead` is what protection adds to a payload. A packet without header (RTCP, protected already) and one
    that has padding already is never padded.
    """
    runs: list[tuple[int, int, int]] = []
    first = total = largest = smallest = 0
    rigid = 0  # size that a run must keep because a packet of it can't be padded
    for at, (header, payload) in enumerate(packets):
        size = len(header) + len(payload)
        flexible = False
        if header:
            size += overhead
            flexible = not header[0] & PADDING_BIT
        if at == first:
            total = largest = smallest = size
            rigid = 0 if flexible else size
            continue
        grown = size if size > largest else largest
        # With this packet behind them, all before it are padded to one size.
        if (
            grown - smallest <= grown >> PADDING_SHIFT
            and (not rigid or rigid == grown)
            and at - first < MAX_SEGMENTS
            and total + grown <= MAX_BYTES
        ):
            total += grown
            largest = grown
            if size < smallest:
                smallest = size
            if not flexible:
                rigid = size
        else:
            runs.append((first, at, largest))
            first, total, largest, smallest = at, size, size, size
            rigid = 0 if flexible else size
    if packets:
        runs.append((first, len(packets), largest))
    return runs


def pad(header: bytes, payload: bytes, count: int) -> tuple[bytes, bytes]:
    """The packet with `count` (1..255) bytes of RTP padding; it has none yet."""
    return bytes((header[0] | PADDING_BIT,)) + header[1:], payload + bytes(count - 1) + bytes((count,))
