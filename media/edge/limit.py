"""A limit on how often something may happen."""

from __future__ import annotations


class RateLimit:
    """A token bucket: `rate` times a second, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = 0.0

    def take(self, *, now: float) -> bool:
        """Whether it may happen now; if so it counts."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
