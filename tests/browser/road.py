"""A way to a server's media that can stop carrying UDP, or anything, in mid-call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from media.testing.forwarder import Forwarder
from tests.browser.patience import eventually
from tests.browser.person import Person
from tests.browser.server import Server

REAL = "127.0.0.2"  # where the media port is in truth

# The page looks for UDP every half minute. Nobody is to wait for that in a test.
HASTE = """
    const real = window.setInterval;
    window.setInterval = (call, ms, ...rest) => real(call, ms === 30_000 ? 2_000 : ms, ...rest);
"""

PROTOCOL = """async () => {
    const report = await window.peers.at(-1).getStats();
    const stats = [...report.values()];
    const chosen = stats.find(({type}) => type === "transport")?.selectedCandidatePairId
        ?? stats.find(({type, selected}) => type === "candidate-pair" && selected)?.id; // Firefox
    return report.get(report.get(chosen)?.localCandidateId)?.protocol ?? "";
}"""


@asynccontextmanager
async def road_from(announced: str) -> AsyncIterator[Forwarder]:
    """`announced`: the address at which others reach the media port."""
    forwarder = Forwarder(announced, REAL)
    await forwarder.start()
    yield forwarder
    await forwarder.stop()


@asynccontextmanager
async def server_behind(road: Forwarder, folder: Path) -> AsyncIterator[Server]:
    """A server whose media is reached over the road alone."""
    running = Server(folder)
    await running.start(
        media=("--media-port", str(road.port), "--media-host", REAL, "--public-address", road.host)
    )
    yield running
    await running.stop()


async def goes_by(person: Person, protocol: str) -> None:
    """`protocol`: "udp" or "tcp"."""
    await eventually(lambda: person.page.evaluate(PROTOCOL), lambda seen: seen == protocol)
