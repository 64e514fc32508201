"""What happens to a peer that the people's side wants to know."""

from __future__ import annotations

from dataclasses import dataclass

from media.publication import Publication
from media.sending import Order


@dataclass(frozen=True, slots=True)
class Connected:
    """DTLS is done: media can flow."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is over for good. `reason`: "consent-lost", "closed-by-peer" or "failed"."""

    reason: str


@dataclass(frozen=True, slots=True)
class PublicationChanged:
    """A publication appeared, went live or silent, or was removed."""

    publication: Publication


@dataclass(frozen=True, slots=True)
class SlotsChanged:
    """The peer has other slots than before: bind again."""


@dataclass(frozen=True, slots=True)
class SendingOrdered:
    """The peer is to send something else than before: tell its page."""

    order: Order


PeerEvent = Connected | Disconnected | PublicationChanged | SlotsChanged | SendingOrdered
