"""Debian's Chromium, headless, with fake devices."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

from playwright.async_api import Browser, async_playwright

from benchmarks.chromium import HEADLESS

FAKE_DEVICES = "--use-fake-device-for-media-stream=fps=15"  # half the encoder's work of the usual 30


async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    assert program, "Chromium is missing: run `make browser`, which installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=[*HEADLESS, FAKE_DEVICES, *arguments]
        )
        yield browser
        await browser.close()
