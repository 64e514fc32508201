"""How long, and how, tests wait for what the page is expected to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE_MS = 15_000  # for anything the page is expected to do, on a slow machine
RAMP_MS = 45_000  # for a browser whose first probe failed: its estimate of the uplink grows by 8 % a second


async def eventually(
    look: Callable[[], Awaitable[Any]], test: Callable[[Any], bool], *, patience_ms: float = PATIENCE_MS
) -> Any:
    """Look until the test holds. For what no page can be asked to wait for."""
    seen = None
    try:
        async with asyncio.timeout(patience_ms / 1000):
            while not test(seen := await look()):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"It did not happen; last seen: {seen}") from None
    return seen
