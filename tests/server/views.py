"""What a page sees of the people in its room."""

from __future__ import annotations

from tests.server.fakes import Page


def names(page: Page) -> list[str]:
    return [person.name for person in page.last("room").participants]
