"""The page as the browser hides it, shows it again, lets it go, and leads it elsewhere."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.scripts import HIDE, OVERHEAR

WISHES_FOR_NOTHING = """told => told.some(({type, tiles}) =>
    type === "wish" && tiles.every(({width, height}) => width === 0 && height === 0))"""
# A screen that says who keeps it on.
LOCKS = """
    window.locks = [];
    Object.defineProperty(navigator, "wakeLock", {value: {request: async kind => {
        const lock = {kind, held: true, release: async () => void (lock.held = false)};
        window.locks.push(lock);
        return lock;
    }}});
"""
HELD = "() => window.locks.filter(({kind, held}) => held && kind === 'screen').length === 1"
PAGEHIDE = "persisted => dispatchEvent(new PageTransitionEvent('pagehide', {persisted}))"
CLOSED = "() => window.peers.every(({connectionState}) => connectionState === 'closed')"


async def test_a_hidden_page_asks_for_no_picture(session):
    host = session.host
    await host.watches("Ana")
    told = await host.page.evaluate_handle(OVERHEAR)
    await host.page.evaluate(HIDE, True)
    await host.page.wait_for_function(WISHES_FOR_NOTHING, arg=told)


async def test_the_screen_stays_on_from_the_waiting_room_to_the_end(person, server, room):
    host, guest = await person(), await person()
    await guest.page.add_init_script(LOCKS)
    await guest.open(server.link(room))
    await guest.sees("preview")
    assert await guest.page.evaluate("locks.length") == 0
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.page.wait_for_function(HELD)
    await host.let_in("Ana")
    await guest.sees("room")
    assert await guest.page.evaluate(HELD)

    # A browser takes the lock back while a page is hidden.
    await guest.page.evaluate(HIDE, True)
    await guest.page.evaluate("locks.forEach(lock => lock.held = false)")
    await guest.page.evaluate(HIDE, False)
    await guest.page.wait_for_function(HELD)

    await guest.press("Leave")
    await guest.sees("ended")
    await guest.page.wait_for_function("() => window.locks.every(({held}) => !held)")


async def test_a_page_that_goes_away_lets_go_of_its_connection_and_one_that_may_come_back_does_not(session):
    host, guest = session.host, session.guest
    await guest.watches("Ruth")
    await guest.page.evaluate(PAGEHIDE, True)
    assert not await guest.page.evaluate(CLOSED)
    await guest.watches("Ruth")
    await guest.page.evaluate(PAGEHIDE, False)
    assert await guest.page.evaluate(CLOSED)
    await expect(host.tile("Ana")).to_have_count(1)  # her place is kept for a reload


async def test_another_link_pasted_over_the_first_one_leaves_the_session_and_asks_anew(session, server):
    host, guest = session.host, session.guest
    other = server.link(session.room, name="Ben")
    await guest.page.evaluate("link => { location.href = link; }", other)
    await guest.sees("preview")
    assert guest.page.url == other
    await host.reads("Ana has left.")
    await expect(host.tile("Ana")).to_have_count(0)
