"""The page as a thing that is delivered: small, self-contained, protected."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from playwright.async_api import expect

STATIC = Path(__file__).resolve().parents[2] / "static"
# Somebody on a hotel's network has to load all of it before a word is said.
MOST_BYTES = 98_000  # as the server sends it (server/assets.py)


def modules() -> set[str]:
    return {f"/static/{path.relative_to(STATIC)}" for path in (STATIC / "js").rglob("*.js")}


def test_the_page_is_small():
    files = [path.read_bytes() for path in STATIC.rglob("*") if path.is_file()]
    assert sum(min(len(file), len(gzip.compress(file))) for file in files) < MOST_BYTES


def test_every_module_is_preloaded_so_that_a_slow_network_is_waited_for_once():
    html = (STATIC / "index.html").read_text()
    preloaded = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', html))
    assert preloaded == modules() - {"/static/js/main.js"}


def test_nothing_is_inline_and_nothing_comes_from_elsewhere():
    html = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=)", html)
    for path in STATIC.rglob("*"):
        if path.suffix in (".html", ".js", ".css", ".svg"):
            outside = re.findall(r"https?://(?!www\.w3\.org/)[\w.-]+", path.read_text())
            assert outside == [], path


def test_every_icon_that_is_used_exists():
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    html = (STATIC / "index.html").read_text()
    used = set(re.findall(r"icons\.svg#([\w-]+)", html))
    for path in (STATIC / "js").rglob("*.js"):
        used |= set(re.findall(r'\bicon\("([\w-]+)"\)', path.read_text()))
    assert used <= sprite


async def test_markup_in_a_name_stays_text(person, server, room):
    host, guest = await person(), await person()
    await host.come(server.link(room, "host"), "Ruth")
    await guest.come(server.link(room), "<img src=x onerror=alert(1)> <b>Ana</b>")
    await host.reads("<img src=x onerror=alert(1)> <b>Ana</b>")
    await expect(host.page.locator("#knocks img, #knocks b")).to_have_count(0)


async def test_no_policy_is_violated_in_a_whole_session(session):
    # The person fixture fails a test whose page complained; this one walks through most of the page.
    host, guest = session.host, session.guest
    await host.watches("Ana")
    for key in ("c", "Escape", "p", "Escape", "?", "Escape", "m", "v", "v"):
        await host.page.keyboard.press(key)
    await host.press("More")
    await host.press("Microphone, camera and speaker")
    await host.press("Play a sound")
    await host.page.keyboard.press("Escape")
    await guest.press("Leave")
    await guest.sees("ended")
