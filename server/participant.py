"""One person in a room, as the rules see them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from server import messages
from server.auth import LinkClaims, Permission
from server.messages import MAX_NAME, Chat

Kind = Literal["page", "sender", "viewer"]
Presence = Literal["connecting", "connected", "reconnecting"]

MAX_HELD_CHAT = 100  # messages kept for somebody who may have missed them
UNMUTE_GUARD = 2.0  # seconds in which "microphone on" may have crossed the host's mute on the way


class State(Enum):
    """Waiting at the door, or let in. Whoever is gone is in no list."""

    WAITING = "waiting"
    ADMITTED = "admitted"


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the media side knows: is there a connection that works, and which sources really arrive, or would
    if they had been ordered."""

    connected: bool = False
    flowing: frozenset[str] = frozenset()  # of "microphone", "camera", "screen"


class Participant:
    """State of one person. `connection` is the number of their WebSocket, None while there is none."""

    def __init__(
        self, id: str, name: str, kind: Kind, claims: LinkClaims, state: State, *, now: float
    ) -> None:
        self.id = id
        self.name = name
        self.kind = kind
        self.claims = claims
        self.state = state
        self.connection: int | None = None
        self.tab: str | None = None  # that holds the place
        self.knocked_at = now
        self.away_since: float | None = None  # neither signalling nor media
        self.lost_since: float | None = None  # others can neither see nor hear them, and could before
        self.facts = MediaFacts()
        self.was_connected = False
        self.wants = {"microphone": True, "camera": True, "screen": False}
        self.muted_at: float | None = None  # by the host
        self._obeyed = False  # the page said "microphone off" since it was muted
        self._held_chat: list[Chat] = []
        self._confirmed = 0  # how many of _held_chat the next ping confirms

    def allows(self, permission: Permission) -> bool:
        return self.claims.allows(permission)

    @property
    def moderates(self) -> bool:
        return self.state is State.ADMITTED and self.kind == "page" and self.allows("moderate")

    @property
    def muted(self) -> bool:
        return self.muted_at is not None

    @property
    def presence(self) -> Presence:
        if self.kind == "page" and self.connection is None:
            return "reconnecting"
        if self.facts.connected:
            return "connected"
        return "reconnecting" if self.was_connected else "connecting"

    def holds_back(self, source: str) -> bool:
        """Is it switched off, by themselves or by the host, or does their link not allow it (any more)? The
        relay then forwards nothing of it, whatever the page sends."""
        allowed = self.allows("screen" if source == "screen" else "publish")
        return not allowed or not self.wants[source] or (source == "microphone" and self.muted)

    def sends(self, source: str) -> bool:
        """Does this source really flow, and is it meant to?"""
        return source in self.facts.flowing and not self.holds_back(source)

    def view(self, *, now: float) -> messages.Participant:
        return messages.Participant(
            id=self.id,
            name=self.name,
            role=self.claims.role,
            microphone=self.sends("microphone"),
            camera=self.sends("camera"),
            screen=self.sends("screen"),
            connection=self.presence,
            lost=None if self.lost_since is None else round(now - self.lost_since, 1),
            kind=self.kind,
        )

    def mute(self, *, now: float) -> None:
        self.muted_at = now
        self._obeyed = False

    def want(self, media: messages.Media, *, now: float) -> None:
        """Take the page's three switches. A muted microphone opens again by the person's own switch, but not
        by a message that was under way when the host muted."""
        self.wants = {"microphone": media.microphone, "camera": media.camera, "screen": media.screen}
        if self.muted_at is None:
            return
        if not media.microphone:
            self._obeyed = True
        elif self._obeyed or now - self.muted_at >= UNMUTE_GUARD:
            self.muted_at = None

    def hold(self, chat: Chat) -> None:
        """Keep a chat message until it is known to have arrived."""
        self._held_chat.append(chat)
        if len(self._held_chat) > MAX_HELD_CHAT:
            self._held_chat.pop(0)
            self._confirmed = max(0, self._confirmed - 1)

    def confirm(self) -> None:
        """A ping came. It followed the pong before it, so what was sent before that pong has arrived."""
        del self._held_chat[: self._confirmed]
        self._confirmed = len(self._held_chat)

    @property
    def held_chat(self) -> tuple[Chat, ...]:
        """What may not have arrived."""
        return tuple(self._held_chat)

    def resend_chat(self) -> tuple[Chat, ...]:
        """What goes out again on a new connection, whose pings alone confirm it. The page drops repeats."""
        self._confirmed = 0
        return self.held_chat

    def note_presence(self, *, now: float) -> None:
        """Start or stop the lease, which runs while there is neither signalling nor media, and the time that
        the others read."""
        self.was_connected = self.was_connected or self.facts.connected
        if self.connection is not None or self.facts.connected:
            self.away_since = None
        elif self.away_since is None:
            self.away_since = now
        if self.facts.connected or self.presence != "reconnecting":
            self.lost_since = None
        elif self.lost_since is None:
            self.lost_since = now


def clean_name(name: str | None, role: messages.Role, kind: Kind = "page") -> str:
    """A name fit to be shown: one line, no control or direction characters, never empty."""
    text = unicodedata.normalize("NFC", name or "")
    text = "".join(" " if character.isspace() else character for character in text)
    # Cc control, Cf format (direction overrides, zero width), Cs surrogate, Co private use, Cn unassigned
    text = "".join(
        character for character in text if unicodedata.category(character)[0] != "C" or character in _JOINERS
    )
    text = " ".join(text.split())[:MAX_NAME].strip("\u200c\u200d ")
    return text or {"sender": "Stream", "viewer": "Viewer", "page": role.capitalize()}[kind]


_JOINERS = "\u200c\u200d"  # scripts such as Persian and Hindi need them within words
