"""Whole calls: aiortc clients, ICE, DTLS-SRTP, our edge and relay, in virtual time."""

import asyncio
from itertools import pairwise

import pytest

from media.edge.ice import CONSENT_TIMEOUT
from media.errors import MediaError
from media.events import Connected, Disconnected, PublicationChanged, SlotsChanged
from media.settings import SfuSettings
from media.testing.link import LinkSettings


def test_two_people_hear_and_see_each_other(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        await asyncio.sleep(3.0)
        for person in (alice, bob):
            assert len(person.pictures) > 30
            # Greys rise by 4, and fall back once in 40 pictures: what is seen is what was taken.
            rises = [b - a for a, b in pairwise(person.pictures)]
            assert sum(abs(rise - 4) <= 2 for rise in rises) > 0.9 * len(rises)
            assert len(person.loudness) > 130
            assert max(person.loudness) > 4000
        for person in (alice, bob):
            assert not person.peer.core.drops
        assert not world.sfu.port.drops

    in_world(scenario, decode=True)


def test_what_happens_to_a_peer_is_told(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        await asyncio.sleep(0.5)
        kinds = [type(event) for event in alice.events]
        assert kinds.count(Connected) == 1
        assert SlotsChanged in kinds
        live = {event.publication.source for event in alice.events if isinstance(event, PublicationChanged)}
        assert live == {"microphone", "camera"}
        assert all(publication.live for publication in alice.peer.publications.values())
        assert alice.peer.speech_level > 0.3
        await alice.connection.close()
        await asyncio.sleep(1.0)
        assert alice.events[-1] == Disconnected("closed-by-peer")
        assert not bob.peer.slots[0].video_subscription.publication.live

    in_world(scenario)


def test_a_call_survives_loss_both_ways(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        bad = LinkSettings(loss=0.05, delay=((0.0, 0.02),))
        for person in (alice, bob):
            world.network.impair(person.address, up=bad, down=bad)
        before = [len(person.pictures) for person in (alice, bob)]
        await asyncio.sleep(6.0)
        for person, had in zip((alice, bob), before, strict=True):
            assert len(person.pictures) - had > 50
            assert person.received("audio") > 250
            assert len(person.loudness) > 150, "aiortc drops what comes after a gap"
        assert alice.peer.connected
        assert bob.peer.connected

    in_world(scenario, decode=True)


def test_whole_calls_repeat(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        bad = LinkSettings(loss=0.05, delay=((0.0, 0.02),), jitter=0.005)
        for person in (alice, bob):
            world.network.impair(person.address, up=bad, down=bad)
        await asyncio.sleep(2.0)
        sent = [
            (stream.packets, stream.retransmitted, stream.next_sequence)
            for person in (alice, bob)
            for stream in person.peer.slots[0].streams
        ]
        return sent, alice.received("audio"), bob.received("video")

    assert in_world(scenario, seed=3) == in_world(scenario, seed=3)


def test_a_plain_publisher_and_a_plain_viewer_need_no_names_for_their_lines(in_world):
    """As WHIP (RFC 9725) and WHEP clients do."""

    async def scenario(world):
        alice = await world.sender("alice")
        bob = await world.watcher("bob", of=alice)
        await asyncio.sleep(2.0)
        assert set(alice.peer.publications) == {"microphone", "camera"}
        assert len(bob.pictures) > 20
        assert len(bob.loudness) > 80

    in_world(scenario, decode=True)


def test_a_publisher_of_sound_alone_is_heard(in_world):
    async def scenario(world):
        alice = await world.sender("alice", picture=False)
        bob = await world.watcher("bob", of=alice)
        await asyncio.sleep(1.0)
        assert bob.received("audio") > 40
        assert bob.received("video") == 0

    in_world(scenario)


def test_somebody_whose_network_is_gone_is_missed_and_the_others_go_on(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        carol = await world.watcher("carol", of=alice)
        gone = LinkSettings(outages=((0.0, 1e9),))
        world.network.impair(bob.address, up=gone, down=gone)
        await asyncio.sleep(CONSENT_TIMEOUT + 5.0)
        assert bob.events[-1] == Disconnected("consent-lost")
        assert not bob.peer.connected
        before = carol.received("audio")
        await asyncio.sleep(1.0)
        assert carol.received("audio") - before > 45
        assert alice.peer.connected

    in_world(scenario)


def test_a_call_goes_on_from_another_address(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        await asyncio.sleep(1.0)
        world.network.move(alice.address, "192.0.2.77")
        before = alice.received("audio"), bob.received("audio")
        await asyncio.sleep(2.0)
        assert alice.received("audio") - before[0] > 90
        assert bob.received("audio") - before[1] > 90
        assert alice.peer.connected

    in_world(scenario)


def test_more_slots_come_with_one_more_offer(in_world):
    async def scenario(world):
        alice = await world.sender("alice")
        carol = await world.sender("carol")
        bob = await world.watcher("bob", of=alice)
        bob.connection.addTransceiver("audio", "recvonly")
        bob.connection.addTransceiver("video", "recvonly")
        streams = [(stream.mid, stream.ssrc) for stream in bob.peer.slots[0].streams]
        await bob.connect()
        assert len(bob.peer.slots) == 2
        assert [(stream.mid, stream.ssrc) for stream in bob.peer.slots[0].streams] == streams
        sources = carol.peer.publications
        bob.peer.bind(1, sources["microphone"], sources["camera"])
        await asyncio.sleep(1.0)
        for slot in bob.peer.slots:
            assert slot.audio.packets > 40
            assert slot.video.packets > 10
        assert bob.received("audio") > 90

    in_world(scenario)


def test_slots_are_served_in_the_order_that_they_are_given(in_world):
    async def scenario(world):
        alice = await world.sender("alice")
        bob = await world.watcher("bob", of=alice)
        bob.connection.addTransceiver("audio", "recvonly")
        bob.connection.addTransceiver("video", "recvonly")
        await bob.connect()
        assert [slot.priority for slot in bob.peer.slots] == [0, 1]
        bob.peer.rank([1, 0], [1, 0])
        assert [slot.priority for slot in bob.peer.slots] == [1, 0]

    in_world(scenario)


def test_a_publisher_who_leaves_takes_nobody_with_them(in_world):
    async def scenario(world):
        alice = await world.sender("alice")
        bob = await world.watcher("bob", of=alice)
        await asyncio.sleep(0.5)
        alice.peer.close()
        await asyncio.sleep(1.0)
        assert bob.peer.connected
        carol = await world.sender("carol")
        before = bob.received("audio"), bob.received("video")
        bob.peer.bind(0, carol.peer.publications["microphone"], carol.peer.publications["camera"])
        await asyncio.sleep(1.0)
        assert bob.received("audio") - before[0] > 40
        assert bob.received("video") - before[1] > 10
        assert not bob.peer.slots[0].audio_subscription.publication.muted

    in_world(scenario)


def test_mute_at_the_relay_silences_a_publisher_for_everybody(in_world):
    async def scenario(world):
        alice = await world.sender("alice")
        bob = await world.watcher("bob", of=alice)
        await asyncio.sleep(0.5)
        alice.peer.publications["microphone"].muted = True
        await asyncio.sleep(0.1)
        before = bob.received("audio"), bob.received("video")
        await asyncio.sleep(1.0)
        assert bob.received("audio") == before[0]
        assert bob.received("video") > before[1]
        alice.peer.publications["microphone"].muted = False
        await asyncio.sleep(0.5)
        assert bob.received("audio") > before[0] + 20

    in_world(scenario)


def test_as_many_peers_are_taken_as_the_operator_says(in_world):
    async def scenario(world):
        world.sfu.settings = SfuSettings(max_peers=1001)
        peers = [world.sfu.open_peer(f"peer {number}", print) for number in range(1001)]
        with pytest.raises(MediaError) as caught:
            world.sfu.open_peer("one more", print)
        assert caught.value.code == "server-full"
        peers[0].close()
        last = world.sfu.open_peer("in its place", print)
        world.sfu.open_peer("its successor", print, replaces=last)

    in_world(scenario)
