"""A share of a queue that others keep full: by loss, as TCP takes its own (RFC 5681 section 3.1)."""

from __future__ import annotations

import math
from typing import Final

DECREASE: Final = 0.8  # of the rate is left after a loss
LOSS_GAP: Final = 2.0  # round trips that one overflow of the queue may last
SEGMENT: Final = 1500 * 8  # bits gained per round trip squared
GROWTH: Final = 0.25  # of the rate per second at most
USED_SHARE: Final = 0.5  # of the rate must arrive for it to grow
QUEUE_GONE: Final = 0.5  # seconds with a short queue that end it
LASTS = (10.0, 60.0)  # seconds until we hold back again to see whose queue it is; doubled each time in vain


class Competition:
    def __init__(self) -> None:
        self._lasts = LASTS[0]
        self._until = self._updated_at = -math.inf
        self._lost_at = -math.inf
        self._short_since: float | None = None

    def begin(self, *, now: float) -> None:
        self._until = now + self._lasts
        self._lasts = min(2 * self._lasts, LASTS[1])
        self._updated_at = now
        self._short_since = None

    def forgive(self) -> None:
        """The queue went when we held back: it was ours."""
        self._lasts = LASTS[0]

    def is_over(self, *, short: bool, now: float) -> bool:
        """Has the queue been `short` for so long that nobody fills it any more?"""
        if not short:
            self._short_since = None
            return False
        if self._short_since is None:
            self._short_since = now
        return now - self._short_since > QUEUE_GONE

    def is_doubtful(self, *, now: float) -> bool:
        """Is it time to see again whose queue it is?"""
        return now >= self._until

    def rate_after(
        self, rate: float, lost: bool, arrived: float | None, rtt: float, interval: float, *, now: float
    ) -> float:
        """The next rate in bit/s.

        `lost`: more than what this path loses anyway; `arrived`: bit/s; `rtt`: seconds, with the queue;
        `interval`: seconds between feedbacks, which may tell of one overflow in two parts.
        """
        since, self._updated_at = now - self._updated_at, now
        if lost and now > self._lost_at + LOSS_GAP * rtt + interval:
            self._lost_at = now
            return DECREASE * rate
        if arrived is None or arrived <= USED_SHARE * rate:
            return rate
        return rate + min(SEGMENT / rtt**2, GROWTH * rate) * since
