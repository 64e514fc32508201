"""What is said of a run, in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.adapt.cases import Run
from benchmarks.adapt.simulation import BIN, Series
from media.testing.link import scheduled

QUEUE_HIGH = 0.100  # seconds
AUDIO_LATE = 0.400  # seconds above which a receiver has given up on a packet; an assumption


@dataclass(frozen=True, slots=True)
class Measures:
    """Rates in bit/s, times in seconds. Of all flows together where there are several."""

    bitrate: float
    utilisation: float  # of what the link carries and the sources could use, TCP's share taken off
    delay_p50: float  # one way, network alone
    delay_p95: float
    frame_delay_p95: float  # from the source, pacer included
    loss: float
    queue_high: float  # seconds with a queue over QUEUE_HIGH
    audio_p95: float
    audio_worst: float
    audio_missed: float  # share lost or later than AUDIO_LATE
    fairness: float  # Jain's index over the flows' rates, second half
    tcp_bitrate: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def measure(run: Run, *, since: float = 0.0, until: float | None = None) -> Measures:
    until = run.duration if until is None else until
    series = [flow.series for flow in run.flows]
    rates = [rate_of(each, since, until) for each in series]
    halves = [rate_of(each, (since + until) / 2, until) for each in series]
    delays = [d for each in series for at, d in each.delays if since <= at < until]
    frames = [d for each in series for at, d in each.media_delays if since <= at < until]
    audio = [d for each in series for at, d in each.audio if since <= at < until]
    heard = [d for d in audio if d is not None]
    tcp = 8 * sum(size for at, size in run.tcp if since <= at < until) / (until - since)
    packets = sum(each.packets for each in series)
    usable = _usable(run, since, until)
    return Measures(
        bitrate=sum(rates),
        utilisation=(sum(rates) + tcp) / usable if usable else math.nan,
        delay_p50=percentile(delays, 0.5),
        delay_p95=percentile(delays, 0.95),
        frame_delay_p95=percentile(frames, 0.95),
        loss=sum(each.lost for each in series) / packets if packets else 0.0,
        queue_high=BIN * sum(q > QUEUE_HIGH for at, q in series[0].queue if since <= at < until),
        audio_p95=percentile(heard, 0.95),
        audio_worst=max(heard, default=math.nan),
        audio_missed=sum(d is None or d > AUDIO_LATE for d in audio) / len(audio) if audio else math.nan,
        fairness=sum(halves) ** 2 / (len(halves) * sum(r * r for r in halves)) if any(halves) else 0.0,
        tcp_bitrate=tcp,
    )


def rate_of(series: Series, since: float, until: float) -> float:
    arrived = sum(size for place, size in series.arrived.items() if since <= place * BIN < until)
    return 8 * arrived / (until - since)


def first_time(points: Iterable[tuple[float, float]], since: float, holds: float, *, above: bool) -> float:
    """Seconds after `since` until a series is above (or below) a value; infinite if never."""
    for at, value in points:
        if at >= since and (value >= holds if above else value <= holds):
            return at - since
    return math.inf


def percentile(values: Sequence[float], share: float) -> float:
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _usable(run: Run, since: float, until: float) -> float:
    """Mean of the smaller of capacity and what the sources could send."""
    audio = sum(flow.audio_rate if flow.has_audio else 0.0 for flow in run.flows)
    steps = int((until - since) / BIN)
    total = 0.0
    for step in range(steps):
        at = since + step * BIN
        wanted = sum(flow.source.max_bitrate for flow in run.flows if flow.is_on(at)) + audio
        total += min(scheduled(run.capacity, at), math.inf if run.tcp else wanted)
    return total / steps
