import asyncio

import aiortc
import pytest
from aiortc.mediastreams import AudioStreamTrack

from media.edge.udp import SOL_UDP, UDP_SEGMENT
from media.testing.clock import run_virtual
from media.testing.link import LinkSettings
from media.testing.network import Network


class Recorder(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = []

    def datagram_received(self, data, addr):
        self.got.append((data, addr, asyncio.get_running_loop().time()))


async def endpoint(host, port=0):
    return await asyncio.get_running_loop().create_datagram_endpoint(Recorder, local_addr=(host, port))


def test_a_datagram_arrives_after_both_links_delays():
    async def main():
        Network()
        sender, _ = await endpoint("10.0.0.2", 7)
        _, receiver = await endpoint("10.0.0.3", 9)
        sender.sendto(b"one", ("10.0.0.3", 9))
        sender.sendto(b"to nobody", ("10.0.0.3", 10))
        await asyncio.sleep(1)
        return receiver.got

    [(data, source, when)] = run_virtual(main())
    assert (data, source) == (b"one", ("10.0.0.2", 7))
    assert when == pytest.approx(0.005)


def test_a_non_blocking_socket_wakes_its_reader_until_it_is_empty():
    async def main():
        network = Network()
        loop = asyncio.get_running_loop()
        udp = network.open_udp("10.0.0.1", 5000)
        got = []
        loop.add_reader(udp, lambda: got.append(udp.recvfrom(3)))
        sender, _ = await endpoint("10.0.0.2", 7)
        for data in (b"abcdef", b"gh"):
            sender.sendto(data, ("10.0.0.1", 5000))
        await asyncio.sleep(1)
        with pytest.raises(BlockingIOError):
            udp.recvfrom(3)
        loop.remove_reader(udp)
        sender.sendto(b"ij", ("10.0.0.1", 5000))
        await asyncio.sleep(1)
        return got, udp.recvfrom(3)

    got, rest = run_virtual(main())
    assert got == [(b"abc", ("10.0.0.2", 7)), (b"gh", ("10.0.0.2", 7))]
    assert rest == (b"ij", ("10.0.0.2", 7))


def test_a_gso_send_is_cut_into_segments():
    async def main():
        network = Network()
        udp = network.open_udp("10.0.0.1", 5000)
        _, receiver = await endpoint("10.0.0.2", 7)
        size = (4).to_bytes(2, "little")
        udp.sendmsg([b"aa", b"aabb", b"bbc"], [(SOL_UDP, UDP_SEGMENT, size)], 0, ("10.0.0.2", 7))
        await asyncio.sleep(1)
        return [data for data, _, _ in receiver.got]

    assert run_virtual(main()) == [b"aaaa", b"bbbb", b"c"]


def test_links_can_be_impaired_in_one_direction_in_mid_call():
    async def main():
        network = Network()
        a, at_a = await endpoint("10.0.0.2", 7)
        b, at_b = await endpoint("10.0.0.3", 9)
        network.impair("10.0.0.2", up=LinkSettings(loss=0.5))
        for _ in range(200):
            a.sendto(b"up", ("10.0.0.3", 9))
            b.sendto(b"down", ("10.0.0.2", 7))
            await asyncio.sleep(0.01)
        lost = network.link("10.0.0.2", "up").lost
        assert len(at_b.got) == 200 - lost
        return len(at_a.got), lost

    received, lost = run_virtual(main())
    assert received == 200
    assert 60 < lost < 140
    assert run_virtual(main()) == (received, lost)


def test_a_moved_host_appears_under_its_new_address():
    async def main():
        network = Network()
        a, at_a = await endpoint("10.0.0.2", 7)
        b, at_b = await endpoint("10.0.0.3", 9)
        network.move("10.0.0.2", "192.0.2.99")
        a.sendto(b"hello", ("10.0.0.3", 9))
        await asyncio.sleep(1)
        b.sendto(b"old", ("10.0.0.2", 7))
        b.sendto(b"new", at_b.got[0][1])
        await asyncio.sleep(1)
        return at_b.got[0][1], [data for data, _, _ in at_a.got]

    assert run_virtual(main()) == (("192.0.2.99", 7), [b"new"])


class Recording(Network):
    """Writes down what is sent, but for the handshake: its flights need not repeat (media.testing.clock)."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def send(self, data, source, destination):
        if not 19 < data[0] < 64:
            self.sent.append((asyncio.get_running_loop().time(), source, destination, len(data), data[0]))
        super().send(data, source, destination)


async def call(network):
    """Two aiortc peer connections, 10 s of sound with loss; what the receiver has counted."""
    peers = []
    for host in ("10.0.0.2", "10.0.0.3"):
        with network.host(host):
            pc = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
            peers.append(pc)
            pc.addTrack(AudioStreamTrack())
            if pc is peers[0]:
                await pc.setLocalDescription(await pc.createOffer())
            else:
                await pc.setRemoteDescription(peers[0].localDescription)
                await pc.setLocalDescription(await pc.createAnswer())
                await peers[0].setRemoteDescription(pc.localDescription)
    while not all(pc.connectionState == "connected" for pc in peers):
        await asyncio.sleep(0.1)
    network.impair("10.0.0.3", down=LinkSettings(loss=0.1))
    await asyncio.sleep(10)
    report = await peers[1].getReceivers()[0].getStats()
    [inbound] = [entry for entry in report.values() if entry.type == "inbound-rtp"]
    for pc in peers:
        await pc.close()
    return inbound.packetsReceived, inbound.packetsLost, inbound.jitter


@pytest.mark.parametrize("decode", [False, True])
def test_a_whole_call_between_peer_connections_repeats(decode):
    async def main():
        network = Recording()
        return await call(network), network.sent

    counted, sent = run_virtual(main(), decode=decode)
    received, lost, _ = counted
    assert 430 <= received <= 480 and 20 <= lost <= 80
    counted_again, sent_again = run_virtual(main(), decode=decode)
    # The packet by which the second call leaves the first one's way says more than the sums at the end.
    for number, (one, other) in enumerate(zip(sent, sent_again, strict=False)):
        assert other == one, f"packet {number}; before: {sent[max(0, number - 3) : number]}"
    assert len(sent_again) == len(sent) and counted_again == counted
