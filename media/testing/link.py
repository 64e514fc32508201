"""A link in numbers: packets go in with `now`, decisions come out (when they arrive, or that they don't).

Sans-IO and seeded, so that a test repeats to the bit. One bottleneck: a queue served at a rate that may
change, then a fixed delay with jitter, loss, reordering and duplication. All flows that share a bottleneck
call the same `Link`, in order of time.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAHIMAHI_OPPORTUNITY = 1500  # bytes per line of a trace
ORDERED_GAP = 0.000001  # seconds between packets that jitter would have swapped


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Times in seconds, rates in bit/s. A schedule is ((from, value), ...), the first entry from 0."""

    rate: tuple[tuple[float, float], ...] = ()  # empty: no bottleneck; a rate of 0 holds packets back
    trace: tuple[
        int, ...
    ] = ()  # Mahimahi: milliseconds of 1,500-byte opportunities, repeated; instead of rate
    queue_time: float | None = 0.3  # a packet that would wait longer is dropped
    queue_bytes: int | None = None  # the same by size
    delay: tuple[tuple[float, float], ...] = ((0.0, 0.025),)
    jitter: float = 0.0  # standard deviation of an added half-normal delay
    jitter_at_most: float = 0.030  # RFC 8867 section 4.1
    loss: float = 0.0  # after the bottleneck, as on a radio
    burst: float = 1.0  # mean number of packets lost in a row; above 1: Gilbert-Elliott
    outages: tuple[tuple[float, float], ...] = ()  # (from, until): everything sent is lost
    reorder: float = 0.0  # share of packets delayed by `reorder_delay` and overtaken
    reorder_delay: float = 0.020
    duplicate: float = 0.0

    @property
    def capacity(self) -> float:
        """Mean rate at the start; of the whole trace where there is one."""
        if self.trace:
            return len(self.trace) * MAHIMAHI_OPPORTUNITY * 8000 / self.trace[-1]
        return self.rate[0][1] if self.rate else math.inf


class Link:
    def __init__(self, settings: LinkSettings, rng: random.Random) -> None:
        self.settings = settings
        self.dropped = 0  # at the queue
        self.lost = 0  # by loss and outages
        self._rng = rng
        self._service: _Service = (
            _TraceService(settings.trace) if settings.trace else _RateService(settings.rate)
        )
        self._queue: deque[tuple[float, int]] = deque()  # departure, size
        self._queued = 0
        self._free_at = 0.0
        self._losing = False
        self._last_arrival = -math.inf

    def send(self, size: int, *, now: float) -> tuple[float, ...]:
        """When a packet arrives: once, twice if duplicated, never (an empty tuple)."""
        settings = self.settings
        if any(start <= now < end for start, end in settings.outages):
            self.lost += 1
            return ()
        departure = self._enqueue(size, now)
        if departure is None:
            self.dropped += 1
            return ()
        if self._loses():
            self.lost += 1
            return ()
        arrival = departure + scheduled(settings.delay, now)
        if settings.jitter:
            arrival += min(abs(self._rng.gauss(0.0, settings.jitter)), settings.jitter_at_most)
        if settings.reorder and self._rng.random() < settings.reorder:
            arrival += settings.reorder_delay
        elif arrival <= self._last_arrival:
            arrival = self._last_arrival + ORDERED_GAP
            self._last_arrival = arrival
        else:
            self._last_arrival = arrival
        if settings.duplicate and self._rng.random() < settings.duplicate:
            return (arrival, arrival + ORDERED_GAP)
        return (arrival,)

    def queue_delay(self, *, now: float) -> float:
        """How long a packet sent now would wait."""
        return max(0.0, self._free_at - now)

    def _enqueue(self, size: int, now: float) -> float | None:
        settings = self.settings
        queue = self._queue
        while queue and queue[0][0] <= now:
            self._queued -= queue.popleft()[1]
        if settings.queue_bytes is not None and self._queued + size > settings.queue_bytes:
            return None
        start = max(now, self._free_at)
        if settings.queue_time is not None and start - now > settings.queue_time:
            return None
        departure = self._service.serve(size, start)
        self._free_at = departure
        queue.append((departure, size))
        self._queued += size
        return departure

    def _loses(self) -> bool:
        """Gilbert-Elliott with loss 1 in the bad state; bursts of 1 are independent losses."""
        settings = self.settings
        if not settings.loss:
            return False
        if settings.burst <= 1.0:
            return self._rng.random() < settings.loss
        leave = 1 / settings.burst
        enter = settings.loss * leave / (1 - settings.loss)
        self._losing = self._rng.random() < (1 - leave if self._losing else enter)
        return self._losing


def scheduled(schedule: Sequence[tuple[float, float]], now: float) -> float:
    """The value of a schedule at `now`."""
    value = schedule[0][1]
    for start, later in schedule:
        if start > now:
            break
        value = later
    return value


class _Service(Protocol):
    def serve(self, size: int, start: float) -> float:
        """When a packet whose turn comes at `start` has left. Called in order of time."""


class _RateService:
    def __init__(self, schedule: tuple[tuple[float, float], ...]) -> None:
        self._starts = [start for start, _ in schedule]
        self._rates = [rate for _, rate in schedule]

    def serve(self, size: int, start: float) -> float:
        if not self._rates:
            return start
        bits = size * 8.0
        index = max(0, bisect_right(self._starts, start) - 1)
        while True:
            end = self._starts[index + 1] if index + 1 < len(self._starts) else math.inf
            rate = self._rates[index]
            if rate and bits <= (end - start) * rate:
                return start + bits / rate
            assert end < math.inf, "a schedule must not end with a rate of 0"
            bits -= (end - start) * rate
            start = end
            index += 1


class _TraceService:
    def __init__(self, trace: tuple[int, ...]) -> None:
        self._trace = trace
        self._next = 0  # opportunity, counted through the repetitions
        self._left = MAHIMAHI_OPPORTUNITY
        self._period = trace[-1]

    def serve(self, size: int, start: float) -> float:
        while self._at(self._next) < start:
            self._next += 1
            self._left = MAHIMAHI_OPPORTUNITY
        while size > self._left:
            size -= self._left
            self._next += 1
            self._left = MAHIMAHI_OPPORTUNITY
        self._left -= size
        return self._at(self._next)

    def _at(self, index: int) -> float:
        rounds, place = divmod(index, len(self._trace))
        return (rounds * self._period + self._trace[place]) / 1000
