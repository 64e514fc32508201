"""ICE-TCP, passive (RFC 6544): connections that carry datagrams in the framing of RFC 4571."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import TYPE_CHECKING, Final, cast

from media.edge.ice import Address

if TYPE_CHECKING:
    from media.edge.port import MediaPort

MAX_CONNECTIONS: Final = 512
# Of one address: a practice or a hotel behind one NAT where UDP is blocked.
MAX_CONNECTIONS_PER_HOST: Final = 64
# The longest frame taken: twice the longest datagram that a browser sends. An HTTP request to this port reads
# as a frame of 18 kB and ends at once.
MAX_FRAME: Final = 3000
# Frames taken in one turn of the loop, as many as datagrams (`port.DRAIN_LIMIT`), of the 256 KiB of one read.
FRAMES_AT_ONCE: Final = 64
# Checks that a connection may bring in until one is authentic: with a peer the first is.
MAX_CHECKS: Final = 64

AUTHENTICATION_TIMEOUT: Final = 10.0  # until the first authentic connectivity check
IDLE_TIMEOUT: Final = 30.0

# TCP keeps what the network doesn't take, and delay grows without bound. So media is dropped while this much
# waits, or while anything has waited for so long; what is not media has twice the room.
MAX_WAITING: Final = 64 << 10
MAX_WAITING_TIME: Final = 0.2
# What the kernel may hold that it has not sent: beyond, data waits with us, where it is counted.
NOT_SENT_LOW_WATER: Final = 16 << 10

_LENGTH: Final = 2  # bytes before each frame


class Deframer:
    """Cuts a byte stream into frames (RFC 4571 section 2)."""

    def __init__(self) -> None:
        self.more = False  # whether to call `feed` once more, since it stopped at its limit
        self._data = b""
        self._at = 0  # what comes before was handed out

    def feed(self, data: bytes, limit: int) -> list[bytes] | None:
        """The frames that `data` completes, `limit` at a time, empty ones too; None: a frame is longer than
        `MAX_FRAME`, so that this is no stream of ours."""
        if data:
            self._data, self._at = self._data[self._at :] + data, 0
        data, at = self._data, self._at
        frames: list[bytes] = []
        while len(frames) < limit and len(data) - at >= _LENGTH:
            length = data[at] << 8 | data[at + 1]
            if length > MAX_FRAME:
                return None
            end = at + _LENGTH + length
            if end > len(data):
                break
            frames.append(data[at + _LENGTH : end])
            at = end
        self.more = len(frames) == limit
        self._data, self._at = (data, at) if self.more else (data[at:], 0)
        return frames


class TcpConnection(asyncio.Protocol):
    """One accepted connection. It is also the sender of the path over it."""

    kind = "tcp"
    batches = False

    def __init__(self, port: MediaPort) -> None:
        self._port = port
        self._loop = asyncio.get_running_loop()
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._address: Address = ("", 0)
        self._heard = 0.0
        self._blocked_since: float | None = None
        self._check: asyncio.TimerHandle | None = None
        self._checks = 0

    @property
    def host(self) -> str:
        return self._address[0]

    def send(self, header: bytes, rest: bytes, address: Address) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        waiting = transport.get_write_buffer_size()
        if waiting:
            media = bool(header)
            late = (
                self._blocked_since is not None and self._loop.time() - self._blocked_since > MAX_WAITING_TIME
            )
            if waiting > (MAX_WAITING if media else 2 * MAX_WAITING) or (media and late):
                self._port.drops["tcp-full"] += 1
                return
        length = len(header) + len(rest)
        transport.write(b"".join((length.to_bytes(_LENGTH, "big"), header, rest)))

    def send_run(self, pieces: list[bytes], size: int, address: Address) -> None:
        raise AssertionError("batches is False")

    def release(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Ends it, whether or not the other side reads what still waits."""
        if self._transport is not None:
            self._transport.abort()

    def may_check(self, frame: bytes) -> bool:
        """While no check was authentic: can it still be a peer's? Checks are all that a peer sends before one
        of them is answered (RFC 6544 section 7)."""
        self._checks += 1
        return bool(frame) and frame[0] < 4 and self._checks <= MAX_CHECKS

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._address = self._transport.get_extra_info("peername") or ("", 0)
        if not self._port.admit(self):
            self.abort()
            return
        tcp = self._transport.get_extra_info("socket")
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_LOW_WATER)
        # Tells of each moment when something begins or ceases to wait.
        self._transport.set_write_buffer_limits(high=0)
        self._heard = self._loop.time()
        self._check = self._loop.call_later(AUTHENTICATION_TIMEOUT, self._on_check)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        self._port.dismiss(self)

    def pause_writing(self) -> None:
        self._blocked_since = self._loop.time()

    def resume_writing(self) -> None:
        self._blocked_since = None

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._take(data)

    def _take(self, data: bytes = b"") -> None:
        """What is too much for one turn of the loop is taken in the next ones; until then the kernel keeps
        what comes."""
        assert self._transport is not None
        if self._transport.is_closing():
            return
        frames = self._deframer.feed(data, FRAMES_AT_ONCE)
        if frames is None:
            self._port.drops["tcp-malformed"] += 1
            self.abort()
            return
        if self._deframer.more:
            self._transport.pause_reading()
            self._loop.call_soon(self._take)
        else:
            self._transport.resume_reading()
        self._port.receive(frames, self, self._address)

    def _on_check(self) -> None:
        if not self._port.knows(self):
            self._port.drops["tcp-unauthenticated"] += 1
            self.abort()
        elif self._loop.time() - self._heard > IDLE_TIMEOUT:
            self._port.drops["tcp-idle"] += 1
            self.abort()
        else:
            self._check = self._loop.call_later(IDLE_TIMEOUT, self._on_check)


def open_tcp_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        # A restarted server must not wait for its old connections' TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


class TcpLimits:
    """How many connections there are, in all and of each host."""

    def __init__(self, drops: Counter[str]) -> None:
        self.connections: set[TcpConnection] = set()
        self._hosts: Counter[str] = Counter()
        self._drops = drops

    def admit(self, connection: TcpConnection) -> bool:
        if (
            len(self.connections) >= MAX_CONNECTIONS
            or self._hosts[connection.host] >= MAX_CONNECTIONS_PER_HOST
        ):
            self._drops["tcp-connections"] += 1
            return False
        self.connections.add(connection)
        self._hosts[connection.host] += 1
        return True

    def dismiss(self, connection: TcpConnection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            self._hosts[connection.host] -= 1
            if not self._hosts[connection.host]:
                del self._hosts[connection.host]
