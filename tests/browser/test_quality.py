"""What people are told about sound and picture, and what they can choose."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.conditions import LISTEN, SAY
from tests.browser.conftest import SCREEN
from tests.browser.person import Person
from tests.browser.scripts import OVERHEAR

CONDITIONS = {"type": "conditions", "people": []}
# What was last said of it.
PREFERS = """saves => {
    const last = window.told.findLast(({type}) => type === "prefer");
    return last?.save_data === saves && last.sound_only === false;
}"""
HEARD = """told => told.some(({type, sounds}) => type === "heard" && sounds.length === 1
    && sounds[0].slot === 0 && sounds[0].total_ms > 500 && sounds[0].concealed_ms < sounds[0].total_ms / 10
    && sounds[0].silent_ms < sounds[0].total_ms / 10 && sounds[0].buffered_ms > 0)"""
HEARD_SILENCE = """told => told.some(({type, sounds}) => type === "heard" && sounds.length === 1
    && sounds[0].silent_ms > sounds[0].total_ms / 2 && sounds[0].concealed_ms < sounds[0].total_ms / 10)"""
NO_PICTURE_IS_SENT = """() => window.peers.at(-1).getSenders().every(({track}) => track?.kind !== "video")"""


async def choose_sound_only(person: Person, *, on: bool = True) -> None:
    await person.press("More")
    await person.page.get_by_role("switch", name="Sound only").set_checked(on)
    await person.page.keyboard.press("Escape")


async def no_pictures(person: Person, name: str) -> None:
    """None is shown, and none is sent."""
    await expect(person.tile(name).locator("video")).not_to_have_class(re.compile("live"))
    await expect(person.tile("You").locator("video")).not_to_have_class(re.compile("live"))
    await person.page.wait_for_function(NO_PICTURE_IS_SENT)


async def test_sound_only_stops_all_pictures_both_ways_keeps_the_voice_and_is_kept(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    await host.watches("Ana")
    await choose_sound_only(guest)
    await no_pictures(guest, "Ruth")
    await guest.hears()
    await host.hears()
    # Each reads whose choice it was; nobody's camera is called off that is on.
    await expect(guest.tile("Ruth").locator(".tile-note")).to_have_text(
        "Picture hidden: you chose sound only"
    )
    await expect(guest.tile("Ruth")).not_to_have_attribute("aria-label", re.compile("camera off"))
    await expect(host.tile("Ana").locator(".tile-note")).to_have_text("Sound only")
    await expect(host.page.get_by_role("group", name="Ana, Sound only", exact=True)).to_be_visible()

    await guest.page.reload()
    await guest.sees("room")
    await guest.hears()
    await no_pictures(guest, "Ruth")
    await choose_sound_only(guest, on=False)
    await guest.reads("You see the others again, and they see you.")
    await guest.watches("Ruth")
    await host.watches("Ana")  # the camera was on, and is again


async def test_sound_only_ends_at_the_pill_and_leaves_a_camera_off_that_was_off(session):
    host, guest = session.host, session.guest
    await host.watches("Ana")
    await guest.press("Camera")
    await choose_sound_only(guest)
    await expect(host.tile("Ana").locator(".tile-note")).to_have_text("Sound only")
    await guest.page.get_by_role("button", name="Sound only").click()
    await expect(guest.button("Camera")).to_be_focused()
    await guest.watches("Ruth")
    await expect(guest.page.locator("#sound-only")).to_be_hidden()
    await expect(host.page.get_by_role("group", name="Ana, camera off", exact=True)).to_be_visible()
    await expect(guest.button("Camera")).to_have_attribute("aria-pressed", "false")


async def test_switching_the_camera_on_ends_sound_only_and_says_so(session):
    host, guest = session.host, session.guest
    await host.watches("Ana")
    await choose_sound_only(guest)
    await no_pictures(guest, "Ruth")
    await guest.press("Camera")
    await guest.reads("Sound only is off, for the others\u2019 pictures, too.")
    await guest.watches("Ruth")
    await host.watches("Ana")


async def test_with_sound_only_the_camera_is_not_even_taken_at_the_door(person, server, room):
    guest = await person()
    await guest.open(server.link(room))
    await guest.page.evaluate("localStorage.setItem('roomtone:soundOnly', 'true')")
    await guest.page.reload()
    await guest.reads("Sound only: no pictures, neither yours nor the others")
    await expect(guest.page.locator("#preview-video")).to_be_hidden()
    await guest.press("Camera")
    await guest.reads("Sound only is off, for the others\u2019 pictures, too.")  # there, too
    await expect(guest.page.locator("#preview-video")).to_be_visible()


async def test_who_came_in_with_sound_only_sees_the_others_again_and_is_not_seen(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.page.add_init_script("localStorage.setItem('roomtone:soundOnly', 'true')")  # of last week
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.page.get_by_role("button", name="Sound only").click()
    await guest.reads("You see the others again. Your camera stays off.")
    await guest.watches("Ruth")
    await expect(guest.button("Camera")).to_have_attribute("aria-pressed", "false")
    await expect(host.page.get_by_role("group", name="Ana, camera off", exact=True)).to_be_visible()
    await guest.press("Camera")
    await host.watches("Ana")


async def test_sound_only_ends_a_shared_screen(person, server, room, sharing_browser):
    host, guest = await person(using=sharing_browser), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.press("Share")
    await guest.watches(SCREEN)
    await choose_sound_only(host)
    await expect(guest.tile(SCREEN)).to_have_count(0)
    await no_pictures(host, "Ana")


async def test_a_good_connection_is_called_good(session):
    host = session.host
    await host.watches("Ana")
    await host.press("People")
    await expect(host.page.locator("#people-list")).to_contain_text("Good connection")


ONE_LAYER = """() => {
    const senders = window.peers.at(-1).getSenders().map(sender => sender.getParameters().encodings);
    const camera = senders.find(encodings => encodings.length === 3);
    return camera.map(({active}) => active).join() === "true,false,false" && camera[0].maxFramerate === 7;
}"""


async def test_the_page_obeys_what_it_is_to_send_and_says_what_others_missed(person, server, room):
    host, guest = await person(), await person()
    await host.page.add_init_script(LISTEN)
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.watches("Ana")
    await guest.watches("Ruth")

    order = {"type": "sending", "camera": 1, "screen": 1, "frame_rate": 7, "thin": False}
    await host.page.evaluate(SAY, order)
    await host.page.wait_for_function(ONE_LAYER)

    # A voice becomes thin at once, and what is ordered while an offer is on its way outlives its answer.
    await host.page.evaluate("peers.at(-1).begun = peers.at(-1).localDescription.sdp")
    await host.page.evaluate(SAY, {**order, "camera": 3, "thin": True})
    await host.page.wait_for_function("""() => {
        const voice = window.peers.at(-1).getSenders().find(({track}) => track?.kind === "audio");
        return voice.getParameters().encodings[0].maxBitrate === 14_000;
    }""")
    await host.page.evaluate(SAY, {**order, "thin": True})
    await host.page.wait_for_function("""() => {
        const peer = window.peers.at(-1);
        return peer.signalingState === "stable" && peer.localDescription.sdp !== peer.begun;
    }""")
    await host.page.wait_for_function(ONE_LAYER)
    await host.page.evaluate(SAY, order)
    await host.page.wait_for_function("""() => {
        const voice = window.peers.at(-1).getSenders().find(({track}) => track?.kind === "audio");
        return voice.getParameters().encodings[0].maxBitrate === undefined;
    }""")

    await host.page.evaluate(SAY, {**CONDITIONS, "missed": 2.0, "missed_by": []})
    await host.reads("Some of the others missed the last 2 seconds of what you said")
    await expect(host.page.locator("#polite")).to_contain_text("missed the last 2 seconds")


async def test_who_saves_data_says_so_to_the_server_and_the_choice_is_kept(person, server, room):
    host = await person()
    await host.page.add_init_script(f"window.told = ({OVERHEAR})()")
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await host.page.wait_for_function(PREFERS, arg=False)
    await host.press("More")
    await host.page.get_by_role("switch", name="Save data").check()
    await host.page.wait_for_function(PREFERS, arg=True)
    await host.page.reload()
    await host.sees("room")
    await host.page.wait_for_function(PREFERS, arg=True)
    await host.press("More")
    await expect(host.page.get_by_role("switch", name="Save data")).to_be_checked()
    await host.page.get_by_role("switch", name="Save data").uncheck()
    await host.page.wait_for_function(PREFERS, arg=False)


async def test_the_server_hears_how_each_sound_arrived_and_what_was_silence(session):
    host, guest = session.host, session.guest
    await host.hears()
    told = await host.page.evaluate_handle(OVERHEAR)
    await host.page.wait_for_function(HEARD, arg=told)
    await guest.press("Microphone")
    await host.page.wait_for_function(HEARD_SILENCE, arg=told)
