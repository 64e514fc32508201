"""Is less sent than the estimate allows? The application-limited region.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/alr_detector.cc and pacing/interval_budget.cc.
"""

from __future__ import annotations

from typing import Final

USAGE: Final = 0.65  # of the estimate fills the budget
ENTER_ABOVE: Final = 0.80  # of the budget unused
LEAVE_BELOW: Final = 0.50
WINDOW: Final = 0.5  # seconds that the budget spans


class ApplicationLimited:
    def __init__(self, bitrate: float) -> None:
        self.since: float | None = None  # in the region since
        self.left_at: float | None = None
        self._capacity = 0.0  # bytes
        self._unused = 0.0  # bytes
        self._at: float | None = None
        self._sent = 0
        self.set_estimate(bitrate)

    def set_estimate(self, bitrate: float) -> None:
        self._capacity = bitrate * USAGE / 8 * WINDOW
        self._unused = min(max(self._unused, -self._capacity), self._capacity)

    def update(self, bytes_sent: int, *, now: float) -> None:
        """`bytes_sent` is the count of all bytes ever sent."""
        since = 0.0 if self._at is None else now - self._at
        self._at = now
        unused = self._unused - (bytes_sent - self._sent)
        self._sent = bytes_sent
        unused = max(unused, -self._capacity) + self._capacity / WINDOW * since
        self._unused = min(unused, self._capacity)
        share = self._unused / self._capacity
        if share > ENTER_ABOVE and self.since is None:
            self.since = now
        elif share < LEAVE_BELOW and self.since is not None:
            self.since = None
            self.left_at = now
