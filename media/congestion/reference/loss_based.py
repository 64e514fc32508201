"""The rate at which loss is explained: candidates of (bandwidth, inherent loss), the likeliest wins.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/loss_based_bwe_v2.cc with its default settings.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from media.congestion.base import PacketResult

OBSERVATION: Final = 0.250  # seconds of send time at least
WINDOW: Final = 15  # observations
OBSERVATIONS_REQUIRED: Final = 3
TEMPORAL_WEIGHT: Final = 0.9
CANDIDATE_FACTORS = (1.02, 1.0, 0.95)
INHERENT_LOSS_INITIAL: Final = 0.01
INHERENT_LOSS_FLOOR: Final = 0.001
INHERENT_LOSS_OFFSET: Final = 0.05
BANDWIDTH_BALANCE: Final = 100_000.0  # bit/s, for the bounds of inherent loss and of bandwidth under loss
NEWTON_STEP: Final = 0.75
BIAS: Final = 0.0002  # per kbit/s
BIAS_LOG: Final = 0.02
BIAS_TURNS_AT: Final = 0.2  # loss at which more bandwidth stops being preferred
BIAS_SMOOTHING: Final = 0.002
RAMP_UP: Final = 1.5  # times the acked rate
RAMP_UP_AFTER_HOLD: Final = 1.2
HOLD_THRESHOLD: Final = 1.3  # times the rate that was held
INCREASE_WINDOW: Final = 0.300  # seconds
INCREASE_FACTOR: Final = 1.3  # per window
HOLD_INITIAL: Final = 0.300  # seconds
HOLD_AT_MOST: Final = 60.0
HOLD_FACTOR: Final = 2.0
PADDING_TIME: Final = 2.0  # seconds
MEDIAN_FACTOR: Final = 2.0
FLOOR: Final = 5_000.0  # bit/s


class LossState(Enum):
    DELAY_BASED = "delay"  # loss does not limit
    DECREASING = "decreasing"
    INCREASING = "increasing"  # with padding, so that the rate is tried


@dataclass(frozen=True, slots=True)
class _Channel:
    bandwidth: float
    inherent_loss: float


@dataclass(frozen=True, slots=True)
class _Observation:
    sending_rate: float
    size: float  # kilobytes
    lost: float  # kilobytes


@dataclass(frozen=True, slots=True)
class _Hold:
    until: float = -math.inf
    duration: float = HOLD_INITIAL
    bitrate: float = math.inf


class LossBased:
    def __init__(self, max_bitrate: float) -> None:
        self.state = LossState.DELAY_BASED
        self.average_loss = 0.0
        self._bitrate = math.inf
        self._max_bitrate = max_bitrate
        self._best: _Channel | None = None
        self._acked: float | None = None
        self._observations: deque[_Observation] = deque(maxlen=WINDOW)  # the newest first
        self._observed_until: float | None = None  # send time
        self._partial_size = 0
        self._partial_lost: dict[int, int] = {}
        self._hold = _Hold()
        self._padding_at = -math.inf
        self._padding_bitrate = -math.inf
        self._window_at: float | None = None
        self._window_limit = math.inf
        self._upper_bound = math.inf

    @property
    def ready(self) -> bool:
        return self._best is not None and len(self._observations) >= OBSERVATIONS_REQUIRED

    @property
    def bitrate(self) -> float:
        return self._bitrate

    def set_bitrate(self, bitrate: float) -> None:
        self._best = _Channel(bitrate, INHERENT_LOSS_INITIAL)
        self._bitrate = bitrate
        self.state = LossState.DELAY_BASED

    def update(
        self,
        results: Sequence[PacketResult],
        acked: float | None,
        delay_based: float,
        application_limited: bool,
    ) -> None:
        if acked is not None:
            self._acked = acked
        if not results or not self._observe(results):
            return
        assert self._observed_until is not None
        at = self._observed_until
        before = self._best
        if before is None:
            before = self._best = _Channel(delay_based, INHERENT_LOSS_INITIAL)
            self._bitrate = delay_based
        best = max(
            (
                self._newton(candidate)
                for candidate in self._candidates(before, delay_based, application_limited)
            ),
            key=self._objective,
        )
        bandwidth = best.bandwidth
        if self.average_loss > best.inherent_loss and before.bandwidth < bandwidth:
            bandwidth = before.bandwidth
        bandwidth = self._limit_increase(before.bandwidth, bandwidth, at)
        lower = max(self._acked or 0.0, FLOOR)
        bounded = max(lower, min(bandwidth, self._upper_bound, delay_based))
        if bounded < bandwidth:
            self._best = _Channel(bounded, 0.0)
        else:
            self._best = _Channel(max(bandwidth, lower), best.inherent_loss)
        self._conclude(bounded, delay_based, lower, at)

    def _limit_increase(self, before: float, bandwidth: float, at: float) -> float:
        if self.state is LossState.DELAY_BASED:
            return bandwidth
        if self._window_at is not None and self._window_at + INCREASE_WINDOW > at:
            bandwidth = min(bandwidth, self._window_limit)
        if self._increases(before, bandwidth) and self._acked is not None:
            held = self._acked < HOLD_THRESHOLD * self._hold.bitrate and self._hold.bitrate < math.inf
            factor = RAMP_UP_AFTER_HOLD if held else RAMP_UP
            bandwidth = max(before, min(bandwidth, factor * self._acked))
            if self.state is LossState.DECREASING and bandwidth == before:
                bandwidth += 1  # so that the state becomes increasing and padding tries the rate
        return bandwidth

    def _conclude(self, bounded: float, delay_based: float, lower: float, at: float) -> None:
        """Sets state and result from the bounded estimate."""
        limits = bounded < delay_based
        if self.state is LossState.DECREASING and self._hold.until > at and limits:
            held = max(lower, self._hold.bitrate)
            self._hold = _Hold(self._hold.until, self._hold.duration, held)
            self._bitrate = min(held, bounded)
            return
        limits = limits and bounded < self._max_bitrate
        if limits and self._increases(self._bitrate, bounded) and self._may_keep_increasing(bounded, at):
            if bounded > self._padding_bitrate:
                self._padding_bitrate, self._padding_at = bounded, at
            self.state = LossState.INCREASING
        elif limits:
            if self.state is not LossState.DECREASING:
                duration = self._hold.duration
                self._hold = _Hold(at + duration, min(HOLD_AT_MOST, duration * HOLD_FACTOR), bounded)
            self._padding_at = self._padding_bitrate = -math.inf
            self.state = LossState.DECREASING
        else:
            self._hold = _Hold()
            self._padding_at = self._padding_bitrate = -math.inf
            self.state = LossState.DELAY_BASED
        self._bitrate = bounded
        if self.state is not LossState.DELAY_BASED and (
            self._window_at is None or self._window_at + INCREASE_WINDOW < at
        ):
            assert self._best is not None
            self._window_limit = max(FLOOR, self._best.bandwidth * INCREASE_FACTOR)
            self._window_at = at

    def _increases(self, old: float, new: float) -> bool:
        if self.state is LossState.DELAY_BASED:
            return False
        return old < new or (old == new and self.state is LossState.INCREASING)

    def _may_keep_increasing(self, bitrate: float, at: float) -> bool:
        if self.state is not LossState.INCREASING:
            return True
        return self._padding_at + PADDING_TIME >= at or self._padding_bitrate < bitrate

    def _observe(self, results: Sequence[PacketResult]) -> bool:
        for result in results:
            if result.received_at is None:
                self._partial_lost[result.sequence] = result.size
            else:
                self._partial_lost.pop(result.sequence, None)
            self._partial_size += result.size
        last = max(result.sent_at for result in results)
        if self._observed_until is None:
            self._observed_until = min(result.sent_at for result in results)
        duration = last - self._observed_until
        if duration < OBSERVATION:
            return False
        self._observed_until = last
        self._observations.appendleft(
            _Observation(
                8 * self._partial_size / duration,
                self._partial_size / 1000,
                sum(self._partial_lost.values()) / 1000,
            )
        )
        self._partial_size = 0
        self._partial_lost = {}
        self.average_loss = self._reported_loss()
        excess = self.average_loss - INHERENT_LOSS_OFFSET
        self._upper_bound = BANDWIDTH_BALANCE / excess if excess > 0 else self._max_bitrate
        return True

    def _reported_loss(self) -> float:
        """Weighted byte loss, without its best and worst observation: one spike is no congestion."""
        observations = self._observations
        total = lost = 0.0
        weight = 1.0
        best = worst = (0.0, 0.0)  # weighted lost, size
        best_loss, worst_loss, worst_rate = 1.0, 0.0, 0.0
        for seen in observations:
            total += weight * seen.size
            lost += weight * seen.lost
            ratio = seen.lost / seen.size if seen.size else 0.0
            if len(observations) > 3:
                if ratio > worst_loss:
                    worst_loss, worst_rate = ratio, seen.sending_rate
                    worst = (weight * seen.lost, weight * seen.size)
                if ratio < best_loss:
                    best_loss = ratio
                    best = (weight * seen.lost, weight * seen.size)
            weight *= TEMPORAL_WEIGHT
        rates = sorted(seen.sending_rate for seen in observations)
        middle = len(rates) // 2
        median = rates[middle] if len(rates) % 2 else (rates[middle - 1] + rates[middle]) / 2
        rest = total - best[1] - worst[1]
        if median * MEDIAN_FACTOR <= worst_rate or rest <= 1e-9:
            return lost / total if total else 0.0
        return max(0.0, (lost - best[0] - worst[0]) / rest)

    def _candidates(self, before: _Channel, delay_based: float, limited: bool) -> list[_Channel]:
        bandwidths = [factor * before.bandwidth for factor in CANDIDATE_FACTORS]
        assert self._observed_until is not None
        if self._acked is not None and (
            not limited or self._padding_at + PADDING_TIME >= self._observed_until
        ):
            bandwidths.append(self._acked)
        if delay_based > before.bandwidth:
            bandwidths.append(delay_based)
        limit = self._max_bitrate
        if self.state is not LossState.DELAY_BASED:
            limit = min(limit, self._window_limit)
        limit = max(before.bandwidth, limit)
        return [_feasible(min(value, limit), before.inherent_loss) for value in bandwidths]

    def _newton(self, channel: _Channel) -> _Channel:
        first = second = 0.0
        weight = 1.0
        for seen in self._observations:
            p = _loss_probability(channel, seen.sending_rate)
            received = seen.size - seen.lost
            first += weight * (seen.lost / p - received / (1 - p))
            second -= weight * (seen.lost / p**2 + received / (1 - p) ** 2)
            weight *= TEMPORAL_WEIGHT
        if second >= 0:
            second = -1e-6
        return _feasible(channel.bandwidth, channel.inherent_loss - NEWTON_STEP * first / second)

    def _objective(self, channel: _Channel) -> float:
        distance = BIAS_TURNS_AT - self.average_loss
        sign = distance / (BIAS_SMOOTHING + abs(distance))
        kbps = channel.bandwidth / 1000
        bias = sign * (BIAS * kbps + BIAS_LOG * math.log1p(kbps))
        objective = 0.0
        weight = 1.0
        for seen in self._observations:
            p = _loss_probability(channel, seen.sending_rate)
            likelihood = seen.lost * math.log(p) + (seen.size - seen.lost) * math.log(1 - p)
            objective += weight * (likelihood + bias * seen.size)
            weight *= TEMPORAL_WEIGHT
        return objective


def _loss_probability(channel: _Channel, sending_rate: float) -> float:
    p = channel.inherent_loss
    if sending_rate > channel.bandwidth:
        p += (1 - p) * (sending_rate - channel.bandwidth) / sending_rate
    return min(max(p, 1e-6), 1 - 1e-6)


def _feasible(bandwidth: float, inherent_loss: float) -> _Channel:
    highest = min(INHERENT_LOSS_OFFSET + BANDWIDTH_BALANCE / bandwidth, 1.0) if bandwidth else 1.0
    return _Channel(bandwidth, min(max(inherent_loss, INHERENT_LOSS_FLOOR), highest))
