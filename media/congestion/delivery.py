"""What arrives now, over a window so short that a drop shows at once: all of it, and what the path carried
while it was busy.

The second is the path's capacity even where we send less than it carries. A packet waited for the one before
if it was sent so late that on an empty path it had come after it; then the time between the two arrivals is
what the bottleneck needed for it (Keshav, "A control-theoretic approach to flow control", 1991).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from media.congestion.base import PacketResult

WINDOW: Final = 0.25  # seconds of arrivals
PACKETS: Final = 6  # at least, however long they take
SPAN_AT_MOST: Final = 2.0  # seconds
BUSY_AT_LEAST: Final = 0.02  # seconds of the window, to tell the capacity from

_received_at = itemgetter(0)


class DeliveryRate:
    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._packets: deque[tuple[float, int]] = deque()  # received, size
        self._bytes = 0
        self._waited: deque[tuple[float, int, float]] = deque()  # received, size, seconds since the last
        self._busy_bytes = 0
        self._busy = 0.0  # seconds

    def add(self, results: Sequence[PacketResult], base: float = 0.0) -> None:
        """`base`: the delay of an empty path in seconds, receiver's clock minus ours."""
        packets, waited = self._packets, self._waited
        arrived = [
            (received, size, sent_at + base)
            for _, sent_at, received, size, _ in results
            if received is not None
        ]
        if not arrived:
            return
        arrived.sort(key=_received_at)
        newest = packets[-1][0] if packets else arrived[0][0]
        for received, size, on_empty_path in arrived:
            gap = max(received - newest, 0.0)
            if on_empty_path < newest:
                waited.append((received, size, gap))
                self._busy_bytes += size
                self._busy += gap
            newest = max(received, newest)
            packets.append((newest, size))
            self._bytes += size
        while len(packets) > 1:
            span = newest - packets[0][0]
            if span <= self._window or (len(packets) <= PACKETS and span <= SPAN_AT_MOST):
                break
            self._bytes -= packets.popleft()[1]
        while waited and waited[0][0] < newest - self._window:
            _, size, gap = waited.popleft()
            self._busy_bytes -= size
            self._busy -= gap

    def clear(self) -> None:
        self._packets.clear()
        self._waited.clear()
        self._bytes = self._busy_bytes = 0
        self._busy = 0.0

    @property
    def bitrate(self) -> float | None:
        """bit/s; None: too little came to tell."""
        packets = self._packets
        if len(packets) < 3:
            return None
        span = packets[-1][0] - packets[0][0]
        return 8 * (self._bytes - packets[0][1]) / span if span > 0.005 else None

    @property
    def capacity(self) -> float | None:
        """bit/s of our share of the path while it was busy, never less than what arrives; None: too little
        waited to tell."""
        bitrate = self.bitrate
        if bitrate is None or self._busy < BUSY_AT_LEAST:
            return None
        return max(bitrate, 8 * self._busy_bytes / self._busy)
