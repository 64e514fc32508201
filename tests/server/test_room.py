"""The rules of a room, through pages without browsers: who gets in, who may do what, who comes back."""

from __future__ import annotations

import pytest

from server.messages import RoomState
from server.news import BURST, PER_SECOND
from server.participant import clean_name
from server.room import MIN_SLOTS, STANDARD_CLIENT_LEASE, RoomLimits
from tests.server.fakes import House


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
