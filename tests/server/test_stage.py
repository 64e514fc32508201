"""Media and people: seats, slots, reloads, screens, speakers, and what the page is told about them."""

from __future__ import annotations

import pytest

from server.speaking import HOLD, LINGER
from server.stage import Stage
from tests.server.calls import in_call, pair, seated
from tests.server.fakes import House


def test_the_answer_comes_before_the_seats_that_need_it(house: House) -> None:
    host = house.host()
    host.offer()
    kinds = [message.type for message in host.sent]
    assert kinds.index("answer") < kinds.index("seats")


def test_both_see_and_hear_each_other(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    assert seated(host) == [(guest.id, "camera"), None] and seated(guest) == [(host.id, "camera"), None]
    assert host_peer.bound[0] == (guest_peer.publications["microphone"], guest_peer.publications["camera"])
    assert host_peer.bound[1] == (None, None)
    assert host.last("seats").seats[0].audio_mid == "a0" and host.last("seats").seats[0].video_mid == "v0"


def test_seats_are_told_only_when_they_change(house: House) -> None:
    host, _, host_peer, _ = pair(house)
    before = len(host.all("seats"))
    host_peer.flow("camera", live=False)
    house.settle()
    host.say(type="wish", tiles=[{"slot": 0, "width": 640, "height": 360}])
    assert len(host.all("seats")) == before
    assert host_peer.wishes == {0: (640, 360)}


def test_a_wish_for_a_slot_that_is_not_there_is_ignored(house: House) -> None:
    host, _, host_peer, _ = pair(house)
    host.say(type="wish", tiles=[{"slot": 9, "width": 1, "height": 1}])
    assert not host_peer.wishes and not host.all("error")


def test_the_size_of_a_tile_outlives_the_connection(house: House) -> None:
    host, _, host_peer, _ = pair(house)
    tiles = [{"slot": 0, "width": 0, "height": 0}, {"slot": 2, "width": 640, "height": 360}]
    host.say(type="wish", tiles=tiles)
    host_peer.lose()
    host.offer("second")
    again = house.sfu.peer_of(host.id)
    assert again is not host_peer and again.wishes == {0: (0, 0)}
    host.offer("second", slots=3)
    assert again.wishes == {0: (0, 0), 2: (640, 360)}


def test_a_third_person_needs_one_more_slot(house: House) -> None:
    host, _, host_peer, _ = pair(house)
    host.offer("first", slots=1)
    third = house.guest(host, "Kim")
    in_call(house, third, slots=3)
    assert host.last("seats").missing == 1
    host.offer("first", slots=2)
    assert host.last("seats").missing == 0 and seated(host)[1] == (third.id, "camera")
    assert host_peer.offers == 3 and not host_peer.closed


def test_the_first_offer_is_told_how_many_slots_to_bring(house: House) -> None:
    host = house.host()
    assert host.last("welcome").slots == 2
    guests = [house.guest(host, name) for name in ("Sam", "Kim", "Lee")]
    assert guests[-1].last("welcome").slots == 4


def test_a_screen_has_a_seat_of_its_own_while_it_is_shared(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    guest_peer.flow("screen")
    house.settle()
    assert seated(host)[1] is None, "not before the person switched it on"
    guest.say(type="media", microphone=True, camera=True, screen=True)
    assert seated(host)[1] == (guest.id, "screen")
    assert host_peer.bound[1] == (None, guest_peer.publications["screen"])
    guest_peer.flow("screen", live=False)
    house.settle()
    assert seated(host)[1] == (guest.id, "screen"), "a gap is not the end"
    guest.say(type="media", microphone=True, camera=True, screen=False)
    assert seated(host)[1] is None and host_peer.bound[1] == (None, None)


def test_a_screen_has_its_seat_before_its_first_packet(house: House) -> None:
    """A page sends what is ordered, and only what somebody is shown is ordered."""
    host, guest, host_peer, guest_peer = pair(house)
    guest.say(type="media", microphone=True, camera=True, screen=True)
    assert seated(host)[1] == (guest.id, "screen")
    assert host_peer.bound[1] == (None, guest_peer.publications["screen"])
    assert not next(p for p in host.last("room").participants if p.id == guest.id).screen, "it does not flow"


def test_flags_are_what_flows_and_not_what_is_meant(house: House) -> None:
    host, guest, _, guest_peer = pair(house)

    def flags() -> tuple[bool, bool]:
        person = next(p for p in host.last("room").participants if p.id == guest.id)
        return person.microphone, person.camera

    assert flags() == (True, True)
    guest_peer.flow("camera", live=False)
    house.settle()
    assert flags() == (True, False)
    guest.say(type="media", microphone=False, camera=True, screen=False)
    assert flags() == (False, False)


def test_what_is_switched_off_is_not_forwarded_whatever_the_page_sends(house: House) -> None:
    _, guest, _, peer = pair(house)

    def muted() -> set[str]:
        return {source for source, publication in peer.publications.items() if publication.muted}

    assert muted() == {"screen"}, "nobody shares it yet"
    guest.say(type="media", microphone=False, camera=True, screen=True)
    assert muted() == {"microphone"}
    guest.say(type="media", microphone=True, camera=False, screen=True)
    assert muted() == {"camera"}
    guest.offer("second")
    again = house.sfu.peer_of(guest.id)
    assert {source for source, media in again.publications.items() if media.muted} == {"camera"}


def test_a_sender_that_has_no_switches_is_forwarded(house: House) -> None:
    house.host()
    claims = house.rooms.read_link(house.token("guest", may=("join", "publish")))
    sender, _ = house.rooms.rooms["room"].connect_client(claims, "sender", "v=0\r\nsend\r\n")
    house.settle()
    publications = house.sfu.peer_of(sender).publications
    assert set(publications) == {"microphone", "camera"}
    assert not any(publication.muted for publication in publications.values())


def test_a_reload_replaces_the_connection_and_keeps_the_seats(house: House) -> None:
    host, guest, host_peer, old = pair(house)
    guest.drop()
    back = house.page()
    back.hello(resume=guest.last("welcome").resume)
    new = in_call(house, back, connection="second")
    assert old.closed and not new.closed and len(house.sfu.peers) == 2
    assert seated(host) == [(guest.id, "camera"), None] and seated(back) == [(host.id, "camera"), None]
    assert host_peer.bound[0] == (new.publications["microphone"], new.publications["camera"])


def test_a_lost_signalling_connection_does_not_touch_media(house: House) -> None:
    _, guest, _, peer = pair(house)
    guest.drop()
    back = house.page()
    back.hello(resume=guest.last("welcome").resume)
    assert not peer.closed and back.all("seats"), "seats are told again: the page may have missed them"
    back.offer("first")
    assert peer.offers == 2 and not peer.closed


def test_a_lost_media_connection_keeps_the_seat_and_wants_a_new_one(house: House) -> None:
    host, guest, host_peer, peer = pair(house)
    peer.lose("consent-lost")
    house.settle()
    assert peer.closed and seated(host)[0] == (guest.id, "camera") and host_peer.bound[0] == (None, None)
    presence = next(p.connection for p in host.last("room").participants if p.id == guest.id)
    assert presence == "reconnecting"
    guest.offer("first")
    assert guest.last("error").code == "connection-lost" and guest.last("error").about == "offer"
    again = in_call(house, guest, connection="second")
    assert host_peer.bound[0][0] is again.publications["microphone"]


def test_a_new_connection_says_whether_it_takes_sound_twice(house: House) -> None:
    _, guest, _, peer = pair(house)
    assert not peer.takes_repeats, "nobody said so"
    guest.say(type="offer", connection="second", sdp="v=0\r\na=slots:2\r\n", sources={}, repeats=True)
    assert house.sfu.peers[-1] is not peer and house.sfu.peers[-1].takes_repeats


def test_leaving_closes_the_connection_and_frees_the_seat(house: House) -> None:
    host, guest, host_peer, peer = pair(house)
    guest.say(type="leave")
    assert guest.last("bye").code == "left"
    assert peer.closed and seated(host) == [None, None] and host_peer.bound[0] == (None, None)


def test_an_offer_that_can_not_be_read_changes_nothing(house: House) -> None:
    host, guest, _, peer = pair(house)
    guest.say(type="offer", connection="second", sdp="rubbish", sources={})
    assert guest.last("error").code == "bad-sdp" and guest.last("error").message == "The offer can't be read."
    assert not peer.closed and len(house.sfu.peers) == 2 and seated(host)[0] == (guest.id, "camera")


def test_a_full_media_side_is_said(house: House) -> None:
    house = House(max_peers=1)
    host = house.host()
    guest = house.guest(host)
    host.offer()
    guest.offer()
    assert guest.last("error").code == "server-full"
    assert house.rooms.full["max_peers"] == 1


def test_who_is_in_a_session_may_connect_anew_where_the_media_side_is_full() -> None:
    house = House(max_peers=1)
    host = house.host()
    before = in_call(house, host)
    after = in_call(house, host, connection="second")
    assert before.closed and not after.closed and not host.all("error")
    host.say(type="offer", connection="third", sdp="rubbish", sources={})
    assert host.last("error").code == "bad-sdp" and not after.closed


def test_only_permitted_sources_are_taken(house: House) -> None:
    page = house.page()
    page.hello(house.token("guest", may=("join", "publish")))
    page.offer(sources={"0": "microphone", "1": "screen"})
    assert page.last("error").code == "not-allowed"
    page.offer(sources={"0": "microphone"})
    assert page.all("answer")


def test_whoever_may_not_subscribe_sees_nobody(house: House) -> None:
    host = house.host()
    in_call(house, host)
    page = house.page()
    page.hello(house.token("guest", may=("join", "publish")))
    page.offer(slots=2, sources={"0": "microphone"})
    assert seated(page) == [None, None]


def test_who_speaks_is_told_when_it_changes(house: House) -> None:
    host, guest, host_peer, _ = pair(house)
    host_peer.speech_level = 0.9
    house.wait(1)
    assert guest.last("speaking").participants == (host.id,) and len(guest.all("speaking")) == 1
    late = house.guest(host, "Kim")
    assert late.last("speaking").participants == (host.id,), "whoever is let in hears who speaks"
    host_peer.speech_level = 0.0
    house.wait(3)
    assert guest.last("speaking").participants == ()


def test_whoever_waits_does_not_learn_who_speaks(house: House) -> None:
    _, _, host_peer, _ = pair(house)
    host_peer.speech_level = 0.9
    house.wait(1)
    waiting = house.knocking("Kim")
    house.wait(1)
    assert not waiting.all("speaking")


def test_nothing_that_is_said_at_the_door_sets_media_to_work(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, guest, _, _ = pair(house)
    waiting = house.knocking("Kim")
    arranged: list[object] = []

    def arrange(stage: Stage, admitted: object) -> list[object]:
        arranged.append(admitted)
        return []

    monkeypatch.setattr(Stage, "arrange", arrange)
    waiting.say(type="ping", id=1)
    waiting.say(type="media", microphone=False, camera=False, screen=False)
    waiting.say(type="lock", locked=True)
    waiting.say(type="leave")
    guest.say(type="ping", id=1)
    guest.say(type="chat", text="hello")
    assert not arranged
    guest.say(type="media", microphone=False, camera=False, screen=False)
    assert arranged


def test_the_picture_of_who_speaks_goes_before_a_screen_and_that_before_the_others(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    third = house.guest(host, "Kim")
    third_peer = in_call(house, third, slots=4)
    host.offer("first", slots=4)
    assert seated(host)[:2] == [(guest.id, "camera"), (third.id, "camera")]
    assert host_peer.ranked == [0, 1, 2, 3]
    guest.say(type="media", microphone=True, camera=True, screen=True)
    assert seated(host)[2] == (guest.id, "screen") and host_peer.ranked == [2, 0, 1, 3]
    third_peer.speech_level = 0.9
    house.wait(1)
    assert host_peer.ranked == [1, 2, 0, 3]
    third_peer.speech_level = 0.0
    house.wait(HOLD + 1)
    assert host_peer.ranked == [1, 2, 0, 3], "a pause moves no pictures"
    house.wait(HOLD + LINGER)
    assert host_peer.ranked == [2, 0, 1, 3]
    assert len(guest_peer.ranked) == 2


def test_a_pinned_tile_goes_before_all_for_who_pinned_it_and_outlives_the_connection(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    third = house.guest(host, "Kim")
    third_peer = in_call(house, third, slots=4)
    host.offer("first", slots=4)
    assert seated(host)[:2] == [(guest.id, "camera"), (third.id, "camera")]
    others = guest_peer.ranked, third_peer.ranked
    size = {"width": 640, "height": 360}
    host.say(type="wish", tiles=[{"slot": 0, **size}, {"slot": 1, **size, "pinned": True}])
    assert host_peer.ranked == [1, 0, 2, 3]
    assert (guest_peer.ranked, third_peer.ranked) == others
    guest_peer.speech_level = 0.9
    house.wait(1)
    assert host_peer.ranked == [1, 0, 2, 3] and third_peer.ranked == [1, 0, 2, 3]
    host_peer.lose()
    host.offer("second", slots=4)
    assert house.sfu.peer_of(host.id).ranked == [1, 0, 2, 3]
    guest_peer.speech_level = 0.0
    house.wait(HOLD + LINGER)
    host.say(type="wish", tiles=[{"slot": 0, **size}, {"slot": 1, **size}])
    assert house.sfu.peer_of(host.id).ranked == [0, 1, 2, 3]


def test_a_viewer_sees_one_person_and_is_seen_by_all(house: House) -> None:
    host, guest, host_peer, _ = pair(house)
    live = house.rooms.rooms["room"]
    claims = house.rooms.read_link(house.token("guest", may=("join", "subscribe")))
    viewer, _ = live.connect_client(claims, "viewer", "v=0\r\na=slots:1\r\n", watches=guest.id)
    house.settle()
    peer = house.sfu.peer_of(viewer)
    assert peer.bound[0] == (
        house.sfu.peer_of(guest.id).publications["microphone"],
        house.sfu.peer_of(guest.id).publications["camera"],
    )
    assert peer.wishes[0] == (1920, 1080) and not peer.publications
    for page in (host, guest):
        kinds = {person.id: person.kind for person in page.last("room").participants}
        assert kinds[viewer] == "viewer"
    assert [seat for seat in seated(host) if seat] == [(guest.id, "camera")], "a viewer needs no seat"
    host.say(type="remove", participant=viewer)
    assert peer.closed and not host_peer.closed


def test_a_viewer_without_a_choice_stays_with_whom_it_saw_first(house: House) -> None:
    host, guest, host_peer, _ = pair(house)
    live = house.rooms.rooms["room"]
    claims = house.rooms.read_link(house.token("guest", may=("join", "subscribe")))
    viewer, _ = live.connect_client(claims, "viewer", "v=0\r\na=slots:1\r\n")
    house.settle()
    peer = house.sfu.peer_of(viewer)
    assert peer.bound[0][0] is host_peer.publications["microphone"]
    host.say(type="leave")
    assert peer.bound[0][0] is house.sfu.peer_of(guest.id).publications["microphone"]


def test_a_sender_is_seated_like_a_person_and_gone_with_its_connection(house: House) -> None:
    host = house.host()
    in_call(house, host)
    live = house.rooms.rooms["room"]
    claims = house.rooms.read_link(house.token("guest", may=("join", "publish")))
    sender, _ = live.connect_client(claims, "sender", "v=0\r\nsend\r\n")
    house.settle()
    assert seated(host)[0] == (sender, "camera")
    house.sfu.peer_of(sender).lose("consent-lost")
    house.settle()
    assert seated(host) == [None, None] and len(host.last("room").participants) == 1
