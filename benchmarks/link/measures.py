"""One run in figures: what the hearer of a case got, what the link carried, whether the machine kept up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.link import getstats, sound
from benchmarks.link.cases import FAR, Case
from benchmarks.link.machine import Load
from benchmarks.link.person import Observations
from benchmarks.link.picture import Film
from benchmarks.link.sources import VIDEO_FRAMES
from media.testing.link import LinkSettings, scheduled

SAME_RATE = 0.8  # share of the frame rate before a drop at which it counts as restored
UNDER = 1.05  # share of the capacity that the sending rate may have to count as below it, over a second
BEFORE = 5.0  # s before the drop, over which the previous picture is judged
AFTER_DROP = 5.0  # s
LATE_MS = 10.0  # a link that hands packets over later than this was held up by the machine
WAITING = 0.3  # share of runnable time without a core, above which the call suffers from the machine
SLOW_CAMERA = 24.0  # frames a second that a sender of 30 must encode


@dataclass(frozen=True, slots=True)
class Machine:
    """Whether it was fast enough to tell of the link."""

    load: Load
    link_late_ms: float  # the worst lateness of the link, p99 over intervals of 100 ms
    encoded_rate: float  # frames a second of the publisher's largest running layer, before the impairment
    shown_rate: float  # pictures a second at the hearer, before
    concealed: float  # share, before
    limited: float  # share of polls in which an encoder was limited by the CPU

    def doubts(self) -> list[str]:
        doubts = []
        if self.load.waiting > WAITING:
            doubts.append(
                f"the machine was {self.load.busy:.0%} busy: {self.load.waiting:.0%} of the time that "
                "the call's processes could have run, they waited for a core"
            )
        if self.link_late_ms > LATE_MS:
            doubts.append(f"the link handed packets over up to {self.link_late_ms:.0f} ms late")
        if self.encoded_rate < SLOW_CAMERA:
            doubts.append(f"the sender encoded {self.encoded_rate:.0f} frames a second before the impairment")
        if self.limited > 0.05:
            doubts.append(f"the CPU limited the encoder in {self.limited:.0%} of the time")
        if self.concealed > 0.005:
            doubts.append(f"{self.concealed:.1%} of the sound was concealed before the impairment")
        return doubts


@dataclass(frozen=True, slots=True)
class Measures:
    """Of one run, from the moment the conditions set in. Shares are 0..1, times seconds, infinite for
    never."""

    case: str
    server: str
    round: int
    hearer: str
    concealed: float
    concealed_later: float  # from AFTER_DROP on
    concealed_after_drop: float  # in the AFTER_DROP after `case.drop_at`
    longest_gap: float
    sound_back: float
    prompt: float  # speech comes as soon as before the impairment
    delay_p50: float  # mouth to ear
    delay_p95: float
    buffered: float  # jitter buffer, mean
    rate: float  # pictures a second
    moving: float  # share of seconds with more than getstats.MOVING pictures
    width_before: int
    width: int  # most frequent
    freezes: int
    frozen: float  # in all, browser's count
    stalls: int
    stalled: float
    age_p50: float
    age_p95: float
    age_max: float
    shed: float  # sending rate below capacity
    smaller: float  # first smaller picture
    restored: float  # previous picture is back
    picture_beside_broken_sound: float
    unreadable: int
    bytes_down: int
    bytes_up: int
    machine: Machine


@dataclass(frozen=True, slots=True)
class Series:
    """Over the time since the conditions set in, for plots. Each is ((when, value), ...)."""

    capacity: tuple[tuple[float, float], ...]  # bit/s, as a schedule; () where nothing limits
    offered: tuple[tuple[float, float], ...]  # bit/s into the narrowed direction
    delivered: tuple[tuple[float, float], ...]
    queue: tuple[tuple[float, float], ...]  # s
    concealed: tuple[tuple[float, float], ...]  # share
    delay: tuple[tuple[float, float], ...]  # s, mouth to ear
    age: tuple[tuple[float, float], ...]  # s, of the picture
    rate: tuple[tuple[float, float], ...]  # pictures a second
    widths: tuple[tuple[float, int], ...]  # changes


@dataclass(frozen=True, slots=True)
class Run:
    measures: Measures
    series: Series


def measure(
    case: Case,
    hearer: str,
    server: str,
    number: int,
    observed: dict[str, Observations],
    reports: Sequence[dict[str, Any]],
    *,
    before: float,
    start: float,
    end: float,
    load: Load,
) -> Run:
    """`observed` by name of the person; `reports` of the link; `before`: when the good time began that
    `start` ended."""
    (speaker,) = (name for name in observed if name != hearer)
    ear, mouth = observed[hearer], observed[speaker]
    way = "down" if hearer == FAR else "up"
    heard = sound.compare(mouth.said, ear.heard, start, end)
    film = Film(mouth.sent, ear.shown, period=VIDEO_FRAMES)
    sounds = getstats.sound(ear.polls)
    frozen = getstats.growths(ear.polls, "inbound-rtp", "video", ("freezeCount", "totalFreezesDuration"))
    frozen = [growth for growth in frozen if start < growth.at <= end]
    ages = film.ages(start, end)
    rates = film.rates(start, end)
    stalls = film.stalls(start, end) if speaker in case.cameras else []
    drop = start + (case.drop_at or 0.0)
    width_before, rate_before = film.width(drop - BEFORE, drop), film.rate(drop - BEFORE, drop)
    back = start + (case.return_at or 0.0)
    in_window = [s for s in sounds if start < s.at <= end and s.buffered]
    offered = _rate(reports, way, "offered")
    measures = Measures(
        case=case.name,
        server=server,
        round=number,
        hearer=hearer,
        concealed=getstats.concealed_share(sounds, start, end),
        concealed_later=getstats.concealed_share(sounds, start + AFTER_DROP, end),
        concealed_after_drop=getstats.concealed_share(sounds, drop, drop + AFTER_DROP),
        longest_gap=heard.longest_gap,
        sound_back=math.nan if case.back_from is None else heard.back_after(start + case.back_from),
        prompt=math.nan if case.return_at is None else heard.prompt_after(back, before=drop),
        delay_p50=percentile([delay for _, delay in heard.delays], 0.5),
        delay_p95=percentile([delay for _, delay in heard.delays], 0.95),
        buffered=percentile([s.buffered for s in in_window], 0.5),
        rate=film.rate(start, end),
        moving=sum(rate > getstats.MOVING for _, rate in rates) / max(len(rates), 1),
        width_before=width_before,
        width=film.width(start, end),
        freezes=int(sum(growth.counters["freezeCount"] for growth in frozen)),
        frozen=sum(growth.counters["totalFreezesDuration"] for growth in frozen),
        stalls=len(stalls),
        stalled=sum(stalls),
        age_p50=percentile([age for _, age in ages], 0.5),
        age_p95=percentile([age for _, age in ages], 0.95),
        age_max=max((age for _, age in ages), default=math.nan),
        shed=math.nan
        if case.drop_at is None or not case.toward(hearer).rate
        else _shed(offered, case.toward(hearer), start, drop, end),
        smaller=math.nan if case.drop_at is None else _never(film.first_smaller(drop, end, width_before)),
        restored=math.nan
        if case.return_at is None
        else _never(film.restored(back, end, width=width_before, rate=SAME_RATE * rate_before)),
        picture_beside_broken_sound=getstats.picture_beside_broken_sound(ear.polls, start, end),
        unreadable=ear.unreadable,
        bytes_down=_carried(reports, "down", start, end),
        bytes_up=_carried(reports, "up", start, end),
        machine=Machine(
            load=load,
            link_late_ms=percentile([r["down"]["late_ms"] for r in reports], 0.99),
            encoded_rate=_encoded(mouth.polls, before, start) if speaker in case.cameras else math.nan,
            shown_rate=film.rate(before, start),
            concealed=getstats.concealed_share(sounds, before, start),
            limited=_limited(mouth.polls),
        ),
    )

    def since(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        return tuple((round(at - start, 3), value) for at, value in points if before < at <= end)

    series = Series(
        capacity=case.toward(hearer).rate,
        offered=since(offered),
        delivered=since(_rate(reports, way, "delivered")),
        queue=since([(r["at"], r[way]["queue_ms"] / 1000) for r in reports]),
        concealed=since([(s.at, s.concealed / s.played if s.played else 1.0) for s in sounds]),
        delay=since(heard.delays),
        age=since(film.ages(before, end)),
        rate=since(film.rates(before, end)),
        widths=tuple((round(at - start, 3), width) for at, width in film.widths(before, end)),
    )
    return Run(measures, series)


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank; not a number of nothing."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else math.nan


def as_dict(run: Run) -> dict[str, Any]:
    document = asdict(run)
    document["measures"]["doubts"] = run.measures.machine.doubts()
    return document


def _never(value: float | None) -> float:
    return math.inf if value is None else value


def _rate(
    reports: Sequence[dict[str, Any]], way: str, counter: str, over: float = 1.0
) -> list[tuple[float, float]]:
    """(when, bit/s over the time `over` before)."""
    rates = []
    first = 0
    for report in reports:
        while reports[first]["at"] < report["at"] - over:
            first += 1
        took = report["at"] - reports[first]["at"]
        if took > over / 2:
            rates.append((report["at"], (report[way][counter] - reports[first][way][counter]) * 8 / took))
    return rates


def _shed(
    offered: Sequence[tuple[float, float]], link: LinkSettings, start: float, drop: float, end: float
) -> float:
    """From the drop until what is sent over a second is below the capacity. The second is counted back, so
    that less than one can't be seen."""
    for at, rate in offered:
        if drop + 1.0 <= at <= end and rate <= UNDER * scheduled(link.rate, at - start):
            return at - 1.0 - drop
    return math.inf


