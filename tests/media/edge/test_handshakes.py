"""From the first datagram to keys, and to good-bye: who gets in, who is held up, who is gone."""

import asyncio

import pytest

from media.edge.dtls import HANDSHAKE_TIMEOUT, MAX_WAITING
from media.edge.ice import CONSENT_TIMEOUT, FIRST_CHECK_TIMEOUT
from media.edge.port import MAX_HANDSHAKES


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
