"""Opus packets (RFC 6716 section 3): what their first bytes say, and several made one.

A packet is a TOC byte and one or more frames of one mode, bandwidth, duration and channel count. Durations
are in samples at 48 kHz, the RTP clock of Opus (RFC 7587 section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MAX_FRAME: Final = 1275  # bytes, RFC 6716 section 3.2.1
MAX_DURATION: Final = 5760  # 120 ms, RFC 6716 section 3.2.5
MAX_DTX_PACKET: Final = 2  # bytes: libopus says of packets up to this size that they need not be sent

_VBR: Final = 0x80  # flags of the frame count byte of code 3
_PADDING: Final = 0x40
# By config / 4 and config % 4, RFC 6716 table 2: SILK, hybrid (10 and 20 ms twice), CELT.
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960, 480, 960)
_CELT = (120, 240, 480, 960)
_FRAME_DURATIONS: Final = _SILK * 3 + _HYBRID + _CELT * 4


class Toc(NamedTuple):
    """The first byte of a packet, RFC 6716 section 3.1."""

    config: int  # 0..31: mode, bandwidth and frame duration
    frame_duration: int  # samples
    channels: int  # 1 or 2
    code: int  # 0: one frame, 1: two of equal size, 2: two, 3: any number


def parse_toc(packet: bytes) -> Toc | None:
    """None: an empty packet."""
    if not packet:
        return None
    toc = packet[0]
    return Toc(toc >> 3, _FRAME_DURATIONS[toc >> 3], 1 + (toc >> 2 & 1), toc & 3)


def duration(packet: bytes) -> int | None:
    """Samples that a packet decodes to. None: malformed."""
    if not packet:
        return None
    frame, code = _FRAME_DURATIONS[packet[0] >> 3], packet[0] & 3
    if code < 3:
        return frame * 2 if code else frame
    samples = frame * (packet[1] & 0x3F) if len(packet) > 1 else 0
    return samples if 0 < samples <= MAX_DURATION else None


def is_dtx(packet: bytes) -> bool:
    """Whether a packet says only that there is silence."""
    return 0 < len(packet) <= MAX_DTX_PACKET


def split(packet: bytes) -> tuple[bytes, ...] | None:
    """The compressed frames of a packet, without its head and padding. None: malformed (RFC 6716, 3.4)."""
    total = duration(packet)
    if total is None:
        return None
    code = packet[0] & 3
    if code == 0:
        frames: tuple[bytes, ...] | None = (packet[1:],)
    elif code == 1:
        frames = _equal_parts(packet[1:], 2)
    elif code == 2:
        frames = _sized_parts(packet[1:], 2)
    else:
        frames = _split_many(packet)
    if frames is None or max(map(len, frames)) > MAX_FRAME:
        return None
    return frames


def merge(packets: Sequence[bytes]) -> bytes | None:
    """One packet (code 3) that decodes to what `packets` decode to in turn. None where they differ in mode,
    bandwidth, frame duration or channels, are together longer than 120 ms, or are malformed."""
    frames: list[bytes] = []
    samples = 0
    for packet in packets:
        parts = split(packet)
        if parts is None or (packet[0] ^ packets[0][0]) & 0xFC:
            return None
        frames += parts
        samples += _FRAME_DURATIONS[packet[0] >> 3] * len(parts)
    if not frames or samples > MAX_DURATION:
        return None
    vbr = any(len(frame) != len(frames[0]) for frame in frames)
    head = bytes((packets[0][0] | 3, (_VBR if vbr else 0) | len(frames)))
    sizes = b"".join(_write_size(len(frame)) for frame in frames[:-1]) if vbr else b""
    return head + sizes + b"".join(frames)


def _split_many(packet: bytes) -> tuple[bytes, ...] | None:
    """Code 3, RFC 6716 section 3.2.5; `duration` has seen to it that there is a count byte, and no zero."""
    flags, count, at, end = packet[1], packet[1] & 0x3F, 2, len(packet)
    if flags & _PADDING:
        while True:
            if at >= end:
                return None
            more = packet[at]
            at += 1
            end -= 254 if more == 255 else more
            if more < 255:
                break
    if end < at:
        return None
    body = packet[at:end]
    return _sized_parts(body, count) if flags & _VBR else _equal_parts(body, count)


def _equal_parts(body: bytes, count: int) -> tuple[bytes, ...] | None:
    size, rest = divmod(len(body), count)
    return None if rest else tuple(body[i * size : (i + 1) * size] for i in range(count))


def _sized_parts(body: bytes, count: int) -> tuple[bytes, ...] | None:
    """Sizes of all but the last frame, then the frames (RFC 6716 sections 3.2.1, 3.2.4 and 3.2.5)."""
    sizes: list[int] = []
    at = 0
    for _ in range(count - 1):
        if at >= len(body):
            return None
        size = body[at]
        at += 1
        if size >= 252:
            if at >= len(body):
                return None
            size += 4 * body[at]
            at += 1
        sizes.append(size)
    frames: list[bytes] = []
    for size in sizes:
        if at + size > len(body):
            return None
        frames.append(body[at : at + size])
        at += size
    return (*frames, body[at:])


def _write_size(size: int) -> bytes:
    """RFC 6716 section 3.2.1."""
    if size < 252:
        return bytes((size,))
    low = 252 + (size & 3)
    return bytes((low, (size - low) // 4))
