"""Who may come into a room, and who has to knock.

Rules
 1. A token that may "join" enters at once; others knock and wait until a host admits them.
 2. While the room is locked, nobody new knocks or enters, except a host.
 3. One identity has one place: joining again with it takes the place over. So has one tab that comes by one
    link, whether or not it heard that it has a place. What the newer link allows counts, for getting in from
    the door too.
 4. Whoever is removed has to knock from then on even with a token that may join, unless a host who stays
    holds the same one.
"""

from __future__ import annotations

from collections.abc import Collection

from server.auth import LinkClaims, TokenError
from server.participant import Kind, Participant, State
from server.words import Refusal

MAX_MUST_KNOCK = 1000  # removed links remembered; past that everybody has to knock

People = Collection[Participant]


class Admission:
    """The door of one room. `places` are for those inside, `waiting` for those before it. `people` are, each
    time, all of both."""

    def __init__(self, places: int, waiting: int) -> None:
        self.locked = False
        self._places = places
        self._waiting = waiting
        self._must_knock: set[str] = set()

    def holder(self, claims: LinkClaims, kind: Kind, tab: str | None, people: People) -> Participant | None:
        """Who has the place already: the same identity, or the same tab, which lost the socket before it got
        its welcome and says hello again."""
        for person in people:
            if person.claims.key != claims.key or person.kind != kind:
                continue
            if claims.sub is not None or (tab is not None and person.tab == tab):
                return person
        return None

    def state_for(
        self, claims: LinkClaims, kind: Kind, people: People, holder: Participant | None = None
    ) -> State:
        """Where whoever comes with these claims belongs, the `holder` of a place or somebody new. Raises
        Refusal."""
        trusted = len(self._must_knock) < MAX_MUST_KNOCK and claims.key not in self._must_knock
        enters = claims.allows("join") and trusted
        if not enters and (kind != "page" or not (claims.allows("knock") or claims.allows("join"))):
            raise TokenError("token-forbidden")
        if holder is not None and holder.state is State.ADMITTED:
            return State.ADMITTED
        obstacle = self._obstacle(claims, enters, people)
        if obstacle is None:
            return State.ADMITTED if enters else State.WAITING
        if holder is not None:
            return State.WAITING  # the place that they have nothing takes from them
        raise Refusal(obstacle)

    def has_room_for(self, claims: LinkClaims, people: People) -> bool:
        """One place is kept for a host, so that guests can't shut the host out."""
        host_here = any(person.moderates for person in people)
        kept = 0 if host_here or claims.allows("moderate") else 1
        return _count(people, State.ADMITTED) < self._places - kept

    def make_knock(self, removed: Participant, people: People) -> None:
        """From now on whoever comes with their link has to knock, unless a host is here by it: they would be
        shut out as well."""
        key = removed.claims.key
        if not any(p.moderates and p.claims.key == key for p in people if p is not removed):
            self._must_knock.add(key)

    def _obstacle(self, claims: LinkClaims, enters: bool, people: People) -> str | None:
        if self.locked and not (enters and claims.allows("moderate")):
            return "locked"
        if enters:
            return None if self.has_room_for(claims, people) else "room-full"
        return None if _count(people, State.WAITING) < self._waiting else "waiting-full"


def _count(people: People, state: State) -> int:
    return sum(person.state is state for person in people)
