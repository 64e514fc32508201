"""Reloads, tabs and laptops that are opened again, and the place that is kept for them."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.returning import is_back

WIRED = True  # the page's WebSockets can be cut, silenced and refused


# What the tab remembers of the session.
PLACE = "() => JSON.parse(Object.entries(sessionStorage).find(([key]) => key.includes('place:'))[1])"
# The clock is another one all at once: the device slept, or it was set right.
JUMP = "() => { const now = Date.now; Date.now = () => now() + 301_000 }"


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
    await guest.lose_signalling()
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
