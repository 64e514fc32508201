"""How long packets stand in the path's queue: one-way delay above the lowest seen lately.

The receiver's clock has an unknown zero and drifts, so delays are compared with the minimum of a window short
enough for drift (100 ppm make 3 ms in 30 s) and long enough to hold a moment with an empty queue. A gradient,
as the trendline has it, cannot see a queue that is full and stays full; this can.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final

from media.congestion.base import PacketResult

BASE_WINDOW: Final = 30  # buckets
BASE_BUCKET: Final = 1.0  # seconds
RECENT: Final = 0.060  # seconds of arrivals whose minimum is "now", at least: at 40 packets/s two packets
# Times the jitter, if longer: the more it varies, the rarer a packet that did not wait.
JITTER_FACTOR: Final = 20.0
RECENT_AT_MOST: Final = 0.3  # seconds
_FORGOTTEN: Final = 256  # delays that are kept until it pays to move the recent ones up
DELAYS_AT_MOST: Final = 2048  # more are recent only by a clock that does not go on, or backwards
CLOCK_JUMP: Final = 3.0  # seconds; a delay that leaps further is another clock (device slept), not a queue


class QueueDelay:
    def __init__(self) -> None:
        self.value = 0.0  # seconds, now
        # Seconds, smoothed: twice the fall from one to the next. A queue that grows has none.
        self.jitter = 0.0
        self._buckets: deque[tuple[float, float]] = deque()  # start of bucket on our clock, minimum
        self.base = math.inf  # seconds, of an empty path; receiver's clock minus ours
        self._received: list[float] = []  # seconds, of the recent ones and some from before
        self._delays: list[float] = []  # of the same
        self._first = 0  # place of the first recent one
        self._last: float | None = None

    def add(self, results: Sequence[PacketResult], *, now: float) -> None:
        if len(self._received) > DELAYS_AT_MOST:
            self.reset()
        last, jitter = self._last, self.jitter
        lowest = math.inf
        for result in results:
            received_at = result.received_at
            if received_at is None:
                continue
            delay = received_at - result.sent_at
            if last is not None:
                fall = last - delay
                if abs(fall) > CLOCK_JUMP:
                    self.reset()
                    lowest = math.inf
                else:
                    jitter += ((2 * fall if fall > 0 else 0.0) - jitter) / 16
            last = delay
            if delay < lowest:
                lowest = delay
            self._received.append(received_at)
            self._delays.append(delay)
        self._last, self.jitter = last, jitter
        if lowest == math.inf:
            return
        self._lower_base(lowest, now)
        self.value = self._lowest_recent() - self.base

    def _lowest_recent(self) -> float:
        received, delays, first = self._received, self._delays, self._first
        earliest = received[-1] - min(max(RECENT, JITTER_FACTOR * self.jitter), RECENT_AT_MOST)
        while received[first] < earliest:
            first += 1
        if first >= _FORGOTTEN:
            del received[:first], delays[:first]
            first = 0
        self._first = first
        return min(delays[first:])

    def reset(self) -> None:
        self._buckets.clear()
        self._received.clear()
        self._delays.clear()
        self._first = 0
        self.base = math.inf
        self._last = None
        self.value = 0.0

    def _lower_base(self, delay: float, now: float) -> None:
        buckets = self._buckets
        if not buckets or now - buckets[-1][0] >= BASE_BUCKET:
            buckets.append((now, delay))
            while len(buckets) > BASE_WINDOW:
                buckets.popleft()
            self.base = min(lowest for _, lowest in buckets)
        elif delay < buckets[-1][1]:
            buckets[-1] = (buckets[-1][0], delay)
        self.base = min(self.base, delay)
