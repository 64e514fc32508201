"""Additive increase near a known capacity, multiplicative away from it, and a decrease below what got
through.

Mirrors libwebrtc's modules/remote_bitrate_estimator/aimd_rate_control.cc and
congestion_controller/goog_cc/link_capacity_estimator.cc.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Final

from media.congestion.reference.trendline import Usage

FLOOR: Final = 5_000.0  # bit/s; kCongestionControllerMinBitrate
BETA: Final = 0.85
INCREASE_PER_SECOND: Final = 1.08
ADDITIVE_AT_LEAST: Final = 4_000.0  # bit/s per second
MULTIPLICATIVE_AT_LEAST: Final = 1_000.0  # bit/s per step
DEFAULT_RTT: Final = 0.200  # seconds
ACKED_HEADROOM: Final = 1.5  # times the acked rate, plus
ACKED_SLACK: Final = 10_000.0  # bit/s
REDUCE_INTERVAL = (0.010, 0.200)  # seconds, bounds on the round trip between two decreases
HALVE_INTERVAL: Final = 0.200  # seconds, when nothing is acked yet


class RateState(Enum):
    HOLD = "hold"
    INCREASE = "increase"
    DECREASE = "decrease"


# What the detector says leads to which state; an overuse is acted on and then held.
TRANSITIONS: Final = {
    (RateState.HOLD, Usage.NORMAL): RateState.INCREASE,
    (RateState.HOLD, Usage.OVERUSE): RateState.DECREASE,
    (RateState.HOLD, Usage.UNDERUSE): RateState.HOLD,
    (RateState.INCREASE, Usage.NORMAL): RateState.INCREASE,
    (RateState.INCREASE, Usage.OVERUSE): RateState.DECREASE,
    (RateState.INCREASE, Usage.UNDERUSE): RateState.HOLD,
    (RateState.DECREASE, Usage.NORMAL): RateState.DECREASE,
    (RateState.DECREASE, Usage.OVERUSE): RateState.DECREASE,
    (RateState.DECREASE, Usage.UNDERUSE): RateState.HOLD,
}


class LinkCapacity:
    """Where overuse was met lately: mean and normalised variance, in kbit/s."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._variance = 0.4

    @property
    def bitrate(self) -> float | None:
        return None if self._mean is None else self._mean * 1000

    @property
    def bounds(self) -> tuple[float, float]:
        if self._mean is None:
            return 0.0, math.inf
        spread = 3 * math.sqrt(self._variance * self._mean)
        return max(0.0, self._mean - spread) * 1000, (self._mean + spread) * 1000

    def on_overuse(self, acked: float) -> None:
        self._update(acked / 1000, 0.05)

    def on_probe(self, bitrate: float) -> None:
        self._update(bitrate / 1000, 0.5)

    def reset(self) -> None:
        self._mean = None

    def _update(self, sample: float, alpha: float) -> None:
        self._mean = sample if self._mean is None else (1 - alpha) * self._mean + alpha * sample
        error = self._mean - sample
        variance = (1 - alpha) * self._variance + alpha * error * error / max(self._mean, 1.0)
        self._variance = min(max(variance, 0.4), 2.5)


class Aimd:
    def __init__(self, bitrate: float) -> None:
        self.bitrate = bitrate
        self.state = RateState.HOLD
        self.rtt = DEFAULT_RTT
        self._capacity = LinkCapacity()
        self._changed_at: float | None = None
        self._decreased_at: float | None = None
        self._acked: float | None = None

    def may_reduce(self, acked: float, *, now: float) -> bool:
        low, high = REDUCE_INTERVAL
        if self._changed_at is None or now - self._changed_at >= min(max(self.rtt, low), high):
            return True
        return acked < 0.5 * self.bitrate

    def may_halve(self, *, now: float) -> bool:
        return self._changed_at is None or now - self._changed_at >= HALVE_INTERVAL

    def halve(self, *, now: float) -> None:
        self._set(self.bitrate / 2, now)

    def on_probe(self, bitrate: float, *, now: float) -> None:
        self._capacity.on_probe(bitrate)
        self._set(bitrate, now)

    def update(self, usage: Usage, acked: float | None, *, now: float) -> float:
        acked = self._acked = acked if acked is not None else self._acked
        state = TRANSITIONS[self.state, usage]
        if state is RateState.INCREASE and self.state is RateState.HOLD:
            self._changed_at = now
        self.state = state
        if acked is None:
            acked = self.bitrate
        if state is RateState.INCREASE:
            self._increase(acked, now)
        elif state is RateState.DECREASE:
            self._decrease(acked, now)
        return self.bitrate

    def _increase(self, acked: float, now: float) -> None:
        if acked > self._capacity.bounds[1]:
            self._capacity.reset()
        limit = ACKED_HEADROOM * acked + ACKED_SLACK
        since = 0.0 if self._changed_at is None else now - self._changed_at
        bitrate = self.bitrate
        if bitrate < limit:
            if self._capacity.bitrate is not None:
                bitrate += self._additive_per_second() * since
            else:
                factor = INCREASE_PER_SECOND ** min(since, 1.0)
                bitrate += max(bitrate * (factor - 1), MULTIPLICATIVE_AT_LEAST)
            bitrate = min(bitrate, limit)
        self._set(bitrate, now)

    def _decrease(self, acked: float, now: float) -> None:
        bitrate = BETA * acked
        if bitrate > 5_000:
            bitrate -= 5_000
        if bitrate > self.bitrate and self._capacity.bitrate is not None:
            bitrate = BETA * self._capacity.bitrate
        if acked < self._capacity.bounds[0]:
            self._capacity.reset()
        self._capacity.on_overuse(acked)
        self._set(min(bitrate, self.bitrate), now)
        self.state = RateState.HOLD
        self._decreased_at = now

    def _additive_per_second(self) -> float:
        """About one packet per response time (RTT + 100 ms, doubled)."""
        frame = self.bitrate / 30
        packets = max(1, math.ceil(frame / (1200 * 8)))
        return max(ADDITIVE_AT_LEAST, frame / packets / (2 * (self.rtt + 0.1)))

    def _set(self, bitrate: float, now: float) -> None:
        self.bitrate = max(bitrate, FLOOR)
        self._changed_at = now
