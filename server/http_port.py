"""The HTTP port: who may have a TCP connection to it, and for how long without asking for anything."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

BACKLOG = 128
PAUSE = 0.5  # seconds until the next try, where the process is out of descriptors and nobody can be sent away


class HttpPort:
    """Accepts connections for aiohttp's server, which has no cap of its own. Where all places are taken, one
    that asks for nothing makes room, the oldest first: so who only connects keeps nobody out. What is being
    served is never cut off."""

    def __init__(self, app: web.Application, *, at_most: int, handshake_seconds: float) -> None:
        self._at_most = at_most
        self._handshake_seconds = handshake_seconds
        self._server: web.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._greeting: dict[asyncio.Task[None], None] = {}  # in the TLS handshake, the oldest first
        self._serving: set[web.RequestHandler] = set()
        app.middlewares.append(_noting(self._serving))

    @property
    def port(self) -> int:
        return int(self._listeners[0].getsockname()[1])

    def open(self, server: web.Server, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Listen on all addresses that `host` names; empty: on all there are. Raises OSError."""
        self._server, self._tls = server, tls
        try:
            self._listeners.extend(_listen(host, port))
        except OSError:
            self.close()
            raise
        self._accepting = [asyncio.create_task(self._accept(listener)) for listener in self._listeners]

    def close(self) -> None:
        """Let nobody in any more. Those who are in stay."""
        for task in (*self._accepting, *self._greeting):
            task.cancel()
        for listener in self._listeners:
            listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # One in each turn of the loop: a flood must not hold up packets.
            await asyncio.sleep(0)
            try:
                connection, _ = await loop.sock_accept(listener)
            except ConnectionError:  # they hung up
                continue
            except OSError:  # the process has no descriptor left
                if not self._make_room():
                    await asyncio.sleep(PAUSE)
                continue
            assert self._server is not None
            if len(self._greeting) + len(self._server.connections) >= self._at_most and not self._make_room():
                connection.close()
                continue
            task = asyncio.create_task(self._greet(connection))
            self._greeting[task] = None
            task.add_done_callback(lambda task: self._greeting.pop(task, None))

    async def _greet(self, connection: socket.socket) -> None:
        assert self._server is not None
        seconds = self._handshake_seconds if self._tls is not None else None
        with contextlib.suppress(OSError):  # they hung up, or speak no TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._server, connection, ssl=self._tls, ssl_handshake_timeout=seconds
            )

    def _make_room(self) -> bool:
        """Hang up on the oldest that asks for nothing, in the TLS handshake or after it, wherever there are
        more. False: there is nobody."""
        assert self._server is not None
        idle = [
            handler
            for handler in self._server.connections
            if handler not in self._serving and handler.transport is not None
        ]
        if self._tls is not None and len(self._greeting) > len(idle):
            task = next(iter(self._greeting))
            del self._greeting[task]
            task.cancel()
        elif idle:
            idle[0].force_close()
        else:
            return False
        return True


def _noting(serving: set[web.RequestHandler]) -> Middleware:
    """A middleware that keeps `serving`, the connections whose request is being worked on."""

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        serving.add(connection)
        try:
            return await handler(request)
        finally:
            serving.discard(connection)

    return note


def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """One listener for each address. "localhost" may have an IPv6 address on a machine without IPv6: one that
    works is enough."""
    missing: OSError | None = None
    found = False
    addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, _, _, _, address in dict.fromkeys(addresses):
        try:
            listener = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=False)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
            missing = error
        else:
            found = True
            listener.setblocking(False)
            yield listener
    if not found:
        raise missing or OSError(f"{host} has no address")
