"""The call on Janus, Debian's package: the VideoRoom plugin, and a small page as its client.

The page sends what Roomtone's does (Opus, and VP8 at 960x540 in three simulcast streams) and asks for the
largest stream. Like the plugin's own client it leaves streams alone afterwards: that is how the figures for
Janus in the bars were measured.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from benchmarks.link.network import SERVER_ADDRESS
from benchmarks.link.person import Person
from benchmarks.load.janus import PORT, JanusServer
from benchmarks.load.settings import LoadSettings
from benchmarks.process import ServerProcess

PAGE = Path(__file__).parent / "janus_page"
PAGE_PORT = 8081


class JanusCall:
    """`start` the server, let two people `join`, `stop` it."""

    name = "Janus"
    origin = f"http://{SERVER_ADDRESS}:{PAGE_PORT}"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = JanusServer(LoadSettings(SERVER_ADDRESS, (), (), 0.0, 0.0, None))
        self._runner: web.AppRunner | None = None
        self._process: ServerProcess | None = None

    async def start(self) -> None:
        """Raises RuntimeError with the server's last words."""
        self._process = self._server.start(self._directory, None)
        await self._server.wait_until_up()
        app = web.Application()
        app.router.add_static("/", PAGE)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, SERVER_ADDRESS, PAGE_PORT).start()

    async def join(self, near: Person, far: Person, cameras: frozenset[str]) -> None:
        """Both publish, then both subscribe. `cameras`: names of those who show theirs."""
        socket = f"ws://{SERVER_ADDRESS}:{PORT}"
        for person in (near, far):
            await person.page.goto(f"{self.origin}/index.html")
            await person.page.evaluate(
                "([url, camera]) => join(url, camera)", [socket, person.name in cameras]
            )
        for person in (near, far):
            await person.page.evaluate("() => subscribe()")

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
        if self._process:
            self._process.stop()
        await self._server.close()
