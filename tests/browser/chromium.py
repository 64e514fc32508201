"""Debian's Chromium, headless, with fake devices."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

from playwright.async_api import Browser, async_playwright

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream=fps=15",  # half the encoder's work of the usual 30
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Several people in one browser: none of their pages may be slowed down for being in the background.
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
)


async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    assert program, "Chromium is missing: run `make browser`, which installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*ARGUMENTS, *arguments])
        yield browser
        await browser.close()
