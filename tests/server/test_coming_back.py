"""Five minutes away: what whoever lost the network for so long finds when it is back."""

from __future__ import annotations

import pytest

from server.room import RoomLimits
from server.settings import Settings
from tests.server.calls import in_call, pair, seated
from tests.server.fakes import House, Page

LEASE = 300.0  # seconds: the least that is promised
CONSENT = 30.0  # seconds after which a silent media connection is closed (RFC 7675)


def lose_everything(house: House, page: Page) -> None:
    """No signalling from now on, and no media: as behind a captive portal, or asleep."""
    peer = house.sfu.peer_of(page.id)
    page.drop()
    house.wait(CONSENT)
    peer.lose()
    house.settle()


def come_back(house: House, page: Page) -> Page:
    """As a page does: with what it was given, and its link, which has expired meanwhile."""
    back = house.page()
    back.hello(house.token("guest", lifetime=-3600), resume=page.last("welcome").resume, name="Sam")
    return back


def test_the_lease_is_five_minutes_where_nobody_chose() -> None:
    assert Settings.model_fields["lease_seconds"].default == LEASE


def test_a_page_is_told_for_how_long_its_place_is_kept() -> None:
    assert House(limits=RoomLimits(lease=60)).host().last("welcome").lease == 60


@pytest.mark.parametrize("away", [5.0, 60.0, LEASE - 1])
def test_whoever_was_away_for_less_has_their_place_back(house: House, away: float) -> None:
    host, guest, host_peer, _ = pair(house)
    host.say(type="lock", locked=True)
    lose_everything(house, guest)
    host.say(type="chat", text="I'm waiting for you.")
    house.wait(away)
    back = come_back(house, guest)
    welcome = back.last("welcome")
    assert (welcome.state, welcome.resumed, welcome.participant) == ("joined", True, guest.id)
    assert (welcome.role, welcome.name, welcome.may) == ("guest", "Sam", guest.last("welcome").may)
    assert [line.text for line in back.all("chat")] == ["I'm waiting for you."]
    assert host.last("room").waiting == ()
    back.offer("first")  # the page can't know that the server has given it up
    assert back.last("error").code == "connection-lost"
    again = in_call(house, back, connection="second")
    assert seated(back)[0] == (host.id, "camera") and seated(host)[0] == (guest.id, "camera")
    assert host_peer.bound[0][0] is again.publications["microphone"]


def test_a_host_who_was_away_is_host_again(house: House) -> None:
    host, guest, _, _ = pair(house)
    lose_everything(house, host)
    house.wait(LEASE - 1)
    back = house.page()
    back.hello(resume=host.last("welcome").resume)
    assert back.last("welcome").role == "host" and "moderate" in back.last("welcome").may
    back.say(type="remove", participant=guest.id)
    assert guest.last("bye").code == "removed"


def test_a_room_waits_for_everybody_where_the_network_was_the_servers(house: House) -> None:
    host, guest, _, _ = pair(house)
    for page in (host, guest):
        lose_everything(house, page)
    house.wait(LEASE - CONSENT - 1)
    for page in (guest, host):
        back = house.page()
        back.hello(resume=page.last("welcome").resume)
        assert back.last("welcome").state == "joined" and back.last("welcome").participant == page.id


def test_being_back_for_a_moment_begins_the_five_minutes_anew(house: House) -> None:
    _, guest, _, _ = pair(house)
    lose_everything(house, guest)
    for _ in range(4):
        house.wait(LEASE - 1)
        back = come_back(house, guest)
        assert back.last("welcome").resumed
        back.drop()
        guest = back


def test_whoever_waits_keeps_their_place_at_the_door(house: House) -> None:
    host, guest = house.host(), house.knocking()
    guest.drop()
    house.wait(LEASE - 1)
    back = come_back(house, guest)
    assert back.last("welcome").state == "waiting" and back.last("welcome").resumed
    assert [knock.id for knock in host.last("room").waiting] == [guest.id]


def test_a_socket_that_nobody_saw_die_is_taken_over(house: House) -> None:
    _, guest, _, _ = pair(house)
    back = come_back(house, guest)
    assert back.last("welcome").resumed and guest.last("bye").code == "moved"
    guest.drop()  # the server's heartbeat finds out
    house.wait(LEASE + 1)
    assert back.id in house.room().participants


