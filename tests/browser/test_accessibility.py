"""Every view for everybody: axe in both schemes, small screens, reduced motion, words for screen readers."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conditions import GOOD, LISTEN, SLOW_TO_SEND, told
from tests.browser.scripts import SETTLED

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
# WCAG 2.2 A and AA and axe's own best practices; what only a person can judge is left out by axe itself.
EVERYTHING = {"resultTypes": ["violations"]}
# Between the schemes nothing differs but colours.
COLOURS = {**EVERYTHING, "runOnly": ["color-contrast"]}
SMALL = {"width": 320, "height": 640}
PHONE_ON_ITS_SIDE = {"width": 740, "height": 360}


async def faults(page: Page, rules: dict[str, Any]) -> list[str]:
    """What axe finds, as rule and element."""
    await page.evaluate(AXE)
    await page.evaluate(SETTLED)
    report = await page.evaluate(f"axe.run(document, {json.dumps(rules)})")
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for violation in report["violations"]
        for node in violation["nodes"]
    ]


async def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


SMALL_TARGETS = """() => [...document.querySelectorAll("button, select, summary, input:not([type=checkbox])")]
    .filter(element => element.checkVisibility({visibilityProperty: true}))
    .map(element => ({element, box: element.getBoundingClientRect()}))
    .filter(({box}) => box.width && (box.width < 44 || box.height < 44))
    .map(({element, box}) => `${element.ariaLabel || element.id}: ${box.width} x ${box.height}`)"""

OUTSIDE = """() => [...document.querySelectorAll("button, input, select, textarea, summary, h1, h2")]
    .filter(element => element.checkVisibility({visibilityProperty: true}) && !element.closest(".sr-only"))
    .filter(element => !element.classList.contains("sr-only"))
    .filter(element => {
        const box = element.getBoundingClientRect();
        return box.left < -1 || box.right > innerWidth + 1;
    })
    .map(element => element.id || element.textContent)"""


# Icons that do not stand in the middle of their button.
CROOKED = """() => [...document.querySelectorAll(".control > .icon, .icon-button > .icon")]
    .filter(element => element.checkVisibility({visibilityProperty: true}))
    .map(element => [element.getBoundingClientRect(), element.parentElement])
    .filter(([icon, button]) => {
        const box = button.getBoundingClientRect();
        return Math.abs(icon.left + icon.width / 2 - box.left - box.width / 2) > 1;
    })
    .map(([, button]) => button.id || button.ariaLabel || button.textContent)"""


async def check(page: Page, scheme: str = "light") -> None:
    if scheme == "dark":
        assert await faults(page, COLOURS) == []
        return
    assert await faults(page, EVERYTHING) == []
    usual = page.viewport_size
    for size in (SMALL, PHONE_ON_ITS_SIDE):
        await page.set_viewport_size(size)
        await page.evaluate(SETTLED)
        assert await overflow(page) <= 0, size
        assert await page.evaluate(OUTSIDE) == [], size
        assert await page.evaluate(CROOKED) == [], size
        assert await page.evaluate(SMALL_TARGETS) == [], size
        assert await faults(page, COLOURS) == [], size
    await page.set_viewport_size(usual)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


async def test_the_pages_before_a_session(person, server, room, scheme):
    # axe is injected by evaluation, which the page's policy forbids to the page itself.
    guest = await person(scheme=scheme, bypass_csp=True)
    await guest.open(server.url)
    await guest.sees("landing")
    await check(guest.page, scheme)
    await guest.open(server.link(room))
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    await guest.page.evaluate("document.querySelector('#preview-devices').open = true")
    await check(guest.page, scheme)
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.page.locator("#preview-enter").click()
    await guest.sees("waiting")
    await check(guest.page, scheme)
    await guest.press("Leave")
    await guest.sees("ended")
    await check(guest.page, scheme)


async def test_the_preview_and_the_waiting_page_with_blocked_devices(person, server, room, scheme):
    guest = await person(scheme=scheme, bypass_csp=True, permissions=())
    await guest.open(server.link(room))
    await guest.reads("Camera and microphone are blocked")
    await guest.page.locator("#preview-enter").click()  # without a name
    await guest.reads("Type the name by which the others know you.")
    await check(guest.page, scheme)
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.page.locator("#preview-enter").click()
    await guest.sees("waiting")
    await check(guest.page, scheme)


async def test_the_pages_while_the_server_is_out_of_reach(person, server, room, scheme):
    guest = await person(scheme=scheme, bypass_csp=True)
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.page.route_web_socket("**/ws", lambda socket: socket.close())
    await guest.page.reload()
    await guest.sees("returning")
    await guest.reads("There is no connection to the server yet")
    await check(guest.page, scheme)
    await guest.press("Leave")
    await guest.press("Join again")
    await guest.press("Ask to join")
    await guest.reads("There is no connection to the server yet")
    await expect(guest.button("Cancel")).to_be_visible()
    await check(guest.page, scheme)


async def test_the_room_with_its_panels_and_dialogs(person, server, room, scheme):
    host = await person(scheme=scheme, bypass_csp=True)
    guest, other = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await check(host.page, scheme)
    await guest.come(server.link(room), "Ana")
    await expect(host.button("Let Ana in")).to_be_visible()
    await check(host.page, scheme)
    await host.let_in("Ana")
    await host.watches("Ana")
    await other.come(server.link(room), "Somebody with a very long name that has to go somewhere else")
    await host.page.locator("#bar-people").click()  # its name counts who waits
    await expect(host.button("Mute Ana")).to_be_visible()
    await check(host.page, scheme)
    await host.press("Chat")
    await host.write("Hello, and a word that is very long: " + "m" * 120)
    await expect(host.page.locator("#chat-lines li")).to_have_count(1)
    await check(host.page, scheme)
    await host.page.keyboard.press("Escape")
    for opener, dialog in (("More", "#more-dialog"), ("Leave", "#leave-dialog")):
        await host.press(opener)
        await expect(host.page.locator(dialog)).to_be_visible()
        await check(host.page, scheme)
        await host.page.keyboard.press("Escape")
    await host.press("More")
    await host.press("Microphone, camera and speaker")
    await expect(host.page.locator("#devices-dialog")).to_be_visible()
    await check(host.page, scheme)
    await host.page.keyboard.press("Escape")
    await host.page.keyboard.press("?")
    await check(host.page, scheme)


async def test_the_room_while_connections_are_poor(person, server, room, scheme):
    host, guest = await person(scheme=scheme, bypass_csp=True), await person()
    await host.page.add_init_script(LISTEN)
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.watches("Ana")
    ours = {**SLOW_TO_SEND, "picture": "stills", "uplink": "poor", "downlink": "fair"}
    theirs = {**GOOD, "quality": "poor", "cause": "their-uplink", "uplink": "poor", "downlink": "good"}
    await told(host, Ruth=ours, Ana={**theirs, "picture": "sound"})
    await expect(host.page.locator("#own-quality")).to_be_visible()
    await host.press("People")
    await expect(host.page.locator(".person-way")).to_have_count(4)
    await check(host.page, scheme)
    await told(host, 2.0, Ana={**theirs, "picture": "sound"}, Ruth=ours)
    await expect(host.page.locator("#missed")).to_be_visible()
    assert await faults(host.page, COLOURS) == []
    await told(host, Ruth=ours, Ana={**GOOD, "picture": "off", "sound_only": True})
    await host.press("More")
    await host.page.get_by_role("switch", name="Sound only").check()
    await host.page.keyboard.press("Escape")
    await host.page.keyboard.press("Escape")  # of the panel
    await expect(host.page.locator("#sound-only")).to_be_visible()
    await check(host.page, scheme)


async def test_a_group_in_which_somebody_is_pinned(person, server, room, scheme):
    host = await person(scheme=scheme, bypass_csp=True)
    await host.come(server.link(room, "host"), "Ruth")
    for name in ("Ana", "Somebody with a very long name"):
        await (await person(permissions=())).come(server.link(room), name)
        await host.let_in(name)
        await expect(host.tile(name)).to_be_visible()
    await check(host.page, scheme)
    await host.press("Show Ana large")
    await check(host.page, scheme)


async def test_screen_readers_are_told_of_knocks_at_once_and_of_comings_and_chat_politely(
    person, server, room
):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await guest.come(server.link(room), "Ana")
    await expect(
        host.page.get_by_role("alert").filter(has_text="Ana is waiting to be let in.")
    ).to_have_count(1)
    await host.let_in("Ana")
    await expect(guest.page.get_by_role("alert").filter(has_text="You have been let in.")).to_have_count(1)
    await expect(host.page.locator("#polite")).to_contain_text("Ana has joined.")
    await guest.press("Chat")
    await guest.write("Hello")
    await expect(host.page.locator("#polite")).to_contain_text("Ana: Hello")


async def test_who_answers_a_knock_by_key_goes_on_from_the_next_one(person, server, room):
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    for panel in (False, True):
        if panel:
            await host.press("People")
        for name in ("Ana", "Ben"):
            await (await person(permissions=())).come(server.link(room), name)
            await expect(host.button(f"Let {name} in")).to_be_visible()
        await host.button("Let Ana in").focus()
        await host.page.keyboard.press("Enter")
        await host.page.keyboard.press("Enter")  # once too often
        await expect(host.button("Let Ana in")).to_have_count(0)
        await expect(host.page.locator(".person:focus" if panel else ".knock:focus")).to_contain_text("Ben")
        await host.page.keyboard.press("Tab")
        await host.page.keyboard.press("Tab")
        await host.page.keyboard.press("Enter")
        await expect(host.button("Let Ben in")).to_have_count(0)
        await expect(host.page.locator("#people-title" if panel else "#room-title")).to_be_focused()


async def test_dialogs_hold_the_focus_and_give_it_back(session):
    host = session.host
    await host.button("Leave").focus()
    await host.page.keyboard.press("Enter")
    await expect(host.page.locator("#leave-dialog")).to_be_visible()
    for _ in range(5):
        await host.page.keyboard.press("Tab")
        inside = await host.page.evaluate(
            "document.activeElement === document.body"
            " || document.querySelector('#leave-dialog').contains(document.activeElement)"
        )
        assert inside  # the body stands for the browser's own controls
    await host.page.keyboard.press("Escape")
    await expect(host.button("Leave")).to_be_focused()


async def test_reduced_motion_moves_nothing(person, server, room):
    guest = await person(reduced_motion="reduce")
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    assert await guest.page.evaluate("document.getAnimations().length") == 0


async def test_focus_is_always_visible(person, server, room):
    guest = await (await person()).open(server.link(room))
    await guest.sees("preview")
    seen = set()
    for _ in range(10):
        await guest.page.keyboard.press("Tab")
        name, outline = await guest.page.evaluate(
            "[document.activeElement.id || document.activeElement.tagName,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if name != "BODY":
            seen.add(name)
            assert outline != "none", name
    assert {"preview-name", "preview-enter"} <= seen
