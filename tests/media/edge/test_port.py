"""The media port in an in-memory network and virtual time."""

import asyncio
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media.edge import port as port_module
from media.edge.dtls import HANDSHAKE_TIMEOUT, MAX_WAITING
from media.edge.ice import CONSENT_TIMEOUT, FIRST_CHECK_TIMEOUT
from media.edge.port import (
    DRAIN_LIMIT,
    MAX_HANDSHAKES,
    PATH_PER_SECOND,
    RTCP_UNIT,
    STRANGERS_PER_SECOND,
)
from media.edge.transport import MAX_PATHS
from media.rtp.packet import RtpHeader

HEADER = RtpHeader(96, 1, 0, 77).serialize()
REPORT = bytes.fromhex("80c9000100000001")


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


def test_a_stranger_gets_no_answer(in_world):
    async def scenario(world):
        client = await world.client()
        for credentials in (("unknown", "x" * 24), (client.transport.local_ufrag, "x" * 24)):
            with pytest.raises(TimeoutError):
                await client.check(credentials)
        client.send(b"\x16\xfe\xfd" + bytes(30))
        client.send(bytes([0x80]) + bytes(40))
        await asyncio.sleep(0.1)
        assert world.server.port.drops == {"stun-authentication": 2, "stranger": 2}
        assert client.transport.path is None

    in_world(scenario)


def test_a_peer_that_claims_our_role_is_corrected_and_not_believed(in_world):
    async def scenario(world):
        client = await world.client()
        assert (await client.check(controlled=True)).error_code == 487
        assert client.transport.path is None
        assert (await client.check()).error_code is None
        assert client.transport.path == "udp4"

    in_world(scenario)


def test_a_certificate_of_somebody_else_is_refused(in_world):
    async def scenario(world):
        client = await world.client()
        client.describe(fingerprints=[("sha-256", ":".join(["AB"] * 32))])
        await client.check()
        await client.shake_hands()
        await asyncio.sleep(0.1)
        assert world.server.closed == ["failed"]
        assert not world.server.connected
        assert world.server.port.drops == {"dtls-failed": 1}

    in_world(scenario)


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512", "SHA-256"])
def test_each_usual_fingerprint_is_checked(in_world, algorithm):
    async def scenario(world):
        client = await world.client()
        client.describe(fingerprints=[(algorithm, dict(client.fingerprints)[algorithm.lower()].lower())])
        await client.check()
        await client.shake_hands()
        assert world.server.connected == 1

    in_world(scenario)


def test_dtls_is_not_answered_before_the_description(in_world):
    async def scenario(world):
        client = await world.client()
        client.describe(fingerprints=[])
        await client.check()
        client.send(b"\x16\xfe\xfd" + bytes(30))
        await asyncio.sleep(0.1)
        assert world.server.port.drops == {"dtls-early": 1}

    in_world(scenario)


def test_a_handshake_that_stops_halfway_ends(in_world):
    async def scenario(world):
        client = await world.client()
        await client.check()
        client.send(b"\x16\xfe\xfd" + bytes(30))
        await asyncio.sleep(HANDSHAKE_TIMEOUT - 1)
        assert world.server.closed == []
        await asyncio.sleep(2)
        assert world.server.closed == ["failed"]

    in_world(scenario)


def test_half_open_handshakes_are_capped_and_make_room_when_they_end(in_world):
    async def scenario(world):
        for number in range(MAX_HANDSHAKES):
            client = await world.client(f"10.0.1.{number}")
            await client.check()
            client.send(b"\x16\xfe\xfd" + bytes(30))
        late = await world.client("10.0.2.1")
        await late.check()
        late.send(b"\x16\xfe\xfd" + bytes(30))
        await asyncio.sleep(0.1)
        assert world.server.port.drops == {"dtls-handshakes": 1}
        await asyncio.sleep(HANDSHAKE_TIMEOUT)
        await late.shake_hands()
        assert world.server.connected == 1

    in_world(scenario)


