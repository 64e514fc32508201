"""What a publisher's encoders put out: VP8 frames with temporal layers, and the clock stamp that every
payload carries.

Pure: no socket, no clock. Sizes follow the bitrate with some noise from a seeded generator, so that two
servers get the same frames.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from struct import Struct

FRAME_RATE = 30  # frames/s
AUDIO_INTERVAL = 0.020  # s, Opus's usual packet
AUDIO_SIZE = 80  # bytes: 32 kbit/s
MAX_PAYLOAD = 1150  # bytes of an RTP payload: libwebrtc's 1200 byte packets less header and extensions

# Every payload begins with 16 bytes of codec headers (a VP8 payload descriptor of 6 and a frame header of 10,
# or an Opus TOC and filler), then the sender's clock in ns. A relay may append padding, so that it stays
# readable.
STAMP_AT = 16
STAMP_END = 24
MIN_PAYLOAD = STAMP_END

# (tid, share of the mean frame size, only refers to the base layer, others may refer to it) of L1T3, four
# frames: 40, 20 and 40 % of the bitrate for tid 0, 1 and 2 (libwebrtc: simulcast_rate_allocator.cc).
TEMPORAL_PATTERN = (
    (0, 1.6, False, True),
    (2, 0.8, True, False),
    (1, 0.8, True, True),
    (2, 0.8, False, False),
)
KEYFRAME_SHARE = 5.0  # of the mean frame size
NOISE = 0.15  # standard deviation of the log of a frame's size

_KEYFRAME_HEADER = Struct("<3s3sHH")  # RFC 6386 section 9.1: frame tag, start code, width, height
_STAMP = Struct("!Q")

# Opus TOC: configuration 15 (hybrid fullband, 20 ms), mono, one frame (RFC 6716 section 3.1).
AUDIO_PREFIX = bytes([15 << 3]) + bytes(15)


@dataclass(frozen=True, slots=True)
class Encoding:
    """One simulcast stream: its rid, picture size, and bit/s."""

    rid: str
    width: int
    height: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class Packet:
    """The first 16 bytes of an RTP payload, and the size of the whole."""

    prefix: bytes
    size: int


def simulcast(video_kbps: int, count: int) -> tuple[Encoding, ...]:
    """The encodings of 1280x720 at `video_kbps`, largest first; the lower two as in libwebrtc (simulcast.cc:
    360p 500, 180p 150 kbit/s) or less."""
    full = Encoding("f", 1280, 720, video_kbps * 1000)
    half = Encoding("h", 640, 360, min(500, video_kbps // 2) * 1000)
    quarter = Encoding("q", 320, 180, min(150, video_kbps // 4) * 1000)
    return (full, half, quarter)[:count]


class Vp8Encoder:
    """Frames of one encoding, as the RTP payloads they are sent in (RFC 7741)."""

    def __init__(self, encoding: Encoding, seed: int) -> None:
        self._encoding = encoding
        self._random = random.Random(seed)
        self._mean = encoding.bitrate / 8 / FRAME_RATE
        self._picture_id = self._random.randrange(1 << 15)
        self._tl0 = self._random.randrange(256)
        self._position = 0  # in TEMPORAL_PATTERN

    def frame(self, *, keyframe: bool) -> list[Packet]:
        if keyframe:
            self._position = 0
        tid, share, sync, referenced = TEMPORAL_PATTERN[self._position]
        self._position = (self._position + 1) % len(TEMPORAL_PATTERN)
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        if tid == 0:
            self._tl0 = (self._tl0 + 1) & 0xFF
        share = KEYFRAME_SHARE if keyframe else share
        size = int(self._mean * share * self._random.lognormvariate(0, NOISE))
        return self._packetize(size, tid, sync, referenced, keyframe)

    def _packetize(self, size: int, tid: int, sync: bool, referenced: bool, keyframe: bool) -> list[Packet]:
        head = self._frame_header(size, keyframe)
        sizes = split(max(size, MIN_PAYLOAD))
        packets = []
        for index, part in enumerate(sizes):
            # X and N and S bits; then I, L and T; 15-bit picture id; TL0PICIDX; TID and Y (RFC 7741 section
            # 4.2).
            descriptor = bytes(
                (
                    0x80 | (not referenced) << 5 | (index == 0) << 4,
                    0xE0,
                    0x80 | self._picture_id >> 8,
                    self._picture_id & 0xFF,
                    self._tl0,
                    tid << 6 | (sync and not keyframe) << 5,
                )
            )
            packets.append(Packet(descriptor + (head if index == 0 else bytes(10)), part))
        return packets

    def _frame_header(self, size: int, keyframe: bool) -> bytes:
        tag = (
            (not keyframe) | 1 << 4 | min(size // 8, (1 << 19) - 1) << 5
        )  # P bit, show_frame, first partition
        if not keyframe:
            return tag.to_bytes(3, "little") + bytes(7)
        size_of_picture = self._encoding.width, self._encoding.height
        return _KEYFRAME_HEADER.pack(tag.to_bytes(3, "little"), b"\x9d\x01\x2a", *size_of_picture)


def split(size: int) -> list[int]:
    """Payload sizes of a frame: about equal, the larger ones last (libwebrtc: rtp_packetizer.cc)."""
    count = -(-size // MAX_PAYLOAD)
    small, larger = divmod(size, count)
    return [max(MIN_PAYLOAD, small + (index >= count - larger)) for index in range(count)]


def stamp(payload: bytes) -> int | None:
    """The sender's clock, in ns, from a decrypted payload; None if it is too short to be one of ours."""
    return _STAMP.unpack_from(payload, STAMP_AT)[0] if len(payload) >= MIN_PAYLOAD else None
