"""The log of sent packets: who got which transport-wide number, when, how large.

draft-holmer-rmcat-transport-wide-cc-extensions-01. `stamp` runs once per packet sent and touches preallocated
rings only; everything that takes thought happens in `on_feedback`, 4 to 20 times a second.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from media.congestion.base import PacketResult

# Packets; at 1,000 packets/s (10 Mbit/s) 2 s, more than feedback is late. A power of two. Feedback on
# more is not read: `rtp.twcc.MAX_COUNT` is the same, as a test holds (imported, it would be no constant to
# the compiler).
HISTORY: Final = 2048
REFERENCE_TICK: Final = 0.064  # seconds, the unit of the reference time
DELTA_TICK: Final = 0.00025  # seconds, the unit of arrivals
REFERENCE_WRAP: Final = 1 << 24

_MASK: Final = HISTORY - 1
_IN_FLIGHT: Final = 0  # what is known of a ring slot
_LEFT: Final = 1
_LOST: Final = 2
_DONE: Final = 3


class SentPackets:
    """Stamps packets and turns TWCC feedback into results.

    A packet is reported lost at most once and received at most once; a packet reported lost and later
    received (reordering) gives both. A packet that no feedback mentions gives nothing: its report was lost,
    which says nothing of the packet.
    """

    __slots__ = (
        "_bytes_left",
        "_clusters",
        "_known",
        "_next",
        "_oldest",
        "_reference",
        "_sent_at",
        "_sizes",
        "bytes_sent",
        "unknown",
    )

    def __init__(self) -> None:
        self.bytes_sent = 0  # ever; callers take differences
        self.unknown = 0  # packets that feedback named and we never sent, have forgotten or heard of before
        self._bytes_left = 0  # of `bytes_sent`, those no longer in flight
        self._next = 0  # unwrapped
        self._oldest = 0  # unwrapped; every packet before it has left the flight
        self._reference: int | None = None  # unwrapped, of the latest feedback
        # Lists, as arrays take a quarter longer for each packet; sizes would take 70 KB of one, 4 so.
        self._sent_at = [0.0] * HISTORY
        self._sizes = array("H", bytes(2 * HISTORY))
        self._clusters = [0] * HISTORY
        self._known = bytearray(HISTORY)

    @property
    def bytes_in_flight(self) -> int:
        return self.bytes_sent - self._bytes_left

    @property
    def last_sent_at(self) -> float | None:
        """When the newest packet was sent; None before the first."""
        return self._sent_at[(self._next - 1) & _MASK] if self._next else None

    def stamp(self, size: int, probe_cluster: int = 0, *, now: float) -> int:
        """Takes the next 16-bit number for a packet of `size` bytes on the wire."""
        sequence = self._next
        slot = sequence & _MASK
        if sequence - self._oldest >= HISTORY:
            self._leave(sequence - HISTORY + 1)
        self._sent_at[slot] = now
        self._sizes[slot] = size
        self._clusters[slot] = probe_cluster
        self._known[slot] = _IN_FLIGHT
        self._next = sequence + 1
        self.bytes_sent += size
        return sequence & 0xFFFF

    def on_feedback(
        self, base_sequence: int, reference_time: int, arrivals: Sequence[int | None], *, now: float
    ) -> list[PacketResult]:
        """Reads one feedback: `arrivals` holds one entry per packet from `base_sequence`, in 250 us after
        `reference_time` (24 bits, 64 ms), or None for not received. Oldest first."""
        reference = self._unwrap_reference(reference_time) * REFERENCE_TICK
        newest = self._next - 1
        first = newest - ((newest - base_sequence) & 0xFFFF)
        horizon = max(first, self._next - HISTORY, 0)
        ours = list(arrivals[horizon - first : newest + 1 - first])
        self.unknown += len(arrivals) - len(ours)
        sent_at, sizes, clusters, states = self._sent_at, self._sizes, self._clusters, self._known
        results: list[PacketResult] = []
        sequence = horizon - 1
        for arrival in ours:
            sequence += 1
            slot = sequence & _MASK
            known = states[slot]
            if known == _DONE or (known == _LOST and arrival is None):
                self.unknown += 1
                continue
            if known == _IN_FLIGHT:
                self._bytes_left += sizes[slot]
            states[slot] = _LOST if arrival is None else _DONE
            results.append(
                PacketResult(
                    sequence,
                    sent_at[slot],
                    None if arrival is None else reference + arrival * DELTA_TICK,
                    sizes[slot],
                    clusters[slot] or None,
                )
            )
        if results:
            self._leave(horizon)
            self._oldest = max(self._oldest, horizon + len(ours))  # the loop has taken these out
        return results

    def reset_in_flight(self) -> None:
        """Forgets what is on its way: the path it was on is gone (route change) or was dead for long."""
        self._leave(self._next)

    def _leave(self, until: int) -> None:
        """Takes everything before `until` out of the flight: feedback on a later packet has come, so these
        have arrived or are lost, whether or not their own report reached us."""
        for sequence in range(self._oldest, until):
            slot = sequence & _MASK
            if self._known[slot] == _IN_FLIGHT:
                self._known[slot] = _LEFT
                self._bytes_left += self._sizes[slot]
        self._oldest = max(self._oldest, until)

    def _unwrap_reference(self, reference_time: int) -> int:
        if self._reference is None:
            self._reference = reference_time
            return reference_time
        ahead = (reference_time - self._reference) % REFERENCE_WRAP
        if ahead >= REFERENCE_WRAP // 2:
            ahead -= REFERENCE_WRAP
        self._reference += ahead
        return self._reference
