"""VP8's RTP payload descriptor (RFC 7741 section 4.2) and the head of a keyframe (RFC 6386 section 9.1).

`parse` runs for every received packet, `rewrite_descriptor` for every forwarded one.
"""

from __future__ import annotations

from typing import Final

_KEYFRAME_HEAD: Final = 10  # bytes: frame tag 3, start code 3, width 2, height 2
_START_CODE: Final = b"\x9d\x01\x2a"


class Vp8:
    """A parsed descriptor. Offsets (`..._at`) are into the payload, 0 for absent.
    A plain class, the cheapest to make once compiled."""

    __slots__ = (
        "height",
        "keyframe",
        "layer_sync",
        "length",
        "picture_id",
        "picture_id_at",
        "start",
        "tid",
        "tl0",
        "tl0_at",
        "wide",
        "width",
    )

    def __init__(self) -> None:
        self.length = 1  # bytes of the descriptor
        self.start = False  # first packet of a frame: S set and partition 0
        self.keyframe = False  # first packet of a keyframe; the later ones don't say
        self.width = 0  # pixels, of a keyframe's first packet; 0 elsewhere
        self.height = 0
        self.picture_id: int | None = None
        self.picture_id_at = 0
        self.wide = False  # the picture id has 15 bits, not 7
        self.tl0: int | None = None  # TL0PICIDX, 8 bits
        self.tl0_at = 0
        self.tid: int | None = None  # temporal layer, 0..3
        self.layer_sync = False  # Y: depends on the base layer only


def parse(payload: bytes) -> Vp8 | None:
    """Reads an RTP payload without padding. None: malformed, or nothing follows the descriptor."""
    size = len(payload)
    if size < 2:
        return None
    parsed = Vp8()
    first = payload[0]
    at = 1
    if first & 0x80:
        flags = payload[1]
        at = 2
        if size < 7 and size <= _extended_length(payload):
            return None
        if flags & 0x80:
            parsed.picture_id_at = 2
            picture_id = payload[2]
            at = 3
            if picture_id & 0x80:
                parsed.wide = True
                picture_id = (picture_id & 0x7F) << 8 | payload[3]
                at = 4
            parsed.picture_id = picture_id
        if flags & 0x40:
            parsed.tl0_at = at
            parsed.tl0 = payload[at]
            at += 1
        if flags & 0x30:  # the temporal layer, KEYIDX or both
            if flags & 0x20:
                parsed.tid = payload[at] >> 6
                parsed.layer_sync = payload[at] & 0x20 != 0
            at += 1
    parsed.length = at
    parsed.start = first & 0x17 == 0x10
    parsed.keyframe = parsed.start and not payload[at] & 1
    if parsed.keyframe and size >= at + _KEYFRAME_HEAD and payload[at + 3 : at + 6] == _START_CODE:
        parsed.width = (payload[at + 7] & 0x3F) << 8 | payload[at + 6]
        parsed.height = (payload[at + 9] & 0x3F) << 8 | payload[at + 8]
    return parsed


def rewrite_descriptor(payload: bytes, parsed: Vp8, picture_id: int | None, tl0: int | None) -> bytes:
    """The descriptor of `payload` with another picture id and TL0PICIDX, both taken modulo their size. None,
    or a field that it does not have: left as it is."""
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
