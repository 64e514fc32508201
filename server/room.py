"""The rules of one room: who may do what, and what becomes of whoever comes and goes.

Pure: an event comes in with `now`, and what has to be sent comes out, as (connection, message) pairs.
Sockets, media and the clock are in server/live.py.

Rules, besides those of the door (server/admission.py)
 1. Nobody who waits hears, sees or reaches the room.
 2. Only a host moderates (admit, decline, mute, remove, lock, end).
 3. Whoever loses the connection keeps their place (role, admission, seat, chat) for the lease. A room without
    its host goes on. An older connection that is taken over is told so.
 4. Whoever is removed can't resume. After the end nobody does; the next visitor opens a new session.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from server import messages
from server.admission import Admission
from server.auth import LinkClaims
from server.messages import MAX_SLOTS, FromPage, bye, error
from server.news import Effects, News
from server.participant import Kind, MediaFacts, Participant, State, clean_name
from server.words import Refusal

STANDARD_CLIENT_LEASE = 30.0  # seconds: RFC 7675 section 5.1, the time in which consent expires
MIN_SLOTS = 2  # the other's camera and their screen

WHILE_WAITING = (messages.Media, messages.Leave, messages.Ping)


@dataclass(frozen=True, slots=True)
class RoomLimits:
    participants: int = 12
    waiting: int = 20
    lease: float = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a welcome hands out."""

    resume: str
    guest_link: str | None = None


