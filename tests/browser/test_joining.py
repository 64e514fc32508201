"""Coming in: from the link to the room, or to plain words that say why not."""

from __future__ import annotations

import pytest_asyncio
from playwright.async_api import expect

from server.auth import Tokens
from tests.browser.patience import RAMP_MS
from tests.browser.server import MEDIA, Server


async def test_a_guest_knocks_waits_is_let_in_and_both_hear_and_see_each_other(person, server, room):
    host, guest = await person(), await person(size=(390, 844))
    await host.come(server.link(room, "host"), "Ruth")
    await host.sees("room")
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.reads("The host knows that you are here")
    await expect(guest.page.locator("#waiting-video")).to_be_visible()
    assert await guest.page.evaluate("window.peers.length") == 0  # nobody is sent anything before

    await host.let_in("Ana")
    await guest.sees("room")
    await host.watches("Ana")
    await guest.watches("Ruth")
    await host.hears()
    await guest.hears()


async def test_the_picture_has_the_size_that_its_tile_needs(session):
    # A laptop's tile is about 1200 pixels wide: the full 960x540; a thumbnail would be 240x135.
    await session.host.gets(
        lambda then, now: (now["width"], now["height"]) == (960, 540), patience_ms=RAMP_MS
    )


async def test_a_link_pasted_on_the_first_page_leads_to_the_session(person, server, room):
    guest = await (await person()).open(server.url)
    await guest.sees("landing")
    await guest.press("Go to the session")
    await guest.reads("Paste the link that you were sent.")
    await guest.page.get_by_label("Your link").fill("https://elsewhere.example/r/room#token")
    await guest.press("Go to the session")
    await guest.reads("This is not a link to a session on this server.")
    await guest.page.get_by_label("Your link").fill(f"  {server.link(room)}  ")
    await guest.press("Go to the session")
    await guest.sees("preview")


async def test_everything_to_join_works_with_the_keyboard_alone(person, server, room):
    host, guest = await person(), await person()
    for who, name in ((host, "Ruth"), (guest, "Ana")):
        await who.open(server.link(room, "host" if who is host else "guest"))
        await who.sees("preview")
        for _ in range(12):
            await who.page.keyboard.press("Tab")
            if await who.page.evaluate("document.activeElement.id") == "preview-name":
                break
        await who.page.keyboard.type(name)
        await who.page.keyboard.press("Enter")
    await guest.sees("waiting")
    assert await guest.page.evaluate("document.activeElement.id") == "waiting-title"
    await expect(host.button("Let Ana in")).to_be_visible()
    for _ in range(20):
        await host.page.keyboard.press("Tab")
        if await host.page.evaluate("document.activeElement.ariaLabel") == "Let Ana in":
            break
    await host.page.keyboard.press("Enter")
    await guest.sees("room")
    await guest.watches("Ruth")


async def test_a_guest_without_a_name_is_asked_for_one(person, server, room):
    guest = await person()
    await guest.open(server.link(room))
    await guest.page.locator("#preview-enter").click()
    await guest.reads("Type the name by which the others know you.")
    assert await guest.page.evaluate("document.activeElement.id") == "preview-name"


async def test_a_name_that_the_link_gives_stands_there_and_stays(person, server, room):
    host = await (await person()).open(server.link(room, "host", name="Dr. Ruth Keller"))
    await expect(host.page.get_by_label("Your name")).to_have_value("Dr. Ruth Keller")
    await host.press("Enter the room")
    await host.sees("room")


async def test_a_guest_who_comes_first_reads_that_the_host_is_not_here_yet(person, server, room):
    guest = await person()
    await guest.come(server.link(room), "Ana")
    await guest.reads("The host is not here yet")
    host = await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.reads("The host knows that you are here")


