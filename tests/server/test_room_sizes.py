"""A room of any size that may be set works: no page is asked for an offer that is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from media.sdp.lines import MAX_MEDIA
from server.messages import MAX_LINES, MAX_PEOPLE, MAX_SLOTS
from server.room import RoomLimits
from server.serve import sfu_settings
from server.settings import Settings, SettingsError, load
from tests.server.calls import seated
from tests.server.fakes import House, Page

PROTOCOL = Path(__file__).parents[2] / "static" / "js" / "protocol.js"


def come(house: House, name: str) -> Page:
    page = house.page()
    page.hello(house.token("guest", may=("join", "publish", "subscribe", "screen")), name=name)
    return page


def has_enough_slots(page: Page) -> bool:
    """Makes another offer, as a page does, where slots are missing."""
    seats = page.last("seats")
    if seats.missing:
        page.offer(slots=len(seats.seats) + seats.missing)
    return not seats.missing


@pytest.mark.parametrize("people", range(2, MAX_PEOPLE + 1))
def test_everybody_sees_everybody_though_all_share_their_screens(people: int) -> None:
    house = House(limits=RoomLimits(participants=people))
    pages = [house.host(), *(come(house, f"{number}") for number in range(people - 1))]
    assert come(house, "one too many").last("bye").code == "room-full"
    for page in pages:
        page.offer(slots=page.last("welcome").slots)
        page.say(type="media", microphone=True, camera=True, screen=True)
    while not all([has_enough_slots(page) for page in pages]):
        pass
    for page in pages:
        assert 3 + 2 * page.last("welcome").slots <= MAX_LINES
        assert 3 + 2 * len(seated(page)) <= MAX_LINES
        others = {(other.id, "camera") for other in pages if other is not page}
        assert others <= set(seated(page))
        screens = [seat for seat in seated(page) if seat and seat[1] == "screen"]
        assert len(screens) == min(people - 1, MAX_SLOTS - len(others))


def test_who_comes_late_is_seen_where_a_screen_was() -> None:
    house = House(limits=RoomLimits(participants=MAX_PEOPLE))
    host = house.host()
    host.offer(slots=MAX_SLOTS)
    sharing = [come(house, f"{number}") for number in range(MAX_SLOTS // 2)]
    for page in sharing:
        page.offer()
        page.say(type="media", microphone=True, camera=True, screen=True)
    assert None not in seated(host)
    late = come(house, "late")
    late.offer()
    assert (late.id, "camera") in seated(host) and host.last("seats").missing == 0


def test_the_limits_of_settings_media_and_page_are_one() -> None:
    assert sfu_settings(Settings()).max_media_lines == MAX_LINES <= MAX_MEDIA
    assert MAX_SLOTS >= MAX_PEOPLE - 1
    [of_the_page] = re.findall(r"MAX_SLOTS = (\d+)", PROTOCOL.read_text())
    assert int(of_the_page) == MAX_SLOTS
    with pytest.raises(SettingsError):
        load({"max_participants": MAX_PEOPLE + 1}, environment={})
