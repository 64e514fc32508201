"""The media port: one UDP port for all peers, and the same port number on TCP.

Datagrams are told apart by their first byte (RFC 7983) and their source address. An address belongs to a peer
once an authentic connectivity check or SRTP packet has come from it; all else is a stranger's, read at a
limited rate, and answered only when it proves to be a peer.
"""

from __future__ import annotations

import asyncio
import errno
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final

from media.edge import candidates, stun
from media.edge.dtls import Certificate
from media.edge.ice import Address, Path, Sender
from media.edge.limit import RateLimit
from media.edge.tcp import TcpConnection, TcpLimits, open_tcp_listener
from media.edge.transport import OnRtcp, OnRtp, Transport
from media.edge.udp import DatagramSocket, UdpSender, open_udp_socket

# Longer than any datagram that a peer has cause to send.
MAX_DATAGRAM: Final = 2048
# Datagrams read before those made of them are sent, and before timers and signalling get their turn: 3 ms of
# work where each goes to eight receivers.
# To wait 0.2 ms for more before reading, as network drivers do, was tried: a wake finds a whole video frame
# anyway, so that 20 peers with 4,000 packets/s cost a quarter more, not less, and the delay trebled.
DRAIN_LIMIT: Final = 64

# Datagrams of strangers looked at in a second: a join takes about ten.
STRANGERS_PER_SECOND: Final = 1000
# Media of strangers for which peers are tried, in a second: each peer that moves needs one.
ADOPTIONS_PER_SECOND: Final = 100
# Datagrams taken from one path in a second: four times what camera and screen in all their encodings make.
# Whoever floods, a peer or somebody with its address, takes a quarter of the loop's time at most, where each
# goes to eight receivers, and keeps the rest from nobody else.
PATH_PER_SECOND: Final = 5000
# Bytes of authentic RTCP that count as one of them, since its work goes by what it says: 80 kB in a second,
# where browsers send a few, and what is read of them and follows from it takes less than a tenth of the
# loop's time (`Downlink` sees to it that not each REMB has the path shared out anew).
RTCP_UNIT: Final = 16
MAX_HANDSHAKES: Final = 64  # DTLS handshakes at once: 3 ms of work each

_BIND_ATTEMPTS: Final = 16