class TestAfterTheFiveMinutes:
    def test_a_guest_knocks_again_with_the_same_page(self, house: House) -> None:
        host, guest, _, _ = pair(house)
        lose_everything(house, guest)
        house.wait(LEASE + 1)
        assert [person.id for person in host.last("room").participants] == [host.id]
        assert seated(host)[0] is None
        back = house.page()
        back.hello(house.token("guest"), resume=guest.last("welcome").resume, name="Sam")
        welcome = back.last("welcome")
        assert (welcome.state, welcome.resumed) == ("waiting", False) and welcome.participant != guest.id
        assert [knock.name for knock in host.last("room").waiting] == ["Sam"]

    def test_a_host_enters_again_even_where_the_door_is_closed(self, house: House) -> None:
        host, _, _, _ = pair(house)
        host.say(type="lock", locked=True)
        lose_everything(house, host)
        house.wait(LEASE + 1)
        back = house.page()
        back.hello(house.token("host", identity="host"), resume=host.last("welcome").resume)
        welcome = back.last("welcome")
        assert (welcome.state, welcome.role, welcome.resumed) == ("joined", "host", False)

    def test_who_is_refused_is_told_so_for_good(self, house: House) -> None:
        host, guest, _, _ = pair(house)
        lose_everything(house, guest)
        house.wait(LEASE + 1)
        assert come_back(house, guest).last("bye").code == "token-expired"
        host.say(type="lock", locked=True)
        late = house.page()
        late.hello(house.token("guest"), resume=guest.last("welcome").resume)
        assert (late.last("bye").code, late.last("bye").retry) == ("locked", False)


class TestALeaveThatComesLate:
    """Said by a page that was left while it had no connection, as soon as it has one."""

    def test_gives_the_place_up(self, house: House) -> None:
        host = house.host()
        guest = house.page()
        guest.hello(house.token("guest"), name="Sam", tab="tab")
        host.say(type="admit", participant=guest.id)
        guest.drop()
        late = house.page()
        late.hello(resume=guest.last("welcome").resume, tab="tab", leave=True)
        assert [message.type for message in late.sent] == ["bye"]  # it never was in the room
        assert (late.last("bye").code, late.last("bye").retry) == ("left", False)
        assert [person.id for person in host.last("room").participants] == [host.id]

    def test_counts_before_the_server_knows_that_the_connection_is_dead(self, house: House) -> None:
        laptop = house.page()
        laptop.hello(house.token("host", identity="host"), tab="laptop")
        late = house.page()
        late.hello(resume=laptop.last("welcome").resume, tab="laptop", leave=True)
        assert late.last("bye").code == laptop.last("bye").code == "left"
        assert not house.rooms.rooms

    @pytest.mark.parametrize("here", [True, False])
    def test_leaves_the_phone_alone_that_has_taken_the_place_over(self, house: House, here: bool) -> None:
        laptop, phone = house.page(), house.page()
        laptop.hello(house.token("host", identity="host"), tab="laptop")
        laptop.drop()
        phone.hello(house.token("host", identity="host"), tab="phone")
        assert phone.id == laptop.id
        if not here:
            phone.drop()  # for a moment
        late = house.page()
        late.hello(resume=laptop.last("welcome").resume, tab="laptop", leave=True)
        assert late.last("bye").code == "left"
        assert not phone.all("bye") and phone.id in house.room().participants

    def test_without_a_tab_leaves_the_place_to_whoever_holds_it(self, house: House) -> None:
        link = house.token("host", identity="host")
        first, second = house.page(), house.page()
        first.hello(link)
        first.drop()
        second.hello(link)
        late = house.page()
        late.hello(resume=first.last("welcome").resume, leave=True)
        assert late.last("bye").code == "left"
        assert not second.all("bye") and second.id in house.room().participants

    def test_brings_nobody_in(self, house: House) -> None:
        late = house.page()
        late.hello(house.token("host"), leave=True)
        assert late.last("bye").code == "token-invalid" and not house.rooms.rooms
