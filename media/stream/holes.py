"""Numbers of a stream that were never sent: what is missing for a receiver, and is not its path's loss."""

from __future__ import annotations

from collections import deque
from typing import Final

MAX_MARKS: Final = 256  # steps remembered between two reports: 5 s of sound or pictures that lost a fifth


class Holes:
    """Reads a receiver's reports of a stream (RFC 3550 section 6.4.1), which count as lost what the
    publisher's path had lost before. Numbers are not wrapped."""

    __slots__ = ("_before", "_marks", "_reported", "_reported_holes", "count")

    def __init__(self, first: int) -> None:
        """`first` is the number of the stream's first packet."""
        self.count = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=MAX_MARKS)  # from this number on, so many holes
        self._before = 0  # holes before the first mark
        self._reported = first - 1  # the highest number that was reported
        self._reported_holes = 0

    def change(self, sequence: int, holes: int) -> None:
        """So many more holes (or fewer, when a late packet fills one) are there once `sequence` is sent."""
        self.count += holes
        self._marks.append((sequence, self.count))

    def path_loss(self, fraction_lost: float, highest: int, next_sequence: int) -> float:
        """The share of packets (0..1) that this path lost since the report before, where the receiver says
        `fraction_lost` up to the number `highest` (16 bits). The stream's next number is `next_sequence`."""
        newest = next_sequence - 1 - (next_sequence - 1 - highest & 0xFFFF)
        expected = newest - self._reported
        if expected <= 0:
            return 0.0
        while self._marks and self._marks[0][0] <= newest:
            self._before = self._marks.popleft()[1]
        holes = self._before - self._reported_holes
        self._reported, self._reported_holes = newest, self._before
        sent = expected - holes
        return min(max((fraction_lost * expected - holes) / sent, 0.0), 1.0) if sent > 0 else 0.0
