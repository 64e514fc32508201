"""Who is in which slot of a receiver's connection, and whose picture comes first where not all fit.

Seats are stable: whoever has one keeps it as long as they send, because moving a person to another slot makes
the picture jump. Newcomers take the first free slot; when there is none, the caller learns how many are
missing and asks the page for more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from server.messages import MAX_SLOTS


@dataclass(frozen=True, slots=True)
class Place:
    """One thing to show: a person (microphone and camera together) or the screen that they share."""

    participant: str
    source: Literal["camera", "screen"]


class Claim(IntEnum):
    """Why a picture goes before others, the strongest first."""

    PINNED = 0  # by the receiver
    SPEAKS = 1  # has had the floor for longest
    FLOOR = 2
    SCREEN = 3
    SEAT = 4
    NONE = 5  # nobody sits there


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


def claims(seats: Sequence[Place | None], floor: Sequence[str], pinned: Collection[int] = ()) -> list[Claim]:
    """By slot. `floor`: in the order in which it was taken; `pinned`: slots that the receiver has pinned."""
    seated = {place.participant for place in seats if place is not None and place.source == "camera"}
    leads = next((name for name in floor if name in seated), None)

    def claim(slot: int, place: Place | None) -> Claim:
        if place is None:
            return Claim.NONE
        if slot in pinned:
            return Claim.PINNED
        if place.source == "screen":
            return Claim.SCREEN
        if place.participant == leads:
            return Claim.SPEAKS
        return Claim.FLOOR if place.participant in floor else Claim.SEAT

    return [claim(slot, place) for slot, place in enumerate(seats)]


def rank(seats: Sequence[Place | None], floor: Sequence[str], claims: Sequence[Claim]) -> list[int]:
    """The slots, most important first: by their claims, those who have the floor as they took it, the others
    as they sit."""

    def order(slot: int) -> tuple[int, int]:
        place = seats[slot]
        if place is not None and claims[slot] is Claim.FLOOR:
            return Claim.FLOOR, floor.index(place.participant)
        return claims[slot], slot

    return sorted(range(len(seats)), key=order)
