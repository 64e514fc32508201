"""How Debian's Chromium is started, headless and with fake devices, for benchmarks and for tests."""

from __future__ import annotations

HEADLESS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Several people in one browser: none of their pages may be slowed down for being in the background.
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
)
# For benchmarks: devices at full rate, and nobody to click away a question.
UNATTENDED = (*HEADLESS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
