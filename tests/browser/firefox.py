"""Debian's Firefox, headless, with fake devices."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

from playwright.async_api import Browser, async_playwright

PREFERENCES: dict[str, str | float | bool] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,  # nobody is there to click a question away
    "media.peerconnection.ice.obfuscate_host_addresses": False,  # there is no mDNS to look them up
    # It looks for nothing on the network by itself.
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
}


async def firefox() -> AsyncIterator[Browser]:
    """It gathers no loopback addresses: a server has to be reached at one of the machine's own."""
    program = shutil.which("firefox-esr")
    assert program, "Firefox is missing: run `make browser`, which installs it"
    async with async_playwright() as playwright:
        browser = await playwright.firefox.launch(
            executable_path=program,
            channel="moz-firefox",  # as it is, over WebDriver BiDi
            firefox_user_prefs=PREFERENCES,
        )
        yield browser
        await browser.close()
