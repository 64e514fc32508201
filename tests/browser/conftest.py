"""People in real Chromium, with fake devices, against a real server.

All tests share one event loop, one server and one browser; each person has a browser context of their own.
Nothing is stubbed in the page: an init script only keeps hold of its RTCPeerConnections, to read statistics.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, expect

from tests.browser.chromium import chromium
from tests.browser.patience import PATIENCE_MS
from tests.browser.person import Person
from tests.browser.server import Server
from tests.browser.wire import Wire

HERE = Path(__file__).parent
LAPTOP = (1366, 768)
PHONE = (390, 844)
SMALLEST = (320, 640)
SCREEN = "Ruth\u2019s screen"  # the tile of what the host shares

# A page may make some in frames of its own.
KEEP_PEERS = """
    window.peers = window === top ? [] : top.peers;
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...how) { super(...how); window.peers.push(this); }
    };
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        function = getattr(item, "function", None)
        if item.path.is_relative_to(HERE) and inspect.iscoroutinefunction(function):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


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


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Asks for permission as a person's browser does; contexts grant it or not."""
    async for browser in chromium():
        yield browser


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def sharing_browser() -> AsyncIterator[Browser]:
    """Grants everything, screen capture included, which no context's permission covers."""
    async for browser in chromium("--use-fake-ui-for-media-stream"):
        yield browser


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
        touch: bool = False,
        home: Server = server,
    ) -> Person:
        context = await using.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            permissions=list(permissions),
            bypass_csp=bypass_csp,
            reduced_motion=reduced_motion,  # type: ignore[arg-type]
            has_touch=touch,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        await context.add_init_script(KEEP_PEERS)
        page = await context.new_page()
        wire = Wire()
        someone = Person(page, wire)
        if getattr(request.module, "WIRED", False):
            await wire.attach(page)
            # Through our hands, what a page sends may get to its socket after the server has closed that.
            someone.tolerates.add("CLOSING or CLOSED")
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


async def meet(host: Person, guest: Person, server: Server, room: str) -> None:
    """Ruth opens her room and lets Ana in."""
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")


@pytest_asyncio.fixture(loop_scope="session")
async def session(person: Invite, server: Server, room: str) -> Session:
    host, guest = await person(), await person(size=PHONE)
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.sees("room")
    return Session(host, guest, room)


@pytest_asyncio.fixture(loop_scope="session")
async def away(person: Invite, server: Server, room: str) -> Session:
    """A host, and a guest who has just lost the network; her page goes by a clock that the test can turn.
    For test modules that say WIRED."""
    host, guest = await person(), await person()
    await guest.turn_clock()
    await meet(host, guest, server, room)
    await guest.watches("Ruth")
    await guest.lose_signalling()
    return Session(host, guest, room)


expect.set_options(timeout=PATIENCE_MS)
