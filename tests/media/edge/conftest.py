"""A peer to talk to the edge with: checks made by aioice, a DTLS client by aiortc, SRTP by libsrtp."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aioice.stun
import pytest
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcdtlstransport import RTCDtlsTransport

from media.edge.port import MediaPort
from media.edge.transport import Transport
from media.rtp.packet import RtpHeader
from media.testing.clock import run_virtual
from media.testing.network import Network

SERVER = ("10.0.0.1", 5000)


class Client(asyncio.DatagramProtocol):
    """Speaks over whatever `send` sends, and is fed by `receive`."""

    role = "controlling"

    def __init__(self, transport: Transport, send: Callable[[bytes], None] | None = None) -> None:
        self.transport = transport
        self.send = send or (lambda data: None)
        self.ufrag = "peer"
        self.certificate = RTCCertificate.generateCertificate()
        self.dtls = RTCDtlsTransport(self, [self.certificate])  # type: ignore[arg-type]
        self.answers: asyncio.Queue[aioice.stun.Message] = asyncio.Queue()
        self.media: asyncio.Queue[bytes] = asyncio.Queue()
        self._datagrams: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def fingerprints(self) -> list[tuple[str, str]]:
        return [(f.algorithm, f.value) for f in self.certificate.getFingerprints()]

    def describe(self, **changes: object) -> None:
        """Tells the server what this client's SDP would."""
        facts = {"ufrag": self.ufrag, "fingerprints": self.fingerprints, "setup": "actpass"}
        self.transport.set_remote(**(facts | changes))  # type: ignore[arg-type]

    def datagram_received(self, data: bytes, addr: object = None) -> None:
        if data[0] < 4:
            self.answers.put_nowait(aioice.stun.parse_message(data))
        elif data[0] < 64:
            self._datagrams.put_nowait(data)
        else:
            self.media.put_nowait(data)

    def request(
        self, credentials: tuple[str, str] | None = None, *, nominate: bool = False, controlled: bool = False
    ) -> bytes:
        ufrag, pwd = credentials or (self.transport.local_ufrag, self.transport.local_pwd)
        message = aioice.stun.Message(
            aioice.stun.Method.BINDING,
            aioice.stun.Class.REQUEST,
            attributes={"USERNAME": f"{ufrag}:{self.ufrag}", "PRIORITY": 1},
        )
        message.attributes["ICE-CONTROLLED" if controlled else "ICE-CONTROLLING"] = 1
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity(pwd.encode())
        return bytes(message)

    async def check(
        self, credentials: tuple[str, str] | None = None, *, nominate: bool = False, controlled: bool = False
    ) -> aioice.stun.Message:
        self.send(self.request(credentials, nominate=nominate, controlled=controlled))
        return await asyncio.wait_for(self.answers.get(), 2)

    async def shake_hands(self) -> None:
        """DTLS to the end. The client's side of SRTP is in `dtls._tx_srtp` and `dtls._rx_srtp` then."""
        self.dtls._set_role("client")
        await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(*self.transport.fingerprint)]))
        assert self.dtls.state == "connected"

    def rtp(self, sequence: int, payload: bytes = b"payload", ssrc: int = 77) -> bytes:
        return self.dtls._tx_srtp.protect(RtpHeader(96, sequence, 0, ssrc).serialize() + payload)

    def rtcp(self, ssrc: int = 1) -> bytes:
        return self.dtls._tx_srtp.protect_rtcp(bytes.fromhex("80c90001") + ssrc.to_bytes(4, "big"))

    def read_rtp(self, data: bytes) -> bytes:
        return self.dtls._rx_srtp.unprotect(data)

    async def _recv(self) -> bytes:
        return await self._datagrams.get()

    async def _send(self, data: bytes) -> None:
        self.send(data)


@dataclass
class Server:
    """A media port and what its transports reported."""

    port: MediaPort
    rtp: list[tuple[bytes, bytes]] = field(default_factory=list)
    rtcp: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    connected: int = 0
    closed: list[str] = field(default_factory=list)

    def transport(self) -> Transport:
        def on_rtp(header: bytes, payload: bytes, now: float) -> None:
            self.rtp.append((header, payload))
            self.times.append(now)

        def on_connected() -> None:
            self.connected += 1

        return self.port.create_transport(
            on_rtp=on_rtp,
            on_rtcp=lambda packet, now: self.rtcp.append(packet),
            on_connected=on_connected,
            on_closed=self.closed.append,
        )


class World:
    """A server at 10.0.0.1 and clients in one in-memory network; made inside `run_virtual`."""

    def __init__(self) -> None:
        self.network = Network()
        self.server = Server(MediaPort(open_udp=self.network.open_udp, tcp=False, rng=random.Random(1)))

    async def __aenter__(self) -> "World":
        await self.server.port.open(*SERVER)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.server.port.close()

    async def client(self, host: str = "10.0.0.2") -> Client:
        """A described client with a socket."""
        client = Client(self.server.transport())
        await self.plug(client, host)
        client.describe()
        return client

    async def connected_client(self, host: str = "10.0.0.2") -> Client:
        client = await self.client(host)
        await client.check()
        await client.shake_hands()
        return client

    async def plug(self, client: Client, host: str) -> None:
        """Gives the client a socket, or another one."""
        endpoint, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: client, local_addr=(host, 0)
        )
        client.send = lambda data: endpoint.sendto(data, SERVER)

    async def raw(self, host: str = "10.0.0.66") -> Callable[[bytes], None]:
        """A stranger's socket."""
        endpoint, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(host, 0)
        )
        return lambda data: endpoint.sendto(data, SERVER)


Scenario = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def in_world() -> Callable[[Scenario], None]:
    """Runs a scenario in virtual time."""

    def run(scenario: Scenario) -> None:
        async def main() -> None:
            async with World() as world:
                await scenario(world)

        run_virtual(main())

    return run


@pytest.fixture
def make_client() -> type[Client]:
    return Client


@pytest.fixture
def make_server() -> type[Server]:
    return Server
