"""Is the one-way delay growing? The slope of accumulated delay over the last groups, against a threshold that
adapts so that a flow is not starved by TCP (Carlucci et al., "Analysis and design of the Google congestion
control for WebRTC", MMSys 2016).

Mirrors libwebrtc's modules/congestion_controller/goog_cc/trendline_estimator.cc. Milliseconds inside, because
the constants are.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import Final

WINDOW: Final = 20  # groups
SMOOTHING: Final = 0.9
GAIN: Final = 4.0
DELTAS_AT_MOST: Final = 60  # by which the slope is multiplied
THRESHOLD_MS: Final = 12.5  # at the start
THRESHOLD_RANGE_MS = (6.0, 600.0)
THRESHOLD_GAIN_UP: Final = 0.0087  # per ms, k_u
THRESHOLD_GAIN_DOWN: Final = 0.039  # per ms, k_d
ADAPT_WITHIN_MS: Final = 15.0  # spikes further above the threshold than this do not move it
ADAPT_STEP_MS: Final = 100.0
OVERUSE_TIME_MS: Final = 10.0


class Usage(Enum):
    NORMAL = "normal"
    OVERUSE = "overuse"
    UNDERUSE = "underuse"


class Trendline:
    def __init__(self) -> None:
        self.usage = Usage.NORMAL
        self.threshold_ms = THRESHOLD_MS
        self._deltas = 0
        self._first_arrival_ms: float | None = None
        self._accumulated_ms = 0.0
        self._smoothed_ms = 0.0
        self._history: deque[tuple[float, float]] = deque(maxlen=WINDOW)  # arrival ms, smoothed ms
        self._trend = 0.0
        self._previous_trend = 0.0
        self._overusing_ms: float | None = None
        self._overuses = 0
        self._adapted_at_ms: float | None = None

    def add(self, send_delta: float, arrival_delta: float, arrived_at: float) -> Usage:
        """Takes one pair of groups, in seconds."""
        arrival_ms = arrived_at * 1000
        self._deltas = min(self._deltas + 1, 1000)
        if self._first_arrival_ms is None:
            self._first_arrival_ms = arrival_ms
        self._accumulated_ms += (arrival_delta - send_delta) * 1000
        self._smoothed_ms = SMOOTHING * self._smoothed_ms + (1 - SMOOTHING) * self._accumulated_ms
        self._history.append((arrival_ms - self._first_arrival_ms, self._smoothed_ms))
        if len(self._history) == WINDOW:
            slope = _slope(self._history)
            if slope is not None:
                self._trend = slope
        self._detect(send_delta * 1000, arrival_ms)
        return self.usage

    def _detect(self, send_delta_ms: float, arrival_ms: float) -> None:
        if self._deltas < 2:
            return
        modified = min(self._deltas, DELTAS_AT_MOST) * self._trend * GAIN
        if modified > self.threshold_ms:
            if self._overusing_ms is None:
                self._overusing_ms = send_delta_ms / 2
            else:
                self._overusing_ms += send_delta_ms
            self._overuses += 1
            if (
                self._overusing_ms > OVERUSE_TIME_MS
                and self._overuses > 1
                and self._trend >= self._previous_trend
            ):
                self._overusing_ms = 0.0
                self._overuses = 0
                self.usage = Usage.OVERUSE
        else:
            self._overusing_ms = None
            self._overuses = 0
            self.usage = Usage.UNDERUSE if modified < -self.threshold_ms else Usage.NORMAL
        self._previous_trend = self._trend
        self._adapt(abs(modified), arrival_ms)

    def _adapt(self, modified: float, arrival_ms: float) -> None:
        since_ms = 0.0 if self._adapted_at_ms is None else arrival_ms - self._adapted_at_ms
        self._adapted_at_ms = arrival_ms
        if modified > self.threshold_ms + ADAPT_WITHIN_MS:
            return
        gain = THRESHOLD_GAIN_DOWN if modified < self.threshold_ms else THRESHOLD_GAIN_UP
        threshold = self.threshold_ms + gain * (modified - self.threshold_ms) * min(since_ms, ADAPT_STEP_MS)
        low, high = THRESHOLD_RANGE_MS
        self.threshold_ms = min(max(threshold, low), high)


def _slope(points: deque[tuple[float, float]]) -> float | None:
    """Least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return None
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
