"""Whole flows over emulated links, in virtual time. First libwebrtc's own expectations
(goog_cc_network_control_unittest.cc), which both controllers have to meet, then what ours does better."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from benchmarks.adapt import ours, reference
from benchmarks.adapt.cases import CASES, Run, drop, own
from benchmarks.adapt.measures import first_time, measure
from benchmarks.adapt.simulation import MediaFlow, Simulation, make_rng
from benchmarks.adapt.sources import ElasticSource
from benchmarks.adapt.tcp import TcpFlow
from media.congestion.reference.gcc import Gcc
from media.congestion.roomtone import Roomtone
from media.testing.link import Link, LinkSettings

KBIT, MBIT = 1e3, 1e6
both = pytest.mark.parametrize("make", [reference, ours], ids=["reference", "ours"])


@dataclass(frozen=True)
class Check:
    """The estimate at a moment, in bit/s."""

    at: float
    at_least: float = 0.0
    at_most: float = float("inf")


def play(
    make, settings: LinkSettings, steps: list[Check], *, tcp: bool = False, back=None, **kw
) -> MediaFlow:
    sim = Simulation()
    forward = [Link(settings, make_rng(1, "forward"))]
    backward = [Link(back or LinkSettings(delay=settings.delay), make_rng(1, "back"))]
    source = ElasticSource(make_rng(1, "source"), min_bitrate=10 * KBIT, max_bitrate=3 * MBIT)
    flow = MediaFlow(sim, make, source, forward, backward, audio=False, **kw)
    if tcp:
        TcpFlow(sim, forward, backward, start=0.0)
    for step in steps:
        sim.run(step.at)
        estimate = flow.controller.estimate
        assert step.at_least <= estimate <= step.at_most, f"{estimate:.0f} at {step.at} s"
    return flow


@both
def test_the_estimate_follows_the_link(make):
    play(
        make,
        LinkSettings(
            rate=((0.0, 500 * KBIT), (25.0, 800 * KBIT), (45.0, 100 * KBIT)),
            delay=((0.0, 0.100), (45.0, 0.200)),
        ),
        [
            Check(25.0, 350 * KBIT, 550 * KBIT),
            Check(45.0, 600 * KBIT, 900 * KBIT),
            Check(95.0, 65 * KBIT, 115 * KBIT),
        ],
    )


@pytest.mark.parametrize("kind", [Gcc, Roomtone])
def test_two_megabits_are_found_within_ten_seconds(kind):
    def make(sent, now):
        return kind(sent, now=now, start_bitrate=1 * MBIT)

    play(make, LinkSettings(rate=((0.0, 2 * MBIT),), delay=((0.0, 0.050),)), [Check(10.0, 1.5 * MBIT)])


@both
def test_tcp_gets_its_share(make):
    settings = LinkSettings(rate=((0.0, 1 * MBIT),), delay=((0.0, 0.050),))
    flow = play(make, settings, [Check(60.0)], tcp=True)
    later = [estimate for at, estimate in flow.series.estimate if at >= 10.0]
    assert sum(later) / len(later) < 750 * KBIT


@both
def test_a_new_route_starts_over_and_ramps_up_within_two_seconds(make):
    settings = LinkSettings(rate=((0.0, 2 * MBIT), (20.0, 0.8 * MBIT)))
    play(
        make,
        settings,
        [Check(20.05, 200 * KBIT, 330 * KBIT), Check(22.0, 0.5 * MBIT, 1.2 * MBIT)],
        route_change=20.0,
    )


@both
def test_ten_percent_loss_on_a_long_path_leaves_a_hundred_kilobits(make):
    delay = ((0.0, 0.200),)
    settings = LinkSettings(rate=((0.0, 2 * MBIT),), delay=delay, loss=0.1)
    play(make, settings, [Check(120.0, 100 * KBIT)], back=LinkSettings(delay=delay, loss=0.1))


def run(name: str, make=ours) -> Run:
    return next(case for case in CASES if case.name == name).run(make, 1)


def test_ours_is_under_a_fallen_capacity_in_600_ms_and_the_queue_is_gone_in_two_seconds():
    for phase in (0.0, 0.11, 0.23, 0.37):
        settings, duration = drop(0.5 * MBIT, start=30.0 + phase, after=0.0)
        result = own(settings, duration)(ours, 1)
        estimates = result.flows[0].series.estimate
        assert first_time(estimates, 30.0 + phase, 0.5 * MBIT, above=False) <= 0.6
        assert measure(result, since=30.0).queue_high <= 2.0


def test_ours_restores_two_megabits_within_five_seconds():
    result = run("3-0.2-3")
    assert first_time(result.flows[0].series.estimate, 60.0, 2.25 * MBIT, above=True) <= 5.0


def test_ours_drains_a_deep_buffer_that_the_reference_leaves_full():
    mine, theirs = measure(run("bufferbloat"), since=20.0), measure(run("bufferbloat", reference), since=20.0)
    assert mine.queue_high < 2.0 < theirs.queue_high
    assert mine.audio_missed < 0.02


def test_ours_keeps_its_rate_under_random_loss():
    assert measure(run("loss 20 %")).bitrate >= 1.2 * MBIT


def test_ours_and_tcp_share_a_link():
    measures = measure(run("5.6"))
    assert measures.bitrate >= 0.5 * MBIT
    assert measures.tcp_bitrate >= 0.5 * MBIT


def test_three_of_ours_share_a_link_evenly():
    assert measure(run("5.4")).fairness > 0.95


def test_sound_survives_a_drop_to_40_kilobits():
    assert measure(run("3-0.04-3"), since=35.0, until=60.0).audio_missed < 0.02


def test_the_rate_is_back_two_seconds_after_an_outage():
    for name, until in (("outage 1 s", 21.0), ("outage 3 s", 23.0)):
        estimates = run(name).flows[0].series.estimate
        assert first_time(estimates, until + 0.3, 1.2 * MBIT, above=True) <= 2.0


def test_lost_uplink_capacity_does_not_lower_the_downlink():
    measures = measure(run("feedback starved"), since=10.0)
    assert measures.utilisation > 0.85


def test_a_run_repeats_to_the_bit():
    def fingerprint(make: Callable) -> tuple:
        series = run("layers", make).flows[0].series
        return tuple(series.estimate), tuple(series.queue), series.packets

    assert fingerprint(ours) == fingerprint(ours)
