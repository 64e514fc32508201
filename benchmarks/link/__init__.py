"""How a call fares in real Chromium behind a bad link."""

from benchmarks.link.command import main

__all__ = ["main"]
