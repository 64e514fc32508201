"""What WHIP and WHEP refuse, and in which words."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server import clients, whip
from server.app import ROOMTONE
from server.auth import Tokens
from tests.server.encoders import SENDING, WATCHING, check_problem, headers, offer, start, token
from tests.server.fakes import SECRET, FakeSfu, House
from tests.server.sockets import link


class TestRefusals:
    @pytest.mark.parametrize("protocol", ["whip", "whep"])
    async def test_who_you_are_comes_first(self, client: Any, protocol: str) -> None:
        url = f"/{protocol}/room"
        for missing in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer "}):
            response = await client.post(
                url, data="x", headers={"Content-Type": "application/sdp", **missing}
            )
            await check_problem(response, 401, "unauthorized")
            assert response.headers["WWW-Authenticate"] == "Bearer"
        response = await client.post(url, data="x", headers=headers("nonsense"))
        await check_problem(response, 401, "token-invalid")
        assert "invalid_token" in response.headers["WWW-Authenticate"]
        old = Tokens(SECRET).link("room", "host", lifetime=1, now=time.time() - 3600)
        await check_problem(await client.post(url, data="x", headers=headers(old)), 401, "token-expired")
        other = token("publish", "subscribe", room="other")
        await check_problem(await client.post(url, data="x", headers=headers(other)), 403, "token-wrong-room")
        weak = token("chat")
        await check_problem(await client.post(url, data="x", headers=headers(weak)), 403, "token-forbidden")
        assert sum(client.app[ROOMTONE].rooms.refused.values()) == 4

    async def test_a_token_that_only_knocks_is_not_enough(self, client: Any) -> None:
        response = await client.post("/whip/room", data=SENDING, headers=headers(link("guest")))
        await check_problem(response, 403, "token-forbidden")

    async def test_a_token_that_only_knocks_does_not_tell_whether_somebody_sends(self, client: Any) -> None:
        for query in ("", "?participant=somebody"):
            response = await client.post(f"/whep/room{query}", data=WATCHING, headers=headers(link("guest")))
            await check_problem(response, 403, "token-forbidden")

    async def test_tokens_that_only_knock_can_not_slow_others_down(self, client: Any) -> None:
        for _ in range(clients.START_BURST + 20):
            await client.post("/whep/room", data="x", headers=headers(link("guest")))
        await start(client)

    async def test_no_body_of_a_stranger_is_waited_for(self, client: Any) -> None:
        for bearer in ("nonsense", link("guest"), token("chat")):
            reader, writer = await asyncio.open_connection(client.host, client.port)
            writer.write(
                f"POST /whip/room HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n"
                "Content-Type: application/sdp\r\nContent-Length: 200000\r\n\r\nv=0".encode()
            )
            async with asyncio.timeout(whip.BODY_SECONDS / 2):
                assert (await reader.readline()).split()[1] in (b"401", b"403")
            writer.close()

    async def test_only_sdp_is_read(self, client: Any) -> None:
        response = await client.post(
            "/whip/room", data="{}", headers=headers(token("publish"), "application/json")
        )
        await check_problem(response, 415, "unsupported-media-type")
        assert response.headers["Accept-Post"] == "application/sdp"

    @pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"v=0\r\n", b"hello"])
    async def test_a_broken_offer_is_refused(self, client: Any, body: bytes, fake_sfu: FakeSfu) -> None:
        response = await client.post("/whip/room", data=body, headers=headers(token("publish")))
        await check_problem(response, 400, "bad-sdp")
        assert not fake_sfu.peers and not client.app[ROOMTONE].rooms.rooms

    async def test_a_large_offer_is_refused(self, client: Any) -> None:
        body = "v=0\r\n" * 60_000
        await check_problem(
            await client.post("/whip/room", data=body, headers=headers(token("publish"))), 413, "too-large"
        )

        async def endless() -> Any:
            for _ in range(60):
                yield b"v=0\r\n" * 1000

        await check_problem(
            await client.post("/whip/room", data=endless(), headers=headers(token("publish"))),
            413,
            "too-large",
        )

    @pytest.mark.parametrize(
        ("protocol", "body", "code"),
        [
            ("whip", offer(("video", "sendonly"), ("video", "sendonly")), "not-acceptable"),
            ("whip", offer(("audio", "sendrecv"), ("audio", "sendonly")), "not-acceptable"),
            ("whip", WATCHING, "no-media"),
            ("whip", offer(), "no-media"),
            ("whip", offer(("audio", "sendonly"), ("video", "sendonly"), codec="AV1"), "unsupported-codec"),
            ("whep", offer(("video", "recvonly"), ("video", "recvonly")), "not-acceptable"),
            ("whep", SENDING, "no-media"),
        ],
    )
    async def test_an_offer_is_taken_whole_or_not_at_all(
        self, client: Any, fake_sfu: FakeSfu, protocol: str, body: str, code: str
    ) -> None:
        await start(client)
        bearer = token("publish", "subscribe")
        await check_problem(
            await client.post(f"/{protocol}/room", data=body, headers=headers(bearer)), 406, code
        )
        assert len(fake_sfu.peers) == 1
        assert len(client.app[ROOMTONE].rooms.rooms["room"].room.participants) == 1

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"])
    async def test_other_methods_on_an_endpoint(self, client: Any, method: str) -> None:
        response = await client.request(method, "/whip/room")
        assert response.status == 405 and response.headers["Allow"] == "POST, OPTIONS"

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST"])
    async def test_other_methods_on_a_session(self, client: Any, method: str) -> None:
        response = await client.request(method, (await start(client)).url)
        assert response.status == 405 and response.headers["Allow"] == "PATCH, DELETE, OPTIONS"

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("POST", "/whip/no room", 405, "method-not-allowed"),
            ("DELETE", "/whep/room/session/more", 405, "method-not-allowed"),
            ("POST", "/", 405, "method-not-allowed"),
            ("GET", "/metrics", 404, "not-found"),
        ],
    )
    async def test_addresses_that_are_none_of_these(
        self, client: Any, method: str, path: str, status: int, code: str
    ) -> None:
        response = await client.request(method, path)
        assert response.status == status and (await response.json())["code"] == code
        assert status != 405 or response.headers["Allow"] == "GET,HEAD"

    async def test_any_page_may_ask_what_is_possible(self, client: Any) -> None:
        ask = {"Origin": "https://studio.example", "Access-Control-Request-Method": "POST"}
        response = await client.options("/whip/room", headers=ask)
        assert response.status == 200 and response.headers["Accept-Post"] == "application/sdp"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "POST" in response.headers["Access-Control-Allow-Methods"]
        for name in ("Authorization", "Content-Type", "If-Match"):
            assert name in response.headers["Access-Control-Allow-Headers"]
        session = await client.options("/whip/room/some-session", headers=ask)
        assert session.headers["Accept-Patch"] == whip.FRAGMENT
        assert "PATCH" in session.headers["Access-Control-Allow-Methods"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.lists(st.sampled_from([*SENDING.split("\r\n"), *WATCHING.split("\r\n"), "m=audio", "a=mid:"])).map(
            lambda lines: "\r\n".join(["v=0", *lines, ""]).encode()
        ),
    )
)
def test_no_body_breaks_the_server(body: bytes) -> None:
    from media.errors import MediaError
    from server.words import Refusal

    house = House()
    sessions = clients.Clients(house.rooms, lambda: house.now)
    bearer = house.token("guest", may=("join", "publish", "subscribe"))
    for protocol in ("whip", "whep"):
        try:
            admission = sessions.admit(protocol, "room", bearer)  # type: ignore[arg-type]
            session = sessions.open(admission, body.decode(errors="replace"))
        except (Refusal, MediaError):
            assert not house.sfu.peers and not house.rooms.rooms
        else:
            sessions.close(session)
            house.settle()
            assert not house.sfu.peers


def test_problems_are_json_that_programs_can_read() -> None:
    from server.problem import STATUS, problem
    from server.words import WORDS

    for code, status in STATUS.items():
        if code in WORDS:
            body = json.loads(problem(code).text or "")
            assert body == {**body, "status": status, "code": code, "detail": WORDS[code]}
