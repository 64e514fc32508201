"""When an uplink that was relieved is asked for more again."""

from media.retries import Retries


def failing(retries: Retries, level: int, *, now: float) -> None:
    """A step up to `level` after which sound starves."""
    retries.on_raised(level, now=now)
    assert retries.on_starving(now=now + 1.0)


def test_after_five_seconds_of_clean_sound_more_is_tried():
    assert Retries().rest(0) == 5.0
    assert Retries(15.0).rest(0) == 15.0


def test_what_was_not_borne_rests_twice_as_long_each_time_up_to_a_minute():
    retries = Retries()
    rests = []
    for attempt in range(5):
        failing(retries, 1, now=100.0 * attempt)
        rests.append(retries.rest(1))
    assert rests == [10.0, 20.0, 40.0, 60.0, 60.0]


def test_what_is_less_than_that_comes_back_as_soon_as_ever():
    retries = Retries()
    failing(retries, 1, now=100.0)
    assert (retries.rest(0), retries.rest(1), retries.rest(2)) == (10.0, 10.0, 5.0)


def test_starving_long_after_a_step_up_is_not_its_fault():
    for starves_at, at_fault, rest in ((109.9, True, 10.0), (110.0, False, 5.0)):
        retries = Retries()
        retries.on_raised(1, now=100.0)
        assert retries.on_starving(now=starves_at) is at_fault
        assert retries.rest(1) == rest


def test_one_step_up_fails_once():
    retries = Retries()
    failing(retries, 1, now=100.0)
    assert not retries.on_starving(now=102.0)
    assert retries.rest(1) == 10.0


def test_a_step_down_that_leads_back_to_before_a_failed_try_is_known_as_that():
    retries = Retries()
    failing(retries, 1, now=100.0)  # starves at 101
    assert retries.relapsed_before(101.0, now=102.0)
    assert not retries.relapsed_before(90.0, now=102.0), "it was made before"
    assert not retries.relapsed_before(101.0, now=111.0), "that is long ago"


def test_what_lasts_for_a_minute_is_forgiven():
    retries = Retries()
    failing(retries, 1, now=100.0)
    retries.on_best(now=161.0)
    assert retries.rest(1) == 10.0
    retries.on_best(now=161.1)
    assert retries.rest(1) == 5.0
