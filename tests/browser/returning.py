"""Whoever is back after their network was away."""

from __future__ import annotations

from playwright.async_api import expect


async def is_back(host, guest):
    """In their place, without a second knock."""
    await guest.watches("Ruth")
    await guest.hears()
    await host.watches("Ana")
    await expect(guest.page.locator("#connection")).to_be_hidden()
    await expect(host.button("Let Ana in")).to_have_count(0)
    await expect(host.tile("Ana")).to_have_count(1)
