"""Paths that die, come back and change under a call, in virtual time."""

import asyncio

from media.edge.ice import Path
from media.sfu import DEAD_AFTER, DEAD_AFTER_QUIET
from media.testing.link import LinkSettings
from media.uplink import Level

GONE = LinkSettings(outages=((0.0, 1e9),))
GOOD = LinkSettings(delay=((0.0, 0.01),))
FAR = LinkSettings(delay=((0.0, 0.3),))


async def time_until(condition, seconds):
    """Seconds until it holds; None: it did not."""
    for step in range(round(seconds / 0.05)):
        if condition():
            return step * 0.05
        await asyncio.sleep(0.05)
    return None


def test_a_dead_path_is_known_in_a_second_and_a_half_and_lives_again_at_once(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        await asyncio.sleep(2.0)
        world.network.impair(bob.address, up=GONE, down=GONE)
        took = await time_until(lambda: not bob.peer.is_reached(sends=True), 5.0)
        assert took is not None and took <= DEAD_AFTER + 0.1
        assert alice.peer.is_reached(sends=True)
        assert bob.peer.connected, "it may come back: consent goes on"
        await asyncio.sleep(5.0)
        assert not bob.peer.is_reached(sends=True), "it stays dead until something comes"
        world.network.impair(bob.address, up=GOOD, down=GOOD)
        took = await time_until(lambda: bob.peer.is_reached(sends=True), 5.0)
        assert took is not None and took <= 0.1

    in_world(scenario)


def test_short_gaps_are_no_dead_path(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        await asyncio.sleep(2.0)
        for _ in range(3):
            world.network.impair(bob.address, up=GONE, down=GONE)
            assert await time_until(lambda: not bob.peer.is_reached(sends=True), 1.0) is None
            world.network.impair(bob.address, up=GOOD, down=GOOD)
            assert await time_until(lambda: not bob.peer.is_reached(sends=True), 1.0) is None
        assert alice.peer.connected

    in_world(scenario)


def test_who_has_nothing_to_send_is_given_more_time(in_world):
    async def scenario(world):
        alice = await world.sender("alice")
        bob = await world.watcher("bob", of=alice)
        await asyncio.sleep(2.0)
        world.network.impair(bob.address, up=GONE, down=GONE)
        took = await time_until(lambda: not bob.peer.is_reached(sends=False), 10.0)
        assert took is not None
        assert DEAD_AFTER + 1 < took <= DEAD_AFTER_QUIET + 0.1

    in_world(scenario)


def test_what_was_learnt_of_a_path_is_not_held_against_the_next(in_world):
    async def scenario(world):
        alice, bob = await world.two()
        for person in (alice, bob):
            world.network.impair(person.address, up=GOOD, down=GOOD)
        await asyncio.sleep(5.0)
        transport, changes = alice.peer._transport, []
        forget = transport.on_path_change

        def on_path_change() -> None:
            changes.append(transport.ice.selected)
            forget()

        transport.on_path_change = on_path_change
        world.network.impair(alice.address, up=FAR, down=FAR)
        world.network.move(alice.address, "192.0.2.77")
        levels = set()
        for _ in range(100):
            await asyncio.sleep(0.1)
            levels.add(alice.peer.core.uplink.level)
        assert changes == [transport.ice.selected]
        assert alice.peer.core.uplink.level is Level.FULL and max(levels) <= Level.REDUCED
        assert alice.peer.core.uplink.delay < 0.1, "a longer way is no queue"
        assert alice.peer.is_reached(sends=True)

    in_world(scenario)


def test_the_end_of_a_tcp_connection_is_a_change_of_path_too(in_world):
    async def scenario(world):
        alice, _ = await world.two()
        await asyncio.sleep(1.0)
        transport, changes = alice.peer._transport, []
        udp = transport.ice.selected
        tcp = Path(transport, "tcp", udp.address, udp.sender)
        transport.add_path(tcp)
        transport.ice.selected = tcp
        transport.on_path_change = lambda: changes.append(transport.ice.selected)
        transport.remove_path(tcp)
        assert changes == [udp]

    in_world(scenario)


def test_a_new_tcp_connection_from_the_same_host_is_no_other_route(in_world):
    """On TCP a page connects anew every half minute, to see whether UDP is back."""

    async def scenario(world):
        alice, _ = await world.two()
        transport, uplink = alice.peer._transport, alice.peer.core.uplink
        udp = transport.ice.selected

        def is_another_route(host):
            uplink.level = Level.SOUND
            path = Path(transport, object(), (host, 40_000), Tcp(udp.sender))
            transport.add_path(path)
            transport.ice.selected = path
            transport.on_path_change()
            return uplink.level < Level.SOUND

        changes = [is_another_route(host) for host in ("192.0.2.9", "192.0.2.9", "192.0.2.10", "192.0.2.10")]
        assert changes == [True, False, True, False]

    in_world(scenario)


class Tcp:
    """A UDP socket that calls itself a TCP connection."""

    kind, batches = "tcp", False

    def __init__(self, sender):
        self._sender, self.address = sender, None

    def send(self, header, rest, address):
        self._sender.send(header, rest, address)

    def release(self):
        pass
