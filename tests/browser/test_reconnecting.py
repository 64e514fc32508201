"""Coming back: after a reload, a lost socket, a dead network, a restarted server."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest_asyncio
from playwright.async_api import expect

# Is the middle of it what one would touch there?
ON_TOP = """selector => {
    const element = document.querySelector(selector);
    const {x, y, width, height} = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""

# What the tab remembers of the session.
PLACE = "() => JSON.parse(Object.entries(sessionStorage).find(([key]) => key.includes('place:'))[1])"

# The clock is another one all at once: the device slept, or it was set right.
JUMP = "() => { const now = Date.now; Date.now = () => now() + 301_000 }"

# Collects what is said to screen readers from now on.
SAID = """() => {
    const said = [];
    const look = (changes) => {
        for (const {addedNodes} of changes) for (const {textContent} of addedNodes) said.push(textContent);
    };
    for (const id of ["polite", "urgent"]) {
        new MutationObserver(look).observe(document.getElementById(id), {childList: true});
    }
    return said;
}"""

WIRED = True  # the page's WebSockets can be cut, silenced and refused


async def test_a_reload_brings_a_guest_back_without_a_second_knock(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    await guest.press("Microphone")
    await guest.page.reload()
    await guest.sees("room")
    await guest.watches("Ruth")
    await guest.hears()
    await host.watches("Ana")
    await expect(guest.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(host.button("Let Ana in")).to_have_count(0)
    await expect(host.tile("Ana")).to_have_count(1)


async def test_a_reload_keeps_the_host_a_host(session):
    host = session.host
    await host.page.reload()
    await host.watches("Ana")
    await host.press("People")
    await expect(host.button("Remove Ana")).to_be_visible()


async def test_a_reload_while_waiting_keeps_the_place_at_the_door(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.page.reload()
    await guest.sees("waiting")
    await expect(host.button("Let Ana in")).to_have_count(1)
    await host.let_in("Ana")
    await guest.watches("Ruth")


async def test_a_camera_that_was_switched_off_while_waiting_is_off_after_a_reload(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.page.locator("#waiting").get_by_role("button", name="Camera").click()
    await guest.page.reload()
    await guest.sees("waiting")
    camera = guest.page.locator("#waiting").get_by_role("button", name="Camera")
    await expect(camera).to_have_attribute("aria-pressed", "false")
    await host.let_in("Ana")
    await host.hears()
    await expect(host.page.get_by_role("group", name="Ana, camera off", exact=True)).to_be_visible()


async def test_a_microphone_that_was_muted_without_a_connection_is_muted_after_a_reload(session):
    host, guest = session.host, session.guest
    await host.hears()
    guest.wire.refusing = True
    await guest.wire.cut()
    await guest.reads("Reconnecting")
    await guest.press("Microphone")
    await guest.page.reload()
    await guest.sees("returning")
    guest.wire.refusing = False
    await guest.sees("room")
    await expect(guest.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(host.page.get_by_role("group", name="Ana, microphone off", exact=True)).to_be_visible()


async def test_a_tab_that_is_opened_again_much_later_asks_before_it_goes_in(session):
    host, guest = session.host, session.guest
    await guest.press("Microphone")
    for someone, name in ((host, "Ruth"), (guest, "Ana")):
        await someone.page.add_init_script("const now = Date.now; Date.now = () => now() + 301_000")
        await someone.page.reload()
        await someone.sees("preview")
        await expect(someone.page.get_by_label("Your name")).to_have_value(name)
    microphone = guest.page.locator("#preview").get_by_role("button", name="Microphone")
    await expect(microphone).to_have_attribute("aria-pressed", "false")
    await host.press("Enter the room")
    await host.sees("room")


async def test_a_laptop_that_is_opened_again_much_later_asks_before_it_goes_in(session):
    host, guest = session.host, session.guest
    await host.watches("Ana")
    sockets = len(guest.wire.sockets)
    await guest.page.evaluate(JUMP)
    await guest.wire.cut()
    await guest.sees("ended")
    await guest.reads("You were away for a while")
    await expect(host.tile("Ana")).to_contain_text("Reconnecting")
    assert len(guest.wire.sockets) == sockets  # nothing was said before the person was asked
    await guest.press("Come back")
    await guest.sees("room")
    await host.watches("Ana")
    await guest.watches("Ruth")


async def test_a_laptop_that_does_not_notice_its_dead_socket_asks_before_it_goes_in(session):
    guest = session.guest
    await guest.page.evaluate(JUMP)
    guest.wire.dead = True  # new ones work
    await guest.reads("You were away for a while")


async def test_a_laptop_that_slept_on_its_way_in_asks_before_it_goes_in(person, server, room):
    host = await person()
    host.wire.refusing = True
    await host.come(server.link(room, "host"), "Ruth")
    await expect(host.button("Connecting…")).to_be_visible()
    await host.page.evaluate(JUMP)
    await host.reads("You were away for a while")
    host.wire.refusing = False
    await host.press("Come back")
    await host.sees("room")


async def test_whoever_has_just_pressed_the_button_is_not_asked_once_more(person, server, room):
    host = await person()
    await host.open(server.link(room, "host"))
    await host.page.get_by_label("Your name").fill("Ruth")
    await host.page.evaluate(JUMP)
    await host.press("Enter the room")
    await host.sees("room")
    host.wire.refusing = True
    await host.page.evaluate(JUMP)
    await host.wire.cut()
    await host.reads("You were away for a while")
    host.wire.refusing = False
    await host.page.evaluate(JUMP)
    await host.press("Come back")
    await host.sees("room")


async def test_what_is_written_while_the_page_comes_back_is_said_once(session):
    host, guest = session.host, session.guest
    await guest.press("Chat")
    sockets = len(guest.wire.sockets)
    guest.wire.holding = True
    await guest.wire.cut()
    await guest.wire.another(sockets)
    await guest.wire.holds("pong")
    await guest.write("One")
    guest.wire.release()
    await guest.write("Two")
    lines = guest.page.locator("#chat-lines .chat-text")
    await expect(lines).to_have_text(["One", "Two"])
    await host.reads("Ana: Two")
    await host.page.locator("#bar-chat").click()  # its name counts what is unread
    await expect(host.page.locator("#chat-lines .chat-text")).to_have_text(["One", "Two"])


async def test_a_switch_waits_for_the_answer_of_a_server_that_is_far_away(session):
    host, guest = session.host, session.guest
    await host.press("People")
    lock = host.page.get_by_role("switch", name="Lock the session")
    host.wire.holding = True
    await lock.click()
    await host.press("Microphone")  # draws the page anew
    await expect(host.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(lock).to_be_checked()
    await guest.press("Microphone")
    await host.wire.holds("room")
    host.wire.release()
    await expect(host.page.locator("#lock-mark")).to_be_visible()
    await expect(lock).to_be_checked()
    host.wire.losing = '"lock"'
    await lock.click()
    host.wire.dead = True
    await host.reads("The connection was lost before the server answered.")
    await expect(lock).to_be_checked()


async def test_a_clock_that_is_set_right_ends_no_session(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    await guest.page.evaluate(JUMP)
    then = await guest.page.evaluate("Date.now()")
    await guest.page.wait_for_function(
        f"then => ({PLACE})().at >= then", arg=then
    )  # it has looked at the clock
    guest.wire.received.clear()
    await guest.wire.hears("pong")
    await is_back(host, guest)
    assert len(guest.wire.sockets) == 1


async def test_a_place_stays_young_for_as_long_as_the_page_is_there(person, server, room):
    host = await person()
    await host.turn_clock()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    kept = await host.page.evaluate(PLACE)
    await host.page.clock.fast_forward(60_000)
    await host.page.wait_for_function(f"kept => ({PLACE})().at >= kept.at + 60_000", arg=kept)


async def test_a_place_holds_no_link_and_is_good_for_its_own_only(person, server, room):
    guest = await person()
    link = server.link(room)
    await guest.come(link, "Ana")
    await guest.sees("waiting")
    assert link.partition("#")[2] not in await guest.page.evaluate("JSON.stringify(sessionStorage)")
    await guest.open("about:blank")
    await guest.open(server.link(room, name="Kim"))  # perhaps another person's
    await guest.sees("preview")
    await guest.open("about:blank")
    await guest.open(link)
    await guest.sees("waiting")


async def test_sound_and_picture_go_on_while_the_signalling_socket_is_lost(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    said = await guest.page.evaluate_handle(SAID)
    guest.wire.refusing = True
    await guest.wire.cut()
    await guest.reads("Reconnecting, you can go on talking")
    assert await said.json_value() == ["Reconnecting, you can go on talking. The session goes on by itself."]
    await guest.watches("Ruth")
    await guest.hears()
    await host.hears()

    await guest.press("Chat")
    await guest.write("Written while away")
    await guest.reads("Sending…")
    size = guest.page.viewport_size
    await guest.page.set_viewport_size({"width": 390, "height": 844})
    for what in ("#connection", "#chat-panel [data-close]"):  # neither covers the other
        await guest.page.wait_for_function(ON_TOP, arg=what)
    await guest.page.set_viewport_size(size)
    await host.press("Chat")
    await host.write("Said meanwhile")
    guest.wire.refusing = False
    await expect(guest.page.locator("#connection")).to_be_hidden()
    await expect(host.page.locator("#chat-lines")).to_contain_text("Written while away")
    await expect(guest.page.locator("#chat-lines")).to_contain_text("Said meanwhile")
    await expect(guest.page.locator("#chat-lines .pending")).to_have_count(0)
    await expect(guest.page.locator("#chat-lines li")).to_have_count(2)
    assert (await guest.statistics())["peers"] == 1  # the same connection all the time


async def test_what_a_host_presses_without_a_connection_is_said_not_to_be_done(session):
    host = session.host
    await host.press("People")
    host.wire.refusing = True
    await host.wire.cut()
    await host.reads("Reconnecting")
    lock = host.page.get_by_role("switch", name="Lock the session")
    await lock.click()
    await host.reads("Not done: there is no connection just now.")
    await expect(lock).not_to_be_checked()
    await host.page.get_by_label("Close this notice").last.click()
    await host.press("Leave")
    await host.press("End for everybody")
    await host.reads("Not done: there is no connection just now.")


async def test_an_end_in_a_network_that_has_just_died_is_said_not_to_be_answered(session):
    host, guest = session.host, session.guest
    host.wire.dead = True  # new ones work
    await host.press("Leave")
    await host.press("End for everybody")
    await host.reads("The connection was lost before the server answered.")
    await expect(host.page.locator("#connection")).to_be_hidden()
    await host.sees("room")
    await guest.sees("room")
    await host.press("Leave")
    await host.press("End for everybody")
    await host.reads("You have ended the session")
    await guest.reads("The session has ended")


async def test_whoever_leaves_without_a_connection_has_left_as_soon_as_there_is_one(away):
    host, guest = away.host, away.guest
    await guest.press("Leave")
    await guest.reads("You have left the session")
    await expect(host.tile("Ana")).to_have_count(1)
    said = await guest.page.evaluate_handle(SAID)
    guest.wire.refusing = False
    await expect(host.tile("Ana")).to_have_count(0)
    await expect(guest.page.locator("#ended")).to_be_visible()
    await guest.page.clock.run_for(1_000)  # two ticks of the pill that would say it
    assert await said.json_value() == []


async def test_a_leave_in_a_network_that_has_just_died_arrives_all_the_same(session):
    host, guest = session.host, session.guest
    guest.wire.dead = True  # new ones work
    await guest.press("Leave")
    await guest.reads("You have left the session")
    await expect(host.tile("Ana")).to_have_count(0)


async def test_whoever_leaves_without_a_connection_and_joins_again_is_there_once(session):
    host, guest = session.host, session.guest
    guest.wire.refusing = True
    await guest.wire.cut()
    await guest.reads("Reconnecting")
    await guest.press("Leave")
    await guest.press("Join again")
    await guest.press("Ask to join")
    await expect(host.tile("Ana")).to_have_count(1)
    guest.wire.refusing = False
    await expect(host.tile("Ana")).to_have_count(0)
    await host.let_in("Ana")
    await guest.watches("Ruth")
    await expect(host.tile("Ana")).to_have_count(1)


async def test_a_late_leave_is_none_of_the_phone_that_goes_on(person, server, room):
    laptop, phone = await person(), await person()
    link = server.link(room, "host")
    await laptop.come(link, "Ruth")
    await laptop.sees("room")
    laptop.wire.refusing = True
    await laptop.wire.cut()
    await laptop.reads("Reconnecting")
    await laptop.press("Leave")
    await laptop.press("Only leave")
    await laptop.reads("You have left the session")
    await phone.come(link, "Ruth")
    await phone.sees("room")
    laptop.wire.refusing = False
    await laptop.wire.hears("bye")
    await phone.press("Chat")
    await phone.write("Still here")  # it comes back, after the late leave
    await expect(phone.page.locator("#chat-lines .chat-text")).to_have_text(["Still here"])
    await expect(phone.page.locator("#chat-lines .pending")).to_have_count(0)
    await phone.sees("room")


async def test_whoever_did_not_hear_that_they_wait_does_not_wait_twice(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    guest.wire.holding = True
    await guest.come(server.link(room), "Ana")
    await expect(host.button("Let Ana in")).to_be_visible()
    sockets = len(guest.wire.sockets)
    await guest.wire.cut()
    await guest.wire.another(sockets)
    await guest.press("Cancel")
    await guest.page.get_by_label("Your name").fill("Anna")
    guest.wire.holding = False
    await guest.press("Ask to join")
    await guest.sees("waiting")
    await expect(host.button("Let Anna in")).to_be_visible()
    await expect(host.button("Let Ana in")).to_have_count(0)
    await host.let_in("Anna")
    await guest.watches("Ruth")


async def test_whoever_joins_again_is_not_put_out_by_their_late_leave(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.sees("room")
    guest.wire.refusing = True
    await guest.wire.cut()
    await guest.reads("Reconnecting")
    await guest.press("Leave")
    await guest.press("Join again")
    guest.wire.losing = '"leave":true'
    guest.wire.refusing = False
    await guest.press("Ask to join")
    await guest.sees("waiting")
    guest.wire.losing = ""
    await guest.wire.hears("bye")
    await host.let_in("Ana")
    await guest.watches("Ruth")


async def test_a_socket_that_is_silently_dead_is_replaced(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    sockets = len(guest.wire.sockets)
    guest.wire.dead = True  # new ones work
    await guest.wire.another(sockets)
    await host.press("Chat")
    await host.write("Are you there?")
    await guest.reads("Are you there?")
    await guest.watches("Ruth")


async def test_a_lost_peer_connection_is_rebuilt(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    # As when the system takes the network away for long: the transport is gone, and nobody said so.
    await guest.page.evaluate("""() => {
        const [peer] = window.peers;
        peer.close();
        peer.onconnectionstatechange(new Event("connectionstatechange"));
    }""")
    await guest.page.wait_for_function("() => window.peers.length > 1")
    await guest.watches("Ruth")
    await guest.hears()
    await host.watches("Ana")


async def test_an_ice_restart_keeps_the_connection(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    # Until the restart nothing seems to arrive: so a dead path looks to the page's watch on its traffic.
    await guest.page.evaluate("""() => {
        const [peer] = window.peers;
        const ufrag = () => peer.remoteDescription.sdp.match(/a=ice-ufrag:(.*)/)[1];
        const before = ufrag();
        const real = peer.getStats.bind(peer);
        let frozen = null;
        peer.getStats = async () => ufrag() === before ? (frozen ??= await real()) : real();
        window.restarted = () => ufrag() !== before;
    }""")
    await guest.page.wait_for_function("() => window.restarted()")
    await expect(guest.page.locator("#connection")).to_be_hidden()
    assert (await guest.statistics())["peers"] == 1
    await guest.watches("Ruth")
    await guest.hears()
    await host.hears()


async def test_a_second_tab_takes_the_session_over_and_the_first_can_take_it_back(person, server, room):
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    other = await person()
    await other.come(server.link(room, "host"), "Ruth")
    await other.sees("room")
    await host.reads("The session goes on elsewhere")
    await host.press("Continue here")
    await host.sees("room")
    await other.reads("The session goes on elsewhere")


async def test_after_a_restart_of_the_server_everybody_is_back_by_themselves(person, own_server, room):
    server = own_server
    host, guest = await person(home=server), await person(home=server)
    for someone in (host, guest):
        someone.tolerates |= {"ERR_CONNECTION_REFUSED", "CLOSING or CLOSED"}  # while it is away
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.watches("Ruth")
    await guest.press("Chat")
    await guest.write("Said before")
    await host.reads("Ana: Said before")
    await server.stop()
    await guest.reads("Reconnecting")
    await guest.write("Written while away")
    await server.restart()
    await host.sees("room")
    await host.let_in("Ana")  # the new server knows nobody: guests knock again, by themselves
    await guest.watches("Ruth")
    await host.watches("Ana")
    for someone in (host, guest):  # the new session's chat begins with what never arrived
        await someone.page.locator("#bar-chat").click()  # its name counts what is unread
        await expect(someone.page.locator("#chat-lines .chat-text")).to_have_text(["Written while away"])
    await expect(host.page.locator("#polite")).not_to_contain_text("Ruth has")


async def test_a_shared_screen_ends_where_a_new_server_has_one_wait_again(
    person, own_server, room, sharing_browser
):
    host, guest = await person(home=own_server), await person(home=own_server, using=sharing_browser)
    for someone in (host, guest):
        someone.tolerates |= {"ERR_CONNECTION_REFUSED", "CLOSING or CLOSED"}  # while it is away
    await guest.page.add_init_script("""
        const ask = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getDisplayMedia = async (...how) => (window.screen_ = await ask(...how));
    """)
    await host.come(own_server.link(room, "host"), "Ruth")
    await guest.come(own_server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.press("Share")
    await expect(host.tile("Ana\u2019s screen")).to_be_visible()
    await own_server.stop()
    await guest.reads("Reconnecting")
    await own_server.restart()
    await guest.sees("waiting")
    await guest.page.wait_for_function("() => !window.screen_.active")
    await expect(guest.page.locator("#polite")).to_contain_text("Your screen is no longer shared.")
    await host.let_in("Ana")
    await guest.sees("room")
    await expect(guest.button("Share")).to_have_attribute("aria-pressed", "false")


async def test_a_crashed_tab_is_shown_as_gone_and_the_room_goes_on(session):
    host, guest = session.host, session.guest
    await host.watches("Ana")
    await guest.page.context.close()
    await expect(host.tile("Ana").locator(".tile-note")).to_have_text(re.compile("Reconnecting, 0:"))
    await expect(host.page.locator("#room")).to_be_visible()


@pytest_asyncio.fixture(loop_scope="session")
async def away(person, server, room):
    """A guest in a session, whose page goes by a clock that the test can turn, and who loses the network."""
    host, guest = await person(), await person()
    await guest.turn_clock()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await guest.watches("Ruth")
    guest.wire.refusing = True
    await guest.wire.cut()
    await guest.reads("Reconnecting")
    return SimpleNamespace(host=host, guest=guest)


async def test_whoever_reaches_no_server_reads_what_to_try_and_can_give_up(person, server, room):
    guest = await person()
    guest.wire.swallowing = True
    await guest.turn_clock()
    await guest.come(server.link(room), "Ana")
    await guest.page.clock.run_for(7_000)
    await guest.reads("There is no connection to the server yet")
    await guest.press("Cancel")
    await expect(guest.button("Ask to join")).to_be_focused()
    await expect(guest.page.locator("#preview-problems")).to_be_empty()
    guest.wire.swallowing = False
    await guest.press("Ask to join")
    await guest.sees("waiting")

    guest.wire.swallowing = True
    await guest.page.reload()
    await guest.sees("returning")
    await expect(guest.button("Leave")).to_be_hidden()
    await guest.page.clock.run_for(7_000)
    await guest.reads("There is no connection to the server yet")
    await guest.press("Leave")
    await guest.reads("You have left the session")


async def is_back(host, guest):
    """In their place, without a second knock."""
    await guest.watches("Ruth")
    await guest.hears()
    await host.watches("Ana")
    await expect(guest.page.locator("#connection")).to_be_hidden()
    await expect(host.button("Let Ana in")).to_have_count(0)
    await expect(host.tile("Ana")).to_have_count(1)


async def test_whoever_finds_no_place_on_the_server_is_told_so_and_not_to_change_the_network(
    person, server, room
):
    host = await person()
    host.wire.full = True
    await host.turn_clock()
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    for _ in range(4):
        await host.page.clock.run_for(7_000)
        await expect(host.page.locator("#connection")).to_contain_text("has no place for sound and picture")
    await expect(host.page.locator("#toasts")).to_be_empty()
    host.wire.full = False
    await host.page.clock.run_for(13_000)
    await expect(host.page.locator("#connection")).to_be_hidden()


async def test_a_page_tries_again_for_as_long_as_it_is_open(away):
    host, guest = away.host, away.guest
    for _ in range(20):  # over five minutes of the page's time
        tried = guest.wire.refused
        await guest.page.clock.run_for(16_000)
        await guest.wire.another_attempt(tried)
    await expect(guest.page.locator("#connection-clock")).to_have_text(re.compile("5:"))
    guest.wire.refusing = False  # until now they opened, and were closed again: that was no connection
    await guest.page.clock.run_for(7_000)
    await is_back(host, guest)


async def test_a_page_tries_again_at_once_when_the_network_is_back(away):
    host, guest = away.host, away.guest
    await guest.page.clock.run_for(60_000)
    await guest.hold_clock()
    sockets = len(guest.wire.sockets)
    await guest.page.context.set_offline(True)
    guest.wire.refusing = False
    await guest.page.context.set_offline(False)
    await guest.wire.another(sockets)
    await guest.page.clock.resume()
    await is_back(host, guest)


async def test_an_attempt_that_hangs_in_the_dead_network_is_not_waited_for(away):
    host, guest = away.host, away.guest
    guest.wire.swallowing = True
    tried, sockets = guest.wire.refused, len(guest.wire.sockets)
    await guest.wire.another_attempt(tried)
    await guest.page.clock.run_for(2_000)
    await guest.hold_clock()
    guest.wire.swallowing = guest.wire.refusing = False
    await guest.page.evaluate("dispatchEvent(new Event('online'))")
    await guest.wire.another(sockets)
    await guest.page.clock.resume()
    await is_back(host, guest)
