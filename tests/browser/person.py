"""A person at a device: what they do and what they see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.async_api import ConsoleMessage, Locator, Page, expect

from tests.browser.patience import PATIENCE_MS, eventually
from tests.browser.wire import Wire

# Sums over what the newest connection receives; audio levels as 0..1.
STATISTICS = """async () => {
    const peer = window.peers.at(-1);
    const sums = {frames: 0, width: 0, height: 0, energy: 0, samples: 0, concealed: 0};
    sums.peers = window.peers.length;
    for (const stats of (await peer.getStats()).values()) {
        if (stats.type !== "inbound-rtp") continue;
        sums.frames += stats.framesDecoded ?? 0;
        sums.width = Math.max(sums.width, stats.frameWidth ?? 0);
        sums.height = Math.max(sums.height, stats.frameHeight ?? 0);
        sums.energy += stats.totalAudioEnergy ?? 0;
        sums.samples += stats.totalSamplesReceived ?? 0;
        sums.concealed += (stats.concealedSamples ?? 0) - (stats.silentConcealedSamples ?? 0);
    }
    return sums;
}"""

PLAYING = """() => [...document.querySelectorAll("audio")]
    .some(({srcObject, paused, muted, volume}) => srcObject?.active && !paused && !muted && volume > 0)"""

# A small grey copy of what a <video> shows, to tell a moving picture from a frozen one.
SNAPSHOT = """video => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 32, height: 18});
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(video, 0, 0, 32, 18);
    return Array.from(context.getImageData(0, 0, 32, 18).data.filter((_, index) => index % 4 === 1));
}"""


class Person:
    """One person at one device."""

    def __init__(self, page: Page, wire: Wire) -> None:
        self.page = page
        self.wire = wire
        self.complaints: list[str] = []
        self.tolerates: set[str] = set()  # texts of complaints that a test expects
        self.foreign: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._complain(f"{error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complain(f"{message.type}: {message.text}")

    def _complain(self, text: str) -> None:
        if not any(expected in text for expected in self.tolerates):
            self.complaints.append(text)

    async def turn_clock(self) -> None:
        """The page goes by a clock that the test can turn. Turned ahead, it gives a WebSocket no time to
        open: the page gives it up as one that hangs, and Chromium says so."""
        await self.page.clock.install()
        self.tolerates.add("WebSocket is closed before the connection is established")

    async def hold_clock(self) -> None:
        """From now on no wait of the page ends by itself, until its clock is run or resumed."""
        now = await self.page.evaluate("Date.now()")
        await self.page.clock.pause_at((now + 1000) / 1000)

    # --- what they do

    async def open(self, address: str) -> Person:
        await self.page.goto(address)
        return self

    async def come(self, link: str, name: str) -> Person:
        """Open a link and press the one big button."""
        await self.open(link)
        await expect(self.page.locator("#preview")).to_be_visible()
        await self.page.get_by_label("Your name").fill(name)
        await self.page.locator("#preview-enter").click()
        return self

    async def press(self, name: str, *, exact: bool = True) -> None:
        await self.page.get_by_role("button", name=name, exact=exact).first.click()

    async def let_in(self, name: str) -> None:
        await self.press(f"Let {name} in")

    async def lose_signalling(self) -> None:
        """The socket is cut, and new ones are refused for as long as `wire.refusing`. For test modules that
        say WIRED."""
        self.wire.refusing = True
        await self.wire.cut()
        await self.reads("Reconnecting")

    async def write(self, text: str) -> None:
        field = self.page.get_by_role("textbox", name="Message")
        await field.fill(text)
        await field.press("Enter")

    # --- what they see

    async def sees(self, view: str) -> None:
        """`view`: landing, preview, waiting, returning, room or ended."""
        await expect(self.page.locator(f"#{view}")).to_be_visible()

    async def reads(self, text: str) -> None:
        await expect(self.page.get_by_text(text).locator("visible=true").first).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def tile(self, name: str) -> Locator:
        return self.page.locator(".tile").filter(
            has=self.page.locator(".tile-label").get_by_text(name, exact=True)
        )

    async def statistics(self) -> dict[str, Any]:
        return await self.page.evaluate(STATISTICS)

    async def gets(
        self, test: Callable[[dict[str, Any], dict[str, Any]], bool], *, patience_ms: float = PATIENCE_MS
    ) -> dict[str, Any]:
        """Wait until `test(then, now)` holds, from the statistics of now on."""
        then = await self.statistics()
        return await eventually(self.statistics, lambda now: test(then, now), patience_ms=patience_ms)

    async def hears(self) -> None:
        """New sound comes in that was not made up by concealment, and is played."""
        await self.page.wait_for_function(PLAYING)
        await self.gets(
            lambda then, now: (
                now["energy"] > then["energy"]
                and now["samples"] - then["samples"] > 24_000
                and now["concealed"] - then["concealed"] < 0.1 * (now["samples"] - then["samples"])
            )
        )

    async def watches(self, name: str) -> None:
        """The picture of a tile is there, and moves."""
        video = self.tile(name).locator("video")
        await expect(video).to_have_class(_class("live"))
        first = await video.evaluate(SNAPSHOT)
        await eventually(
            lambda: video.evaluate(SNAPSHOT),
            lambda now: sum(abs(a - b) > 24 for a, b in zip(first, now, strict=True)) > 8,
        )


def _class(name: str) -> Any:
    return re.compile(rf"(^|\s){name}(\s|$)")
