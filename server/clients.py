"""Sessions of standard clients: WHIP (RFC 9725) sends into a room, WHEP (draft-ietf-wish-whep) watches one
participant. Both are participants like everybody: counted, shown to all, and removable by the host.

What HTTP makes of it is in server/whip.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from media import sdp
from media.errors import MediaError
from media.sdp import IceFragment
from media.sfu import carries_all
from server.auth import LinkClaims, Permission, TokenError
from server.bucket import TokenBucket
from server.live import LiveRoom
from server.rooms import Rooms
from server.words import Refusal

STARTS_PER_SECOND, START_BURST = 10.0, 50  # of the whole process; no request costs more than an offer

Protocol = Literal["whip", "whep"]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token was found to be good for."""

    protocol: Protocol
    claims: LinkClaims
    token_digest: bytes


@dataclass(slots=True)
class ClientSession:
    """One session, as its URL names it. `etag` changes with each ICE restart."""

    id: str
    protocol: Protocol
    live: LiveRoom
    participant: str
    token_digest: bytes
    answer: str
    mid: str
    remote_ufrag: str
    etag: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    @property
    def alive(self) -> bool:
        return self.participant in self.live.room.participants


class Clients:
    """All sessions of standard clients in this process."""

    def __init__(self, rooms: Rooms, clock: Callable[[], float]) -> None:
        self._rooms = rooms
        self._clock = clock
        self._starts = TokenBucket(STARTS_PER_SECOND, START_BURST, now=clock())
        self._sessions: dict[str, ClientSession] = {}

    def admit(self, protocol: Protocol, room: str, token: str) -> Grant:
        """May whoever has this token start a session? Raises Refusal or TokenError."""
        needed: Permission = "publish" if protocol == "whip" else "subscribe"
        with self._counting():
            claims = self._rooms.read_link(token, room)
            # Who only knocks is to learn nothing, not even whether somebody sends, and to use nothing up.
            if not (claims.allows("join") and claims.allows(needed)):
                raise TokenError("token-forbidden")
        return Grant(protocol, claims, _digest(token))

    def open(self, grant: Grant, offer: str, *, watches: str | None = None) -> ClientSession:
        """Start a session. Raises Refusal or MediaError."""
        with self._counting():
            return self._open(grant, offer, watches)

    def find(self, protocol: Protocol, room: str, id: str, token: str) -> ClientSession:
        """The session of this URL, for whoever started it. Raises Refusal or TokenError. The token may have
        expired since: it only has to be the same."""
        session = self._sessions.get(id)
        if session is None or session.protocol != protocol or session.live.room.name != room:
            raise Refusal("not-found")
        if not hmac.compare_digest(session.token_digest, _digest(token)):
            raise TokenError("token-forbidden")
        if not session.alive:
            del self._sessions[id]
            raise Refusal("not-found")
        return session

    def close(self, session: ClientSession) -> None:
        self._sessions.pop(session.id, None)
        session.live.disconnect_client(session.participant)
        self._rooms.sweep(session.live)

    def restart_ice(self, session: ClientSession, fragment: IceFragment) -> IceFragment:
        """New ICE credentials in, ours out (RFC 9725 section 4.3.3). Raises MediaError; the session then goes
        on with the old ones."""
        ours = session.live.stage.restart_ice(session.participant, fragment.ufrag, fragment.pwd)
        session.remote_ufrag = fragment.ufrag
        session.etag = secrets.token_urlsafe(9)
        return IceFragment(
            ufrag=ours.ufrag,
            pwd=ours.pwd,
            mid=session.mid,
            candidates=ours.candidates,
            end_of_candidates=True,
            ice_lite=True,
        )

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except Refusal as refusal:
            self._rooms.refused[refusal.code] += 1
            raise

    def _open(self, grant: Grant, offer: str, watches: str | None) -> ClientSession:
        protocol, claims = grant.protocol, grant.claims
        if not self._starts.take(now=self._clock()):
            raise Refusal("too-fast")
        description = sdp.parse(offer)
        _check_offer(description, protocol)
        if protocol == "whip":
            live = self._rooms.open(claims.room)
        else:
            live = self._find_audience_room(claims.room, watches)
        try:
            participant, answer = live.connect_client(
                claims, "sender" if protocol == "whip" else "viewer", offer, watches=watches
            )
        finally:
            self._rooms.sweep(live)
        session = ClientSession(
            id=secrets.token_urlsafe(18),
            protocol=protocol,
            live=live,
            participant=participant,
            token_digest=grant.token_digest,
            answer=answer,
            mid=next((media.mid for media in description.media if not media.rejected), ""),
            remote_ufrag=next((media.ice_ufrag for media in description.media if media.ice_ufrag), ""),
        )
        # A participant has one session: an encoder that starts again with the same identity takes over its
        # place.
        self._sessions = {
            id: other
            for id, other in self._sessions.items()
            if other.alive and other.participant != participant
        }
        self._sessions[session.id] = session
        return session

    def _find_audience_room(self, name: str, watches: str | None) -> LiveRoom:
        live = self._rooms.rooms.get(name)
        if live is None or (watches is None and live.first_sender() is None):
            raise Refusal("no-publisher")
        if watches is not None:
            if watches not in {person.id for person in live.room.admitted}:
                raise Refusal("not-found")
            if not live.stage.sends(watches):
                raise Refusal("no-publisher")
        return live


def trickles(session: ClientSession, fragment: IceFragment) -> bool:
    """Does the fragment only add candidates to the ICE session that there is? We are ICE-lite and need
    none."""
    return fragment.ufrag in ("", session.remote_ufrag)


def _check_offer(description: sdp.SessionDescription, protocol: Protocol) -> None:
    """At most one sound and one picture (RFC 9725 section 4.4.2), in the direction that the protocol is for,
    and all of it in codecs that are carried."""
    for kind in ("audio", "video"):
        lines = [
            media
            for media in description.media
            if media.kind == kind
            and not media.rejected
            and (media.sends if protocol == "whip" else media.receives)
        ]
        if len(lines) > 1:
            raise Refusal("not-acceptable")
    if not any(
        (media.sends if protocol == "whip" else media.receives) and not media.rejected
        for media in description.media
    ):
        raise MediaError("no-media", "The offer has neither sound nor a picture in the right direction.")
    # Better no session than one without its picture (RFC 9725 section 4.4.3). And now, not by the answer: an
    # encoder's running session ends as soon as its next one has joined.
    if not carries_all(description, sends=protocol == "whip"):
        raise Refusal("unsupported-codec")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
