"""What went wrong, for whoever can do something about it."""

from __future__ import annotations


class MediaError(Exception):
    """A user's or an operator's mistake. `code` is stable and made for programs;
    `message` is plain words that say what to do, and may be shown."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
