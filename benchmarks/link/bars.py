"""The bars that a call over a bad link has to clear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.link.measures import Measures

BROKEN_AT_MOST = 2.0  # s of a moving picture beside broken sound, in any case
STILL_MOVES = 0.8  # share of seconds with motion for a picture that counts as moving


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` of the median round is to be at most (or at least) `bound`."""

    case: str
    about: str
    value: Callable[[Measures], float]
    bound: float
    show: Callable[[float], str]
    at_least: bool = False

    @property
    def demanded(self) -> str:
        return f"at {'least' if self.at_least else 'most'} {self.show(self.bound)}"

    def clears(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound  # a NaN does not


@dataclass(frozen=True, slots=True)
class Verdict:
    server: str
    case: str
    about: str
    demanded: str
    measured: str
    rounds: tuple[float, ...]
    met: bool
    doubtful: bool  # the machine was the limit in all rounds


def percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def seconds(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.1f} s"


def _concealed(case: str, bound: float) -> Bar:
    return Bar(case, "speech concealed", lambda m: m.concealed, bound, percent)


def _moving(case: str) -> Bar:
    return Bar(
        case, "seconds in which the picture moved", lambda m: m.moving, STILL_MOVES, percent, at_least=True
    )


BARS: tuple[Bar, ...] = (
    _concealed("down-500", 0.01),
    _moving("down-500"),
    _concealed("down-250", 0.01),
    _moving("down-250"),
    _concealed("down-120", 0.02),
    Bar("down-120", "oldest picture", lambda m: m.age_max, 6.0, seconds),
    _concealed("down-60", 0.03),
    _concealed("down-40", 0.05),
    _concealed("loss-20", 0.01),
    _concealed("burst-30", 0.08),
    Bar(
        "drop", "speech concealed in the 5 s after the drop", lambda m: m.concealed_after_drop, 0.02, percent
    ),
    Bar("drop", "previous picture back after the return", lambda m: m.restored, 5.0, seconds),
    Bar("drop", "freeze in all", lambda m: m.frozen, 2.0, seconds),
    # The first pause of people who take turns of 5 s, and the first words after it.
    Bar("late", "speech comes as soon as before, after the path does", lambda m: m.prompt, 16.0, seconds),
    _concealed("up-120", 0.01),
    _concealed("up-loss-10", 0.02),
    _moving("up-loss-10"),
    _concealed("up-burst-15", 0.06),
    _moving("up-burst-15"),
    Bar("address", "sound back on the new path", lambda m: m.sound_back, 1.0, seconds),
    Bar("udp-dies", "sound back over TCP", lambda m: m.sound_back, 3.0, seconds),
)


def judge(measures: Sequence[Measures], broken: Sequence[tuple[str, str]] = ()) -> list[Verdict]:
    """Of every bar whose case was run, by server; then of the one bar for all cases. Rounds that the machine
    spoiled count only where there are no others. `broken`: (server, case) of each round without a call, which
    meets no bar."""
    verdicts = [
        _never(server, bar)
        for server, case in dict.fromkeys(broken)
        if not any((m.server, m.case) == (server, case) for m in measures)
        for bar in (*BARS, _beside_broken_sound(case))
        if bar.case == case
    ]
    for server in dict.fromkeys(m.server for m in measures):
        own = [m for m in measures if m.server == server]
        cases = list(dict.fromkeys(m.case for m in own))
        for bar in (*BARS, *map(_beside_broken_sound, cases)):
            rounds = [m for m in own if m.case == bar.case]
            if rounds:
                verdicts.append(_verdict(server, bar, rounds))
    return verdicts


def _beside_broken_sound(case: str) -> Bar:
    about = "longest time of moving picture beside broken sound"
    return Bar(case, about, lambda m: m.picture_beside_broken_sound, BROKEN_AT_MOST, seconds)


def _never(server: str, bar: Bar) -> Verdict:
    return Verdict(server, bar.case, bar.about, bar.demanded, "no call", (), met=False, doubtful=False)


def _verdict(server: str, bar: Bar, rounds: Sequence[Measures]) -> Verdict:
    sound = [m for m in rounds if not m.machine.doubts()]
    values = tuple(bar.value(m) for m in sound or rounds)
    middle = median(values)
    left_out = len(rounds) - len(values)
    return Verdict(
        server=server,
        case=bar.case,
        about=bar.about,
        demanded=bar.demanded,
        measured=bar.show(middle)
        + (
            f" (without {left_out} of {len(rounds)} rounds, in which the machine was the limit)"
            if left_out
            else ""
        ),
        rounds=values,
        met=bar.clears(middle),
        doubtful=not sound,
    )
