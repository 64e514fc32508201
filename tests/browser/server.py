"""A real server in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from server.auth import Tokens

ROOT = Path(__file__).parent.parent.parent
SECRET = "a secret of the tests, long enough for HS256"
MEDIA = ("--media-port", "0", "--media-host", "127.0.0.1")


class Server:
    """A running server, and the links into its rooms."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self._folder = folder
        self._media: Sequence[str] = MEDIA
        self._process: asyncio.subprocess.Process | None = None

    def link(
        self, room: str, role: str = "guest", *, name: str | None = None, lifetime: float = 3600.0
    ) -> str:
        """`lifetime` in seconds; below zero, the link has expired. A host's link names one person."""
        tokens = Tokens(SECRET.encode())
        identity = "the-host" if role == "host" else None
        token = tokens.link(room, role, lifetime=lifetime, now=time.time(), identity=identity, name=name)  # type: ignore[arg-type]
        return f"{self.url}/r/{room}#{token}"

    @property
    def log(self) -> str:
        return (self._folder / "server.log").read_text()

    async def start(self, port: int = 0, *, media: Sequence[str] = MEDIA) -> None:
        self._media = media
        with (self._folder / "server.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "server", "serve", "--port", str(port), *media),
                *("--data-directory", str(self._folder), "--no-first-room"),
                cwd=ROOT,
                env={**os.environ, "ROOMTONE_SECRET": SECRET},
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        self._process = process
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while line := (await process.stdout.readline()).decode():
                if line.startswith("Roomtone is running at "):
                    self.url = line.split()[-1]
                    return
        raise AssertionError(f"The server did not start: {self.log}")

    async def stop(self) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        async with asyncio.timeout(15):
            await self._process.communicate()

    async def restart(self) -> None:
        """The same address, and nothing remembered."""
        await self.stop()
        await self.start(int(self.url.rpartition(":")[2]), media=self._media)
