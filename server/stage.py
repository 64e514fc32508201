"""The media of one room: whose connection is whose, who is seated in which slot, and what really flows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from media.errors import MediaError
from media.events import Disconnected, PeerEvent, PublicationChanged
from media.sfu import IceParameters, Peer, Publication, Sfu, Slot
from server import messages
from server.links import reaches
from server.participant import MediaFacts, Participant
from server.performer import Connection, Performer
from server.seating import Place, Seating, claims, rank, seat
from server.words import WORDS

VIEWER_TILE = (1920, 1080)  # pixels; a standard client can't say how large it shows the picture


class Stage:
    """Opens and closes peers, binds publications to slots. `on_change` is called when something may have
    changed; it must not act at once (events come out of calls into media), only see to it that `arrange` is
    called soon."""

    def __init__(self, sfu: Sfu, on_change: Callable[[], None]) -> None:
        self._sfu = sfu
        self._on_change = on_change
        self.performers: dict[str, Performer] = {}
        self.floor: Sequence[str] = ()  # whose pictures come first, from the next `arrange` on

    # --- connections ----------------------------------------------------------------------------------------

    def offer(
        self,
        participant: str,
        connection: str,
        sdp: str,
        sources: Mapping[str, messages.Source] | None,
        *,
        takes_orders: bool = True,
        takes_repeats: bool = False,
    ) -> str:
        """Answer an offer: a known `connection` is renegotiated, a new one replaces what was there (a
        reload). Raises MediaError; what was there then stays."""
        performer = self.performers.setdefault(participant, Performer())
        current = performer.connection
        if current is not None and current.name == connection:
            answer = current.peer.accept_offer(sdp, sources)
            current.told = None
            performer.pass_wishes_on()  # there may be more slots
        elif performer.broken == connection:
            raise MediaError("connection-lost", WORDS["connection-lost"])
        else:
            peer = self._sfu.open_peer(
                participant,
                lambda event: self._on_event(participant, connection, event),
                takes_orders=takes_orders,
                takes_repeats=takes_repeats,
                replaces=current.peer if current is not None else None,
            )
            try:
                answer = peer.accept_offer(sdp, sources)
            except Exception:
                peer.close()
                raise
            if current is not None:
                current.peer.close()
            performer.connection = Connection(connection, peer)
            performer.pass_preference_on()
            performer.pass_wishes_on()
        self._on_change()
        return answer

    def restart_ice(self, participant: str, ufrag: str, pwd: str) -> IceParameters:
        """ICE restart of a standard client. Raises MediaError."""
        peer = self._peer(participant)
        if peer is None:
            raise MediaError("connection-lost", WORDS["connection-lost"])
        return peer.restart_ice(ufrag, pwd)

    def watch(self, participant: str, target: str | None) -> None:
        """Let a viewer see `target` alone; None: whoever sends first."""
        self.performers.setdefault(participant, Performer()).watches = target

    def wish(self, participant: str, wish: messages.Wish) -> None:
        """How large the tiles are, and which is pinned. The page says it once, whatever becomes of its
        connection."""
        performer = self.performers.setdefault(participant, Performer())
        pinned_before, performer.wishes = performer.pinned, wish
        performer.pass_wishes_on()
        if performer.pinned != pinned_before:
            self._on_change()

    def prefer(self, participant: str, prefer: messages.Prefer) -> None:
        """Sound alone, or small pictures."""
        performer = self.performers.setdefault(participant, Performer())
        performer.prefers = prefer
        performer.pass_preference_on()

    def orders(self, admitted: Sequence[Participant]) -> list[tuple[Participant, messages.Sending]]:
        """What pages are to send, where they have not been told."""
        news = []
        for participant in admitted:
            performer = self.performers.get(participant.id)
            if performer is None or performer.connection is None or participant.kind != "page":
                continue
            order = performer.connection.peer.order
            sending = messages.Sending(
                camera=order.encodings.get("camera", 0),
                screen=order.encodings.get("screen", 0),
                frame_rate=order.frame_rate,
                thin=order.thin,
            )
            if sending != performer.connection.ordered and (order.encodings or order.thin):
                performer.connection.ordered = sending
                news.append((participant, sending))
        return news

    def tell_again(self, participant: str) -> None:
        """The page may have missed the last seats message."""
        performer = self.performers.get(participant)
        if performer is not None and performer.connection is not None:
            performer.connection.told = performer.connection.ordered = None

    def keep(self, participants: Collection[str]) -> None:
        """Close the connections of everybody else."""
        for name in [name for name in self.performers if name not in participants]:
            peer = self.performers.pop(name).peer
            if peer is not None:
                peer.close()

    # --- facts ----------------------------------------------------------------------------------------------

    @property
    def peers(self) -> int:
        return sum(performer.peer is not None for performer in self.performers.values())

    def has_connection(self, participant: str) -> bool:
        return self._peer(participant) is not None

    def facts(self, participant: Participant) -> MediaFacts:
        peer = self._peer(participant.id)
        if peer is None:
            return MediaFacts()
        obeys = participant.kind == "page"
        flowing = (
            source for source, media in peer.publications.items() if media.live or (obeys and media.held)
        )
        return MediaFacts(reaches(participant, peer), frozenset(flowing))

    def speech_level(self, participant: str) -> float:
        peer = self._peer(participant)
        return 0.0 if peer is None else peer.speech_level

    def sends(self, participant: str) -> bool:
        """Does this participant send sound or a picture?"""
        peer = self._peer(participant)
        return peer is not None and not {"microphone", "camera"}.isdisjoint(peer.publications)

    # --- who sees whom --------------------------------------------------------------------------------------

    def arrange(self, admitted: Sequence[Participant]) -> list[tuple[Participant, messages.Seats]]:
        """Mute, seat and bind as the rules say now. Returns the seats of which pages have to be told."""
        for participant in admitted:
            self._note_sources(participant)
        news: list[tuple[Participant, messages.Seats]] = []
        for participant in admitted:
            performer = self.performers.get(participant.id)
            if performer is None or performer.connection is None:
                continue
            peer = performer.connection.peer
            slots = sorted(peer.slots, key=lambda slot: slot.index)
            seating = self._arrange_one(participant, performer, peer, slots, admitted)
            arranged = seating, tuple((slot.audio_mid, slot.video_mid) for slot in slots)
            if participant.kind == "page" and arranged != performer.connection.told:
                performer.connection.told = arranged
                news.append((participant, _seats_message(slots, seating)))
        return news

    def _note_sources(self, participant: Participant) -> None:
        performer = self.performers.get(participant.id)
        if performer is None:
            return
        # Sound and camera keep their place through a lost connection; a screen has to be shared again.
        performer.has_camera_place = performer.has_camera_place or self.sends(participant.id)
        publications = performer.peer.publications if performer.peer is not None else {}
        for source, publication in publications.items():
            # What all see as off nobody gets, by no mistake either.
            was_muted, publication.muted = publication.muted, participant.holds_back(source)
            if was_muted and not publication.muted:
                performer.order_anew(publication)
        # A screen has its seat from the switch on, not from its first packet: a page sends what is ordered,
        # and what has no seat is not.
        performer.has_screen_place = "screen" in publications and not participant.holds_back("screen")

    def _arrange_one(
        self,
        receiver: Participant,
        performer: Performer,
        peer: Peer,
        slots: Sequence[Slot],
        admitted: Sequence[Participant],
    ) -> Seating:
        seating = seat(performer.seats, self._wanted(receiver, performer, admitted), len(slots))
        performer.seats = seating.seats
        for slot, place in zip(slots, seating.seats, strict=True):
            audio, video = self._publications(place)
            peer.bind(slot.index, audio, video)
            if receiver.kind == "viewer":
                peer.wish(slot.index, *VIEWER_TILE)
        claim = claims(seating.seats, self.floor, performer.pinned)
        peer.rank(rank(seating.seats, self.floor, claim), claim)
        return seating

    def _wanted(
        self, receiver: Participant, performer: Performer, admitted: Sequence[Participant]
    ) -> list[Place]:
        """What this receiver should see: hosts first, then in the order of coming; of a viewer, one
        person."""
        if not receiver.allows("subscribe") or receiver.kind == "sender":
            return []
        others = sorted(
            ((other, self.performers[other.id]) for other in admitted if other.id in self.performers),
            key=lambda pair: not pair[0].moderates,
        )
        others = [(other, media) for other, media in others if other is not receiver]
        cameras = [Place(other.id, "camera") for other, media in others if media.has_camera_place]
        if receiver.kind == "viewer":
            if performer.watches is not None:
                return [place for place in cameras if place.participant == performer.watches]
            return [place for place in cameras if place in performer.seats][:1] or cameras[:1]
        screens = [Place(other.id, "screen") for other, media in others if media.has_screen_place]
        # Everybody is seen and heard, whoever shares a screen.
        return (cameras + screens)[: messages.MAX_SLOTS]

    def _publications(self, place: Place | None) -> tuple[Publication | None, Publication | None]:
        peer = self._peer(place.participant) if place is not None else None
        if peer is None or place is None:
            return None, None
        if place.source == "screen":
            return None, peer.publications.get("screen")
        return peer.publications.get("microphone"), peer.publications.get("camera")

    # --- helpers --------------------------------------------------------------------------------------------

    def _peer(self, participant: str) -> Peer | None:
        performer = self.performers.get(participant)
        return None if performer is None else performer.peer

    def _on_event(self, participant: str, connection: str, event: PeerEvent) -> None:
        performer = self.performers.get(participant)
        if performer is None or performer.connection is None or performer.connection.name != connection:
            return  # of a connection that was replaced, or is only being set up
        if isinstance(event, Disconnected):
            performer.connection.peer.close()
            performer.connection = None
            performer.broken = connection
        elif isinstance(event, PublicationChanged):
            performer.order_anew(event.publication)
        self._on_change()


def _seats_message(slots: Sequence[Slot], seating: Seating) -> messages.Seats:
    seats = tuple(
        messages.Seat(
            slot=slot.index,
            audio_mid=slot.audio_mid,
            video_mid=slot.video_mid,
            participant=place.participant if place else None,
            source=place.source if place else None,
        )
        for slot, place in zip(slots, seating.seats, strict=True)
    )
    return messages.Seats(seats=seats, missing=seating.missing)
