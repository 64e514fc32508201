"""The call on Roomtone: the real server, the real page, a host and a guest."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sys
import time
from pathlib import Path

import aiohttp

from benchmarks.link.network import ROOT, SERVER_ADDRESS
from benchmarks.link.person import Person
from benchmarks.load.process import ServerProcess
from server.auth import Tokens

PORT, MEDIA_PORT = 8080, 3478
START_TIMEOUT = 20.0  # s
ROOM = "link"


class RoomtoneCall:
    """`start` the server, let two people `join`, `stop` it."""

    name = "Roomtone"
    origin = f"http://{SERVER_ADDRESS}:{PORT}"

    def __init__(self, directory: Path, checkout: Path = ROOT) -> None:
        """`checkout`: whose server runs."""
        self._directory = directory
        self._checkout = checkout
        self._tokens = Tokens((secret := secrets.token_urlsafe(48)).encode())
        self._settings = {
            "ROOMTONE_HOST": SERVER_ADDRESS,
            "ROOMTONE_PORT": str(PORT),
            "ROOMTONE_MEDIA_HOST": SERVER_ADDRESS,
            "ROOMTONE_MEDIA_PORT": str(MEDIA_PORT),
            "ROOMTONE_SECRET": secret,
            "ROOMTONE_DATA_DIRECTORY": str(directory),
            "ROOMTONE_FIRST_ROOM": "false",
            "ROOMTONE_LOG_LEVEL": "warning",
        }
        self.process: ServerProcess | None = None

    async def start(self) -> None:
        """Raises RuntimeError with the server's last words."""
        command = ["env", f"--chdir={self._checkout}", sys.executable, "-m", "server", "serve"]
        log = self._directory / "roomtone.log"
        process = self.process = ServerProcess(command, log=log, core=None, settings=self._settings)
        deadline = time.monotonic() + START_TIMEOUT
        async with aiohttp.ClientSession() as http:
            while True:
                process.check()
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{self.origin}/healthz") as response:
                        if response.status == 200:
                            return
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Roomtone did not open its port:\n{process.said()}")
                await asyncio.sleep(0.1)

    async def join(self, near: Person, far: Person, cameras: frozenset[str]) -> None:
        """The near person hosts, the far one knocks and is let in. `cameras`: names of those who show
        theirs."""
        await self._enter(near, "host", cameras)
        await near.page.locator("#room").wait_for(state="visible")
        await self._enter(far, "guest", cameras)
        await near.page.get_by_role("button", name=f"Let {far.name} in", exact=True).first.click()
        await far.page.locator("#room").wait_for(state="visible")

    async def stop(self) -> None:
        if self.process:
            self.process.stop()

    async def _enter(self, person: Person, role: str, cameras: frozenset[str]) -> None:
        token = self._tokens.link(
            ROOM,
            role,  # type: ignore[arg-type]
            lifetime=3600,
            now=time.time(),
            identity="host" if role == "host" else None,
        )
        page = person.page
        await page.goto(f"{self.origin}/r/{ROOM}#{token}")
        await page.locator("#preview").wait_for(state="visible")
        await page.get_by_label("Your name").fill(person.name)
        if person.name not in cameras:
            await page.locator("#preview-switches").get_by_role("button", name="camera").first.click()
        await page.locator("#preview-enter").click()
