"""The media port in an in-memory network and virtual time."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.edge import port as port_module
from media.edge.port import DRAIN_LIMIT, PATH_PER_SECOND, RTCP_UNIT, STRANGERS_PER_SECOND
from media.rtp.packet import RtpHeader
from tests.media.edge.packets import HEADER, REPORT


def test_a_peer_connects_and_media_flows_both_ways(in_world):
    async def scenario(world):
        client = await world.connected_client()
        client.send(client.rtp(1))
        client.send(client.rtcp())
        await asyncio.sleep(0.1)
        assert world.server.rtp == [(HEADER, b"payload")]
        assert world.server.rtcp == [REPORT]

        client.transport.send_rtp(HEADER, b"answer")
        client.transport.send_rtcp(REPORT)
        assert client.read_rtp(await client.media.get()) == HEADER + b"answer"
        assert client.dtls._rx_srtp.unprotect_rtcp(await client.media.get()) == REPORT
        assert world.server.connected == 1
        assert client.transport.path == "udp4" and client.transport.connected
        assert not world.server.port.drops

    in_world(scenario)


def test_what_is_sent_in_one_turn_leaves_in_order_padded_to_one_size(in_world):
    async def scenario(world):
        client = await world.connected_client()
        payloads = [bytes([n]) * size for n, size in enumerate((1000, 1000, 1001, 1001, 200))]
        headers = [RtpHeader(96, n, 0, 9).serialize() for n in range(5)]
        for header, payload in zip(headers, payloads, strict=True):
            client.transport.send_rtp(header, payload)
        received = [client.read_rtp(await client.media.get()) for _ in payloads]

        assert [len(packet) - 12 for packet in received] == [1001, 1001, 1001, 1001, 200]
        for packet, header, payload in zip(received, headers, payloads, strict=True):
            parsed = RtpHeader.parse(packet)
            padding = packet[-1] if parsed.padding else 0
            assert packet[1:12] == header[1:]
            assert packet[12 : len(packet) - padding] == payload

    in_world(scenario)


def test_each_sequence_number_is_sent_once(in_world):
    async def scenario(world):
        client = await world.connected_client()
        for payload in (b"one", b"two"):
            client.transport.send_rtp(HEADER, payload)
        assert client.read_rtp(await client.media.get()) == HEADER + b"one"
        await asyncio.sleep(0.1)
        assert client.media.empty()
        assert world.server.port.drops == {"srtp-sent-before": 1}

    in_world(scenario)


def test_nothing_is_sent_before_there_are_keys(in_world):
    async def scenario(world):
        client = await world.client()
        client.transport.send_rtp(HEADER, b"x")
        client.transport.send_rtcp(REPORT)
        await asyncio.sleep(0.1)
        assert world.server.port.drops == {"send-unconnected": 2}

    in_world(scenario)


def test_strangers_are_looked_at_at_a_limited_rate(in_world):
    async def scenario(world):
        client = await world.connected_client()
        client.send(client.rtp(1))
        stranger = await world.raw()
        for _ in range(2 * STRANGERS_PER_SECOND):
            stranger(RtpHeader(96, 2, 0, 77).serialize() + bytes(30))
        await asyncio.sleep(0.1)
        client.send(client.rtp(2))
        await asyncio.sleep(0.1)

        drops = world.server.port.drops
        assert drops["stranger-flood"] >= STRANGERS_PER_SECOND
        assert drops["srtp-authentication"] <= port_module.ADOPTIONS_PER_SECOND + 1
        assert len(world.server.rtp) == 2

    in_world(scenario)


def test_a_peer_that_floods_keeps_nothing_from_others(in_world):
    async def scenario(world):
        flooder, other = [await world.connected_client(f"10.0.1.{number}") for number in range(2)]
        for _ in range(2 * PATH_PER_SECOND):
            flooder.send(bytes([0x80, 96]) + bytes(40))
        other.send(other.rtp(1))
        await asyncio.sleep(0.5)
        drops = world.server.port.drops
        assert drops["srtp-authentication"] <= PATH_PER_SECOND < drops["peer-flood"] + 100
        assert len(world.server.rtp) == 1
        await asyncio.sleep(1)
        flooder.send(flooder.rtp(1))
        await asyncio.sleep(0.1)
        assert len(world.server.rtp) == 2

    in_world(scenario)


def test_reports_count_by_their_length(in_world):
    async def scenario(world):
        flooder, other = [await world.connected_client(f"10.0.1.{number}") for number in range(2)]
        report = REPORT + bytes.fromhex("80cc00f9") + bytes(996)
        for _ in range(200):
            flooder.send(flooder.dtls._tx_srtp.protect_rtcp(report))
            other.send(bytes([0x80, 201]) + bytes(998))  # not authentic: somebody who forges its address
        other.send(other.rtp(1))
        await asyncio.sleep(0.5)
        read = len(world.server.rtcp)
        assert PATH_PER_SECOND * RTCP_UNIT // 1100 <= read <= PATH_PER_SECOND * RTCP_UNIT // 1000
        assert world.server.port.drops["peer-flood"] == 200 - read
        assert len(world.server.rtp) == 1

    in_world(scenario)


def test_nothing_is_left_of_a_closed_peer(in_world):
    async def scenario(world):
        client = await world.connected_client()
        client.transport.send_rtp(HEADER, b"x")
        await asyncio.sleep(0.1)
        assert client.media.qsize() == 1
        client.transport.restart()
        client.transport.close()
        await asyncio.sleep(0.1)
        port = world.server.port
        assert not (port._transports or port._ufrags or port._paths or port._handshakes or port._endings)
        client.transport.send_rtp(HEADER, b"x")
        await asyncio.sleep(0.1)
        assert client.media.qsize() == 1, "nothing is sent any more"

    in_world(scenario)


def test_closing_in_the_middle_of_a_packet_is_safe(in_world):
    async def scenario(world):
        client = await world.client()
        client.transport._on_rtp = lambda header, payload, now: client.transport.close()
        await client.check()
        await client.shake_hands()
        for sequence in range(3):
            client.send(client.rtp(sequence))
        await asyncio.sleep(0.1)
        assert not client.transport.connected

    in_world(scenario)


def test_each_packet_has_its_own_time(in_world):
    async def scenario(world):
        client = await world.connected_client()
        start = asyncio.get_running_loop().time()
        for sequence in range(3):
            client.send(client.rtp(sequence))
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert [round(time - start, 3) for time in world.server.times] == [0.005, 0.015, 0.025]

    in_world(scenario)


# The fixture keeps nothing between runs: each makes its own world.
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=80), max_size=40))
def test_random_datagrams_are_all_counted_and_hurt_nobody(in_world, datagrams):
    async def scenario(world):
        client = await world.connected_client()
        stranger = await world.raw()
        for data in datagrams:
            stranger(data)
            client.send(data)
        await asyncio.sleep(0.1)
        counted = Counter(world.server.port.drops)
        # DTLS of a peer goes to OpenSSL, which drops without a count.
        counted["dtls"] = sum(20 <= data[0] < 64 for data in datagrams if data)
        assert sum(counted.values()) == 2 * len(datagrams)
        client.send(client.rtp(1))
        await asyncio.sleep(0.1)
        assert len(world.server.rtp) == 1 and world.server.closed == []

    in_world(scenario)


def test_a_long_queue_is_read_in_several_turns_and_to_its_end(in_world):
    async def scenario(world):
        client = await world.connected_client()
        loop, seen = asyncio.get_running_loop(), [0]

        def look() -> None:  # once in each turn of the loop
            seen.append(len(world.server.rtp))
            if seen[-1] < 3 * DRAIN_LIMIT:
                loop.call_soon(look)

        [udp] = world.server.port._sockets
        for sequence in range(3 * DRAIN_LIMIT):  # all there at once
            udp.deliver(client.rtp(sequence), client.transport.ice.selected.address)
        look()
        await asyncio.sleep(0.1)
        assert sorted({*seen}) == [0, DRAIN_LIMIT, 2 * DRAIN_LIMIT, 3 * DRAIN_LIMIT]

    in_world(scenario)
