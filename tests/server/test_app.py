"""HTTP and WebSocket through a real aiohttp server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from socket import create_connection
from typing import Any

import aiohttp
import pytest

from server.app import ROOMTONE
from tests.server.fakes import FakeSfu
from tests.server.sockets import hello, link, receive

AppMaker = Callable[..., Any]
ClientMaker = Callable[..., Any]


class TestPages:
    async def test_the_page_is_the_same_for_every_room(self, client: Any) -> None:
        landing, room = await client.get("/"), await client.get("/r/quiet-harbour-7f3k")
        assert landing.status == room.status == 200
        assert await landing.read() == await room.read()
        assert room.content_type == "text/html"

    async def test_a_room_name_with_other_characters_is_no_page(self, client: Any) -> None:
        assert (await client.get("/r/a%3Cb")).status == 404

    async def test_an_address_that_leads_nowhere_is_answered_with_the_first_page(self, client: Any) -> None:
        landing = await client.get("/")
        for path in ("/nowhere", "/r/", "/r/a%3Cb"):
            lost = await client.get(path, headers={"If-None-Match": landing.headers["ETag"]})
            assert lost.status == 404 and lost.content_type == "text/html"
            assert await lost.read() == await landing.read()

    async def test_nothing_inline_and_nothing_from_elsewhere_may_run(self, client: Any) -> None:
        for path in ("/", "/static/js/main.js", "/nowhere", "/healthz"):
            headers = (await client.get(path)).headers
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "camera=(self)" in headers["Permissions-Policy"]
            assert "Server" not in headers

    async def test_a_strange_host_header_does_not_get_into_the_policy(self, client: Any) -> None:
        response = await client.get("/", headers={"Host": "a.example; script-src *"})
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "a.example" not in policy and "*" not in policy

    async def test_the_policy_names_the_websocket_of_this_host(self, client: Any) -> None:
        response = await client.get("/", headers={"Host": "talk.example.org"})
        assert "wss://talk.example.org" in response.headers["Content-Security-Policy"]

    async def test_a_file_is_asked_for_again_but_not_sent_again(self, client: Any) -> None:
        first = await client.get("/static/js/main.js")
        assert first.headers["Cache-Control"] == "no-cache"
        again = await client.get("/static/js/main.js", headers={"If-None-Match": first.headers["ETag"]})
        assert again.status == 304 and await again.read() == b""
        other = await client.get("/static/js/main.js", headers={"If-None-Match": '"other"'})
        assert other.status == 200

    async def test_files_are_compressed_for_those_who_understand(self, client: Any) -> None:
        plain = await client.get("/static/js/main.js", headers={"Accept-Encoding": "identity"})
        packed = await client.get("/static/js/main.js", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert await plain.read() == await packed.read()
        assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"])

    @pytest.mark.parametrize(
        ("path", "file"),
        [
            ("/static/../secret", "../secret"),
            ("/static/%2e%2e/secret", "../secret"),
            ("/static/..%2fsecret", "../secret"),
            ("/static/js/..%2f..%2fsecret", "../secret"),
            ("/static//etc/passwd", "/etc/passwd"),
            ("/static/%2fetc/passwd", "/etc/passwd"),
            ("/static/js", "js"),
            ("/static/.hidden", ".hidden"),
            ("/static/js/.x", "js/.x"),
            ("/static/js%00main.js", "js/main.js"),
            ("/static/js%5cmain.js", "js\\main.js"),
        ],
    )
    async def test_no_path_leads_out_of_the_folder_or_to_what_is_hidden(
        self, client: Any, static: Path, path: str, file: str
    ) -> None:
        for made in ("../secret", ".hidden", "js/.x", "js\\main.js"):
            (static / made).write_text("not for everybody")
        assert (static / file).exists(), "there is something to be kept back"
        # As bytes: clients tidy paths up before they send them.
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        status, _, rest = (await reader.read()).partition(b"\r\n")
        writer.close()
        assert status == b"HTTP/1.1 404 Not Found"
        assert b"not for everybody" not in rest and b"root:" not in rest

    async def test_an_edited_file_is_served_at_the_next_reload(self, client: Any, static: Any) -> None:
        import os

        before = await (await client.get("/static/js/main.js")).text()
        (static / "js" / "main.js").write_text("export const quiet = false;\n")
        os.utime(static / "js" / "main.js", ns=(1, 1))
        assert await (await client.get("/static/js/main.js")).text() != before

    async def test_hsts_only_where_this_process_speaks_https(self, client: Any) -> None:
        assert "Strict-Transport-Security" not in (await client.get("/")).headers

    async def test_healthy(self, client: Any) -> None:
        assert await (await client.get("/healthz")).text() == "ok"


class TestFailures:
    async def test_whoever_hangs_up_before_the_answer_is_no_failure(
        self, client: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        request = (
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with create_connection((client.host, client.port)) as hasty:
            hasty.sendall(request)
        assert (await client.get("/healthz")).status == 200
        assert not caplog.records and not client.app[ROOMTONE].sessions

    async def test_a_failure_of_ours_is_logged_without_whose_request_it_was(
        self, client: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(client.app[ROOMTONE].assets, "respond", fail)
        response = await client.get("/r/quiet-harbour")
        assert response.status == 500 and (await response.json())["code"] == "internal"
        assert "a defect" in caplog.text
        assert "quiet-harbour" not in caplog.text and client.host not in caplog.text


class TestMetrics:
    async def test_are_off_without_a_token(self, client: Any) -> None:
        assert (await client.get("/metrics")).status == 404

    async def test_need_the_token(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(metrics_token="let-me-see-the-numbers"))
        assert (await client.get("/metrics")).status == 401
        wrong = await client.get("/metrics", headers={"Authorization": "Bearer let-me-see-the-number"})
        assert wrong.status == 401 and wrong.headers["WWW-Authenticate"] == "Bearer"
        socket = await hello(client, link(), name="Dr. Reed")
        await receive(socket, "room")
        bad = await hello(client, "nonsense")
        await receive(bad, "bye")
        response = await client.get("/metrics", headers={"Authorization": "Bearer let-me-see-the-numbers"})
        text = await response.text()
        assert "roomtone_rooms 1.0" in text
        assert 'roomtone_participants{connection="connecting"} 1.0' in text
        assert 'roomtone_refused_total{code="token-invalid"} 1.0' in text
        assert 'roomtone_messages_total{type="hello"} 2.0' in text
        assert "roomtone_media_forwarded_total 7.0" in text
        assert 'roomtone_media_pictures{state="stills"} 2.0' in text
        assert "Reed" not in text and 'room"' not in text

    async def test_packets_wait_for_the_rooms_too(
        self, make_app: AppMaker, aiohttp_client: ClientMaker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = make_app()
        now, roomtone = 100.0, app[ROOMTONE]

        def tick() -> None:
            nonlocal now
            now += 0.03

        monkeypatch.setattr(roomtone, "clock", lambda: now)
        monkeypatch.setattr(roomtone.rooms, "tick", tick)
        await aiohttp_client(app)
        async with asyncio.timeout(5):
            while roomtone.registry.get_sample_value("roomtone_loop_late_seconds_count") == 0:
                await asyncio.sleep(0)
        assert roomtone.registry.get_sample_value("roomtone_loop_late_seconds_sum") == pytest.approx(0.03)

    async def test_a_token_may_be_any_bytes(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(metrics_token="let-me-see-the-numbers"))
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
        assert b" 401 " in await reader.readline()
        writer.close()


class TestWebSocket:
    async def test_joins_and_is_answered(self, client: Any) -> None:
        socket = await hello(client, link(), name="Dr. Reed")
        assert (await receive(socket, "welcome"))["state"] == "joined"
        await socket.send_json({"type": "ping", "id": 7})
        assert (await receive(socket, "pong"))["id"] == 7

    async def test_another_site_may_not_open_it(self, client: Any) -> None:
        for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example", "http://[bad"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect("/ws", headers={"Origin": origin})
            assert refused.value.status == 403

    async def test_the_same_host_may_open_it_whatever_the_scheme(self, client: Any) -> None:
        origin = f"https://{client.host}:{client.port}"
        socket = await client.ws_connect("/ws", headers={"Origin": origin})
        await socket.close()

    async def test_a_listed_site_may_open_it(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        client = await aiohttp_client(make_app(allowed_origins=("https://clinic.example.org",)))
        socket = await client.ws_connect("/ws", headers={"Origin": "https://clinic.example.org"})
        await socket.close()

    async def test_whoever_says_nothing_is_sent_away(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        client = await aiohttp_client(make_app(hello_seconds=0.05))
        socket = await client.ws_connect("/ws")
        assert (await receive(socket, "bye"))["code"] == "hello-timeout"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE

    async def test_a_refusal_is_a_bye_and_then_the_end(self, client: Any) -> None:
        socket = await hello(client, "nonsense")
        bye = await receive(socket, "bye")
        assert bye["code"] == "token-invalid" and "link" in bye["message"] and not bye["retry"]
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE

    async def test_a_message_that_is_too_long_ends_the_connection(self, client: Any) -> None:
        socket = await hello(client, link())
        await receive(socket, "welcome")
        await socket.send_str("x" * 300_000)
        async with asyncio.timeout(5):
            while not socket.closed:
                await socket.receive()
        assert socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG

    async def test_binary_messages_are_refused(self, client: Any) -> None:
        socket = await hello(client, link())
        await receive(socket, "welcome")
        await socket.send_bytes(b"\0" * 10)
        assert (await receive(socket, "error"))["code"] == "bad-message"

    async def test_connections_are_limited(self, make_app: AppMaker, aiohttp_client: ClientMaker) -> None:
        app = make_app(max_connections=2)
        client = await aiohttp_client(app)
        host = await hello(client, link())
        resume = (await receive(host, "welcome"))["resume"]
        await host.close()
        kept = [await hello(client, link("guest")) for _ in range(2)]
        for socket in kept:
            await receive(socket, "welcome")
        kept.append(await hello(client, "", resume=resume))
        await receive(kept[-1], "welcome")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/ws")
        assert refused.value.status == 503 and app[ROOMTONE].rooms.full["max_connections"] == 1
        for socket in kept:
            await socket.close()

    async def test_silent_connections_keep_nobody_out(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        app = make_app(max_connections=2)
        client = await aiohttp_client(app)
        host = await hello(client, link())
        resume = (await receive(host, "welcome"))["resume"]
        crowd = [await client.ws_connect("/ws") for _ in range(20)]
        async with asyncio.timeout(5):
            assert (await crowd[0].receive()).type is aiohttp.WSMsgType.CLOSED
        assert (await receive(await hello(client, link("guest")), "welcome"))["state"] == "waiting"
        await host.close()
        assert (await receive(await hello(client, "", resume=resume), "welcome"))["resumed"]
        assert app[ROOMTONE].counts["drop", "silent"] > 0 and not app[ROOMTONE].rooms.full
        assert len(app[ROOMTONE].sessions) <= app[ROOMTONE].settings.max_websockets

    async def test_the_last_connections_are_for_those_who_come_back(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        app = make_app(max_connections=2)
        client = await aiohttp_client(app)
        host, guest = await hello(client, link()), await hello(client, link("guest"))
        resume = (await receive(host, "welcome"))["resume"]
        await receive(guest, "welcome")
        stranger = await hello(client, link("guest"))
        assert (await receive(stranger, "bye"))["code"] == "server-full"
        await stranger.close()
        while len(app[ROOMTONE].sessions) > 2:
            await asyncio.sleep(0)
        back = await hello(client, "", resume=resume)
        assert (await receive(back, "welcome"))["resumed"]
        assert app[ROOMTONE].rooms.full["max_connections"] == 1

    async def test_a_restart_tells_everybody_to_come_back(self, client: Any) -> None:
        joined, silent = await hello(client, link()), await client.ws_connect("/ws")
        await receive(joined, "welcome")
        closing = asyncio.create_task(client.server.close())
        for socket in (joined, silent):
            bye = await receive(socket, "bye")
            assert bye["code"] == "restart" and bye["retry"]
        await closing

    async def test_a_page_that_does_not_read_is_hung_up_on(
        self, make_app: AppMaker, aiohttp_client: ClientMaker
    ) -> None:
        app = make_app()
        client = await aiohttp_client(app)
        stuck = await hello(client, link("host"))
        await receive(stuck, "welcome")
        (session,) = app[ROOMTONE].sessions
        stuck._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        from server.messages import Chat

        chat = Chat(participant="a", name="a", text="x" * 2000, at=0.0, id=1)
        for _ in range(20_000):
            session.send(chat)
            if session.closing:
                break
        assert session.closing
        async with asyncio.timeout(5):
            while app[ROOMTONE].sessions:
                await asyncio.sleep(0)
        assert app[ROOMTONE].counts["drop", "too-slow"] == 1
        stuck._response.connection.transport.resume_reading()  # type: ignore[union-attr]

    async def test_media_ends_with_the_session(self, client: Any, fake_sfu: FakeSfu) -> None:
        socket = await hello(client, link())
        await receive(socket, "welcome")
        await socket.send_json(
            {"type": "offer", "connection": "a", "sdp": "v=0\r\na=slots:2\r\n", "sources": {}}
        )
        await receive(socket, "answer")
        (peer,) = fake_sfu.peers
        await socket.send_json({"type": "end"})
        assert (await receive(socket, "bye"))["code"] == "ended"
        assert peer.closed and not fake_sfu.peers
