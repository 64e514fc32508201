"""What the pictures of a publication cost, from a still to the largest in motion."""

from __future__ import annotations

from typing import Final

from media.allocation import Rung
from media.encoding import MAX_TEMPORAL
from media.publication import STILL_INTERVAL, Publication
from media.subscription import STILLS, Layer

STILL_SIZE: Final = 5_000  # bytes of a small keyframe, until one has been seen (measured: 3,200 at 160x90)
WORTHWHILE: Final = 1.1  # times the rung below: a rung that costs hardly more only replaces it
AT_REST: Final = 0.9  # of the lowest motion: the most that a still is taken to cost, so that motion is dearer
# bit/s. Stills that take more come more seldom where the path is short ...
DEAR: Final = 20_000.0
SELDOM: Final = 16.0  # ... but not less than once in so many seconds, or not at all
# Temporal layers, from the top, in which an encoding above the smallest is offered.
LARGER_TEMPORAL: Final = 2


def ladder(publication: Publication, highest: Layer) -> tuple[Rung, ...]:
    """The rungs of `publication` up to `highest`, each dearer than the one before; none before it is known
    what its motion costs. The smallest encoding is there in any case."""
    rids = publication.rids
    rungs: list[Rung] = []
    if publication.overdue and not any(encoding.live for encoding in publication.encodings):
        return ()  # switched off by its owner
    if not any(any(encoding.bitrates) for encoding in publication.encodings):
        return ()
    for place, encoding in enumerate(publication.encodings):
        spatial = rids.index(encoding.rid) if encoding.rid in rids else place
        # What is off because it was not ordered can be had again, for what it cost.
        orderable = publication.overdue <= spatial < max(publication.bearable, 1)
        if not (encoding.live or orderable) or (rungs and spatial > highest.spatial):
            continue
        offered = range(min(MAX_TEMPORAL, highest.temporal + 1))
        layers = [layer for layer in offered if encoding.bitrates[layer] > 0]
        keyframe = 8 * (encoding.keyframe_size or STILL_SIZE)
        # What moves has to get its keyframes through, whoever else makes the publisher send one.
        least = keyframe / STILL_INTERVAL
        if not rungs:
            still = min(least, max(DEAR, keyframe / SELDOM))
            if layers:
                # A slide that stands still costs less than its keyframes do: no reason to stop it.
                still = min(still, AT_REST * max(encoding.bitrates[layers[0]], least))
            rungs.append(Rung(still, spatial, STILLS))
        total = 0.0
        smallest = len(rungs) == 1
        for layer in layers:
            total += encoding.bitrates[layer]
            if not smallest and layer not in layers[-LARGER_TEMPORAL:]:
                continue
            rung = Rung(max(total, least), spatial, layer)
            if rung.bitrate > WORTHWHILE * rungs[-1].bitrate:
                rungs.append(rung)
            elif spatial > rungs[-1].spatial and rungs[-1].temporal != STILLS:
                rungs[-1] = rung._replace(bitrate=max(rung.bitrate, rungs[-1].bitrate))
    return tuple(rungs)
