"""The clock of a sender, so that its sound and its picture stay together at every receiver."""

from __future__ import annotations

from typing import Final

MAX_ERROR: Final = 1.0  # seconds; a sender whose clock steps by more is followed


class SenderClock:
    """Places the NTP time of a sender's reports on our own time line.

    One offset for all streams of a sender: which one matters little, that it is the same for sound and
    picture matters much (RFC 3550 section 6.4.1: NTP time is for comparing media of one sender).
    """

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset: float | None = None

    def on_report(self, ntp: int, *, now: float) -> None:
        """A report with this 64-bit NTP time arrived."""
        offset = now - ntp / (1 << 32)
        if self._offset is None or abs(offset - self._offset) > MAX_ERROR:
            self._offset = offset

    def at(self, ntp: int) -> float:
        """Our time of this NTP time; needs one report before."""
        assert self._offset is not None
        return ntp / (1 << 32) + self._offset
