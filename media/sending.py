"""What a publisher is asked to send: no more than somebody can use, and no more than its uplink bears."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from media.publication import Publication
from media.uplink import Level, Uplink

SLOW_RATE = 7  # pictures a second, the least that looks like motion
STILL_RATE = 1  # a camera's lowest rate; keyframes come by the schedule of stills
FULL_RATE = 30


@dataclass(frozen=True, slots=True)
class Order:
    """For the page. `encodings`: how many of each source's, from the smallest up, may be active; 0: no
    picture. `frame_rate` at most. `thin`: sound at a low bitrate in long packets."""

    encodings: dict[str, int]
    frame_rate: int
    thin: bool
    level: Level


def order(publications: Iterable[Publication], uplink: Uplink, *, thin: bool) -> Order:
    """The order for a publisher with these publications of pictures."""
    level = uplink.level
    encodings = {}
    for publication in publications:
        if publication.kind == "video":
            highest = max(len(publication.rids), 1)
            if level >= Level.SOUND:
                bearable = 0
            elif level >= Level.SMALL:
                bearable = 1
            else:
                bearable = max(highest - (level >= Level.REDUCED), 1)
            encodings[publication.source] = min(publication.needed, bearable)
    rate = {Level.SLOW: SLOW_RATE, Level.STILLS: STILL_RATE}.get(level, FULL_RATE)
    return Order(encodings, rate, thin, level)