def test_a_finished_handshake_makes_room_for_another(in_world):
    async def scenario(world):
        for number in range(MAX_HANDSHAKES + 1):
            await world.connected_client(f"10.0.1.{number}")
        assert world.server.connected == MAX_HANDSHAKES + 1

    in_world(scenario)


def test_a_flood_of_dtls_does_not_pile_up(in_world):
    async def scenario(world):
        client = await world.client()
        await client.check()
        for _ in range(1000):  # all in one drain
            client.transport.receive_dtls(b"\x16\xfe\xfd" + bytes(30))
        assert world.server.port.drops == {"dtls-flood": 1000 - MAX_WAITING}

    in_world(scenario)


def test_a_peer_that_says_good_bye_is_closed(in_world):
    async def scenario(world):
        client = await world.connected_client()
        await client.dtls.stop()
        await asyncio.sleep(0.1)
        assert world.server.closed == ["closed-by-peer"]

    in_world(scenario)


def test_a_peer_is_told_good_bye(in_world):
    async def scenario(world):
        client = await world.connected_client()
        client.transport.close()
        client.transport.close()
        await asyncio.sleep(0.1)
        assert client.dtls.state == "closed"
        assert world.server.closed == []

    in_world(scenario)


def test_a_peer_that_falls_silent_is_gone_after_the_consent_time(in_world):
    async def scenario(world):
        client = await world.connected_client()
        await asyncio.sleep(CONSENT_TIMEOUT - 1)
        client.send(client.rtcp())
        await asyncio.sleep(CONSENT_TIMEOUT - 1)
        await client.check()
        await asyncio.sleep(CONSENT_TIMEOUT - 1)
        assert world.server.closed == []
        await asyncio.sleep(2)
        assert world.server.closed == ["consent-lost"]

    in_world(scenario)


def test_garbage_from_the_peers_address_is_no_consent(in_world):
    async def scenario(world):
        client = await world.connected_client()
        for _ in range(int(CONSENT_TIMEOUT) + 2):
            client.send(bytes([0x80, 96]) + bytes(40))
            client.send(b"\x00\x01" + bytes(18))
            await asyncio.sleep(1)
        assert world.server.closed == ["consent-lost"]

    in_world(scenario)


def test_a_peer_that_never_comes_is_given_up(in_world):
    async def scenario(world):
        await world.client()
        await asyncio.sleep(FIRST_CHECK_TIMEOUT + 1)
        assert world.server.closed == ["failed"]

    in_world(scenario)


def test_a_new_address_is_adopted_with_its_first_media_packet(in_world):
    async def scenario(world):
        client = await world.connected_client("10.0.0.2")
        client.send(client.rtp(1))
        await asyncio.sleep(0.1)
        changes = []
        client.transport.on_path_change = lambda: changes.append(client.transport.ice.selected)
        await world.plug(client, "10.0.0.3")
        client.send(client.rtp(2, b"from elsewhere"))
        await asyncio.sleep(0.1)

        assert [payload for _, payload in world.server.rtp] == [b"payload", b"from elsewhere"]
        assert client.transport.ice.selected.address[0] == "10.0.0.3"
        assert changes == [client.transport.ice.selected]
        client.transport.send_rtp(HEADER, b"x")
        assert client.read_rtp(await client.media.get()) == HEADER + b"x"

    in_world(scenario)


def test_a_new_address_is_adopted_with_a_report_where_many_share_an_ssrc(in_world):
    async def scenario(world):
        clients = [await world.connected_client(f"10.0.1.{number}") for number in range(5)]
        for client in clients:
            client.send(client.rtcp(ssrc=1))
        await asyncio.sleep(0.1)
        await world.plug(clients[3], "10.0.2.3")
        clients[3].send(clients[3].rtcp(ssrc=1))
        await asyncio.sleep(0.1)

        assert [c.transport.ice.selected.address[0] for c in clients] == [
            "10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.2.3", "10.0.1.4",
        ]  # fmt: skip

    in_world(scenario)


