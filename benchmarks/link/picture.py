"""What became of the picture, from the numbers of the frames that left and of those that were shown."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor

AGE_STEP = 0.05  # s between two looks at the age
STALL = 1.0  # s without a new picture
RATE_WINDOW = 1.0  # s over which frames are counted
EARLY = 0.02  # s that a picture may be shown before the camera's probe has come to it


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture on the screen: when it came there, when the camera saw it, how wide it was sent."""

    at: float
    taken: float
    width: int


class Film:
    """All pictures that were shown, in order."""

    def __init__(
        self, sent: Sequence[tuple[float, int]], shown: Sequence[tuple[float, int, int]], *, period: int
    ) -> None:
        """`sent`: (when, number), `shown`: (when, number, width). Numbers repeat after `period`; a picture is
        never later than they do."""
        times, counts = _counted(sent, period)
        self.shown: list[Shown] = []
        for at, number, width in sorted(shown):
            if not counts:
                break
            # The probe at the camera may come to a frame after the encoder: by a few milliseconds.
            newest = floor(_interpolate(at + EARLY, times, counts))
            count = newest - (newest - number) % period
            taken = _interpolate(count, counts, times)
            self.shown.append(Shown(at, min(taken, at), width))
        self._at = [picture.at for picture in self.shown]

    def between(self, start: float, end: float) -> Sequence[Shown]:
        return self.shown[bisect_right(self._at, start) : bisect_right(self._at, end)]

    def ages(self, start: float, end: float) -> list[tuple[float, float]]:
        """(when, age of the picture on the screen), every AGE_STEP. Nothing before the first picture."""
        ages = []
        for step in range(int((end - start) / AGE_STEP)):
            at = start + step * AGE_STEP
            index = bisect_right(self._at, at)
            if index:
                ages.append((at, at - self.shown[index - 1].taken))
        return ages

    def rate(self, start: float, end: float) -> float:
        """New pictures a second."""
        return len(self.between(start, end)) / (end - start) if end > start else 0.0

    def rates(self, start: float, end: float) -> list[tuple[float, float]]:
        """(end of a second, pictures in it)."""
        return [
            (start + second + 1, self.rate(start + second, start + second + 1))
            for second in range(int(end - start))
        ]

    def stalls(self, start: float, end: float) -> list[float]:
        """Lengths of the times over STALL in which no new picture came."""
        moments = [start, *(picture.at for picture in self.between(start, end)), end]
        gaps = [b - a for a, b in pairwise(moments)]
        return [gap for gap in gaps if gap > STALL]

    def width(self, start: float, end: float) -> int:
        """The most frequent width."""
        counts: dict[int, int] = defaultdict(int)
        for picture in self.between(start, end):
            counts[picture.width] += 1
        return max(counts, key=lambda width: counts[width], default=0)

    def widths(self, start: float, end: float) -> list[tuple[float, int]]:
        """(when, width) of each change, the first picture's among them."""
        changes: list[tuple[float, int]] = []
        for picture in self.between(start, end):
            if not changes or changes[-1][1] != picture.width:
                changes.append((picture.at, picture.width))
        return changes

    def first_smaller(self, start: float, end: float, width: int) -> float | None:
        """How long after `start` the first picture narrower than `width` came."""
        return next((p.at - start for p in self.between(start, end) if p.width < width), None)

    def restored(self, start: float, end: float, *, width: int, rate: float) -> float | None:
        """How long after `start` pictures are at least that wide, and that many over the next second."""
        for picture in self.between(start, end - RATE_WINDOW):
            if picture.width >= width and self.rate(picture.at - 0.001, picture.at + RATE_WINDOW) >= rate:
                return picture.at - start
        return None


def _counted(sent: Sequence[tuple[float, int]], period: int) -> tuple[list[float], list[float]]:
    """(times, counts): numbers that do not repeat. The probe may miss frames, but not a whole period of
    them."""
    times: list[float] = []
    counts: list[float] = []
    for at, number in sorted(sent):
        count = float(number) if not counts else counts[-1] + (number - counts[-1]) % period
        if counts and count == counts[-1]:
            continue
        times.append(at)
        counts.append(count)
    return times, counts


def _interpolate(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Linear, between points and beyond the ends."""
    if len(xs) == 1:
        return ys[0]
    index = min(max(bisect_right(xs, x), 1), len(xs) - 1)
    slope = (ys[index] - ys[index - 1]) / (xs[index] - xs[index - 1])
    return ys[index - 1] + (x - xs[index - 1]) * slope
