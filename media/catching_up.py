"""When a receiver that plays late although its path is quick again is to begin anew.

A jitter buffer keeps the delay that a late spell has taught it: NetEQ forgets by 1.7 % every half second
(libwebrtc modules/audio_coding/neteq/underrun_optimizer.cc), so that after five seconds of 1 s people talk
at cross purposes for twenty more. It begins anew, and drops what it holds, when the codec changes
(neteq_impl.cc, MaybeChangePayloadType). One packet of another codec does that, and in a pause nobody misses
what is dropped.
"""

from __future__ import annotations

from typing import Final

LATE: Final = 0.3  # seconds in the buffer; with the way there, beyond what people can talk over (ITU-T G.114)
WAITING: Final = 0.05  # seconds in a queue on the way, or late from the publisher: more than jitter
CALM: Final = 2.0  # seconds without it before the way counts as quick
MARGIN: Final = 0.3  # seconds that a pause has to be longer: lip sync may add to what waits
FIRST_REST: Final = 5.0  # seconds before the next try, doubled each time: some paths need a deep buffer
LONGEST_REST: Final = 80.0
FORGIVEN: Final = 60.0  # seconds in time after which the rest is the first one again
SILENCE: Final = b"\xff" * 80  # 10 ms of it in `formats.STRANGE` (G.711, mu-law)


class CatchingUp:
    """Of one sound stream and its receiver."""

    def __init__(self) -> None:
        self._rest = FIRST_REST
        self._rest_until = float("-inf")
        self._late_at = float("-inf")

    def is_due(self, buffered: float, *, calm: float, silence: float, now: float) -> bool:
        """`buffered`: seconds that sound waits at the receiver; `calm`: for how long none has waited on its
        way there; `silence`: for how long nothing was said."""
        if buffered < LATE:
            if now - self._late_at > FORGIVEN:
                self._rest = FIRST_REST
            return False
        self._late_at = now
        if calm < CALM or silence < buffered + MARGIN or now < self._rest_until:
            return False
        self._rest_until = now + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)
        return True
