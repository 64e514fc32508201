"""The ICE-lite agent of one peer (RFC 8445 section 2.5), without input, output or clock.

It never sends a check. It answers those that carry its credentials, follows the address that the peer
nominates or sends media from, and holds consent for as long as authenticated packets arrive.
"""

from __future__ import annotations

import random
import string
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from media.edge import stun

if TYPE_CHECKING:
    from media.edge.transport import Transport

# (host, port) of IPv4, (host, port, flow, scope) of IPv6, as sockets give it.
Address = tuple[str, int] | tuple[str, int, int, int]

ICE_CHARS: Final = string.ascii_letters + string.digits + "+/"  # RFC 8839 section 5.4
UFRAG_LENGTH: Final = 8  # 48 bits: unique on one port, and nothing that a stranger hits upon
PASSWORD_LENGTH: Final = 24  # 144 bits; RFC 8445 section 5.3 asks for 128

# Seconds without any authenticated packet after which a peer is gone. RFC 7675 allows 30. Chrome checks its
# pair every 2.5 s and gives it up itself after 15 s (libwebrtc p2p/base/p2p_constants.h,
# CONNECTION_WRITE_TIMEOUT), aioice checks every 4-6 s: two checks may be lost, and a lift ride is survived.
CONSENT_TIMEOUT: Final = 15.0
# Seconds that a new peer has for its first check: signalling to a phone on a poor network takes its time.
FIRST_CHECK_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """One generation of our ICE credentials, and the peer's name for itself once its description is known.
    Its password would be for checks of our own, which the lite side does not send."""

    ufrag: str
    pwd: str
    remote_ufrag: str | None = None


class Sender(Protocol):
    """A UDP socket, or one TCP connection."""

    kind: str  # "udp4", "udp6", "tcp"
    batches: bool  # whether `send_run` is of use

    def send(self, header: bytes, rest: bytes, address: Address) -> None:
        """Sends one datagram."""

    def send_run(self, pieces: list[bytes], size: int, address: Address) -> None: ...

    def release(self) -> None:
        """The peer of this path is gone."""


class Path:
    """One way to a peer, over which an authentic packet has come."""

    __slots__ = ("address", "allowance", "key", "sender", "transport")

    def __init__(self, transport: Transport, key: Hashable, address: Address, sender: Sender) -> None:
        self.transport = transport
        self.key = key  # the address for UDP, the connection for TCP
        self.address = address
        self.sender = sender
        self.allowance = 0  # datagrams that it may still bring in this second


class IceAgent:
    """Credentials, consent and the selected path of one peer."""

    def __init__(self, rng: random.Random, *, now: float) -> None:
        self._rng = rng
        self.local = self._fresh()
        self.previous: Credentials | None = None  # valid until the next restart
        self.selected: Path | None = None
        self.last_heard: float | None = None  # when the last authenticated packet came
        self._created = now

    @property
    def expires(self) -> float:
        """When the peer counts as gone unless it is heard before."""
        if self.last_heard is None:
            return self._created + FIRST_CHECK_TIMEOUT
        return self.last_heard + CONSENT_TIMEOUT

    def restart(self) -> None:
        """New local credentials; those of before stay valid, for the peer uses them until the new work."""
        self.previous, self.local = self.local, self._fresh()

    def set_remote(self, ufrag: str) -> None:
        self.local = Credentials(self.local.ufrag, self.local.pwd, ufrag)

    def authenticate(self, request: stun.BindingRequest) -> Credentials | None:
        """The credentials that the request was made with, if it was.

        USERNAME is `ours:theirs` (RFC 8445 section 7.2.2); theirs is checked as soon as it is known, since
        the first checks may overtake the description that tells it.
        """
        local, _, remote = request.username.partition(":")
        for credentials in (self.local, self.previous):
            if credentials is None or credentials.ufrag != local:
                continue
            if credentials.remote_ufrag not in (None, remote):
                return None
            return credentials if request.authentic(credentials.pwd.encode()) else None
        return None

    def answer(self, request: stun.BindingRequest, credentials: Credentials, address: Address) -> bytes:
        """The answer to an authentic request."""
        password = credentials.pwd.encode()
        if request.unknown:
            return stun.error(request, stun.UNKNOWN_ATTRIBUTE, password)
        if request.controlled:
            # The lite side is always controlled (RFC 8445 section 6.1.1): the peer has to change its role.
            return stun.error(request, stun.ROLE_CONFLICT, password)
        return stun.success(request, address[0], address[1], password)

    def on_check(self, request: stun.BindingRequest, path: Path, *, now: float) -> bool:
        """An authentic check came over `path`; True: the path is now the selected one and was not before.

        The first path is taken before it is nominated, so that DTLS can start one round trip earlier.
        """
        self.last_heard = now
        if path is not self.selected and (self.selected is None or request.use_candidate):
            self.selected = path
            return True
        return False

    def _fresh(self) -> Credentials:
        characters = self._rng.choices(ICE_CHARS, k=UFRAG_LENGTH + PASSWORD_LENGTH)
        return Credentials("".join(characters[:UFRAG_LENGTH]), "".join(characters[UFRAG_LENGTH:]))
