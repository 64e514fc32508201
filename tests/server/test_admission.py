"""Who may come into a room, without the room."""

from __future__ import annotations

import pytest

from server.admission import MAX_MUST_KNOCK, Admission
from server.auth import GUEST_MAY, HOST_MAY, LinkClaims, Permission
from server.participant import Participant, State
from server.words import Refusal

HOST = LinkClaims(room="room", role="host", may=HOST_MAY, exp=0, sub="host")


def guest(identity: str, *may: Permission) -> LinkClaims:
    return LinkClaims(room="room", role="guest", may=may or GUEST_MAY, exp=0, sub=identity)


def person(claims: LinkClaims, state: State = State.ADMITTED) -> Participant:
    return Participant(claims.sub or "", "Name", "page", claims, state, now=0.0)


def test_what_a_link_says_decides_between_the_room_and_its_door() -> None:
    admission = Admission(places=3, waiting=1)
    assert admission.state_for(HOST, "page", []) is State.ADMITTED
    assert admission.state_for(guest("sam", "join"), "page", []) is State.ADMITTED
    assert admission.state_for(guest("sam"), "page", []) is State.WAITING
    with pytest.raises(Refusal, match="token-forbidden"):
        admission.state_for(guest("camera"), "sender", [])


def test_a_place_that_somebody_has_is_taken_by_no_lock_and_no_crowd() -> None:
    admission = Admission(places=2, waiting=1)
    sam, kim = person(guest("sam", "join")), person(guest("kim"), State.WAITING)
    people = [person(HOST), sam, kim]
    admission.locked = True
    for claims, code in ((guest("lee", "join"), "locked"), (guest("lee"), "locked")):
        with pytest.raises(Refusal, match=code):
            admission.state_for(claims, "page", people)
    assert admission.state_for(guest("sam", "join"), "page", people, sam) is State.ADMITTED
    assert admission.state_for(guest("kim", "join"), "page", people, kim) is State.WAITING
    admission.locked = False
    for claims, code in ((guest("lee", "join"), "room-full"), (guest("lee"), "waiting-full")):
        with pytest.raises(Refusal, match=code):
            admission.state_for(claims, "page", people)
    assert admission.state_for(guest("kim", "join"), "page", people, kim) is State.WAITING
    assert admission.state_for(guest("kim", "join"), "page", [person(HOST), kim], kim) is State.ADMITTED


def test_past_so_many_removed_links_everybody_knocks() -> None:
    admission = Admission(places=2, waiting=1)
    for number in range(MAX_MUST_KNOCK):
        assert admission.state_for(HOST, "page", []) is State.ADMITTED
        admission.make_knock(person(guest(str(number))), [])
    assert admission.state_for(HOST, "page", []) is State.WAITING
