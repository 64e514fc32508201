"""Roomtone's own server in a process, as benchmarks start it."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from pathlib import Path

from benchmarks.process import ServerProcess
from server.auth import Tokens

START_TIMEOUT = 20.0  # s
ANNOUNCEMENT = "Roomtone is running at "


class RoomtoneProcess(ServerProcess):
    """Starts it; `wait_until_up` says when it takes people. `tokens` sign links into its rooms."""

    def __init__(
        self,
        directory: Path,
        *,
        host: str,
        port: int = 0,
        media_host: str | None = None,
        media_port: int = 0,
        core: int | None = None,
        checkout: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        """`directory`: for its log and its data. `checkout`: whose server runs, this one's without a word.
        `settings`: more environment variables. A port of 0 is any that is free."""
        self.tokens = Tokens((secret := secrets.token_urlsafe(48)).encode())
        command = [sys.executable, "-m", "server", "serve"]
        super().__init__(
            ["env", f"--chdir={checkout}", *command] if checkout else command,
            log=directory / "roomtone.log",
            core=core,
            settings={
                "ROOMTONE_HOST": host,
                "ROOMTONE_PORT": str(port),
                "ROOMTONE_MEDIA_HOST": media_host or host,
                "ROOMTONE_MEDIA_PORT": str(media_port),
                "ROOMTONE_SECRET": secret,
                "ROOMTONE_DATA_DIRECTORY": str(directory),
                "ROOMTONE_FIRST_ROOM": "false",
                "ROOMTONE_LOG_LEVEL": "warning",
                **(settings or {}),
            },
        )

    async def wait_until_up(self) -> str:
        """Its address. Raises RuntimeError with its last words."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            for line in self.said().splitlines():
                if line.startswith(ANNOUNCEMENT):
                    return line.removeprefix(ANNOUNCEMENT).strip()
            await asyncio.sleep(0.05)
        raise RuntimeError(f"Roomtone did not start:\n{self.said()}")
