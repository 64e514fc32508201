"""Which of a camera's encodings a receiver is shown."""

from itertools import pairwise

import pytest

from media.testing.call import Call
from media.testing.traffic import CAMERA
from tests.calls.pairs import camera_of, pair, widths


@pytest.mark.parametrize("descriptor", [False, True])
def test_a_layer_switch_happens_on_a_keyframe_with_continuous_numbers(descriptor: bool) -> None:
    call = Call(seed=2)
    _alice, bob = pair(call, descriptor=descriptor)
    call.run(1.0)
    for width, height in ((480, 270), (240, 136), (960, 540)):
        call.wish(bob, 0, width, height)
        call.run(0.5)
        assert bob.video[0].shown[-1].width == width
    picture = bob.video[0]
    assert picture.faults() == []
    assert picture.holes() == []
    assert picture.longest_gap() < 0.1
    assert bob.keyframe_requests == []
    for before, after in pairwise(picture.shown):
        if before.mark.encoder != after.mark.encoder:
            assert after.mark.distance == 0
    if descriptor:
        numbers = [p.frame_number for p in picture.in_order() if p.frame_number is not None]
        frames = [a for a, b in pairwise(numbers) if a != b]
        assert all((b - a) & 0xFFFF == 1 for a, b in pairwise(frames))


def test_a_switch_whose_keyframe_is_lost_is_asked_for_again() -> None:
    call = Call(seed=3)
    alice, bob = pair(call)
    call.wish(bob, 0, 240, 136)
    call.run(1.0)
    assert bob.video[0].shown[-1].width == 240
    camera = camera_of(alice)
    call.wish(bob, 0, 960, 540)
    # The first packets of the large encoding's keyframe do not arrive; those of the others do.
    camera.loses_keyframes_of = {"f"}
    call.run(0.5)
    camera.loses_keyframes_of = set()
    assert bob.video[0].shown[-1].width == 240
    call.run(2.0)
    assert bob.video[0].shown[-1].width == 960
    assert bob.video[0].faults() == []


def test_an_encoding_that_goes_silent_gives_way_to_the_next_smaller_one() -> None:
    call = Call(seed=14)
    alice, bob = pair(call)
    call.run(1.0)
    camera = camera_of(alice)
    camera.enabled[2] = False
    call.run(3.0)
    picture = bob.video[0]
    assert picture.shown[-1].width == 480
    assert picture.longest_gap() < 1.4
    camera.enabled[2] = True
    call.run(2.0)
    assert picture.shown[-1].width == 960
    assert picture.longest_gap(since=3.0) < 0.2
    assert picture.faults() == []


def test_rids_are_told_apart_by_their_pictures_whatever_their_order_in_the_offer() -> None:
    call = Call(seed=17)
    alice, bob = pair(call, CAMERA[::-1])
    call.wish(bob, 0, 480, 270)
    call.run(2.0)
    assert [e.width for e in call.core(alice).publications["camera"].encodings] == [240, 480, 960]
    assert bob.video[0].shown[-1].width == 480
    assert widths(bob.video[0])[-1] == 480


def test_a_hidden_tile_gets_no_picture_and_a_shown_one_gets_it_at_once() -> None:
    call = Call(seed=18)
    _alice, bob = pair(call)
    call.run(1.0)
    call.wish(bob, 0, 0, 0)
    call.run(0.1)
    before = bob.video[0].packets
    call.run(1.0)
    assert bob.video[0].packets == before
    call.wish(bob, 0, 480, 270)
    call.run(0.2)
    assert bob.video[0].shown[-1].at > 2.1
    call.run(0.5)
    assert bob.video[0].shown[-1].width == 480
    assert bob.video[0].faults() == []


def test_the_size_of_a_tile_outlives_who_is_shown_in_it() -> None:
    call = Call(seed=19)
    _alice, bob = pair(call)
    carol = call.join("carol", camera=CAMERA)
    call.wish(bob, 0, 240, 136)
    call.run(1.5)
    call.bind(bob, 0, carol)
    call.run(1.5)
    assert bob.video[0].shown[-1].width == 240
