"""Every setting gets to where it is obeyed, and what the process sets for itself is set."""

from __future__ import annotations

import asyncio
import logging
import resource
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from server import serve, whip
from server.__main__ import main
from server.app import ROOMTONE
from server.auth import Tokens
from server.serve import raise_descriptor_limit, sfu_settings, ssl_context
from server.settings import Settings
from tests.server.certificates import make_certificate
from tests.server.fakes import SECRET
from tests.server.sockets import hello, link, receive

AppMaker = Callable[..., Any]
ClientMaker = Callable[..., Any]
PATIENCE = 10  # seconds; a guard against hanging


class TestMedia:
    @pytest.mark.parametrize(
        ("setting", "value", "field"),
        [
            ("media_host", "192.0.2.1", "host"),
            ("media_port", 4000, "media_port"),
            ("public_addresses", ("203.0.113.7",), "public_addresses"),
            ("max_peers", 7, "max_peers"),
        ],
    )
    def test_settings_reach_the_media_side(self, setting: str, value: Any, field: str) -> None:
        assert getattr(sfu_settings(Settings(**{setting: value})), field) == value

    def test_without_an_address_it_listens_on_all(self) -> None:
        assert sfu_settings(Settings()).host == "::"


class TestSessions:
    @pytest.mark.parametrize(
        ("setting", "value", "field"),
        [
            ("hello_seconds", 3.0, "hello_seconds"),
            ("messages_per_second", 7.0, "messages_per_second"),
            ("message_burst", 11, "message_burst"),
            ("max_bad_messages", 4, "bad_messages"),
            ("max_queued_bytes", 600_000, "queued_bytes"),
        ],
    )
    def test_settings_limit_what_a_page_may_send(
        self, make_app: AppMaker, setting: str, value: Any, field: str
    ) -> None:
        assert getattr(make_app(**{setting: value})[ROOMTONE].session_limits(), field) == value

    async def test_those_limits_hold(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(max_bad_messages=0))
        host = await hello(client, link())
        await host.send_str("?")
        assert (await receive(host, "bye"))["code"] == "bad-message"

    async def test_a_silent_websocket_is_pinged(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        client = await aiohttp_client(make_app(heartbeat_seconds=0.05))
        socket = await client.ws_connect("/ws", autoping=False)
        assert (await socket.receive(PATIENCE)).type is aiohttp.WSMsgType.PING
        await socket.close()


class TestRooms:
    async def test_as_many_people_as_are_set(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(max_participants=2))
        for person in ("a", "b"):
            await receive(await hello(client, link(identity=person)), "welcome")
        assert (await receive(await hello(client, link(identity="c")), "bye"))["code"] == "room-full"

    async def test_as_many_wait_as_are_set(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(max_waiting=1))
        await receive(await hello(client, link("guest")), "welcome")
        assert (await receive(await hello(client, link("guest")), "bye"))["code"] == "waiting-full"

    async def test_as_many_rooms_as_are_set(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(max_rooms=1))
        await receive(await hello(client, link(room="one")), "welcome")
        assert (await receive(await hello(client, link(room="two")), "bye"))["code"] == "server-full"

    async def test_a_place_is_kept_as_long_as_is_set(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        app = make_app(lease_seconds=0)
        client = await aiohttp_client(app)
        host = await hello(client, link())
        await receive(host, "welcome")
        await host.close()
        async with asyncio.timeout(PATIENCE):
            while app[ROOMTONE].rooms.rooms:
                await asyncio.sleep(0.01)

    async def test_links_and_second_visits_work_as_long_as_is_set(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        client = await aiohttp_client(make_app(link_hours=3, session_hours=5))
        welcome = await receive(await hello(client, link()), "welcome")
        tokens, now = Tokens(SECRET), time.time()
        guest = tokens.read_link(welcome["guest_link"].partition("#")[2], now=now)
        assert round((guest.exp - now) / 3600) == 3
        assert round((tokens.read_resume(welcome["resume"], now=now).exp - now) / 3600) == 5


async def test_a_body_that_does_not_come_is_not_waited_for(
    make_app: AppMaker, aiohttp_client: ClientMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whip, "BODY_SECONDS", 0.05)
    client = await aiohttp_client(make_app())
    bearer = link("guest", may=("join", "publish"))
    headers = CIMultiDict({"Authorization": f"Bearer {bearer}", "Content-Type": "application/sdp"})
    never = asyncio.Event()

    async def body() -> Any:
        yield b"v=0\r\n"
        await never.wait()

    async with asyncio.timeout(PATIENCE):
        response = await client.post("/whip/room", data=body(), headers=headers)
        assert response.status == 408 and (await response.json())["code"] == "request-timeout"
    never.set()


class TestProcess:
    @pytest.fixture
    def levels(self) -> Iterator[None]:
        """What the process sets is undone."""
        names = ("aioice", "aiortc", "asyncio", "aiohttp.server")
        before = {name: logging.getLogger(name).level for name in names}
        yield
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)

    @pytest.mark.parametrize("level", ["info", "error"])
    def test_as_much_is_logged_as_is_set_and_nobody_s_address(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, levels: None, level: str
    ) -> None:
        async def nothing(settings: Settings) -> None: ...

        configured: dict[str, Any] = {}
        monkeypatch.setattr(serve, "serve", nothing)
        monkeypatch.setattr(logging, "basicConfig", lambda **given: configured.update(given))
        for name in ("aioice", "aiortc", "asyncio"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        ports = ["--port", "0", "--media-port", "0", "--data-directory", str(tmp_path)]
        assert main(["serve", *ports, "--log-level", level]) == 0
        assert configured["level"] == level.upper()
        for name in ("aioice", "aiortc", "asyncio"):
            assert not logging.getLogger(name).isEnabledFor(logging.INFO), name
        assert not logging.getLogger("aiohttp.server").isEnabledFor(logging.ERROR)

    def test_old_tls_is_refused(self, tmp_path: Path) -> None:
        certificate, key = make_certificate(tmp_path)
        context = ssl_context(Settings(tls_certificate=certificate, tls_key=key))
        assert context is not None and context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert ssl_context(Settings()) is None

    def test_it_may_open_as_many_files_as_the_system_lets_it(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard))
        try:
            raise_descriptor_limit()
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
