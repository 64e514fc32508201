"""When to probe, and how far: toward the next layer, whether or not the media fills the estimate.

Growing by some percent a second takes half a minute from a slide show to a picture. A probe asks the path at
once, costs a few packets, and a failed one costs a moment of queue; so failures space them out, except after
a drop, when the rate from before it may be back any moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

PROBE_HEADROOM: Final = 1.1  # over what the next layer takes
STEP: Final = 3.0  # times the estimate at most
WORTHWHILE: Final = 1.05  # a goal nearer than this comes by growth
INTERVAL: Final = 1.0  # seconds between a failure and the next attempt, at first
BACKOFF: Final = 1.6
INTERVAL_AFTER_DROP: Final = 2.2  # seconds at most, while the rate from before a drop is remembered
INTERVAL_AT_MOST: Final = 15.0
MEMORY: Final = 180.0  # seconds
DROP: Final = 0.7  # a fall below this share of the best rate is remembered
DURATION: Final = 0.020  # seconds
JITTER_FACTOR: Final = 4.0  # a probe lasts so many times the jitter, or its measure would be of the jitter
# On a path that has shown no long queue yet, jitter is what spoils a probe, not its limit: it lasts longer,
# and its measure gets the benefit of the doubt.
JITTER_FACTOR_CLEAR: Final = 8.0
# Times the jitter, first packet and last. Who believes too much finds a queue within a second, and goes back.
DOUBT: Final = 1.0
DOUBT_AT_MOST: Final = 0.3
DURATION_AT_MOST: Final = 0.100
# Seconds that a probe may leave where the path carries no more than the estimate.
QUEUE_AT_MOST: Final = 0.040
RESULT_TIMEOUT: Final = 0.6  # seconds, plus the round trip
UNSATURATED: Final = 0.95  # of the goal measured: the path had that much to spare
# Times the estimate measured: it had less, but beside others' traffic such a gain is no accident.
PROGRESS: Final = 1.6
CONFIRM: Final = 1.0  # seconds plus the round trip without a long queue, until a success is believed


@dataclass(slots=True)
class Demand:
    next_layer: float | None = None
    allocated: float = 0.0
    maximum: float = math.inf


class DemandProber:
    def __init__(self, *, now: float) -> None:
        self.demand = Demand()
        self.goal: float | None = None  # of the probe on its way
        self._interval = 0.0
        self._next_at = now
        self._started_at = now
        self._clear = True  # no long queue has been seen yet
        self._doubt = 0.0  # share by which jitter may have falsified its measure
        self._succeeded_at = -math.inf
        self._remembered = 0.0
        self._remembered_at = -math.inf

    def remember(self, bitrate: float, *, now: float) -> None:
        """The rate before a drop."""
        if bitrate >= self._remembered or now - self._remembered_at > MEMORY:
            self._remembered = bitrate
        self._remembered_at = now

    def forget(self, *, now: float) -> None:
        self.goal = None
        self._interval = 0.0
        self._next_at = now

    def postpone(self, delay: float, *, now: float) -> None:
        self._next_at = max(self._next_at, now + delay)

    def propose(
        self, estimate: float, jitter: float, rtt: float, *, now: float
    ) -> tuple[float, float] | None:
        """Rate and duration of the probe to send now, if one is due."""
        if self.goal is not None:
            if now - self._started_at <= RESULT_TIMEOUT + rtt:
                return None
            self.fail(estimate, now=now)
        wanted = self.demand.next_layer
        if wanted is None or now < self._next_at:
            return None
        if self._is_recovering(estimate, now):
            wanted = max(wanted, min(self._remembered, self.demand.maximum))
        goal = min(wanted * PROBE_HEADROOM, STEP * estimate)
        if goal < WORTHWHILE * estimate:
            return None
        self.goal = goal
        self._started_at = now
        harmless = QUEUE_AT_MOST / (goal / estimate - 1)
        factor = JITTER_FACTOR_CLEAR if self._clear else JITTER_FACTOR
        duration = max(min(factor * jitter, harmless, DURATION_AT_MOST), DURATION)
        self._doubt = min(DOUBT * jitter / duration, DOUBT_AT_MOST) if self._clear else 0.0
        return goal, duration

    @property
    def enough(self) -> float:
        """bit/s measured of the probe on its way, for which the path had its rate to spare."""
        assert self.goal is not None
        return UNSATURATED * (1 - self._doubt) * self.goal

    def succeeded(self, measured: float, estimate: float) -> bool:
        return measured >= max(self.enough, WORTHWHILE * estimate) or measured > PROGRESS * estimate

    def succeed(self, *, now: float) -> None:
        """The next one may follow at once. What it cost is known only when its rate has been sent for a
        while."""
        self.goal = None
        self._succeeded_at = now

    def on_queue(self, estimate: float, rtt: float, *, now: float) -> None:
        """A long queue has been seen: a probe on its way or just believed was wrong."""
        self._clear = False
        if self.goal is not None or now - self._succeeded_at < CONFIRM + rtt:
            self._succeeded_at = -math.inf
            self.fail(estimate, now=now)

    def on_calm(self, rtt: float, *, now: float) -> None:
        if self._succeeded_at > -math.inf and now - self._succeeded_at >= CONFIRM + rtt:
            self._succeeded_at = -math.inf
            self._interval = 0.0

    def fail(self, estimate: float, *, now: float) -> None:
        self.goal = None
        highest = INTERVAL_AFTER_DROP if self._is_recovering(estimate, now) else INTERVAL_AT_MOST
        self._interval = min(max(self._interval * BACKOFF, INTERVAL), highest)
        self._next_at = now + self._interval

    def _is_recovering(self, estimate: float, now: float) -> bool:
        return estimate < DROP * self._remembered and now - self._remembered_at < MEMORY
