import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.encoding import LIVE_WINDOW, SIBLING_WINDOW, Encoding, Packet
from media.stream.receive import ReceiveStream
from media.testing.traffic import EncodingSettings, Vp8Encoder

KEYFRAME = b"\x10\x10\x00\x00\x9d\x01\x2a\x80\x02\x68\x01" + bytes(1000)
SETTINGS = EncodingSettings("h", 640, 360, 300_000)


def encoding() -> Encoding:
    return Encoding("h", ReceiveStream(7, 90_000, nacks=True), now=0.0)


def read(target: Encoding, count: int, *, descriptor: bool) -> list[Packet]:
    """The first packets of `count` frames, the first a keyframe, as `target` understands them."""
    encoder = Vp8Encoder(SETTINGS, random.Random(1), descriptor=descriptor)
    firsts, sequence = [], 0
    for number in range(count):
        frame = encoder.encode(keyframe=number == 0)
        for place, (payload, described) in enumerate(zip(frame.payloads, frame.descriptors, strict=True)):
            packet = Packet(sequence, number * 3000, False, payload)
            assert target.read_video(packet, described if descriptor else None)
            target.stream.receive(sequence, number * 3000, len(payload), now=number / 30)
            sequence += 1
            assert packet.start == (place == 0)
            if place == 0:
                firsts.append(packet)
    return firsts


@pytest.mark.parametrize("descriptor", [False, True])
def test_frames_tell_what_they_are(descriptor: bool) -> None:
    target = encoding()
    packets = read(target, 5, descriptor=descriptor)
    assert [packet.keyframe for packet in packets] == [True, False, False, False, False]
    assert [packet.temporal for packet in packets] == [0, 2, 1, 2, 0]
    assert (target.width, target.height) == (640, 360)


def test_a_vp8_frame_that_refers_to_the_base_layer_lets_its_own_layer_begin() -> None:
    assert [packet.switch for packet in read(encoding(), 5, descriptor=False)] == [0, 2, 1, 0, 0]


def test_a_descriptor_says_at_which_frames_all_layers_may_begin() -> None:
    assert [packet.switch for packet in read(encoding(), 5, descriptor=True)] == [2, 0, 2, 0, 2]


def test_a_descriptor_without_its_structure_is_not_understood() -> None:
    assert not encoding().read_video(Packet(1, 0, False, b"\x10\x00\x00"), b"\xc0\x00\x01")


def test_bitrates_are_measured_by_temporal_layer() -> None:
    target = encoding()
    read(target, 30, descriptor=False)
    target.measure(1.0, now=1.0)
    first, second, third, _ = target.bitrates
    assert sum(target.bitrates) == pytest.approx(300_000 * 1.4, rel=0.25)
    assert first > third > second > 0


def test_a_large_keyframe_is_not_taken_for_motion_and_many_of_them_are_known_to_cost() -> None:
    target, now = encoding(), 0.0

    def second(*, keyframe: bool) -> float:
        """Bit/s after one more with pictures of 10 kbit/s."""
        nonlocal now
        now += 1.0
        for place in range(100 if keyframe else 0):
            packet = Packet(0, round(now), False, KEYFRAME if place == 0 else bytes(1000))
            assert target.read_video(packet, None)
        packet = Packet(0, round(now) + 50_000, False, b"\x10\x01" + bytes(1200))
        assert target.read_video(packet, None)
        target.stream.receive(round(now), 0, 1000, now=now)
        target.measure(now, now=now)
        return sum(target.bitrates)

    for _ in range(5):
        second(keyframe=False)
    assert second(keyframe=True) < 70_000
    for _ in range(100):
        rate = second(keyframe=True)
    assert rate == pytest.approx(860_000, rel=0.1)


def test_bitrates_are_not_guessed_from_a_moment() -> None:
    target = encoding()
    read(target, 3, descriptor=False)
    target.measure(0.1, now=0.1)
    assert not any(target.bitrates)


def test_an_encoding_is_off_when_nothing_comes() -> None:
    target = encoding()
    target.stream.receive(1, 0, 10, now=1.0)
    assert target.live
    assert not target.measure(1.0, now=1.0 + LIVE_WINDOW - 0.1)
    assert target.measure(1.0, now=1.0 + LIVE_WINDOW + 0.1)
    assert not target.live
    target.stream.receive(2, 0, 10, now=4.0)
    assert target.measure(4.0, now=4.1)
    assert target.live


def test_it_is_off_sooner_while_its_siblings_go_on() -> None:
    target = encoding()
    target.stream.receive(1, 0, 10, now=1.0)
    assert target.measure(1.0 + SIBLING_WINDOW + 0.1, now=1.0 + SIBLING_WINDOW + 0.1)
    assert not target.live


@given(st.lists(st.tuples(st.binary(max_size=40), st.none() | st.binary(max_size=40)), max_size=30))
def test_any_bytes_at_all_are_read_without_an_error(packets: list[tuple[bytes, bytes | None]]) -> None:
    target = encoding()
    for sequence, (payload, descriptor) in enumerate(packets):
        target.read_video(Packet(sequence, 0, False, payload), descriptor)
        target.measure(sequence / 10, now=sequence / 10)
