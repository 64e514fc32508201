"""Emptying a queue, and finding out whose it is.

What is held back shows a round trip later; until then it is reckoned with, or every drain would take a round
trip too long (Smith, "Closer control of loops with dead time", 1957).

While a queue lasts, what arrives is the capacity we get. Sending a part of that shortens a queue of our own
at a known speed; a queue that does not shorten is filled by somebody else.
"""

from __future__ import annotations

from typing import Final

DRAIN_TIME: Final = 0.400  # seconds in which a drain should empty the queue
FACTOR = (0.35, 0.70)  # bounds of the rate while draining, times the capacity
AFTER_DRAIN: Final = 0.88  # times the capacity, once it is empty
# Seconds plus the round trip until the delivery rate has forgotten the time before the drop.
SETTLE: Final = 0.3
NOT_OURS_AFTER: Final = 1.0  # seconds of sending in which a drain must show
NOT_OURS_AT_LEAST: Final = 0.05  # seconds of expected fall; below, the floor keeps us from holding back
NOT_OURS_SHARE: Final = 0.35  # of the expected fall of the queue


class Drain:
    def __init__(self, bitrate: float, queue: float, floor: float, *, now: float) -> None:
        self.before = bitrate  # the rate at the start
        self.share = bitrate  # what arrived before we held back
        self.capacity: float | None = None
        self.not_ours = False
        self._floor = floor
        self._factor = 1.0  # of the capacity, sent now
        self._started_at = now
        self._queue = queue
        self._expected = 0.0  # fall of the queue since
        self._counted_from = self._counted_until = now  # send times

    def update(
        self, queue: float, delivered: float | None, newest_sent_at: float, rtt: float, *, now: float
    ) -> float | None:
        """The rate to send at, None while nothing is known; sets `not_ours` once holding back was in vain."""
        if delivered is not None:
            capacity = min(delivered, self.before)
            if self.capacity is None or now - self._started_at < rtt + SETTLE:
                self.capacity = capacity
            else:
                self.capacity = max(self.capacity, capacity)
        if self.capacity is None:
            return None
        # What we held back since the newest packet that we know of left has yet to show.
        ahead = now - max(newest_sent_at, self._started_at)
        low, high = FACTOR
        if queue > ahead * (1 - self._factor):
            self._factor = min(max(1 - queue / DRAIN_TIME, low), high)
        else:
            self._factor = AFTER_DRAIN
        rate = self._factor * self.capacity
        self._judge(queue, max(rate, self._floor) / max(self.capacity, 1.0), newest_sent_at)
        return min(rate, self.before)

    def _judge(self, queue: float, factor: float, newest_sent_at: float) -> None:
        """Reckons in send time: what arrives through a queue of two seconds tells of two seconds ago."""
        since = newest_sent_at - self._counted_from
        if since <= 0:
            self._queue = max(self._queue, queue)
            self.share = self.capacity or self.before
            return
        self._expected += (newest_sent_at - self._counted_until) * max(1 - factor, 0.0)
        self._counted_until = newest_sent_at
        if since < NOT_OURS_AFTER:
            return
        fallen = self._queue - queue
        expected = min(self._expected, self._queue)
        self.not_ours = expected > NOT_OURS_AT_LEAST and fallen < NOT_OURS_SHARE * expected
        self._counted_from, self._queue, self._expected = newest_sent_at, queue, 0.0
