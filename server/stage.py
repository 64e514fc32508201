"""The media of one room: whose connection is whose, who is seated in which slot, and what really flows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from media.errors import MediaError
from media.events import Disconnected, PeerEvent, PublicationChanged
from media.sfu import IceParameters, Peer, Publication, Sfu, Slot
from server import messages
from server.conditions import Link
from server.participant import MediaFacts, Participant
from server.seating import Place, Seating, claims, rank, seat
from server.words import WORDS

PICTURES: tuple[messages.Picture, ...] = ("motion", "stills", "sound", "off", "unsupported")  # ever less
PAUSED: Collection[messages.Picture] = ("stills", "sound")  # to save the sound
VIEWER_TILE = (1920, 1080)  # pixels; a standard client can't say how large it shows the picture
REPORTED = 1.0  # seconds that a page's report of what it heard is about
JUDGED = 2500  # milliseconds; of silence in a longer report nobody knows whether somebody spoke meanwhile
_Mids = tuple[tuple[str | None, str | None], ...]  # (audio, video) of each slot


@dataclass(slots=True)
class _Connection:
    """One RTCPeerConnection of a page, or one session of a standard client."""

    name: str
    peer: Peer
    told: tuple[Seating, _Mids] | None = None  # who sits on which m-lines, as the last seats message said
    ordered: messages.Sending | None = None  # the last sending message


@dataclass(slots=True)
class _Performer:
    """What is kept of a participant's media between two connections."""

    connection: _Connection | None = None
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


