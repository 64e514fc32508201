"""The WebSocket of a page, through a test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.async_api import Page, WebSocketRoute

from tests.browser.patience import eventually

FULL = '{"type": "error", "code": "server-full", "message": "The server is full.", "about": "offer"}'


@dataclass
class Wire:
    """The WebSocket of a page, through our hands."""

    sockets: list[WebSocketRoute] = field(default_factory=list)
    received: list[str] = field(default_factory=list)  # messages of the server
    dead: bool = False  # nothing gets through, and nobody says so
    refusing: bool = False  # new ones open, and are closed at their hello
    refused: int = 0
    swallowing: bool = False  # new ones never open, and nobody says so
    swallowed: int = 0
    full: bool = False  # no offer is taken
    losing: str = ""  # what the page says with this in it is lost
    holding: str = ""  # what the server says with this in it is held back; "": nothing
    held: list[tuple[WebSocketRoute, str | bytes]] = field(default_factory=list)

    async def attach(self, page: Page) -> None:
        await page.route_web_socket("**/ws", self._route)

    async def _route(self, socket: WebSocketRoute) -> None:
        if self.swallowing:
            self.swallowed += 1
            await asyncio.Event().wait()
        if self.refusing:
            socket.on_message(lambda message: self._refuse(socket, message))
            return
        upstream = socket.connect_to_server()
        self.sockets.append(socket)
        born_dead = self.dead
        socket.on_message(
            lambda message: None if self.dead and not born_dead else self._ask(socket, upstream, message)
        )
        upstream.on_message(
            lambda message: None if self.dead and not born_dead else self._pass(socket, message)
        )

    def _ask(self, socket: WebSocketRoute, upstream: WebSocketRoute, message: str | bytes) -> None:
        if self.losing and self.losing in str(message):
            return
        if self.full and '"offer"' in str(message):
            socket.send(FULL)
        else:
            upstream.send(message)

    def _pass(self, socket: WebSocketRoute, message: str | bytes) -> None:
        if self.holding and self.holding in str(message):
            self.held.append((socket, message))
            return
        self.received.append(str(message))
        socket.send(message)

    def _refuse(self, socket: WebSocketRoute, message: str | bytes) -> None:
        if "hello" in str(message):
            self.refused += 1
            asyncio.get_running_loop().create_task(socket.close())

    async def cut(self) -> None:
        self.held.clear()
        await self.sockets[-1].close(code=1012, reason="cut by the test")

    def release(self) -> None:
        """What was held back for the newest socket arrives, and nothing is held back any more."""
        self.holding = ""
        for socket, message in self.held:
            if socket is self.sockets[-1]:
                self._pass(socket, message)
        self.held.clear()

    async def another(self, known: int) -> None:
        """Wait until the page has opened more than `known` sockets in all."""
        await self._more(lambda: len(self.sockets), known)

    def heard(self, kind: str) -> int:
        """How many messages of this type the server has said, on all sockets."""
        return sum(f'"type":"{kind}"' in message for message in self.received)

    async def hears(self, kind: str, known: int = 0) -> None:
        """Wait until the server has said more than `known` of them."""
        await self._more(lambda: self.heard(kind), known)

    async def holds(self, kind: str) -> None:
        """Wait until a message of this type is held back."""
        await self._more(lambda: sum(f'"type":"{kind}"' in str(message) for _, message in self.held), 0)

    async def another_attempt(self, known: int) -> None:
        """Wait until more than `known` sockets have been refused or swallowed in all."""
        await self._more(lambda: self.refused + self.swallowed, known)

    async def _more(self, number: Callable[[], int], known: int) -> None:
        async def look() -> int:
            return number()

        await eventually(look, lambda seen: seen > known)
