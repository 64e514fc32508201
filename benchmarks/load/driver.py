"""The load generator's loop: what is due is done, sockets are read every few milliseconds, and it says how
late it was.

It sleeps in the kernel rather than in asyncio, whose timers are a millisecond coarse and would bunch up
packets that real publishers send apart; asyncio gets a turn now and then for the signalling connections.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from array import array
from collections.abc import Callable, Iterable
from itertools import count

from benchmarks.load.connection import CONSENT_INTERVAL
from benchmarks.load.participant import Participant
from benchmarks.load.traffic import AUDIO_INTERVAL, FRAME_RATE

DRAIN_INTERVAL = 0.004  # s; latency does not depend on it, the kernel stamps what it receives
SIGNALLING_INTERVAL = 0.05  # s
# s; what Chromium takes from 218 kbit/s of its own estimate on, which starts at 300
# (libwebrtc transport_sequence_number_feedback_generator.cc).
FEEDBACK_INTERVAL = 0.05
REPORT_INTERVAL = 1.0  # s


class Driver:
    """Sends and receives for all `participants` while `run` runs. `lateness` collects s behind the schedule
    of each audio packet and each frame."""

    def __init__(self, participants: Iterable[Participant]) -> None:
        self._participants = list(participants)
        self._order = count()
        self._due: list[tuple[float, int, float, Callable[[float], None], bool]] = []
        self.lateness = array("d")
        now = time.monotonic()
        senders = [p.sender for p in self._participants if p.sender is not None]
        receivers = [r for p in self._participants for r in p.receivers]
        connections = [c for p in self._participants for c in p.connections]
        self._spread(now, AUDIO_INTERVAL, [s.send_audio for s in senders], timed=True)
        self._spread(now, 1 / FRAME_RATE, [s.send_video for s in senders], timed=True)
        self._spread(now, REPORT_INTERVAL, [s.send_reports for s in senders])
        self._spread(now, FEEDBACK_INTERVAL, [r.send_feedback for r in receivers])
        self._spread(now, REPORT_INTERVAL, [r.send_reports for r in receivers])
        self._spread(now, CONSENT_INTERVAL, [c.check for c in connections])
        self._spread(now, DRAIN_INTERVAL, [self._drain])

    async def run(self, seconds: float) -> None:
        due = self._due
        end = time.monotonic() + seconds
        signalling = 0.0
        while (now := time.monotonic()) < end:
            if now >= signalling:
                signalling = now + SIGNALLING_INTERVAL
                await asyncio.sleep(0)
            when, order, interval, action, timed = due[0]
            if when > now:
                time.sleep(min(when, end, signalling) - now)
                continue
            heapq.heapreplace(due, (max(when + interval, now - interval), order, interval, action, timed))
            if timed:
                self.lateness.append(now - when)
            action(now)

    def _spread(
        self, now: float, interval: float, actions: list[Callable[[float], None]], *, timed: bool = False
    ) -> None:
        """Participants do not tick together: their phases are spread over the interval."""
        for index, action in enumerate(actions):
            start = now + interval * (index * 0.618034 % 1)
            heapq.heappush(self._due, (start, next(self._order), interval, action, timed))

    def _drain(self, now: float) -> None:
        for participant in self._participants:
            for connection in participant.connections:
                connection.drain()
