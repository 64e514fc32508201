"""What people are told of each other's connections, of what they missed, and of what to send."""

from __future__ import annotations

from media.sfu import Grade, Order, SendingOrdered
from media.uplink import Level
from server.conditions import Link, Missed, conditions
from tests.server.calls import in_call, pair
from tests.server.fakes import FakePeer, House, Page

GOOD = Link(True, 0, 0, {})


def told(viewer: str, **links: Link) -> dict[str, tuple[str, str, str]]:
    message = conditions(viewer, links, (0.0, ()))
    return {person.participant: (person.quality, person.cause, person.picture) for person in message.people}


def test_a_poor_connection_is_blamed_on_the_way_that_is_poor() -> None:
    assert told("a", a=GOOD, b=Link(True, 2, 0, {}))["b"] == ("poor", "their-uplink", "off")
    assert told("a", a=GOOD, b=Link(True, 0, 2, {}))["b"] == ("poor", "their-downlink", "off")
    mine = Link(True, 0, 2, {"b": "stills"})
    assert told("a", a=mine, b=GOOD) == {
        "a": ("poor", "your-downlink", "off"),
        "b": ("poor", "your-downlink", "stills"),
    }
    assert told("a", a=Link(True, 1, 0, {}), b=GOOD)["a"] == ("fair", "your-uplink", "off")


def test_a_host_learns_whose_way_is_to_blame_for_each_client() -> None:
    host = Link(True, 1, 0, {})
    rows = told("host", host=host, sam=Link(True, 2, 1, {}), kim=Link(True, 0, 2, {}), lee=GOOD)
    assert {who: row[:2] for who, row in rows.items()} == {
        "host": ("fair", "your-uplink"),
        "sam": ("poor", "their-uplink"),
        "kim": ("poor", "their-downlink"),
        "lee": ("fair", "your-uplink"),
    }
    assert told("sam", host=host, sam=Link(True, 2, 1, {}))["host"][:2] == ("poor", "your-uplink")
    assert told("lee", host=host, lee=GOOD)["host"][:2] == ("fair", "their-uplink")


def test_who_is_not_connected_is_lost_whatever_was_before() -> None:
    assert told("a", a=GOOD, b=Link(False, 0, 0, {}))["b"] == ("lost", "their-connection", "off")


def ways(page: Page) -> dict[str, tuple[str | None, str | None]]:
    return {person.participant: (person.uplink, person.downlink) for person in page.last("conditions").people}


