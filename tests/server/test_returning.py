"""Whoever loses the connection keeps their place, and comes back to it."""

from __future__ import annotations

import pytest

from server.auth import Permission
from server.participant import MAX_HELD_CHAT
from server.room import RoomLimits
from tests.server.calls import pair
from tests.server.fakes import House, Page
from tests.server.views import names


def presence(page: Page, participant: str) -> str:
    return next(p.connection for p in page.last("room").participants if p.id == participant)


def lost(page: Page, participant: str) -> float | None:
    return next(p.lost for p in page.last("room").participants if p.id == participant)


class TestComingBack:
    def test_a_lost_connection_keeps_role_admission_and_name(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        guest.drop()
        assert presence(host, guest.id) == "reconnecting"
        house.wait(299)
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        welcome = back.last("welcome")
        assert (welcome.state, welcome.participant, welcome.name) == ("joined", guest.id, "Sam")
        assert welcome.resumed

    def test_whoever_looks_is_told_for_how_long_somebody_is_out_of_reach(self, house: House) -> None:
        host, guest, _, guest_peer = pair(house)
        assert lost(host, guest.id) is None
        guest_peer.silent = True
        house.wait(0.25)
        guest.drop()
        house.wait(83)
        back = house.page()
        back.hello(resume=host.last("welcome").resume)
        assert lost(back, guest.id) == pytest.approx(83, abs=0.5)
        guest_peer.silent = False
        house.wait(0.25)
        assert lost(back, guest.id) is None, "they are seen and heard, though the signalling is away"

    def test_the_lease_ends_after_its_time(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        guest.drop()
        house.wait(301)
        assert names(host) == ["Dr. Reed"]
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("bye").code == "session-over"

    def test_somebody_who_is_still_heard_is_not_given_up(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        guest.offer()
        peer = house.sfu.peer_of(guest.id)
        peer.connect()
        guest.drop()
        house.wait(400)
        assert guest.id in house.room().participants
        peer.lose()
        house.settle()
        house.wait(301)
        assert guest.id not in house.room().participants

    def test_a_room_goes_on_without_its_host_who_comes_back_as_host(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        host.drop()
        assert not guest.last("room").host_present
        guest.say(type="chat", text="are you there?")
        back = house.page()
        back.hello(resume=host.last("welcome").resume)
        assert back.last("welcome").role == "host" and guest.last("room").host_present
        back.say(type="mute", participant=guest.id)
        assert guest.all("muted")

    def test_a_place_in_the_queue_is_kept_and_can_be_admitted_meanwhile(self, house: House) -> None:
        host, guest = house.host(), house.knocking()
        guest.drop()
        assert not host.last("room").waiting[0].connected
        host.say(type="admit", participant=guest.id)
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("welcome").state == "joined"

    def test_the_same_identity_takes_over_its_place(self, house: House) -> None:
        first = house.host()
        second = house.host("Somebody else")
        assert first.last("bye").code == "moved" and not first.last("bye").retry
        assert second.id == first.id and names(second) == ["Dr. Reed"]
        first.say(type="end")
        assert not house.room().ended

    @pytest.mark.parametrize("may", [("knock",), ("join", "chat")])
    def test_whoever_did_not_hear_their_welcome_has_no_second_place(
        self, house: House, may: tuple[Permission, ...]
    ) -> None:
        token = house.token(may=may)
        first, again = house.page(), house.page()
        first.hello(token, name="Sma", tab="a")
        first.drop()
        again.hello(token, name="Sam", tab="a")
        assert again.id == first.id and len(house.room().participants) == 1
        assert again.last("welcome").name == ("Sam" if may == ("knock",) else "Sma")

    def test_a_link_that_is_shared_makes_one_place_for_each_tab(self, house: House) -> None:
        token = house.token()
        pages = [house.page() for _ in range(4)]
        for page, tab in zip(pages, ("a", "b", None, None), strict=True):
            page.hello(token, name="Sam", tab=tab)
        other = house.page()
        other.hello(house.token(), name="Kim", tab="a")  # by another link
        assert len({page.id for page in [*pages, other]}) == 5

    def waiting(self, house: House) -> Page:
        page = house.page()
        page.hello(house.token("guest", identity="sam"))
        assert page.last("welcome").state == "waiting"
        return page

    def test_a_link_that_may_join_takes_its_identity_in_from_the_door(self, house: House) -> None:
        host, first = house.host(), self.waiting(house)
        second = house.page()
        second.hello(house.token("guest", identity="sam", may=("join", "chat")))
        assert second.id == first.id and first.last("bye").code == "moved"
        assert second.last("welcome").state == "joined"
        assert not host.last("room").waiting and len(names(host)) == 2

    def test_a_locked_or_full_room_leaves_them_at_the_door(self) -> None:
        house = House(limits=RoomLimits(participants=2))
        host, first = house.host(), self.waiting(house)
        link = house.token("guest", identity="sam", may=("join", "chat"))
        host.say(type="lock", locked=True)
        second = house.page()
        second.hello(link)
        assert second.id == first.id and second.last("welcome").state == "waiting"
        host.say(type="lock", locked=False)
        house.guest(host, "Kim")
        third = house.page()
        third.hello(link)
        assert third.id == first.id and third.last("welcome").state == "waiting"

    def test_a_link_that_lets_nobody_in_takes_no_place_over(self, house: House) -> None:
        house.host()
        first, second = self.waiting(house), house.page()
        second.hello(house.token("guest", identity="sam", may=("chat",)))
        assert second.last("bye").code == "token-forbidden" and not first.all("bye")

    @pytest.mark.parametrize(
        ("may", "forwarded"),
        [
            (("join", "screen"), {"screen"}),
            (("join", "publish"), {"microphone", "camera"}),
            (("join", "subscribe"), set()),
        ],
    )
    def test_what_a_narrower_link_does_not_allow_is_forwarded_no_longer(
        self, house: House, may: tuple[Permission, ...], forwarded: set[str]
    ) -> None:
        house.host()
        first, second = house.page(), house.page()
        first.hello(house.token("guest", identity="sam", may=("join", "publish", "screen")))
        first.offer()
        first.say(type="media", microphone=True, camera=True, screen=True)
        second.hello(house.token("guest", identity="sam", may=may))
        publications = house.sfu.peer_of(second.id).publications.values()
        assert {publication.source for publication in publications if not publication.muted} == forwarded

    def test_a_guest_with_the_hosts_identity_does_not_become_host(self, house: House) -> None:
        host = house.host(identity="reed")
        page = house.page()
        page.hello(house.token("guest", identity="reed", may=("join",)))
        assert page.last("welcome").role == "guest" and page.id != host.id and not host.all("bye")

    def test_a_resume_token_of_another_room_is_of_no_use(self, house: House) -> None:
        house.host(room="one")
        other = house.host(room="two")
        claims = house.tokens.read_resume(other.last("welcome").resume, now=house.wall)
        mixed = house.tokens.resume("one", claims.session, claims.sub, lifetime=60, now=house.wall)
        page = house.page()
        page.hello(resume=mixed)
        assert page.last("bye").code == "session-over"

    @pytest.mark.parametrize("step", [3600, -3600])
    def test_the_machine_s_clock_may_be_set_while_the_server_runs(self, house: House, step: float) -> None:
        host = house.host()
        house.wall += step  # as NTP does after the start, or waking up
        house.wait(1)
        guest = house.guest(host)
        assert guest.last("welcome").state == "joined"
        guest.say(type="chat", text="hello")
        assert host.last("chat").at == house.wall
        guest.drop()
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("welcome").resumed

    def test_chat_that_was_missed_comes_after_the_return_and_in_order(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        host.say(type="chat", text="one")
        guest.say(type="ping", id=1)
        guest.say(type="ping", id=2)  # sent after the pong, so "one" has arrived
        guest.drop()
        host.say(type="chat", text="two")
        host.say(type="chat", text="three")
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert [chat.text for chat in back.all("chat")] == ["two", "three"]
        assert [chat.id for chat in back.all("chat")] == [2, 3]

    def test_chat_sent_into_a_dead_connection_is_sent_again(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        guest.say(type="ping", id=1)
        host.say(type="chat", text="into the void")
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert [chat.text for chat in back.all("chat")] == ["into the void"]

    def test_only_so_much_chat_is_held(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        guest.drop()
        for number in range(MAX_HELD_CHAT + 20):
            house.now += 1
            host.say(type="chat", text=str(number))
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert len(back.all("chat")) == MAX_HELD_CHAT
        assert back.last("chat").text == str(MAX_HELD_CHAT + 19)

    def test_newcomers_do_not_get_what_was_said_before(self, house: House) -> None:
        host = house.host()
        host.say(type="chat", text="before")
        assert not house.guest(host).all("chat")

    def test_an_empty_room_is_forgotten(self, house: House) -> None:
        host = house.host()
        host.drop()
        house.wait(301)
        assert not house.rooms.rooms
