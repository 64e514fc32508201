"""A timer that is cheap to re-arm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timer:
    """Calls `on_timeout(now)` when due; it answers when it is due next (None: until `set` is called again).

    `set` may be called for every packet. Setting a later time than the armed one leaves asyncio's heap alone:
    the timer then fires in vain once, asks `on_timeout`, which finds nothing due, and takes its answer.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_timeout: Callable[[float], float | None]) -> None:
        self._loop = loop
        self._on_timeout = on_timeout
        self._handle: asyncio.TimerHandle | None = None
        self._when = float("inf")
        self._closed = False

    def set(self, when: float | None) -> None:
        if when is None or when >= self._when or self._closed:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._when = when
        self._handle = self._loop.call_at(when, self._fire)

    def close(self) -> None:
        self._closed = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        # asyncio fires up to its clock's resolution early, which must not make a timer spin.
        now = max(self._loop.time(), self._when)
        self._handle, self._when = None, float("inf")
        self.set(self._on_timeout(now))
