"""A peer whose address changes, and those that only pretend so."""

import asyncio

import pytest

from media.edge.transport import MAX_PATHS
from media.rtp.packet import RtpHeader
from tests.media.edge.packets import HEADER


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
