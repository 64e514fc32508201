"""The bars that a controller has to clear, and whether it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.adapt.cases import MBIT, drop, own
from benchmarks.adapt.measures import Measures, first_time, measure, percentile
from benchmarks.adapt.simulation import MakeController

DROP_AT = 30.0
SETTLED = 2.25 * MBIT  # three quarters of 3 Mbit/s count as restored
RESTORE_RUNS = 24
# Whatever seed the cases run on, so that these bars mean the same each time.
DROP_SEED = 1
RESTORE_SEED = 100  # of the first run; each one has the next
RESTORE_PHASE = 0.37  # seconds by which each run's return of capacity is later than the one before
FAIR = 0.5  # of an equal share, for media and TCP alike


@dataclass(frozen=True, slots=True)
class Bar:
    about: str
    demanded: str
    reference: str
    ours: str
    met: bool


@dataclass(frozen=True, slots=True)
class Restore:
    times: tuple[float, ...]  # seconds

    @property
    def median(self) -> float:
        return percentile(self.times, 0.5)

    @property
    def p95(self) -> float:
        return percentile(self.times, 0.95)

    def __str__(self) -> str:
        return f"{self.median:.1f} / {self.p95:.1f} s"


def drop_bars(reference: MakeController, ours: MakeController) -> list[Bar]:
    """3 -> 0.5 Mbit/s, with a queue of 300 ms."""
    settings, duration = drop(0.5 * MBIT)
    under: list[float] = []
    high: list[float] = []
    for make in (reference, ours):
        run = own(settings, duration)(make, DROP_SEED)
        estimates = run.flows[0].series.estimate
        under.append(first_time(estimates, DROP_AT, 0.5 * MBIT, above=False))
        high.append(measure(run, since=DROP_AT, until=2 * DROP_AT).queue_high)
    return [
        Bar(
            "3 -> 0.5 Mbit/s: rate under capacity",
            "0.6 s",
            f"{under[0]:.1f} s",
            f"{under[1]:.1f} s",
            under[1] <= 0.6,
        ),
        Bar(
            "3 -> 0.5 Mbit/s: queue over 100 ms",
            "2 s in all",
            f"{high[0]:.1f} s",
            f"{high[1]:.1f} s",
            high[1] <= 2,
        ),
    ]


def restore(make: MakeController, runs: int, *, layered: bool = False) -> Restore:
    """0.2 -> 3 Mbit/s, with another seed and another phase each time."""
    times = []
    for index in range(runs):
        length = 30.0 + RESTORE_PHASE * index
        settings, duration = drop(0.2 * MBIT, length=length)
        flow = own(settings, duration, layered=layered)(make, RESTORE_SEED + index).flows[0]
        points: Sequence[tuple[float, float]] = flow.series.estimate
        if layered:
            top = max(step for _, step in flow.series.layer)
            points = [(at, float(step == top and top == 7)) for at, step in flow.series.layer]
        times.append(first_time(points, DROP_AT + length, 1.0 if layered else SETTLED, above=True))
    return Restore(tuple(times))


def restore_bars(reference: MakeController, ours: MakeController, runs: int) -> list[Bar]:
    bars = []
    for layered, what in ((False, "restore 0.2 -> 3 Mbit/s"), (True, "the same, top layer back")):
        theirs = restore(reference, runs, layered=layered)
        mine = restore(ours, runs, layered=layered)
        met = mine.median <= 3 and mine.p95 <= 5
        bars.append(Bar(f"{what}, {runs} runs", "median 3 s, p95 5 s", str(theirs), str(mine), met))
    return bars


def loss_bar(reference: Measures, ours: Measures) -> Bar:
    return Bar(
        "2 Mbit/s with 20 % random loss",
        "1200 kbit/s",
        f"{reference.bitrate / 1e3:.0f} kbit/s",
        f"{ours.bitrate / 1e3:.0f} kbit/s",
        ours.bitrate >= 1.2 * MBIT,
    )


def fairness_bar(name: str, capacity: float, reference: Measures, ours: Measures) -> Bar:
    def words(m: Measures) -> str:
        return f"{m.bitrate / 1e3:.0f} beside {m.tcp_bitrate / 1e3:.0f}"

    share = FAIR * capacity / 2
    met = ours.bitrate >= share and ours.tcp_bitrate >= share
    return Bar(
        f"{name}: media beside TCP", f"each {share / 1e3:.0f} kbit/s", words(reference), words(ours), met
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One RFC 8867 case against the reference."""

    name: str
    better: bool  # in both utilisation and delay
    much_worse: bool  # by over 10 % in either


def compare(name: str, reference: Measures, ours: Measures) -> Comparison:
    return Comparison(
        name,
        ours.utilisation >= reference.utilisation and ours.delay_p95 <= reference.delay_p95,
        ours.utilisation < 0.9 * reference.utilisation or ours.delay_p95 > 1.1 * reference.delay_p95,
    )


def rmcat_bars(comparisons: Sequence[Comparison]) -> list[Bar]:
    count = len(comparisons)
    better = sum(each.better for each in comparisons)
    worse = [each.name for each in comparisons if each.much_worse]
    return [
        Bar(
            "RFC 8867: utilisation and p95 delay at least the reference's",
            f"{math.ceil(0.8 * count)} of {count}",
            "",
            f"{better} of {count}",
            better >= 0.8 * count,
        ),
        Bar("RFC 8867: over 10 % worse", "nowhere", "", ", ".join(worse) or "nowhere", not worse),
    ]
