"""When an uplink that was relieved is asked for more again: after a rest, a longer one for what it has failed
to bear before."""

from __future__ import annotations

from typing import Final

REST: Final = 5.0  # seconds of clean sound, unless said otherwise
REST_AT_MOST: Final = 60.0
RELAPSE: Final = 10.0  # seconds after a step up within which starving is its fault


class Retries:
    """Levels are numbered from 0, the best, as in `media.uplink.Level`. `rest`: seconds before the first
    try."""

    def __init__(self, rest: float = REST) -> None:
        self._least = rest
        self._rest = rest  # before `_failed` or a better level is tried again
        self._failed = 0  # the level that the uplink did not bear
        self._raised_to = 0
        self._raised_at = float("-inf")
        self._relapsed_at = float("-inf")

    def rest(self, level: int) -> float:
        """Seconds of clean sound before `level` is tried."""
        return self._rest if level <= self._failed else self._least

    def on_raised(self, level: int, *, now: float) -> None:
        self._raised_to, self._raised_at = level, now

    def on_starving(self, *, now: float) -> bool:
        """Sound begins to starve; whether the last try is why."""
        failed = now - self._raised_at < RELAPSE
        if failed:
            self._rest, self._failed = min(2 * self._rest, REST_AT_MOST), self._raised_to
            self._raised_at, self._relapsed_at = float("-inf"), now
        return failed

    def relapsed_before(self, stepped_at: float, *, now: float) -> bool:
        """Was the last step down, at `stepped_at`, back to where it was before a try that failed just now?"""
        return stepped_at >= self._relapsed_at > now - RELAPSE

    def on_best(self, *, now: float) -> None:
        """Nothing is held back. What lasts is forgiven."""
        if now - max(self._raised_at, self._relapsed_at) > REST_AT_MOST:
            self.forgive()

    def forgive(self) -> None:
        self._rest = self._least
