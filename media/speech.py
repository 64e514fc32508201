"""How loud somebody speaks, from the audio level header extension (RFC 6464); no decoding."""

from __future__ import annotations

import math
from typing import Final

QUIET: Final = 65.0  # -dBov at and below which a room is quiet
LOUD: Final = 20.0  # -dBov of close, loud speech
MURMUR: Final = 0.15  # of the level: a packet that is louder may be a word
TIME_CONSTANT: Final = 0.3  # seconds: longer than a syllable, shorter than a sentence


class SpeechLevel:
    """Smoothed level, 0.0 quiet to 1.0 loud. Falls by itself when packets stop (DTX)."""

    __slots__ = ("_at", "_level", "_since", "_spoke_at")

    def __init__(self) -> None:
        self._level = 0.0
        self._spoke_at = float("-inf")
        self._since = float("inf")  # when it was first listened for
        self._at = float("-inf")

    def update(self, extension: int, *, now: float) -> None:
        """Takes the extension's byte: voice-activity bit and level in -dBov."""
        loudness = min(max((QUIET - (extension & 0x7F)) / (QUIET - LOUD), 0.0), 1.0)
        if loudness > MURMUR:
            self._spoke_at = now
        self._since = min(self._since, now)
        fading = math.exp((self._at - now) / TIME_CONSTANT)
        self._level = loudness + (self._level - loudness) * fading
        self._at = now

    def silence(self, *, now: float) -> float:
        """Seconds since something was said; never more than it has been listened for."""
        return max(now - max(self._spoke_at, self._since), 0.0)

    def spoke_within(self, seconds: float, *, now: float) -> bool:
        """Was something said so lately? Of a microphone that tells no levels nobody knows."""
        return now - self._spoke_at < seconds

    def level(self, *, now: float) -> float:
        silence = max(now - self._at - 0.1, 0.0)  # packets are at most 60 ms apart while somebody speaks
        return self._level * math.exp(-silence / TIME_CONSTANT)
