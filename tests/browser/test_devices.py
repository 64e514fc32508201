"""Microphone, camera, screen and speaker: what is taken, what is let go, what the person is told of it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.person import Person
from tests.browser.scripts import HIDE, ON_TOP, OVERHEAR

# Keeps every track that the page gets, and lets the test hold the browser's answers back.
DEVICES = """
    window.taken = [];
    window.asked = 0;
    window.answers = Promise.resolve();
    window.hold = () => {
        window.answers = new Promise((resolve) => (window.allow = resolve));
    };
    window.failures = {};  // kind -> name of the error
    window.why = "";  // what their messages say
    window.held = null;  // id of a device that another program has
    window.heldError = "NotReadableError";
    window.muting = false;  // what comes is muted, as during a phone call
    window.mute = (track, muted = true) => {
        Object.defineProperty(track, "muted", {configurable: true, get: () => muted});
        track.dispatchEvent(new Event(muted ? "mute" : "unmute"));
    };
    for (const name of ["getUserMedia", "getDisplayMedia"]) {
        const ask = navigator.mediaDevices[name].bind(navigator.mediaDevices);
        navigator.mediaDevices[name] = async (wanted) => {
            window.asked++;
            await window.answers;
            for (const {deviceId} of [wanted.audio, wanted.video].filter(Boolean))
                if (window.held === (deviceId?.exact ?? "")) throw new DOMException("", window.heldError);
            for (const [kind, error] of Object.entries(window.failures))
                if (wanted[kind === "microphone" ? "audio" : "video"])
                    throw new DOMException(window.why, error);
            const stream = await ask(wanted);
            if (window.muting) for (const track of stream.getTracks()) window.mute(track);
            window.taken.push(...stream.getTracks());
            return stream;
        };
    }
"""
NONE_LIVE = """() => window.taken.every(({readyState}) => readyState === "ended")"""
# Until everything has run that a change of devices sets off.
PLUG = """async () => {
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    for (let round = 0; round < 3; round++) await navigator.mediaDevices.enumerateDevices();
}"""


UNPLUG = """label => {
    const list = navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices);
    const other = device => device.label !== label;
    navigator.mediaDevices.enumerateDevices = async () => (await list()).filter(other);
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    return () => {
        navigator.mediaDevices.enumerateDevices = list;
        navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    };
}"""
SINKS_ARE = """(id) => [...document.querySelectorAll("audio")].every(({sinkId}) => sinkId === id)"""


async def with_devices(someone: Person, script: str = "") -> Person:
    await someone.page.add_init_script(DEVICES + script)
    return someone


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


COUNT_NOTES = """
    window.notes = 0;
    window.OscillatorNode = class extends OscillatorNode {
        constructor(...how) { super(...how); window.notes++; }
    };
"""
MICROPHONE = "window.taken.findLast(({kind}) => kind === 'audio')"


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


async def test_sound_goes_to_the_loudspeaker_when_the_headset_goes_and_back_when_it_is_back(session):
    guest = session.guest
    await guest.hears()
    await guest.press("More")
    await guest.press("Microphone, camera and speaker")
    menu = guest.page.locator("#devices-dialog").get_by_label("Speaker")
    await menu.select_option(label="Fake Audio Output 1")
    headset = await menu.input_value()
    await guest.page.keyboard.press("Escape")
    await guest.page.wait_for_function(SINKS_ARE, arg=headset)
    plug_in = await guest.page.evaluate_handle(UNPLUG, "Fake Audio Output 1")
    await guest.page.wait_for_function(SINKS_ARE, arg="")
    await guest.reads("Your headphones or speaker were disconnected.")
    await plug_in.evaluate("plug_in => plug_in()")
    await guest.page.wait_for_function(SINKS_ARE, arg=headset)
    await guest.reads("Sound comes from Fake Audio Output 1 again.")


async def test_the_sound_to_try_comes_from_the_chosen_speaker_where_only_elements_let_one_choose(
    person, server, room
):
    guest = await person()
    await guest.page.add_init_script("""
        delete AudioContext.prototype.setSinkId;
        window.played = [];
        const {play} = HTMLMediaElement.prototype;
        HTMLMediaElement.prototype.play = function () {
            if (this instanceof HTMLAudioElement) window.played.push([this.sinkId, this.srcObject.active]);
            return play.call(this);
        };
    """)
    await guest.open(server.link(room))
    menu = guest.page.locator("#preview-devices").get_by_label("Speaker")
    await menu.select_option(label="Fake Audio Output 1")
    await guest.press("Play a sound")
    await guest.page.wait_for_function("() => window.played.length")
    assert await guest.page.evaluate("window.played") == [[await menu.input_value(), True]]


PAUSE = """() => [...document.querySelectorAll("audio")]
    .filter(({srcObject}) => srcObject).forEach(element => element.pause())"""
PLAYING = """() => [...document.querySelectorAll("audio")]
    .every(({srcObject, paused}) => !srcObject || !paused)"""
REFUSE = """() => {
    const {play} = HTMLMediaElement.prototype;
    HTMLMediaElement.prototype.play = async () => { throw new DOMException("", "NotAllowedError"); };
    return () => (HTMLMediaElement.prototype.play = play);
}"""


async def test_sound_that_the_system_paused_goes_on_by_itself_or_at_a_tap(session):
    guest = session.guest  # at a phone
    await guest.hears()
    await guest.page.evaluate(PAUSE)
    await guest.page.wait_for_function(PLAYING)
    await guest.hears()

    allow = await guest.page.evaluate_handle(REFUSE)
    await guest.press("Chat")
    await guest.page.evaluate(PAUSE)
    alert = guest.page.get_by_role("alert").filter(has_text="You can\u2019t hear the others")
    await expect(alert).to_have_count(1)
    for what in ("#hear", "#chat-panel [data-close]"):  # neither covers the other
        await guest.page.wait_for_function(ON_TOP, arg=what)
    await allow.evaluate("allow => allow()")
    await guest.press("Tap to hear the others")
    await guest.page.wait_for_function(PLAYING)
    await expect(guest.page.locator("#hear")).to_be_hidden()

    allow = await guest.page.evaluate_handle(REFUSE)
    await guest.page.evaluate(PAUSE)
    await expect(guest.page.locator("#hear")).to_be_visible()
    await allow.evaluate("allow => allow()")
    await guest.page.evaluate(HIDE, False)  # back from the call
    await guest.page.wait_for_function(PLAYING)
    await expect(guest.page.locator("#hear")).to_be_hidden()
