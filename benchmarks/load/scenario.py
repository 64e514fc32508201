"""What is measured: the rooms of each scenario, and the bars that the figures are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.load.measure import Delay, Figures
from benchmarks.load.participant import Shape

TARGET_SHARE = 0.30  # of a core, at which latency is judged
SHARE_TOLERANCE = 0.05
MAX_ROOMS = 60  # the load generator is not to become the bottleneck

LATENCY_P50_MS, LATENCY_P99_MS = 0.5, 3.0
MEMORY_MB = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rooms` of one shape. `calibrated`: as many of them as keep Roomtone at TARGET_SHARE of a core.
    `ratio`: the most of Janus's CPU per packet that Roomtone may use."""

    name: str
    title: str
    rooms: int
    shape: Shape
    calibrated: bool = False
    ratio: float | None = None

    @property
    def participants(self) -> int:
        return self.rooms * self.shape.size

    @property
    def subscriptions(self) -> int:
        return self.rooms * self.shape.subscriptions

    def with_rooms(self, rooms: int) -> Scenario:
        return replace(self, rooms=rooms)


FANOUT = Scenario("fanout", "4 publishers, 8 receivers each", 1, Shape(publishers=4, receivers=8), ratio=0.5)
PAIRS = Scenario("pairs", "10 sessions of two", 10, Shape(everybody=2), ratio=0.8)
LATENCY = Scenario("latency", "sessions of two at 30 % of a core", 20, Shape(everybody=2), calibrated=True)
STANDARD = (FANOUT, PAIRS, LATENCY)


def next_rooms(rooms: int, share: float) -> int:
    """How many rooms to try when `rooms` took `share` of a core. CPU grows a little less than the load
    does."""
    return max(1, min(MAX_ROOMS, round(rooms * TARGET_SHARE / max(share, 0.01))))


@dataclass(frozen=True, slots=True)
class Ratio:
    """Roomtone's CPU per forwarded packet as a share of Janus's, of each pair of rounds that counts."""

    scenario: str
    rounds: tuple[float, ...]
    left_out: int = 0  # pairs of which one round is not to be trusted
    doubtful: bool = False  # all of them are like that, and count for want of others

    @property
    def median(self) -> float:
        return median(self.rounds)


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise, what was measured, and whether it was kept: None where that was not put to the test."""

    text: str
    measured: str
    met: bool | None
    doubtful: bool = False  # no round is to be trusted


def ratios(runs: Sequence[Figures]) -> list[Ratio]:
    """Each round's Roomtone against the same round's Janus, so that both met the same noise."""
    found = []
    for scenario in dict.fromkeys(run.scenario for run in runs):
        of = {(run.server, run.round): run for run in runs if run.scenario == scenario and run.forwarded}
        rounds = sorted(number for server, number in of if server == "Roomtone" and ("Janus", number) in of)
        pairs = [(of["Roomtone", number], of["Janus", number]) for number in rounds]
        if pairs:
            sound = [(own, theirs) for own, theirs in pairs if not (own.doubts() or theirs.doubts())]
            counted = sound or pairs
            quotients = tuple(own.cpu_us_per_packet / theirs.cpu_us_per_packet for own, theirs in counted)
            found.append(Ratio(scenario, quotients, len(pairs) - len(counted), doubtful=not sound))
    return found


def bars(scenarios: Sequence[Scenario], runs: Sequence[Figures], direct: Delay) -> list[Bar]:
    """`direct` is the latency of the machine itself, taken off what went through the server. Rounds with
    doubts count only where there are no others. Latency is judged at about TARGET_SHARE of a core alone."""
    found = []
    by_name = {scenario.name: scenario for scenario in scenarios}
    for ratio in ratios(runs):
        scenario = by_name[ratio.scenario]
        if scenario.ratio is not None:
            found.append(
                Bar(
                    f"{scenario.title}: at most {scenario.ratio} of Janus's CPU per packet",
                    f"{ratio.median:.2f} ({min(ratio.rounds):.2f} to {max(ratio.rounds):.2f})"
                    + _without(ratio.left_out, ratio.left_out + len(ratio.rounds)),
                    ratio.median <= scenario.ratio,
                    ratio.doubtful,
                )
            )
    own = [run for run in runs if run.server == "Roomtone"]
    judged = [run for run in own if by_name[run.scenario].calibrated] or own
    if judged:
        found += _latency(judged, direct)
    if own:
        counted, without, doubtful = _counted(own)
        memory = max(run.memory_per_participant for run in counted) / 1e6
        said = f"{memory:.2f} MB{without}"
        found.append(Bar(f"At most {MEMORY_MB:.0f} MB a participant", said, memory <= MEMORY_MB, doubtful))
    return found


def _latency(runs: Sequence[Figures], direct: Delay) -> list[Bar]:
    counted, without, doubtful = _counted(runs)
    p50 = (median(run.all.p50 for run in counted) - direct.p50) / 1e3
    p99 = (median(run.all.p99 for run in counted) - direct.p50) / 1e3
    share = median(run.cpu_share for run in counted)
    near = abs(share - TARGET_SHARE) <= SHARE_TOLERANCE
    at = f"at {share:.0%} of a core" + ("" if near else f", which is not about {TARGET_SHARE:.0%}")
    return [
        Bar(
            f"Added latency {name} at most {limit} ms",
            f"{value:.2f} ms {at}{without}",
            value <= limit if near else None,
            doubtful,
        )
        for name, value, limit in (("p50", p50, LATENCY_P50_MS), ("p99", p99, LATENCY_P99_MS))
    ]


def _counted(runs: Sequence[Figures]) -> tuple[Sequence[Figures], str, bool]:
    """Those that count, words for those that don't, and whether it is all of them that are doubtful."""
    sound = [run for run in runs if not run.doubts()]
    counted = sound or runs
    return counted, _without(len(runs) - len(counted), len(runs)), not sound


def _without(left_out: int, rounds: int) -> str:
    return f" (without {left_out} of {rounds} rounds, which are doubtful)" if left_out else ""
