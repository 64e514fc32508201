"""A short queue that has come to stay."""

from media.congestion.ease import Ease

RTT = 0.05


def test_a_short_queue_is_stepped_back_from_once_it_has_stayed():
    ease = Ease()
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.0) is None
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.09) is None
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.11) == 950_000


def test_one_that_goes_in_between_has_not_stayed():
    ease = Ease()
    ease.capacity(1_000_000, 950_000, RTT, now=10.0)
    ease.end()
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.11) is None
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.22) == 950_000


def test_the_next_step_waits_until_the_last_one_can_show():
    ease = Ease()
    ease.capacity(1_000_000, 950_000, RTT, now=10.0)
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.2) is not None
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.54) is None
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.56) is not None


def test_a_rate_that_is_low_enough_stays():
    ease = Ease()
    ease.capacity(900_000, 1_010_000, RTT, now=10.0)
    assert ease.capacity(900_000, 1_010_000, RTT, now=10.2) is None, "0.9 of what arrives is more"


def test_as_long_as_nothing_is_known_to_arrive_there_is_nowhere_to_step_to():
    ease = Ease()
    ease.capacity(1_000_000, None, RTT, now=10.0)
    assert ease.capacity(1_000_000, None, RTT, now=10.2) is None
    assert ease.capacity(1_000_000, 950_000, RTT, now=10.21) == 950_000
