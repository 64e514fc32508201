"""Any order of events: the rules of a room hold (hypothesis drives, the invariants watch)."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server import messages
from server.auth import LinkClaims, Permission
from server.messages import ToPage
from server.news import Effects
from server.participant import MAX_HELD_CHAT, MediaFacts, State
from server.room import Credentials, Room, RoomLimits
from server.words import Refusal

LIMITS = RoomLimits(participants=4, waiting=3, lease=300.0)
GUEST: tuple[Permission, ...] = ("knock", "publish", "subscribe", "chat", "screen")
HOST: tuple[Permission, ...] = ("join", "publish", "subscribe", "chat", "screen", "moderate")
LINKS = [
    LinkClaims(room="room", role="host", may=HOST, exp=0, sub="host", jti="1"),
    LinkClaims(room="room", role="host", may=HOST, exp=0, sub="second", jti="2"),
    LinkClaims(room="room", role="guest", may=GUEST, exp=0, jti="shared"),
    LinkClaims(room="room", role="guest", may=GUEST, exp=0, sub="sam", jti="3"),
    LinkClaims(room="room", role="guest", may=("join", "chat"), exp=0, sub="kim", jti="4"),
    LinkClaims(
        room="room", role="guest", may=("join", "moderate", "subscribe"), exp=0, sub="forged", jti="5"
    ),
    LinkClaims(room="room", role="guest", may=("chat",), exp=0, jti="6"),
    LinkClaims(room="room", role="guest", may=("join", "publish"), exp=0, sub="sam", jti="7"),
]
MODERATION = ("admit", "decline", "mute", "remove")


class RoomMachine(RuleBasedStateMachine):
    @initialize()
    def open(self) -> None:
        numbers = iter(range(10**6))
        self.now = 0.0
        self.connections = 0
        self.inbox: dict[int, list[ToPage]] = {}  # of open connections
        self.room = Room(
            "room", LIMITS, lambda person: Credentials("resume"), new_id=lambda: f"id{next(numbers)}"
        )

    # --- what can happen

    @rule(link=st.sampled_from(LINKS), kind=st.sampled_from(["page", "page", "page", "sender", "viewer"]))
    def join(self, link: LinkClaims, kind: Any) -> None:
        self.connections += 1
        connection = self.connections if kind == "page" else None
        was_locked, known = self.room.admission.locked, set(self.room.participants)
        waited = {person.id for person in self.room.waiting}
        if connection is not None:
            self.inbox[connection] = []
        try:
            person, effects = self.room.join(link, "Name", connection, kind=kind, now=self.now)
        except Refusal:
            self.inbox.pop(self.connections, None)
            assert set(self.room.participants) == known
            return
        if person.id not in known or (person.id in waited and person.state is State.ADMITTED):
            assert not was_locked or link.allows("moderate")
            assert link.allows("join") or person.state is State.WAITING
        self.deliver(effects)

    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        participant = self.somebody(data, "gone")
        self.connections += 1
        self.inbox[self.connections] = []
        before = {id: person.state for id, person in self.room.participants.items()}
        try:
            effects = self.room.resume(participant, self.connections, now=self.now)
        except Refusal as refusal:
            assert refusal.code == "session-over"
            del self.inbox[self.connections]
            return
        assert self.room.participants[participant].state is before[participant]
        self.deliver(effects)

    @rule(data=st.data(), seconds=st.sampled_from([0.0, 1.0, 100.0, 300.0]))
    def wait(self, data: st.DataObject, seconds: float) -> None:
        self.now += seconds
        self.deliver(self.room.on_timeout(now=self.now))
        for person in self.room.participants.values():
            assert person.away_since is None or self.now - person.away_since < LIMITS.lease

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        if self.inbox:
            connection = data.draw(st.sampled_from(sorted(self.inbox)))
            del self.inbox[connection]
            before = {id: person.state for id, person in self.room.participants.items()}
            self.deliver(self.room.disconnect(connection, now=self.now))
            assert {id: person.state for id, person in self.room.participants.items()} == before

    @rule(
        data=st.data(),
        connected=st.booleans(),
        flowing=st.frozensets(st.sampled_from(["microphone", "screen"])),
    )
    def media(self, data: st.DataObject, connected: bool, flowing: frozenset[str]) -> None:
        self.deliver(self.room.media(self.somebody(data), MediaFacts(connected, flowing), now=self.now))

    @rule(data=st.data(), kind=st.sampled_from(MODERATION))
    def moderate(self, data: st.DataObject, kind: str) -> None:
        actor, target = self.somebody(data), self.somebody(data, "nobody")
        message = messages.from_page.validate_python({"type": kind, "participant": target})
        self.say(actor, message)

    @rule(data=st.data(), locked=st.booleans())
    def lock(self, data: st.DataObject, locked: bool) -> None:
        self.say(self.somebody(data), messages.Lock(locked=locked))

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.say(self.somebody(data), messages.Leave())

    @rule(data=st.data(), text=st.sampled_from(["hello", "how are you"]))
    def chat(self, data: st.DataObject, text: str) -> None:
        self.say(self.somebody(data), messages.ChatSend(text=text))

    @rule(data=st.data(), on=st.booleans())
    def switch(self, data: st.DataObject, on: bool) -> None:
        self.say(self.somebody(data), messages.Media(microphone=on, camera=on, screen=on))

    @rule(data=st.data())
    def ping(self, data: st.DataObject) -> None:
        self.say(self.somebody(data), messages.Ping(id=1))

    @rule(data=st.data(), sure=st.integers(0, 9))
    def end(self, data: st.DataObject, sure: int) -> None:
        if sure == 0:
            self.say(self.somebody(data), messages.End())

    # --- and what must never happen

    def say(self, actor: str, message: messages.FromPage) -> None:
        person = self.room.participants.get(actor)
        waiting = person is not None and person.state is State.WAITING
        powerless = person is None or not person.moderates
        before = self.public()
        effects = self.room.receive(actor, message, now=self.now)
        others = [
            (connection, sent)
            for connection, sent in effects
            if person is None or connection != person.connection
        ]
        if waiting and not isinstance(message, messages.Leave | messages.Media | messages.Ping):
            assert not others and self.public() == before
        if waiting:
            assert not any(isinstance(sent, messages.Chat) for _, sent in effects)
        if powerless and not isinstance(message, messages.Leave | messages.Media | messages.ChatSend):
            assert self.public() == before
            assert not any(
                isinstance(sent, messages.Bye | messages.Muted | messages.Welcome) for _, sent in effects
            )
        if waiting and isinstance(message, messages.Media):
            assert not effects
        self.deliver(effects)

    def public(self) -> object:
        """What moderation can change."""
        people = {id: (person.state, person.muted) for id, person in self.room.participants.items()}
        return people, self.room.admission.locked, self.room.ended

    def somebody(self, data: st.DataObject, *more: str) -> str:
        return data.draw(st.sampled_from([*self.room.participants, *more, "nobody"]))

    def deliver(self, effects: Effects) -> None:
        for connection, message in effects:
            assert connection in self.inbox, "a message for a connection that is closed"
            self.inbox[connection].append(message)
            if isinstance(message, messages.Bye):
                del self.inbox[connection]

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.room.admitted) <= LIMITS.participants
        assert len(self.room.waiting) <= LIMITS.waiting

    @invariant()
    def everybody_is_in_exactly_one_state(self) -> None:
        people = self.room.participants
        assert len(self.room.admitted) + len(self.room.waiting) == len(people)
        assert all(id == person.id for id, person in people.items())
        connections = [person.connection for person in people.values() if person.connection is not None]
        assert len(connections) == len(set(connections))
        assert sorted(connections) == sorted(self.inbox), "an open connection belongs to somebody who is here"

    @invariant()
    def one_identity_has_one_place(self) -> None:
        keys = [(p.claims.key, p.kind) for p in self.room.participants.values() if p.claims.sub is not None]
        assert len(keys) == len(set(keys))

    @invariant()
    def no_guest_moderates(self) -> None:
        for person in self.room.participants.values():
            assert not person.moderates or (person.claims.role == "host" and person.state is State.ADMITTED)

    @invariant()
    def the_lease_runs_exactly_for_those_who_are_away(self) -> None:
        for person in self.room.participants.values():
            away = person.connection is None and not person.facts.connected
            assert (person.away_since is not None) == away
            lost = person.presence == "reconnecting" and not person.facts.connected
            assert (person.lost_since is not None) == lost

    @invariant()
    def everybody_knows_the_present_state(self) -> None:
        self.deliver(self.room.on_timeout(now=self.now))  # hosts learn of a lively door from the next tick
        for person in self.room.participants.values():
            if person.connection is None:
                continue
            state = next(
                m for m in reversed(self.inbox[person.connection]) if isinstance(m, messages.RoomState)
            )
            host_present = any(p.moderates and p.connection is not None for p in self.room.admitted)
            assert state.locked == self.room.admission.locked and state.host_present == host_present
            if person.state is State.WAITING:
                assert state.participants == () and state.waiting == ()
            else:
                # What was said then of a time since when, says it still.
                now = {other.id: other.view(now=self.now) for other in self.room.admitted}
                assert [p.id for p in state.participants] == list(now)
                for told in state.participants:
                    assert (told.lost is None) == (now[told.id].lost is None)
                    assert told == now[told.id].model_copy(update={"lost": told.lost})
                waiting = {other.id for other in self.room.waiting} if person.moderates else set()
                assert {entry.id for entry in state.waiting} == waiting

    @invariant()
    def chat_is_held_for_the_admitted_and_within_bounds(self) -> None:
        for person in self.room.participants.values():
            held = person.held_chat
            assert len(held) <= MAX_HELD_CHAT
            assert person.state is State.ADMITTED or not held


TestRoomMachine = RoomMachine.TestCase
TestRoomMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
