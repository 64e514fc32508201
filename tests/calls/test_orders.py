"""Publishers that do what they are asked: what is sent, and what the others are shown."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from statistics import mean

import pytest

from media.ceiling import NONE, SOUND
from media.quality import picture_of
from media.rtp.rtcp import Goodbye
from media.sending import FULL_RATE, STILL_RATE
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.listener import Listener
from media.testing.traffic import CAMERA
from media.uplink import Level

FRAME = 0.020  # seconds of sound
PATIENCE = 0.250  # seconds from capture to arrival at which a receiver would still play a frame
STEP = 0.1  # seconds from an order to what is made of it


def frames(begin: float, end: float) -> range:
    """Numbers of the frames of sound said meanwhile."""
    return range(round(begin / FRAME), round(end / FRAME))


def link(*rates: tuple[float, float]) -> LinkSettings:
    """Bit/s from a time on."""
    return LinkSettings(rate=rates, delay=((0.0, 0.02),))


def run(call: Call, publisher: Client, seconds: float) -> list[int]:
    """Orders to `publisher`, which obeys them, each once in a row."""
    orders: list[int] = []
    assert publisher.camera is not None
    for _ in range(round(seconds / STEP)):
        call.run(STEP)
        core = call.core(publisher)
        ordered = core.order.encodings.get("camera", len(CAMERA))
        publisher.camera.enabled = [place < ordered for place in range(len(CAMERA))]
        if not orders or orders[-1] != ordered:
            orders.append(ordered)
    return orders


def test_a_picture_that_nobody_can_take_stops_and_comes_back_without_having_flowed() -> None:
    call = Call(seed=1)
    alice = call.join("alice", microphone=True, camera=CAMERA)
    bob = call.join("bob", slots=1, down=link((0.0, 3e6), (10.0, 34e3), (35.0, 3e6)))
    call.bind(bob, 0, alice)
    camera, slot = call.publication(alice, "camera"), call.core(bob).slots[0]
    run(call, alice, 8)
    assert camera.live and picture_of(slot) == "motion"
    short = run(call, alice, 25)
    assert short[-1] == 0, "nobody gets it"
    assert camera.held and picture_of(slot) == "sound"
    falls = sum(b < a for a, b in pairwise(short))
    assert falls <= 3, f"one encoding after the other, and once: {short}"
    run(call, alice, 22)
    assert camera.live and picture_of(slot) == "motion"
    assert call.core(alice).order.encodings["camera"] == 3


def test_an_encoding_that_a_browser_begins_late_is_still_ordered_and_shown() -> None:
    """A browser that starts with a low estimate sends the smaller ones alone until it trusts its uplink."""
    call = Call(seed=6)
    alice = call.join("alice", microphone=True, camera=CAMERA)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    call.wish(bob, 0, 960, 540)
    core = call.core(alice)
    assert alice.camera is not None
    for trusted in (1, 2, 3):
        for _ in range(round(15 / STEP)):
            ordered = core.order.encodings.get("camera", len(CAMERA))
            alice.camera.enabled = [place < min(ordered, trusted) for place in range(len(CAMERA))]
            call.run(STEP)
            assert core.order.encodings["camera"] == 3, "what is not ordered never comes"
        assert bob.video[0].shown[-1].width == CAMERA[trusted - 1].width


def test_on_a_path_for_one_picture_whoever_has_the_floor_is_the_one_who_moves() -> None:
    call = Call(seed=4)
    bob = call.join("bob", slots=4, down=link((0.0, 250e3)))
    people = [call.join(f"p{place}", microphone=True, camera=CAMERA) for place in range(4)]
    for place, person in enumerate(people):
        call.bind(bob, place, person)
    slots = call.core(bob).slots
    call.run(20.0)
    moved = []
    for turn in range(14):
        front = turn % 4
        for place, person in enumerate(people):
            person.speaking = place == front
        for priority, place in enumerate([front, *(other for other in range(4) if other != front)]):
            slots[place].rank(priority, min(priority, 1), now=call.now)
        call.run(2.0)
        for _ in range(12):
            call.run(0.5)
            moved.append(picture_of(slots[front]) == "motion")
    settled = moved[24:]
    assert sum(settled) > 0.9 * len(settled), "who gave way to somebody does not rest for it"


@pytest.mark.parametrize("rate", [80e3, 65e3])
def test_sound_without_a_picture_is_thin_where_the_uplink_bears_no_more(rate: float) -> None:
    """The camera is off: there is nothing to shed but bits of the sound itself."""
    call = Call(seed=4)
    alice = call.join("alice", microphone=True, up=link((0.0, 3e6), (10.0, rate), (200.0, 3e6)))
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    thin: list[bool] = []
    for _ in range(round(260 / STEP)):
        call.run(STEP)
        thin.append(call.core(alice).order.thin)
        alice.opus.bitrate = 14_000 if thin[-1] else 32_000
    heard = Listener(bob.audio[0].log)
    assert heard.concealed(frames(2.0, 10.0), PATIENCE) == 0.0
    assert heard.concealed(frames(10.0, 15.0), PATIENCE) < 0.25
    assert heard.concealed(frames(15.0, 200.0), PATIENCE) < 0.02, "more is tried, and ever more seldom"
    fuller = [place * STEP for place, (a, b) in enumerate(pairwise(thin)) if a and not b]
    assert 2 <= len([at for at in fuller if at < 200.0]) <= 5
    assert fuller[-1] > 200.0 and not thin[-1], "and borne when it can be"


def test_fuller_sound_is_not_tried_for_a_minute_where_a_picture_fills_the_uplink() -> None:
    assert mean(concealed_beside_a_picture_that_fills_the_uplink(seed) for seed in range(1, 7)) < 0.001


def concealed_beside_a_picture_that_fills_the_uplink(seed: int) -> float:
    """What a browser does on a narrow uplink: its picture takes what sound leaves, until that waits 0.1 s."""
    call = Call(seed=seed)
    alice = call.join("alice", microphone=True, camera=CAMERA, up=link((0.0, 5e6), (5.0, 120e3)))
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    camera, core, road = alice.camera, call.core(alice), call.peers["alice"].up
    assert camera is not None
    bitrate, waits = 80e3, [0.0] * 3  # the last one is not known to the browser yet
    while call.now < 65.0:
        call.run(STEP)
        waits = [*waits[1:], road.queue_delay(now=call.now)]
        if waits[1] < 0.11:
            bitrate = min(1.01 * bitrate, 100e3)
        elif waits[1] > waits[0]:
            bitrate = max(0.85 * bitrate, 30e3)
        ordered = min(core.order.encodings.get("camera", 3), 3 if call.now < 5.5 else 1)
        camera.enabled = [place < ordered and core.order.frame_rate > STILL_RATE for place in range(3)]
        camera.encoders[0].settings = replace(CAMERA[0], bitrate=round(bitrate))
        alice.opus.bitrate = 14_000 if core.order.thin else 32_000
    return Listener(bob.audio[0].log).concealed(frames(15.0, 64.0), PATIENCE)


def test_a_tile_that_is_hidden_for_long_is_filled_again_at_once() -> None:
    call = Call(seed=2)
    alice = call.join("alice", microphone=True, camera=CAMERA)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    run(call, alice, 5)
    call.wish(bob, 0, 0, 0)
    assert run(call, alice, 12)[-1] == 0
    camera = call.publication(alice, "camera")
    assert camera.held and picture_of(call.core(bob).slots[0]) == "off"
    shown = len(bob.video[0].shown)
    call.wish(bob, 0, 960, 540)
    run(call, alice, 2)
    assert camera.live and len(bob.video[0].shown) > shown + 15


def test_what_the_path_carries_goes_to_whose_picture_comes_first() -> None:
    call = Call(seed=4)
    bob = call.join("bob", slots=2, down=link((0.0, 900e3)))
    for place, name in enumerate(("alice", "carol")):
        call.bind(bob, place, call.join(name, microphone=True, camera=CAMERA))
    slots = call.core(bob).slots

    def sizes() -> list[int]:
        call.run(10.0)
        return [picture.shown[-1].width for picture in bob.video]

    first, second = sizes()
    assert first > second
    slots[0].priority, slots[1].priority = 1, 0
    first, second = sizes()
    assert first < second
    assert all(picture_of(slot) == "motion" for slot in slots), "nobody stops for it"


def test_an_uplink_that_starves_gives_the_picture_up_and_gets_it_back() -> None:
    call = Call(seed=3)
    alice = call.join("alice", microphone=True, camera=CAMERA, up=link((0.0, 3e6), (5.0, 70e3), (30.0, 3e6)))
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    run(call, alice, 5)
    core = call.core(alice)
    assert run(call, alice, 10)[-1] == 0 and core.order.level is Level.SOUND
    assert picture_of(call.core(bob).slots[0]) != "sound", "Bob's path is not to blame"
    run(call, alice, 180)
    assert core.order.encodings["camera"] == 3 and core.publications["camera"].live


def test_what_crowded_wifi_loses_does_not_stop_the_picture() -> None:
    call = Call(seed=7)
    alice = call.join(
        "alice", microphone=True, camera=CAMERA, up=LinkSettings(loss=0.1, delay=((0.0, 0.02),))
    )
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    core, slot = call.core(alice), call.core(bob).slots[0]
    run(call, alice, 5)
    shown = len(bob.video[0].shown)
    worst = Level.FULL
    for _ in range(30):
        run(call, alice, 1)
        worst = max(worst, core.order.level)
        assert picture_of(slot) == "motion" and not core.order.thin
    assert worst <= Level.SMALL and core.order.level is Level.FULL
    assert len(bob.video[0].shown) - shown > 30 * 15


def test_a_dead_spot_costs_no_more_than_it_lasts() -> None:
    call = Call(seed=8)
    settings = LinkSettings(rate=((0.0, 600e3),), delay=((0.0, 0.03),), outages=((8.0, 10.0),))
    alice = call.join("alice", microphone=True, camera=CAMERA[:2], up=settings)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    core = call.core(alice)
    call.run(8)
    asked = core.packets_requested
    call.run(2.5)
    assert core.packets_requested - asked < 10, "of a picture that has moved on"
    shown = len(bob.video[0].shown)
    call.run(5)
    assert core.order.level is Level.FULL and len(bob.video[0].shown) - shown > 5 * 25


def test_nothing_is_asked_for_again_that_sound_would_have_to_wait_for() -> None:
    call = Call(seed=5)
    alice = call.join("alice", microphone=True, camera=CAMERA, up=link((0.0, 3e6), (5.0, 120e3)))
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    core = call.core(alice)
    call.run(7)
    assert core.uplink.queued
    asked = core.packets_requested
    call.run(5)  # whatever she is ordered, she sends all encodings
    assert core.uplink.queued and core.packets_requested == asked


def test_an_encoding_that_said_goodbye_goes_on_without_naming_itself() -> None:
    """As libwebrtc does with encodings that are switched off and on."""
    call = Call(seed=4)
    alice = call.join("alice", microphone=True, camera=CAMERA)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    call.run(5)
    assert alice.camera is not None and all(sender.acknowledged for sender in alice.camera.senders)
    alice.camera.enabled = [False] * 3
    alice.send_rtcp(Goodbye(tuple(sender.ssrc for sender in alice.camera.senders)))
    call.run(5)
    assert not call.publication(alice, "camera").live
    alice.camera.enabled = [True] * 3
    shown = len(bob.video[0].shown)
    call.run(2)
    assert call.publication(alice, "camera").live and len(bob.video[0].shown) > shown + 15
    assert not call.core(alice).drops["unknown-ssrc"]


def test_a_picture_stands_still_before_what_is_said_waits_behind_it() -> None:
    """On an uplink whose queue is full after two packets of picture."""
    call = Call(seed=3)
    alice = call.join("alice", microphone=True, camera=CAMERA, up=link((0.0, 5e6), (5.0, 120e3), (12.0, 5e6)))
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    core = call.core(alice)
    call.run(5)
    assert core.order.frame_rate == FULL_RATE
    while core.order.frame_rate == FULL_RATE:
        call.run(0.01)
        assert call.now < 5.15
    assert not core.uplink.queued, "nothing that came late has told of it yet"
    assert alice.camera is not None
    alice.camera.enabled = [False] * len(CAMERA)
    call.run(0.4)
    assert core.order.thin, "there is no room for full sound beside anything else"
    alice.opus.bitrate = 14_000
    call.run(1.2)
    assert core.order.frame_rate == FULL_RATE and not core.uplink.queued
    call.run(60)
    heard = Listener(bob.audio[0].log)
    assert heard.concealed(frames(5.0, 10.0), PATIENCE) < 0.12
    assert core.order.frame_rate == FULL_RATE and not core.order.thin


def test_who_takes_no_orders_is_capped_to_what_somebody_can_use() -> None:
    call = Call(seed=4)
    alice = call.join("alice", microphone=True, camera=CAMERA, takes_orders=False)
    carol = call.join("carol", camera=CAMERA)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    call.wish(bob, 0, 960, 540)
    call.run(6)
    assert alice.ceilings == [], "all of it is of use"
    call.wish(bob, 0, 160, 90)
    call.run(12)
    smallest = CAMERA[0].bitrate
    assert SOUND + smallest < alice.ceilings[-1] < SOUND + 1.5 * smallest
    assert len(alice.ceilings) > 3, "said again, since one may be lost"
    call.wish(bob, 0, 960, 540)
    call.run(2)
    assert alice.ceilings[-1] > 0.99 * NONE
    assert carol.ceilings == [], "nobody sees her, which she is told otherwise"


def test_who_takes_no_orders_is_capped_to_what_the_uplink_bears() -> None:
    up = link((0.0, 5e6), (5.0, 400e3), (12.0, 5e6))
    call = Call(seed=5)
    alice = call.join("alice", microphone=True, camera=CAMERA, takes_orders=False, up=up)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    call.wish(bob, 0, 960, 540)
    call.run(8)
    assert 0.5 * 400e3 < alice.ceilings[0] < 400e3
    call.run(100)
    assert alice.ceilings[-1] > 0.99 * NONE, "lifted when it bears all again"


def test_a_page_is_capped_at_once_while_its_sound_waits_in_a_queue_and_only_then() -> None:
    up = link((0.0, 5e6), (5.0, 120e3), (12.0, 5e6))
    call = Call(seed=8)
    alice = call.join("alice", microphone=True, camera=CAMERA, up=up)
    bob = call.join("bob", slots=1)
    call.bind(bob, 0, alice)
    call.wish(bob, 0, 160, 90)
    run(call, alice, 5)
    assert alice.ceilings == [], "what nobody can use is not ordered"
    run(call, alice, 0.6)
    assert alice.ceilings and alice.ceilings[-1] < 120e3
    run(call, alice, 60)
    assert alice.ceilings[-1] > 0.99 * NONE, "lifted when the queue is gone"
