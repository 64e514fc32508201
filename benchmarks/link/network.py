"""The two networks of a run and the road between: the near one is this process's own
(`benchmarks.load.sandbox`), the far one is the namespace that the link's process lives in. Both go with
their processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.link.road import Conditions, encode
from benchmarks.link.tun import TunError, ip
from benchmarks.link.wire import MOBILE, MOBILE_ADDRESS, NEAR_ADDRESS, WIFI, WIFI_ADDRESS

ROOT = Path(__file__).parents[2]
# On the link's own device: Janus answers through the device that its address is on, whatever the routes say.
SERVER_ADDRESS = NEAR_ADDRESS
START_TIMEOUT = STOP_TIMEOUT = 10.0  # s
_ADDRESSES = {WIFI: WIFI_ADDRESS, MOBILE: MOBILE_ADDRESS}


class Network:
    """`start` it, `impose` conditions, `stop` it. `reports`: what the link said, in order (road.Road.report
    and `at`, seconds on the monotonic clock)."""

    def __init__(self) -> None:
        self.reports: list[dict[str, Any]] = []
        self.pid = 0
        self._process: asyncio.subprocess.Process
        self._reader: asyncio.Task[None] | None = None

    async def start(self, conditions: Conditions, seed: int) -> None:
        """Raises TunError."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.link.wire"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the one who started it, who then ends it
        )
        self._say(f"{seed} {encode(conditions)}")
        assert self._process.stdout is not None and self._process.stderr is not None
        try:
            async with asyncio.timeout(START_TIMEOUT):
                line = await self._process.stdout.readline()
                if not line:
                    raise TunError((await self._process.stderr.read()).decode().strip())
        except TimeoutError:
            raise TunError("The link did not start.") from None
        self.pid = json.loads(line)["ready"]
        self._reader = asyncio.create_task(self._read(self._process.stdout))
        self.connect(WIFI)

    def impose(self, conditions: Conditions) -> None:
        """From now on."""
        self._say(encode(conditions))

    def disconnect(self, device: str) -> None:
        """The far side loses this network, address and all."""
        ip("address", "flush", "dev", device, network_of=self.pid)
        ip("link", "set", device, "down", network_of=self.pid)

    def connect(self, device: str) -> None:
        """The far side gets into this network."""
        ip("address", "add", f"{_ADDRESSES[device]}/24", "dev", device, network_of=self.pid)
        ip("link", "set", device, "up", network_of=self.pid)
        ip("route", "replace", "default", "dev", device, network_of=self.pid)

    async def stop(self) -> None:
        if self.pid == 0 and self._reader is None and not hasattr(self, "_process"):
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reader:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.reports.append(json.loads(line))
