"""People in real Chromium, with fake devices, against a real server.

All tests share one event loop, one server and one browser; each person has a browser context of their own.
Nothing is stubbed in the page: an init script only keeps hold of its RTCPeerConnections, to read statistics.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    WebSocketRoute,
    async_playwright,
    expect,
)

from server.auth import Tokens

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SECRET = "a secret of the tests, long enough for HS256"
MEDIA = ("--media-port", "0", "--media-host", "127.0.0.1")
PATIENCE_MS = 15_000  # for anything the page is expected to do, on a slow machine
LAPTOP = (1366, 768)
PHONE = (390, 844)
SMALLEST = (320, 640)

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream=fps=15",  # half the encoder's work of the usual 30
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Several people in one browser: none of their pages may be slowed down for being in the background.
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
)

# A page may make some in frames of its own.
KEEP_PEERS = """
    window.peers = window === top ? [] : top.peers;
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...how) { super(...how); window.peers.push(this); }
    };
"""

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        function = getattr(item, "function", None)
        if item.path.is_relative_to(HERE) and inspect.iscoroutinefunction(function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Server:
    """A running server, and the links into its rooms."""

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self._folder = folder
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
        await self.start(int(self.url.rpartition(":")[2]))


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"))
    await running.start()
    yield running
    await running.stop()
    assert "Traceback" not in running.log, running.log[-4000:]


@pytest_asyncio.fixture(loop_scope="session")
async def own_server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that a test may stop."""
    running = Server(tmp_path)
    await running.start()
    yield running
    await running.stop()


async def _browser(*arguments: str) -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: run `make browser`, which installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *arguments])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Asks for permission as a person's browser does; contexts grant it or not."""
    async for browser in _browser():
        yield browser


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def sharing_browser() -> AsyncIterator[Browser]:
    """Grants everything, screen capture included, which no context's permission covers."""
    async for browser in _browser("--use-fake-ui-for-media-stream"):
        yield browser


@dataclass
class Wire:
    """The WebSocket of a page, through our hands."""

    sockets: list[WebSocketRoute] = field(default_factory=list)
    dead: bool = False  # nothing gets through, and nobody says so
    refusing: bool = False  # new ones are closed at once
    refused: int = 0
    swallowing: bool = False  # new ones never open, and nobody says so
    swallowed: int = 0

    async def attach(self, page: Page) -> None:
        await page.route_web_socket("**/ws", self._route)

    async def _route(self, socket: WebSocketRoute) -> None:
        if self.swallowing:
            self.swallowed += 1
            await asyncio.Event().wait()
        if self.refusing:
            self.refused += 1
            asyncio.get_running_loop().create_task(socket.close())
            return
        upstream = socket.connect_to_server()
        self.sockets.append(socket)
        born_dead = self.dead
        socket.on_message(lambda message: None if self.dead and not born_dead else upstream.send(message))
        upstream.on_message(lambda message: None if self.dead and not born_dead else socket.send(message))

    async def cut(self) -> None:
        await self.sockets[-1].close(code=1012, reason="cut by the test")

    async def another(self, known: int) -> None:
        """Wait until the page has opened more than `known` sockets in all."""
        await self._more(lambda: len(self.sockets), known)

    async def another_attempt(self, known: int) -> None:
        """Wait until more than `known` sockets have been refused or swallowed in all."""
        await self._more(lambda: self.refused + self.swallowed, known)

    async def _more(self, number: Callable[[], int], known: int) -> None:
        async def look() -> int:
            return number()

        await eventually(look, lambda seen: seen > known)


class Person:
    """One person at one device."""

    def __init__(self, page: Page, wire: Wire) -> None:
        self.page = page
        self.wire = wire
        self.complaints: list[str] = []
        self.tolerates: set[str] = set()  # texts of complaints that a test expects
        self.foreign: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"{error}"))

    def _console(self, message: ConsoleMessage) -> None:
        expected = any(text in message.text for text in self.tolerates)
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(f"{message.type}: {message.text}")

    async def turn_clock(self) -> None:
        """The page goes by a clock that the test can turn. Turned ahead, it gives a WebSocket no time to
        open: the page gives it up as one that hangs, and Chromium says so."""
        await self.page.clock.install()
        self.tolerates.add("WebSocket is closed before the connection is established")

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

    async def gets(self, test: Callable[[dict[str, Any], dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until `test(then, now)` holds, from the statistics of now on."""
        then = await self.statistics()
        return await eventually(self.statistics, lambda now: test(then, now))

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


async def eventually(look: Callable[[], Awaitable[Any]], test: Callable[[Any], bool]) -> Any:
    """Look until the test holds. For what no page can be asked to wait for."""
    seen = None
    try:
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not test(seen := await look()):
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"It did not happen; last seen: {seen}") from None
    return seen


Invite = Callable[..., Awaitable[Person]]


@pytest_asyncio.fixture(loop_scope="session")
async def person(browser: Browser, server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Invite]:
    """Makes people. At the end: none of their pages complained, or asked for anything elsewhere. Where a test
    module says WIRED, their WebSockets go through its hands."""
    contexts: list[BrowserContext] = []
    people: list[Person] = []

    async def make(
        *,
        size: tuple[int, int] = LAPTOP,
        scheme: str = "light",
        permissions: tuple[str, ...] = ("camera", "microphone", "clipboard-read", "clipboard-write"),
        using: Browser = browser,
        bypass_csp: bool = False,
        reduced_motion: str = "no-preference",
        home: Server = server,
    ) -> Person:
        context = await using.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            permissions=list(permissions),
            bypass_csp=bypass_csp,
            reduced_motion=reduced_motion,  # type: ignore[arg-type]
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(KEEP_PEERS)
        page = await context.new_page()
        wire = Wire()
        if getattr(request.module, "WIRED", False):
            await wire.attach(page)
        someone = Person(page, wire)
        page.on("request", lambda request: _note_foreign(someone, request.url, home.url))
        people.append(someone)
        return someone

    yield make
    for context in contexts:
        with contextlib.suppress(Error):  # a test may have closed it
            await context.close()
    assert [one.complaints for one in people if one.complaints] == []
    assert [one.foreign for one in people if one.foreign] == []


def _note_foreign(someone: Person, url: str, home: str) -> None:
    if not url.startswith((home, home.replace("http", "ws", 1), "data:", "blob:")):
        someone.foreign.append(url)


_rooms = iter(range(1, 1_000_000))


@pytest.fixture
def room() -> str:
    """The name of a room that nobody else uses."""
    return f"room-{next(_rooms)}"


@dataclass
class Session:
    """A host and a guest who talk."""

    host: Person
    guest: Person
    room: str


@pytest_asyncio.fixture(loop_scope="session")
async def session(person: Invite, server: Server, room: str) -> Session:
    host, guest = await person(), await person(size=PHONE)
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.sees("room")
    return Session(host, guest, room)


expect.set_options(timeout=PATIENCE_MS)
