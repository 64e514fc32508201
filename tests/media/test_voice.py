from itertools import pairwise

import pytest

from media.payload import red
from media.voice import MAX_LATE, OpusPacket, Voice

TOC = bytes((15 << 3,))  # hybrid fullband, 20 ms
START = 1000


def frame(index: int) -> bytes:
    return TOC + b"frame %d" % index


class Microphone:
    """Frames 20 ms apart, as they come to a `Voice`."""

    def __init__(self) -> None:
        self.voice = Voice(now=0.0)

    def plain(self, index: int, *, newest: bool = True) -> list[int]:
        """The numbers of the frames that a packet with frame `index` brings."""
        return self.read(index, frame(index), redundant=False, newest=newest)

    def packed(self, index: int, *before: int, newest: bool = True) -> list[int]:
        """The same, with copies of the frames `before`."""
        copies = [red.Block(111, (index - other) * 960, frame(other)) for other in before]
        payload = red.build([*copies, red.Block(111, 0, frame(index))])
        return self.read(index, payload, redundant=True, newest=newest)

    def read(self, index: int, payload: bytes, *, redundant: bool, newest: bool = True) -> list[int]:
        timestamp = (START + index * 960) & 0xFFFFFFFF
        taken = self.voice.read(
            timestamp, payload, redundant=redundant, marker=False, newest=newest, now=index * 0.02
        )
        return [(packet.timestamp - (1 << 32) - START) // 960 for packet in taken]


def test_each_frame_is_given_out_once() -> None:
    microphone = Microphone()
    assert microphone.packed(1) == [1]
    assert microphone.packed(2, 1) == [2]
    assert microphone.packed(3, 1, 2) == [3]
    assert microphone.plain(3) == []


def test_what_the_uplink_lost_comes_back_in_its_place() -> None:
    microphone = Microphone()
    microphone.packed(1)
    assert microphone.packed(4, 2, 3) == [2, 3, 4]
    assert microphone.packed(7, 5) == [5, 7]
    assert microphone.plain(6, newest=False) == [6]


def test_what_is_too_late_is_left_out() -> None:
    microphone = Microphone()
    microphone.plain(1)
    late = MAX_LATE // 960
    microphone.plain(3 + late)
    assert microphone.plain(2, newest=False) == []
    assert microphone.plain(3, newest=False) == [3]


def test_nothing_from_before_the_first_packet_is_given_out() -> None:
    microphone = Microphone()
    assert microphone.packed(5, 3, 4) == [5]
    assert microphone.packed(6, 3, 4, 5) == [6]


def test_what_was_said_before_a_restart_does_not_come_back() -> None:
    microphone = Microphone()
    for index in range(5):
        microphone.packed(index)
    microphone.voice.restart()  # muted here; frames 5 to 9 never came to be read
    assert microphone.packed(10, 8, 9) == [10]
    assert microphone.packed(11, 9, 10) == [11]
    taken = microphone.voice.read(
        START + 12 * 960, frame(12), redundant=False, marker=False, newest=True, now=1.0
    )
    packed = red.parse(microphone.voice.redundant(taken[0], (1, 2, 3, 4), 111))
    assert packed is not None and [block.data for block in packed] == [frame(10), frame(11), frame(12)]


def test_a_clock_that_jumps_back_begins_anew() -> None:
    microphone = Microphone()
    for index in range(100):
        microphone.plain(index)
    assert microphone.voice.read(
        (START - 500_000) & 0xFFFFFFFF, frame(0), redundant=False, marker=False, newest=True, now=3.0
    )
    assert microphone.voice.read(
        (START - 500_000 + 960) & 0xFFFFFFFF, frame(1), redundant=False, marker=False, newest=True, now=3.0
    )


def test_timestamps_wrap() -> None:
    voice = Voice(now=0.0)
    stamps = [(0xFFFFFFFF - 959 + step * 960) & 0xFFFFFFFF for step in range(3)]
    taken = [
        voice.read(stamp, frame(i), redundant=False, marker=False, newest=True, now=0.0)[0].timestamp
        for i, stamp in enumerate(stamps)
    ]
    assert [b - a for a, b in pairwise(taken)] == [960, 960]


@pytest.mark.parametrize("payload", [b"", b"\xef", b"\xef\x00\x0f", b"\x6f"])
def test_broken_packets_bring_nothing(payload: bytes) -> None:
    microphone = Microphone()
    microphone.plain(0)
    assert microphone.read(1, payload, redundant=True) == []


def test_one_packet_cannot_bring_many() -> None:
    microphone = Microphone()
    microphone.plain(0)
    assert len(microphone.packed(20, *range(11, 20))) == 8


def latest(microphone: Microphone, index: int) -> OpusPacket:
    timestamp = START + index * 960
    return OpusPacket(timestamp + (1 << 32), 960, frame(index), False)


def test_redundancy_is_rebuilt_at_the_distances_asked_for() -> None:
    microphone = Microphone()
    for index in range(5):
        microphone.plain(index)
    packed = red.parse(microphone.voice.redundant(latest(microphone, 4), (1, 3), 96))
    assert packed == (
        red.Block(96, 2880, frame(1)),
        red.Block(96, 960, frame(3)),
        red.Block(96, 0, frame(4)),
    )


def test_what_is_missing_is_left_out_of_the_redundancy() -> None:
    microphone = Microphone()
    microphone.plain(0)
    microphone.plain(2)
    assert microphone.voice.redundant(latest(microphone, 2), (1,), 96) == b""
    packed = red.parse(microphone.voice.redundant(latest(microphone, 2), (1, 2), 96))
    assert packed is not None and [block.data for block in packed] == [frame(0), frame(2)]


def test_a_publishers_own_packet_serves_where_it_is_what_is_wanted() -> None:
    microphone = Microphone()
    microphone.plain(0)
    payload = red.build([red.Block(111, 960, frame(0)), red.Block(111, 0, frame(1))])
    microphone.read(1, payload, redundant=True)
    assert microphone.voice.redundant(latest(microphone, 1), (1,), 111) is payload
    assert microphone.voice.redundant(latest(microphone, 1), (1,), 96) != payload


def test_a_publishers_copies_that_differ_from_what_it_sent_before_are_not_passed_on() -> None:
    microphone = Microphone()
    microphone.plain(0)
    payload = red.build([red.Block(111, 960, TOC + b"other"), red.Block(111, 0, frame(1))])
    microphone.read(1, payload, redundant=True)
    packed = red.parse(microphone.voice.redundant(latest(microphone, 1), (1,), 111))
    assert packed is not None and packed[0].data == frame(0)


def test_copies_in_any_order_are_given_out_in_order_of_time() -> None:
    microphone = Microphone()
    microphone.plain(0)
    assert microphone.packed(3, 2, 1) == [1, 2, 3]


def test_a_packets_own_sound_goes_before_what_claims_its_time() -> None:
    voice = Microphone().voice
    payload = red.build([red.Block(111, 0, TOC + b"claim"), red.Block(111, 0, frame(0))])
    taken = voice.read(START, payload, redundant=True, marker=False, newest=True, now=0.0)
    assert [packet.data for packet in taken] == [frame(0)]
