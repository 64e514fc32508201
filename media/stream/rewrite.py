"""Numbers of a source made numbers of a stream: no gap where we drop, the gap kept where the network lost."""

from __future__ import annotations

from collections import deque
from typing import Final

MAX_POINTS: Final = 64  # drops remembered; a late packet from before them is of no use any more


class Rewriter:
    """Offsets from a source's extended sequence numbers and picture ids to those of the stream it feeds.

    A drop lowers the offset of all that follows. Packets that arrive late take the offset that held at their
    place, so a retransmission lands in the gap that the receiver is asking about.
    """

    __slots__ = ("_newest", "_points", "offset", "picture_offset")

    def __init__(self) -> None:
        self.offset = 0  # of the newest packet
        self.picture_offset = 0
        self._newest = -1
        self._points: deque[tuple[int, int, int]] = deque(maxlen=MAX_POINTS)

    def start(self, source: int, target: int, picture_offset: int = 0) -> None:
        """From here on, source number `source` becomes `target`; everything before it is forgotten."""
        self.offset = target - source
        self.picture_offset = picture_offset
        self._newest = source - 1
        self._points.clear()
        self._points.append((source, self.offset, picture_offset))

    def is_newest(self, source: int) -> bool:
        return source > self._newest

    def take(self, source: int) -> int:
        """The stream number of the packet `source`, newer than all before, which goes on."""
        self._newest = source
        return source + self.offset

    def take_late(self, source: int) -> tuple[int, int] | None:
        """(stream number, picture offset) of a packet that is not the newest; None: it is from before the
        start."""
        for first, offset, picture_offset in reversed(self._points):
            if first <= source:
                return source + offset, picture_offset
        return None

    def drop(self, source: int, *, new_picture: bool = False) -> None:
        """The packet `source`, newer than all before, does not go on; nor does its picture if that is new."""
        assert source > self._newest
        self._newest = source
        self.offset -= 1
        if new_picture:
            self.picture_offset -= 1
        if self._points[-1][0] == source and len(self._points) > 1:
            self._points.pop()
        self._points.append((source + 1, self.offset, self.picture_offset))
