"""Emptying a queue, and finding out whose it is."""

import pytest

from media.congestion.drain import Drain

RTT, FLOOR = 0.05, 40_000.0


def drain(queue: float = 0.2) -> Drain:
    """From 1 Mbit/s, at 10 s."""
    return Drain(1_000_000, queue, FLOOR, now=10.0)


def rate(
    of: Drain, queue: float, delivered: float | None = 500_000, *, newest: float, now: float
) -> float | None:
    return of.update(queue, delivered, newest, RTT, now=now)


def test_it_sends_so_much_less_than_the_capacity_that_the_queue_is_gone_in_400_ms():
    assert rate(drain(), 0.2, newest=9.9, now=10.0) == pytest.approx(0.5 * 500_000)
    assert rate(drain(), 0.16, newest=9.9, now=10.0) == pytest.approx(0.6 * 500_000)


def test_never_less_than_about_a_third_nor_more_than_seven_tenths():
    assert rate(drain(), 2.0, newest=9.9, now=10.0) == pytest.approx(0.35 * 500_000)
    assert rate(drain(), 0.01, newest=9.9, now=10.0) == pytest.approx(0.70 * 500_000)


def test_as_long_as_nothing_is_known_to_arrive_there_is_no_rate():
    assert rate(drain(), 0.2, None, newest=9.9, now=10.0) is None


def test_what_arrives_is_believed_up_to_what_was_sent():
    assert rate(drain(), 0.2, 3_000_000, newest=9.9, now=10.0) == pytest.approx(0.5 * 1_000_000)


def test_the_capacity_is_that_of_after_the_drop_and_then_the_most_that_arrives():
    one = drain()
    for now, delivered, capacity in (
        (10.0, 800_000, 800_000),
        (10.3, 300_000, 300_000),  # until here the delivery rate may remember the time before the drop
        (10.4, 250_000, 300_000),  # what is sent less of arrives less of
        (10.5, 320_000, 320_000),
    ):
        rate(one, 0.2, delivered, newest=9.9, now=now)
        assert one.capacity == capacity


def test_what_was_held_back_and_cannot_show_yet_counts_as_drained():
    one = drain()
    assert rate(one, 0.2, newest=9.9, now=10.0) == pytest.approx(250_000)
    # 0.3 s at half of the capacity have taken 0.15 s off a queue that still looks like 0.14 s.
    assert rate(one, 0.14, newest=9.95, now=10.3) == pytest.approx(0.88 * 500_000)


def hold_back(one: Drain, queues: list[float]) -> None:
    """One feedback after 0.1 s each, of packets that left 0.1 s before it."""
    for index, queue in enumerate(queues):
        at = 10.0 + 0.1 * index
        rate(one, queue, newest=at - 0.1, now=at)


def test_a_queue_that_falls_as_it_is_held_back_is_ours():
    one = drain(0.4)
    hold_back(one, [max(0.4 - 0.05 * index, 0.0) for index in range(15)])
    assert not one.not_ours


def test_a_queue_that_stays_is_somebody_elses():
    one = drain(0.4)
    hold_back(one, [0.4] * 11)
    assert not one.not_ours, "a second of sending has to show first"
    hold_back(one, [0.4] * 15)
    assert one.not_ours


@pytest.mark.parametrize(("step", "not_ours"), [(0.009, True), (0.018, False)])
def test_it_is_ours_if_it_falls_by_about_a_third_of_what_it_should(step, not_ours):
    one = drain(0.4)
    hold_back(one, [0.4 - step * index for index in range(12)])
    assert one.not_ours is not_ours


def test_nobody_is_accused_where_the_floor_kept_us_from_holding_back():
    one = Drain(40_000, 0.4, FLOOR, now=10.0)
    for index in range(30):
        at = 10.0 + 0.1 * index
        rate(one, 0.4, 40_000, newest=at - 0.1, now=at)
    assert not one.not_ours