class Stage:
    """Opens and closes peers, binds publications to slots. `on_change` is called when something may have
    changed; it must not act at once (events come out of calls into media), only see to it that `arrange` is
    called soon."""

    def __init__(self, sfu: Sfu, on_change: Callable[[], None]) -> None:
        self._sfu = sfu
        self._on_change = on_change
        self._performers: dict[str, _Performer] = {}
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
    ) -> str:
        """Answer an offer: a known `connection` is renegotiated, a new one replaces what was there (a
        reload). Raises MediaError; what was there then stays."""
        performer = self._performers.setdefault(participant, _Performer())
        current = performer.connection
        if current is not None and current.name == connection:
            answer = current.peer.accept_offer(sdp, sources)
            current.told = None
            self._pass_wishes_on(performer)  # there may be more slots
        elif performer.broken == connection:
            raise MediaError("connection-lost", WORDS["connection-lost"])
        else:
            peer = self._sfu.open_peer(
                participant,
                lambda event: self._on_event(participant, connection, event),
                takes_orders=takes_orders,
                replaces=current.peer if current is not None else None,
            )
            try:
                answer = peer.accept_offer(sdp, sources)
            except Exception:
                peer.close()
                raise
            if current is not None:
                current.peer.close()
            performer.connection = _Connection(connection, peer)
            if performer.prefers is not None:
                self.prefer(participant, performer.prefers)
            self._pass_wishes_on(performer)
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
        self._performers.setdefault(participant, _Performer()).watches = target

    def wish(self, participant: str, wish: messages.Wish) -> None:
        """How large the tiles are, and which is pinned. The page says it once, whatever becomes of its
        connection."""
        performer = self._performers.setdefault(participant, _Performer())
        pinned_before, performer.wishes = performer.pinned, wish
        self._pass_wishes_on(performer)
        if performer.pinned != pinned_before:
            self._on_change()

    def prefer(self, participant: str, prefer: messages.Prefer) -> None:
        """Sound alone, or small pictures."""
        performer = self._performers.setdefault(participant, _Performer())
        performer.prefers = prefer
        if performer.peer is not None:
            performer.peer.prefer(sound_only=prefer.sound_only, save_data=prefer.save_data)

    def heard(self, participant: str, heard: messages.Heard) -> list[tuple[str, int, int]]:
        """(whose sound, milliseconds that this participant missed of it, of how many)."""
        performer = self._performers.get(participant)
        if performer is None or performer.peer is None:
            return []
        for sound in heard.sounds:
            performer.peer.buffered(sound.slot, sound.buffered_ms / 1000)
        places = [(performer.seats[s.slot], s) for s in heard.sounds if s.slot < len(performer.seats)]
        sounds = [(place.participant, sound) for place, sound in places if place is not None]
        spoke_before, performer.spoke = performer.spoke, {who for who, _ in sounds if self._speaks(who)}
        # There is silence too where a microphone is off. It was a loss where somebody spoke all along.
        spoke = spoke_before & performer.spoke
        return [
            (
                who,
                sound.concealed_ms + (sound.silent_ms if who in spoke and sound.total_ms <= JUDGED else 0),
                sound.total_ms,
            )
            for who, sound in sounds
        ]

    def orders(self, admitted: Sequence[Participant]) -> list[tuple[Participant, messages.Sending]]:
        """What pages are to send, where they have not been told."""
        news = []
        for participant in admitted:
            performer = self._performers.get(participant.id)
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

    def links(self, admitted: Sequence[Participant]) -> dict[str, Link]:
        """How everybody is connected, and what they are shown of the others."""
        people = {participant.id: participant for participant in admitted}
        screens = {who: self._shown(who, "screen", people) for who in people}
        least = {who: self._least("motion", sharer, "screen") for who, sharer in people.items()}
        for shown in screens.values():
            for sharer, picture in shown.items():
                if picture in PAUSED and least[sharer] != "off":
                    least[sharer] = max(least[sharer], picture, key=PICTURES.index)
        return {
            who: self._link(person, people, {**screens[who], who: least[who]})
            for who, person in people.items()
        }

    def _link(
        self,
        participant: Participant,
        people: Mapping[str, Participant],
        screens: Mapping[str, messages.Picture],
    ) -> Link:
        performer = self._performers.get(participant.id)
        sound_only = performer is not None and performer.prefers is not None and performer.prefers.sound_only
        if performer is None or performer.peer is None:
            return Link(False, 0, 0, {}, sound_only)
        peer = performer.peer
        pictures = self._shown(participant.id, "camera", people)
        pictures[participant.id] = self._least("motion", participant, "camera")
        reached = self._reaches(participant, peer)
        return Link(reached, peer.uplink, peer.downlink, pictures, sound_only, screens)

    def _shown(
        self, viewer: str, source: messages.Source, people: Mapping[str, Participant]
    ) -> dict[str, messages.Picture]:
        """What a viewer is shown of the others' cameras or screens."""
        performer = self._performers.get(viewer)
        if performer is None or performer.peer is None:
            return {}
        return {
            place.participant: self._least(performer.peer.picture(slot), people[place.participant], source)
            for slot, place in enumerate(performer.seats)
            if place is not None and place.source == source and place.participant in people
        }

    def _least(
        self, picture: messages.Picture, publisher: Participant, source: messages.Source
    ) -> messages.Picture:
        """What is left of a picture behind the uplink that it comes from."""
        peer = self._peer(publisher.id)
        if peer is None or not publisher.sends(source) or picture == "off":
            return "off"
        return max(picture, peer.picture_at_most, key=PICTURES.index)

    def _reaches(self, participant: Participant, peer: Peer) -> bool:
        """Is the participant's connection alive?"""
        if participant.kind != "page":  # what a standard client sends, and how often, is its own affair
            return peer.connected
        camera = participant.wants["camera"] and peer.order.encodings.get("camera", 0) > 0
        return peer.is_reached(sends=camera or (participant.wants["microphone"] and not participant.muted))

    def tell_again(self, participant: str) -> None:
        """The page may have missed the last seats message."""
        performer = self._performers.get(participant)
        if performer is not None and performer.connection is not None:
            performer.connection.told = performer.connection.ordered = None

    def keep(self, participants: Collection[str]) -> None:
        """Close the connections of everybody else."""
        for name in [name for name in self._performers if name not in participants]:
            peer = self._performers.pop(name).peer
            if peer is not None:
                peer.close()

    # --- facts ----------------------------------------------------------------------------------------------

    @property
    def peers(self) -> int:
        return sum(performer.peer is not None for performer in self._performers.values())

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
        return MediaFacts(self._reaches(participant, peer), frozenset(flowing))

    def speech_level(self, participant: str) -> float:
        peer = self._peer(participant)
        return 0.0 if peer is None else peer.speech_level

    def _speaks(self, participant: str) -> bool:
        peer = self._peer(participant)
        return peer is not None and peer.spoke_within(REPORTED)

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
            performer = self._performers.get(participant.id)
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
        performer = self._performers.get(participant.id)
        if performer is None:
            return
        # Sound and camera keep their place through a lost connection; a screen has to be shared again.
        performer.has_camera_place = performer.has_camera_place or self.sends(participant.id)
        publications = performer.peer.publications if performer.peer is not None else {}
        for source, publication in publications.items():
            # What all see as off nobody gets, by no mistake either.
            was_muted, publication.muted = publication.muted, participant.holds_back(source)
            if was_muted and not publication.muted:
                _order_anew(performer, publication)
        # A screen has its seat from the switch on, not from its first packet: a page sends what is ordered,
        # and what has no seat is not.
        performer.has_screen_place = "screen" in publications and not participant.holds_back("screen")

    def _arrange_one(
        self,
        receiver: Participant,
        performer: _Performer,
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
        self, receiver: Participant, performer: _Performer, admitted: Sequence[Participant]
    ) -> list[Place]:
        """What this receiver should see: hosts first, then in the order of coming; of a viewer, one
        person."""
        if not receiver.allows("subscribe") or receiver.kind == "sender":
            return []
        others = sorted(
            ((other, self._performers[other.id]) for other in admitted if other.id in self._performers),
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

    def _pass_wishes_on(self, performer: _Performer) -> None:
        peer = performer.peer
        if peer is None or performer.wishes is None:
            return
        known = {slot.index for slot in peer.slots}
        for tile in performer.wishes.tiles:
            if tile.slot in known:
                peer.wish(tile.slot, tile.width, tile.height)

    def _peer(self, participant: str) -> Peer | None:
        performer = self._performers.get(participant)
        return None if performer is None else performer.peer

    def _on_event(self, participant: str, connection: str, event: PeerEvent) -> None:
        performer = self._performers.get(participant)
        if performer is None or performer.connection is None or performer.connection.name != connection:
            return  # of a connection that was replaced, or is only being set up
        if isinstance(event, Disconnected):
            performer.connection.peer.close()
            performer.connection = None
            performer.broken = connection
        elif isinstance(event, PublicationChanged):
            _order_anew(performer, event.publication)
        self._on_change()


def _order_anew(performer: _Performer, publication: Publication) -> None:
    """A page sends a picture that is switched on whatever was ordered, or nobody would know of it. So once it
    is known of, the page has to be told again, also that nothing of it is to be sent."""
    if performer.connection is not None and publication.kind == "video" and publication.live:
        performer.connection.ordered = None


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
