"""What a publisher is asked to send: no more than somebody can use, and no more than its uplink bears."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from media.publication import Publication
from media.uplink import Level, Uplink

SLOW_RATE: Final = 7  # pictures a second, the least that looks like motion
STILL_RATE: Final = 1  # a camera's lowest rate; keyframes come by the schedule of stills
FULL_RATE: Final = 30


@dataclass(frozen=True, slots=True)
class Order:
    """For the page. `encodings`: how many of each source's, from the smallest up, may be active; 0: no
    picture. `frame_rate` at most. `thin`: sound at a low bitrate in long packets."""

    encodings: dict[str, int]
    frame_rate: int
    thin: bool
    level: Level


def order(publications: Iterable[Publication], uplink: Uplink, *, thin: bool, now: float) -> Order:
    """The order for a publisher with these publications of pictures, which take note of it."""
    encodings = {}
    for publication in publications:
        if publication.kind == "video":
            publication.bearable = bearable(max(len(publication.rids), 1), uplink.level)
            ordered = min(publication.needed, publication.bearable)
            publication.on_ordered(ordered, now=now)
            encodings[publication.source] = ordered
    level = Level.STILLS if uplink.held else uplink.level
    rate = {Level.SLOW: SLOW_RATE, Level.STILLS: STILL_RATE}.get(level, FULL_RATE)
    return Order(encodings, rate, thin, uplink.level)


def bearable(encodings: int, level: Level) -> int:
    """How many of so many encodings an uplink at `level` bears."""
    if level >= Level.SOUND:
        return 0
    if level >= Level.SMALL:
        return 1
    return max(encodings - 1, 1) if level >= Level.REDUCED else encodings
