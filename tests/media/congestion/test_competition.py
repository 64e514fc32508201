"""A share of a queue that others keep full."""

import pytest

from media.congestion.competition import Competition

RTT, INTERVAL = 0.4, 0.1  # with the queue; between two feedbacks


def competing(*, now: float = 100.0) -> Competition:
    competition = Competition()
    competition.begin(now=now)
    return competition


def test_the_rate_gains_a_segment_per_round_trip_squared():
    rate = competing().rate_after(1_000_000, False, 1_000_000, RTT, INTERVAL, now=101.0)
    assert rate == pytest.approx(1_000_000 + 12_000 / RTT**2)


def test_on_a_short_way_it_gains_a_quarter_a_second_at_most():
    rate = competing().rate_after(1_000_000, False, 1_000_000, 0.05, INTERVAL, now=100.5)
    assert rate == pytest.approx(1_125_000)


def test_nothing_is_gained_where_less_than_half_of_it_arrives():
    competition = competing()
    assert competition.rate_after(1_000_000, False, 500_000, RTT, INTERVAL, now=101.0) == 1_000_000
    assert competition.rate_after(1_000_000, False, None, RTT, INTERVAL, now=102.0) == 1_000_000


def test_a_loss_costs_a_fifth_once_in_two_round_trips():
    competition = competing()
    assert competition.rate_after(1_000_000, True, 0.0, RTT, INTERVAL, now=101.0) == 800_000
    assert competition.rate_after(800_000, True, 0.0, RTT, INTERVAL, now=101.89) == 800_000, (
        "the same overflow"
    )
    assert competition.rate_after(800_000, True, 0.0, RTT, INTERVAL, now=101.91) == pytest.approx(640_000)


def test_it_is_over_once_the_queue_has_been_short_for_half_a_second():
    competition = competing()
    assert not competition.is_over(short=True, now=101.0)
    assert not competition.is_over(short=False, now=101.4)
    assert not competition.is_over(short=True, now=101.5)
    assert not competition.is_over(short=True, now=102.0)
    assert competition.is_over(short=True, now=102.01)


def lasts(competition: Competition) -> float:
    """Seconds until it is doubtful whose queue it is."""
    competition.begin(now=0.0)
    return next(float(now) for now in range(1000) if competition.is_doubtful(now=now))


def test_whose_queue_it_is_is_asked_again_ever_more_rarely():
    competition = Competition()
    assert [lasts(competition) for _ in range(5)] == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_a_queue_that_turned_out_to_be_ours_makes_the_next_doubt_come_soon():
    competition = Competition()
    lasts(competition), lasts(competition)
    competition.forgive()
    assert lasts(competition) == 10.0
