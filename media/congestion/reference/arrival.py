"""Groups of packets that left together, and how much further apart two groups arrived than they left.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/inter_arrival_delta.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GROUP_LENGTH: Final = 0.005  # seconds of send time; libwebrtc kSendTimeGroupLength, also its pacer's burst
# Seconds; packets a network released together (Wi-Fi aggregation) are one group.
BURST_ARRIVAL_GAP: Final = 0.005
BURST_LENGTH: Final = 0.100  # seconds; kMaxBurstDuration
REORDERED_GROUPS: Final = 3  # in a row, before the clock is distrusted; kReorderedResetThreshold
CLOCK_JUMP: Final = 3.0  # seconds of arrival time beyond ours; kArrivalTimeOffsetThreshold


@dataclass(frozen=True, slots=True)
class GroupDelta:
    """The last finished group against the one before it, in seconds."""

    send: float
    arrival: float


class _Group:
    __slots__ = ("arrived_at", "feedback_at", "first_arrived_at", "first_sent_at", "sent_at")

    def __init__(self, sent_at: float, arrived_at: float) -> None:
        self.first_sent_at = self.sent_at = sent_at
        self.first_arrived_at = self.arrived_at = arrived_at
        self.feedback_at = 0.0


class ArrivalGroups:
    def __init__(self) -> None:
        self._current: _Group | None = None
        self._previous: _Group | None = None
        self._reordered = 0

    def add(self, sent_at: float, arrived_at: float, *, now: float) -> GroupDelta | None:
        """Takes a received packet; gives a delta when it opens a new group and two are complete."""
        current = self._current
        delta = None
        if current is None:
            current = self._current = _Group(sent_at, arrived_at)
        elif sent_at < current.first_sent_at:
            return None
        elif self._opens_group(current, sent_at, arrived_at):
            if self._previous is not None:
                delta = self._compare(self._previous, current)
                if delta is None and self._current is None:
                    return None
            self._previous = current
            current = self._current = _Group(sent_at, arrived_at)
        else:
            current.sent_at = max(current.sent_at, sent_at)
        current.arrived_at = arrived_at
        current.feedback_at = now
        return delta

    def _compare(self, before: _Group, after: _Group) -> GroupDelta | None:
        arrival = after.arrived_at - before.arrived_at
        if arrival - (after.feedback_at - before.feedback_at) >= CLOCK_JUMP:
            self._reset()
            return None
        if arrival < 0:
            self._reordered += 1
            if self._reordered >= REORDERED_GROUPS:
                self._reset()
            return None
        self._reordered = 0
        return GroupDelta(after.sent_at - before.sent_at, arrival)

    def _reset(self) -> None:
        self._current = self._previous = None
        self._reordered = 0

    @staticmethod
    def _opens_group(group: _Group, sent_at: float, arrived_at: float) -> bool:
        sent_after = sent_at - group.sent_at
        arrived_after = arrived_at - group.arrived_at
        if sent_after == 0:
            return False
        if (
            arrived_after < sent_after
            and arrived_after <= BURST_ARRIVAL_GAP
            and arrived_at - group.first_arrived_at < BURST_LENGTH
        ):
            return False
        return sent_at - group.first_sent_at > GROUP_LENGTH
