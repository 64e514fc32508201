"""The rate that arrives now, over a window so short that a drop shows at once.

While the queue is not empty this is the capacity that the path gives us, exactly.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import itemgetter

from media.congestion.base import PacketResult

WINDOW = 0.25  # seconds of arrivals
PACKETS = 6  # at least, however long they take
SPAN_AT_MOST = 2.0  # seconds

_received_at = itemgetter(0)


class DeliveryRate:
    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._packets: deque[tuple[float, int]] = deque()  # received, size
        self._bytes = 0

    def add(self, results: Sequence[PacketResult]) -> None:
        packets = self._packets
        arrived = [(received, size) for _, _, received, size, _ in results if received is not None]
        if not arrived:
            return
        arrived.sort(key=_received_at)
        if packets and arrived[0][0] < (newest := packets[-1][0]):
            arrived = [(max(received, newest), size) for received, size in arrived]
        packets.extend(arrived)
        self._bytes += sum(size for _, size in arrived)
        newest = packets[-1][0]
        while len(packets) > 1:
            span = newest - packets[0][0]
            if span <= self._window or (len(packets) <= PACKETS and span <= SPAN_AT_MOST):
                break
            self._bytes -= packets.popleft()[1]

    def clear(self) -> None:
        self._packets.clear()
        self._bytes = 0

    @property
    def bitrate(self) -> float | None:
        packets = self._packets
        if len(packets) < 3:
            return None
        span = packets[-1][0] - packets[0][0]
        return 8 * (self._bytes - packets[0][1]) / span if span > 0.005 else None
