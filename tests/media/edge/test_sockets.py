"""The media port on real sockets: one test for each way in."""

import asyncio
import contextlib

import aiortc
import pytest
from aiortc.mediastreams import AudioStreamTrack

from media.edge import tcp as tcp_module
from media.edge.candidates import ipv6_available
from media.edge.port import PATH_PER_SECOND, MediaPort
from media.edge.tcp import Deframer
from media.rtp.packet import RtpHeader

HEADER = RtpHeader(96, 1, 0, 77).serialize()
IPV6 = pytest.param("::1", marks=pytest.mark.skipif(not ipv6_available(), reason="this machine has no IPv6"))


@contextlib.asynccontextmanager
async def open_port(make_server, host):
    port = MediaPort()
    await port.open(host, 0)
    try:
        yield make_server(port)
    finally:
        await port.close()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def exchange(server, client):
    """The whole way of a peer: checks, handshake, media in both directions."""
    client.describe()
    assert (await client.check()).error_code is None
    await client.shake_hands()
    client.send(client.rtp(1))
    await until(lambda: server.rtp)
    assert server.rtp == [(HEADER, b"payload")]
    payloads = [bytes([n]) * 1000 for n in range(5)]
    for sequence, payload in enumerate(payloads):
        client.transport.send_rtp(RtpHeader(96, sequence, 0, 9).serialize(), payload)
    async with asyncio.timeout(5):
        assert [client.read_rtp(await client.media.get())[12:] for _ in payloads] == payloads
    await client.dtls.stop()
    await until(lambda: server.closed)
    assert server.closed == ["closed-by-peer"]


@pytest.mark.parametrize("host", ["127.0.0.1", IPV6])
async def test_udp(make_server, make_client, host):
    async with open_port(make_server, host) as server:
        client = make_client(server.transport())
        endpoint, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: client, remote_addr=(host, server.port.port)
        )
        client.send = endpoint.sendto
        await exchange(server, client)
        assert not server.port.drops
        endpoint.close()


class Stream(asyncio.Protocol):
    """Feeds a client from a TCP connection."""

    def __init__(self, client):
        self.client = client
        self.deframer = Deframer()
        self.closed = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        for frame in self.deframer.feed(data, len(data)):
            self.client.datagram_received(frame)

    def connection_lost(self, exc):
        self.closed.set()

    def send(self, data):
        self.transport.write(len(data).to_bytes(2, "big") + data)


async def connect(server, client, host="127.0.0.1"):
    _, stream = await asyncio.get_running_loop().create_connection(
        lambda: Stream(client), host, server.port.port
    )
    client.send = stream.send
    return stream


async def fill(transport):
    """Sends more than the kernel takes for somebody who does not read."""
    for sequence in range(20_000):
        transport.send_rtp(RtpHeader(96, sequence, 0, 9).serialize(), bytes(1000))
        if sequence % 100 == 99:
            await asyncio.sleep(0)


@pytest.mark.parametrize("host", ["127.0.0.1", IPV6])
async def test_tcp(make_server, make_client, host):
    async with open_port(make_server, host) as server:
        client = make_client(server.transport())
        stream = await connect(server, client, host)
        await exchange(server, client)
        await asyncio.wait_for(stream.closed.wait(), 5)
        assert not server.port.drops


async def test_a_dual_stack_port_has_one_number_for_everything(make_server):
    async with open_port(make_server, "::") as server:
        lines = [line.split() for line in server.port.candidates()]
        assert {line[5] for line in lines} == {str(server.port.port)}
        assert {line[2] for line in lines} == {"udp", "tcp"}
        assert "127.0.0.1" in {line[4] for line in lines}
        if ipv6_available():
            assert "::1" in {line[4] for line in lines}
        public = server.port.candidates(("198.51.100.7",))
        assert {line.split()[4] for line in public} == {"198.51.100.7"}


async def test_a_taken_port_is_an_error():
    first, second = MediaPort(), MediaPort()
    await first.open("127.0.0.1", 0)
    with pytest.raises(OSError):
        await second.open("127.0.0.1", first.port)
    await first.close()
    await second.open("127.0.0.1", first.port)
    await second.close()