async def test_a_declined_guest_reads_it_and_can_ask_again(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await guest.sees("waiting")
    await guest.page.reload()
    await guest.sees("waiting")
    await host.press("Decline Ana")
    await guest.sees("ended")
    await guest.reads("You were not let in")
    await guest.press("Ask again")
    await guest.sees("preview")
    await expect(guest.page.get_by_label("Your name")).to_have_value("Ana")
    await guest.press("Ask to join")
    await guest.sees("waiting")
    await host.let_in("Ana")
    await guest.sees("room")


@pytest_asyncio.fixture(loop_scope="session")
async def small_server(tmp_path):
    """Its rooms hold two people."""
    running = Server(tmp_path)
    await running.start(media=(*MEDIA, "--max-participants", "2"))
    yield running
    await running.stop()


async def test_whoever_finds_no_place_yet_stays_at_the_door(small_server, person, room):
    server = small_server
    host, first, second = [await person(home=server) for _ in range(3)]
    await host.come(server.link(room, "host"), "Ruth")
    await first.come(server.link(room), "Ana")
    await host.let_in("Ana")
    await host.watches("Ana")
    await second.come(server.link(room), "Kim")
    await host.let_in("Kim")
    await host.reads("When somebody leaves, the next one can be let in")
    await expect(host.button("Let Kim in")).to_be_visible()
    await first.press("Leave")
    await host.let_in("Kim")
    await second.sees("room")


async def test_a_guest_can_leave_the_waiting_page(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "Ana")
    await expect(host.button("Let Ana in")).to_be_visible()
    await guest.press("Leave")
    await guest.reads("You have left the session")
    await expect(host.button("Let Ana in")).to_have_count(0)


async def test_a_locked_room_says_so(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await host.press("People")
    await host.page.get_by_role("switch", name="Lock the session").click()
    await expect(host.page.locator("#lock-mark")).to_be_visible()
    await guest.come(server.link(room), "Ana")
    await guest.reads("This session is locked")
    await host.page.get_by_role("switch", name="Lock the session").click()
    await expect(host.page.locator("#lock-mark")).to_be_hidden()
    await guest.press("Try again")
    await guest.press("Ask to join")
    await guest.sees("waiting")


async def test_an_expired_link_says_so(person, server, room):
    guest = await person()
    link = server.link(room, lifetime=-3600)
    await guest.open(link)
    await guest.reads("This link seems to have expired")  # before they type a name in vain
    await guest.come(link, "Ana")
    await guest.reads("This link has expired")


async def test_another_link_in_the_same_tab_leads_in_as_another_person(person, server, room):
    host, tablet = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await tablet.open(server.link(room, name="Sam"))
    await tablet.press("Ask to join")
    await host.let_in("Sam")
    await tablet.sees("room")
    await tablet.open(server.url)  # Sam's place is kept
    await tablet.open(server.link(room, name="Kim"))
    await expect(tablet.page.get_by_label("Your name")).to_have_value("Kim")
    await tablet.press("Ask to join")
    await host.let_in("Kim")
    await tablet.sees("room")
    await tablet.page.evaluate("link => location.assign(link)", server.link(room, name="Lou"))
    await expect(tablet.page.get_by_label("Your name")).to_have_value("Lou")
    await expect(host.tile("Kim")).to_have_count(0)  # not "Reconnecting" for minutes


async def test_a_broken_link_says_so(person, server, room):
    guest = await person()
    await guest.come(server.link(room)[:-8], "Ana")
    await guest.reads("This link does not work")


async def test_a_link_signed_by_somebody_else_says_so(person, server, room):
    forged = Tokens(b"another secret that this server does not know")
    guest = await person()
    token = forged.link(room, "host", lifetime=3600, now=4e9)
    await guest.come(f"{server.url}/r/{room}#{token}", "Ana")
    await guest.reads("This link does not work")


async def test_a_link_without_its_token_says_so(person, server, room):
    guest = await (await person()).open(f"{server.url}/r/{room}")
    await guest.reads("This link is not complete")


async def test_whoever_refuses_camera_and_microphone_reads_how_to_allow_them_and_can_still_join(
    person, server, room
):
    host, guest = await person(), await person(permissions=())
    await host.come(server.link(room, "host"), "Ruth")
    await guest.open(server.link(room))
    await guest.reads("Camera and microphone are blocked")
    await guest.reads("allow camera and microphone there")
    await guest.reads("your system may block camera and microphone: look in its privacy settings")
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.press("Ask to join")
    await host.let_in("Ana")
    await guest.sees("room")
    await guest.watches("Ruth")
    await guest.hears()
    await expect(host.page.get_by_role("group", name="Ana, microphone off, camera off")).to_be_visible()


async def test_whoever_allows_them_afterwards_sees_themselves(person, server, room):
    guest = await person(permissions=())
    await guest.open(server.link(room))
    await guest.reads("Camera and microphone are blocked")
    await guest.page.context.grant_permissions(["camera", "microphone"])
    await guest.press("Try again")
    await expect(guest.page.locator("#preview-video")).to_be_visible()
    await expect(guest.page.locator("#preview-problems")).to_be_empty()


async def test_without_a_camera_one_joins_with_sound_only(person, server, room):
    host, guest = await person(), await person(permissions=("microphone",))
    await host.come(server.link(room, "host"), "Ruth")
    await guest.open(server.link(room))
    await guest.reads("The camera is blocked")
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.press("Ask to join")
    await host.let_in("Ana")
    await guest.sees("room")
    await host.hears()
    await expect(host.page.get_by_role("group", name="Ana, camera off")).to_be_visible()


async def test_a_camera_that_is_switched_off_before_it_has_started_stays_off(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    # A slow camera, or a person who thinks before they allow it.
    await guest.page.add_init_script(
        """const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        let answer;
        const answered = new Promise((resolve) => (answer = resolve));
        window.allow = answer;
        navigator.mediaDevices.getUserMedia = (wanted) => answered.then(() => ask(wanted));"""
    )
    await guest.open(server.link(room))
    await expect(guest.button("Camera")).to_have_attribute("aria-busy", "true")
    await guest.press("Camera")
    await guest.press("Microphone")
    await guest.press("Microphone")
    await expect(guest.button("Camera")).to_have_attribute("aria-pressed", "false")
    await guest.page.evaluate("allow()")
    await expect(guest.button("Camera")).to_have_attribute("aria-busy", "false")
    await expect(guest.page.locator("#preview-video")).to_be_hidden()
    await guest.page.get_by_label("Your name").fill("Ana")
    await guest.press("Ask to join")
    await host.let_in("Ana")
    await host.hears()
    await expect(host.page.get_by_role("group", name="Ana, camera off", exact=True)).to_be_visible()