def test_a_packet_that_was_overtaken_on_the_old_path_does_not_lead_back(in_world):
    async def scenario(world):
        client = await world.connected_client("10.0.0.2")
        old = client.send
        packets = [client.rtp(sequence) for sequence in range(1, 6)]
        old(packets[0])
        await asyncio.sleep(0.1)
        await world.plug(client, "10.0.0.3")
        client.send(packets[3])
        await asyncio.sleep(0.1)
        old(packets[1])
        await asyncio.sleep(0.1)
        assert client.transport.ice.selected.address[0] == "10.0.0.3"
        assert len(world.server.rtp) == 3
        old(packets[4])
        await asyncio.sleep(0.1)
        assert client.transport.ice.selected.address[0] == "10.0.0.2"

    in_world(scenario)


def test_a_report_that_was_overtaken_on_the_old_path_does_not_lead_back(in_world):
    async def scenario(world):
        client = await world.connected_client("10.0.0.2")
        old = client.send
        first, second, third = (client.rtcp() for _ in range(3))
        await world.plug(client, "10.0.0.3")
        old(first)
        await asyncio.sleep(0.1)
        client.send(third)
        await asyncio.sleep(0.1)
        old(second)
        await asyncio.sleep(0.1)
        assert client.transport.ice.selected.address[0] == "10.0.0.3"
        assert len(world.server.rtcp) == 3

    in_world(scenario)


def test_forged_and_repeated_packets_from_elsewhere_move_nobody(in_world):
    async def scenario(world):
        client = await world.connected_client("10.0.0.2")
        genuine = client.rtp(1)
        client.send(genuine)
        await asyncio.sleep(0.1)
        stranger = await world.raw()
        stranger(genuine)
        stranger(genuine[:-1] + bytes([genuine[-1] ^ 1]))
        stranger(RtpHeader(96, 2, 0, 77).serialize() + bytes(30))
        await asyncio.sleep(0.1)

        assert client.transport.ice.selected.address[0] == "10.0.0.2"
        assert len(world.server.rtp) == 1
        assert world.server.port.drops["stranger"] == 3

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


def test_an_ice_restart_keeps_the_call_with_old_and_new_credentials(in_world):
    async def scenario(world):
        client = await world.connected_client()
        old = (client.transport.local_ufrag, client.transport.local_pwd)
        client.transport.restart()
        new = (client.transport.local_ufrag, client.transport.local_pwd)
        assert new != old
        assert (await client.check(old)).error_code is None
        client.ufrag = "peer2"
        client.describe()
        assert (await client.check(new)).error_code is None
        client.ufrag = "peer"
        assert (await client.check(old)).error_code is None
        client.send(client.rtp(1))
        await asyncio.sleep(0.1)
        assert len(world.server.rtp) == 1

        client.transport.restart()
        with pytest.raises(TimeoutError):
            await client.check(old)

    in_world(scenario)


def test_a_nomination_moves_a_peer_to_its_new_interface(in_world):
    async def scenario(world):
        client = await world.connected_client("10.0.0.2")
        await world.plug(client, "10.0.0.3")
        await client.check()
        assert client.transport.ice.selected.address[0] == "10.0.0.2"
        await client.check(nominate=True)
        assert client.transport.ice.selected.address[0] == "10.0.0.3"

    in_world(scenario)


def test_an_address_may_pass_from_one_peer_to_another(in_world):
    async def scenario(world):
        first = await world.connected_client()
        second = world.server.transport()
        first.transport, before = second, first.transport
        first.ufrag = "reloaded"
        first.describe()
        await first.check()
        assert before.path is None and second.path == "udp4"

    in_world(scenario)


def test_a_peer_has_a_limited_number_of_paths(in_world):
    async def scenario(world):
        client = await world.connected_client()
        for number in range(3 * MAX_PATHS):
            await world.plug(client, f"10.0.3.{number}")
            await client.check()
        assert len(client.transport.paths) == MAX_PATHS
        assert len(world.server.port._paths) == MAX_PATHS
        assert client.transport.ice.selected.address[0] == "10.0.0.2"

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
