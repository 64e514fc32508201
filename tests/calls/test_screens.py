"""A shared screen: one encoding, whose keyframes take a poor path seconds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media.publication import STILL_INTERVAL
from media.quality import picture_of
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.listener import Listener
from media.testing.traffic import CAMERA, EncodingSettings

# What Chromium makes of a shared screen: somebody scrolls, or a slide stands still.
SCROLLING = EncodingSettings("", 1920, 1080, 2_500_000, keyframe=75_000)
SLIDE = EncodingSettings("", 1920, 1080, 40_000, keyframe=75_000)
SHARED, ENDS = 10.0, 70.0  # seconds
FRAME = 0.020  # seconds of sound
PATIENCE = 0.250  # seconds from capture to arrival at which a receiver would still play a frame


def seconds(begin: float, end: float) -> range:
    """Numbers of the frames of sound said meanwhile."""
    return range(round(begin / FRAME), round(end / FRAME))


class Session:
    """Bob, whose path is narrow, hears Alice (and sees her, with `camera`); Carol shares a screen, which Dave
    sees too, on a good path."""

    def __init__(
        self, rate: float, screen: EncodingSettings, *, seed: int = 1, camera: bool = False, loss: float = 0.0
    ) -> None:
        self.call = call = Call(seed=seed)
        down = LinkSettings(rate=((0.0, rate),), delay=((0.0, 0.025),), loss=loss)
        alice = call.join("alice", microphone=True, camera=CAMERA if camera else ())
        self.bob: Client = call.join("bob", microphone=True, slots=2, down=down)
        call.bind(self.bob, 0, alice)
        call.run(SHARED)
        self.carol: Client = call.join("carol", camera=(screen,))
        self.dave: Client = call.join("dave", slots=1)
        call.bind(self.bob, 1, self.carol)
        call.bind(self.dave, 0, self.carol)
        self.states: list[str] = []
        while call.now < ENDS:
            call.run(0.1)
            self.states.append(picture_of(call.core(self.bob).slots[1]))
        self.shown = [picture.at for picture in self.bob.video[1].shown]
        self.heard = Listener(self.bob.audio[0].log)

    def keyframes(self, begin: float, end: float) -> int:
        return sum(begin < at <= end for at in self.carol.keyframes_asked)

    def longest_wait(self, begin: float) -> float:
        times = [begin, *(at for at in self.shown if at > begin), ENDS]
        return max(later - earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(
    ("rate", "screen", "first", "wait"),
    [
        (500e3, SCROLLING, 5.0, 7.0),
        (500e3, SLIDE, 6.0, 2.0),
        (300e3, SCROLLING, 7.0, 8.0),
        (150e3, SCROLLING, 15.0, 16.0),
        (150e3, SLIDE, 15.0, 16.0),
    ],
)
def test_a_shared_screen_comes_through_a_poor_path(
    rate: float, screen: EncodingSettings, first: float, wait: float
) -> None:
    session = Session(rate, screen)
    assert session.shown and session.shown[0] < SHARED + first
    assert session.longest_wait(session.shown[0]) < wait
    assert session.heard.concealed(seconds(SHARED, ENDS - 1.0), PATIENCE) < 0.01
    assert session.keyframes(SHARED, ENDS) <= 1 + (ENDS - SHARED) / STILL_INTERVAL, "others pay for each"


def test_neither_a_face_nor_sound_waits_for_a_screen() -> None:
    session = Session(500e3, SCROLLING, camera=True, loss=0.02)
    assert session.longest_wait(SHARED) < 8.0, "what is lost of it is repaired, however long it has waited"
    assert session.bob.video[0].longest_gap(SHARED, ENDS) < 0.4
    assert session.heard.concealed(seconds(SHARED, ENDS - 1.0), PATIENCE) < 0.002


def test_a_slide_that_stands_still_goes_on_moving() -> None:
    """Its keyframe is not taken for a second of motion that the path does not carry."""
    session = Session(500e3, SLIDE, camera=True)
    assert session.states.count("motion") > 0.95 * len(session.states)


def test_who_saves_data_sees_a_screen_at_its_lowest_frame_rate() -> None:
    call = Call(seed=1)
    carol = call.join("carol", camera=(SCROLLING,))
    call.publication(carol, "camera").source = "screen"  # our client calls all its pictures so
    dave = call.join("dave", slots=1)
    call.bind(dave, 0, carol)
    downlink = call.core(dave).downlink

    def shown(seconds: float) -> int:
        before = len(dave.video[0].shown)
        call.run(seconds)
        return len(dave.video[0].shown) - before

    call.run(15.0)
    assert shown(5.0) > 140
    downlink.prefer(sound_only=False, save_data=True, now=call.now)
    call.run(1.0)
    assert 30 <= shown(5.0) <= 45
    downlink.prefer(sound_only=False, save_data=False, now=call.now)
    call.run(5.0)
    assert shown(5.0) > 140
