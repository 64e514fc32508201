"""What `media/edge/dtls.py` takes for granted of aiortc's private parts. If one of these fails after an
update, that file is the one to mend."""

import asyncio
import inspect
from collections import Counter

import pylibsrtp
import pytest
from aiortc import RTCCertificate, RTCDtlsParameters
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    X509_DIGEST_ALGORITHMS,
    RTCDtlsTransport,
)
from OpenSSL import SSL
from pylibsrtp import Policy

from media.edge.dtls import Certificate, DtlsTransport, _offered_profiles
from media.edge.srtp import SrtpKeys, SrtpProfile, create_session
from media.rtp.packet import RtpHeader

HEADER = RtpHeader(96, 1, 0, 77).serialize()


class Wire:
    """All that `RTCDtlsTransport` may ask of its ICE transport."""

    role = "controlling"

    def __init__(self) -> None:
        self.peer: Wire | None = None
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        assert self.peer is not None
        self.peer.queue.put_nowait(data)


def wires() -> tuple[Wire, Wire]:
    one, other = Wire(), Wire()
    one.peer, other.peer = other, one
    return one, other


async def handshake(profiles=None) -> tuple[RTCDtlsTransport, RTCDtlsTransport]:
    """Two of aiortc's transports, connected: server and client."""
    ends = []
    for wire, role in zip(wires(), ("server", "client"), strict=True):
        dtls = RTCDtlsTransport(wire, [RTCCertificate.generateCertificate()])
        dtls._set_role(role)
        ends.append(dtls)
    server, client = ends
    if profiles:
        server._srtp_profiles = profiles
    await asyncio.gather(
        server.start(RTCDtlsParameters(client.getLocalParameters().fingerprints)),
        client.start(RTCDtlsParameters(server.getLocalParameters().fingerprints)),
    )
    assert (server.state, client.state) == ("connected", "connected")
    return server, client


async def test_a_duck_typed_ice_transport_suffices():
    for dtls in await handshake():
        await dtls.stop()
        assert dtls.state == "closed" or dtls._task is None


def test_the_private_parts_exist():
    dtls = RTCDtlsTransport(Wire(), [RTCCertificate.generateCertificate()])
    assert dtls._role == "auto"
    dtls._set_role("server")
    assert dtls._role == "server"
    assert dtls._srtp_profiles == SRTP_PROFILES
    assert dtls._ssl is None and dtls._task is None
    assert dtls._rx_srtp is None and dtls._tx_srtp is None
    assert inspect.iscoroutinefunction(RTCDtlsTransport.start)
    assert inspect.iscoroutinefunction(RTCDtlsTransport.stop)
    assert {"sha-256", "sha-384", "sha-512"} == set(X509_DIGEST_ALGORITHMS)


async def test_the_task_that_reads_on_ends_with_a_close_notify():
    server, client = await handshake()
    task = server._task
    assert isinstance(task, asyncio.Task)
    await client.stop()
    await asyncio.wait_for(asyncio.wait([task]), 5)
    assert server.state == "closed"
    await server.stop()


async def test_the_connection_exports_keys_and_names_its_profile():
    server, client = await handshake()
    assert isinstance(server._ssl, SSL.Connection)
    name = server._ssl.get_selected_srtp_profile()
    assert name.decode() in {profile.dtls_name for profile in SrtpProfile}
    label = b"EXTRACTOR-dtls_srtp"
    assert server._ssl.export_keying_material(label, 88) == client._ssl.export_keying_material(label, 88)
    for dtls in (server, client):
        await dtls.stop()


@pytest.mark.parametrize("rtc", SRTP_PROFILES, ids=lambda profile: profile.openssl_profile.decode())
def test_profiles_have_the_lengths_of_the_rfc(rtc):
    profile = next(p for p in SrtpProfile if p.dtls_name == rtc.openssl_profile.decode())
    assert (rtc.key_length, rtc.salt_length) == (profile.key_length, profile.salt_length)
    material = bytes(range(2 * (rtc.key_length + rtc.salt_length)))
    # RFC 5764 section 4.2: client key, server key, client salt, server salt.
    k, s = rtc.key_length, rtc.salt_length
    assert rtc.get_key_and_salt(material, 0) == material[:k] + material[2 * k : 2 * k + s]
    assert rtc.get_key_and_salt(material, 1) == material[k : 2 * k] + material[2 * k + s :]


def test_all_profiles_that_we_speak_are_offered_in_our_order():
    assert [p.openssl_profile.decode() for p in _offered_profiles()] == [
        "SRTP_AEAD_AES_128_GCM",
        "SRTP_AEAD_AES_256_GCM",
        "SRTP_AES128_CM_SHA1_80",
    ]


@pytest.mark.parametrize("rtc", SRTP_PROFILES, ids=lambda profile: profile.openssl_profile.decode())
async def test_our_keys_are_those_of_aiortcs_own_sessions(rtc):
    """A session of ours beside the fence, aiortc's sessions on the client's side, each profile."""
    wire, client_wire = wires()
    client = RTCDtlsTransport(client_wire, [RTCCertificate.generateCertificate()])
    client._set_role("client")
    client._srtp_profiles = [rtc]
    certificate = Certificate()
    keys: asyncio.Future[SrtpKeys] = asyncio.get_running_loop().create_future()
    closed: list[str] = []
    server = DtlsTransport(
        certificate,
        [(f.algorithm, f.value) for f in client.getLocalParameters().fingerprints],
        client_wire.queue.put_nowait,
        keys.set_result,
        closed.append,
    )

    async def pump() -> None:
        while True:
            assert server.receive(await wire.queue.get())

    pumping = asyncio.create_task(pump())
    await client.start(RTCDtlsParameters(certificate.rtc.getFingerprints()))
    session = create_session(await asyncio.wait_for(keys, 5), drops := Counter())

    packet = client._tx_srtp.protect(HEADER + b"up")
    assert session.unprotect_rtp(packet[:12], packet[12:]) == b"up"
    assert client._rx_srtp.unprotect(HEADER + session.protect_rtp(HEADER, b"down")) == HEADER + b"down"
    assert not drops
    await client.stop()
    await asyncio.wait_for(server._task, 5)
    assert closed == ["closed-by-peer"]
    pumping.cancel()
    await server.close()


def test_libsrtp_takes_keys_as_master_key_then_salt():
    policy = Policy(bytes(30), Policy.SSRC_ANY_INBOUND, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
    policy.window_size = 1024
    assert not policy.allow_repeat_tx
    pylibsrtp.Session(policy)
