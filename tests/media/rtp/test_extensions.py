import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.extensions import parse_extensions, write_extensions

FIXED = bytes((0x90, 96)) + bytes(10)
ONE_BYTE = bytes.fromhex("bede")
TWO_BYTE = bytes.fromhex("1000")

small = st.lists(
    st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), unique_by=lambda e: e[0], max_size=14
)
large = st.lists(
    st.tuples(st.integers(1, 255), st.binary(max_size=255)), unique_by=lambda e: e[0], max_size=10
)


def block(profile: bytes, body: str) -> bytes:
    data = bytes.fromhex(body)
    assert len(data) % 4 == 0
    return FIXED + profile + (len(data) // 4).to_bytes(2, "big") + data


def test_one_byte_elements_are_read():
    header = block(ONE_BYTE, "10ff 31abcd 000000")
    assert parse_extensions(header) == {1: b"\xff", 3: b"\xab\xcd"}


def test_two_byte_elements_are_read():
    header = block(TWO_BYTE, "0100 0f02abcd 00 ff0177 0000")
    assert parse_extensions(header) == {1: b"", 15: b"\xab\xcd", 255: b"\x77"}


def test_the_appbits_of_the_two_byte_profile_do_not_matter():
    assert parse_extensions(block(bytes.fromhex("100f"), "01017700")) == {1: b"\x77"}


def test_an_unknown_profile_has_no_elements():
    assert parse_extensions(block(bytes.fromhex("abac"), "10ff0000")) == {}
    assert parse_extensions(block(bytes.fromhex("1010"), "0101ff00")) == {}


def test_padding_may_stand_anywhere():
    assert parse_extensions(block(ONE_BYTE, "00 10aa 00 00 20bb 00")) == {1: b"\xaa", 2: b"\xbb"}


def test_id_15_ends_the_elements():
    assert parse_extensions(block(ONE_BYTE, "10aa f0bb 20cc 0000")) == {1: b"\xaa"}


def test_padding_with_a_length_ends_the_elements():
    assert parse_extensions(block(ONE_BYTE, "10aa 01bbbb 20cc 00")) == {1: b"\xaa"}


def test_an_element_past_the_end_is_left_out_and_those_before_it_stay():
    assert parse_extensions(block(ONE_BYTE, "10aa 3fbb")) == {1: b"\xaa"}
    assert parse_extensions(block(TWO_BYTE, "0101aa 02")) == {1: b"\xaa"}
    assert parse_extensions(block(TWO_BYTE, "0101aa 0000 0205 00")) == {1: b"\xaa"}


def test_elements_do_not_reach_into_the_payload():
    assert parse_extensions(block(ONE_BYTE, "10aa 3fbb") + bytes(100)) == {1: b"\xaa"}


def test_csrcs_are_skipped():
    header = bytes((0x92, 96)) + bytes(10) + bytes(8) + bytes.fromhex("bede0001 10ff0000")
    assert parse_extensions(header) == {1: b"\xff"}


def test_without_the_extension_bit_nothing_is_read():
    assert parse_extensions(bytes((0x80, 96)) + bytes(10) + bytes.fromhex("bede0001 10ff0000")) == {}


def test_a_header_cut_off_anywhere_gives_what_is_whole():
    header = block(ONE_BYTE, "10ff 31abcd 000000")
    assert parse_extensions(header[:17]) == {}
    assert parse_extensions(header[:18]) == {1: b"\xff"}
    assert parse_extensions(header[:20]) == {1: b"\xff"}
    assert parse_extensions(header[:21]) == {1: b"\xff", 3: b"\xab\xcd"}
    assert parse_extensions(b"") == {}


def test_small_elements_are_written_in_the_one_byte_form():
    assert write_extensions([(1, b"\xff"), (3, b"\xab\xcd")]).hex() == "bede000210ff31abcd000000"


@pytest.mark.parametrize("element", [(15, b"x"), (1, b""), (1, bytes(17))])
def test_one_element_that_does_not_fit_turns_all_to_the_two_byte_form(element):
    written = write_extensions([(2, b"y"), element])
    assert written[:2] == TWO_BYTE
    assert parse_extensions(FIXED + written) == dict([(2, b"y"), element])


def test_no_elements_make_no_block():
    assert write_extensions([]) == b""


@given(small | large)
def test_elements_survive_the_way_to_bytes_and_back(elements):
    written = write_extensions(elements)
    assert len(written) % 4 == 0
    if written:
        assert int.from_bytes(written[2:4], "big") == len(written) // 4 - 1
        assert parse_extensions(FIXED + written + b"payload") == dict(elements)


@given(
    st.binary(max_size=60),
    st.sampled_from([ONE_BYTE, TWO_BYTE, b"\x10\x07", b"\x00\x00"]),
    st.integers(0, 20),
)
def test_no_bytes_break_the_parser(body: bytes, profile: bytes, words: int):
    header = FIXED + profile + words.to_bytes(2, "big") + body
    elements = parse_extensions(header)
    assert sum(map(len, elements.values())) <= min(len(body), 4 * words)
    assert all(0 < identifier <= 255 and value in body for identifier, value in elements.items())


@given(st.binary(max_size=100))
def test_no_packet_breaks_the_parser(data: bytes):
    parse_extensions(data)
