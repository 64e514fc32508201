"""What arrived when, for transport-wide feedback to a sender.

draft-holmer-rmcat-transport-wide-cc-extensions-01; libwebrtc transport_sequence_number_feedback_generator.cc.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from media.rtp.sequence import unwrap16
from media.rtp.twcc import TransportFeedback

MIN_INTERVAL: Final = 0.05  # seconds between two reports; libwebrtc's bounds and share
MAX_INTERVAL: Final = 0.25
STEADY_INTERVAL: Final = 0.1  # seconds at least while nothing is lost; libwebrtc's default
FEEDBACK_SHARE: Final = 0.05  # of the received bit/s may go into feedback, and of what the way back carries
FEEDBACK_SIZE: Final = 68  # bytes that one report costs on the wire, on average
MAX_PENDING: Final = 400  # packets in one report, which has to fit a datagram
MAX_RUNS: Final = 40  # in one report, for the same reason; the newest are told
MAX_AGE: Final = 5.0  # seconds; the format can tell arrivals that are at most 8.2 s apart
MAX_GAP: Final = 1000  # packets; a larger hole means that the sender restarted its numbers
TICKS_PER_SECOND: Final = 4000  # arrivals are told in 250 us
TICKS_PER_REFERENCE: Final = 256  # 64 ms


class Arrivals:
    """Records the arrival of every packet of one transport and reports them, each once, oldest first."""

    __slots__ = ("_base", "_bytes", "_count", "_first_at", "_highest", "_pending", "_since", "next_report_at")

    def __init__(self) -> None:
        self.next_report_at = float("inf")  # while nothing waits
        self._pending: dict[int, int] = {}  # unwrapped number -> arrival in ticks
        self._highest = -1
        self._base = 0  # the first number that no report has covered
        self._count = 0
        self._bytes = 0
        self._since = 0.0  # of `_bytes`
        self._first_at = 0.0  # arrival of the first of `_pending`

    def record(self, sequence: int, size: int, *, now: float) -> None:
        """Notes the packet of this 16-bit transport-wide number, `size` bytes."""
        if self._highest < 0:
            unwrapped = sequence + 0x10000
            self._base = unwrapped
        else:
            unwrapped = unwrap16(sequence, self._highest)
            if unwrapped - self._highest > MAX_GAP:
                self._pending.clear()
                self._base = unwrapped
        if unwrapped > self._highest:
            self._highest = unwrapped
        if self._pending and now - self._first_at > MAX_AGE:  # nobody called `report`: we stood still
            self._pending.clear()
            self._base = unwrapped
        if not self._pending:
            self._first_at = now
        if len(self._pending) < MAX_PENDING:
            self._pending.setdefault(unwrapped, int(now * TICKS_PER_SECOND))
        else:
            self.next_report_at = now
        self._bytes += size
        if self.next_report_at == float("inf"):
            # The first packet of a silence is reported soon: the sender may be waiting for it.
            self.next_report_at = now + MIN_INTERVAL
            self._since = now

    def report(
        self,
        sender_ssrc: int,
        media_ssrc: int,
        *,
        tell_lost: bool = True,
        way_back: float = float("inf"),
        now: float,
    ) -> tuple[TransportFeedback, ...]:
        """Everything not yet reported; () if there is nothing. Holes are told as not received or, without
        `tell_lost`, left out: then each run of packets is reported by itself. `way_back`: bit/s towards the
        sender, in which reports must leave room for sound."""
        if not self._pending:
            self.next_report_at = float("inf")
            return ()
        numbers = sorted(self._pending)
        # Of what came late, the numbers around it have been told already.
        late = bisect_left(numbers, self._base)
        runs, fresh, lost = _runs(numbers[:late]), numbers[late:], 0
        if fresh:
            first, last = self._first(fresh), fresh[-1]
            lost = last + 1 - first - len(fresh)
            runs += [range(first, last + 1)] if tell_lost or lost <= 0 else _runs(fresh)
        runs = runs[-MAX_RUNS:]
        reports = tuple(self._feedback(run, sender_ssrc, media_ssrc) for run in runs)
        self._base = max(self._base, numbers[-1] + 1)
        self._pending = {}
        bitrate = self._bytes * 8 / max(now - self._since, MIN_INTERVAL)
        share = FEEDBACK_SHARE * min(bitrate, way_back)
        interval = FEEDBACK_SIZE * 8 / share if share else MAX_INTERVAL
        least = MIN_INTERVAL if lost > 0 else STEADY_INTERVAL
        self.next_report_at = now + min(max(interval, least), MAX_INTERVAL)
        self._bytes = 0
        self._since = now
        return reports

    @property
    def mostly_lost(self) -> bool:
        """Is more missing than came, of what is not yet reported?"""
        fresh = sorted(number for number in self._pending if number >= self._base)
        return bool(fresh) and fresh[-1] + 1 - self._first(fresh) > 2 * len(fresh)

    def _first(self, numbers: Sequence[int]) -> int:
        """Where a report of these ascending numbers begins, of which none was told of yet."""
        first, last = numbers[0], numbers[-1]
        if first - self._base < MAX_GAP:
            first = self._base
        # Feedback is about a run of numbers: a straggler from long ago must not make the run long.
        return max(first, last - MAX_GAP)

    def _feedback(self, run: range, sender_ssrc: int, media_ssrc: int) -> TransportFeedback:
        pending = self._pending
        reference = min(pending[number] for number in run if number in pending) // TICKS_PER_REFERENCE
        zero = reference * TICKS_PER_REFERENCE
        feedback = TransportFeedback(
            sender_ssrc=sender_ssrc,
            media_ssrc=media_ssrc,
            base_sequence=run[0] & 0xFFFF,
            reference_time=reference & 0xFFFFFF,
            feedback_count=self._count,
            arrivals=tuple(pending[number] - zero if number in pending else None for number in run),
        )
        self._count = (self._count + 1) & 0xFF
        return feedback


def _runs(numbers: Sequence[int]) -> list[range]:
    """The stretches without a hole of ascending numbers."""
    if not numbers:
        return []
    ends = [place for place in range(1, len(numbers)) if numbers[place] != numbers[place - 1] + 1]
    starts = [0, *ends]
    return [range(numbers[a], numbers[b - 1] + 1) for a, b in zip(starts, [*ends, len(numbers)], strict=True)]
