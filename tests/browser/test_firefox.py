"""The same page in Firefox, whose WebRTC is another one, beside Chromium."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from media.edge.candidates import announced_addresses
from media.testing.forwarder import Forwarder
from tests.browser.conftest import Invite, Session, meet
from tests.browser.firefox import firefox as start_firefox
from tests.browser.patience import RAMP_MS, eventually
from tests.browser.person import Person
from tests.browser.road import HASTE, goes_by, road_from, server_behind
from tests.browser.scripts import SPEAK
from tests.browser.server import Server

# Pictures of the camera that were encoded, by size.
ENCODED = """async () => {
    const reports = [...(await window.peers.at(-1).getStats()).values()];
    const camera = reports.filter(({type, rid}) => type === "outbound-rtp" && rid);
    return Object.fromEntries(camera.map(({rid, framesEncoded}) => [rid, framesEncoded]));
}"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def firefox() -> AsyncIterator[Browser]:
    async for browser in start_firefox():
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def near(tmp_path: Path) -> AsyncIterator[Server]:
    """A server that is reached at all of the machine's addresses."""
    running = Server(tmp_path)
    await running.start(media=("--media-port", "0"))
    yield running
    await running.stop()
    assert "Traceback" not in running.log, running.log[-4000:]


@pytest_asyncio.fixture(loop_scope="session")
async def mixed(near: Server, firefox: Browser, person: Invite, room: str) -> Session:
    """A host in Chromium and a guest in Firefox who talk."""
    host = await person(home=near)
    guest = await person(using=firefox, permissions=(), home=near)
    await meet(host, guest, near, room)
    await host.watches("Ana")
    await guest.watches("Ruth")
    return Session(host, guest, room)


async def test_both_hear_and_watch_each_other_and_the_camera_can_pause(mixed):
    host, guest = mixed.host, mixed.guest
    await host.hears()
    await guest.hears()
    await guest.press("Camera")
    await expect(host.page.get_by_role("group", name="Ana, camera off")).to_be_visible()
    await guest.press("Microphone")
    await expect(host.page.get_by_role("group", name="Ana, microphone off, camera off")).to_be_visible()
    await guest.press("Camera")
    await guest.press("Microphone")
    await host.watches("Ana")
    await host.hears()


async def encoded(person: Person) -> set[str]:
    """The sizes in which the camera is encoded during the next second."""
    then = await person.page.evaluate(ENCODED)
    await asyncio.sleep(1)
    now = await person.page.evaluate(ENCODED)
    return {rid for rid in now if now[rid] > then.get(rid, 0)}


async def test_firefox_encodes_what_is_of_use_and_no_more(mixed):
    host, guest = mixed.host, mixed.guest
    await eventually(lambda: encoded(guest), lambda sizes: len(sizes) > 1, patience_ms=RAMP_MS)
    await host.press("More")
    save = host.page.get_by_role("switch", name="Save data")
    await save.check()
    await eventually(lambda: encoded(guest), lambda sizes: sizes == {"q"})
    await host.watches("Ana")
    await save.uncheck()
    await eventually(lambda: encoded(guest), lambda sizes: len(sizes) > 1, patience_ms=RAMP_MS)


async def test_a_host_in_firefox_gets_more_places_than_the_first_offer_had(near, firefox, person, room):
    host = await person(using=firefox, permissions=(), home=near)
    await host.come(near.link(room, "host"), "Ruth")
    await host.sees("room")
    for name in ("Ana", "Ben", "Chi"):
        camera = ("camera",) if name == "Chi" else ()
        guest = await person(size=(640, 480), permissions=("microphone", *camera), home=near)
        await guest.come(near.link(room), name)
        await host.let_in(name)
        await guest.watches("Ruth")
    await host.watches("Chi")
    await host.hears()
    assert (await host.statistics())["peers"] == 1


async def test_both_come_back_when_the_server_is_started_anew(mixed, near):
    mixed.host.tolerates |= {"ERR_CONNECTION_REFUSED", "CLOSING or CLOSED"}  # while it is away
    mixed.guest.tolerates.add("establish a connection")
    await near.restart()
    await mixed.host.let_in("Ana")
    await mixed.guest.watches("Ruth")
    await mixed.host.watches("Ana")
    await mixed.host.hears()


@pytest_asyncio.fixture(loop_scope="session")
async def road() -> AsyncIterator[Forwarder]:
    own, *_ = announced_addresses(["0.0.0.0"])
    if ip_address(own).is_loopback:
        pytest.skip("Firefox gathers no loopback addresses, and this machine has no other")
    async with road_from(own) as road:
        yield road


@pytest_asyncio.fixture(loop_scope="session")
async def behind(road: Forwarder, tmp_path: Path) -> AsyncIterator[Server]:
    async with server_behind(road, tmp_path) as server:
        yield server


async def test_speech_survives_a_road_that_loses_a_fifth(behind, road, firefox, person, room):
    host, guest = await person(home=behind), await person(using=firefox, permissions=(), home=behind)
    await meet(host, guest, behind, room)
    await host.page.evaluate(SPEAK)
    await guest.hears()
    road.loss = 0.2

    def survives(then: dict[str, Any], now: dict[str, Any]) -> bool:
        heard, concealed = (now[of] - then[of] for of in ("samples", "concealed"))
        return heard > 10 * 48_000 and concealed < 0.08 * heard

    await guest.gets(survives, patience_ms=RAMP_MS)


async def test_sound_goes_on_over_tcp_where_udp_dies_and_returns_to_udp(behind, road, firefox, person, room):
    host, guest = await person(home=behind), await person(using=firefox, permissions=(), home=behind)
    await guest.page.add_init_script(HASTE)
    await meet(host, guest, behind, room)
    await guest.hears()
    await host.watches("Ana")

    road.udp = False
    await goes_by(guest, "tcp")
    carried = road.tcp_bytes
    await guest.hears()
    await host.hears()
    await host.watches("Ana")
    assert road.tcp_bytes > carried

    road.udp = True
    await goes_by(guest, "udp")
    carried = road.udp_bytes
    await guest.hears()
    await host.watches("Ana")
    assert road.udp_bytes > carried
