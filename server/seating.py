"""Who is in which slot of a receiver's connection, and whose picture comes first where not all fit.

Seats are stable: whoever has one keeps it as long as they send, because moving a person to another slot makes
the picture jump. Newcomers take the first free slot; when there is none, the caller learns how many are
missing and asks the page for more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from server.messages import MAX_SLOTS


@dataclass(frozen=True, slots=True)
class Place:
    """One thing to show: a person (microphone and camera together) or the screen that they share."""

    participant: str
    source: Literal["camera", "screen"]


@dataclass(frozen=True, slots=True)
class Seating:
    seats: tuple[Place | None, ...]  # by slot index
    missing: int  # slots that the page should add


def seat(current: Sequence[Place | None], wanted: Sequence[Place], slots: int) -> Seating:
    """Seat `wanted` (most important first, without repeats) in `slots` slots, keeping the seats of
    `current`."""
    seats: list[Place | None] = [place if place in wanted else None for place in current[:slots]]
    seats += [None] * (slots - len(seats))
    standing = [place for place in wanted if place not in seats]
    for index, place in enumerate(seats):
        if place is None and standing:
            seats[index] = standing.pop(0)
    return Seating(tuple(seats), min(len(standing), max(0, MAX_SLOTS - slots)))


def rank(seats: Sequence[Place | None], floor: Sequence[str], pinned: Collection[int] = ()) -> list[int]:
    """The slots, most important first: what the receiver has pinned, who has the floor, shared screens, then
    the others as they sit."""

    def order(slot: int) -> tuple[int, int]:
        place = seats[slot]
        if place is None:
            return 4, slot
        if slot in pinned:
            return 0, slot
        if place.source == "screen":
            return 2, slot
        return (1, floor.index(place.participant)) if place.participant in floor else (3, slot)

    return sorted(range(len(seats)), key=order)