def _carried(reports: Sequence[dict[str, Any]], way: str, start: float, end: float) -> int:
    inside = [report[way]["delivered"] for report in reports if start <= report["at"] <= end]
    return int(inside[-1] - inside[0]) if inside else 0


def _encoded(polls: Sequence[dict[str, Any]], start: float, end: float) -> float:
    """Frames a second of the widest layer that runs."""
    layers: dict[int, list[tuple[float, int]]] = {}
    widths: dict[int, int] = {}
    for poll in polls:
        for stream in poll["streams"]:
            if start < poll["at"] <= end and stream["type"] == "outbound-rtp" and stream.get("framesEncoded"):
                layers.setdefault(stream["ssrc"], []).append((poll["at"], stream["framesEncoded"]))
                widths[stream["ssrc"]] = stream.get("frameWidth", 0)
    if not layers:
        return 0.0
    points = layers[max(layers, key=lambda ssrc: widths[ssrc])]
    took = points[-1][0] - points[0][0]
    return (points[-1][1] - points[0][1]) / took if took else 0.0


def _limited(polls: Sequence[dict[str, Any]]) -> float:
    if not polls:
        return 0.0
    return sum(
        any(stream.get("qualityLimitationReason") == "cpu" for stream in poll["streams"]) for poll in polls
    ) / len(polls)
