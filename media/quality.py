"""How a connection does, in three grades: what a person can be told in a word."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, Literal

from media.congestion.base import ControllerState
from media.slots import Slot
from media.sound import Sound
from media.subscription import STILLS
from media.uplink import Level, Uplink

Picture = Literal["motion", "stills", "sound", "off", "unsupported"]

# Seconds that sound lags behind its best; conversation begins to stumble (ITU-T G.114).
FAIR_DELAY: Final = 0.1
POOR_DELAY: Final = 0.4  # people talk at cross purposes (the same)
FAIR_LOSS: Final = 0.02  # of sound; concealment begins to be heard
POOR_LOSS: Final = 0.05  # of sound, after all redundancy: words are missing


class Grade(IntEnum):
    GOOD = 0
    FAIR = 1
    POOR = 2


def picture_of(slot: Slot) -> Picture:
    """What a slot shows by what the receiver's path carries: motion, stills, sound alone; off where no
    picture is wished for or there is none; unsupported where the receiver can't show its format."""
    if slot.is_unsupported:
        return "unsupported"
    subscription = slot.video_subscription
    if subscription is None or slot.wished_layer() is None:
        return "off"
    if subscription.target is None:
        return "sound"
    return "stills" if subscription.target.temporal == STILLS else "motion"


def picture_at_most(level: Level) -> Picture:
    """What others can be shown of a publisher whose uplink bears no more."""
    if level >= Level.SOUND:
        return "sound"
    return "stills" if level >= Level.STILLS else "motion"


def downlink_grade(slots: Iterable[Slot], sound: Sound, state: ControllerState, *, pressed: bool) -> Grade:
    """Of the way to a receiver: poor where a picture stopped or sound can't be followed, fair where the
    picture shrank or sound suffers. `pressed`: the path has shown a limit; before, a small picture only waits
    for the estimate to climb."""
    pictures = [(slot, picture_of(slot)) for slot in slots]
    if any(picture in ("stills", "sound") for _, picture in pictures):
        return Grade.POOR
    if state.queue_delay > POOR_DELAY or sound.left > POOR_LOSS:
        return Grade.POOR
    if state.queue_delay > FAIR_DELAY or state.loss > FAIR_LOSS or sound.poor:
        return Grade.FAIR
    shrunk = any(slot.is_limited and _flows(slot) for slot, picture in pictures if picture == "motion")
    return Grade.FAIR if pressed and shrunk else Grade.GOOD


def uplink_grade(uplink: Uplink) -> Grade:
    """Of the way from a publisher."""
    if uplink.starving or uplink.level >= Level.STILLS:
        return Grade.POOR
    if uplink.level > Level.FULL or uplink.delay > FAIR_DELAY or uplink.loss > FAIR_LOSS:
        return Grade.FAIR
    return Grade.GOOD


def _flows(slot: Slot) -> bool:
    """Is there a picture to be limited, or would there be one if it were ordered?"""
    subscription = slot.video_subscription
    return subscription is not None and (subscription.publication.live or subscription.publication.held)
