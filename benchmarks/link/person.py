"""One person of a call: Chromium with fake devices, in the near or the far network, and what its probe
saw."""

from __future__ import annotations

import base64
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, Playwright

from benchmarks.chromium import UNATTENDED
from benchmarks.link.sources import Sources

PROBE = Path(__file__).parent / "probe.js"
VIEWPORT = {"width": 1000, "height": 640}  # a tile in it asks for the largest layer of a 960x540 camera
PATIENCE_MS = 20_000  # for anything a page is expected to do
CLOCK_TRIES = 8

# Drawing one's own picture takes CPU time, and nobody looks at it here.
_NO_SELF_VIEW = "if (location.protocol === 'http:') localStorage.setItem('roomtone:selfView', 'false')"


class ChromiumError(Exception):
    """No Chromium; the words say what to do."""


@dataclass(slots=True)
class Observations:
    """What one page saw. Times: seconds on the monotonic clock of the machine."""

    polls: list[dict[str, Any]] = field(default_factory=list)  # probe.js: at, streams, paths
    sent: list[tuple[float, int]] = field(default_factory=list)  # camera frames: when, number
    shown: list[tuple[float, int, int]] = field(default_factory=list)  # pictures: when, number, width
    unreadable: int = 0  # pictures without a number
    said: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)  # microphone, 8 kHz
    heard: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)  # loudspeaker, 8 kHz


class Person:
    """`open` makes one. `page` is for whoever leads them into the call."""

    def __init__(self, name: str, browser: Browser, page: Page) -> None:
        self.name = name
        self.page = page
        self.complaints: list[str] = []
        self._browser = browser
        self._ahead = 0.0  # s that the page's clock is ahead of ours
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))

    @classmethod
    async def open(
        cls,
        playwright: Playwright,
        name: str,
        *,
        speech: Path,
        sources: Sources,
        origin: str,
        directory: Path,
        network_of: int | None = None,
    ) -> Person:
        """`network_of`: the process whose network they are in, None for ours. Raises ChromiumError."""
        browser = await playwright.chromium.launch(
            executable_path=_launcher(directory / f"chromium-{name}", network_of),
            args=[
                *UNATTENDED,
                "--autoplay-policy=no-user-gesture-required",
                f"--use-file-for-fake-audio-capture={speech}",
                f"--use-file-for-fake-video-capture={sources.video}",
                f"--unsafely-treat-insecure-origin-as-secure={origin}",
            ],
            timeout=PATIENCE_MS,
        )
        context = await browser.new_context(
            viewport=VIEWPORT,  # type: ignore[arg-type]
            permissions=["camera", "microphone"],
            bypass_csp=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(_NO_SELF_VIEW)
        await context.add_init_script(path=PROBE)
        return cls(name, browser, await context.new_page())

    async def watch(self) -> None:
        """Start to observe. The page must not be left afterwards."""
        best = float("inf")
        for _ in range(CLOCK_TRIES):
            asked = time.monotonic()
            theirs = await self.page.evaluate("linkProbe.clock()") / 1000
            took = time.monotonic() - asked
            if took < best:
                best, self._ahead = took, theirs - asked - took / 2
        await self.page.evaluate("linkProbe.start()")

    async def connected(self) -> bool:
        return bool(await self.page.evaluate("linkProbe.connected()"))

    async def width(self) -> int:
        """Of the widest picture that they receive, 0 without one."""
        return int(await self.page.evaluate("linkProbe.width()"))

    async def take(self) -> Observations:
        taken = await self.page.evaluate("linkProbe.take()")
        for poll in taken["polls"]:
            poll["at"] = self._ours(poll["at"])
        return Observations(
            polls=taken["polls"],
            sent=[(self._ours(at), number) for at, number in taken["sent"]],
            shown=[(self._ours(at), number, width) for at, number, width in taken["shown"]],
            unreadable=taken["unreadable"],
            said=[(self._ours(at), _samples(text)) for at, text in taken["said"]],
            heard=[(self._ours(at), _samples(text)) for at, text in taken["heard"]],
        )

    async def close(self) -> None:
        await self._browser.close()

    def _ours(self, at_ms: float) -> float:
        return at_ms / 1000 - self._ahead


def _samples(text: str) -> NDArray[np.int16]:
    return np.frombuffer(base64.b64decode(text), np.int16)


def _launcher(path: Path, network_of: int | None) -> Path:
    """A script that starts Chromium in a network."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise ChromiumError("Chromium is missing: run `make browser`, which installs it.")
    command = [] if network_of is None else ["nsenter", f"--net=/proc/{network_of}/ns/net"]
    path.write_text(f'#!/bin/sh\nexec {" ".join(command)} {chromium} "$@"\n')
    path.chmod(0o700)
    return path
