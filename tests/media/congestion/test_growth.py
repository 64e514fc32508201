"""How fast a rate grows by itself."""

import pytest

from media.congestion.growth import grown

PLENTY = 10e6  # bit/s that arrive: they hold nothing back


def test_by_ten_percent_a_second_while_no_capacity_is_known():
    assert grown(1_000_000, None, PLENTY, 1.0) == pytest.approx(1_100_000)
    assert grown(1_000_000, None, PLENTY, 0.1) == pytest.approx(1_010_000)


def test_by_as_much_for_all_where_it_is_known_so_that_shares_converge():
    assert grown(500_000, 5_000_000, PLENTY, 1.0) == pytest.approx(525_000)
    assert grown(2_000_000, 5_000_000, PLENTY, 1.0) == pytest.approx(2_025_000)


def test_by_six_percent_a_second_at_most():
    assert grown(100_000, 5_000_000, PLENTY, 1.0) == pytest.approx(106_000)


def test_more_slowly_just_below_the_capacity():
    assert grown(960_000, 1_000_000, PLENTY, 1.0) == pytest.approx(985_000)
    assert grown(961_000, 1_000_000, PLENTY, 1.0) == pytest.approx(971_000)


def test_never_far_beyond_what_arrives():
    assert grown(1_000_000, None, 600_000, 1.0) == pytest.approx(910_000)
