"""What people are told about sound and picture, and what they can choose."""

from __future__ import annotations

import re

from playwright.async_api import expect

# As if the server had said it: the conditions of a path that no test can make in a browser alone.
SAY = """message => {
    const socket = window.sockets.at(-1);
    socket.onmessage(new MessageEvent("message", {data: JSON.stringify(message)}));
}"""
KEEP_SOCKETS = """
    window.sockets = [];
    window.WebSocket = class extends WebSocket {
        constructor(...how) { super(...how); window.sockets.push(this); }
    };
"""
CONDITIONS = {"type": "conditions", "people": []}


async def test_sound_only_takes_the_pictures_away_keeps_the_voice_and_is_kept(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    await guest.press("More")
    await guest.page.get_by_role("switch", name="Sound only").check()
    await guest.page.keyboard.press("Escape")
    await expect(guest.tile("Ruth").locator("video")).not_to_have_class(re.compile("live"))
    await guest.hears()
    await host.watches("Ana")  # ours still goes out
    await guest.page.reload()
    await guest.sees("room")
    await guest.hears()
    await expect(guest.tile("Ruth").locator("video")).not_to_have_class(re.compile("live"))
    await guest.press("More")
    await guest.page.get_by_role("switch", name="Sound only").uncheck()
    await guest.page.keyboard.press("Escape")
    await guest.watches("Ruth")


async def test_a_good_connection_is_called_good(session):
    host = session.host
    await host.watches("Ana")
    await host.press("People")
    await expect(host.page.locator("#people-list")).to_contain_text("Good connection")


async def test_the_page_obeys_what_it_is_to_send_and_says_what_others_missed(person, server, room):
    host, guest = await person(), await person()
    await host.page.add_init_script(KEEP_SOCKETS)
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.watches("Ana")
    await guest.watches("Ruth")

    order = {"type": "sending", "camera": 1, "screen": 1, "frame_rate": 7, "thin": False}
    await host.page.evaluate(SAY, order)
    await host.page.wait_for_function("""() => {
        const senders = window.peers.at(-1).getSenders().map(sender => sender.getParameters().encodings);
        const camera = senders.find(encodings => encodings.length === 3);
        return camera.map(({active}) => active).join() === "true,false,false" && camera[0].maxFramerate === 7;
    }""")

    await host.page.evaluate(SAY, {**CONDITIONS, "missed": 2.0, "missed_by": []})
    await host.reads("Some of the others missed the last 2 seconds of what you said")
    await expect(host.page.locator("#polite")).to_contain_text("missed the last 2 seconds")
