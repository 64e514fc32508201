"""Loss that is there whatever a publisher sends: of crowded Wi-Fi, not of a queue.

To find out, the publisher sends a third or a tenth for a moment. That takes a full queue's loss all away, and
leaves the other as it is.
"""

from __future__ import annotations

from typing import Final

from media.stream.receive import ReceiveStream

ORDER_TIME: Final = 0.6  # seconds from an order until what is lost tells of it: a round trip and a frame
VERDICT_AFTER: Final = 1.4  # seconds of loss behind that: 70 packets of sound
REMAINING: Final = 0.3  # of the loss from before, at least, which was a peak that made us look
REMAINING_AT_LEAST: Final = 0.02
BEARABLE_LOSS: Final = 0.4  # above, there is no voice to be kept beside a picture
HOPELESS_LOSS: Final = 0.6  # so much a queue may lose of the smallest picture still
CHANCE: Final = 2.0  # times the mean: as much, chance and bursts make of it in two seconds
MARGIN: Final = 0.05
FOLLOWING: Final = 0.01  # of the difference to the loss of now, with each look (0.1 s): 10 s


class InherentLoss:
    """What has been found out of one path."""

    def __init__(self) -> None:
        self.ratio = 0.0  # 0..1
        self._before = 0.0  # the loss that was the reason to look
        self._from: tuple[int, int] | None = None  # (highest, received) once less is sent
        self._at = float("inf")  # when that is

    @property
    def exceeded_by(self) -> float:
        """Above this loss there is another reason for it."""
        return MARGIN + CHANCE * self.ratio

    def begin(self, loss: float, *, anew: bool, now: float) -> None:
        """Because of `loss` less is ordered from now on; unless `anew`, once more."""
        if not anew and self._at == float("inf"):
            return
        self._before = loss if anew else max(self._before, loss)
        self._at, self._from = now + ORDER_TIME, None

    def abort(self) -> None:
        """There is a queue: loss tells nothing."""
        self._at = float("inf")

    def look(self, stream: ReceiveStream, loss: float, *, starving: bool, now: float) -> bool:
        """Called again and again with the sound's stream and its loss of late; whether it has turned out just
        now that to send less is of no use."""
        if self.ratio:
            self.ratio += FOLLOWING * (min(loss, BEARABLE_LOSS) - self.ratio)
        if now < self._at:
            return False
        if self._from is None:
            self._from = stream.highest, stream.received
        if now < self._at + VERDICT_AFTER:
            return False
        first, had = self._from
        expected = stream.highest - first
        remaining = 1 - (stream.received - had) / expected if expected > 0 else 0.0
        least = max(REMAINING * self._before, REMAINING_AT_LEAST)
        if self.ratio:
            least = min(least, self.ratio / 2)
        found = least <= remaining <= BEARABLE_LOSS and self._before <= HOPELESS_LOSS
        if found:
            self.ratio = max(self.ratio, remaining)
        # By chance it may have been too little or too much.
        self._at, self._from = (now, None) if starving and not found else (float("inf"), None)
        return found
