"""Peers' cores over simulated links: what reaches whom, and under which numbers."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.payload import red
from media.testing.call import Call
from media.testing.client import Client
from media.testing.link import LinkSettings
from media.testing.receiver import Received
from media.testing.sender import OPUS, RED
from media.testing.traffic import CAMERA, read_mark
from tests.calls.pairs import NEAR, camera_of, pair


def test_sound_and_picture_reach_everybody() -> None:
    call = Call(seed=1)
    people = [call.join(n, microphone=True, camera=CAMERA, slots=2, feedback=False) for n in "abc"]
    for person in people:
        for slot, other in enumerate(p for p in people if p is not person):
            call.bind(person, slot, other)
            call.wish(person, slot, 480, 270)
    call.run(3.0)
    for person in people:
        for sound in person.audio:
            assert sound.packets >= 145
            assert not sound.holes()
        for picture in person.video:
            assert len(picture.shown) >= 85
            assert picture.longest_gap() < 0.1
            assert picture.faults() == []


def test_two_runs_give_the_same_trace_to_the_bit() -> None:
    def run(seed: int) -> str:
        call = Call(seed=seed)
        bad = LinkSettings(loss=0.05, jitter=0.005, reorder=0.02, duplicate=0.01)
        pair(call, up=bad, down=bad, feedback=True)
        call.run(3.0)
        return call.digest()

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_mute_forwards_nothing_and_unmute_goes_on_without_a_gap() -> None:
    call = Call(seed=10)
    alice, bob = pair(call)
    call.run(1.0)
    sound, picture = bob.audio[0], bob.video[0]
    publications = call.core(alice).publications
    for publication in publications.values():
        publication.muted = True
    call.run(0.1)
    heard, seen = sound.packets, picture.packets
    requests = len(alice.keyframes_asked)
    call.run(2.0)
    assert (sound.packets, picture.packets) == (heard, seen)
    assert len(alice.keyframes_asked) == requests, "nobody needs keyframes of what nobody may see"
    for publication in publications.values():
        publication.muted = False
    call.run(1.0)
    assert sound.packets >= heard + 48
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert len(picture.shown) > 25
    resumed = next(s.at for s in picture.shown if s.at > 3.0)
    assert resumed < 3.2
    # Time went on while nothing was forwarded, so that sound and picture are still together.
    assert picture.in_order()[-1].timestamp - picture.in_order()[0].timestamp == pytest.approx(
        4.05 * 90_000, abs=0.1 * 90_000
    )


def test_a_camera_whose_first_keyframe_came_before_the_word_that_it_is_on_is_shown_at_once() -> None:
    call = Call(seed=10)
    alice, bob = pair(call)
    publications = call.core(alice).publications
    for publication in publications.values():
        publication.muted = True
    call.run(0.5)
    assert not bob.video[0].shown and not bob.audio[0].packets
    asked = len(alice.keyframes_asked)
    for publication in publications.values():
        publication.muted = False
    call.run(0.3)
    assert bob.video[0].shown[0].at < 0.7 and bob.video[0].faults() == []
    assert len(alice.keyframes_asked) == asked + 1
    assert bob.audio[0].packets >= 10


def test_reports_keep_sound_and_picture_within_a_millisecond_through_switches() -> None:
    call = Call(seed=11)
    _alice, bob = pair(call, up=LinkSettings(delay=((0.0, 0.03),), jitter=0.008))
    for width, height in ((480, 270), (240, 136), (960, 540), (480, 270), (960, 540)):
        call.wish(bob, 0, width, height)
        call.run(1.3)
    by_ssrc = {report.ssrc: report for _, report in bob.reports}
    audio, video = by_ssrc[stream_ssrc(call, bob, "audio")], by_ssrc[stream_ssrc(call, bob, "video")]
    # Where the reports place the newest packets' capture on one time line, against the truth.
    places = []
    for report, log, clock in ((audio, bob.audio[0].log, 48_000), (video, bob.video[0].log, 90_000)):
        packet = max(log, key=lambda p: p.sequence)
        mark = read_mark(opus_of(packet) if clock == 48_000 else packet.payload)
        assert mark is not None
        behind = (packet.timestamp - report.rtp + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
        places.append(report.ntp / (1 << 32) + behind / clock - mark.captured_us / 1e6)
    assert places[0] == pytest.approx(places[1], abs=0.001)


def stream_ssrc(call: Call, receiver: Client, kind: str) -> int:
    slot = call.core(receiver).slots[0]
    found = slot.audio if kind == "audio" else slot.video
    assert found is not None
    return found.ssrc


def opus_of(packet: Received) -> bytes:
    """The newest sound in an audio packet."""
    if packet.payload_type == OPUS:
        return packet.payload
    blocks = red.parse(packet.payload)
    assert blocks is not None
    return blocks[-1].data


def test_a_slot_bound_to_another_publisher_goes_on_with_its_numbers() -> None:
    call = Call(seed=13)
    alice, bob = pair(call)
    carol = call.join("carol", microphone=True, camera=CAMERA)
    for _ in range(3):
        for publisher in (carol, alice):
            call.run(0.7)
            call.bind(bob, 0, publisher)
    call.run(0.5)
    sound, picture = bob.audio[0], bob.video[0]
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert picture.longest_gap() < 0.2
    times = [packet.timestamp for packet in sound.in_order()]
    assert all(0 < b - a < 4800 for a, b in pairwise(times))


def test_a_publisher_may_go_on_under_another_ssrc() -> None:
    call = Call(seed=15)
    alice, bob = pair(call)
    call.run(1.0)
    for sender in (*camera_of(alice).senders, alice.microphone):
        assert sender is not None
        sender.restart()
    call.run(2.0)
    sound, picture = bob.audio[0], bob.video[0]
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert picture.longest_gap() < 0.7
    assert sound.packets > 140
    assert len(call.core(alice).publications["camera"].encodings) == 3


def test_numbers_that_jump_under_the_same_ssrc_make_no_jump_at_the_receiver() -> None:
    call = Call(seed=16)
    alice, bob = pair(call)
    call.run(1.0)
    for sender in (*camera_of(alice).senders, alice.microphone):
        assert sender is not None
        sender.sequence = (sender.sequence + 20_000) & 0xFFFF
        sender.offset = (sender.offset + 1_000_000_000) & 0xFFFFFFFF
    call.run(2.0)
    sound, picture = bob.audio[0], bob.video[0]
    assert sound.holes() == picture.holes() == []
    assert picture.faults() == []
    assert picture.longest_gap() < 0.7
    times = [packet.timestamp for packet in sound.in_order()]
    assert all(0 < b - a < 4800 for a, b in pairwise(times))


def test_redundancy_is_taken_out_for_a_receiver_that_lacks_it() -> None:
    call = Call(seed=20)
    alice = call.join("alice", microphone=True, redundant=True)
    bob = call.join("bob", slots=1, redundant=False)
    carol = call.join("carol", slots=1, redundant=True)
    for viewer in (bob, carol):
        call.bind(viewer, 0, alice)
    call.run(1.0)
    assert {packet.payload_type for packet in bob.audio[0].log} == {OPUS}
    assert RED in {packet.payload_type for packet in carol.audio[0].log}
    plain = [read_mark(packet.payload) for packet in bob.audio[0].in_order()]
    packed = [read_mark(opus_of(packet)) for packet in carol.audio[0].in_order()]
    assert plain == packed
    assert None not in plain


def test_silence_passes_without_gaps_in_numbers_and_with_gaps_in_time() -> None:
    call = Call(seed=21)
    alice, bob = pair(call)
    call.run(0.5)
    alice.speaking = False
    call.run(2.0)
    alice.speaking = True
    call.run(0.5)
    sound = bob.audio[0]
    assert sound.holes() == []
    assert sound.packets < 70
    steps = {b.timestamp - a.timestamp for a, b in pairwise(sound.in_order())}
    assert {960, 19_200} <= steps
    assert call.core(alice).publications["microphone"].speech.level(now=call.now) > 0.5


@pytest.mark.parametrize(("sends", "takes"), [(True, False), (False, True)])
def test_descriptors_go_to_those_alone_who_agreed_on_them(sends: bool, takes: bool) -> None:
    call = Call(seed=22)
    _alice, bob = pair(call, descriptor=sends, takes_descriptor=takes)
    call.run(1.0)
    call.wish(bob, 0, 240, 136)
    call.run(1.0)
    picture = bob.video[0]
    assert all(packet.frame_number is None for packet in picture.log)
    assert picture.faults() == []
    assert picture.longest_gap() < 0.1
    assert picture.shown[-1].width == 240


@settings(max_examples=25)
@given(
    wishes=st.lists(st.sampled_from([(240, 136), (480, 270), (960, 540), (0, 0)]), max_size=8),
    spans=st.lists(st.floats(0.03, 0.6), min_size=8, max_size=8),
    loss=st.sampled_from([0.0, 0.0, 0.05]),
    reorder=st.sampled_from([0.0, 0.05]),
    descriptor=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_whatever_happens_upstream_the_numbers_of_a_stream_make_sense(
    wishes: list[tuple[int, int]],
    spans: list[float],
    loss: float,
    reorder: float,
    descriptor: bool,
    seed: int,
) -> None:
    call = Call(seed=seed)
    bad = LinkSettings(loss=loss, reorder=reorder, duplicate=reorder, delay=((0.0, 0.01),))
    alice, bob = pair(call, up=bad, descriptor=descriptor)
    for size, span in zip(wishes, spans, strict=False):
        call.wish(bob, 0, *size)
        call.run(span)
    call.wish(bob, 0, 480, 270)
    call.impair(alice, up=NEAR)
    call.run(2.0)
    picture = bob.video[0]
    assert picture.faults() == []
    if not loss and not reorder:
        assert picture.holes() == []
    assert picture.shown[-1].at > call.now - 0.1
    assert picture.shown[-1].width == 480
    assert bob.audio[0].duplicates == 0
