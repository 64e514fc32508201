"""Which picture each subscription gets: a pure function of what the path carries, what is wished for, and
what it costs. Sound is not in it: its whole cost is taken off before.

The ladder of a picture, from the bottom: nothing, stills (keyframes alone), motion of the smallest encoding
with ever more temporal layers, then the larger encodings. Breadth first at the bottom: everybody gets a still
before anybody moves, and everybody moves before anybody's picture grows. Above, one by one, by priority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

# A step up must leave so much room; a step that is held may exceed what there is by so much. Between the two
# nothing changes, so that an estimate that breathes does not move the picture.
HEADROOM: Final = 1.15
TOLERANCE: Final = 1.05
OFF: Final = -1


class Rung(NamedTuple):
    """One step of a ladder."""

    bitrate: float  # bit/s on the wire
    spatial: int  # place of the encoding, from small to large
    temporal: int  # highest temporal layer; STILLS: keyframes alone


class Wish(NamedTuple):
    """What one subscription could use. `ladder` costs strictly more with each rung."""

    priority: int  # the lowest number comes first
    ladder: Sequence[Rung]
    held: int  # the rung it has now; OFF: none
    highest: int  # the rung that it may climb to; below `len(ladder)` while a rest lasts
    motion: int  # the first rung that moves


class Allocation(NamedTuple):
    """Rungs in the order of the wishes; bit/s without sound."""

    rungs: tuple[int, ...]
    spent: float
    wanted: float  # what the top of all ladders costs
    next_step: float | None  # what there must be for one subscription to go up a rung; None: all are on top
    next_round: float | None  # the same for each of them


def allocate(available: float, wishes: Sequence[Wish]) -> Allocation:
    """Shares `available` bit/s out among `wishes`."""
    order = sorted(range(len(wishes)), key=lambda index: wishes[index].priority)
    rungs = [OFF] * len(wishes)
    left = available

    def climb(index: int, to: int) -> bool:
        """One wish up to a rung, if that fits."""
        nonlocal left
        wish = wishes[index]
        if to > min(wish.highest, len(wish.ladder) - 1):
            return False
        factor = 1 / TOLERANCE if to <= wish.held else HEADROOM
        had = _cost(wish, rungs[index])
        if wish.ladder[to].bitrate * factor - had > left:
            return False
        left -= wish.ladder[to].bitrate - had
        rungs[index] = to
        return True

    for first_motion in (False, True):
        for index in order:
            start = wishes[index].motion if first_motion else 0
            if rungs[index] < start:
                climb(index, start)
    for index in order:
        # The best rung that fits, not the next: a larger encoding may cost less than it seems from below.
        for rung in range(len(wishes[index].ladder) - 1, max(rungs[index], wishes[index].motion), -1):
            if rungs[index] >= wishes[index].motion and climb(index, rung):
                break
    spent = available - left
    steps = [
        HEADROOM * wish.ladder[rung + 1].bitrate - _cost(wish, rung)
        for wish, rung in zip(wishes, rungs, strict=True)
        if rung + 1 < len(wish.ladder)
    ]
    return Allocation(
        rungs=tuple(rungs),
        spent=spent,
        wanted=sum(wish.ladder[-1].bitrate for wish in wishes if wish.ladder),
        next_step=spent + min(steps) if steps else None,
        next_round=spent + sum(steps) if steps else None,
    )


def _cost(wish: Wish, rung: int) -> float:
    return wish.ladder[rung].bitrate if rung >= 0 else 0.0
