"""Holds a publisher's picture back for a moment, so that what is said does not wait behind it.

Where an uplink falls from two megabits a second to a hundred kilobits, a few packets of picture fill its
queue. The first sign of it is that nothing comes, long before anything comes late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media.stream.receive import ReceiveStream

GAP: Final = 0.06  # seconds without any packet, where sound comes every 20 ms and pictures every 33
LONGEST_GAP: Final = 0.2  # seconds that this grows to where gaps turn out to mean nothing
GROWTH: Final = 1.5
REMEMBERED: Final = 60.0  # seconds for which they are known to mean nothing
LOOK: Final = 0.1  # seconds between two looks
# Looks in a row with so many packets each, after which a gap is one: a slide and a silent voice leave many.
STEADY_LOOKS: Final = 5
STEADY_PACKETS: Final = 3
# Packets since it began, and seconds that the last may lag, for the picture to go on: after a gap that means
# nothing they come all at once.
ENOUGH: Final = 5
ON_TIME: Final = 0.1
LONGEST: Final = 1.5  # seconds; what a queue still holds by then, the picture has to shrink for
LONGEST_UNMEANT: Final = 0.5  # seconds, where something comes and none of it is late
MEASURED: Final = 0.15  # seconds of what came through a queue tell what the uplink carries
# Seconds that we may look too late, and after which we look again: what is in the socket came meanwhile.
SLEPT: Final = 0.02
WAKING: Final = 0.005


class Hold:
    """Begins where nothing comes, or what comes is late; ends where something comes that is not."""

    def __init__(self) -> None:
        self.held = False
        self.carried: float | None = None  # bit/s: what comes through the queue that it was begun for
        self._gap = GAP
        self._due = 0.0  # when nothing may have come for so long
        self._steady_looks = 0  # until the last one, in a row
        self._steady_at = float("-inf")  # the last one after enough of them
        self._received = 0  # packets until the last look
        self._queued = False  # was what came late, at the last look?
        self._began_at = float("-inf")
        self._received_before = 0
        self._first: tuple[float, int] | None = None  # look since then that something came at; bytes until it
        self._meant = False  # was something late since then?
        self._mistaken_at = float("-inf")

    def next_timeout(self) -> float:
        return self._due

    def on_timeout(self, streams: Sequence[ReceiveStream], *, moves: bool, now: float) -> None:
        """Has nothing come? `moves`: there is a picture to be held back."""
        if now < self._due:
            return
        if now > self._due + SLEPT:
            self._due = now + WAKING
            return
        if now > self._mistaken_at + REMEMBERED:
            self._gap = GAP
        came_at = max([0.0, *(stream.last_packet_at for stream in streams)])
        self._due = came_at + self._gap
        if now >= self._due:
            self._due = now + self._gap
            if moves and not self.held and came_at <= self._steady_at + LOOK:
                self._begin(streams, now)

    def look(self, streams: Sequence[ReceiveStream], *, queued: bool, moves: bool, now: float) -> None:
        """Every `LOOK`. `queued`: what comes is late. `moves`: as above."""
        received = _received(streams)
        steady = received >= self._received + STEADY_PACKETS
        self._steady_looks = self._steady_looks + 1 if steady else 0
        if self._steady_looks >= STEADY_LOOKS:
            self._steady_at = now
        self._received = received
        if queued and not self._queued and moves and not self.held:
            self._begin(streams, now)
        self._queued = queued
        if not self.held:
            return
        self._meant = self._meant or queued
        if not moves:  # the publisher has switched it off, or nothing is left to hold back
            self._end(now)
        else:
            self._look_at_what_came(streams, now)

    def _look_at_what_came(self, streams: Sequence[ReceiveStream], now: float) -> None:
        came = [stream for stream in streams if stream.last_packet_at > self._began_at]
        if not came:
            return
        size = sum(stream.bytes for stream in streams)
        if self._first is None:
            self._first = (now, size)
        since, before = self._first
        if self._queued and now >= since + MEASURED:
            self.carried = 8 * (size - before) / (now - since)
        enough = self._received >= self._received_before + ENOUGH
        last = max(came, key=_last_packet_at)
        on_time = enough and not self._queued and last.behind < ON_TIME
        if on_time or now > self._began_at + (LONGEST if self._meant else LONGEST_UNMEANT):
            self._end(now)

    def _begin(self, streams: Sequence[ReceiveStream], now: float) -> None:
        self.held, self._meant = True, False
        self._began_at, self._first = now, None
        self._received_before = _received(streams)

    def _end(self, now: float) -> None:
        self.held, self.carried = False, None
        if not self._meant:
            self._mistaken_at = now
            self._gap = min(GROWTH * self._gap, LONGEST_GAP)


def _received(streams: Sequence[ReceiveStream]) -> int:
    return sum(stream.received for stream in streams)


def _last_packet_at(stream: ReceiveStream) -> float:
    return stream.last_packet_at
