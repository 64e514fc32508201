"""WHIP (RFC 9725) and WHEP over HTTP, with a media side without media."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from media import sdp
from server import clients, whip
from server.app import ROOMTONE
from server.auth import Tokens
from tests.server.fakes import SECRET, FakeSfu, House
from tests.server.test_app import hello, link, receive

UFRAG, PWD = "abcd", "0123456789abcdef01234567"


def offer(*lines: tuple[str, str], codec: str = "VP8", ufrag: str = UFRAG) -> str:
    """An offer with these (kind, direction) lines. `a=slots:` tells FakePeer of places to receive in."""
    text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    text += f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{PWD}\r\n"
    text += "a=slots:1\r\n" if any("recv" in direction for _, direction in lines) else ""
    text += f"a=group:BUNDLE {' '.join(map(str, range(len(lines))))}\r\n"
    for mid, (kind, direction) in enumerate(lines):
        number, name = (111, "opus/48000/2") if kind == "audio" else (96, f"{codec}/90000")
        text += f"m={kind} 9 UDP/TLS/RTP/SAVPF {number}\r\na=mid:{mid}\r\na={direction}\r\n"
        text += f"a=rtpmap:{number} {name}\r\n"
    return text


SENDING = offer(("audio", "sendonly"), ("video", "sendonly"))
WATCHING = offer(("audio", "recvonly"), ("video", "recvonly"))


def token(*may: Any, room: str = "room", lifetime: float = 3600, identity: str | None = None) -> str:
    return Tokens(SECRET).link(
        room, "guest", lifetime=lifetime, now=time.time(), may=("join", *may), identity=identity
    )


def headers(bearer: str, content_type: str = "application/sdp", **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer}", "Content-Type": content_type, **more}


@pytest.fixture
async def client(make_app: Callable[..., Any], aiohttp_client: Callable[..., Any]) -> Any:
    return await aiohttp_client(make_app())


async def check_problem(response: ClientResponse, status: int, code: str) -> None:
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    body = await response.json()
    assert body["code"] == code and body["status"] == status and body["title"] and body["detail"]
    assert response.headers["Access-Control-Allow-Origin"] == "*"


class Session:
    """One started session, as its client knows it."""

    def __init__(self, client: Any, response: ClientResponse, bearer: str) -> None:
        self.client = client
        self.url = response.headers["Location"]
        self.etag = response.headers["ETag"]
        self.bearer = bearer

    async def patch(self, body: str, *, if_match: str | None, **more: Any) -> ClientResponse:
        content_type = more.pop("content_type", whip.FRAGMENT)
        extra = {} if if_match is None else {"If-Match": if_match}
        response: ClientResponse = await self.client.patch(
            self.url, data=body, headers=headers(more.pop("bearer", self.bearer), content_type, **extra)
        )
        return response

    async def delete(self) -> ClientResponse:
        response: ClientResponse = await self.client.delete(self.url, headers=headers(self.bearer))
        return response


async def start(client: Any, protocol: str = "whip", **more: Any) -> Session:
    bearer = more.pop("bearer", None) or token("publish" if protocol == "whip" else "subscribe")
    body = SENDING if protocol == "whip" else WATCHING
    response = await client.post(
        f"/{protocol}/room{more.pop('query', '')}", data=body, headers=headers(bearer)
    )
    assert response.status == 201, await response.text()
    return Session(client, response, bearer)


class TestStarting:
    async def test_an_offer_is_answered_with_a_session(self, client: Any, fake_sfu: FakeSfu) -> None:
        response = await client.post("/whip/room", data=SENDING, headers=headers(token("publish")))
        assert response.status == 201 and response.content_type == "application/sdp"
        assert (await response.text()).startswith("v=0")
        assert response.headers["Location"].startswith("/whip/room/")
        assert response.headers["ETag"].startswith('"') and not response.headers["ETag"].startswith("W/")
        assert "Location" in response.headers["Access-Control-Expose-Headers"]
        assert set(fake_sfu.peers[0].publications) == {"microphone", "camera"}
        assert not fake_sfu.peers[0].takes_orders, "nobody could tell it"

    async def test_a_sender_is_shown_to_the_people_in_the_room(self, client: Any) -> None:
        host = await hello(client, link("host"), name="Dr. Reed")
        await receive(host, "room")
        await start(client)
        people = (await receive(host, "room"))["participants"]
        assert [person["kind"] for person in people] == ["page", "sender"]

    async def test_a_viewer_is_shown_and_can_be_removed(self, client: Any, fake_sfu: FakeSfu) -> None:
        host = await hello(client, link("host"), name="Dr. Reed")
        await start(client)
        viewer = await start(client, "whep")
        while True:
            people = (await receive(host, "room"))["participants"]
            if [person["kind"] for person in people] == ["page", "sender", "viewer"]:
                break
        await host.send_json({"type": "remove", "participant": people[2]["id"]})
        await receive(host, "room")
        assert len(fake_sfu.peers) == 1
        await check_problem(await viewer.delete(), 404, "not-found")

    async def test_a_viewer_sends_nothing_whatever_it_offers(self, client: Any, fake_sfu: FakeSfu) -> None:
        await start(client)
        both = offer(("audio", "sendrecv"), ("video", "sendrecv"))
        response = await client.post("/whep/room", data=both, headers=headers(token("subscribe")))
        assert response.status == 201
        assert not fake_sfu.peers[1].publications

    async def test_a_viewer_may_choose_whom_to_watch(self, client: Any, fake_sfu: FakeSfu) -> None:
        await start(client)
        await start(client)
        first, second = fake_sfu.peers
        for chosen, query in ((first, ""), (second, f"?participant={second.name}")):
            await start(client, "whep", query=query)
            bound = fake_sfu.peers[-1].bound
            assert bound == {0: (chosen.publications["microphone"], chosen.publications["camera"])}
        for wrong in ("nobody", "a/b", "", "%00"):
            response = await client.post(
                f"/whep/room?participant={wrong}", data=WATCHING, headers=headers(token("subscribe"))
            )
            await check_problem(response, 404, "not-found")

    async def test_without_anybody_to_watch_the_viewer_is_asked_to_come_back(self, client: Any) -> None:
        response = await client.post("/whep/room", data=WATCHING, headers=headers(token("subscribe")))
        await check_problem(response, 409, "no-publisher")
        assert int(response.headers["Retry-After"]) > 0
        assert not client.app[ROOMTONE].rooms.rooms, "watching opens no room"

    async def test_the_same_identity_takes_over_its_older_session(
        self, client: Any, fake_sfu: FakeSfu
    ) -> None:
        bearer = token("publish", identity="encoder")
        first = await start(client, bearer=bearer)
        second = await start(client, bearer=bearer)
        assert len(fake_sfu.peers) == 1
        await check_problem(await first.delete(), 404, "not-found")
        assert (await second.delete()).status == 200

    async def test_an_offer_that_is_refused_leaves_the_running_session_of_its_identity(
        self, client: Any, fake_sfu: FakeSfu
    ) -> None:
        bearer = token("publish", identity="encoder")
        running = await start(client, bearer=bearer)
        unknown = offer(("audio", "sendonly"), ("video", "sendonly"), codec="AV1")
        for body, code in ((unknown, "unsupported-codec"), (WATCHING, "no-media")):
            response = await client.post("/whip/room", data=body, headers=headers(bearer))
            await check_problem(response, 406, code)
            assert [peer.closed for peer in fake_sfu.peers] == [False]
        assert (await running.patch(CANDIDATE, if_match=running.etag)).status == 204

    async def test_places_are_limited(self, make_app: Callable[..., Any], aiohttp_client: Any) -> None:
        client = await aiohttp_client(make_app(max_participants=2))
        await start(client)
        response = await client.post("/whip/room", data=SENDING, headers=headers(token("publish")))
        await check_problem(response, 503, "room-full")
        assert int(response.headers["Retry-After"]) > 0

    async def test_a_locked_room_is_closed_to_them_too(self, client: Any) -> None:
        host = await hello(client, link("host"))
        await receive(host, "room")
        await host.send_json({"type": "lock", "locked": True})
        await receive(host, "room")
        response = await client.post("/whip/room", data=SENDING, headers=headers(token("publish")))
        await check_problem(response, 403, "locked")

    async def test_too_many_at_once_are_slowed_down(self, client: Any) -> None:
        bearer, codes = token("publish"), set()
        for _ in range(clients.START_BURST + 20):
            response = await client.post("/whip/room", data="x", headers=headers(bearer))
            codes.add((response.status, (await response.json())["code"]))
        assert codes == {(400, "bad-sdp"), (429, "too-fast")}

    async def test_strangers_can_not_slow_others_down(self, client: Any) -> None:
        for _ in range(clients.START_BURST + 20):
            await client.post("/whip/room", data="x", headers=headers("nonsense"))
        await start(client)

    async def test_a_lost_connection_ends_the_session(self, client: Any, fake_sfu: FakeSfu) -> None:
        session = await start(client)
        fake_sfu.peers[0].lose("consent-lost")
        await check_problem(await session.delete(), 404, "not-found")
        assert not fake_sfu.peers


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


CANDIDATE = (
    f"a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PWD}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n"
)
RESTART = f"a=ice-ufrag:efgh\r\na=ice-pwd:{PWD}\r\n"


class TestIce:
    async def test_candidates_are_taken(self, client: Any) -> None:
        session = await start(client)
        response = await session.patch(CANDIDATE, if_match=session.etag)
        assert response.status == 204 and await response.read() == b""

    async def test_candidates_need_the_etag_of_this_ice_session(self, client: Any) -> None:
        session = await start(client)
        await check_problem(await session.patch(CANDIDATE, if_match=None), 428, "precondition-required")
        await check_problem(await session.patch(CANDIDATE, if_match='"other"'), 412, "precondition-failed")
        weak = await session.patch(CANDIDATE, if_match="W/" + session.etag)
        await check_problem(weak, 412, "precondition-failed")

    async def test_a_restart_gives_new_credentials_and_a_new_etag(self, client: Any) -> None:
        session = await start(client)
        response = await session.patch(RESTART, if_match="*")
        assert response.status == 200 and response.content_type == whip.FRAGMENT
        fragment = sdp.parse_fragment(await response.text())
        assert fragment.ufrag == "serverufrag" and fragment.ice_lite and fragment.candidates
        assert fragment.mid == "0" and fragment.end_of_candidates
        assert response.headers["ETag"] != session.etag
        late = await session.patch(CANDIDATE, if_match=session.etag)
        await check_problem(late, 412, "precondition-failed")
        again = await session.patch(RESTART, if_match=response.headers["ETag"])
        assert again.status == 204, "the same credentials are no restart"

    async def test_a_restart_has_to_be_asked_for_as_one(self, client: Any) -> None:
        session = await start(client)
        await check_problem(await session.patch(RESTART, if_match=session.etag), 428, "precondition-required")
        half = await session.patch("a=ice-ufrag:efgh\r\n", if_match="*")
        await check_problem(half, 400, "bad-fragment")

    async def test_a_restart_that_fails_leaves_the_session_as_it_was(
        self, client: Any, fake_sfu: FakeSfu
    ) -> None:
        session = await start(client)
        response = await session.patch(f"a=ice-ufrag:full\r\na=ice-pwd:{PWD}\r\n", if_match="*")
        await check_problem(response, 503, "server-full")
        assert (await session.patch(CANDIDATE, if_match=session.etag)).status == 204
        assert not fake_sfu.peers[0].closed

    async def test_fragments_have_a_type_a_form_and_a_size(self, client: Any) -> None:
        session = await start(client)
        wrong = await session.patch(CANDIDATE, if_match="*", content_type="application/sdp")
        await check_problem(wrong, 415, "unsupported-media-type")
        assert wrong.headers["Accept-Patch"] == whip.FRAGMENT
        await check_problem(await session.patch("rubbish", if_match="*"), 400, "bad-fragment")
        await check_problem(await session.patch("a=x\r\n" * 5000, if_match="*"), 413, "too-large")


class TestStopping:
    async def test_delete_ends_media_and_the_participant(self, client: Any, fake_sfu: FakeSfu) -> None:
        session = await start(client)
        assert (await session.delete()).status == 200
        assert not fake_sfu.peers and not client.app[ROOMTONE].rooms.rooms
        await check_problem(await session.delete(), 404, "not-found")

    async def test_only_whoever_started_it_may_stop_it(self, client: Any, fake_sfu: FakeSfu) -> None:
        session = await start(client)
        for bearer in (token("publish"), link("host")):
            await check_problem(
                await client.delete(session.url, headers=headers(bearer)), 403, "token-forbidden"
            )
        await check_problem(await client.delete(session.url), 401, "unauthorized")
        other = session.url.replace("/whip/room/", "/whep/room/")
        await check_problem(await client.delete(other, headers=headers(session.bearer)), 404, "not-found")
        assert fake_sfu.peers

    async def test_a_session_outlives_its_token(self) -> None:
        house = House()
        sessions = clients.Clients(house.rooms, lambda: house.now)
        bearer = house.token("guest", may=("join", "publish"), lifetime=60)
        session = sessions.open(sessions.admit("whip", "room", bearer), SENDING)
        house.wall += 3600
        assert sessions.find("whip", "room", session.id, bearer) is session
        sessions.close(session)
        assert not house.sfu.peers


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
