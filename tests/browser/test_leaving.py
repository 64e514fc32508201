"""Leaving, ending and deciding while there is no connection."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.scripts import SAID

WIRED = True  # the page's WebSockets can be cut, silenced and refused


async def test_what_a_host_presses_without_a_connection_is_said_not_to_be_done(session):
    host = session.host
    await host.press("People")
    await host.lose_signalling()
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
    welcomes = host.wire.heard("welcome")
    await host.press("Leave")
    host.wire.dead = True  # new ones work
    await host.press("End for everybody")
    await host.reads("The connection was lost before the server answered.")
    await host.wire.hears("welcome", welcomes)
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
    await guest.lose_signalling()
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
    await laptop.lose_signalling()
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
    guest.wire.holding = '"type"'
    await guest.come(server.link(room), "Ana")
    await expect(host.button("Let Ana in")).to_be_visible()
    await guest.wire.cut()
    await guest.wire.holds("welcome")  # again, on a new socket
    await guest.press("Cancel")
    await guest.page.get_by_label("Your name").fill("Anna")
    guest.wire.holding = ""
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
    await guest.lose_signalling()
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
