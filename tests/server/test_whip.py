"""WHIP (RFC 9725) and WHEP over HTTP, with a media side without media."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from media import sdp
from server import clients, whip
from server.app import ROOMTONE
from tests.server.encoders import PWD, SENDING, UFRAG, WATCHING, check_problem, headers, offer, start, token
from tests.server.fakes import FakeSfu, House
from tests.server.sockets import hello, link, receive


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
