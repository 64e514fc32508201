"""H.264 in RTP (RFC 6184): where a picture begins that can be decoded by itself, and its size.

WebRTC sends parameter sets in band (RFC 7742 section 6.2), before each picture that others may join at. So
such a picture begins with its sequence parameter set; an IDR picture without one helps nobody who joins.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from media.payload.structure import BitReader

IDR: Final = 5  # types of NAL units (ITU-T H.264, table 7-1)
SPS: Final = 7
STAP_A: Final = 24  # of packets (RFC 6184, table 1); what else is above 23 needs packetization mode 2
FU_A: Final = 28
MAX_SPS: Final = 256  # bytes that are read of one; real ones take 10 to 40
MAX_SIDE: Final = 16_384  # pixels, beyond level 6.2

_SLICES: Final = range(1, 6)
# Profiles whose parameter sets say what chroma is like (ITU-T H.264 section 7.3.2.1.1).
_HIGH_PROFILES: Final = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))


class H264(NamedTuple):
    """What a packet's payload says."""

    keyframe: bool  # a picture begins here, or its parameter sets do, that is decoded by itself
    width: int  # pixels, where a keyframe says so; 0 elsewhere
    height: int


_OTHER: Final = H264(False, 0, 0)


def parse(payload: bytes) -> H264 | None:
    """Reads an RTP payload without padding. None: malformed, or of a mode that we do not agree on."""
    if len(payload) < 2:
        return None
    kind = payload[0] & 0x1F
    if kind == FU_A:
        if len(payload) < 3:
            return None
        begins = payload[1] & 0x80 != 0
        return H264(True, 0, 0) if begins and payload[1] & 0x1F == SPS else _OTHER
    if kind == STAP_A:
        return _parse_aggregate(payload)
    if kind == SPS:
        return H264(True, *picture_size(payload))
    return _OTHER if 0 < kind < STAP_A else None


def picture_size(sps: bytes) -> tuple[int, int]:
    """(width, height) of a sequence parameter set, its NAL unit header included; (0, 0): it can't be read.
    ITU-T H.264 sections 7.3.2.1.1 and 7.4.2.1.1."""
    # Emulation prevention (section 7.4.1): 3 bytes stand for 2.
    bits = BitReader(sps[1:MAX_SPS].replace(b"\0\0\3", b"\0\0"))
    profile = bits.read(8)
    bits.read(16)  # constraints, level
    _unsigned(bits)  # id
    chroma = 1  # 4:2:0
    separate = 0
    if profile in _HIGH_PROFILES:
        chroma = _unsigned(bits)
        separate = bits.read(1) if chroma == 3 else 0
        _unsigned(bits)  # bit depths
        _unsigned(bits)
        bits.read(1)
        if bits.read(1):
            _skip_scaling_matrix(bits, 12 if chroma == 3 else 8)
    _unsigned(bits)  # bits of a frame number
    _skip_picture_order(bits)
    _unsigned(bits)  # reference frames
    bits.read(1)
    columns, rows = _unsigned(bits) + 1, _unsigned(bits) + 1  # of macroblocks
    fields = 2 - bits.read(1)  # 2: a row is one of a field
    if fields == 2:
        bits.read(1)
    bits.read(1)
    left = right = top = bottom = 0
    if bits.read(1):
        left, right, top, bottom = _unsigned(bits), _unsigned(bits), _unsigned(bits), _unsigned(bits)
    halved = 0 if separate else chroma
    width = 16 * columns - (2 if halved in (1, 2) else 1) * (left + right)
    height = fields * (16 * rows - (2 if halved == 1 else 1) * (top + bottom))
    if bits.overrun or not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE:
        return 0, 0
    return width, height


def _parse_aggregate(payload: bytes) -> H264 | None:
    """STAP-A, RFC 6184 section 5.7.1: NAL units, each after its size."""
    at, end = 1, len(payload)
    sps = b""
    idr = other = False
    while at < end:
        size = int.from_bytes(payload[at : at + 2], "big")
        at += 2
        if not size or at + size > end:
            return None
        kind = payload[at] & 0x1F
        if kind == SPS:
            sps = payload[at : at + size]
        idr |= kind == IDR
        other |= kind in _SLICES
        at += size
    # Parameter sets may also be repeated before a picture that is no IDR.
    if not sps or (other and not idr):
        return _OTHER
    return H264(True, *picture_size(sps))


def _skip_scaling_matrix(bits: BitReader, lists: int) -> None:
    for number in range(lists):
        if not bits.read(1):
            continue
        scale = 8
        for _ in range(16 if number < 6 else 64):
            scale = (scale + _signed(bits)) % 256
            if not scale or bits.overrun:
                break


def _skip_picture_order(bits: BitReader) -> None:
    kind = _unsigned(bits)
    if kind == 0:
        _unsigned(bits)
    elif kind == 1:
        bits.read(1)
        _signed(bits)
        _signed(bits)
        for _ in range(min(_unsigned(bits), 255)):
            _signed(bits)


def _unsigned(bits: BitReader) -> int:
    """ue(v), section 9.1."""
    zeros = 0
    while zeros < 32 and not bits.overrun and not bits.read(1):
        zeros += 1
    return (1 << zeros) - 1 + bits.read(zeros)


def _signed(bits: BitReader) -> int:
    """se(v), section 9.1.1."""
    code = _unsigned(bits)
    return (code + 1) // 2 if code & 1 else -(code // 2)
