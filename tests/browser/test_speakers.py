"""Where sound comes out, and that it does."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.devices import UNPLUG
from tests.browser.scripts import HIDE, ON_TOP

SINKS_ARE = """(id) => [...document.querySelectorAll("audio")].every(({sinkId}) => sinkId === id)"""


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
