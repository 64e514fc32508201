import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload import vp8

KEYFRAME = bytes.fromhex("10 02 00 9d012a 8002 6841")  # tag, start code, 640 wide, 360 high (scale bits set)
DELTA_FRAME = b"\x01\x02\x03"


def extended(flags: int, fields: str = "", first: int = 0x90) -> bytes:
    return bytes((first, flags)) + bytes.fromhex(fields)


def test_a_descriptor_of_one_byte_says_where_frames_start():
    parsed = vp8.parse(b"\x10" + DELTA_FRAME)
    assert parsed is not None
    assert (parsed.length, parsed.start, parsed.keyframe) == (1, True, False)
    assert (parsed.picture_id, parsed.tl0, parsed.tid) == (None, None, None)
    assert (parsed.picture_id_at, parsed.tl0_at) == (0, 0)


def test_all_that_chromium_sends_is_read():
    parsed = vp8.parse(extended(0xE0, "8123 10 60") + DELTA_FRAME)
    assert parsed is not None
    assert parsed.length == 6
    assert (parsed.picture_id, parsed.picture_id_at, parsed.wide) == (0x0123, 2, True)
    assert (parsed.tl0, parsed.tl0_at) == (0x10, 4)
    assert (parsed.tid, parsed.layer_sync) == (1, True)


def test_a_narrow_picture_id_is_read_and_a_key_index_passed_over():
    parsed = vp8.parse(extended(0x90, "7f 1f") + DELTA_FRAME)
    assert parsed is not None
    assert parsed.length == 4
    assert (parsed.picture_id, parsed.wide) == (0x7F, False)
    assert (parsed.tid, parsed.layer_sync) == (None, False), "without the T bit they mean nothing"


def test_a_keyframe_says_its_size():
    parsed = vp8.parse(b"\x10" + KEYFRAME)
    assert parsed is not None
    assert (parsed.start, parsed.keyframe, parsed.width, parsed.height) == (True, True, 640, 360)


def test_only_the_first_packet_of_a_keyframe_is_one():
    for first in (0x00, 0x11, 0x01):  # S missing, or another partition
        parsed = vp8.parse(bytes((first,)) + KEYFRAME)
        assert parsed is not None
        assert (parsed.start, parsed.keyframe, parsed.width, parsed.height) == (False, False, 0, 0)


def test_a_keyframe_whose_head_cannot_be_read_has_no_size():
    for payload in (KEYFRAME[:9], KEYFRAME.replace(b"\x9d", b"\x9c")):
        parsed = vp8.parse(b"\x10" + payload)
        assert parsed is not None
        assert (parsed.keyframe, parsed.width, parsed.height) == (True, 0, 0)


def test_a_descriptor_with_nothing_behind_it_is_malformed():
    assert vp8.parse(b"") is None
    assert vp8.parse(b"\x10") is None
    whole = extended(0xF0, "8123 10 60")
    assert vp8.parse(whole + b"\x01") is not None
    assert all(vp8.parse(whole[:length]) is None for length in range(len(whole) + 1))


def test_rewriting_changes_picture_id_and_tl0_alone():
    payload = extended(0xE0, "8123 10 60") + DELTA_FRAME
    parsed = vp8.parse(payload)
    assert parsed is not None
    assert vp8.rewrite_descriptor(payload, parsed, 0x7FFF, 0xFF) == extended(0xE0, "ffff ff 60")
    assert vp8.rewrite_descriptor(payload, parsed, 0x8001, 0x101) == extended(0xE0, "8001 01 60")
    assert vp8.rewrite_descriptor(payload, parsed, None, 1) == extended(0xE0, "8123 01 60")
    assert vp8.rewrite_descriptor(payload, parsed, 1, None) == extended(0xE0, "8001 10 60")


def test_rewriting_keeps_a_narrow_picture_id_narrow():
    payload = extended(0x80, "05") + DELTA_FRAME
    parsed = vp8.parse(payload)
    assert parsed is not None
    assert vp8.rewrite_descriptor(payload, parsed, 0x1234, 9) == extended(0x80, "34")


def test_rewriting_what_is_not_there_changes_nothing():
    payload = b"\x10" + KEYFRAME
    parsed = vp8.parse(payload)
    assert parsed is not None
    assert vp8.rewrite_descriptor(payload, parsed, 77, 8) == b"\x10"


@pytest.mark.parametrize("flags", range(0, 256, 16))
@given(body=st.binary(min_size=1, max_size=12), first=st.integers(0x80, 0xFF))
def test_whatever_was_rewritten_reads_as_written(flags: int, body: bytes, first: int):
    payload = bytes((first, flags)) + body
    parsed = vp8.parse(payload)
    if parsed is None:
        return
    rewritten = vp8.rewrite_descriptor(payload, parsed, 0x55, 0x66)
    again = vp8.parse(rewritten + payload[parsed.length :])
    assert again is not None and len(rewritten) == parsed.length
    assert again.picture_id == (None if parsed.picture_id is None else 0x55)
    assert again.tl0 == (None if parsed.tl0 is None else 0x66)
    others = [name for name in dir(parsed) if name[0] != "_" and name not in ("picture_id", "tl0")]
    assert all(getattr(again, name) == getattr(parsed, name) for name in others)


@given(st.binary(max_size=30))
def test_no_bytes_break_the_parser(payload: bytes):
    parsed = vp8.parse(payload)
    if parsed is not None:
        assert 1 <= parsed.length < len(payload)
        assert not parsed.keyframe or parsed.start
        assert max(parsed.picture_id_at, parsed.tl0_at) < parsed.length
