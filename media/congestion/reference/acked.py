"""The rate that got through, robust against gaps and bursts in what was sent.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/robust_throughput_estimator.cc.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from media.congestion.base import PacketResult

WINDOW_PACKETS: Final = 20
WINDOW: Final = 1.0  # seconds; the window holds at least this and WINDOW_PACKETS
WINDOW_PACKETS_AT_MOST: Final = 500
WINDOW_AT_MOST: Final = 5.0  # seconds
REQUIRED_PACKETS: Final = 10

_RECEIVED: Final = itemgetter(0)


class AckedBitrate:
    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._packets: deque[tuple[float, float, int]] = deque()  # received, sent, size; by arrival

    def add(self, results: Sequence[PacketResult]) -> None:
        packets = self._packets
        arrived = [(r.received_at, r.sent_at, r.size) for r in results if r.received_at is not None]
        arrived.sort(key=_RECEIVED)
        for packet in arrived:
            if packets and packet[0] < packets[-1][0]:
                packets = self._packets = deque(sorted([*packets, packet], key=_RECEIVED))
            else:
                packets.append(packet)
        while packets and self._is_outside(packets):
            packets.popleft()

    def clear(self) -> None:
        self._packets.clear()

    @property
    def bitrate(self) -> float | None:
        """Bit/s, or None while there is too little to tell."""
        packets = self._packets
        if len(packets) < REQUIRED_PACKETS:
            return None
        largest = second = 0.0
        total = last_sent_size = 0
        first_sent = last_sent = packets[0][1]
        previous = packets[0][0]
        for received, sent, size in packets:
            gap = received - previous
            previous = received
            if gap > largest:
                largest, second = gap, largest
            elif gap > second:
                second = gap
            if sent >= last_sent:
                last_sent, last_sent_size = sent, size
            elif sent < first_sent:
                first_sent = sent
            total += size
        # The largest gap is as likely our own silence as the network's.
        receive_time = max(previous - packets[0][0] - largest + second, 0.001)
        send_time = max(last_sent - first_sent, 0.001)
        return 8 * min((total - packets[0][2]) / receive_time, (total - last_sent_size) / send_time)

    def _is_outside(self, packets: deque[tuple[float, float, int]]) -> bool:
        span = packets[-1][0] - packets[0][0]
        return (
            len(packets) > WINDOW_PACKETS_AT_MOST
            or span > WINDOW_AT_MOST
            or (len(packets) > WINDOW_PACKETS and span > self._window)
        )