async def test_http_on_the_tcp_port_is_cut_off(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        stream = await connect(server, make_client(server.transport()))
        stream.transport.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.wait_for(stream.closed.wait(), 5)
        assert server.port.drops == {"tcp-malformed": 1}


async def test_a_silent_connection_is_cut_off(make_server, make_client, monkeypatch):
    monkeypatch.setattr(tcp_module, "AUTHENTICATION_TIMEOUT", 0.01)
    async with open_port(make_server, "127.0.0.1") as server:
        stream = await connect(server, make_client(server.transport()))
        await asyncio.wait_for(stream.closed.wait(), 5)
        assert server.port.drops == {"tcp-unauthenticated": 1}


@pytest.mark.parametrize("data", [b"\x00\x01\x80" * 50_000, bytes(100_000)], ids=["media", "empty frames"])
async def test_a_connection_that_begins_with_no_check_is_cut_off(make_server, make_client, data):
    async with open_port(make_server, "127.0.0.1") as server:
        stream = await connect(server, make_client(server.transport()))
        stream.transport.write(data)
        await asyncio.wait_for(stream.closed.wait(), 5)
        assert server.port.drops == {"tcp-unauthenticated": 1}


async def test_empty_frames_of_a_peer_count_as_datagrams(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        stream = await connect(server, client)
        client.describe()
        await client.check()
        stream.transport.write(bytes(2) * 4 * PATH_PER_SECOND)
        drops = server.port.drops
        await until(lambda: drops.total() == 4 * PATH_PER_SECOND)
        assert drops.keys() == {"unknown-protocol", "peer-flood"}


async def test_a_peer_that_still_sends_is_told_good_bye(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        transport = server.port.create_transport(
            on_rtp=lambda header, payload, now: transport.close(),
            on_rtcp=lambda packet, now: None,
            on_connected=lambda: None,
            on_closed=server.closed.append,
        )
        client = make_client(transport)
        stream = await connect(server, client)
        client.describe()
        await client.check()
        await client.shake_hands()
        packets = [client.rtp(sequence) for sequence in range(2 * tcp_module.FRAMES_AT_ONCE)]
        stream.transport.write(b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets))
        await asyncio.wait_for(stream.closed.wait(), 5)
        await until(lambda: client.dtls.state == "closed")
        assert not server.port.drops


async def test_a_connection_has_a_limited_number_of_checks_to_show_whose_it_is(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        stream = await connect(server, client)
        for _ in range(1000):
            stream.send(client.request(("unknown", "x" * 24)))
        await asyncio.wait_for(stream.closed.wait(), 5)
        drops = server.port.drops
        assert drops == {"stun-authentication": tcp_module.MAX_CHECKS, "tcp-unauthenticated": 1}


async def test_much_at_once_is_taken_to_its_end_and_in_order(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        stream = await connect(server, client)
        client.describe()
        await client.check()
        await client.shake_hands()
        packets = [client.rtp(sequence) for sequence in range(1000)]
        stream.transport.write(b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets))
        await until(lambda: len(server.rtp) == 1000)
        assert [RtpHeader.parse(header).sequence for header, _ in server.rtp] == [*range(1000)]
        assert not server.port.drops


async def test_a_peer_that_does_not_read_keeps_no_port_open(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        stream = await connect(server, client)
        client.describe()
        await client.check()
        await client.shake_hands()
        stream.transport.pause_reading()
        await fill(client.transport)
        await asyncio.wait_for(server.port.close(), 5)
        stream.transport.abort()


async def test_one_host_has_a_limited_number_of_connections(make_server, make_client, monkeypatch):
    monkeypatch.setattr(tcp_module, "MAX_CONNECTIONS_PER_HOST", 2)
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        streams = [await connect(server, client) for _ in range(3)]
        await asyncio.wait_for(streams[2].closed.wait(), 5)
        assert server.port.drops == {"tcp-connections": 1}
        streams[0].transport.close()
        await until(lambda: len(server.port._tcp_limits.connections) == 1)
        await connect(server, client)
        await until(lambda: len(server.port._tcp_limits.connections) == 2)


async def test_media_is_dropped_where_tcp_does_not_take_it(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        stream = await connect(server, client)
        client.describe()
        await client.check()
        await client.shake_hands()
        stream.transport.pause_reading()
        connection = client.transport.ice.selected.sender
        await fill(client.transport)
        assert server.port.drops["tcp-full"] > 0
        assert connection._transport.get_write_buffer_size() <= tcp_module.MAX_WAITING + 1100
        stream.transport.abort()


async def test_a_lost_connection_leaves_the_peer_to_its_other_path(make_server, make_client):
    async with open_port(make_server, "127.0.0.1") as server:
        client = make_client(server.transport())
        endpoint, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: client, remote_addr=("127.0.0.1", server.port.port)
        )
        client.send = endpoint.sendto
        client.describe()
        await client.check()
        await client.shake_hands()
        stream = await connect(server, client)
        await client.check(nominate=True)
        assert client.transport.path == "tcp"
        stream.transport.abort()
        await until(lambda: client.transport.path == "udp4")
        endpoint.close()


async def test_an_aiortc_peer_connection_sends_sound(make_server):
    async with open_port(make_server, "127.0.0.1") as server:
        transport = server.transport()
        pc = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        pc.addTrack(AudioStreamTrack())
        await pc.setLocalDescription(await pc.createOffer())
        offer = pc.localDescription.sdp
        transport.set_remote(
            ufrag=value(offer, "ice-ufrag"),
            fingerprints=[tuple(value(offer, "fingerprint").split())],
            setup="actpass",
        )
        answer = [
            "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly", "a=rtcp-mux",
            "a=rtpmap:96 opus/48000/2", f"a=ice-ufrag:{transport.local_ufrag}",
            f"a=ice-pwd:{transport.local_pwd}", "a=fingerprint:" + " ".join(transport.fingerprint),
            "a=setup:passive", *(f"a=candidate:{line}" for line in server.port.candidates()),
            "a=end-of-candidates", "",
        ]  # fmt: skip
        await pc.setRemoteDescription(aiortc.RTCSessionDescription("\r\n".join(answer), "answer"))
        await until(lambda: len(server.rtp) > 5)
        await pc.close()
        await until(lambda: server.closed == ["closed-by-peer"])


def value(description, name):
    return next(line.partition(":")[2] for line in description.splitlines() if line.startswith(f"a={name}:"))
