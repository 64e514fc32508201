"""Coming back: after a reload, a lost socket, a dead network, a restarted server."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.returning import is_back
from tests.browser.scripts import ON_TOP, SAID

WIRED = True  # the page's WebSockets can be cut, silenced and refused


async def test_what_is_written_while_the_page_comes_back_is_said_once(session):
    host, guest = session.host, session.guest
    await guest.press("Chat")
    sockets = len(guest.wire.sockets)
    guest.wire.holding = '"type"'
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
    host.wire.holding = '"type":"room"'  # pongs come: without them the socket is given up
    await lock.click()
    await host.press("Microphone")  # draws the page anew
    await expect(host.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await expect(lock).to_be_checked()
    await guest.press("Microphone")
    await host.wire.holds("room")
    host.wire.release()
    await expect(host.page.locator("#lock-mark")).to_be_visible()
    await expect(lock).to_be_checked()
    host.wire.dead = True  # before the click: what follows it would tell the page that it was heard
    await lock.click()
    await host.reads("The connection was lost before the server answered.")
    await expect(lock).to_be_checked()


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
