"""A queue too short to drain that has come to stay: what arrives is the capacity, so step back below it."""

from __future__ import annotations

import math
from typing import Final

AFTER: Final = 0.100  # seconds with such a queue
EASE: Final = 0.90  # times what arrives
INTERVAL: Final = 0.300  # seconds plus the round trip between two steps back


class Ease:
    """When that is due."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._stepped_at = -math.inf

    def end(self) -> None:
        """The queue is short again, or long enough for other measures."""
        self._since = None

    def capacity(self, rate: float, carried: float | None, round_trip: float, *, now: float) -> float | None:
        """There is such a queue while `rate` is sent and `carried` arrives, bit/s. The capacity to step back
        below, to `EASE` of it; None: not yet, or `rate` is low enough."""
        if self._since is None:
            self._since = now
        if now - self._since < AFTER or carried is None:
            return None
        if now - self._stepped_at < INTERVAL + round_trip:
            return None
        self._stepped_at = now
        return carried if carried < rate / EASE else None
