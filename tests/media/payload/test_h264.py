from fractions import Fraction

import av
import pytest
from aiortc.codecs.h264 import H264Encoder
from hypothesis import given
from hypothesis import strategies as st

from media.payload import h264

SPS = bytes.fromhex("6742c01ed900a03da10000030001000003003c8f162e48")  # libx264's, 640x480
PPS = bytes.fromhex("68cb83cb20")
IDR = b"\x65" + bytes(40)
SLICE = b"\x41" + bytes(40)
AUD, SEI = b"\x09\x10", b"\x06\x05\x01\x00\x80"


def aggregate(*units: bytes) -> bytes:
    """A STAP-A."""
    return b"\x78" + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def fragments(unit: bytes, size: int = 16) -> list[bytes]:
    """FU-A."""
    parts = [unit[at : at + size] for at in range(1, len(unit), size)]
    last = len(parts) - 1
    heads = [unit[0] & 0x1F | (n == 0) << 7 | (n == last) << 6 for n in range(len(parts))]
    return [bytes((0x7C, head)) + part for head, part in zip(heads, parts, strict=True)]


def keyframes(*payloads: bytes) -> list[bool]:
    parsed = [h264.parse(payload) for payload in payloads]
    return [head is not None and head.keyframe for head in parsed]


def test_a_keyframe_begins_with_its_parameter_sets_however_they_are_packed() -> None:
    assert keyframes(AUD, SPS, PPS, IDR) == [False, True, False, False]
    assert keyframes(aggregate(SPS, PPS), *fragments(IDR)) == [True, False, False, False]
    assert keyframes(aggregate(AUD, SPS, PPS, SEI, IDR)) == [True]
    assert keyframes(*fragments(SPS)) == [True, False]
    assert h264.parse(aggregate(AUD, SPS, PPS)) == (True, 640, 480)
    assert h264.parse(SPS) == (True, 640, 480)


def test_who_joins_at_a_picture_without_parameter_sets_could_not_decode_it() -> None:
    assert keyframes(IDR, aggregate(PPS, IDR), *fragments(IDR)) == [False] * 5


def test_parameter_sets_before_another_picture_make_no_keyframe_of_it() -> None:
    assert keyframes(aggregate(SPS, PPS, SLICE)) == [False]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x65",
        b"\x7c\x85",  # a fragment of nothing
        b"\x78\x00\x00\x67",  # an empty unit
        b"\x78\x00",
        b"\x78\x00\x05\x67\x42",  # cut off
        b"\x60\x01",  # type 0
        b"\x79\x00\x00\x00\x01\x67",  # STAP-B, MTAP, FU-B: packetization mode 2
        b"\x7a\x00\x00\x00\x01\x67",
        b"\x7d\x85\x00\x00\x01",
        b"\x7f\x01\x02",
    ],
)
def test_what_is_malformed_or_not_agreed_on_is_not_read(payload: bytes) -> None:
    assert h264.parse(payload) is None


@pytest.mark.parametrize(
    ("sps", "size"),
    [  # each of libx264
        ("6742c00bd9028df9210000030001000003003c8f142a48", (160, 90)),
        ("674d4015d901b1fe4e10000003001000000303c8f162e480", (426, 240)),  # Main
        ("67640028acb200f0044fcb08000003000800000301e478c19240", (1920, 1080)),  # High
        ("67640028ace401e0113f7080000003008000001e4f8b1724", (1920, 1080)),  # interlaced
        ("6764001eacb201405ff2c2000003000200000300791e2c5c90", (640, 360)),  # scaling matrices
        ("67640015f2c80c84ff2c20000003002000000791e2c5c9", (400, 300)),  # grey
        ("677a001fbcb200a00b7420000003002000000791e30649", (1280, 720)),  # 4:2:2
        ("67f4000b91964093f8f8f840000003004000000f23c50a92", (130, 98)),  # 4:4:4
    ],
)
def test_parameter_sets_tell_the_size_of_what_is_shown(sps: str, size: tuple[int, int]) -> None:
    assert h264.picture_size(bytes.fromhex(sps)) == size


def test_a_size_that_cannot_be_is_not_told() -> None:
    assert h264.picture_size(SPS[:5]) == (0, 0)
    assert h264.picture_size(b"\x67\x42\xc0\x1e" + bytes(8)) == (0, 0)
    assert h264.picture_size(b"\x67" + b"\xff" * 300)[0] <= h264.MAX_SIDE


def test_what_an_encoder_sends_is_read_to_its_end() -> None:
    encoder = H264Encoder()
    for number, forced in enumerate((True, False, False, True)):
        frame = av.VideoFrame(320, 240, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes((number * 37 + at * at) & 0xFF for at in range(plane.buffer_size)))
        frame.pts, frame.time_base = number, Fraction(1, 30)
        payloads, _ = encoder.encode(frame, force_keyframe=forced)
        heads = [h264.parse(payload) for payload in payloads]
        assert heads[0] == ((True, 320, 240) if forced else (False, 0, 0))
        assert heads[1:] == [(False, 0, 0)] * (len(payloads) - 1)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda body: b"\x78" + body))
def test_no_bytes_break_the_parser(payload: bytes) -> None:
    head = h264.parse(payload)
    assert head is None or head.keyframe or not head.width


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda body: SPS[:2] + b"\x64" + body))
def test_no_parameter_set_breaks_the_parser(sps: bytes) -> None:
    width, height = h264.picture_size(sps)
    assert 0 <= width <= h264.MAX_SIDE
    assert bool(width) == bool(height)
    assert 0 <= height <= h264.MAX_SIDE
