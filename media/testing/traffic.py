"""Synthetic media: what a browser's encoders put out, without pictures or sound. Pure and seeded.

Every payload tells its receiver, behind the codec's own bytes, what it can't know otherwise: when the frame
was captured and which frame it is decoded from (`FrameMark`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from media.payload import red
from media.payload.structure import DISCARDABLE, NOT_PRESENT, SWITCH

FRAME_RATE = 30  # frames/s
AUDIO_INTERVAL = 0.020  # seconds, the usual packet of Opus
AUDIO_TICKS = 960  # the same on the RTP clock
MAX_PAYLOAD = 1150  # bytes of an RTP payload: libwebrtc's 1,200 byte packets less header and extensions
KEYFRAME_SHARE = 5.0  # of the mean frame size
NOISE = 0.15  # standard deviation of the log of a frame's size
COMFORT_INTERVAL = 20  # packets; libopus in DTX sends one of 20, 400 ms

MARK_AT = 16  # behind a VP8 payload descriptor of 6 bytes at most and a frame head of 10
SPEECH_LEVEL, SILENCE_LEVEL = 30, 127  # -dBov
_SPEECH_TOC, _COMFORT = bytes((15 << 3,)), bytes((15 << 3, 0))  # hybrid fullband, 20 ms, mono (RFC 6716 3.1)
_MARK = Struct("!QIBB")
_KEYFRAME_HEAD = Struct("<3s3sHH")  # RFC 6386 section 9.1: frame tag, start code, width, height


class FrameMark(NamedTuple):
    captured_us: int  # on the sender's clock
    number: int  # counts the frames of an encoder
    distance: int  # frames back to the one that it is decoded from; 0: a keyframe
    encoder: int  # tells encoders apart


MARK_END = MARK_AT + _MARK.size


def read_mark(payload: bytes) -> FrameMark | None:
    """None: too short to be a payload of ours."""
    return FrameMark(*_MARK.unpack_from(payload, MARK_AT)) if len(payload) >= MARK_END else None


@dataclass(frozen=True, slots=True)
class EncodingSettings:
    """One simulcast stream."""

    rid: str
    width: int
    height: int
    bitrate: int
    keyframe: int = 0  # bytes of one; 0: by the bitrate


CAMERA = (
    EncodingSettings("q", 240, 136, 80_000),
    EncodingSettings("h", 480, 270, 200_000),
    EncodingSettings("f", 960, 540, 600_000),
)


class _Kind(NamedTuple):
    """A frame's place in the pattern of temporal layers."""

    temporal: int
    share: float  # of the mean frame size
    distance: int
    sync: bool  # refers to the base layer only
    referenced: bool
    template: int  # of the dependency descriptor


# libwebrtc: L1T3 of scalability_structure_l1tn; 40, 20 and 40 % of the bitrate (simulcast_rate_allocator.cc).
L1T3 = (
    _Kind(0, 1.6, 4, False, True, 1),
    _Kind(2, 0.8, 1, True, False, 3),
    _Kind(1, 0.8, 2, True, True, 2),
    _Kind(2, 0.8, 1, False, False, 4),
)
L1T1 = (_Kind(0, 1.0, 1, False, True, 1),)


class Frame(NamedTuple):
    payloads: tuple[bytes, ...]
    descriptors: tuple[bytes, ...]  # of each packet; b"" without the dependency descriptor
    keyframe: bool
    temporal: int


class Vp8Encoder:
    """Frames of one encoding, as the RTP payloads that they are sent in (RFC 7741).

    With `descriptor` each packet has a dependency descriptor and, as in Chromium, a payload descriptor of one
    byte; without it, one with picture id, TL0PICIDX and temporal layer."""

    def __init__(
        self,
        settings: EncodingSettings,
        rng: random.Random,
        *,
        pattern: Sequence[_Kind] = L1T3,
        descriptor: bool = False,
        number: int = 0,
    ) -> None:
        self.settings = settings
        self._rng = rng
        self._pattern = pattern
        self._descriptor = descriptor
        self._encoder = number
        self._index = -1
        self._position = 0
        self._picture_id = rng.randrange(1 << 15)
        self._tl0 = rng.randrange(256)
        self._frame_number = 0 if descriptor else -1

    def encode(self, *, keyframe: bool, captured_us: int = 0) -> Frame:
        """The next frame. The first one has to be a keyframe."""
        assert keyframe or self._index >= 0
        if keyframe:
            self._position = 0
        kind = self._pattern[self._position]
        self._position = (self._position + 1) % len(self._pattern)
        self._index += 1
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        self._frame_number = (self._frame_number + 1) & 0xFFFF
        if kind.temporal == 0:
            self._tl0 = (self._tl0 + 1) & 0xFF
        mean = self.settings.bitrate / 8 / FRAME_RATE
        size = mean * (KEYFRAME_SHARE if keyframe else kind.share)
        if keyframe and self.settings.keyframe:
            size = self.settings.keyframe
        sizes = split(int(size * self._rng.lognormvariate(0, NOISE)))
        mark = _MARK.pack(captured_us, self._index, 0 if keyframe else kind.distance, self._encoder)
        payloads, descriptors = [], []
        for place, size in enumerate(sizes):
            head = self._payload_descriptor(kind, keyframe, place == 0)
            if place == 0:
                head += self._frame_head(keyframe)
            payloads.append(head.ljust(MARK_AT, b"\0") + mark + bytes(size - MARK_END))
            if self._descriptor:
                descriptors.append(self._dependencies(kind, keyframe, place == 0, place == len(sizes) - 1))
        return Frame(tuple(payloads), tuple(descriptors) or (b"",) * len(sizes), keyframe, kind.temporal)

    def _payload_descriptor(self, kind: _Kind, keyframe: bool, start: bool) -> bytes:
        first = (not kind.referenced) << 5 | start << 4
        if self._descriptor:
            return bytes((first,))
        sync = kind.sync and not keyframe
        return bytes(
            (
                0x80 | first,
                0xE0,  # picture id, TL0PICIDX, TID
                0x80 | self._picture_id >> 8,
                self._picture_id & 0xFF,
                self._tl0,
                kind.temporal << 6 | sync << 5,
            )
        )

    def _frame_head(self, keyframe: bool) -> bytes:
        tag = (not keyframe) | 1 << 4  # inverse keyframe bit, show_frame
        if not keyframe:
            return tag.to_bytes(3, "little")
        size = self.settings.width, self.settings.height
        return _KEYFRAME_HEAD.pack(tag.to_bytes(3, "little"), b"\x9d\x01\x2a", *size)

    def _dependencies(self, kind: _Kind, keyframe: bool, start: bool, end: bool) -> bytes:
        template = 0 if keyframe else kind.template
        head = bytes((start << 7 | end << 6 | template,)) + self._frame_number.to_bytes(2, "big")
        return head + structure(self.settings) if keyframe and start else head


