"""VP8's RTP payload descriptor (RFC 7741 section 4.2) and the head of a keyframe (RFC 6386 section 9.1).

`parse` runs for every received packet, `rewrite` for every forwarded one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_KEYFRAME_HEAD: Final = 10  # bytes: frame tag 3, start code 3, width 2, height 2
_START_CODE: Final = b"\x9d\x01\x2a"


class Vp8(NamedTuple):
    """A parsed descriptor. Offsets (`..._at`) are into the payload, 0 for absent.
    A NamedTuple, as a frozen dataclass takes several times as long to make."""

    length: int  # bytes of the descriptor
    start: bool  # first packet of a frame: S set and partition 0
    keyframe: bool  # first packet of a keyframe; the later ones don't say
    width: int  # pixels, of a keyframe's first packet; 0 elsewhere
    height: int
    picture_id: int | None
    picture_id_at: int
    wide: bool  # the picture id has 15 bits, not 7
    tl0: int | None  # TL0PICIDX, 8 bits
    tl0_at: int
    tid: int | None  # temporal layer, 0..3
    layer_sync: bool  # Y: depends on the base layer only
    key_index: int | None  # KEYIDX, 5 bits
    key_index_at: int


def parse(payload: bytes) -> Vp8 | None:
    """Reads an RTP payload without padding. None: malformed, or nothing follows the descriptor."""
    size = len(payload)
    if size < 2:
        return None
    first = payload[0]
    picture_id = tl0 = tid = key_index = None
    picture_id_at = tl0_at = key_index_at = 0
    wide = layer_sync = False
    at = 1
    if first & 0x80:
        flags = payload[1]
        at = 2
        if size < 7 and size <= _extended_length(payload):
            return None
        if flags & 0x80:
            picture_id_at = 2
            picture_id = payload[2]
            at = 3
            if picture_id & 0x80:
                wide = True
                picture_id = (picture_id & 0x7F) << 8 | payload[3]
                at = 4
        if flags & 0x40:
            tl0_at = at
            tl0 = payload[at]
            at += 1
        if flags & 0x30:
            layers = payload[at]
            if flags & 0x20:
                tid = layers >> 6
                layer_sync = layers & 0x20 != 0
            if flags & 0x10:
                key_index = layers & 0x1F
                key_index_at = at
            at += 1
    start = first & 0x17 == 0x10
    keyframe = start and not payload[at] & 1
    width = height = 0
    if keyframe and size >= at + _KEYFRAME_HEAD and payload[at + 3 : at + 6] == _START_CODE:
        width = (payload[at + 7] & 0x3F) << 8 | payload[at + 6]
        height = (payload[at + 9] & 0x3F) << 8 | payload[at + 8]
    return Vp8(
        at,
        start,
        keyframe,
        width,
        height,
        picture_id,
        picture_id_at,
        wide,
        tl0,
        tl0_at,
        tid,
        layer_sync,
        key_index,
        key_index_at,
    )


def rewrite(payload: bytes, parsed: Vp8, picture_id: int | None, tl0: int | None) -> bytes:
    """`payload` with another picture id and TL0PICIDX, both taken modulo their size. None, or a field that
    the payload does not have: left as it is."""
    return rewrite_descriptor(payload, parsed, picture_id, tl0) + payload[parsed.length :]


def rewrite_descriptor(payload: bytes, parsed: Vp8, picture_id: int | None, tl0: int | None) -> bytes:
    """The payload descriptor alone, so rewritten."""
    at = parsed.picture_id_at
    if parsed.wide and picture_id is not None and tl0 is not None and parsed.tl0_at:  # as browsers send it
        fields = (0x8000 | picture_id & 0x7FFF) << 8 | tl0 & 0xFF
        return payload[:at] + fields.to_bytes(3, "big") + payload[at + 3 : parsed.length]
    head = bytearray(payload[: parsed.length])
    if picture_id is not None and at:
        if parsed.wide:
            head[at] = 0x80 | picture_id >> 8 & 0x7F
            head[at + 1] = picture_id & 0xFF
        else:
            head[at] = picture_id & 0x7F
    if tl0 is not None and parsed.tl0_at:
        head[parsed.tl0_at] = tl0 & 0xFF
    return bytes(head)


def _extended_length(payload: bytes) -> int:
    """Bytes of a descriptor with the X bit, which may go on past the end of a short `payload`."""
    flags = payload[1]
    length = 2
    if flags & 0x80:
        length += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
    return length + (flags & 0x40 != 0) + (flags & 0x30 != 0)
