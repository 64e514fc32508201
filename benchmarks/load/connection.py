"""One WebRTC transport of a load client: a socket, ICE checks as the full agent, DTLS, SRTP.

aiortc makes the DTLS handshake; media then goes through our own SRTP, straight to the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from media.edge.srtp import SrtpKeys, SrtpProfile, SrtpSession, create_session

CHECK_INTERVAL = 0.05  # s between checks until the first answer; RFC 8445 section 14.2
CONNECT_TIMEOUT = 10.0  # s
CONSENT_INTERVAL = 2.5  # s; RFC 7675 section 5.1 asks for about 5
RECEIVE_BUFFER = 4 << 20  # bytes: what comes while the load generator sleeps must not be lost here
MAX_DATAGRAM = 2048
PRIORITY = 126 << 24 | 65535 << 8 | 255  # of a host candidate, RFC 8445 section 5.1.2

_CERTIFICATE = RTCCertificate.generateCertificate()


class ConnectError(Exception):
    """A participant could not connect; the words say at which step."""


@dataclass(frozen=True, slots=True)
class Remote:
    """What the server's description says of its transport."""

    ufrag: str
    pwd: str
    host: str
    port: int
    fingerprints: tuple[tuple[str, str], ...]
    starts: bool  # the server begins the DTLS handshake


class Connection:
    """`on_rtp` and `on_rtcp` get datagrams as they came, still encrypted: `srtp` opens the few that
    matter."""

    role = "controlling"  # read by RTCDtlsTransport, which takes this object for its ICE transport

    def __init__(self, host: str, profiles: tuple[SrtpProfile, ...]) -> None:
        self.ufrag = secrets.token_hex(2)
        self.pwd = secrets.token_hex(12)
        self.fingerprints = tuple(
            (f.algorithm, f.value) for f in _CERTIFICATE.getFingerprints() if f.algorithm == "sha-256"
        )
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        _enlarge_buffer(self.socket)
        self.on_rtp: Callable[[bytes], None] = lambda data: None
        self.on_rtcp: Callable[[bytes], None] = lambda data: None
        self.drops: Counter[str] = Counter()
        self.profile: SrtpProfile | None = None
        self.srtp: SrtpSession
        self._dtls = RTCDtlsTransport(self, [_CERTIFICATE])  # type: ignore[arg-type]
        self._dtls._srtp_profiles = [
            p
            for p in self._dtls._srtp_profiles
            if p.openssl_profile.decode() in {x.dtls_name for x in profiles}
        ]
        self._handshake: asyncio.Queue[bytes] = asyncio.Queue()
        self._checked = asyncio.Event()
        self._remote: Remote | None = None

    async def connect(self, remote: Remote) -> None:
        """Check the path, shake hands, and be ready to send. Raises ConnectError."""
        loop = asyncio.get_running_loop()
        self._remote = remote
        self.socket.connect((remote.host, remote.port))
        loop.add_reader(self.socket, self.drain)
        step = "ICE check"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._check_until_answered()
                step = "DTLS handshake"
                self._dtls._set_role("server" if remote.starts else "client")
                await self._dtls.start(
                    RTCDtlsParameters([RTCDtlsFingerprint(*f) for f in remote.fingerprints])
                )
        except TimeoutError:
            raise ConnectError(f"no answer to the {step} within {CONNECT_TIMEOUT:.0f} s") from None
        finally:
            loop.remove_reader(self.socket)
        if self._dtls.state != "connected":
            raise ConnectError(f"the DTLS handshake ended {self._dtls.state}")
        self._take_keys()

    def drain(self) -> None:
        """Handle every datagram that has come."""
        receive = self.socket.recv
        on_rtp, on_rtcp = self.on_rtp, self.on_rtcp
        while True:
            try:
                data = receive(MAX_DATAGRAM)
            except (BlockingIOError, ConnectionRefusedError):
                return
            first = data[0]
            if first >= 128:
                if 192 <= data[1] <= 223:
                    on_rtcp(data)
                else:
                    on_rtp(data)
            elif first >= 20:
                self._handshake.put_nowait(data)
            else:
                self._on_stun(data)

    def check(self, now: float = 0.0) -> None:
        """Send one ICE check, which also renews consent. Takes the time as all periodic actions do."""
        assert self._remote is not None
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self._remote.ufrag}:{self.ufrag}"
        request.attributes["PRIORITY"] = PRIORITY
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self._remote.pwd.encode())
        self.send(bytes(request))

    def send(self, datagram: bytes) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            self.socket.send(datagram)

    def send_rtcp(self, packet: bytes) -> None:
        protected = self.srtp.protect_rtcp(packet)
        assert protected is not None
        self.send(protected)

    async def close(self) -> None:
        if self._dtls.state == "connected":
            await self._dtls.stop()
        self.socket.close()

    async def _check_until_answered(self) -> None:
        while not self._checked.is_set():
            self.check()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._checked.wait(), CHECK_INTERVAL)

    def _on_stun(self, data: bytes) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            self.drops["stun"] += 1
            return
        if message.message_class is stun.Class.RESPONSE:
            self._checked.set()
        elif message.message_class is stun.Class.REQUEST:
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = self.socket.getpeername()
            answer.add_message_integrity(self.pwd.encode())
            self.send(bytes(answer))

    def _take_keys(self) -> None:
        ssl = self._dtls._ssl
        assert ssl is not None
        name = ssl.get_selected_srtp_profile().decode()
        profile = self.profile = next(p for p in SrtpProfile if p.dtls_name == name)
        key, salt = profile.key_length, profile.salt_length
        material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        # RFC 5764 section 4.2: the client's key, the server's, the client's salt, the server's.
        client = material[:key] + material[2 * key : 2 * key + salt]
        server = material[key : 2 * key] + material[2 * key + salt :]
        ours, theirs = (server, client) if self._dtls._role == "server" else (client, server)
        self.srtp = create_session(SrtpKeys(profile, ours, theirs), self.drops)

    # What RTCDtlsTransport asks of an ICE transport.

    async def _recv(self) -> bytes:
        return await self._handshake.get()

    async def _send(self, data: bytes) -> None:
        self.send(data)


def _enlarge_buffer(sock: socket.socket) -> None:
    force = 33  # SO_RCVBUFFORCE, which needs CAP_NET_ADMIN
    try:
        sock.setsockopt(socket.SOL_SOCKET, force, RECEIVE_BUFFER)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
