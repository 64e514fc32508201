"""What people do in the room."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.conftest import SCREEN
from tests.browser.scripts import SPEAK

# The track of one's own camera.
CAMERA = """() => window.peers.at(-1).getSenders().map(({track}) => track)
    .find(track => track?.kind === "video")"""
# What the encoder is told of a shared screen.
SHARED_FOR = """() => window.peers.at(-1).getSenders().map(({track}) => track)
    .find(track => track?.getSettings().displaySurface)?.contentHint"""
KEEP_NOTES = """() => {
    window.notes = [];
    const {start} = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function (...when) {
        window.notes.push(this.context.state);
        start.apply(this, when);
    };
}"""


async def test_a_muted_microphone_is_silent_and_everybody_sees_it(session):
    host, guest = session.host, session.guest
    await host.hears()
    await guest.press("Microphone")
    await expect(guest.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(host.page.get_by_role("group", name="Ana, microphone off")).to_be_visible()
    then = await host.statistics()
    await host.gets(lambda _, now: now["samples"] - then["samples"] > 48_000)
    quiet = await host.statistics()
    await host.gets(lambda _, now: now["samples"] - quiet["samples"] > 48_000)
    assert (await host.statistics())["energy"] - quiet["energy"] < 1e-6
    await guest.press("Microphone")
    await host.hears()


async def test_the_host_mutes_a_guest_who_can_unmute_themselves(session):
    host, guest = session.host, session.guest
    await host.press("People")
    await host.press("Mute Ana")
    await guest.reads("The host has muted your microphone.")
    await expect(guest.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(host.button("Mute Ana")).to_be_disabled()
    await guest.press("Microphone")
    await expect(host.button("Mute Ana")).to_be_enabled()
    await host.hears()


async def test_a_camera_that_is_switched_off_is_let_go_and_comes_back(session):
    host, guest = session.host, session.guest
    await host.watches("Ana")
    camera = await guest.page.evaluate_handle(CAMERA)
    await guest.page.keyboard.press("v")
    await guest.page.wait_for_function("camera => camera.readyState === 'ended'", arg=camera)
    await expect(host.page.get_by_role("group", name="Ana, camera off")).to_be_visible()
    await expect(host.tile("Ana").locator("video")).not_to_have_class(re.compile("live"))
    await expect(host.tile("Ana").locator(".avatar")).to_be_visible()
    await guest.page.keyboard.press("v")
    await host.watches("Ana")


async def test_a_shared_screen_takes_the_stage_until_it_is_stopped(person, server, room, sharing_browser):
    host, guest = await person(using=sharing_browser), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.watches("Ruth")
    await host.press("Share")
    await expect(host.button("Share")).to_have_attribute("aria-pressed", "true")
    await guest.watches(SCREEN)
    assert await host.page.evaluate(SHARED_FOR) == "detail"
    screen = await guest.tile(SCREEN).bounding_box()
    face = await guest.tile("Ruth").bounding_box()
    assert screen["width"] * screen["height"] > 4 * face["width"] * face["height"]
    await guest.watches("Ruth")
    await host.press("Share")
    await expect(guest.tile(SCREEN)).to_have_count(0)
    await guest.watches("Ruth")


async def test_chat_reaches_the_other_who_sees_that_something_is_unread(session):
    host, guest = session.host, session.guest
    await guest.press("Chat")
    await guest.write("Can you hear me?\n<b>not bold</b>")
    await expect(guest.page.locator("#chat-lines")).to_contain_text("<b>not bold</b>")
    await expect(host.page.locator("#toasts")).to_contain_text("Ana: Can you hear me?")
    await expect(host.page.locator("#bar-chat .badge")).to_have_text("1 unread")
    await host.page.keyboard.press("c")
    await expect(host.page.locator("#bar-chat .badge")).to_have_count(0)
    await expect(host.page.locator("#chat-lines li")).to_contain_text(["Can you hear me?"])
    await host.page.keyboard.type("mvc: I can")  # no shortcut acts while somebody types
    await host.page.keyboard.press("Enter")
    await expect(guest.page.locator("#chat-lines")).to_contain_text("mvc: I can")
    await expect(host.button("Microphone")).to_have_attribute("aria-pressed", "true")
    await host.page.keyboard.press("Escape")
    await expect(host.page.locator("#chat-panel")).to_be_hidden()
    assert await host.page.evaluate("document.activeElement.id") == "bar-chat"


async def test_the_host_copies_the_guest_link_and_it_opens_the_door(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.press("Copy the guest link")
    await host.reads("The guest link is copied.")
    await guest.come(await host.page.evaluate("navigator.clipboard.readText()"), "Ana")
    await guest.sees("waiting")


async def test_a_guest_link_that_the_browser_does_not_copy_is_there_to_be_copied_by_hand(
    person, server, room
):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    await host.press("Copy the guest link")
    await host.reads("The browser did not let us copy. The link is selected: copy it from there.")
    field = host.page.locator("#people-link")
    await expect(field).to_be_visible()
    link = await field.input_value()
    await expect(field).to_be_focused()
    assert await field.evaluate("field => [field.selectionStart, field.selectionEnd]") == [0, len(link)]
    await guest.come(link, "Ana")
    await guest.sees("waiting")


async def test_the_host_removes_a_guest_after_a_second_thought(session):
    host, guest = session.host, session.guest
    await host.press("People")
    await host.press("Remove Ana")
    await host.press("Cancel")
    await expect(guest.page.locator("#room")).to_be_visible()
    await host.press("Remove Ana")
    await host.press("Remove")
    await guest.reads("The host has taken you out of the session")
    await expect(host.tile("Ana")).to_have_count(0)
    await guest.page.reload()
    await guest.sees("preview")  # the place is gone, only the link is left


async def test_a_guest_leaves_and_the_devices_are_let_go(session):
    host, guest = session.host, session.guest
    await guest.press("Leave")
    await guest.reads("You have left the session")
    await expect(host.tile("Ana")).to_have_count(0)
    await host.reads("Ana has left.")
    assert await guest.page.evaluate("window.peers.every(peer => peer.connectionState === 'closed')")


async def test_after_the_end_nothing_of_it_is_left_in_the_page(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    await host.press("Chat")
    await host.write("Between us")
    await guest.reads("Ruth: Between us")
    await guest.press("People")
    await guest.page.locator("#bar-chat").click()
    await expect(guest.page.locator("#chat-lines")).to_contain_text("Between us")
    await guest.page.get_by_role("textbox", name="Message").fill("Not yet said")
    await guest.press("Leave")
    await guest.sees("ended")
    await guest.page.wait_for_function("() => !/Ruth|Between us/.test(document.body.textContent)")
    await expect(guest.page.locator("#chat-text")).to_have_value("")
    await expect(guest.page.locator(".tile")).to_have_count(0)


async def test_the_host_ends_the_session_for_everybody(session):
    host, guest = session.host, session.guest
    await host.press("Leave")
    await host.press("Stay")
    await host.press("Leave")
    await host.press("End for everybody")
    await guest.reads("The session has ended")
    await host.reads("You have ended the session")
    await host.press("Open the room again")
    await host.press("Enter the room")
    await host.sees("room")


async def test_what_ends_it_for_others_takes_more_than_one_key_pressed_twice(session):
    host, guest = session.host, session.guest
    await host.button("Leave").focus()
    await host.page.keyboard.press("Enter")
    await expect(host.button("Stay")).to_be_focused()
    await host.page.keyboard.press("Enter")
    await expect(host.page.locator("#leave-dialog")).to_be_hidden()
    await host.press("People")
    await host.button("Remove Ana").focus()
    await host.page.keyboard.press("Enter")
    await expect(host.button("Cancel")).to_be_focused()
    await host.page.keyboard.press("Enter")
    await expect(host.page.locator("#remove-dialog")).to_be_hidden()
    await expect(host.page.locator("#room")).to_be_visible()
    await expect(guest.page.locator("#room")).to_be_visible()


async def test_a_group_shares_a_grid_and_gets_more_places_than_the_first_offer_had(person, server, room):
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    guests = {}
    for name in ("Ana", "Ben", "Chi"):
        camera = ("camera",) if name == "Ben" else ()  # four pictures would be too much for a small machine
        guests[name] = await person(size=(640, 480), permissions=("microphone", *camera))
        await guests[name].come(server.link(room), name)
        await host.let_in(name)
        await guests[name].sees("room")
    await host.watches("Ben")
    await guests["Ben"].watches("Ruth")
    await guests["Chi"].watches("Ruth")
    await guests["Chi"].watches("Ben")
    await guests["Chi"].hears()
    boxes = [await host.tile(name).bounding_box() for name in ("Ana", "Ben", "Chi", "You")]
    assert len({round(box["width"]) for box in boxes}) == 1  # equal tiles
    assert (await host.statistics())["peers"] == 1

    # Who speaks is marked; nobody but Ben does.
    for one in (host, guests["Ana"], guests["Chi"]):
        await one.press("Microphone")
    await guests["Ben"].page.evaluate(SPEAK)
    await expect(host.tile("Ben")).to_have_class(re.compile("speaking"))
    await expect(host.tile("Ana")).not_to_have_class(re.compile("speaking"))


async def test_ones_own_picture_can_be_hidden_and_stays_hidden(session):
    guest = session.guest
    await expect(guest.tile("You")).to_be_visible()
    await guest.press("More")
    await guest.press("Hide my own picture")
    await expect(guest.tile("You")).to_have_count(0)
    await guest.page.reload()
    await guest.watches("Ruth")
    await expect(guest.tile("You")).to_have_count(0)


async def test_a_dialog_closes_at_a_click_beside_it_but_not_on_its_edge(session):
    host = session.host
    await host.press("Leave")
    dialog = host.page.locator("#leave-dialog")
    box = await dialog.bounding_box()
    await host.page.mouse.click(box["x"] + 4, box["y"] + 4)
    await expect(dialog).to_be_visible()
    await host.page.mouse.click(box["x"] - 4, box["y"] - 4)
    await expect(dialog).to_be_hidden()


async def test_the_focus_stays_on_the_guest_link_whatever_is_drawn(person, server, room):
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await host.button("Copy the guest link").focus()
    await host.page.keyboard.press("m")
    await expect(host.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(host.button("Copy the guest link")).to_be_focused()


async def test_shortcuts_can_be_switched_off(session):
    host = session.host
    await host.page.keyboard.press("?")
    await host.page.get_by_role("switch", name="Single-key shortcuts").uncheck()
    await host.page.keyboard.press("Escape")
    await expect(host.page.locator("#help-dialog")).to_be_hidden()
    await host.page.keyboard.press("m")
    await host.page.keyboard.press("c")
    await expect(host.page.locator("#chat-panel")).to_be_hidden()
    await expect(host.button("Microphone")).to_have_attribute("aria-pressed", "true")
    await host.press("People")
    await host.button("Microphone").focus()
    await host.page.keyboard.press("Escape")  # is none of them
    await expect(host.page.locator("#people-panel")).to_be_hidden()


async def test_what_closes_things_on_a_device_closes_an_open_panel(session):
    guest = session.guest
    # Android's Back: the browser asks to close, and no key is seen.
    await guest.page.evaluate("addEventListener('keydown', event => event.stopImmediatePropagation(), true)")
    for name in ("Chat", "People", "Chat"):
        await guest.press(name)
    await expect(guest.page.locator("#chat-panel")).to_be_visible()
    await guest.page.keyboard.press("Escape")
    await expect(guest.page.locator("#chat-panel")).to_be_hidden()
    await expect(guest.page.locator("#room")).to_be_visible()


async def both_notes(person):
    await person.page.wait_for_function("window.notes.length >= 2")
    assert await person.page.evaluate("window.notes") == ["running", "running"]


async def test_a_knock_and_being_let_in_make_a_chime(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await host.page.evaluate(KEEP_NOTES)
    await guest.come(server.link(room), "Ana")
    await expect(host.button("Let Ana in")).to_be_visible()
    await both_notes(host)
    await guest.sees("waiting")
    await guest.page.evaluate(KEEP_NOTES)
    await host.let_in("Ana")
    await guest.sees("room")
    await both_notes(guest)


async def test_a_microphone_that_is_unplugged_gives_way_to_another_one(session):
    host, guest = session.host, session.guest
    await host.hears()
    await guest.page.evaluate("""() => {
        const sender = window.peers.at(-1).getSenders().find(({track}) => track?.kind === "audio");
        const {track} = sender;
        track.stop();
        track.dispatchEvent(new Event("ended"));
    }""")
    await expect(guest.page.locator("#toasts")).to_contain_text("Your microphone was disconnected.")
    await host.hears()


async def test_another_camera_or_microphone_can_be_chosen_in_the_session(session):
    host, guest = session.host, session.guest
    await guest.press("More")
    await guest.press("Microphone, camera and speaker")
    menu = guest.page.locator("#devices-dialog").get_by_label("Microphone")
    names = await menu.locator("option").all_text_contents()
    await menu.select_option(label=names[-1])
    await guest.page.keyboard.press("Escape")
    await host.hears()
    await guest.page.reload()
    await guest.press("More")
    await guest.press("Microphone, camera and speaker")
    await expect(menu.locator("option:checked")).to_have_text(names[-1])


async def test_a_long_message_leaves_the_face_to_be_seen(session):
    host, guest = session.host, session.guest
    await host.press("Chat")
    await host.write("w" * 2000)
    words = guest.page.locator(".toast[data-kind=chat] p")
    await expect(words).to_be_visible()
    lines = await words.evaluate("p => p.clientHeight / parseFloat(getComputedStyle(p).lineHeight)")
    assert lines < 3.5
