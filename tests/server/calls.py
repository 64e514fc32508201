"""People in a call without media."""

from __future__ import annotations

from tests.server.fakes import FakePeer, House, Page


def in_call(house: House, page: Page, *, connection: str = "first", slots: int = 2) -> FakePeer:
    page.say(type="media", microphone=True, camera=True, screen=False)
    page.offer(connection, slots)
    peer = house.sfu.peer_of(page.id)
    peer.connect()
    peer.flow("microphone")
    peer.flow("camera")
    house.settle()
    return peer


def seated(page: Page) -> list[tuple[str, str] | None]:
    seats = page.last("seats").seats
    return [(seat.participant, seat.source) if seat.participant else None for seat in seats]


def pair(house: House) -> tuple[Page, Page, FakePeer, FakePeer]:
    host = house.host()
    guest = house.guest(host)
    return host, guest, in_call(house, host), in_call(house, guest)
