"""Microphone, camera and screen: what is taken, what is let go, what the person is told of it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.devices import MICROPHONE, NONE_LIVE, PLUG, UNPLUG, with_devices
from tests.browser.scripts import ON_TOP


async def test_what_the_browser_gives_after_the_end_is_let_go_and_the_next_session_has_it(
    person, server, room
):
    host, guest = await person(), await with_devices(await person(), "window.hold();")
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.press("Decline Ana")
    await guest.sees("ended")
    await guest.page.evaluate("allow()")
    await guest.page.wait_for_function("() => window.taken.length === 2")
    assert await guest.page.evaluate(NONE_LIVE)
    await guest.press("Ask again")
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    await expect(guest.button("Camera")).to_have_attribute("aria-pressed", "true")
    await expect(guest.button("Microphone")).to_have_attribute("aria-pressed", "true")


async def test_after_the_end_a_headset_that_is_plugged_in_is_not_taken(person, server, room):
    guest = await with_devices(await person(), "window.failures = {microphone: 'NotFoundError'};")
    await guest.open(server.link(room))
    await guest.reads("No microphone was found")
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.press("Ask to join")
    await guest.press("Leave")
    await guest.sees("ended")
    asked = await guest.page.evaluate("window.failures = {}, window.asked")
    await guest.page.evaluate(PLUG)
    assert await guest.page.evaluate("window.asked") == asked
    assert await guest.page.evaluate(NONE_LIVE)


async def test_a_screen_that_is_chosen_after_the_end_is_not_captured(person, server, room, sharing_browser):
    host = await with_devices(await person(using=sharing_browser))
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await host.page.evaluate("window.hold()")
    await host.press("Share")
    await host.press("Leave")
    await host.press("Only leave")
    await host.sees("ended")
    await host.page.evaluate("allow()")
    await host.page.wait_for_function("() => window.taken.length === 3")
    await host.page.wait_for_function(NONE_LIVE)
    await host.press("Join again")
    await host.press("Enter the room")
    await expect(host.button("Share")).to_have_attribute("aria-pressed", "false")


async def test_a_camera_that_is_refused_in_the_room_is_explained_and_not_called_on(person, server, room):
    host = await person(permissions=("microphone",))
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await host.page.keyboard.press("v")
    await expect(host.page.locator("#toasts")).to_contain_text("The camera is blocked.")
    await expect(host.page.locator("#polite")).to_contain_text("Camera off.")
    await expect(host.page.locator("#polite")).not_to_contain_text("Camera on.")
    await expect(host.button("Camera")).to_have_attribute("aria-pressed", "false")
    await host.page.context.grant_permissions(["camera", "microphone"])
    await host.page.keyboard.press("v")
    await expect(host.page.locator("#polite")).to_contain_text("Camera on.")


async def test_whoever_waits_reads_what_is_wrong_and_can_try_again(person, server, room):
    guest = await person(permissions=())
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.reads("Camera and microphone are blocked")
    await guest.page.context.grant_permissions(["camera", "microphone"])
    await guest.page.locator("#waiting-problems").get_by_role("button", name="Try again").click()
    await expect(guest.page.locator("#waiting-video")).to_be_visible()
    await expect(guest.page.locator("#waiting-problems")).to_be_empty()


async def test_a_microphone_that_was_paused_is_taken_anew_when_one_tries_again(person, server, room):
    guest = await with_devices(await person())
    await guest.open(server.link(room))
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    await guest.page.evaluate("window.mute(window.taken.find(({kind}) => kind === 'audio'))")
    await guest.reads("The microphone gives no sound")
    await guest.press("Try again")
    await expect(guest.page.locator("#preview-problems")).to_be_empty()
    await expect(guest.page.locator("#polite")).to_be_empty()  # the box has said it
    await guest.page.wait_for_function("() => window.taken.length === 3")


async def test_a_camera_that_is_switched_on_while_it_is_plugged_in_comes_on(person, server, room):
    host = await with_devices(await person(), "window.failures = {camera: 'NotFoundError'};")
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name="You, camera off", exact=True)).to_be_visible()
    await host.page.evaluate("window.failures = {}, window.hold()")
    await host.press("Camera")
    await host.page.evaluate(PLUG)
    await host.page.evaluate("allow()")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await expect(host.button("Camera")).to_have_attribute("aria-pressed", "true")


async def test_sound_only_ends_at_the_first_press_though_the_camera_was_lost(person, server, room):
    host = await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await host.page.evaluate("""() => {
        window.failures = {camera: "NotReadableError"};
        const camera = window.taken.findLast(({kind}) => kind === "video");
        camera.stop();
        camera.dispatchEvent(new Event("ended"));
    }""")
    await host.reads("The camera is in use.")
    await host.page.evaluate("window.failures = {}")
    await host.press("More")
    await host.page.get_by_label("Sound only").click()
    await host.page.keyboard.press("Escape")
    await expect(host.page.locator("#sound-only")).to_be_visible()
    await host.press("Camera")
    await expect(host.page.locator("#sound-only")).to_be_hidden()
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()


async def test_to_choose_a_camera_shows_it_before_the_session_and_in_it_leaves_a_camera_off(
    person, server, room
):
    host, guest = await person(), await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await guest.open(server.link(room))
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    await guest.press("Camera")
    menu = guest.page.locator("#preview-devices").get_by_label("Camera")
    await menu.select_option(index=0)
    await menu.dispatch_event("change")
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    await guest.press("Camera")
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.press("Ask to join")
    await host.let_in("Ana")
    await guest.sees("room")
    await guest.press("More")
    await guest.press("Microphone, camera and speaker")
    asked = await guest.page.evaluate("window.asked")
    menu = guest.page.locator("#devices-dialog").get_by_label("Camera")
    await menu.dispatch_event("change")
    await guest.page.locator("#devices-dialog").get_by_label("Microphone").dispatch_event("change")
    await guest.page.wait_for_function("asked => window.asked > asked", arg=asked)
    await expect(host.page.get_by_role("group", name="Ana, camera off", exact=True)).to_be_visible()
    assert (
        await guest.page.evaluate(
            "window.taken.filter(({kind, readyState}) => kind === 'video' && readyState === 'live').length"
        )
        == 0
    )
    await guest.page.keyboard.press("Escape")
    await guest.press("Camera")
    await expect(host.page.get_by_role("group", name="Ana", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("granted", "sound_only", "words"),
    [
        ([], "false", "Your browser asks for camera and microphone."),
        ([], "true", "Your browser asks for the microphone."),
        (["microphone"], "false", "Your browser asks for the camera."),
        (["microphone", "camera"], "false", "Your camera is starting"),
    ],
)
async def test_who_sees_the_browsers_question_reads_what_it_is_about(
    person, server, room, granted, sound_only, words
):
    guest = await with_devices(
        await person(),
        f"""
        window.hold();
        localStorage.setItem("roomtone:soundOnly", "{sound_only}");
        const granted = {granted};
        navigator.permissions.query = async ({{name}}) => {{
            return {{state: granted.includes(name) ? "granted" : "prompt"}};
        }};
    """,
    )
    await guest.open(server.link(room))
    await expect(guest.page.locator("#preview-words")).to_contain_text(words)
    await guest.page.evaluate("allow()")
    await expect(guest.page.locator("#preview-words")).not_to_contain_text(words)


async def test_a_headset_that_is_plugged_in_again_is_the_microphone_again(person, server, room):
    host = await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await host.press("More")
    await host.press("Microphone, camera and speaker")
    menu = host.page.locator("#devices-dialog").get_by_label("Microphone")
    await menu.select_option(label="Fake Audio Input 1")
    await host.page.wait_for_function("() => window.taken.length === 3")
    headset = await host.page.evaluate(f"{MICROPHONE}.getSettings().deviceId")
    plug_in = await host.page.evaluate_handle(UNPLUG, "Fake Audio Input 1")
    await host.page.evaluate("id => [window.held, window.heldError] = [id, 'NotFoundError']", headset)
    await host.page.evaluate(f"{MICROPHONE}.stop(); {MICROPHONE}.dispatchEvent(new Event('ended'))")
    await host.reads("Your microphone was disconnected.")
    await host.page.evaluate("window.held = null")
    await plug_in.evaluate("plug_in => plug_in()")
    await host.reads("Your microphone is Fake Audio Input 1 again.")
    assert await host.page.evaluate(f"{MICROPHONE}.getSettings().deviceId") == headset


@pytest.mark.parametrize(("why", "told"), [("Permission denied", 0), ("Permission denied by system", 1)])
async def test_a_screen_that_the_system_forbids_is_told_and_a_change_of_mind_is_not(
    person, server, room, sharing_browser, why, told
):
    host = await with_devices(await person(using=sharing_browser))
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await host.page.evaluate("window.failures = {camera: 'NotAllowedError'}")
    await host.page.evaluate("why => (window.why = why)", why)
    asked = await host.page.evaluate("window.asked")
    await host.press("Share")
    await host.page.wait_for_function("asked => window.asked > asked", arg=asked)
    words = host.page.locator("#toasts").get_by_text("The screen could not be shared.")
    await expect(words).to_have_count(told)
    await expect(host.button("Share")).to_have_attribute("aria-pressed", "false")


async def test_a_device_that_another_program_holds_gives_way_to_the_one_of_before_and_is_told_in_the_dialog(
    person, server, room
):
    host = await with_devices(await person())
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.page.get_by_role("group", name="You", exact=True)).to_be_visible()
    await host.press("More")
    await host.press("Microphone, camera and speaker")
    dialog = host.page.locator("#devices-dialog")
    menu = dialog.get_by_label("Microphone")
    before = await menu.input_value()
    await host.page.evaluate(
        "label => navigator.mediaDevices.enumerateDevices().then(list =>"
        " (window.held = list.find(device => device.label === label).deviceId))",
        "Fake Audio Input 1",
    )
    await menu.select_option(label="Fake Audio Input 1")
    words = "Fake Audio Input 1 could not be started: another program may use it."
    await expect(dialog.get_by_role("status").filter(has_text=words)).to_have_count(1)
    await expect(dialog.locator(".toast").filter(has_text=words)).to_be_visible()
    await host.page.wait_for_function(ON_TOP, arg=".toast")
    await expect(menu).to_have_value(before)
    await expect(host.page.locator("#bar-microphone")).to_have_attribute("aria-pressed", "true")
    assert await host.page.evaluate(f"{MICROPHONE}.readyState") == "live"
    assert await host.page.evaluate("localStorage.getItem('roomtone:microphone')") is None
    # What lasts stands in the dialog, with a way out of it.
    await host.page.evaluate(f"window.mute({MICROPHONE})")
    await expect(dialog.locator("#devices-problems")).to_contain_text("The microphone gives no sound")
    await dialog.get_by_role("button", name="Try again").click()
    await expect(dialog.locator("#devices-problems")).to_be_empty()
    await host.page.keyboard.press("Escape")
    await expect(host.page.locator("body > #notices")).to_have_count(1)


async def test_of_two_devices_that_are_chosen_the_later_one_stays_though_it_came_first(person, server, room):
    guest = await with_devices(await person())
    await guest.open(server.link(room))
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    menu = guest.page.locator("#preview-devices").get_by_label("Microphone")
    await guest.page.evaluate("window.hold()")
    await menu.select_option(label="Fake Audio Input 1")
    allow = await guest.page.evaluate_handle("() => window.allow")
    await guest.page.evaluate("window.answers = Promise.resolve()")
    await menu.select_option(label="Fake Audio Input 2")
    await guest.page.wait_for_function("() => window.taken.length === 3")
    await allow.evaluate("allow => allow()")
    await guest.page.wait_for_function("() => window.taken.length === 4")
    await guest.page.wait_for_function("() => window.taken.at(-1).readyState === 'ended'")
    assert await guest.page.evaluate("window.taken.at(-2).readyState") == "live"
    await expect(menu.locator("option:checked")).to_have_text("Fake Audio Input 2")
