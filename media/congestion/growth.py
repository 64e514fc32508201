"""How fast a rate grows by itself while the queue is short. Probes look further."""

from __future__ import annotations

from typing import Final

FREE: Final = 0.10  # per second, while no capacity is known
# bit/s per second near the capacity known, the same for all so that shares converge.
NEAR_CAPACITY: Final = 25_000.0
NEAR_CAPACITY_SHARE: Final = 0.06  # per second at most
CREEP_ABOVE: Final = 0.96  # of the capacity known, growth slows to
CREEP: Final = 0.4  # of itself: the longer we stay just below, the better
DELIVERED_HEADROOM: Final = 1.5


def grown(rate: float, capacity: float | None, delivered: float, seconds: float) -> float:
    """The rate after `seconds`, in bit/s; `capacity` is where the bottleneck was met last, `delivered` what
    it lets through now."""
    if capacity is None:
        speed = FREE * rate
    else:
        speed = min(NEAR_CAPACITY, NEAR_CAPACITY_SHARE * rate)
        if rate > CREEP_ABOVE * capacity:
            speed *= CREEP
    return min(rate + speed * seconds, DELIVERED_HEADROOM * delivered + 10_000)