class MediaPort:
    """The sockets, and the peers behind them. `drops` counts by reason what was not taken or not sent."""

    def __init__(
        self,
        *,
        rng: random.Random | None = None,
        certificate: Certificate | None = None,
        open_udp: Callable[[str, int], DatagramSocket] = open_udp_socket,
        tcp: bool = True,
    ) -> None:
        self.port = 0
        self.drops: Counter[str] = Counter()
        self.rng = rng or random.SystemRandom()
        self.certificate = certificate or Certificate()
        self._open_udp = open_udp
        self._tcp = tcp
        self._hosts: list[str] = []
        self._sockets: list[DatagramSocket] = []
        self._servers: list[asyncio.Server] = []
        self._tcp_limits = TcpLimits(self.drops)

        self._transports: set[Transport] = set()
        self._ufrags: dict[str, Transport] = {}
        self._paths: dict[Hashable, Path] = {}
        self._handshakes: set[Transport] = set()
        self._endings: set[asyncio.Task[None]] = set()
        self._leaving: set[Hashable] = set()  # keys of paths of peers that are told good-bye

        self._marked: list[Transport] = []  # those with packets to flush
        self._draining = False
        self._refill_at = 0.0
        self._strangers = RateLimit(STRANGERS_PER_SECOND, STRANGERS_PER_SECOND)
        self._adoptions = RateLimit(ADOPTIONS_PER_SECOND, ADOPTIONS_PER_SECOND)

    async def open(self, host: str, port: int) -> None:
        """Binds UDP and TCP; port 0 takes one that is free on both. "::" is IPv4 as well as IPv6."""
        self._loop = asyncio.get_running_loop()
        self._time = self._loop.time
        self._hosts = [host]
        if host in ("", "::"):
            self._hosts = ["0.0.0.0", "::"] if candidates.ipv6_available() else ["0.0.0.0"]
        for attempt in range(_BIND_ATTEMPTS):
            try:
                await self._bind(port)
                return
            except OSError as error:
                self._unbind()
                if port or error.errno != errno.EADDRINUSE or attempt + 1 == _BIND_ATTEMPTS:
                    raise

    async def close(self) -> None:
        """Says good-bye to all peers and closes the sockets."""
        for transport in list(self._transports):
            transport.close()
        await asyncio.gather(*self._endings, return_exceptions=True)
        self._unbind()
        # What was to be said is with the kernel; who does not read keeps nobody waiting.
        for connection in list(self._tcp_limits.connections):
            connection.abort()
        # asyncio tells connections of their end in the next turns of the loop.
        while self._tcp_limits.connections:
            await asyncio.sleep(0)

    def create_transport(
        self,
        *,
        on_rtp: OnRtp,
        on_rtcp: OnRtcp,
        on_connected: Callable[[], None],
        on_closed: Callable[[str], None],
    ) -> Transport:
        transport = Transport(
            self, on_rtp=on_rtp, on_rtcp=on_rtcp, on_connected=on_connected, on_closed=on_closed
        )
        self._transports.add(transport)
        self.register(transport)
        return transport

    def candidates(self, public_addresses: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Values of SDP candidate attributes, without "candidate:". Public addresses, where given, stand for
        this machine's own."""
        addresses = public_addresses or candidates.announced_addresses(self._hosts)
        return candidates.candidates(addresses, self.port, tcp=bool(self._servers))

    # What transports call.

    def register(self, transport: Transport) -> None:
        """Takes checks for the transport's newest credentials."""
        assert transport.local_ufrag not in self._ufrags
        self._ufrags[transport.local_ufrag] = transport

    def unregister(self, ufrag: str) -> None:
        del self._ufrags[ufrag]

    def forget(self, transport: Transport) -> None:
        self._transports.discard(transport)
        self._handshakes.discard(transport)
        for credentials in (transport.ice.local, transport.ice.previous):
            if credentials is not None:
                self.unregister(credentials.ufrag)
        for path in transport.paths:
            self._paths.pop(path.key, None)

    def finish(self, goodbye: Coroutine[Any, Any, None] | None, paths: list[Path]) -> None:
        """Sends what is left to say to a peer that is gone, then lets go of its paths."""
        keys = [path.key for path in paths]
        self._leaving.update(keys)

        async def end() -> None:
            try:
                if goodbye is not None:
                    await goodbye
            finally:
                self._leaving.difference_update(keys)
                for path in paths:
                    path.sender.release()

        task = self._loop.create_task(end())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    def begin_handshake(self, transport: Transport) -> bool:
        """Whether there is room for one more DTLS handshake; `end_handshake` makes room again."""
        if len(self._handshakes) >= MAX_HANDSHAKES:
            self.drops["dtls-handshakes"] += 1
            return False
        self._handshakes.add(transport)
        return True

    def end_handshake(self, transport: Transport) -> None:
        self._handshakes.discard(transport)

    def mark(self, transport: Transport) -> None:
        """The transport has begun a batch: flush it at the end of this drain, or of this turn of the loop."""
        if not self._marked and not self._draining:
            self._loop.call_soon(self._flush)
        self._marked.append(transport)

    # What TCP connections call.

    def admit(self, connection: TcpConnection) -> bool:
        return self._tcp_limits.admit(connection)

    def dismiss(self, connection: TcpConnection) -> None:
        self._tcp_limits.dismiss(connection)
        path = self._paths.pop(connection, None)
        if path is not None:
            path.transport.remove_path(path)

    def knows(self, connection: TcpConnection) -> bool:
        return connection in self._paths

    def receive(self, datagrams: list[bytes], connection: TcpConnection, address: Address) -> None:
        """Takes what came over a TCP connection, and ends one that is no peer's."""
        now = self._begin_drain()
        try:
            for data in datagrams:
                if connection not in self._paths:
                    if connection in self._leaving:
                        break  # what was on its way; were it cut off now, it would not hear good-bye
                    if not connection.may_check(data):
                        self.drops["tcp-unauthenticated"] += 1
                        connection.abort()
                        break
                self._receive(data, connection, connection, address, now)
        finally:
            self._draining = False
            self._flush()

    # From here on, a datagram's way.

    def _drain(self, udp: DatagramSocket, sender: UdpSender) -> None:
        recvfrom = udp.recvfrom
        now = self._begin_drain()
        try:
            for _ in range(DRAIN_LIMIT):
                data, address = recvfrom(MAX_DATAGRAM)
                self._receive(data, address, sender, address, now)
        except BlockingIOError:
            pass
        except OSError:
            self.drops["receive-error"] += 1
        finally:
            self._draining = False
            self._flush()

    def _begin_drain(self) -> float:
        """The time of all that is read in this drain: by now it has arrived, however long it then waits for
        what was read before it."""
        self._draining = True
        now = self._time()
        if now >= self._refill_at:
            self._refill_at = now + 1
            for path in self._paths.values():
                path.allowance = PATH_PER_SECOND
        return now

    def _flush(self) -> None:
        marked, self._marked = self._marked, []
        for transport in marked:
            transport.flush()

    def _receive(self, data: bytes, key: Hashable, sender: Sender, address: Address, now: float) -> None:
        path = self._paths.get(key)
        if path is None:
            self._receive_from_stranger(data, key, sender, address, now)
            return
        path.allowance -= 1
        if path.allowance < 0:
            self.drops["peer-flood"] += 1
            return
        first = data[0] if data else 255
        if 127 < first < 192:
            if len(data) > 11:
                if path.transport.receive_media(data, path, now) and 191 < data[1] < 224:
                    path.allowance -= len(data) // RTCP_UNIT
            else:
                self.drops["rtp-malformed"] += 1
        elif first < 4:
            self._on_check(data, path, key, sender, address, now)
        elif 19 < first < 64:
            path.transport.receive_dtls(data)
        else:
            self.drops["unknown-protocol"] += 1

    def _receive_from_stranger(
        self, data: bytes, key: Hashable, sender: Sender, address: Address, now: float
    ) -> None:
        if not self._strangers.take(now=now):
            self.drops["stranger-flood"] += 1
            return
        first = data[0] if data else 255
        if first < 4:
            self._on_check(data, None, key, sender, address, now)
        elif 127 < first < 192 and len(data) > 11:
            self._adopt(data, key, sender, address, now)
        else:
            self.drops["stranger"] += 1

    def _on_check(
        self,
        data: bytes,
        path: Path | None,
        key: Hashable,
        sender: Sender,
        address: Address,
        now: float,
    ) -> None:
        request = stun.parse_request(data, self.drops)
        if request is None:
            return
        transport = self._ufrags.get(request.username.partition(":")[0])
        credentials = transport.ice.authenticate(request) if transport is not None else None
        if transport is None or credentials is None:
            self.drops["stun-authentication"] += 1
            return
        sender.send(b"", transport.ice.answer(request, credentials, address), address)
        if request.unknown or request.controlled:
            return
        if path is None or path.transport is not transport:
            # A known address with another peer's credentials: a browser that was reloaded, or a NAT that gave
            # the port to somebody else.
            path = Path(transport, key, address, sender)
            self._add(path)
        transport.on_check(request, path, now=now)

    def _adopt(self, data: bytes, key: Hashable, sender: Sender, address: Address, now: float) -> None:
        """Media from a new address: its peer is the one whose keys it is authentic under. So a peer whose
        address changes in mid-call is followed at once, not at its next check."""
        rtcp = 191 < data[1] < 224
        ssrc = int.from_bytes(data[4:8] if rtcp else data[8:12], "big")
        if not self._adoptions.take(now=now):
            self.drops["stranger-flood"] += 1
            return
        for transport in [transport for transport in self._transports if transport.receives(ssrc)]:
            # All receive-only browsers report under SSRC 1, so that several may have to be tried.
            path = Path(transport, key, address, sender)
            if transport.receive_media(data, path, now):
                if transport.connected:
                    self._add(path)
                return
        self.drops["stranger"] += 1

    def _add(self, path: Path) -> None:
        before = self._paths.pop(path.key, None)
        if before is not None:
            before.transport.remove_path(before)
        self._paths[path.key] = path
        path.allowance = PATH_PER_SECOND
        forgotten = path.transport.add_path(path)
        if forgotten is not None:
            self._paths.pop(forgotten.key, None)

    async def _bind(self, port: int) -> None:
        for host in self._hosts:
            udp = self._open_udp(host, port)
            self._sockets.append(udp)
            port = udp.getsockname()[1]
            if self._tcp:
                listener = open_tcp_listener(host, port)
                self._servers.append(
                    await self._loop.create_server(lambda: TcpConnection(self), sock=listener)
                )
            self._loop.add_reader(udp, self._drain, udp, UdpSender(udp, self.drops))
        self.port = port

    def _unbind(self) -> None:
        for udp in self._sockets:
            self._loop.remove_reader(udp)
            udp.close()
        for server in self._servers:
            server.close()
        self._sockets, self._servers = [], []