class OpusEncoder:
    """Opus in packets of 20 ms; with `redundant` each carries the one before too (RFC 2198)."""

    def __init__(
        self, rng: random.Random, *, payload_type: int = 111, bitrate: int = 32_000, redundant: bool = False
    ) -> None:
        self._rng = rng
        self._payload_type = payload_type
        self.bitrate = bitrate
        self._redundant = redundant
        self._index = -1
        self._silent = 0  # packets since speech ended
        self._before = b""

    def encode(self, *, speaking: bool = True, captured_us: int = 0) -> bytes | None:
        """The next 20 ms; None: nothing is sent (DTX)."""
        self._index += 1
        self._silent = 0 if speaking else self._silent + 1
        before, self._before = self._before, b""
        if speaking:
            mean = self.bitrate / 8 * AUDIO_INTERVAL
            size = max(int(self._rng.gauss(mean, mean * 0.1)), MARK_END)
            mark = _MARK.pack(captured_us, self._index, 1, 0)
            packet = self._before = _SPEECH_TOC.ljust(MARK_AT, b"\0") + mark + bytes(size - MARK_END)
        elif self._silent % COMFORT_INTERVAL == 1:
            packet = _COMFORT
        else:
            return None
        if not self._redundant:
            return packet
        blocks = [red.Block(self._payload_type, AUDIO_TICKS, before)] if before else []
        return red.build([*blocks, red.Block(self._payload_type, 0, packet)])


def split(size: int) -> list[int]:
    """Payload sizes of a frame: about equal, the larger ones last (libwebrtc: rtp_packetizer.cc)."""
    size = max(size, MARK_END)
    count = -(-size // MAX_PAYLOAD)
    small, larger = divmod(size, count)
    return [max(MARK_END, small + (place >= count - larger)) for place in range(count)]


def structure(settings: EncodingSettings) -> bytes:
    """The extended part of a dependency descriptor that tells the templates of L1T3, which `L1T3` refers to
    (AV1 RTP specification, appendix A.8.2 and A.8.3)."""
    layers = (0, 1, 1, 0, 3)  # from each template to the next: same layer, next temporal, none
    indications = ("SSS", "SSS", "-DS", "--D", "--D")
    distances = ((), (4,), (2,), (1,), (1,))
    chain_distances = (0, 4, 2, 1, 3)
    meaning = {"S": SWITCH, "D": DISCARDABLE, "-": NOT_PRESENT}
    bits = _Bits()
    bits.put(0b10000, 5)  # a structure, and nothing else
    bits.put(0, 6)  # first template id
    bits.put(2, 5)  # decode targets - 1
    for step in layers:
        bits.put(step, 2)
    for row in indications:
        for letter in row:
            bits.put(meaning[letter], 2)
    for row_distances in distances:
        for distance in row_distances:
            bits.put(1, 1)
            bits.put(distance - 1, 4)
        bits.put(0, 1)
    bits.put(1, 2)  # one chain, ns(4)
    # Each decode target is protected by chain 0 of 1: ns(1) takes no bits.
    for distance in chain_distances:
        bits.put(distance, 4)
    bits.put(1, 1)  # resolutions follow
    bits.put(settings.width - 1, 16)
    bits.put(settings.height - 1, 16)
    return bits.bytes()


class _Bits:
    def __init__(self) -> None:
        self._value = self._width = 0

    def put(self, value: int, width: int) -> None:
        self._value = self._value << width | value
        self._width += width

    def bytes(self) -> bytes:
        padding = -self._width % 8
        return (self._value << padding).to_bytes((self._width + padding) // 8, "big")
