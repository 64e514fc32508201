"""Who is told what of a room, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from server import messages
from server.admission import Admission
from server.bucket import TokenBucket
from server.participant import Participant, State

PER_SECOND = 2.0  # what hosts are told of the door at once; of more, the next tick tells
BURST = 20

Effect: TypeAlias = tuple[int, messages.ToPage]  # number of the connection, message; after a Bye it closes
Effects: TypeAlias = list[Effect]


class News:
    """The state of the room for everybody: hosts also see who waits, those who wait only whether a host is
    there and the room locked."""

    def __init__(self, people: Mapping[str, Participant], admission: Admission) -> None:
        self._people = people
        self._admission = admission
        self._told_at_the_door = (False, False)  # locked, host present
        self._of_the_door = TokenBucket(PER_SECOND, BURST, now=0.0)
        self._hosts_are_behind = False  # on what happened at the door

    @property
    def host_present(self) -> bool:
        return any(host.connection is not None for host in self._hosts())

    def of(self, person: Participant, *, now: float) -> Effects:
        """What became of somebody, to everybody who may know. Of the door that is the hosts alone, and not
        as often as somebody with a link may knock and go."""
        if person.state is State.ADMITTED:
            return self.to_all(now=now)
        told = self._tell([person], now=now) if person.id in self._people else []
        self._hosts_are_behind = not self._of_the_door.take(now=now)
        return told if self._hosts_are_behind else [*told, *self._tell(self._hosts(), now=now)]

    def to_all(self, *, now: float) -> Effects:
        """To everybody in the room, and to those at the door where theirs has changed: they don't learn how
        often something happens inside."""
        at_the_door = (self._admission.locked, self.host_present)
        audience = self._people.values() if at_the_door != self._told_at_the_door else self._admitted()
        self._told_at_the_door = at_the_door
        self._hosts_are_behind = False
        return self._tell(audience, now=now)

    def overdue(self, *, now: float) -> Effects:
        """To hosts, what they have not been told of the door."""
        if not self._hosts_are_behind:
            return []
        self._hosts_are_behind = False
        return self._tell(self._hosts(), now=now)

    def _tell(self, audience: Iterable[Participant], *, now: float) -> Effects:
        people = tuple(person.view(now=now) for person in self._admitted())
        waiting = tuple(
            messages.Waiting(
                id=person.id,
                name=person.name,
                since=round(now - person.knocked_at, 1),
                connected=person.connection is not None,
            )
            for person in self._people.values()
            if person.state is State.WAITING
        )
        locked, present = self._admission.locked, self.host_present
        for_guests = messages.RoomState(locked=locked, host_present=present, participants=people)
        for_waiting = messages.RoomState(locked=locked, host_present=present, participants=())
        for_hosts = messages.RoomState(
            locked=locked, host_present=present, participants=people, waiting=waiting
        )
        effects: Effects = []
        for person in audience:
            if person.connection is None:
                continue
            if person.state is State.WAITING:
                effects.append((person.connection, for_waiting))
            else:
                effects.append((person.connection, for_hosts if person.moderates else for_guests))
        return effects

    def _admitted(self) -> list[Participant]:
        return [person for person in self._people.values() if person.state is State.ADMITTED]

    def _hosts(self) -> list[Participant]:
        return [person for person in self._people.values() if person.moderates]
