"""All rooms of this process: they open with their first visitor and close after their last."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass

from server.auth import LinkClaims, TokenError, Tokens
from server.live import Connection, LiveRoom, Surroundings
from server.messages import PROTOCOL_VERSION, Hello
from server.words import Refusal

TICK = 0.25  # seconds between looks at leases and speakers

log = logging.getLogger("roomtone")


@dataclass(frozen=True, slots=True)
class Visit:
    """A participant in a room, as a connection holds them."""

    live: LiveRoom
    participant: str


class Rooms:
    """The directory of rooms, and the door to them."""

    def __init__(self, tokens: Tokens, surroundings: Surroundings, *, max_rooms: int) -> None:
        self.rooms: dict[str, LiveRoom] = {}
        self.refused: Counter[str] = Counter()  # by code
        self.listening = surroundings.listening
        self.full = surroundings.full
        self._tokens = tokens
        self._around = surroundings
        self._max_rooms = max_rooms

    def greet(self, hello: Hello, connection: Connection, *, crowded: bool = False) -> Visit:
        """Let a page come back, enter or knock; where the server is `crowded`, come back alone. Raises
        Refusal."""
        try:
            if hello.version != PROTOCOL_VERSION:
                raise Refusal("version")
            visit = self._resume(hello, connection)
            if visit is None and crowded:
                self.full["max_connections"] += 1
                raise Refusal("server-full")
            return visit or self._join(hello, connection)
        except Refusal as refusal:
            self.refused[refusal.code] += 1
            raise

    def give_up(self, hello: Hello) -> None:
        """Let go of the place of a page that was left. Raises Refusal."""
        live, participant = self._place(hello)
        live.give_up(participant, tab=hello.tab)
        self.sweep(live)

    def read_link(self, token: str, room: str | None = None) -> LinkClaims:
        """The claims of a link token. Raises TokenError."""
        return self._tokens.read_link(token, now=self._around.wall(), room=room)

    def open(self, name: str) -> LiveRoom:
        """The room of this name, opened where it is not. Raises Refusal("server-full")."""
        live = self.rooms.get(name)
        if live is not None and not live.room.ended:
            return live
        if live is None and len(self.rooms) >= self._max_rooms:
            self.full["max_rooms"] += 1
            raise Refusal("server-full")
        self.rooms[name] = live = LiveRoom(name, self._around)
        return live

    def sweep(self, live: LiveRoom) -> None:
        """Close a room in which nobody is left."""
        if live.room.empty and self.rooms.get(live.room.name) is live:
            live.close("ended")
            del self.rooms[live.room.name]

    def tick(self) -> None:
        for live in list(self.rooms.values()):
            try:
                live.tick()
                self.sweep(live)
            except Exception:
                # One room's defect must not stop the leases and speakers of all others.
                log.exception("A room's tick failed")

    def close(self, code: str, *, retry: bool = False) -> None:
        for live in list(self.rooms.values()):
            live.close(code, retry=retry)
        self.rooms.clear()

    def _resume(self, hello: Hello, connection: Connection) -> Visit | None:
        """None where the resume token is of no use but the link may be."""
        if not hello.resume:
            return None
        try:
            live, participant = self._place(hello)
            live.resume(participant, connection, tab=hello.tab)
        except Refusal:
            if not hello.token:
                raise
            return None
        return Visit(live, participant)

    def _place(self, hello: Hello) -> tuple[LiveRoom, str]:
        """The room and the participant of a resume token. Raises Refusal."""
        claims = self._tokens.read_resume(hello.resume, now=self._around.wall())
        live = self.rooms.get(claims.room)
        if live is None or live.room.session != claims.session:
            raise Refusal("session-over")
        return live, claims.sub

    def _join(self, hello: Hello, connection: Connection) -> Visit:
        if not hello.token:
            raise TokenError("token-invalid")
        claims = self.read_link(hello.token, hello.room)
        live = self.open(claims.room)
        try:
            return Visit(live, live.join(claims, hello.name, connection, tab=hello.tab))
        finally:
            self.sweep(live)
