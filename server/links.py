"""How the participants of one room reach each other now, as their peers tell and as their pages heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from media.sfu import Peer
from server import messages
from server.conditions import Link
from server.participant import Participant
from server.performer import Performer

PICTURES: tuple[messages.Picture, ...] = ("motion", "stills", "sound", "off", "unsupported")  # ever less
PAUSED: Collection[messages.Picture] = ("stills", "sound")  # to save the sound
REPORTED = 1.0  # seconds that a page's report of what it heard is about
JUDGED = 2500  # milliseconds; of silence in a longer report nobody knows whether somebody spoke meanwhile

Performers: TypeAlias = Mapping[str, Performer]  # by participant


def links(performers: Performers, admitted: Sequence[Participant]) -> dict[str, Link]:
    """How everybody is connected, and what they are shown of the others."""
    people = {participant.id: participant for participant in admitted}
    screens = {who: _shown(performers, who, "screen", people) for who in people}
    least = {who: _least(performers, "motion", sharer, "screen") for who, sharer in people.items()}
    for shown in screens.values():
        for sharer, picture in shown.items():
            if picture in PAUSED and least[sharer] != "off":
                least[sharer] = max(least[sharer], picture, key=PICTURES.index)
    return {
        who: _link(performers, person, people, {**screens[who], who: least[who]})
        for who, person in people.items()
    }


def heard(performers: Performers, participant: str, report: messages.Heard) -> list[tuple[str, int, int]]:
    """(whose sound, milliseconds that this participant missed of it, of how many)."""
    performer = performers.get(participant)
    if performer is None or performer.peer is None:
        return []
    for sound in report.sounds:
        performer.peer.buffered(sound.slot, sound.buffered_ms / 1000)
    places = [(performer.seats[s.slot], s) for s in report.sounds if s.slot < len(performer.seats)]
    sounds = [(place.participant, sound) for place, sound in places if place is not None]
    spoke_before, performer.spoke = performer.spoke, {who for who, _ in sounds if _speaks(performers, who)}
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


def reaches(participant: Participant, peer: Peer) -> bool:
    """Is the participant's connection alive?"""
    if participant.kind != "page":  # what a standard client sends, and how often, is its own affair
        return peer.connected
    camera = participant.wants["camera"] and peer.order.encodings.get("camera", 0) > 0
    return peer.is_reached(sends=camera or (participant.wants["microphone"] and not participant.muted))


def _link(
    performers: Performers,
    participant: Participant,
    people: Mapping[str, Participant],
    screens: Mapping[str, messages.Picture],
) -> Link:
    performer = performers.get(participant.id)
    sound_only = performer is not None and performer.prefers is not None and performer.prefers.sound_only
    if performer is None or performer.peer is None:
        return Link(False, 0, 0, {}, sound_only)
    peer = performer.peer
    pictures = _shown(performers, participant.id, "camera", people)
    pictures[participant.id] = _least(performers, "motion", participant, "camera")
    return Link(reaches(participant, peer), peer.uplink, peer.downlink, pictures, sound_only, screens)


def _shown(
    performers: Performers, viewer: str, source: messages.Source, people: Mapping[str, Participant]
) -> dict[str, messages.Picture]:
    """What a viewer is shown of the others' cameras or screens."""
    performer = performers.get(viewer)
    if performer is None or performer.peer is None:
        return {}
    return {
        place.participant: _least(performers, performer.peer.picture(slot), people[place.participant], source)
        for slot, place in enumerate(performer.seats)
        if place is not None and place.source == source and place.participant in people
    }


def _least(
    performers: Performers, picture: messages.Picture, publisher: Participant, source: messages.Source
) -> messages.Picture:
    """What is left of a picture behind the uplink that it comes from."""
    peer = _peer(performers, publisher.id)
    if peer is None or not publisher.sends(source) or picture == "off":
        return "off"
    return max(picture, peer.picture_at_most, key=PICTURES.index)


def _speaks(performers: Performers, participant: str) -> bool:
    peer = _peer(performers, participant)
    return peer is not None and peer.spoke_within(REPORTED)


def _peer(performers: Performers, participant: str) -> Peer | None:
    performer = performers.get(participant)
    return None if performer is None else performer.peer
