"""What people say of how sound and pictures reached them, of everybody together: for metrics."""

from __future__ import annotations

from prometheus_client import Histogram

from server.messages import Heard

# Of a report of about a second: none, hardly heard, a syllable, words missing, not to be understood.
BOUNDS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# Seconds: of a good path, unnoticed, noticed, and people stumble, give way to each other, give up.
BUFFER_BOUNDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class Listening:
    """Counts the reports of all pages. Pages that lie can only do so in numbers."""

    def __init__(self) -> None:
        self.played_ms = 0
        self.concealed_ms = 0
        self.frozen_ms = 0
        self.concealment = Histogram(
            "roomtone_sound_concealment_ratio",
            "Of each second that somebody listened to somebody: the part that was made up.",
            buckets=BOUNDS,
            registry=None,
        )

        self.buffered = Histogram(
            "roomtone_sound_buffered_seconds",
            "How long sound waits in a listener's jitter buffer, second by second.",
            buckets=BUFFER_BOUNDS,
            registry=None,
        )

    def heard(self, heard: Heard) -> None:
        """What one report says of how late sound is and how pictures do."""
        self.frozen_ms += heard.frozen_ms
        for sound in heard.sounds:
            if sound.buffered_ms:
                self.buffered.observe(sound.buffered_ms / 1000)

    def missed(self, missed_ms: int, total_ms: int) -> None:
        """What one report says of one speaker."""
        if total_ms:
            missed_ms = min(missed_ms, total_ms)
            self.played_ms += total_ms
            self.concealed_ms += missed_ms
            self.concealment.observe(missed_ms / total_ms)
