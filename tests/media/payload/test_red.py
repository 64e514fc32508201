import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.payload.red import MAX_BLOCK, MAX_BLOCKS, MAX_OFFSET, Block, build, fits, parse

payload_types = st.integers(0, 127)
redundant = st.builds(Block, payload_types, st.integers(0, MAX_OFFSET), st.binary(max_size=40))
primary = st.builds(Block, payload_types, st.just(0), st.binary(max_size=40))


def test_two_blocks_lie_as_rfc_2198_draws_them():
    blocks = (Block(111, 960, b"old"), Block(111, 0, b"new!"))
    assert build(blocks) == bytes.fromhex("ef 0f0003 6f") + b"oldnew!"
    assert parse(build(blocks)) == blocks


def test_a_primary_block_alone_has_a_head_of_one_byte():
    assert build([Block(111, 0, b"new")]) == b"\x6fnew"
    assert parse(b"\x6fnew") == (Block(111, 0, b"new"),)
    assert parse(b"\x6f") == (Block(111, 0, b""),)


def test_the_largest_redundant_block_fits_and_a_larger_one_does_not():
    largest = Block(1, MAX_OFFSET, bytes(MAX_BLOCK))
    assert fits(largest)
    assert parse(build([largest, Block(2, 0, b"x")])) == (largest, Block(2, 0, b"x"))
    for block in (Block(1, 0, bytes(MAX_BLOCK + 1)), Block(1, MAX_OFFSET + 1, b"")):
        assert not fits(block)
        with pytest.raises(AssertionError):
            build([block, Block(2, 0, b"x")])


def test_a_block_longer_than_the_payload_is_malformed():
    whole = build([Block(111, 960, b"old"), Block(111, 0, b"")])
    assert parse(whole) is not None
    assert all(parse(whole[:length]) is None for length in range(len(whole)))


def test_too_many_blocks_are_malformed():
    assert parse(bytes.fromhex("ef000000") * (MAX_BLOCKS - 1) + b"\x6f") is not None
    assert parse(bytes.fromhex("ef000000") * MAX_BLOCKS + b"\x6f") is None


@given(st.lists(redundant, max_size=MAX_BLOCKS - 1), primary)
def test_blocks_survive_the_way_to_bytes_and_back(older: list[Block], newest: Block):
    assert parse(build([*older, newest])) == (*older, newest)


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\xef\x00\x00\x02" + data))
def test_no_bytes_break_the_parser(payload: bytes):
    blocks = parse(payload)
    if blocks is not None:
        assert build(blocks) == payload


@given(st.lists(redundant, max_size=4), primary, st.data())
def test_no_altered_payload_breaks_the_parser(older: list[Block], newest: Block, data: st.DataObject):
    payload = bytearray(build([*older, newest]))
    payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    blocks = parse(bytes(payload))
    assert blocks is None or sum(len(block.data) for block in blocks) < len(payload)
