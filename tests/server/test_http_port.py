"""The HTTP port under connections that ask for nothing, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from server.http_port import STUCK, HttpPort
from tests.server.certificates import make_certificate

PATIENCE = 20  # seconds; a guard against hanging
AT_MOST = 4
LARGE = b"/" * 6_000_000  # the sockets' buffers hold 4 MB of it

Opener = Callable[..., Any]


@pytest.fixture
async def open_port(make_app: Callable[..., Any]) -> AsyncIterator[Opener]:
    closing = contextlib.AsyncExitStack()

    async def opened(
        *, seconds: float = 60, tls: ssl.SSLContext | None = None, app: web.Application | None = None
    ) -> HttpPort:
        app = app or make_app()
        http = HttpPort(app, at_most=AT_MOST, handshake_seconds=seconds)
        runner = web.AppRunner(app, keepalive_timeout=seconds, shutdown_timeout=1)
        await runner.setup()
        closing.push_async_callback(runner.cleanup)
        closing.callback(http.close)
        assert runner.server is not None
        http.open(runner.server, "127.0.0.1", 0, tls)
        return http

    async with closing, asyncio.timeout(PATIENCE):
        yield opened


@pytest.fixture
def silent() -> Iterator[Callable[[HttpPort], socket.socket]]:
    """Connects and says nothing."""
    opened: list[socket.socket] = []

    def connect(http: HttpPort) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", http.port))
        connection.setblocking(False)
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(tmp_path / "tls"))
    return context


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)


async def is_hung_up_on(connection: socket.socket) -> None:
    assert await asyncio.get_running_loop().sock_recv(connection, 1) == b""


async def health(http: HttpPort, scheme: str = "http") -> str:
    url = f"{scheme}://127.0.0.1:{http.port}/healthz"
    async with aiohttp.ClientSession() as client, client.get(url, ssl=False) as response:
        return await response.text()


async def test_whoever_asks_for_nothing_is_hung_up_on(open_port: Opener, silent: Any) -> None:
    http = await open_port(seconds=0.05)
    await is_hung_up_on(silent(http))


async def test_half_a_request_is_none(open_port: Opener, silent: Any) -> None:
    connection = silent(await open_port(seconds=0.05))
    connection.send(b"GET /healthz HTTP/1.1\r\nHost:")
    await is_hung_up_on(connection)


async def test_whoever_says_nothing_of_tls_is_hung_up_on(
    open_port: Opener, silent: Any, tls: ssl.SSLContext
) -> None:
    await is_hung_up_on(silent(await open_port(seconds=0.05, tls=tls)))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_silent_connections_keep_nobody_out(
    open_port: Opener, silent: Any, tls: ssl.SSLContext, scheme: str
) -> None:
    http = await open_port(tls=tls if scheme == "https" else None)
    crowd = [silent(http) for _ in range(3 * AT_MOST)]
    assert await health(http, scheme) == "ok"
    await is_hung_up_on(crowd[0])


@pytest.fixture
def slow(static: Path) -> Iterator[Callable[[HttpPort], Any]]:
    """Asks for what no buffer holds, and reads the first byte of it."""
    (static / "js" / "large.js").write_bytes(LARGE)
    opened: list[socket.socket] = []

    async def ask(http: HttpPort) -> socket.socket:
        connection = socket.socket()
        opened.append(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", http.port))
        connection.send(b"GET /static/js/large.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        assert await loop.sock_recv(connection, 1) == b"H"
        return connection

    yield ask
    for connection in opened:
        connection.close()


async def test_connections_that_read_nothing_keep_nobody_out_and_write_no_novel(
    open_port: Opener, slow: Any, caplog: pytest.LogCaptureFixture
) -> None:
    http = await open_port()
    for _ in range(AT_MOST):
        await slow(http)
    for _ in range(2 * AT_MOST):
        assert await health(http) == "ok"
    assert not caplog.records


async def test_who_has_shaken_hands_and_asks_for_nothing_keeps_nobody_out(
    open_port: Opener, silent: Any, tls: ssl.SSLContext
) -> None:
    http = await open_port(tls=tls)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    kept = []
    for _ in range(AT_MOST):
        connection = silent(http)
        connection.setblocking(True)
        kept.append(await asyncio.to_thread(context.wrap_socket, connection))
    for _ in range(2 * AT_MOST):
        assert await health(http, "https") == "ok"
    for connection in kept:
        connection.close()


async def test_who_reads_slowly_stays_where_others_ask_for_nothing(
    open_port: Opener, slow: Any, silent: Any
) -> None:
    http = await open_port()
    reader = await slow(http)
    for _ in range(2 * AT_MOST):
        silent(http)
        assert await health(http) == "ok"
    received = 0
    while received < len(LARGE):
        more = len(await asyncio.get_running_loop().sock_recv(reader, 1 << 20))
        assert more, "it was cut off"
        received += more


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
async def test_the_system_closes_who_takes_nothing_of_what_is_sent(
    open_port: Opener, make_app: Callable[..., Any]
) -> None:
    limits: list[int] = []

    async def look(request: web.Request, _: web.StreamResponse) -> None:
        assert request.transport is not None
        connection = request.transport.get_extra_info("socket")
        limits.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

    app = make_app()
    app.on_response_prepare.append(look)
    await health(await open_port(app=app))
    assert limits == [STUCK * 1000]


async def test_what_is_being_served_is_never_cut_off(open_port: Opener, silent: Any) -> None:
    http = await open_port()
    async with aiohttp.ClientSession() as client:
        url = f"http://127.0.0.1:{http.port}/ws"
        sockets = [await client.ws_connect(url) for _ in range(AT_MOST)]
        for _ in range(AT_MOST):
            await is_hung_up_on(silent(http))
        for page in sockets:
            await page.send_json({"type": "hello", "version": 1, "token": "nonsense"})
            assert (await page.receive_json())["code"] == "token-invalid"


async def test_a_process_without_descriptors_lets_silent_ones_go_and_writes_no_novel(
    open_port: Opener, silent: Any, caplog: pytest.LogCaptureFixture
) -> None:
    http = await open_port()
    for _ in range(AT_MOST):
        silent(http)
    assert await health(http) == "ok"  # so all are in
    with socket.socket() as late, no_descriptor_left():
        late.setblocking(False)
        await asyncio.get_running_loop().sock_connect(late, ("127.0.0.1", http.port))
        late.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await asyncio.get_running_loop().sock_recv(late, 12) == b"HTTP/1.1 200"
    assert not caplog.records
