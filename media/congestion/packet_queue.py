"""Video that waits for its turn towards one receiver.

All of it waits in one queue, and what finds that full is dropped: older video is worth less than a dropped
layer. But a keyframe is worth nothing unless it leaves whole, and on a slow path a large one takes longer
than anything else may wait. So it is taken whole, and goes behind all other video, with what follows of its
stream. Mirrors libwebrtc's modules/pacing/prioritized_packet_queue.cc in its place alone.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Generic, TypeVar

LIMIT: Final = 0.5  # seconds of media at the pacing rate
LEAST: Final = 12_000  # bytes that there is room for at any rate: a small keyframe
# Seconds of the pacing rate for a large keyframe. More than any still takes that allocation pays for.
KEYFRAME_LIMIT: Final = 16.0
KEYFRAME_MOST: Final = 1_000_000  # bytes of it at any rate: more than a screen of 4K needs
JUST: Final = 1.0  # seconds in which the receiver asks for what it has not got yet, a round trip included

Packet = TypeVar("Packet")


class PacketQueue(Generic[Packet]):
    """Packets with their sizes, each of a stream (a number)."""

    def __init__(self) -> None:
        self.size = 0  # bytes, without backlogs
        self._queue: deque[tuple[Packet, int, int]] = deque()
        self._backlogs: dict[int, _Backlog[Packet]] = {}  # by stream, the one whose turn it is first

    def __bool__(self) -> bool:
        return bool(self._queue) or self._late is not None

    @property
    def next_size(self) -> int:
        """Of the packet whose turn it is; 0: none waits."""
        if self._queue:
            return self._queue[0][1]
        late = self._late
        return 0 if late is None else self._backlogs[late].packets[0][1]

    def add(self, packet: Packet, size: int, stream: int, rate: float, *, keyframe: bool) -> bool:
        """False: there is no room for it. `rate`: bit/s at which the queue empties. `keyframe`: it is part of
        one."""
        limit = max(LIMIT * rate / 8, LEAST)
        backlog = self._backlogs.get(stream)
        if backlog is None or not backlog.packets:
            if not self._queue or self.size + size <= limit:
                self._queue.append((packet, size, stream))
                self.size += size
                return True
            if not keyframe:
                return False
            backlog = self._fall_behind(stream)
        if keyframe:
            limit += min(KEYFRAME_LIMIT * rate / 8, KEYFRAME_MOST)
        if backlog.size - (0 if keyframe else backlog.excused) + size > limit:
            return False
        backlog.add(packet, size, keyframe=keyframe)
        return True

    def pop(self, *, now: float) -> tuple[Packet, int]:
        """The packet whose turn it is. Streams that are behind take turns."""
        if self._queue:
            packet, size, _ = self._queue.popleft()
            self.size -= size
            return packet, size
        stream = self._late
        assert stream is not None, "nothing waits"
        backlog = self._backlogs.pop(stream)
        self._backlogs[stream] = backlog
        return backlog.pop(now=now)

    def drop(self, stream: int) -> int:
        """Drops what waits of a stream; how many packets."""
        backlog = self._backlogs.pop(stream, None)
        return len(self._take_out(stream)) + (0 if backlog is None else len(backlog.packets))

    def drop_rest(self, stream: int) -> int:
        """The same but for a large keyframe that is on its way."""
        backlog = self._backlogs.get(stream)
        return self.drop(stream) if backlog is None else backlog.drop_rest()

    def is_behind(self, stream: int) -> bool:
        """Does it wait for all other video?"""
        backlog = self._backlogs.get(stream)
        return backlog is not None and bool(backlog.packets)

    def brings_keyframe(self, stream: int, *, now: float) -> bool:
        """Is a large keyframe of it on its way, or has it left just now?"""
        backlog = self._backlogs.get(stream)
        return backlog is not None and (backlog.whole > 0 or now - backlog.keyframe_left_at < JUST)

    @property
    def _late(self) -> int | None:
        if not self._backlogs:
            return None
        return next((stream for stream, backlog in self._backlogs.items() if backlog.packets), None)

    def _fall_behind(self, stream: int) -> _Backlog[Packet]:
        for old in [old for old, backlog in self._backlogs.items() if not backlog.packets]:
            del self._backlogs[old]
        backlog = self._backlogs[stream] = _Backlog()
        for packet, size in self._take_out(stream):
            backlog.add(packet, size, keyframe=False)
        return backlog

    def _take_out(self, stream: int) -> list[tuple[Packet, int]]:
        """What waits of a stream, out of the queue."""
        taken = [(packet, size) for packet, size, of in self._queue if of == stream]
        if taken:
            self._queue = deque(entry for entry in self._queue if entry[2] != stream)
            self.size -= sum(size for _, size in taken)
        return taken


class _Backlog(Generic[Packet]):
    """A large keyframe, and what has followed it since."""

    def __init__(self) -> None:
        self.packets: deque[tuple[Packet, int]] = deque()
        self.size = 0  # bytes
        # Of them, the keyframe's and what stood before it. What follows may wait for that, but not pile up.
        self.excused = 0
        self.whole = 0  # packets up to the keyframe's last
        self.keyframe_left_at = -math.inf  # when that did

    def add(self, packet: Packet, size: int, *, keyframe: bool) -> None:
        self.packets.append((packet, size))
        self.size += size
        if keyframe:
            self.excused, self.whole = self.size, len(self.packets)

    def pop(self, *, now: float) -> tuple[Packet, int]:
        packet, size = self.packets.popleft()
        self.size -= size
        self.excused = min(self.excused, self.size)
        if self.whole:
            self.whole -= 1
            self.keyframe_left_at = now
        return packet, size

    def drop_rest(self) -> int:
        """Drops what follows the keyframe; how many packets."""
        dropped = len(self.packets) - self.whole
        for _ in range(dropped):
            self.size -= self.packets.pop()[1]
        self.excused = self.size
        return dropped
