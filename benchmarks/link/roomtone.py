"""The call on Roomtone: the real server, the real page, a host and a guest."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.link.network import ROOT, SERVER_ADDRESS
from benchmarks.link.person import Person
from benchmarks.roomtone import RoomtoneProcess

PORT, MEDIA_PORT = 8080, 3478
ROOM = "link"


class RoomtoneCall:
    """`start` the server, let two people `join`, `stop` it."""

    name = "Roomtone"
    origin = f"http://{SERVER_ADDRESS}:{PORT}"

    def __init__(self, directory: Path, checkout: Path = ROOT) -> None:
        """`checkout`: whose server runs."""
        self._directory = directory
        self._checkout = checkout
        self._process: RoomtoneProcess | None = None

    async def start(self) -> None:
        """Raises RuntimeError with the server's last words."""
        self._process = RoomtoneProcess(
            self._directory,
            host=SERVER_ADDRESS,
            port=PORT,
            media_port=MEDIA_PORT,
            checkout=self._checkout,
        )
        await self._process.wait_until_up()

    async def join(self, near: Person, far: Person, cameras: frozenset[str]) -> None:
        """The near person hosts, the far one knocks and is let in. `cameras`: names of those who show
        theirs."""
        await self._enter(near, "host", cameras)
        await near.page.locator("#room").wait_for(state="visible")
        await self._enter(far, "guest", cameras)
        await near.page.get_by_role("button", name=f"Let {far.name} in", exact=True).first.click()
        await far.page.locator("#room").wait_for(state="visible")

    async def stop(self) -> None:
        if self._process:
            self._process.stop()

    async def _enter(self, person: Person, role: str, cameras: frozenset[str]) -> None:
        assert self._process
        token = self._process.tokens.link(
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
