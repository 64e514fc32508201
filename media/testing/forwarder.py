"""A middlebox in user space, on real sockets: it stands where a server's media port is announced, passes UDP
and TCP on to where the port really is, and can lose datagrams or stop in mid-call: UDP alone, as some
networks do, or both."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import random
from typing import cast

Address = tuple[str, int]

BIND_ATTEMPTS = 20  # of them one finds a number that is free for UDP and TCP
CHUNK = 65536  # bytes of TCP read at once


class Forwarder:
    """Listens at `host` and passes on to the same port number at `target`; both are IPv4 addresses."""

    def __init__(self, host: str, target: str) -> None:
        self.port = 0  # once started
        self.udp = True  # False: datagrams vanish, both ways, and nobody is told
        self.loss = 0.0  # 0..1, of datagrams to clients, at random
        self.tcp = asyncio.Event()  # cleared: bytes wait, and nobody is told
        self.tcp.set()
        self.udp_bytes = self.tcp_bytes = 0  # passed on
        self.host = host
        self._rng = random.Random(1)
        self._target = target
        self._front: asyncio.DatagramTransport | None = None
        self._ways: dict[Address, _Way] = {}  # by client
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Raises OSError."""
        for attempt in range(BIND_ATTEMPTS):
            try:
                return await self._bind()
            except OSError as error:
                if error.errno != errno.EADDRINUSE or attempt + 1 == BIND_ATTEMPTS:
                    raise

    async def _bind(self) -> None:
        """Take a UDP port that is free, and the TCP port of the same number, which may not be."""
        loop = asyncio.get_running_loop()
        front, _ = await loop.create_datagram_endpoint(lambda: _Front(self), local_addr=(self.host, 0))
        port = front.get_extra_info("sockname")[1]
        try:
            self._server = await asyncio.start_server(self._accept, self.host, port)
        except OSError:
            front.close()
            raise
        self._front, self.port = front, port

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)
        for way in self._ways.values():
            way.close()
        if self._front is not None:
            self._front.close()

    # UDP: what comes from a client goes on from a socket of its own, so that the answers are told apart.

    def from_client(self, data: bytes, client: Address) -> None:
        if self.udp:
            self.udp_bytes += len(data)
            if client not in self._ways:
                self._ways[client] = _Way(self, client, (self._target, self.port))
            self._ways[client].send(data)

    def to_client(self, data: bytes, client: Address) -> None:
        if self.udp and self._front is not None and self._rng.random() >= self.loss:
            self.udp_bytes += len(data)
            self._front.sendto(data, client)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._pipes.add(task)
        task.add_done_callback(self._pipes.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            back, forth = await asyncio.open_connection(self._target, self.port, local_addr=(self.host, 0))
            await asyncio.gather(self._pipe(reader, forth), self._pipe(back, writer))

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self.tcp.wait()
                self.tcp_bytes += len(data)
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


class _Front(asyncio.DatagramProtocol):
    def __init__(self, forwarder: Forwarder) -> None:
        self._forwarder = forwarder

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._forwarder.from_client(data, addr)


class _Way(asyncio.DatagramProtocol):
    """One client's way to the target and back."""

    def __init__(self, forwarder: Forwarder, client: Address, target: Address) -> None:
        self._forwarder = forwarder
        self._client = client
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: list[bytes] = []
        loop = asyncio.get_running_loop()
        # From an address of the outside: told that it is reached at a loopback one, Firefox takes no answer.
        self._opening = loop.create_task(
            loop.create_datagram_endpoint(lambda: self, local_addr=(forwarder.host, 0), remote_addr=target)
        )

    def send(self, data: bytes) -> None:
        if self._transport is None:
            self._waiting.append(data)
        else:
            self._transport.sendto(data)

    def close(self) -> None:
        self._opening.cancel()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        for data in self._waiting:
            self._transport.sendto(data)
        self._waiting.clear()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._forwarder.to_client(data, self._client)

    def error_received(self, exc: Exception) -> None:
        pass  # the server is not there yet, or no more
