"""One participant's media, as far as it outlives a connection."""

from __future__ import annotations

from dataclasses import dataclass, field

from media.sfu import Peer, Publication
from server import messages
from server.seating import Place, Seating

Mids = tuple[tuple[str | None, str | None], ...]  # (audio, video) of each slot


@dataclass(slots=True)
class Connection:
    """One RTCPeerConnection of a page, or one session of a standard client."""

    name: str
    peer: Peer
    told: tuple[Seating, Mids] | None = None  # who sits on which m-lines, as the last seats message said
    ordered: messages.Sending | None = None  # the last sending message


@dataclass(slots=True)
class Performer:
    """What is kept of a participant's media between two connections."""

    connection: Connection | None = None
    broken: str = ""  # name of the last connection that is over for good
    seats: tuple[Place | None, ...] = ()
    has_camera_place: bool = False  # sent sound or a picture once
    has_screen_place: bool = False
    watches: str | None = None  # a viewer's choice
    prefers: messages.Prefer | None = None
    wishes: messages.Wish | None = None
    spoke: set[str] = field(default_factory=set)  # who did, when it last told how they were heard

    @property
    def peer(self) -> Peer | None:
        return self.connection.peer if self.connection is not None else None

    @property
    def pinned(self) -> set[int]:
        return {tile.slot for tile in self.wishes.tiles if tile.pinned} if self.wishes is not None else set()

    def pass_wishes_on(self) -> None:
        """To the peer that there is, for the slots that it has."""
        peer = self.peer
        if peer is None or self.wishes is None:
            return
        known = {slot.index for slot in peer.slots}
        for tile in self.wishes.tiles:
            if tile.slot in known:
                peer.wish(tile.slot, tile.width, tile.height)

    def pass_preference_on(self) -> None:
        if self.peer is not None and self.prefers is not None:
            self.peer.prefer(sound_only=self.prefers.sound_only, save_data=self.prefers.save_data)

    def order_anew(self, publication: Publication) -> None:
        """A page sends a picture that is switched on whatever was ordered, or nobody would know of it. So
        once it is known of, the page has to be told again, also that nothing of it is to be sent."""
        if self.connection is not None and publication.kind == "video" and publication.live:
            self.connection.ordered = None
