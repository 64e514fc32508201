"""Keeping one person, or a shared screen, large."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conditions import GOOD, LISTEN, SLOW_TO_SEND, told
from tests.browser.conftest import LAPTOP, PHONE, SCREEN, SMALLEST, Invite
from tests.browser.patience import eventually
from tests.browser.person import Person
from tests.browser.scripts import MESS, OVERHEAR, SETTLED
from tests.browser.server import Server

PINS = ".tile-pin"
# Labels of the tiles, the largest first; "" where the largest two are equal.
LARGEST = """() => {
    const tiles = [...document.querySelectorAll(".tile")].map(tile => {
        const {width, height} = tile.getBoundingClientRect();
        return {label: tile.querySelector(".tile-label").textContent, area: Math.round(width * height)};
    }).sort((a, b) => b.area - a.area);
    return tiles[0].area > 1.5 * tiles[1].area ? tiles[0].label : "";
}"""
PINNED_WISHES = """told => told.filter(({type}) => type === "wish").map(({tiles}) =>
    tiles.filter(({pinned}) => pinned).map(({slot}) => slot))"""
SLOT_OF = """name => {
    const {id} = window.newest.room.participants.find(person => person.name === name);
    return window.newest.seats.seats.find(seat => seat.participant === id).slot;
}"""


async def largest(person: Person, label: str) -> None:
    await eventually(lambda: person.page.evaluate(LARGEST), lambda seen: seen == label)


@pytest_asyncio.fixture(loop_scope="session")
async def group(person: Invite, server: Server, room: str) -> tuple[Person, Person, Person]:
    """A host and two guests, one of them without a camera."""
    host, ana, ben = await person(), await person(size=(640, 480)), await person(permissions=("microphone",))
    await host.page.add_init_script(LISTEN)
    await host.come(server.link(room, "host"), "Ruth")
    for guest, name in ((ana, "Ana"), (ben, "Ben")):
        await guest.come(server.link(room), name)
        await host.let_in(name)
        await guest.sees("room")
    await host.watches("Ana")
    await expect(host.tile("Ben")).to_be_visible()
    return host, ana, ben


async def test_who_is_pinned_is_large_and_served_first_until_it_is_pressed_again(group):
    host, ana, _ = group
    await largest(host, "")
    said = await host.page.evaluate_handle(OVERHEAR)
    await host.press("Show Ana large")
    await largest(host, "Ana")
    await host.watches("Ana")
    slot = await host.page.evaluate(SLOT_OF, "Ana")
    await eventually(lambda: host.page.evaluate(PINNED_WISHES, said), lambda wishes: [slot] in wishes)
    await largest(ana, "")  # it is nobody else's matter
    await host.press("Show Ben large")  # instead
    await largest(host, "Ben")
    await expect(host.button("Show Ana large")).to_have_attribute("aria-pressed", "false")
    await host.press("Show Ben large")
    await largest(host, "")
    await eventually(lambda: host.page.evaluate(PINNED_WISHES, said), lambda wishes: wishes[-1] == [])


async def test_a_pin_is_not_kept_over_a_reload(group):
    host, *_ = group
    await host.press("Show Ana large")
    await largest(host, "Ana")
    await host.page.reload()
    await host.watches("Ana")
    await expect(host.button("Show Ana large")).to_have_attribute("aria-pressed", "false")
    await largest(host, "")


async def test_the_button_works_by_key_and_keeps_the_focus(group):
    host, *_ = group
    button = host.button("Show Ana large")
    await host.page.locator("#room-title").focus()
    await host.page.keyboard.press("Tab")
    await expect(button).to_be_focused()
    await expect(button).to_have_css("opacity", "1")
    await host.page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "true")
    await largest(host, "Ana")
    await expect(button).to_be_focused()
    await host.page.keyboard.press("Escape")  # closes what is open: that is something else
    await expect(button).to_have_attribute("aria-pressed", "true")
    await host.page.keyboard.press("Space")
    await largest(host, "")
    await expect(button).to_be_focused()


async def test_the_pin_stays_with_who_is_out_of_reach_and_goes_with_who_is_gone(group):
    host, ana, _ = group
    await host.press("Show Ana large")
    await ana.page.context.close()
    await expect(host.tile("Ana").locator(".tile-note")).to_have_text(re.compile("Reconnecting, 0:"))
    await expect(host.button("Show Ana large")).to_have_attribute("aria-pressed", "true")
    await largest(host, "Ana")
    await host.press("People")
    await host.press("Remove Ana")
    await host.press("Remove")
    await expect(host.tile("Ana")).to_have_count(0)
    await expect(host.page.locator("#stage")).to_have_class(re.compile("one-to-one"))
    await expect(host.page.locator(PINS)).to_have_count(0)


async def test_the_focus_goes_to_who_is_left_when_the_button_goes(group):
    host, ana, _ = group
    await host.button("Show Ben large").focus()
    await host.page.keyboard.press("Enter")
    await largest(host, "Ben")
    await ana.press("Leave")
    await expect(host.tile("Ana")).to_have_count(0)
    await expect(host.page.locator(PINS)).to_have_count(0)  # of two there is nothing to choose
    await expect(host.tile("Ben")).to_be_focused()
    await expect(host.page.locator("#stage")).to_have_class(re.compile("one-to-one"))


async def test_a_pinned_face_goes_before_a_shared_screen(person, server, room, sharing_browser):
    host, guest = await person(using=sharing_browser), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.watches("Ruth")
    await expect(guest.page.locator(PINS)).to_have_count(0)
    await host.press("Share")
    await largest(guest, SCREEN)
    await guest.press("Show Ruth large")
    await largest(guest, "Ruth")
    await guest.press(f"Show {SCREEN} large")
    await largest(guest, SCREEN)
    await expect(host.page.locator(PINS)).to_have_count(0)  # one's own screen is no tile
    await host.press("Share")
    await expect(guest.tile(SCREEN)).to_have_count(0)
    await expect(guest.page.locator(PINS)).to_have_count(0)
    await expect(guest.page.locator("#stage")).to_have_class(re.compile("one-to-one"))


@pytest.mark.parametrize("size", [LAPTOP, PHONE, SMALLEST])
async def test_the_buttons_cover_no_words(group, size):
    host, *_ = group
    await host.page.set_viewport_size({"width": size[0], "height": size[1]})
    await told(
        host, Ruth=GOOD, Ana={**SLOW_TO_SEND, "picture": "stills"}, Ben={**SLOW_TO_SEND, "sound_only": True}
    )
    for name in ("Ana", "Ben"):
        await expect(host.tile(name).locator(".tile-note")).not_to_be_empty()
    await host.page.evaluate(SETTLED)
    assert await host.page.evaluate(MESS) == []
    await host.press("Show Ana large")
    await largest(host, "Ana")
    await host.page.evaluate(SETTLED)
    assert await host.page.evaluate(MESS) == []


async def test_the_buttons_are_seen_without_a_pointer_that_hovers(person, group, server, room):
    host, *_ = group
    await host.page.mouse.move(5, 5)
    await expect(host.button("Show Ben large")).to_have_css("opacity", "0")
    await host.tile("Ben").hover()
    await expect(host.button("Show Ben large")).to_have_css("opacity", "1")
    kim = await person(size=PHONE, touch=True)
    await kim.come(server.link(room), "Kim")
    await host.let_in("Kim")
    await expect(kim.button("Show Ana large")).to_have_css("opacity", "1")
    await kim.button("Show Ana large").tap()
    await largest(kim, "Ana")
