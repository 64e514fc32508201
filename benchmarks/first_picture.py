"""`python -m benchmarks first-picture`: from the click that enters to the first remote picture, in Chromium.

One person is in the room. Another, whose link may enter without knocking, has the preview open and presses
the button; the page's own clock runs from that click to the moment when the other's picture is shown. Fake
devices, headless, server and browser on this machine's loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.chromium import UNATTENDED
from benchmarks.roomtone import RoomtoneProcess
from server.auth import GUEST_MAY, Tokens
from server.messages import Role

BAR = 0.8  # s
PATIENCE_MS = 15_000
POLL_MS = 50  # between two looks at how far a page is
SETTLE_MS = 700  # for camera and preview, as a person takes to find the button

# `steps` holds ms on the clock that all pages of a browser share. A tile's video gets the class "live" in the
# callback of its first frame; "mirrored" is one's own.
WATCH = """
    window.steps = {};
    const now = () => performance.timeOrigin + performance.now();
    const note = (name) => { window.steps[name] ??= now(); };
    addEventListener("click", (event) => {
        if (event.target.closest("#preview-enter")) note("click");
    }, true);
    new MutationObserver(() => {
        if (document.querySelector("#room:not([hidden])")) note("room");
        if (document.querySelector(".tile video.live:not(.mirrored)")) note("picture");
    }).observe(document, { subtree: true, childList: true, attributes: true });
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...how) {
            super(...how);
            note("connection");
            this.addEventListener("connectionstatechange", () => {
                if (this.connectionState === "connected") note("connected");
            });
        }
    };
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """Seconds after the click of the one who enters."""

    room: float  # the room is shown
    connection: float  # the RTCPeerConnection is made
    connected: float  # ICE and DTLS are done
    picture: float  # the other's picture is shown
    seen: float  # the newcomer's picture is shown to the other


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks first-picture", description=__doc__)
    parser.add_argument("--repeat", type=int, default=10, help="how often somebody enters (10)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    options = parser.parse_args(argv)
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is missing: apt-get install chromium (with sudo if not root).", file=sys.stderr)
        return 1
    entries = []
    with tempfile.TemporaryDirectory(prefix="roomtone-picture-") as directory:
        server = RoomtoneProcess(Path(directory), host="localhost", media_host="127.0.0.1")
        try:
            url = asyncio.run(server.wait_until_up())
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=list(UNATTENDED))
                for number in range(1, options.repeat + 1):
                    entry = _enter(browser, url, server.tokens, f"room-{number}")
                    entries.append(entry)
                    print(
                        f"{number:3}  room {entry.room:.2f}  connected {entry.connected:.2f}  "
                        f"picture {entry.picture:.2f}  seen by the other {entry.seen:.2f} s"
                    )
                browser.close()
        finally:
            server.stop()
    pictures = [entry.picture for entry in entries]
    middle = median(pictures)
    print(f"\nFrom click to the first remote picture: median {middle:.2f} s, max {max(pictures):.2f} s")
    print(f"{'met    ' if middle <= BAR else 'NOT MET'}  At most {BAR} s: {middle:.2f} s")
    if options.json:
        options.json.write_text(json.dumps([asdict(entry) for entry in entries], indent=1))
    return 0


def _enter(browser: Browser, url: str, tokens: Tokens, room: str) -> Entry:
    contexts: list[BrowserContext] = []
    try:
        host = _open(browser, _link(url, tokens, room, "host"), contexts)
        host.locator("#preview-enter").click()
        _step(host, "room")
        guest = _open(browser, _link(url, tokens, room, "guest"), contexts)
        guest.wait_for_timeout(SETTLE_MS)
        guest.locator("#preview-enter").click()
        picture, seen = _step(guest, "picture"), _step(host, "picture")
        click = _step(guest, "click")
        before = [_step(guest, name) for name in ("room", "connection", "connected")]
        return Entry(*((at - click) / 1000 for at in (*before, picture, seen)))
    finally:
        for context in contexts:
            context.close()


def _link(url: str, tokens: Tokens, room: str, role: Role) -> str:
    may = ("join", *GUEST_MAY) if role == "guest" else None
    return f"{url}/r/{room}#{tokens.link(room, role, lifetime=3600, now=time.time(), may=may)}"


def _open(browser: Browser, link: str, contexts: list[BrowserContext]) -> Page:
    context = browser.new_context(permissions=["camera", "microphone"])
    contexts.append(context)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(link)
    page.get_by_label("Your name").fill("Somebody")
    return page


def _step(page: Page, name: str) -> float:
    """Wait until a step was taken, and say when. The security policy rules out Playwright's own wait."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline:
        at: float | None = page.evaluate("(name) => window.steps[name] ?? null", name)
        if at is not None:
            return at
        page.wait_for_timeout(POLL_MS)
    taken = page.evaluate("window.steps")
    raise RuntimeError(f"the page never came to the step {name!r}, only to {taken}")
