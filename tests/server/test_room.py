"""The rules of a room, through pages without browsers: who gets in, who may do what, who comes back."""

from __future__ import annotations

import pytest

from server.auth import Permission
from server.messages import RoomState
from server.news import BURST, PER_SECOND
from server.participant import MAX_HELD_CHAT, UNMUTE_GUARD, clean_name
from server.room import MIN_SLOTS, STANDARD_CLIENT_LEASE, RoomLimits
from tests.server.fakes import House, Page
from tests.server.test_stage import pair


def names(page: Page) -> list[str]:
    return [person.name for person in page.last("room").participants]


def presence(page: Page, participant: str) -> str:
    return next(p.connection for p in page.last("room").participants if p.id == participant)


def lost(page: Page, participant: str) -> float | None:
    return next(p.lost for p in page.last("room").participants if p.id == participant)


class TestComingIn:
    def test_a_host_enters_at_once_and_gets_a_link_for_guests(self, house: House) -> None:
        host = house.host()
        welcome = host.last("welcome")
        assert welcome.state == "joined" and welcome.role == "host" and "moderate" in welcome.may
        guest = house.page()
        guest.hello(welcome.guest_link.partition("#")[2], name="Sam")
        assert guest.last("welcome").state == "waiting" and guest.last("welcome").guest_link is None

    def test_a_guest_may_wait_before_the_host_is_there(self, house: House) -> None:
        guest = house.knocking()
        assert not guest.last("room").host_present
        host = house.host()
        assert guest.last("room").host_present
        assert [waiting.id for waiting in host.last("room").waiting] == [guest.id]

    def test_whoever_waits_learns_nothing_about_the_others(self, house: House) -> None:
        host = house.host()
        guest = house.knocking()
        host.say(type="chat", text="private")
        host.say(type="lock", locked=True)
        assert guest.last("room").participants == () and guest.last("room").waiting == ()
        assert {message.type for message in guest.sent} == {"welcome", "room"}

    def test_whoever_waits_does_not_learn_how_many_are_inside(self, house: House) -> None:
        host = house.host()
        for name in ("Kim", "Lee", "Noor"):
            house.guest(host, name)
        guest = house.knocking()
        assert guest.last("welcome").slots == MIN_SLOTS
        host.say(type="admit", participant=guest.id)
        assert guest.last("welcome").slots == 5

    def test_guests_do_not_see_who_waits(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        house.knocking("Kim")
        assert guest.last("room").waiting == () and len(host.last("room").waiting) == 1

    @pytest.mark.parametrize(
        "message",
        [
            {"type": "chat", "text": "let me in"},
            {"type": "offer", "connection": "a", "sdp": "v=0\r\n", "sources": {}},
            {"type": "wish", "tiles": []},
            {"type": "lock", "locked": False},
            {"type": "end"},
        ],
    )
    def test_whoever_waits_reaches_nobody(self, house: House, message: dict[str, object]) -> None:
        host = house.host()
        guest = house.knocking()
        before = len(host.sent)
        guest.say(**message)
        assert guest.last("error").code == "not-admitted" and guest.last("error").about == message["type"]
        assert len(host.sent) == before and not house.sfu.peers

    def test_whoever_waits_can_not_admit_themselves(self, house: House) -> None:
        guest = house.knocking()
        guest.say(type="admit", participant=guest.id)
        assert guest.last("error").code == "not-admitted"

    def test_a_declined_guest_is_told_and_may_knock_again(self, house: House) -> None:
        host, guest = house.host(), house.knocking()
        host.say(type="decline", participant=guest.id)
        assert guest.last("bye").code == "declined" and not guest.last("bye").retry
        assert host.last("room").waiting == ()
        assert house.knocking().last("welcome").state == "waiting"

    def test_whoever_is_in_can_not_be_declined(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        host.say(type="decline", participant=guest.id)
        assert not guest.all("bye") and guest.id in house.room().participants

    def test_the_name_in_a_link_can_not_be_changed(self, house: House) -> None:
        page = house.page()
        page.hello(house.token("guest", name="Sam"), name="Dr. Reed")
        assert page.last("welcome").name == "Sam"

    @pytest.mark.parametrize(
        ("given", "shown"),
        [
            ("  Sam \n Lee ", "Sam Lee"),
            ("Sam\u202egnp.exe", "Samgnp.exe"),
            ("\u200b\u2066", "Guest"),
            ("\u200d", "Guest"),
            (None, "Guest"),
            ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
            ("a" * 59 + " bc", "a" * 59),
            ("Zoe\u0308", "Zoë"),
            ("\x00\x1b[31m", "[31m"),
        ],
    )
    def test_names_are_fit_to_be_shown(self, given: str | None, shown: str) -> None:
        assert clean_name(given, "guest") == shown

    def test_a_token_that_may_join_needs_no_knock(self, house: House) -> None:
        page = house.page()
        page.hello(house.token("guest", may=("join", "chat")))
        assert page.last("welcome").state == "joined"
        page.offer()
        assert page.last("error").code == "not-allowed"

    def test_a_token_that_may_neither_join_nor_knock_is_refused(self, house: House) -> None:
        page = house.page()
        page.hello(house.token("guest", may=("chat",)))
        assert page.last("bye").code == "token-forbidden"
        assert not house.rooms.rooms

    def test_a_link_opened_in_another_room_is_refused(self, house: House) -> None:
        page = house.page()
        page.hello(house.token("guest", room="one"), room="two")
        assert page.last("bye").code == "token-wrong-room"

    def test_an_old_page_is_asked_to_reload(self, house: House) -> None:
        page = house.page()
        page.say(type="hello", version=2, token=house.token())
        assert page.last("bye").code == "version"


class TestLimits:
    def test_a_full_room_keeps_a_place_for_the_host(self) -> None:
        house = House(limits=RoomLimits(participants=3))
        pages = [house.page() for _ in range(3)]
        for page in pages:
            page.hello(house.token("guest", may=("join",)))
        assert [page.sent[-1].type for page in pages] == ["room", "room", "bye"]
        assert pages[2].last("bye").code == "room-full"
        assert house.host().last("welcome").state == "joined"

    def test_a_host_can_not_admit_into_a_full_room(self) -> None:
        house = House(limits=RoomLimits(participants=2))
        host = house.host()
        house.guest(host)
        late = house.guest(host, "Kim")
        assert host.last("error").code == "room-full" and late.last("welcome").state == "waiting"

    def test_the_queue_at_the_door_is_limited(self) -> None:
        house = House(limits=RoomLimits(waiting=1))
        house.knocking()
        assert house.knocking().last("bye").code == "waiting-full"

    def test_rooms_are_limited_and_empty_ones_do_not_count(self) -> None:
        house = House(max_rooms=1)
        first = house.host(room="one")
        assert house.host(room="two").last("bye").code == "server-full"
        assert house.rooms.full["max_rooms"] == 1
        first.say(type="leave")
        assert house.host(room="two").last("welcome").state == "joined"
        assert list(house.rooms.rooms) == ["two"]


class TestALivelyDoor:
    def test_the_switches_of_whoever_waits_are_told_to_nobody(self, house: House) -> None:
        host, waiting = house.host(), house.knocking()
        guest = house.guest(host, "Kim")
        before = len(host.sent), len(guest.sent), len(waiting.sent)
        for on in (True, False, True):
            waiting.say(type="media", microphone=on, camera=on, screen=on)
        assert (len(host.sent), len(guest.sent), len(waiting.sent)) == before
        host.say(type="admit", participant=waiting.id)
        assert house.room().participants[waiting.id].wants["screen"]

    def test_switches_that_change_nothing_are_told_to_nobody(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        before = len(host.sent)
        for _ in range(3):
            guest.say(type="media", microphone=True, camera=True, screen=False)
        assert len(host.sent) == before

    def test_who_comes_and_goes_is_told_to_hosts_alone(self, house: House) -> None:
        host, waiting = house.host(), house.knocking()
        guest = house.guest(host, "Kim")
        before = len(guest.sent), len(waiting.sent)
        other = house.knocking("Lee")
        other.drop()
        back = house.page()
        back.hello(resume=other.last("welcome").resume)
        assert host.last("room").waiting[1].connected
        back.say(type="leave")
        assert [entry.id for entry in host.last("room").waiting] == [waiting.id]
        assert (len(guest.sent), len(waiting.sent)) == before

    def test_hosts_are_told_of_no_more_than_they_can_read(self, house: House) -> None:
        host = house.host()
        before = len(host.all("room"))
        for _ in range(200):
            house.now += 0.01
            house.knocking().say(type="leave")
        last = house.knocking("Kim")
        assert len(host.all("room")) - before <= BURST + 2 * PER_SECOND + 1
        house.wait(0.25)
        assert [entry.id for entry in host.last("room").waiting] == [last.id]

    def test_what_happens_inside_does_not_show_at_the_door(self, house: House) -> None:
        host, waiting = house.host(), house.knocking()
        before = len(waiting.sent)
        guest = house.guest(host, "Kim")
        guest.drop()
        assert len(waiting.sent) == before
        host.say(type="lock", locked=True)
        host.drop()
        assert [(state.locked, state.host_present) for state in waiting.all("room")[-2:]] == [
            (True, True),
            (True, False),
        ]

    def test_a_message_to_many_is_written_once(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        host = house.host()
        guests = [house.guest(host, name) for name in ("Kim", "Lee", "Noor")]
        written: list[RoomState] = []
        write = RoomState.model_dump_json

        def count(message: RoomState) -> str:
            written.append(message)
            return write(message)

        monkeypatch.setattr(RoomState, "model_dump_json", count)
        guests[0].drop()
        assert len(written) == 2  # the host's and the guests'


class TestModeration:
    @pytest.mark.parametrize("kind", ["admit", "decline", "mute", "remove"])
    def test_a_guest_moderates_nobody(self, house: House, kind: str) -> None:
        host = house.host()
        guest, waiting = house.guest(host), house.knocking("Kim")
        for target in (host.id, waiting.id, guest.id, "nobody"):
            guest.say(type=kind, participant=target)
            assert guest.last("error").code == "not-allowed"
        assert len(house.room().admitted) == 2 and len(house.room().waiting) == 1
        assert not host.all("muted") and not host.all("bye")

    @pytest.mark.parametrize("message", [{"type": "lock", "locked": True}, {"type": "end"}])
    def test_a_guest_neither_locks_nor_ends(self, house: House, message: dict[str, object]) -> None:
        guest = house.guest(house.host())
        guest.say(**message)
        assert guest.last("error").code == "not-allowed"
        assert not house.room().admission.locked and not house.room().ended

    def test_somebody_who_is_gone_can_not_be_admitted(self, house: House) -> None:
        host, guest = house.host(), house.knocking()
        guest.say(type="leave")
        host.say(type="admit", participant=guest.id)
        assert host.last("error").code == "unknown-participant"

    def test_admitting_twice_changes_nothing(self, house: House) -> None:
        host = house.host()
        other = house.host("Dr. Lee", identity="lee")
        guest = house.guest(host)
        other.say(type="admit", participant=guest.id)
        assert not other.all("error") and len(guest.all("welcome")) == 2

    def test_a_removed_guest_can_not_resume_but_may_knock(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        resume = guest.last("welcome").resume
        host.say(type="remove", participant=guest.id)
        assert guest.last("bye").code == "removed" and names(host) == ["Dr. Reed"]
        back = house.page()
        back.hello(resume=resume)
        assert back.last("bye").code == "session-over"
        again = house.page()
        again.hello(house.token(), resume=resume, name="Sam")
        assert again.last("welcome").state == "waiting" and not again.last("welcome").resumed

    def test_after_a_removal_a_token_that_may_join_has_to_knock(self, house: House) -> None:
        host = house.host()
        token = house.token("guest", identity="sam", may=("join", "chat"))
        guest = house.page()
        guest.hello(token)
        host.say(type="remove", participant=guest.id)
        again = house.page()
        again.hello(token)
        assert again.last("welcome").state == "waiting"

    def test_removing_a_host_of_the_same_link_shuts_nobody_else_out(self, house: House) -> None:
        link = house.token("host")
        host, other = house.page(), house.page()
        for page, name in ((host, "Dr. Reed"), (other, "Dr. Bell")):
            page.hello(link, name=name)
        host.say(type="remove", participant=other.id)
        assert other.last("bye").code == "removed"
        second_device = house.page()
        second_device.hello(link, name="Dr. Reed")
        assert second_device.last("welcome").state == "joined"

    def test_a_removed_host_with_a_link_of_their_own_has_to_knock(self, house: House) -> None:
        host, other = house.host(), house.host("Dr. Bell", identity="bell")
        host.say(type="remove", participant=other.id)
        again = house.host("Dr. Bell", identity="bell")
        assert again.last("welcome").state == "waiting"

    def test_a_host_can_not_remove_themselves(self, house: House) -> None:
        host = house.host()
        host.say(type="remove", participant=host.id)
        assert host.last("error").code == "not-yourself"

    def test_a_locked_room_lets_nobody_new_in_but_everybody_back(self, house: House) -> None:
        host = house.host()
        guest = house.guest(host)
        host.say(type="lock", locked=True)
        assert guest.last("room").locked
        assert house.knocking("Kim").last("bye").code == "locked"
        guest.drop()
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("welcome").state == "joined"
        assert house.host("Dr. Lee", identity="lee").last("welcome").state == "joined"
        host.say(type="lock", locked=False)
        assert house.knocking("Kim").last("welcome").state == "waiting"

    def test_the_end_is_for_all_and_nobody_resumes(self, house: House) -> None:
        host = house.host()
        guest, waiting = house.guest(host), house.knocking("Kim")
        host.say(type="end")
        for page in (host, guest, waiting):
            assert page.last("bye").code == "ended" and not page.last("bye").retry
        assert not house.rooms.rooms
        house.host()  # a new session of the same room
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.last("bye").code == "session-over"


class TestMuting:
    def muted_guest(self, house: House) -> tuple[Page, Page]:
        host = house.host()
        guest = house.guest(host)
        guest.offer()
        house.sfu.peer_of(guest.id).flow("microphone")
        guest.say(type="media", microphone=True, camera=True, screen=False)
        host.say(type="mute", participant=guest.id)
        return host, guest

    def microphone(self, page: Page, participant: str) -> bool:
        return next(p.microphone for p in page.last("room").participants if p.id == participant)

    def test_the_relay_forwards_nothing_whatever_the_page_does(self, house: House) -> None:
        host, guest = self.muted_guest(house)
        assert guest.all("muted")
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted
        assert not self.microphone(host, guest.id)

    def test_a_message_that_was_under_way_does_not_unmute(self, house: House) -> None:
        _, guest = self.muted_guest(house)
        guest.say(type="media", microphone=True, camera=False, screen=False)
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted

    def test_people_unmute_themselves(self, house: House) -> None:
        host, guest = self.muted_guest(house)
        guest.say(type="media", microphone=False, camera=True, screen=False)
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted
        guest.say(type="media", microphone=True, camera=True, screen=False)
        assert not house.sfu.peer_of(guest.id).publications["microphone"].muted
        assert self.microphone(host, guest.id)

    def test_a_page_that_never_said_off_unmutes_after_a_moment(self, house: House) -> None:
        _, guest = self.muted_guest(house)
        house.now += UNMUTE_GUARD
        guest.say(type="media", microphone=True, camera=True, screen=False)
        assert not house.sfu.peer_of(guest.id).publications["microphone"].muted

    def test_a_reload_does_not_unmute(self, house: House) -> None:
        _, guest = self.muted_guest(house)
        house.now += 60
        back = house.page()
        back.hello(resume=guest.last("welcome").resume)
        assert back.all("muted")
        back.say(type="media", microphone=True, camera=True, screen=False)
        back.offer("after-reload")
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted

    def test_the_host_can_not_unmute_others(self, house: House) -> None:
        host, guest = self.muted_guest(house)
        host.say(type="media", microphone=True, camera=True, screen=True)
        assert house.sfu.peer_of(guest.id).publications["microphone"].muted


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


class TestStandardClients:
    def test_one_that_never_connects_is_given_up_sooner(self, house: House) -> None:
        host = house.host()
        live = house.rooms.rooms["room"]
        claims = house.rooms.read_link(house.token("guest", may=("join", "publish")))
        participant, _ = live.connect_client(claims, "sender", "v=0\r\nsend\r\n")
        house.settle()
        assert [person.kind for person in host.last("room").participants] == ["page", "sender"]
        house.wait(STANDARD_CLIENT_LEASE + 1)
        assert participant not in live.room.participants and not house.sfu.peers

    def test_an_encoder_that_is_started_again_is_heard_again(self, house: House) -> None:
        host = house.host()
        live = house.rooms.rooms["room"]
        token = house.token("guest", identity="camera-1", may=("join", "publish"))
        claims = house.rooms.read_link(token)
        sender, _ = live.connect_client(claims, "sender", "v=0\r\nsend\r\n")
        house.settle()
        host.say(type="mute", participant=sender)
        assert house.sfu.peer_of(sender).publications["microphone"].muted
        again, _ = live.connect_client(claims, "sender", "v=0\r\nsend\r\n")
        house.settle()
        assert again == sender and not house.sfu.peer_of(sender).publications["microphone"].muted

    def test_one_has_to_be_let_in_by_its_token(self, house: House) -> None:
        from server.auth import TokenError

        live = house.rooms.open("room")
        claims = house.rooms.read_link(house.token("guest"))
        with pytest.raises(TokenError, match="token-forbidden"):
            live.connect_client(claims, "viewer", "v=0\r\n")
