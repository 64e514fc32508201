"""What a microphone sends while somebody talks into it, so that room can be kept for it during pauses."""

from __future__ import annotations

from typing import Final

from media.packing import FRAME

START_SIZE: Final = 80.0  # bytes: 32 kbit/s at 20 ms, libwebrtc's default for speech
RISE: Final = 1 / 4  # weight of a larger and of a smaller packet: peaks count, for about 5 s
FALL: Final = 1 / 256
REMEMBERED: Final = 5.0  # seconds after speech in which its whole rate is kept free
HALF_LIFE: Final = 20.0  # seconds in which that then halves
SILENCE_SHARE: Final = 0.1  # of the rate, at least: with DTX a silent microphone sends 2.5 packets/s


class SpeechRate:
    """Follows size and duration of a publisher's packets. Silence (DTX) counts as time, not as size."""

    __slots__ = ("_next", "_talked_at", "samples", "size")

    def __init__(self, *, now: float) -> None:
        self.size = START_SIZE  # bytes of a packet
        self.samples = FRAME  # ticks in it
        self._talked_at = now  # unheard as yet: it may start to talk any moment
        self._next = -1

    def add(self, timestamp: int, size: int, samples: int, *, now: float) -> None:
        """A packet that holds sound."""
        if timestamp == self._next:  # a single one between pauses is an encoder's comfort noise
            self._talked_at = now
        self._next = timestamp + samples
        if samples != self.samples:
            self.samples, self.size = samples, float(size)
        self.size += (size - self.size) * (RISE if size > self.size else FALL)

    def activity(self, *, now: float) -> float:
        """How much of its rate to reckon with: 1 while somebody talks, falling slowly in silence."""
        silent = now - self._talked_at - REMEMBERED
        return max(0.5 ** (silent / HALF_LIFE), SILENCE_SHARE) if silent > 0 else 1.0
