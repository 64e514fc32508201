"""When the reference probes: at the start, in the application-limited region, and after a drop that was none.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/probe_controller.cc.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from media.congestion.base import ProbeCluster
from media.congestion.probe import make_cluster

PROBE_DURATION: Final = 0.015  # seconds
INITIAL_DURATION: Final = 0.100  # seconds, of the repeated probes before anything is allocated
INITIAL_SCALES = (3.0, 6.0)
FURTHER_SCALE: Final = 2.0
FURTHER_THRESHOLD: Final = 0.7
RESULT_TIMEOUT: Final = 1.0  # seconds
ALR_INTERVAL: Final = 5.0  # seconds
ALR_SCALE: Final = 2.0
ALLOCATION_SCALES = (1.0, 2.0)
ALLOCATION_LIMIT: Final = 2.0  # times the estimate
LOSS_LIMITED_SCALE: Final = 1.5
MAX_ALLOCATED_SCALE: Final = 2.0
DROP_THRESHOLD: Final = 0.66
DROP_PROBE: Final = 0.85
DROP_UNCERTAINTY: Final = 0.05
DROP_TIMEOUT: Final = 5.0  # seconds
DROP_INTERVAL: Final = 5.0  # seconds
ALR_ENDED_TIMEOUT: Final = 3.0  # seconds


class LimitedBy(Enum):
    """What holds the estimate, as far as probing cares."""

    DELAY = "delay"
    DELAY_INCREASED = "delay-increased"  # overusing or underusing now
    LOSS = "loss"
    LOSS_INCREASING = "loss-increasing"
    RTT = "rtt"


@dataclass(slots=True)
class _Drop:
    at: float = -math.inf
    bitrate: float = 0.0
    probed_at: float = -math.inf


class ProbeController:
    """Gives the clusters that the reference wants sent, in order."""

    def __init__(self, start_bitrate: float, max_bitrate: float, ids: Iterator[int], *, now: float) -> None:
        self._estimate = start_bitrate
        self._max_bitrate = max_bitrate
        self._max_allocated = 0.0
        self._limited_by = LimitedBy.DELAY
        self._ids = ids
        self._waiting = False
        self._probe_further_above = math.inf
        self._probed_at = -math.inf
        self._initial_until = now + 5.0
        self._drop = _Drop()
        self._pending: list[ProbeCluster] = []
        self._start([scale * start_bitrate for scale in INITIAL_SCALES], further=True, now=now)

    def poll(self) -> ProbeCluster | None:
        return self._pending.pop(0) if self._pending else None

    def on_estimate(self, bitrate: float, limited_by: LimitedBy, *, now: float) -> None:
        self._limited_by = limited_by
        if bitrate < DROP_THRESHOLD * self._estimate:
            self._drop.at, self._drop.bitrate = now, self._estimate
        self._estimate = bitrate
        if self._waiting and bitrate > self._probe_further_above:
            self._start([FURTHER_SCALE * bitrate], further=True, now=now)

    def on_max_allocated(self, bitrate: float, *, application_limited: bool, now: float) -> None:
        changed = bitrate != self._max_allocated
        self._max_allocated = bitrate
        if bitrate:
            self._initial_until = min(self._initial_until, now)
        if not (changed and application_limited and not self._waiting):
            return
        if self._estimate >= min(self._max_bitrate, bitrate):
            return
        limit = ALLOCATION_LIMIT * self._estimate
        rates = [min(scale * bitrate, limit) for scale in ALLOCATION_SCALES]
        further = limit < ALLOCATION_SCALES[-1] * bitrate
        self._start(sorted(set(rates)), further=further, now=now)

    def on_recovered(self, alr_since: float | None, alr_left_at: float | None, *, now: float) -> None:
        """Overuse is over: was it a passing drop?"""
        recently = alr_left_at is not None and now - alr_left_at < ALR_ENDED_TIMEOUT
        if self._waiting or not (alr_since is not None or recently):
            return
        probe = DROP_PROBE * self._drop.bitrate
        if (
            probe * (1 - DROP_UNCERTAINTY) > self._estimate
            and now - self._drop.at < DROP_TIMEOUT
            and now - self._drop.probed_at > DROP_INTERVAL
        ):
            self._drop.probed_at = now
            self._start([probe], further=False, now=now)

    def process(self, alr_since: float | None, *, now: float) -> None:
        if self._waiting and now - self._probed_at > RESULT_TIMEOUT:
            self._waiting = False
            self._probe_further_above = math.inf
        if self._waiting:
            return
        if now < self._initial_until and now - self._probed_at >= RESULT_TIMEOUT:
            self._start([INITIAL_SCALES[0] * self._estimate], further=True, now=now)
        elif alr_since is not None and now >= max(alr_since, self._probed_at) + ALR_INTERVAL:
            self._start([ALR_SCALE * self._estimate], further=True, now=now)

    def _start(self, bitrates: list[float], *, further: bool, now: float) -> None:
        if self._limited_by in (LimitedBy.RTT, LimitedBy.DELAY_INCREASED, LimitedBy.LOSS):
            return
        highest = self._max_bitrate
        if self._max_allocated:
            highest = min(highest, MAX_ALLOCATED_SCALE * self._max_allocated)
        if self._limited_by is LimitedBy.LOSS_INCREASING:
            highest = min(highest, LOSS_LIMITED_SCALE * self._estimate)
        duration = INITIAL_DURATION if now < self._initial_until else PROBE_DURATION
        for bitrate in bitrates:
            if bitrate >= highest:
                bitrate, further = highest, False
            self._pending.append(make_cluster(next(self._ids), bitrate, duration))
        self._probed_at = now
        self._waiting = further
        self._probe_further_above = FURTHER_THRESHOLD * self._pending[-1].bitrate if further else math.inf
