"""How much a publisher may send: told by REMB, beside its transport-wide feedback.

While sound waits in a queue, to every publisher: libwebrtc obeys such a receiver-side maximum
(draft-alvestrand-rmcat-remb) at once, where an order waits for a page and its encoders. What somebody can
use, only to who publishes by WHIP: GStreamer and aiortc understand it too, and a page is told by orders.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from media.publication import Publication
from media.sending import Order
from media.uplink import Uplink

INTERVAL: Final = 1.0  # seconds between two that say the same: one may be lost
NONE: Final = 100_000_000  # bit/s; what lifts a ceiling
SOUND: Final = 60_000  # bit/s on the wire of a voice with redundancy; no ceiling is lower
DRAINING: Final = 0.8  # of what arrives through a standing queue, which is all that the uplink carries
DRAINED_AFTER: Final = 3.0  # seconds without that queue: the publisher's own estimate is down by then
SAME: Final = 0.05  # share by which two ceilings may differ and still say the same
HEADROOM: Final = 1.1  # over what the ordered encodings took


class Ceiling:
    """The lowest of what the uplink bears and what somebody can use."""

    def __init__(self) -> None:
        self._told: int | None = None
        self._told_at = float("-inf")
        self._borne: float | None = None  # bit/s, while a queue stands and shortly after
        self._queued_since: tuple[float, int] | None = None  # when, and bytes until then
        self._queued_at = float("-inf")
        self._useful: float | None = None  # bit/s, while not all encodings are ordered
        self._ordered: dict[str, int] | None = None
        self._arrived: tuple[float, int] | None = None  # when, and bytes until then

    def update(
        self,
        order: Order | None,
        publications: Iterable[Publication],
        uplink: Uplink,
        *,
        now: float,
    ) -> int | None:
        """The bit/s to be told now, if any. `order`: None where it is obeyed."""
        publications = list(publications)
        self._watch_queue(publications, uplink, now)
        if order is not None and order.encodings != self._ordered:
            # Settled once for each order: what arrives shrinks below a ceiling, which must not follow.
            self._ordered = order.encodings
            self._useful = useful(order, publications)
        ceilings = [ceiling for ceiling in (self._borne, self._useful) if ceiling is not None]
        if not ceilings and self._told is None:
            return None
        wanted = round(max(min(ceilings), SOUND)) if ceilings else NONE
        if self._told is not None and abs(wanted / self._told - 1) < SAME and now - self._told_at < INTERVAL:
            return None
        self._told, self._told_at = wanted, now
        return wanted

    def _watch_queue(self, publications: list[Publication], uplink: Uplink, now: float) -> None:
        """By delay alone: where packets are lost without a queue, less would arrive of less, without end."""
        arrived = sum(encoding.stream.bytes for p in publications for encoding in p.encodings)
        before, self._arrived = self._arrived, (now, arrived)
        if not uplink.queued or before is None:
            self._queued_since = None
            if now - self._queued_at > DRAINED_AFTER:
                self._borne = None
            return
        self._queued_at = now
        if self._queued_since is None:
            self._queued_since = before
        since, bytes_then = self._queued_since
        if arrived > bytes_then and not uplink.drains:  # from one that is almost gone comes what is sent
            borne = DRAINING * 8 * (arrived - bytes_then) / (now - since)
            self._borne = borne if self._borne is None else min(self._borne, borne)


def useful(order: Order, publications: Iterable[Publication]) -> float | None:
    """Bit/s of sound and of the encodings that are ordered, as they were when they came; None: all are."""
    pictures, all_ordered = 0.0, True
    for publication in publications:
        rids = publication.rids
        ordered = order.encodings.get(publication.source, max(len(rids), 1))
        for place, encoding in enumerate(publication.encodings):
            spatial = rids.index(encoding.rid) if encoding.rid in rids else place
            if spatial < ordered:
                pictures += sum(encoding.bitrates)
            else:
                all_ordered = False
    return None if all_ordered else SOUND + HEADROOM * pictures