def test_a_host_sees_both_ways_of_each_client_apart_and_nobody_else_does(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    guest_peer.uplink, guest_peer.downlink = Grade.POOR, Grade.FAIR
    host_peer.downlink = Grade.FAIR
    house.wait(0.25)
    assert ways(host) == {host.id: ("good", "fair"), guest.id: ("poor", "fair")}
    assert ways(guest) == {host.id: (None, None), guest.id: (None, None)}


def test_of_who_is_lost_no_way_is_known_even_to_a_host(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    guest_peer.silent = True
    house.wait(0.25)
    assert ways(host)[guest.id] == (None, None)


def test_everybody_sees_who_chose_sound_only(house: House) -> None:
    host, guest, _, _ = pair(house)
    house.wait(0.25)
    assert not any(person.sound_only for person in host.last("conditions").people)
    guest.say(type="prefer", sound_only=True, save_data=False)
    house.wait(0.25)
    for page in (host, guest):
        chose = {person.participant for person in page.last("conditions").people if person.sound_only}
        assert chose == {guest.id}


def pictures(page: Page) -> dict[str, str]:
    return {person.participant: person.picture for person in page.last("conditions").people}


def test_a_picture_that_its_uplink_cannot_carry_is_paused_and_not_off(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    house.wait(0.25)
    assert pictures(host) == {host.id: "motion", guest.id: "motion"}
    guest_peer.picture_at_most = "stills"
    house.wait(0.25)
    assert pictures(host)[guest.id] == "stills" == pictures(guest)[guest.id]
    guest_peer.picture_at_most = "sound"
    guest_peer.order = Order({"camera": 0}, 30, thin=False, level=Level.SOUND)
    guest_peer.publications["camera"].held = True
    guest_peer.flow("camera", live=False)
    house.wait(0.25)
    assert pictures(host) == {host.id: "motion", guest.id: "sound"}
    assert next(p for p in host.last("room").participants if p.id == guest.id).camera, "it is not off"
    guest.say(type="media", microphone=True, camera=False, screen=False)
    house.wait(0.25)
    assert pictures(host)[guest.id] == "off" == pictures(guest)[guest.id]
    assert not next(p for p in host.last("room").participants if p.id == guest.id).camera


def test_a_picture_that_nobody_looks_at_is_neither_off_nor_paused(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    host_peer.pictures[0] = "off"  # the tile is hidden
    guest_peer.order = Order({"camera": 0}, 30, thin=False, level=Level.FULL)
    guest_peer.publications["camera"].held = True
    guest_peer.flow("camera", live=False)
    house.wait(0.25)
    assert pictures(host)[guest.id] == "off" and pictures(guest)[guest.id] == "motion"
    assert next(p for p in host.last("room").participants if p.id == guest.id).camera
    host_peer.pictures[0] = "motion"
    house.wait(0.25)
    assert pictures(host)[guest.id] == "motion"


def test_a_picture_that_cannot_be_shown_here_is_neither_off_nor_paused(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    host_peer.pictures[0] = "unsupported"
    guest_peer.picture_at_most = "stills"
    house.wait(0.25)
    assert pictures(host)[guest.id] == "unsupported"
    guest.say(type="media", microphone=True, camera=False, screen=False)
    house.wait(0.25)
    assert pictures(host)[guest.id] == "off"


def test_a_picture_that_stopped_of_itself_is_off(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    guest_peer.flow("camera", live=False)
    house.settle()
    house.wait(0.25)
    assert pictures(host)[guest.id] == "off"


def screens(page: Page) -> dict[str, str]:
    return {person.participant: person.screen for person in page.last("conditions").people}


def test_a_shared_screen_that_is_paused_is_told_to_who_looks_and_to_who_shares(house: House) -> None:
    host, guest, host_peer, guest_peer = pair(house)
    host.offer("first", slots=3)
    third = house.guest(host, "Kim")
    third_peer = in_call(house, third, slots=3)
    house.wait(0.25)
    assert set(screens(host).values()) == {"off"}
    guest.say(type="media", microphone=True, camera=True, screen=True)
    guest_peer.flow("screen")
    house.settle()
    house.wait(0.25)
    assert screens(host)[guest.id] == screens(third)[guest.id] == screens(guest)[guest.id] == "motion"
    host_peer.pictures[2] = "stills"  # of the screen: the host's way is short
    house.wait(0.25)
    assert (screens(host)[guest.id], screens(third)[guest.id]) == ("stills", "motion")
    assert screens(guest)[guest.id] == "stills" and pictures(guest)[guest.id] == "motion"
    third_peer.pictures[2] = "off"  # a hidden tile concerns nobody
    house.wait(0.25)
    assert screens(guest)[guest.id] == "stills"
    guest_peer.picture_at_most = "sound"
    house.wait(0.25)
    assert screens(host)[guest.id] == screens(guest)[guest.id] == "sound"
    guest.say(type="media", microphone=True, camera=True, screen=False)
    house.wait(0.25)
    assert screens(host)[guest.id] == screens(guest)[guest.id] == "off"


def test_a_dead_path_is_told_long_before_the_connection_is_given_up(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    guest_peer.silent = True
    house.wait(0.25)
    row = next(p for p in host.last("conditions").people if p.participant == guest.id)
    assert (row.quality, row.cause) == ("lost", "their-connection")
    person = next(p for p in host.last("room").participants if p.id == guest.id)
    assert person.connection == "reconnecting"
    guest_peer.silent = False
    house.wait(0.25)
    person = next(p for p in host.last("room").participants if p.id == guest.id)
    assert person.connection == "connected" and not guest_peer.closed


def test_who_sends_nothing_is_not_missed(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    guest.say(type="media", microphone=False, camera=False, screen=False)
    guest_peer.silent = True
    house.wait(0.5)
    person = next(p for p in host.last("room").participants if p.id == guest.id)
    assert person.connection == "connected"


def test_a_speaker_learns_what_was_missed_and_by_whom_for_three_seconds() -> None:
    missed = Missed()
    missed.report("listener", "speaker", 0.3, now=10.0)
    assert missed.of("speaker", now=10.0) == (0.0, ())
    missed.report("listener", "speaker", 0.9, now=11.0)
    assert missed.of("speaker", now=11.0) == (1.2, ("listener",))
    assert missed.of("listener", now=11.0) == (0.0, ())
    assert missed.of("speaker", now=13.5) == (0.9, ("listener",))
    assert missed.of("speaker", now=14.5) == (0.0, ())


class Counted(float):
    """A time that counts the reports whose age is asked."""

    looked_at = 0

    def __sub__(self, other: float) -> float:
        self.looked_at += 1
        return float(self) - other


def test_only_reports_about_the_speaker_and_of_late_are_looked_at() -> None:
    missed, group = Missed(), [str(number) for number in range(10)]
    for listener in group:
        for speaker in group:
            for second in range(3):
                missed.report(listener, speaker, 0.3, now=10.0 + second)
    now = Counted(12.0)
    assert missed.of("0", now=now) == (0.9, tuple(group))
    assert now.looked_at <= 4 * len(group)
    later = Counted(20.0)
    assert missed.of("0", now=later) == missed.of("0", now=later) == (0.0, ())
    assert later.looked_at == len(group), "each once, and then they are forgotten"


def test_reports_of_people_who_left_are_forgotten() -> None:
    missed = Missed()
    missed.report("listener", "speaker", 2.0, now=10.0)
    missed.keep(["speaker"])
    assert missed.of("speaker", now=10.0) == (0.0, ())


def test_what_a_listener_missed_reaches_the_speaker_in_a_second(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    sound = {"slot": 0, "concealed_ms": 700, "total_ms": 1000, "buffered_ms": 900}
    guest.say(type="heard", sounds=[sound])
    assert guest_peer.buffers == {0: 0.9}
    house.wait(0.25)
    assert host.last("conditions").missed == 0.7
    assert host.last("conditions").missed_by == (guest.id,)
    assert guest.last("conditions").missed == 0.0


def hears_nothing(house: House, page: Page, seconds: int = 1) -> None:
    """What a browser says of a gap once it has ceased to make sound up."""
    for _ in range(seconds):
        page.say(type="heard", sounds=[{"slot": 0, "concealed_ms": 0, "silent_ms": 1000, "total_ms": 1000}])
        house.wait(1)


def test_a_gap_that_lasts_is_missed_as_long_as_the_speaker_goes_on(house: House) -> None:
    host, guest, host_peer, _ = pair(house)
    host_peer.speaks = True
    guest.say(type="heard", sounds=[{"slot": 0, "concealed_ms": 500, "silent_ms": 200, "total_ms": 1000}])
    house.wait(1)
    hears_nothing(house, guest, 2)
    assert (host.last("conditions").missed, host.last("conditions").missed_by) == (2.5, (guest.id,))


def test_silence_of_a_report_over_a_long_time_says_nothing(house: House) -> None:
    """A page that was away reports of all that time at once: whoever spoke at both its ends need not have
    spoken all along."""
    host, guest, host_peer, _ = pair(house)
    host_peer.speaks = True
    hears_nothing(house, guest)
    long = {"slot": 0, "concealed_ms": 0, "silent_ms": 48_000, "total_ms": 50_000}
    guest.say(type="heard", sounds=[long])
    house.wait(0.25)
    assert host.last("conditions").missed == 0.0


def test_nobody_misses_anything_of_a_microphone_that_is_silent_or_has_just_been_switched_on(
    house: House,
) -> None:
    host, guest, host_peer, _ = pair(house)
    hears_nothing(house, guest, 2)
    host_peer.speaks = True
    hears_nothing(house, guest)
    assert host.last("conditions").missed == 0
    assert house.rooms.listening.concealed_ms == 0 and house.rooms.listening.played_ms == 3000


def test_a_page_is_told_once_what_to_send(house: House) -> None:
    host, _, host_peer, _ = pair(house)
    host_peer.order = Order({"camera": 2}, 7, thin=True, level=Level.SLOW)
    host_peer._on_event(SendingOrdered(host_peer.order))
    house.wait(0.5)
    orders = [message for message in host.sent if message.type == "sending"]
    assert [(o.camera, o.screen, o.frame_rate, o.thin) for o in orders] == [(2, 0, 7, True)]


def orders(page: Page) -> list[int]:
    return [message.camera for message in page.sent if message.type == "sending"]


def no_picture_is_ordered(house: House, page: Page, peer: FakePeer) -> None:
    peer.order = Order({"camera": 0}, 30, thin=True, level=Level.SOUND)
    peer._on_event(SendingOrdered(peer.order))
    house.settle()
    assert orders(page)[-1] == 0
    page.sent.clear()


def test_a_camera_that_was_switched_off_and_on_is_told_again_that_nothing_is_to_be_sent(house: House) -> None:
    _, guest, _, peer = pair(house)
    no_picture_is_ordered(house, guest, peer)
    peer.flow("camera", live=False)
    guest.say(type="media", microphone=True, camera=False, screen=False)
    guest.say(type="media", microphone=True, camera=True, screen=False)
    house.settle()
    assert orders(guest) == [], "once nothing of it is sent, nobody would know that there is a camera"
    peer.flow("camera")
    house.settle()
    assert orders(guest) == [0]


def test_a_camera_that_is_back_before_it_was_missed_is_told_again_too(house: House) -> None:
    _, guest, _, peer = pair(house)
    no_picture_is_ordered(house, guest, peer)
    guest.say(type="media", microphone=True, camera=False, screen=False)
    guest.say(type="media", microphone=True, camera=True, screen=False)
    assert orders(guest) == [0]


def test_conditions_are_told_when_they_change_and_not_again(house: House) -> None:
    host, guest, _, guest_peer = pair(house)
    house.wait(0.25)
    before = len([m for m in host.sent if m.type == "conditions"])
    house.wait(0.25)
    assert len([m for m in host.sent if m.type == "conditions"]) == before
    guest_peer.downlink = Grade.POOR
    house.wait(0.25)
    people = {person.participant: person for person in host.last("conditions").people}
    assert (people[guest.id].quality, people[guest.id].cause) == ("poor", "their-downlink")


def test_a_preference_outlives_the_connection(house: House) -> None:
    host, _, host_peer, _ = pair(house)
    host.say(type="prefer", sound_only=True, save_data=False)
    assert host_peer.preferred == (True, False)
    host.offer("second", 2)
    assert house.sfu.peer_of(host.id) is not host_peer
    assert house.sfu.peer_of(host.id).preferred == (True, False)
