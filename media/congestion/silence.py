"""Silence: we send, and nothing comes back."""

from __future__ import annotations

import math
from typing import Final

from media.congestion.sent import SentPackets

STARVED_AFTER: Final = 0.5  # seconds plus three round trips
STARVED_INTERVAL: Final = 0.5


class Silence:
    def __init__(self, *, now: float) -> None:
        self._told_at = now
        self._idle_at = now  # when all had been answered
        self._written_off_at = -math.inf

    def starves(self, sent: SentPackets, feedback_at: float, rtt: float, *, now: float) -> bool:
        """Has what was sent gone unanswered for too long? Again every half a second while it lasts."""
        last = sent.last_sent_at
        if last is None:
            return False
        patience = STARVED_AFTER + 3 * rtt
        if sent.bytes_in_flight:
            if now - max(last, feedback_at) > patience:
                # Nothing moves: what flew is lost, or media would wait for ever for its acknowledgement.
                sent.reset_in_flight()
                self._written_off_at = now
        elif feedback_at >= self._written_off_at:
            self._idle_at = now  # the first packet after a pause has not been unanswered since before it
        if last - max(feedback_at, self._idle_at) < patience or now - self._told_at < STARVED_INTERVAL:
            return False
        self._told_at = now
        return True
