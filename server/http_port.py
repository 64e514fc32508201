"""The HTTP port: who may have a TCP connection to it, and for how long without asking for anything."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import sys
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from aiohttp import web
from aiohttp.typedefs import Handler

BACKLOG = 128
PAUSE = 0.5  # seconds until the next try, where the process is out of descriptors and nobody can be sent away
LOOKED_AT = 32  # connections, where one has to go: a flood must cost little
STUCK = 30.0  # seconds that somebody may take nothing of what is sent to them


class HttpPort:
    """Accepts connections for aiohttp's server, which has no cap of its own. Where all places are taken,
    whoever has asked for nothing for the longest makes room, in the TLS handshake or after it: so neither who
    only connects keeps anybody out, nor who takes none of the answer. Nobody is cut off while their request
    is being worked on; a WebSocket's is for as long as it is open."""

    def __init__(self, app: web.Application, *, at_most: int, handshake_seconds: float) -> None:
        self._at_most = at_most
        self._handshake_seconds = handshake_seconds
        self._server: web.Server | None = None
        self._tls: ssl.SSLContext | None = None
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._greeting: dict[asyncio.Task[None], None] = {}  # in the TLS handshake, the oldest first
        self._idle = _Idle()
        app.middlewares.append(self._idle.middleware)

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
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                self._server, connection, ssl=self._tls, ssl_handshake_timeout=seconds
            )
            self._idle.add(transport)

    def _make_room(self) -> bool:
        """Hang up on the oldest that asks for nothing, in the TLS handshake or after it, wherever there are
        more. False: there is nobody."""
        if self._tls is not None and len(self._greeting) > len(self._idle):
            task = next(iter(self._greeting))
            del self._greeting[task]
            task.cancel()
            return True
        return self._idle.hang_up()


class _Idle:
    """The connections whose request, if there was one, has been worked on: for the longest first. aiohttp
    itself forgets a transport as soon as it closes it, but what is unsent keeps that open for as long as its
    other end likes."""

    def __init__(self) -> None:
        self._idle: WeakKeyDictionary[asyncio.Transport, None] = WeakKeyDictionary()
        self._busy: set[asyncio.BaseProtocol] = set()

    def __len__(self) -> int:
        return len(self._idle)

    def add(self, transport: asyncio.Transport) -> None:
        if transport.get_protocol() not in self._busy:
            self._idle[transport] = None

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection, transport = request.protocol, request.transport
        self._busy.add(connection)
        if transport is not None:
            self._idle.pop(transport, None)
        try:
            return await handler(request)
        finally:
            self._busy.discard(connection)
            if transport is not None:
                self._idle[transport] = None

    def hang_up(self) -> bool:
        """On the first to whom nothing is under way any more; where none is among those looked at, on the
        first. False: there is nobody."""
        oldest: list[tuple[asyncio.Transport, web.RequestHandler]] = []
        for transport in list(self._idle):
            handler = transport.get_protocol()
            if isinstance(handler, web.RequestHandler):
                oldest.append((transport, handler))
                if len(oldest) == LOOKED_AT:
                    break
            else:
                del self._idle[transport]  # it is closed
        if not oldest:
            return False
        done = (pair for pair in oldest if not pair[0].get_write_buffer_size())
        transport, handler = next(done, oldest[0])
        del self._idle[transport]
        handler.force_close()
        transport.abort()  # closing alone waits until all is sent, and for the other end of TLS
        return True


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
            if sys.platform == "linux":  # what is accepted inherits it
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(STUCK * 1000))
            yield listener
    if not found:
        raise missing or OSError(f"{host} has no address")
