"""What arrives now, over a window so short that a drop shows at once: all of it, and what the path carried
while it was busy.

The second is the path's capacity even where we send less than it carries. A packet waited for the one before
if it was sent so late that on an empty path it had come after it; then the time between the two arrivals is
what the bottleneck needed for it (Keshav, "A control-theoretic approach to flow control", 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from media.congestion.base import PacketResult

WINDOW: Final = 0.25  # seconds of arrivals
PACKETS: Final = 6  # at least, however long they take
SPAN_AT_MOST: Final = 2.0  # seconds
BUSY_AT_LEAST: Final = 0.02  # seconds of the window, to tell the capacity from

CLOCK_BACK: Final = 1.0  # seconds; an arrival so long before the newest is by a clock that was set back
ARRIVALS_AT_MOST: Final = 2048  # 16 Mbit/s in small packets; more is a clock that does not go on

_FORGOTTEN: Final = 256  # arrivals out of both windows that are kept until it pays to move the others up
_NONE: Final = -1.0  # a gap that tells nothing: the packet did not wait

_received_at = attrgetter("received_at")


class DeliveryRate:
    """Lists with a place where each window begins: compiled, a third of what a deque of tuples takes."""

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._received: list[float] = []  # seconds, never falling
        self._sizes: list[int] = []  # bytes
        self._gaps: list[float] = []  # seconds since the one before, of those that waited for it
        self._first = 0  # that counts as arrived lately
        self._bytes = 0
        self._first_busy = 0  # that counts for the capacity
        self._busy_bytes = 0
        self._busy = 0.0  # seconds

    def add(self, results: Sequence[PacketResult], base: float = 0.0) -> None:
        """`base`: the delay of an empty path in seconds, receiver's clock minus ours."""
        if len(self._received) > ARRIVALS_AT_MOST:
            self.clear()
        if _is_overtaken(results):
            results = sorted((r for r in results if r.received_at is not None), key=_received_at)
        newest = self._received[-1] if self._received else None
        for result in results:
            received = result.received_at
            if received is None:
                continue
            if newest is None or received < newest - CLOCK_BACK:
                self.clear()
                newest = received
            gap = received - newest if received > newest else 0.0
            if result.sent_at + base < newest:
                self._busy_bytes += result.size
                self._busy += gap
            else:
                gap = _NONE
            if received > newest:
                newest = received
            self._received.append(newest)
            self._sizes.append(result.size)
            self._gaps.append(gap)
            self._bytes += result.size
        if newest is not None:
            self._move_on(newest)

    def _move_on(self, newest: float) -> None:
        received, sizes, gaps = self._received, self._sizes, self._gaps
        count = len(received)
        first = self._first
        while first < count - 1:
            span = newest - received[first]
            if span <= self._window or (count - first <= PACKETS and span <= SPAN_AT_MOST):
                break
            self._bytes -= sizes[first]
            first += 1
        busy = self._first_busy
        while busy < count and received[busy] < newest - self._window:
            if gaps[busy] != _NONE:
                self._busy_bytes -= sizes[busy]
                self._busy -= gaps[busy]
            busy += 1
        gone = min(first, busy)
        if gone >= _FORGOTTEN:
            del received[:gone], sizes[:gone], gaps[:gone]
            first -= gone
            busy -= gone
        self._first, self._first_busy = first, busy

    def clear(self) -> None:
        self._received.clear()
        self._sizes.clear()
        self._gaps.clear()
        self._first = self._first_busy = 0
        self._bytes = self._busy_bytes = 0
        self._busy = 0.0

    @property
    def bitrate(self) -> float | None:
        """bit/s; None: too little came to tell."""
        received, first = self._received, self._first
        if len(received) - first < 3:
            return None
        span = received[-1] - received[first]
        return 8 * (self._bytes - self._sizes[first]) / span if span > 0.005 else None

    @property
    def capacity(self) -> float | None:
        """bit/s of our share of the path while it was busy, never less than what arrives; None: too little
        waited to tell."""
        bitrate = self.bitrate
        if bitrate is None or self._busy < BUSY_AT_LEAST:
            return None
        return max(bitrate, 8 * self._busy_bytes / self._busy)


def _is_overtaken(results: Sequence[PacketResult]) -> bool:
    """Did any come before one that was sent earlier?"""
    newest: float | None = None
    for result in results:
        received = result.received_at
        if received is None:
            continue
        if newest is not None and received < newest:
            return True
        newest = received
    return False
