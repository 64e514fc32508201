"""Whole visits through the rooms: pages say hello, knock, are let in, talk and go, with a media side without
media."""

from __future__ import annotations

from tests.server.fakes import House


def test_a_guest_knocks_is_admitted_and_both_are_seated(house: House) -> None:
    host = house.host()
    assert host.last("welcome").state == "joined"
    assert host.last("welcome").guest_link.startswith("/r/room#")
    guest = house.knocking("Sam")
    assert guest.last("welcome").state == "waiting"
    assert [waiting.name for waiting in host.last("room").waiting] == ["Sam"]

    host.say(type="admit", participant=guest.id)
    assert guest.last("welcome").state == "joined"
    host.offer()
    guest.offer()
    assert guest.last("answer").connection == "first"

    for page in (host, guest):
        peer = house.sfu.peer_of(page.id)
        peer.connect()
        peer.flow("microphone")
        peer.flow("camera")
    house.settle()
    seats = guest.last("seats")
    assert seats.seats[0].participant == host.id and seats.seats[0].source == "camera"
    host_peer, guest_peer = house.sfu.peer_of(host.id), house.sfu.peer_of(guest.id)
    assert guest_peer.bound[0] == (host_peer.publications["microphone"], host_peer.publications["camera"])
    people = {person.name: person for person in guest.last("room").participants}
    assert people["Dr. Reed"].microphone and people["Sam"].connection == "connected"
