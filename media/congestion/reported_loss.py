"""Receiver reports alone, where there is no transport-wide feedback: grow below 2 % of loss, hold to 10 %,
fall above.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/send_side_bandwidth_estimation.cc.
"""

from __future__ import annotations

import math
from typing import Final

LOW: Final = 0.02
HIGH: Final = 0.10
INCREASE: Final = 1.08  # per second
INCREASE_STEP: Final = 1_000.0  # bit/s
DECREASE_INTERVAL: Final = 0.300  # seconds, plus the round trip
FLOOR: Final = 5_000.0  # bit/s


class ReportedLoss:
    def __init__(self, bitrate: float) -> None:
        self.bitrate = bitrate
        self._changed_at: float | None = None
        self._decreased_at = -math.inf

    def on_report(self, fraction_lost: float, rtt: float | None, *, now: float) -> float:
        since = 0.0 if self._changed_at is None else min(now - self._changed_at, 1.0)
        if fraction_lost <= LOW:
            self.bitrate = self.bitrate * INCREASE**since + INCREASE_STEP * since
        elif fraction_lost > HIGH and (now - self._decreased_at >= DECREASE_INTERVAL + (rtt or 0.0)):
            self.bitrate *= 1 - 0.5 * fraction_lost
            self._decreased_at = now
        self.bitrate = max(self.bitrate, FLOOR)
        self._changed_at = now
        return self.bitrate
