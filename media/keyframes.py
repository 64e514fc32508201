"""When to ask a publisher for a keyframe: soon, but not for everybody who asks."""

from __future__ import annotations

from typing import Final

MIN_INTERVAL: Final = 0.5  # seconds between requests for one publication; LiveKit and mediasoup use 0.5 to 1
RETRY: Final = 1.0  # seconds after which a request that brought nothing is made again
MAX_RETRIES: Final = 10  # then the publisher is taken to have stopped


class KeyframeRequests:
    """Merges the wishes of all receivers of one publication into few requests.

    One keyframe serves all who asked before it came. A wish within MIN_INTERVAL of the last request waits
    for the end of it, and is dropped if a keyframe arrives first.
    """

    __slots__ = ("_requested_at", "_retries", "_wanted")

    def __init__(self) -> None:
        self._wanted = False
        self._requested_at = float("-inf")
        self._retries = 0

    def want(self) -> None:
        if not self._wanted:
            self._wanted = True
            self._retries = 0

    def due(self, *, now: float) -> bool:
        """Whether to send a request now; counts it as sent."""
        at = self.next_timeout()
        if at is None or now < at:
            return False
        self._requested_at = now
        self._retries += 1
        if self._retries > MAX_RETRIES:
            self._wanted = False
        return True

    def arrived(self) -> None:
        """A keyframe began to arrive."""
        self._wanted = False

    def next_timeout(self) -> float | None:
        if not self._wanted:
            return None
        return self._requested_at + (RETRY if self._retries else MIN_INTERVAL)
