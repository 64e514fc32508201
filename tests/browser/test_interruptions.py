"""Devices that a phone call pauses, that are lost and that come back: what is on air, and who is told."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.devices import MICROPHONE, PLUG, with_devices
from tests.browser.scripts import HIDE, OVERHEAR

COUNT_NOTES = """
    window.notes = 0;
    window.OscillatorNode = class extends OscillatorNode {
        constructor(...how) { super(...how); window.notes++; }
    };
"""


async def test_a_microphone_that_a_phone_call_pauses_is_off_for_everybody_until_it_is_back(
    person, server, room
):
    host, guest = await person(), await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await expect(host.page.get_by_role("group", name="Ana", exact=True)).to_be_visible()
    told = await guest.page.evaluate_handle(OVERHEAR)
    await guest.page.evaluate(f"window.mute({MICROPHONE}); window.mute({MICROPHONE}, false)")  # for a moment
    await guest.page.evaluate(HIDE, True)  # the call covers the page
    await guest.page.evaluate(f"window.mute({MICROPHONE})")
    await expect(host.page.get_by_role("group", name="Ana, microphone off", exact=True)).to_be_visible()
    await guest.page.evaluate(f"window.mute({MICROPHONE}, false)")
    await expect(host.page.get_by_role("group", name="Ana", exact=True)).to_be_visible()
    media = await told.evaluate("told => told.filter(({type}) => type === 'media')")
    assert [message["microphone"] for message in media] == [False, True]


@pytest.mark.parametrize(("name", "kind", "key"), [("Microphone", "audio", "m"), ("Camera", "video", "v")])
async def test_a_switch_of_what_the_system_has_paused_keeps_it_off_and_takes_it_anew_at_the_next_press(
    person, server, room, name, kind, key
):
    host, guest = await person(), await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    there = host.page.get_by_role("group", name="Ana", exact=True)
    off = host.page.get_by_role("group", name=f"Ana, {name.lower()} off", exact=True)
    track = f"window.taken.findLast(({{kind}}) => kind === '{kind}')"
    await expect(there).to_be_visible()
    for press in (lambda: guest.press(name), lambda: guest.page.keyboard.press(key)):
        await guest.page.evaluate(f"window.mute({track})")
        await expect(guest.button(name)).to_have_attribute("title", re.compile("^Keep the"))
        await expect(off).to_be_visible()
        await press()
        await guest.reads(f"Your {name.lower()} stays off.")
        await guest.page.evaluate(f"window.mute({track}, false)")
        await expect(guest.button(name)).to_have_attribute("title", re.compile("^Switch the .* on"))
        await expect(guest.button(name)).to_have_attribute("aria-pressed", "false")
        await guest.page.evaluate(f"window.mute({track})")
        await press()
        await expect(guest.button(name)).to_have_attribute("aria-pressed", "true")
        await expect(there).to_be_visible()
    await expect(guest.page.locator("#polite")).to_contain_text(f"{name} on.")
    await expect(guest.page.locator("#urgent")).not_to_contain_text("on again")


async def test_who_is_heard_and_seen_again_after_a_phone_call_is_told_and_hears_it(person, server, room):
    host = await with_devices(await person(), COUNT_NOTES)
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    off = host.page.get_by_role("group", name="You, microphone off, camera off", exact=True)
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await host.page.evaluate("window.taken.forEach(track => window.mute(track))")
    await expect(off).to_be_visible()
    assert await host.page.evaluate("window.notes") == 0
    await host.page.evaluate("window.taken.forEach(track => window.mute(track, false))")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    for what in ("microphone", "camera"):
        await expect(host.page.locator("#urgent")).to_contain_text(f"Your {what} is on again.")
        await expect(host.page.locator("#toasts")).to_contain_text(f"Your {what} is on again.")
    await host.page.wait_for_function("() => window.notes > 0")


@pytest.mark.parametrize("problem", ["camera", "microphone"])
async def test_a_camera_that_is_plugged_in_stays_off_and_a_microphone_is_used_and_both_are_told(
    person, server, room, problem
):
    host = await with_devices(await person(), f"window.failures = {{{problem}: 'NotFoundError'}};")
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name=f"You, {problem} off", exact=True)).to_be_visible()
    await host.page.evaluate("window.failures = {}")
    await host.page.evaluate(PLUG)
    if problem == "camera":
        await host.reads("A camera is there now. It stays off until you switch it on.")
        assert await host.page.evaluate("window.taken.map(({kind}) => kind)") == ["audio"]
        await host.press("Camera")
    else:
        await host.reads("A microphone is there now, and it is on.")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()


async def test_a_microphone_that_comes_paused_is_told_and_won_back_on_return(person, server, room):
    guest = await with_devices(await person(), "window.muting = true;")
    await guest.open(server.link(room))
    await guest.reads("The microphone gives no sound")
    await guest.page.evaluate("window.muting = false")
    await guest.page.evaluate(HIDE, False)
    await expect(guest.page.locator("#preview-problems")).to_be_empty()


async def test_a_microphone_that_is_lost_behind_another_page_is_taken_again_on_return(person, server, room):
    host = await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await host.page.evaluate(HIDE, True)
    await host.page.evaluate(f"""() => {{
        window.failures = {{microphone: "NotReadableError"}};
        {MICROPHONE}.stop();
        {MICROPHONE}.dispatchEvent(new Event("ended"));
    }}""")
    await expect(host.page.locator("#toasts")).to_contain_text("The microphone is in use.")
    await expect(host.page.get_by_role("group", name="You, microphone off", exact=True)).to_be_visible()
    await host.page.evaluate("window.failures = {}")
    await host.page.evaluate(HIDE, False)
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await expect(host.page.locator("#urgent")).to_contain_text("Your microphone is on again.")
