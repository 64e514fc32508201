import pytest

from benchmarks.load.measure import Delay
from benchmarks.load.participant import Shape
from benchmarks.load.scenario import FANOUT, LATENCY, MAX_ROOMS, PAIRS, bars, next_rooms, ratios

DIRECT = Delay(50.0, 80.0, 100.0, 10, ())


def test_four_publishers_with_eight_receivers_are_thirty_two_subscriptions():
    assert FANOUT.subscriptions == 32
    assert [role.audience for role in FANOUT.shape.roles()] == [8] * 4 + [0] * 8


def test_in_a_session_of_two_each_receives_the_other():
    assert (PAIRS.participants, PAIRS.subscriptions) == (20, 20)
    assert [(role.subscriptions, role.audience) for role in PAIRS.shape.roles()] == [(1, 1), (1, 1)]


@pytest.mark.parametrize("shape", [Shape(3), Shape(2, 1, 4), Shape(0, 4, 8), Shape(5, 0, 1)])
def test_roles_add_up_to_the_subscriptions(shape):
    roles = shape.roles()
    assert len(roles) == shape.size
    assert sum(role.subscriptions for role in roles) == shape.subscriptions
    assert sum(role.audience for role in roles) == shape.subscriptions


def test_each_round_is_compared_with_the_same_round_of_the_other(figures):
    runs = [
        figures(round=1, cpu_seconds=0.5),
        figures(round=1, cpu_seconds=1.0, server="Janus"),
        figures(round=2, cpu_seconds=0.8),
        figures(round=2, cpu_seconds=1.0, server="Janus"),
        figures(round=3, cpu_seconds=0.1),
    ]
    (ratio,) = ratios(runs)
    assert ratio.rounds == (0.5, 0.8)
    assert ratio.median == pytest.approx(0.65)


def test_without_another_server_there_is_no_ratio(figures):
    assert ratios([figures()]) == []


def test_a_bar_is_missed_when_the_median_round_misses_it(figures):
    runs = [figures(cpu_seconds=0.6), figures(cpu_seconds=1.0, server="Janus")]
    first, *_ = bars([FANOUT], runs, DIRECT)
    assert not first.met
    runs = [figures(cpu_seconds=0.5), figures(cpu_seconds=1.0, server="Janus")]
    first, *_ = bars([FANOUT], runs, DIRECT)
    assert first.met


def test_latency_is_judged_at_the_calibrated_load_less_the_machines_own(figures):
    slow, fast = Delay(9000.0, 9000.0, 9000.0, 1, ()), Delay(540.0, 3040.0, 4000.0, 1, ())
    runs = [figures(all=slow), figures(scenario="latency", all=fast, cpu_seconds=3.0)]
    found = {bar.text: bar for bar in bars([FANOUT, LATENCY], runs, DIRECT)}
    p50, p99 = (
        found[f"Added latency {name} at most {limit} ms"] for name, limit in (("p50", 0.5), ("p99", 3.0))
    )
    assert p50.met and p50.measured == "0.49 ms at 30% of a core"
    assert p99.met and p99.measured == "2.99 ms at 30% of a core"


def test_latency_at_another_load_is_said_and_not_judged(figures):
    p50, p99, _ = bars([FANOUT], [figures()], DIRECT)
    assert p50.met is None and p99.met is None
    assert p50.measured == "0.25 ms at 5% of a core, which is not about 30%"


SATURATED = {"generator_cpu": 0.95}


def test_a_round_in_which_the_load_generator_was_the_limit_does_not_count(figures):
    spoilt = Delay(9000.0, 9000.0, 9000.0, 1, ())
    runs = [
        figures(cpu_seconds=3.0),
        figures(cpu_seconds=6.0, server="Janus"),
        figures(round=2, cpu_seconds=9.0, all=spoilt, memory_per_participant=5e6, **SATURATED),
        figures(round=2, cpu_seconds=6.0, server="Janus"),
        figures(round=3, cpu_seconds=9.0),
        figures(round=3, cpu_seconds=6.0, server="Janus", **SATURATED),
    ]
    cpu, p50, p99, memory = bars([FANOUT], runs[:4], DIRECT)
    assert all(bar.met and not bar.doubtful for bar in (cpu, p50, p99, memory))
    assert cpu.measured == "0.50 (0.50 to 0.50) (without 1 of 2 rounds, which are doubtful)"
    assert memory.measured == "0.50 MB (without 1 of 2 rounds, which are doubtful)"
    assert ratios(runs)[0].rounds == (0.5,), "nor does a round whose other server's is not to be trusted"


def test_where_all_rounds_are_doubtful_so_are_the_verdicts(figures):
    runs = [figures(**SATURATED), figures(server="Janus", **SATURATED)]
    assert all(bar.doubtful for bar in bars([FANOUT], runs, DIRECT))


def test_rooms_are_scaled_to_the_target_and_capped():
    assert next_rooms(10, 0.15) == 20
    assert next_rooms(10, 3.0) == 1
    assert next_rooms(10, 0.0) == MAX_ROOMS


def test_doubtful_figures_say_why(figures):
    assert figures().doubts() == []
    saturated = figures(generator_cpu=0.95, lateness_p99_ms=20.0, dropped_by_generator=3, forwarded=30_000)
    assert len(saturated.doubts()) == 4
