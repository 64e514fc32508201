from hypothesis import given
from hypothesis import strategies as st

from media.rtp.sequence import unwrap16, unwrap32


def test_unwrapping_goes_on_across_the_wrap():
    assert unwrap16(2, 65_534) == 65_538
    assert unwrap16(65_534, 65_538) == 65_534
    assert unwrap32(1, 0xFFFF_FFFF) == 0x1_0000_0001


def test_a_late_number_before_the_first_is_negative():
    assert unwrap16(65_535, 0) == -1
    assert unwrap32(0xFFFF_FFFE, 1) == -2


@given(st.integers(-(2**40), 2**40), st.integers(-0x8000, 0x7FFF))
def test_a_near_number_is_found_again(reference: int, distance: int):
    assert unwrap16((reference + distance) & 0xFFFF, reference) == reference + distance


@given(st.integers(-(2**40), 2**40), st.integers(-(2**31), 2**31 - 1))
def test_a_near_timestamp_is_found_again(reference: int, distance: int):
    assert unwrap32((reference + distance) & 0xFFFF_FFFF, reference) == reference + distance
