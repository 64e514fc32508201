"""Should a microphone send less than it could: a lower bitrate in longer packets?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

THIN_AFTER: Final = 0.5  # seconds that the reason has to last
NORMAL_AFTER: Final = 15.0  # seconds without it: each change is a negotiation


class ThinSound:
    """Thin where its own uplink is poor, and where all who listen have poor paths: for some of them alone,
    the relay packs what they get."""

    def __init__(self) -> None:
        self.wanted = False
        self._for_listeners = False
        self._since: float | None = None  # when the facts began to speak for the other way

    def update(self, listeners_poor: Iterable[bool], *, uplink_poor: bool, now: float) -> None:
        """`listeners_poor`: of each who listens, whether its path is poor. `uplink_poor` has been waited for
        already."""
        listening = list(listeners_poor)
        thin = bool(listening) and all(listening)
        if thin is self._for_listeners:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= (THIN_AFTER if thin else NORMAL_AFTER):
            self._for_listeners = thin
            self._since = None
        self.wanted = uplink_poor or self._for_listeners
