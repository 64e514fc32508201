"""How a path loses packets: what share, and how long in a row. Redundancy is spaced by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from media.congestion.base import PacketResult
from media.packing import FRAME_TIME

SETTLED: Final = 0.1  # seconds behind the newest packet; what is reported as lost until then may only be late
MEMORY: Final = 4.0  # seconds in which a packet's weight falls to 1/e
ENOUGH: Final = 20.0  # packets, weighed, before the loss among them says something
OUTAGE: Final = 0.4  # seconds; longer than redundancy reaches back (341 ms)
OUTAGE_PACKETS: Final = 4  # lost in a row at least: with DTX so much time may lie between two packets


class LossPattern:
    """Is fed the results of all packets of a path, sound and picture. Outages are not counted: nothing that a
    packet carries can bridge them, and they say nothing of the path that is back."""

    def __init__(self) -> None:
        self._waiting: dict[int, PacketResult] = {}  # by sequence number, in order, until settled
        self._newest = -math.inf  # send time
        self._weighed_at: float | None = None  # send time up to which weights have decayed
        self._settled = -1  # the newest sequence number that was counted
        self._packets = self._lost = 0.0  # decaying
        self._bursts = self._burst_time = 0.0
        self._burst: list[float] = []  # send times of the packets of the run of losses that lasts

    @property
    def loss(self) -> float:
        """0..1, of packets."""
        return self._lost / self._packets if self._packets >= ENOUGH else 0.0

    @property
    def burst(self) -> float:
        """The mean length of a run of losses, in frames of 20 ms; 1 or more. Sound is spread among the
        packets of pictures: time decides how many of its own packets a run takes."""
        return max(self._burst_time / self._bursts / FRAME_TIME, 1.0) if self._bursts >= 0.5 else 1.0

    def add(self, results: Sequence[PacketResult]) -> None:
        """One feedback's results, oldest first."""
        if not results:
            return
        waiting, settled = self._waiting, self._settled
        overtaken = results[0].sequence < next(reversed(waiting), -1)
        for result in results:
            if result.sequence > settled:
                waiting[result.sequence] = result
        if overtaken:  # by a later feedback
            self._waiting = waiting = dict(sorted(waiting.items()))
        self._newest = max(self._newest, results[-1].sent_at)
        self._settle()
        self._decay()

    def _settle(self) -> None:
        """Counts what is no longer waited for."""
        waiting, until = self._waiting, self._newest - SETTLED
        counted = []
        for number, result in waiting.items():
            if result.sent_at >= until:
                break
            counted.append(number)
            if result.received_at is None:
                self._burst.append(result.sent_at)
            else:
                if self._burst:
                    self._end_burst(result.sent_at)
                self._packets += 1
        for number in counted:
            del waiting[number]
        if counted:
            self._settled = counted[-1]

    def _end_burst(self, next_sent_at: float) -> None:
        count, elapsed = len(self._burst), next_sent_at - self._burst[0]
        self._burst.clear()
        if elapsed > OUTAGE and count >= OUTAGE_PACKETS:
            return
        self._packets += count
        self._lost += count
        self._bursts += 1
        self._burst_time += min(elapsed, count * FRAME_TIME)

    def _decay(self) -> None:
        elapsed = 0.0 if self._weighed_at is None else self._newest - self._weighed_at
        self._weighed_at = self._newest
        keep = math.exp(-elapsed / MEMORY)
        self._packets *= keep
        self._lost *= keep
        self._bursts *= keep
        self._burst_time *= keep
