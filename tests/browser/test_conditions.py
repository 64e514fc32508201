"""What people read when conditions change: a poor way, a paused picture, somebody out of reach.

Some states no test can make in a browser alone: there the page is told of them as if by the server.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.browser.chromium import chromium
from tests.browser.conditions import GOOD, LISTEN, SAY, SLOW_TO_SEND, told
from tests.browser.conftest import LAPTOP, PHONE, SMALLEST, Invite, Session, meet
from tests.browser.person import Person
from tests.browser.scripts import MESS, ON_TOP
from tests.browser.server import Server

WORDS = "Your connection is poor: your internet is slow to send."
PAUSED = "Picture paused so that you can keep hearing each other"
SPARED = "Your picture is paused so that they can keep hearing you."

# Of everything on the stage but what says something new.
PLACES = """async () => {
    await Promise.all(document.getAnimations()
        .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
        .map(animation => animation.finished.catch(() => {})));
    return [...document.querySelectorAll("#stage, .tile, .tile-name, .tile-label, .bar, .control")]
    .map(element => element.getBoundingClientRect())
    .map(({x, y, width, height}) => [x, y, width, height].map(Math.round).join());
}"""


async def seen_of_ana(host: Person) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """What the server last said of the room, of the others in it, and of Ana."""
    room = await host.page.evaluate("window.newest.room")
    others = [one for one in room["participants"] if one["name"] != "Ana"]
    return room, others, next(one for one in room["participants"] if one["name"] == "Ana")


def note(person: Person, name: str) -> Locator:
    return person.tile(name).locator(".tile-note")


def own(person: Person) -> Locator:
    return person.page.locator("#own-quality")


@pytest_asyncio.fixture(loop_scope="session")
async def call(person: Invite, server: Server, room: str) -> Session:
    """A host and a guest who talk, and what their pages are told is in our hands."""
    host, guest = await person(), await person(size=PHONE)
    for one in (host, guest):
        await one.page.add_init_script(LISTEN)
    await meet(host, guest, server, room)
    await host.watches("Ana")
    await guest.watches("Ruth")
    return Session(host, guest, room)


async def test_nobody_is_bothered_while_the_connection_is_good(call):
    await told(call.guest, Ana=GOOD, Ruth=GOOD)
    await expect(call.guest.tile("You").locator(".signal")).to_have_attribute("title", "Good connection")
    await expect(own(call.guest)).to_be_hidden()
    await expect(note(call.guest, "Ruth")).to_be_empty()


async def test_a_poor_uplink_is_said_once_it_lasts_and_its_end_too(call):
    guest = call.guest
    polite, signal = guest.page.locator("#polite"), guest.tile("You").locator(".signal")
    await guest.turn_clock()
    await guest.hold_clock()
    await told(guest, Ana={**SLOW_TO_SEND, "picture": "stills"}, Ruth={**SLOW_TO_SEND, "picture": "motion"})
    await expect(signal).to_have_attribute("data-quality", "poor")
    await expect(own(guest)).to_be_hidden()  # it may pass
    await guest.page.clock.resume()
    await expect(own(guest)).to_have_text(f"{WORDS} {SPARED}")
    await expect(polite).to_contain_text(f"{WORDS} {SPARED}")
    await guest.hold_clock()
    await told(guest, Ana=GOOD, Ruth=GOOD)
    await expect(signal).to_have_attribute("data-quality", "good")
    await expect(own(guest)).to_be_visible()
    await guest.page.clock.resume()
    await expect(own(guest)).to_be_hidden()
    await expect(polite).to_contain_text("Your connection is good again.")


async def test_who_is_not_heard_at_all_is_told_so(call):
    await told(call.guest, Ana={**GOOD, "quality": "lost"}, Ruth=GOOD)
    await expect(own(call.guest)).to_have_text(
        "Nothing from you gets through: the others can\u2019t hear you at the moment."
    )


async def test_a_paused_picture_says_why_and_is_not_called_off(call):
    host = call.host
    poor = {**GOOD, "quality": "poor", "cause": "their-uplink"}
    for picture in ("stills", "sound"):
        await told(host, Ruth=GOOD, Ana={**poor, "picture": picture})
        await expect(note(host, "Ana")).to_have_text(PAUSED)
        await expect(host.tile("Ana")).to_have_attribute("aria-label", f"Ana, {PAUSED}")
        await expect(host.tile("Ana").locator(".signal")).to_have_attribute(
            "title", "Poor connection: their internet is slow to send"
        )
    await expect(host.tile("Ana").locator("video")).not_to_have_class(re.compile("live"))
    await told(host, Ruth=GOOD, Ana=GOOD)
    await host.watches("Ana")
    await expect(note(host, "Ana")).to_be_empty()


async def test_a_shared_screen_that_is_paused_says_so_to_who_looks_and_to_who_shares(
    person, server, room, sharing_browser
):
    host, guest = await person(using=sharing_browser), await person()
    for one in (host, guest):
        await one.page.add_init_script(LISTEN)
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.press("Share")
    screen = "Ruth\u2019s screen"
    await guest.watches(screen)
    for shown in ("stills", "sound"):
        await told(guest, Ana=GOOD, Ruth={**GOOD, "screen": shown})
        await expect(note(guest, screen)).to_have_text(PAUSED)
        await expect(guest.tile(screen)).to_have_attribute("aria-label", f"{screen}, {PAUSED}")
    await expect(guest.tile(screen).locator("video")).not_to_have_class(re.compile("live"))
    await told(guest, Ana=GOOD, Ruth={**GOOD, "screen": "motion"})
    await guest.watches(screen)
    await expect(note(guest, screen)).to_be_empty()

    spared = "so that they can keep hearing you."
    await told(host, Ana=GOOD, Ruth={**GOOD, "screen": "stills"})
    await expect(own(host)).to_have_text(f"Your screen is paused, at least for some, {spared}")
    await told(host, Ana=GOOD, Ruth={**SLOW_TO_SEND, "picture": "stills", "screen": "stills"})
    await expect(own(host)).to_have_text(f"{WORDS} Your picture and screen are paused {spared}")
    await told(host, Ana=GOOD, Ruth={**GOOD, "screen": "motion"})
    await expect(own(host)).to_be_hidden()


async def test_a_host_reads_both_ways_of_everybody_and_a_guest_does_not(call):
    host, guest = call.host, call.guest
    await host.press("People")
    rows = host.page.locator("#people-list li")
    # What the server itself says, whichever it is on a busy machine.
    await expect(rows.filter(has_text="Ana")).to_contain_text(re.compile("Sending: (good|fair|poor)"))
    await told(
        host,
        Ruth={**GOOD, "uplink": "good", "downlink": "fair"},
        Ana={**GOOD, "quality": "poor", "cause": "their-uplink", "uplink": "poor", "downlink": "good"},
    )
    await expect(rows.filter(has_text="Ana")).to_contain_text("Poor connection")
    ways = rows.filter(has_text="Ana").locator(".person-way")
    await expect(ways).to_have_text(["Sending: poor", "Receiving: good"])
    # The signs differ in shape, not in colour alone.
    signs = [await ways.nth(way).locator("use").get_attribute("href") for way in (0, 1)]
    assert [sign.partition("#")[2] for sign in signs] == ["signal-poor", "signal-good"]
    await expect(rows.filter(has_text="Ruth").locator(".person-way")).to_have_text(
        ["Sending: good", "Receiving: fair"]
    )
    await guest.press("People")
    await expect(guest.page.locator("#people-list li")).to_have_count(2)
    await expect(guest.page.locator(".person-way")).to_have_count(0)


@pytest.mark.parametrize("size", [LAPTOP, PHONE, SMALLEST])
async def test_words_come_and_go_without_moving_anything_or_covering_each_other(call, size):
    guest = call.guest
    await guest.page.set_viewport_size({"width": size[0], "height": size[1]})
    await told(guest, Ana=GOOD, Ruth=GOOD)
    await guest.watches("Ruth")
    await guest.page.evaluate("document.querySelector('#lock-mark').hidden = false")
    before = await guest.page.evaluate(PLACES)
    await told(
        guest, 2.0, Ana={**SLOW_TO_SEND, "picture": "stills"}, Ruth={**SLOW_TO_SEND, "picture": "stills"}
    )
    await expect(own(guest)).to_be_visible()
    await told(
        guest, 3.0, Ruth={**SLOW_TO_SEND, "picture": "stills"}, Ana={**SLOW_TO_SEND, "picture": "stills"}
    )
    await guest.reads("Ruth missed the last 3 seconds of what you said")
    assert await guest.page.evaluate(MESS) == []
    assert await guest.page.evaluate(PLACES) == before


@pytest.mark.parametrize("size", [PHONE, SMALLEST, (667, 375)])
async def test_whoever_reads_while_they_talk_sees_that_they_were_not_heard(call, size):
    guest = call.guest
    await guest.page.set_viewport_size({"width": size[0], "height": size[1]})
    await guest.press("Chat")
    await guest.write("First of all")
    await guest.reads("First of all")
    await told(
        guest, 3.0, Ruth={**SLOW_TO_SEND, "picture": "stills"}, Ana={**SLOW_TO_SEND, "picture": "stills"}
    )
    await guest.reads("Ruth missed the last 3 seconds of what you said")
    await expect(own(guest)).to_be_visible()
    shown = ["#missed", "#own-quality", "#chat-panel [data-close]", "#chat-lines li"]
    for what in shown:
        await guest.page.wait_for_function(ON_TOP, arg=what)
    assert await guest.page.evaluate(MESS) == []
    if size[0] > size[1]:  # the stage is beside the panel, with all that is over it
        await guest.page.evaluate("document.querySelector('#lock-mark').hidden = false")
        await guest.page.wait_for_function(ON_TOP, arg="#lock-mark")


async def test_a_camera_that_is_switched_off_is_called_off_and_not_paused(call):
    host, guest = call.host, call.guest
    await guest.press("Camera")
    await expect(host.tile("Ana")).to_have_attribute("aria-label", "Ana, camera off")
    await expect(note(host, "Ana")).to_be_empty()


async def test_who_is_still_connecting_has_switched_nothing_off(call):
    host = call.host
    room, others, ana = await seen_of_ana(host)
    ana |= {"connection": "connecting", "microphone": False, "camera": False}
    await host.press("People")
    await host.page.evaluate(SAY, {**room, "participants": [*others, ana]})
    await expect(host.tile("Ana")).to_have_attribute("aria-label", "Ana, Connecting…")
    await expect(host.page.locator("#people-list li", has_text="Ana").locator(".person-state")).to_be_empty()


async def test_who_has_lost_only_the_signalling_is_not_called_away(call):
    host = call.host
    room, others, ana = await seen_of_ana(host)
    ana |= {"connection": "reconnecting"}
    await host.page.evaluate(SAY, {**room, "participants": [*others, ana]})
    await host.press("People")
    await expect(host.page.locator("#people-list")).not_to_contain_text("Reconnecting")
    await expect(host.tile("Ana")).not_to_have_class(re.compile("dimmed"))
    # Lost for good, and long before this page heard of it.
    await host.page.evaluate(SAY, {**room, "participants": [*others, {**ana, "lost": 83.4}]})
    await expect(host.page.locator("#people-list")).to_contain_text("Reconnecting")
    await expect(note(host, "Ana")).to_have_text(re.compile("^Reconnecting, 1:[2-5][0-9]$"))


@pytest_asyncio.fixture(loop_scope="session")
async def far_browser() -> AsyncIterator[Browser]:
    """One of its own, which a test may stop."""
    async for browser in chromium():
        yield browser


async def processes(browser: Browser) -> list[int]:
    devtools = await browser.new_browser_cdp_session()
    return [process["id"] for process in (await devtools.send("SystemInfo.getProcessInfo"))["processInfo"]]


async def test_while_somebody_is_out_of_reach_a_clock_counts_until_they_are_back(
    person, server, room, far_browser
):
    host, guest = await person(size=PHONE), await person(using=far_browser)
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.watches("Ana")
    pids = await processes(far_browser)
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        await expect(note(host, "Ana")).to_have_text(re.compile("^Reconnecting, "))
        # Long before the connection is given up: for the host's page all is well.
        await expect(host.page.locator("#connection")).to_be_hidden()
        await expect(note(host, "Ana")).to_have_text(re.compile("^Reconnecting, (0:0[5-9]|0:[1-5]|[1-9])"))
        # By now neither has come for so long that it would count as off, but she has switched nothing off.
        await expect(host.tile("Ana")).to_have_attribute("aria-label", "Ana, reconnecting")
        words, tile = await note(host, "Ana").bounding_box(), await host.tile("Ana").bounding_box()
        assert words["x"] > tile["x"] and words["x"] + words["width"] < tile["x"] + tile["width"]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    await host.watches("Ana")
    await expect(note(host, "Ana")).not_to_contain_text("Reconnecting")
