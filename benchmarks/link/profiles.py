"""Named places. Their numbers are assumptions: plausible, nobody's measurement. Both people show a picture,
and both directions are bad."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.link.cases import FAR, KBIT, MBIT, NEAR, Case
from benchmarks.link.road import Conditions
from media.testing.link import LinkSettings

BOTH = frozenset({NEAR, FAR})


@dataclass(frozen=True, slots=True)
class Profile:
    """`title`: what is assumed to happen there. `up_rate`: bit/s from a time on; all else is as downwards."""

    name: str
    title: str
    down: LinkSettings
    up_rate: tuple[tuple[float, float], ...]

    @property
    def up(self) -> LinkSettings:
        return replace(self.down, rate=self.up_rate)

    def case(self) -> Case:
        return Case(self.name, self.title, Conditions(self.down, self.up), (FAR, NEAR), BOTH, drop_at=0.0)


_TUNNEL = ((20.0, 23.0), (45.0, 46.5))
_BREAKS = ((14.0, 16.0), (44.0, 46.0))

PROFILES: tuple[Profile, ...] = (
    Profile(
        "airport",
        "crowded Wi-Fi behind a far gateway: narrow, late, wavering, lossy",
        down=LinkSettings(
            rate=((0.0, 256 * KBIT),),
            delay=((0.0, 0.09),),
            jitter=0.04,
            jitter_at_most=0.08,
            loss=0.04,
            burst=3.0,
            queue_time=0.5,
        ),
        up_rate=((0.0, 128 * KBIT),),
    ),
    Profile(
        "coffee-shop",
        "enough bandwidth, and twice 2 s of nothing",
        down=LinkSettings(rate=((0.0, 1 * MBIT),), delay=((0.0, 0.03),), jitter=0.015, outages=_BREAKS),
        up_rate=((0.0, 300 * KBIT),),
    ),
    Profile(
        "hotel",
        "a shared line with a deep queue, slower in the middle of the call",
        down=LinkSettings(
            rate=((0.0, 600 * KBIT), (20.0, 300 * KBIT), (40.0, 600 * KBIT)),
            delay=((0.0, 0.04),),
            jitter=0.02,
            jitter_at_most=0.04,
            loss=0.01,
            queue_time=1.0,
        ),
        up_rate=((0.0, 200 * KBIT),),
    ),
    Profile(
        "train",
        "a mobile network that comes and goes, and two tunnels",
        down=LinkSettings(
            rate=(
                (0.0, 2 * MBIT),
                (10.0, 500 * KBIT),
                (16.0, 120 * KBIT),
                (23.0, 1 * MBIT),
                (35.0, 250 * KBIT),
                (46.5, 3 * MBIT),
            ),
            delay=((0.0, 0.05), (16.0, 0.09), (23.0, 0.05)),
            jitter=0.02,
            loss=0.01,
            burst=4.0,
            outages=_TUNNEL,
            queue_time=0.6,
        ),
        up_rate=((0.0, 800 * KBIT), (10.0, 250 * KBIT), (16.0, 80 * KBIT), (23.0, 500 * KBIT)),
    ),
    Profile(
        "gym",
        "many devices on one channel: bandwidth, but bursts of loss and packets out of order",
        down=LinkSettings(
            rate=((0.0, 1.5 * MBIT),), jitter=0.025, loss=0.06, burst=4.0, reorder=0.01, queue_time=0.2
        ),
        up_rate=((0.0, 500 * KBIT),),
    ),
)

HEADER = (
    "profile",
    "direction",
    "kbit/s",
    "queue",
    "delay",
    "jitter",
    "loss",
    "mean burst",
    "reorder",
    "outages",
)


def parameters(profiles: tuple[Profile, ...] = PROFILES) -> Iterator[tuple[str, ...]]:
    """All profiles as the rows of one table."""
    for profile in profiles:
        for way, settings in (("down", profile.down), ("up", profile.up)):
            yield (profile.name, way, *describe(settings))


def describe(settings: LinkSettings) -> tuple[str, ...]:
    queue = "" if settings.queue_time is None else f"{settings.queue_time * 1000:.0f} ms"
    if settings.queue_bytes is not None:
        queue = f"{queue} {settings.queue_bytes / 1000:.0f} KB".strip()
    return (
        "trace" if settings.trace else _schedule(settings.rate, 1 / KBIT) or "unlimited",
        queue or "unlimited",
        _schedule(settings.delay, 1000) + " ms",
        f"{settings.jitter * 1000:.0f} ms" if settings.jitter else "",
        f"{settings.loss:.0%}" if settings.loss else "",
        f"{settings.burst:.0f}" if settings.burst > 1 else "",
        f"{settings.reorder:.0%}" if settings.reorder else "",
        ", ".join(f"{a:g}-{b:g} s" for a, b in settings.outages),
    )


def _schedule(values: tuple[tuple[float, float], ...], scale: float) -> str:
    parts = [f"{value * scale:.0f}" + (f" from {at:g} s" if at else "") for at, value in values]
    return ", ".join(parts)
