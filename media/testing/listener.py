"""What a receiver of sound hears: packets taken apart into frames, whichever way each of them came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from media.payload import opus, red
from media.testing.receiver import Received
from media.testing.sender import RED
from media.testing.traffic import read_mark


class Heard(NamedTuple):
    """One frame, as an Opus packet of its own, and when it came first."""

    at: float
    data: bytes


class Listener:
    """Takes RFC 2198 and merged Opus packets apart. `conflicts`: where one timestamp had different sound."""

    def __init__(self, packets: Iterable[Received] = ()) -> None:
        self.frames: dict[int, Heard] = {}  # by timestamp
        self.conflicts: list[int] = []
        self.unreadable = 0
        for packet in packets:
            redundant = packet.payload_type == RED
            self.receive(packet.timestamp, packet.payload, redundant=redundant, now=packet.at)

    def receive(self, timestamp: int, payload: bytes, *, redundant: bool, now: float) -> None:
        blocks = red.parse(payload) if redundant else (red.Block(0, 0, payload),)
        for block in blocks or ():
            self._hear(timestamp - block.timestamp_offset, block.data, now)
        self.unreadable += blocks is None

    def delays(self) -> dict[int, float]:
        """Seconds from capture to arrival of the frames that say when they were captured, by their number."""
        marks = ((heard, read_mark(heard.data)) for heard in self.frames.values())
        return {mark.number: heard.at - mark.captured_us / 1e6 for heard, mark in marks if mark is not None}

    def concealed(self, numbers: range, patience: float) -> float:
        """The share of the frames `numbers` that did not come within `patience` seconds of being said."""
        delays = self.delays()
        return sum(delays.get(number, patience + 1) > patience for number in numbers) / len(numbers)

    def _hear(self, timestamp: int, data: bytes, now: float) -> None:
        toc, frames = opus.parse_toc(data), opus.split(data)
        if toc is None or frames is None:
            self.unreadable += 1
            return
        for frame in frames:
            single = bytes((data[0] & 0xFC,)) + frame
            before = self.frames.get(timestamp)
            if before is None:
                self.frames[timestamp] = Heard(now, single)
            elif before.data != single:
                self.conflicts.append(timestamp)
            timestamp += toc.frame_duration