class Room:
    """One session of a room, from its first visitor to its last."""

    def __init__(
        self,
        name: str,
        limits: RoomLimits,
        credentials: Callable[[Participant], Credentials],
        *,
        wall: Callable[[], float] = lambda: 0.0,
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(9),
    ) -> None:
        """`wall` is the time of day for chat, seconds since 1970. `credentials` signs what a welcome hands
        out."""
        self.name = name
        self.session = new_id()
        self.participants: dict[str, Participant] = {}  # in the order in which they came
        self.admission = Admission(limits.participants, limits.waiting)
        self.ended = False
        self._limits = limits
        self._credentials = credentials
        self._wall = wall
        self.new_id = new_id
        self._chat_id = 0
        self._news = News(self.participants, self.admission)

    # --- who is here ----------------------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        return not self.participants

    @property
    def admitted(self) -> list[Participant]:
        return [person for person in self.participants.values() if person.state is State.ADMITTED]

    @property
    def waiting(self) -> list[Participant]:
        return [person for person in self.participants.values() if person.state is State.WAITING]

    # --- coming ---------------------------------------------------------------------------------------------

    def join(
        self,
        claims: LinkClaims,
        name: str | None,
        connection: int | None,
        *,
        kind: Kind = "page",
        tab: str | None = None,
        now: float,
    ) -> tuple[Participant, Effects]:
        """Knock or enter with a link. Raises Refusal. Only standard clients (`kind` not "page") have no
        connection."""
        people = self.participants.values()
        person = self.admission.holder(claims, kind, tab, people)
        state = self.admission.state_for(claims, kind, people, person)
        # A name in the token was signed by whoever made it; nobody may come under another one.
        name = clean_name(claims.name or name, claims.role, kind)
        if person is not None:
            if person.state is State.WAITING:
                person.name = name
            person.claims, person.state = claims, state
            return person, self._attach(person, connection, tab, now=now)
        person = Participant(self.new_id(), name, kind, claims, state, now=now)
        self.participants[person.id] = person
        person.connection = connection
        person.tab = tab
        person.note_presence(now=now)
        return person, [*self._welcome(person, resumed=False), *self._news.of(person, now=now)]

    def resume(self, participant: str, connection: int, *, tab: str | None = None, now: float) -> Effects:
        """Come back. Raises Refusal("session-over") where there is nothing to come back to."""
        person = self.participants.get(participant)
        if person is None or person.kind != "page":
            raise Refusal("session-over")
        return self._attach(person, connection, tab, now=now)

    def _attach(self, person: Participant, connection: int | None, tab: str | None, *, now: float) -> Effects:
        effects: Effects = []
        if person.connection is not None and person.connection != connection:
            effects.append((person.connection, bye("moved")))
        person.connection = connection
        person.tab = tab
        person.note_presence(now=now)
        if person.kind != "page":
            person.muted_at = None  # it has no other switch than being started anew
        effects += self._welcome(person, resumed=True)
        if person.muted and connection is not None:
            person.mute(now=now)
            effects.append((connection, messages.Muted()))
        effects += self._news.of(person, now=now)
        if connection is not None:
            effects += [(connection, chat) for chat in person.resend_chat()]
        return effects

    # --- messages from pages --------------------------------------------------------------------------------

    def refusal(self, participant: str, message: FromPage) -> messages.Error | None:
        """Why this message is not allowed now, or None."""
        person = self.participants.get(participant)
        if person is None:
            return error("not-allowed", message.type)
        if person.state is State.WAITING and not isinstance(message, WHILE_WAITING):
            return error("not-admitted", message.type)
        match message:
            case messages.Admit() | messages.Decline() | messages.Mute() | messages.Remove():
                allowed = person.moderates
                if allowed and message.participant not in self.participants:
                    return error("unknown-participant", message.type)
                if allowed and isinstance(message, messages.Remove) and message.participant == participant:
                    return error("not-yourself", message.type)
            case messages.Lock() | messages.End():
                allowed = person.moderates
            case messages.ChatSend():
                allowed = person.allows("chat")
            case messages.Offer():
                allowed = self._may_offer(person, message)
            case messages.Hello():
                allowed = False
            case _:
                allowed = True
        return None if allowed else error("not-allowed", message.type)

    def receive(self, participant: str, message: FromPage, *, now: float) -> Effects:
        """Act on a message. Offers and wishes concern media and change nothing here."""
        person = self.participants.get(participant)
        refused = self.refusal(participant, message)
        if person is None or refused is not None:
            return (
                [(person.connection, refused)] if person and refused and person.connection is not None else []
            )
        match message:
            case messages.Media():
                before = person.view(now=now)
                person.want(message, now=now)
                # Nobody sees the switches of whoever waits.
                unseen = person.state is State.WAITING or person.view(now=now) == before
                return [] if unseen else self._news.to_all(now=now)
            case messages.Ping():
                person.confirm()
                return (
                    [] if person.connection is None else [(person.connection, messages.Pong(id=message.id))]
                )
            case messages.ChatSend():
                return self._chat(person, message.text, now=now)
            case messages.Admit():
                return self._admit(person, self.participants[message.participant], now=now)
            case messages.Decline():
                target = self.participants[message.participant]
                return self._dismiss(target, "declined", now=now) if target.state is State.WAITING else []
            case messages.Mute():
                return self._mute(self.participants[message.participant], now=now)
            case messages.Remove():
                target = self.participants[message.participant]
                self.admission.make_knock(target, self.participants.values())
                return self._dismiss(target, "removed", now=now)
            case messages.Lock():
                self.admission.locked = message.locked
                return self._news.to_all(now=now)
            case messages.End():
                return self.close("ended")
            case messages.Leave():
                return self._dismiss(person, "left", now=now)
        return []

    def _chat(self, sender: Participant, text: str, *, now: float) -> Effects:
        self._chat_id += 1
        chat = messages.Chat(
            participant=sender.id, name=sender.name, text=text, at=self._wall(), id=self._chat_id
        )
        effects: Effects = []
        for person in self.admitted:
            if person.kind == "page":
                person.hold(chat)
                if person.connection is not None:
                    effects.append((person.connection, chat))
        return effects

    def _admit(self, host: Participant, person: Participant, *, now: float) -> Effects:
        if person.state is not State.WAITING:
            return []  # another host was faster
        if not self.admission.has_room_for(person.claims, self.participants.values()):
            return [] if host.connection is None else [(host.connection, error("room-full", "admit"))]
        person.state = State.ADMITTED
        return [*self._welcome(person, resumed=False), *self._news.to_all(now=now)]

    def _mute(self, person: Participant, *, now: float) -> Effects:
        if person.state is not State.ADMITTED:
            return []
        person.mute(now=now)
        told: Effects = [] if person.connection is None else [(person.connection, messages.Muted())]
        return [*told, *self._news.to_all(now=now)]

    # --- going ----------------------------------------------------------------------------------------------

    def disconnect(self, connection: int, *, now: float) -> Effects:
        """A WebSocket closed. Its participant's lease starts, unless another connection took over before."""
        for person in self.participants.values():
            if person.connection == connection:
                person.connection = None
                person.note_presence(now=now)
                return self._news.of(person, now=now)
        return []

    def leave(self, participant: str, *, now: float) -> Effects:
        """A standard client ended its session."""
        person = self.participants.get(participant)
        return self._dismiss(person, "left", now=now) if person else []

    def give_up(self, participant: str, *, tab: str | None, now: float) -> Effects:
        """A page was left while it had no connection, and says so now. A phone may hold the place since: it
        keeps it, and so does whoever can't be told apart from it."""
        person = self.participants.get(participant)
        holds_it = person is not None and tab is not None and person.tab == tab
        return self._dismiss(person, "left", now=now) if person and holds_it else []

    def media(self, participant: str, facts: MediaFacts, *, now: float) -> Effects:
        """The media side's view of one participant changed."""
        person = self.participants.get(participant)
        if person is None or person.facts == facts:
            return []
        before = person.view(now=now)
        person.facts = facts
        person.note_presence(now=now)
        return [] if person.view(now=now) == before else self._news.to_all(now=now)

    def on_timeout(self, *, now: float) -> Effects:
        """Give up the places of those whose lease is over, and tell hosts what they have not been told."""
        over = [person for person in self.participants.values() if self._lease_is_over(person, now)]
        for person in over:
            del self.participants[person.id]
        return self._news.to_all(now=now) if over else self._news.overdue(now=now)

    def close(self, code: str, *, retry: bool = False) -> Effects:
        """Send everybody away."""
        effects: Effects = [
            (person.connection, bye(code, retry=retry))
            for person in self.participants.values()
            if person.connection is not None
        ]
        self.participants.clear()
        self.ended = True
        return effects

    def _lease_is_over(self, person: Participant, now: float) -> bool:
        lease = self._limits.lease if person.kind == "page" else STANDARD_CLIENT_LEASE
        return person.away_since is not None and now - person.away_since >= lease

    def _dismiss(self, person: Participant, code: str, *, now: float) -> Effects:
        del self.participants[person.id]
        told: Effects = [] if person.connection is None else [(person.connection, bye(code))]
        return [*told, *self._news.of(person, now=now)]

    # --- helpers --------------------------------------------------------------------------------------------

    def _welcome(self, person: Participant, *, resumed: bool) -> Effects:
        if person.connection is None:
            return []
        credentials = self._credentials(person)
        welcome = messages.Welcome(
            state="joined" if person.state is State.ADMITTED else "waiting",
            participant=person.id,
            name=person.name,
            role=person.claims.role,
            room=self.name,
            resume=credentials.resume,
            resumed=resumed,
            lease=self._limits.lease,
            may=tuple(permission for permission in person.claims.may if person.allows(permission)),
            guest_link=credentials.guest_link if person.moderates else None,
            slots=self._slots_for(person),
        )
        return [(person.connection, welcome)]

    def _may_offer(self, person: Participant, offer: messages.Offer) -> bool:
        sources = set(offer.sources.values())
        if "screen" in sources and not person.allows("screen"):
            return False
        if sources & {"microphone", "camera"} and not person.allows("publish"):
            return False
        return person.allows("publish") or person.allows("subscribe")

    def _slots_for(self, person: Participant) -> int:
        """What the others send now, and one to spare; who waits is not told how many they are."""
        if person.state is State.WAITING:
            return MIN_SLOTS
        others = [other for other in self.admitted if other is not person]
        return min(
            MAX_SLOTS, max(MIN_SLOTS, 1 + len(others) + sum(other.sends("screen") for other in others))
        )
