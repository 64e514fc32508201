"""One room at work: its rules (Room), its media (Stage) and the connections between them and people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from media.errors import MediaError
from media.sfu import Sfu
from server import messages
from server.auth import LinkClaims
from server.conditions import Link, Missed, conditions
from server.links import heard, links
from server.listening import Listening
from server.messages import FromPage, ToPage
from server.news import Effects
from server.participant import Kind, Participant, State
from server.room import Credentials, Room, RoomLimits
from server.speaking import ActiveSpeakers, Floor
from server.stage import Stage

ABOUT_MEDIA = (messages.Offer, messages.Wish, messages.Prefer, messages.Heard)
MOVES_NO_MEDIA = (messages.Ping, messages.ChatSend)

# What one person's conditions follow from: links, what others missed of them, whether they moderate.
_Grounds: TypeAlias = tuple[Mapping[str, Link], tuple[float, tuple[str, ...]], bool]


class Connection(Protocol):
    """The server's end of one WebSocket. It closes itself after a Bye."""

    number: int

    def send(self, message: ToPage) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rooms need of the process. `clock` is monotonic and times everything but tokens and chat. They are
    read elsewhere too, and have the time of day: `wall`, seconds since 1970, which may be set at any moment.
    `soon` runs a function after the current one is done."""

    sfu: Sfu
    clock: Callable[[], float]
    wall: Callable[[], float]
    soon: Callable[[Callable[[], None]], object]
    credentials: Callable[[Room, Participant], Credentials]
    limits: RoomLimits
    listening: Listening = field(default_factory=Listening)
    full: Counter[str] = field(default_factory=Counter)  # who found no place, by the setting that says so


class LiveRoom:
    """Carries messages from connections to the rules, and what the rules answer to connections and media."""

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self._around = surroundings
        self.room = Room(
            name,
            surroundings.limits,
            lambda person: surroundings.credentials(self.room, person),
            wall=surroundings.wall,
        )
        self.stage = Stage(surroundings.sfu, self._arrange_soon)
        self._connections: dict[int, Connection] = {}
        self._speakers = ActiveSpeakers()
        self._speaking: tuple[str, ...] = ()
        self._floor = Floor()
        self._missed = Missed()
        self._conditions: dict[str, messages.Conditions] = {}  # as told
        self._grounds: dict[str, _Grounds] = {}  # what that was made of
        self._links: dict[str, Link] = {}
        self._arranging = False

    @property
    def conditions(self) -> Mapping[str, messages.Conditions]:
        """What everybody was last told of how they are reached, by participant."""
        return self._conditions

    # --- pages ----------------------------------------------------------------------------------------------

    def join(
        self, claims: LinkClaims, name: str | None, connection: Connection, *, tab: str | None = None
    ) -> str:
        """Knock or enter. Returns the participant's id. Raises Refusal."""
        self._connections[connection.number] = connection
        try:
            person, effects = self.room.join(claims, name, connection.number, tab=tab, now=self._now())
        except Exception:
            del self._connections[connection.number]
            raise
        self._apply(effects)
        return person.id

    def resume(self, participant: str, connection: Connection, *, tab: str | None = None) -> None:
        """Come back. Raises Refusal."""
        self._connections[connection.number] = connection
        try:
            effects = self.room.resume(participant, connection.number, tab=tab, now=self._now())
        except Exception:
            del self._connections[connection.number]
            raise
        self._apply(effects)

    def give_up(self, participant: str, *, tab: str | None) -> None:
        """A page that was left without a connection says so on another one."""
        self._apply(self.room.give_up(participant, tab=tab, now=self._now()))

    def receive(self, participant: str, message: FromPage, connection: Connection) -> None:
        """A message of a page. What comes from a connection that was taken over is ignored."""
        person = self.room.participants.get(participant)
        if person is None or person.connection != connection.number:
            return
        if not isinstance(message, ABOUT_MEDIA):
            at_the_door = person.state is State.WAITING
            self._send_all(self.room.receive(participant, message, now=self._now()))
            if not at_the_door and not isinstance(message, MOVES_NO_MEDIA):
                self._arrange_soon()
            return
        refusal = self.room.refusal(participant, message)
        if refusal is not None:
            connection.send(refusal)
            return
        match message:
            case messages.Offer():
                self._offer(participant, message, connection)
            case messages.Wish():
                self.stage.wish(participant, message)
            case messages.Prefer():
                self.stage.prefer(participant, message)
            case messages.Heard():
                self._heard(participant, message)

    def disconnect(self, connection: Connection) -> None:
        if self._connections.pop(connection.number, None) is not None:
            self._apply(self.room.disconnect(connection.number, now=self._now()))

    def _offer(self, participant: str, offer: messages.Offer, connection: Connection) -> None:
        try:
            with self._counting_full():
                sdp = self.stage.offer(
                    participant,
                    offer.connection,
                    offer.sdp,
                    offer.sources,
                    takes_repeats=offer.repeats,
                )
        except MediaError as error:
            connection.send(messages.Error(code=error.code, message=error.message, about="offer"))
        else:
            connection.send(messages.Answer(connection=offer.connection, sdp=sdp))

    def _heard(self, participant: str, report: messages.Heard) -> None:
        self._around.listening.heard(report)
        for speaker, missed_ms, total_ms in heard(self.stage.performers, participant, report):
            self._around.listening.missed(missed_ms, total_ms)
            self._missed.report(participant, speaker, missed_ms / 1000, now=self._now())

    @contextmanager
    def _counting_full(self) -> Iterator[None]:
        try:
            yield
        except MediaError as error:
            self._around.full["max_peers"] += error.code == "server-full"
            raise

    # --- standard clients -----------------------------------------------------------------------------------

    def connect_client(
        self,
        claims: LinkClaims,
        kind: Kind,
        sdp: str,
        *,
        watches: str | None = None,
    ) -> tuple[str, str]:
        """A WHIP or WHEP session: participant and answer at once. Raises Refusal or MediaError."""
        person, effects = self.room.join(claims, None, None, kind=kind, now=self._now())
        try:
            if kind == "viewer":
                self.stage.watch(person.id, watches)
            sources: dict[str, messages.Source] | None = {} if kind == "viewer" else None
            with self._counting_full():
                answer = self.stage.offer(person.id, self.room.new_id(), sdp, sources, takes_orders=False)
        except Exception:
            if not self.stage.has_connection(person.id):
                effects += self.room.leave(person.id, now=self._now())
            raise
        finally:
            self._apply(effects)
        return person.id, answer

    def disconnect_client(self, participant: str) -> None:
        self._apply(self.room.leave(participant, now=self._now()))

    def first_sender(self) -> str | None:
        """Whoever came first of those who send sound or a picture."""
        return next((person.id for person in self.room.admitted if self.stage.sends(person.id)), None)

    # --- time -----------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """A few times a second: leases, speakers, and who is reached and how."""
        now = self._now()
        self._apply(self.room.on_timeout(now=now))
        levels = {
            person.id: self.stage.speech_level(person.id)
            for person in self.room.admitted
            if person.sends("microphone")
        }
        speaking = self._speakers.update(levels, now=now)
        if speaking != self._speaking:
            self._speaking = speaking
            message = messages.Speaking(participants=speaking)
            for person in self.room.admitted:
                self._send(person.connection, message)
        floor = self._floor.update(speaking, now=now)
        if floor != self.stage.floor:
            self.stage.floor = floor
            self._arrange_soon()

        if any(self.stage.facts(person) != person.facts for person in self.room.admitted):
            self._arrange_soon()
        self._tell_conditions(now)

    def _tell_conditions(self, now: float) -> None:
        present = links(self.stage.performers, self.room.admitted)
        if present != self._links:
            self._links = present
        self._missed.keep(present)
        before, self._conditions = self._conditions, {}
        for person in self.room.admitted:
            if person.connection is None:
                continue
            grounds = (self._links, self._missed.of(person.id, now=now), person.moderates)
            told = before.get(person.id)
            # A message speaks of everybody: it is made anew only where something has changed.
            if told is None or grounds != self._grounds[person.id]:
                told = conditions(person.id, self._links, grounds[1], apart=person.moderates)
                self._grounds[person.id] = grounds
            self._conditions[person.id] = told
            if told != before.get(person.id):
                self._send(person.connection, told)
        self._grounds = {person: self._grounds[person] for person in self._conditions}

    def close(self, code: str, *, retry: bool = False) -> None:
        """Send everybody away and end their media."""
        self._apply(self.room.close(code, retry=retry))
        self.stage.keep(())

    # --- carrying out ---------------------------------------------------------------------------------------

    def _apply(self, effects: Effects) -> None:
        self._send_all(effects)
        self._arrange_soon()

    def _send_all(self, effects: Effects) -> None:
        for number, message in effects:
            self._send(number, message)
        for number, message in effects:
            if isinstance(message, messages.Welcome) and message.state == "joined":
                self._tell_whole(message.participant, number)

    def _tell_whole(self, participant: str, number: int) -> None:
        """Whoever has just come in, or come back, knows nothing of what is told when it changes."""
        self.stage.tell_again(participant)
        self._conditions.pop(participant, None)
        if self._speaking:
            self._send(number, messages.Speaking(participants=self._speaking))

    def _send(self, number: int | None, message: ToPage) -> None:
        connection = self._connections.get(number) if number is not None else None
        if connection is None:
            return
        if isinstance(message, messages.Bye):
            del self._connections[connection.number]
        connection.send(message)

    def _arrange_soon(self) -> None:
        if not self._arranging:
            self._arranging = True
            self._around.soon(self._arrange)

    def _arrange(self) -> None:
        """Bring rules and media into line: facts to the rules, seats and mutes to media, gone people's peers
        closed."""
        self._arranging = False
        now = self._now()
        effects: Effects = []
        for person in list(self.room.participants.values()):
            if person.kind != "page" and not self.stage.has_connection(person.id):
                effects += self.room.leave(person.id, now=now)
            else:
                effects += self.room.media(person.id, self.stage.facts(person), now=now)
        self.stage.keep(self.room.participants.keys())
        for number, message in effects:
            self._send(number, message)
        for person, seats in self.stage.arrange(self.room.admitted):
            self._send(person.connection, seats)
        for person, sending in self.stage.orders(self.room.admitted):
            self._send(person.connection, sending)

    def _now(self) -> float:
        return self._around.clock()
