import asyncio
import errno

import pytest

from media.testing.forwarder import Forwarder

HERE, THERE = "127.0.0.1", "127.0.0.2"


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data.upper(), addr)


class Client(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.got.put_nowait((data, addr[0]))


async def echo(reader, writer):
    writer.write((await reader.read(100)).upper())
    await writer.drain()
    writer.close()


@pytest.fixture
async def forwarder():
    loop = asyncio.get_running_loop()
    forwarder = Forwarder(HERE, THERE)
    await forwarder.start()
    udp, _ = await loop.create_datagram_endpoint(Echo, local_addr=(THERE, forwarder.port))
    tcp = await asyncio.start_server(echo, THERE, forwarder.port)
    yield forwarder
    await forwarder.stop()
    udp.close()
    tcp.close()


async def client(forwarder):
    loop = asyncio.get_running_loop()
    return await loop.create_datagram_endpoint(Client, remote_addr=(HERE, forwarder.port))


async def test_each_client_gets_its_own_answers_until_udp_is_stopped(forwarder):
    async with asyncio.timeout(10):
        (first, at_first), (second, at_second) = await client(forwarder), await client(forwarder)
        first.sendto(b"one")
        second.sendto(b"two")
        assert await at_first.got.get() == (b"ONE", HERE)
        assert await at_second.got.get() == (b"TWO", HERE)
        forwarder.udp = False
        first.sendto(b"lost")
        reader, writer = await asyncio.open_connection(HERE, forwarder.port)
        writer.write(b"over tcp")
        assert await reader.read() == b"OVER TCP"
        writer.close()
        forwarder.udp = True
        first.sendto(b"again")
        assert await at_first.got.get() == (b"AGAIN", HERE)
        assert forwarder.tcp_bytes == 16 and forwarder.udp_bytes == 2 * len("onetwoagain")
        first.close()
        second.close()


async def test_on_the_way_back_as_many_are_lost_as_was_asked_for(forwarder):
    async with asyncio.timeout(10):
        transport, at_client = await client(forwarder)
        forwarder.loss = 0.5
        sent = 0
        while at_client.got.qsize() < 100:
            transport.sendto(b"more")
            sent += 1
            await asyncio.sleep(0.001)
        assert 150 < sent < 300
        transport.close()


async def test_a_port_that_tcp_has_not_free_is_passed_over(monkeypatch):
    start_server, tried = asyncio.start_server, []

    async def picky(accept, host, port):
        tried.append(port)
        if len(tried) < 3:
            raise OSError(errno.EADDRINUSE, "somebody calls from this port")
        return await start_server(accept, host, port)

    monkeypatch.setattr(asyncio, "start_server", picky)
    forwarder = Forwarder(HERE, THERE)
    await forwarder.start()
    assert forwarder.port == tried[2]
    await forwarder.stop()
