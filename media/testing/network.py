"""An in-memory IPv4 network in virtual time: hosts with an uplink and a downlink each, and UDP sockets.

Clients (aioice, aiortc) get their sockets from the event loop; a media port gets a non-blocking one from
`open_udp`. A datagram passes the sender's uplink, then the receiver's downlink.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, cast
from unittest.mock import patch

import aioice.ice

from media.congestion.base import IP_UDP_OVERHEAD
from media.edge.udp import SOL_UDP, UDP_SEGMENT
from media.testing.clock import VirtualLoop
from media.testing.link import Link, LinkSettings

Address = tuple[str, int]

# 5 ms one way between two hosts.
GOOD_LINK = LinkSettings(delay=((0.0, 0.0025),))
FIRST_EPHEMERAL_PORT = 49152

_here: ContextVar[str] = ContextVar("host")


class Network:
    """Made inside `run_virtual`, one for each run:

    network = Network()
    port = MediaPort(open_udp=network.open_udp, tcp=False)
    await port.open("10.0.0.1", 5000)
    with network.host("10.0.0.2"):
        ...  # here an RTCPeerConnection finds this one address
    network.impair("10.0.0.2", down=LinkSettings(loss=0.05))
    """

    def __init__(self, *, seed: int = 1) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.network = self
        self._loop = loop
        self._rng = random.Random(seed)
        self._sockets: dict[Address, _Endpoint] = {}
        self._links: dict[tuple[str, str], Link] = {}  # by host and direction
        self._public: dict[str, str] = {}  # where NATs let hosts appear
        self._next_port = FIRST_EPHEMERAL_PORT

    @contextlib.contextmanager
    def host(self, address: str) -> Iterator[None]:
        """What gathers ICE candidates in this context does so on this host."""
        token = _here.set(address)
        try:
            with patch.object(aioice.ice, "get_host_addresses", lambda **_: [_here.get()]):
                yield
        finally:
            _here.reset(token)

    def impair(self, host: str, *, up: LinkSettings | None = None, down: LinkSettings | None = None) -> None:
        """Replaces the links of a host from now on; what is on its way stays so. Schedules are in seconds of
        virtual time."""
        for direction, settings in (("up", up), ("down", down)):
            if settings is not None:
                self._links[host, direction] = Link(settings, self._rng)

    def link(self, host: str, direction: str) -> Link:
        """The "up" or "down" link of a host, with what it counted."""
        key = (host, direction)
        if key not in self._links:
            self._links[key] = Link(GOOD_LINK, self._rng)
        return self._links[key]

    def move(self, host: str, address: str) -> None:
        """From now on the host appears under another address, as behind a NAT that lost its bindings; what is
        sent to the one of before is lost."""
        self._public[host] = address

    def open_udp(self, host: str, port: int) -> MemorySocket:
        """For `MediaPort(open_udp=...)`."""
        return MemorySocket(self, self._bind(host, port))

    # media.testing.clock.DatagramNetwork

    def create_endpoint(
        self, protocol: asyncio.DatagramProtocol, local: tuple[str, int]
    ) -> asyncio.DatagramTransport:
        return _MemoryTransport(self, self._bind(*local), protocol)

    def watch(self, socket: Any, callback: Callable[[], None] | None) -> None:
        assert isinstance(socket, MemorySocket)
        socket.on_readable = callback

    # What sockets call.

    def attach(self, endpoint: _Endpoint) -> None:
        self._sockets[endpoint.address] = endpoint

    def detach(self, endpoint: _Endpoint) -> None:
        self._sockets.pop(endpoint.address, None)

    def send(self, data: bytes, source: Address, destination: Address) -> None:
        size = len(data) + IP_UDP_OVERHEAD
        shown = (self._public.get(source[0], source[0]), source[1])

        def arrive() -> None:
            host = next(
                (host for host, public in self._public.items() if public == destination[0]), destination[0]
            )
            if host in self._public and self._public[host] != destination[0]:
                return
            self._pass(size, host, "down", lambda: self._deliver(data, shown, (host, destination[1])))

        self._pass(size, source[0], "up", arrive)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback)

    def _pass(self, size: int, host: str, direction: str, then: Callable[[], None]) -> None:
        for arrival in self.link(host, direction).send(size, now=self._loop.time()):
            self._loop.call_at(arrival, then)

    def _deliver(self, data: bytes, source: Address, destination: Address) -> None:
        endpoint = self._sockets.get(destination)
        if endpoint is not None:
            endpoint.deliver(data, source)

    def _bind(self, host: str, port: int) -> Address:
        if not port:
            port = self._next_port
            self._next_port += 1
        assert (host, port) not in self._sockets, "address in use"
        return host, port


class _Endpoint:
    """A bound UDP socket of either kind."""

    def __init__(self, network: Network, address: Address) -> None:
        self.network = network
        self.address = address
        network.attach(self)

    def deliver(self, data: bytes, source: Address) -> None:
        raise NotImplementedError


class MemorySocket(_Endpoint):
    """A non-blocking UDP socket, GSO included (`media.edge.udp.DatagramSocket`)."""

    def __init__(self, network: Network, address: Address) -> None:
        super().__init__(network, address)
        self.on_readable: Callable[[], None] | None = None
        self._received: deque[tuple[bytes, Address]] = deque()
        self._scheduled = False

    def deliver(self, data: bytes, source: Address) -> None:
        self._received.append((data, source))
        self._schedule()

    def fileno(self) -> int:
        return -1

    def getsockname(self) -> Address:
        return self.address

    def recvfrom(self, bufsize: int, /) -> tuple[bytes, Address]:
        if not self._received:
            raise BlockingIOError
        data, source = self._received.popleft()
        return data[:bufsize], source

    def sendmsg(
        self, buffers: Sequence[bytes], ancdata: Sequence[tuple[int, int, bytes]], flags: int, address: Any, /
    ) -> int:
        data = b"".join(buffers)
        segment = len(data)
        for level, kind, value in ancdata:
            assert (level, kind) == (SOL_UDP, UDP_SEGMENT)
            segment = int.from_bytes(value, "little")
        for at in range(0, len(data), segment):
            self.network.send(data[at : at + segment], self.address, address)
        return len(data)

    def close(self) -> None:
        self.network.detach(self)

    def _schedule(self) -> None:
        if self._received and not self._scheduled:
            self._scheduled = True
            self.network.call_soon(self._wake)

    def _wake(self) -> None:
        self._scheduled = False
        if self.on_readable is not None:
            self.on_readable()
            self._schedule()


class _MemoryTransport(_Endpoint, asyncio.DatagramTransport):
    """What `create_datagram_endpoint` gives."""

    def __init__(self, network: Network, address: Address, protocol: asyncio.DatagramProtocol) -> None:
        _Endpoint.__init__(self, network, address)
        asyncio.DatagramTransport.__init__(self, {"sockname": address})
        self._protocol = protocol
        self._closing = False

    def deliver(self, data: bytes, source: Address) -> None:
        self._protocol.datagram_received(data, source)

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not self._closing:
            self.network.send(bytes(data), self.address, cast(Address, addr))

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.network.detach(self)
            self.network.call_soon(lambda: self._protocol.connection_lost(None))

    def abort(self) -> None:
        self.close()
