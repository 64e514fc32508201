from itertools import pairwise

import pytest

from media.audio import PATIENCE, AudioSubscription
from media.encoding import Packet
from media.packing import FRAME, PLAIN, USUAL, Packing, Redundancy
from media.payload import opus
from media.testing.listener import Listener
from media.testing.microphone import SPEECH, START, MicrophoneLine, frame
from media.voice import MAX_LATE

OTHER_MODE = bytes((9 << 3,))  # TOC of wideband SILK, 20 ms
SILENCE = SPEECH + b"\0"  # DTX


def sizes(line: MicrophoneLine) -> list[int]:
    """Frames in each packet."""
    return [len(opus.split(packet.blocks[-1][1]) or ()) for packet in line.sent]


# --- robust ---


@pytest.mark.parametrize("distances", [(1,), (1, 3), (1, 2, 3), (2, 4, 6)])
def test_redundancy_is_built_from_what_came_without_any(distances: tuple[int, ...]) -> None:
    line = MicrophoneLine()
    line.pack(Packing(distances))
    line.talk(0, 10)
    last = line.sent[-1]
    assert last.blocks == [*[(d * FRAME, frame(9 - d)) for d in reversed(distances)], (0, frame(9))]
    assert not line.sent[0].redundant, "there is nothing to repeat as yet"


def test_a_publishers_redundancy_is_replaced_by_what_the_receiver_needs() -> None:
    line = MicrophoneLine()
    line.pack(Packing((1, 3)))
    line.say(0)
    for index in range(1, 6):
        line.say(index, None, index - 1)
    assert line.sent[-1].blocks == [(3 * FRAME, frame(2)), (FRAME, frame(4)), (0, frame(5))]
    line.pack(PLAIN)
    line.say(6, None, 5)
    assert line.sent[-1].blocks == [(0, frame(6))]


def test_a_receiver_without_redundancy_gets_none() -> None:
    line = MicrophoneLine(Redundancy.NONE)
    line.pack(Packing((1, 3)))
    for index in range(1, 6):
        line.say(index, None, index - 1)
    assert [packet.blocks for packet in line.sent] == [[(0, frame(i))] for i in range(1, 6)]
    line.pack(Packing((1,), 2))
    line.talk(6, 4)
    assert not any(packet.redundant for packet in line.sent)


def test_who_takes_no_redundancy_but_repeats_gets_those_apart_before_the_sound() -> None:
    line = MicrophoneLine(Redundancy.APART)
    line.pack(Packing((1, 3)))
    for index in range(1, 6):
        line.say(index, None, index - 1)
    assert [packet.payload for packet in line.sent] == [frame(i) for i in (1, 1, 2, 2, 3, 1, 3, 4, 2, 4, 5)]
    assert not any(packet.redundant for packet in line.sent)
    assert line.heard() == {i: frame(i + 1) for i in range(5)}
    assert line.stream.last_timestamp == line.sent[-1].timestamp & 0xFFFFFFFF
    line.pack(Packing((1,), 2))
    line.talk(6, 6)
    merged = [opus.merge([frame(i), frame(i + 1)]) for i in (6, 8, 10)]
    assert [packet.payload for packet in line.sent[11:]] == [merged[i] for i in (0, 0, 1, 1, 2)]
    line.pack(PLAIN)
    line.talk(12, 2)
    assert [packet.payload for packet in line.sent[16:]] == [frame(12), frame(13)]


def test_what_is_repeated_apart_is_not_told_to_begin_a_talk_spurt() -> None:
    line = MicrophoneLine(Redundancy.APART)
    line.pack(USUAL)
    line.say(0, marker=True)
    line.say(1)
    assert [packet.marker for packet in line.sent] == [True, False, False]


def test_frames_that_the_uplink_lost_go_on_in_their_place() -> None:
    line = MicrophoneLine()
    line.say(0)
    line.say(3, None, 1, 2)
    line.say(4, None, 3)
    assert [packet.blocks for packet in line.sent] == [[(0, frame(i))] for i in (0, 1, 2, 3, 4)]
    assert [packet.timestamp - line.sent[0].timestamp for packet in line.sent] == [
        i * FRAME for i in range(5)
    ]


def test_a_frame_that_is_late_goes_on_while_it_can_be_of_use() -> None:
    line = MicrophoneLine()
    late = MAX_LATE // FRAME
    line.talk(0, 2)
    line.talk(4, late)
    line.say(2)
    line.say(3)
    assert [(p.timestamp - line.sent[0].timestamp) // FRAME for p in line.sent[-2:]] == [3 + late, 3]
    line.say(4 + late)
    assert line.sent[-1].timestamp - line.sent[0].timestamp == (4 + late) * FRAME


def test_large_frames_are_not_repeated_beyond_what_a_datagram_holds() -> None:
    line = MicrophoneLine()
    line.pack(Packing((1, 2, 3)))
    for index in range(6):
        line.say(index, SPEECH + bytes(400))
    assert [ticks for ticks, _ in line.sent[-1].blocks] == [FRAME, 0]
    line.say(6, SPEECH + bytes(1100))
    line.say(7, SPEECH + bytes(20))
    assert [ticks for ticks, _ in line.sent[-1].blocks] == [3 * FRAME, 2 * FRAME, 0]


def test_after_a_pause_nothing_is_repeated_from_before_it() -> None:
    line = MicrophoneLine()
    line.pack(Packing((1, 2)))
    line.talk(0, 5)
    line.say(5, SILENCE, sequence=5)
    line.wait(0.4)
    line.say(25, sequence=6, marker=True)
    line.say(26, sequence=7)
    assert [ticks for ticks, _ in line.sent[-2].blocks] == [0]
    assert line.sent[-2].marker
    assert [ticks for ticks, _ in line.sent[-1].blocks] == [FRAME, 0]
    assert line.sent[-1].timestamp - line.sent[0].timestamp == 26 * FRAME


# --- catching up ---


@pytest.mark.parametrize("packing", [PLAIN, Packing((1, 3)), Packing((), 3), Packing((1,), 2)])
def test_a_receiver_begins_anew_at_the_next_packet_and_misses_nothing_of_it(packing: Packing) -> None:
    line = MicrophoneLine()
    line.pack(packing)
    line.talk(0, 5)
    before = len(line.sent)
    line.subscription.begin_anew()
    assert len(line.sent) == before, "until then there is nothing that the receiver could play"
    line.talk(5, 7)
    line.wait(1.0)
    [strange] = [packet for packet in line.sent if packet.strange]
    place = line.sent.index(strange)
    assert line.heard() == {i: frame(i) for i in range(12)}
    assert line.sent[place - 1].timestamp <= strange.timestamp < line.sent[place + 1].timestamp


def test_a_receiver_without_the_other_codec_goes_on_as_it_is() -> None:
    line = MicrophoneLine()
    line.stream.negotiated({"opus": 111}, {}, twcc_id=3, descriptor_id=0)
    line.subscription.begin_anew()
    line.talk(0, 3)
    assert [packet.payload for packet in line.sent] == [frame(i) for i in range(3)]


def test_what_lags_at_its_publisher_is_known() -> None:
    line = MicrophoneLine()
    line.talk(0, 10)
    assert not line.subscription.lags
    line.wait(0.2)
    line.talk(10, 1)
    assert line.subscription.lags


# --- thin ---


@pytest.mark.parametrize("frames", [2, 3])
def test_frames_are_merged_and_leave_when_the_packet_is_full(frames: int) -> None:
    line = MicrophoneLine()
    line.pack(Packing((), frames))
    line.talk(0, 12)
    assert sizes(line) == [frames] * (12 // frames)
    assert line.heard() == {i: frame(i) for i in range(12)}
    assert [b.timestamp - a.timestamp for a, b in pairwise(line.sent)] == [frames * FRAME] * (
        12 // frames - 1
    )
    assert [b.at - a.at for a, b in pairwise(line.sent)] == pytest.approx(
        [frames * 0.02] * (12 // frames - 1)
    )


def test_a_frame_leaves_alone_when_no_other_follows() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    line.say(0)
    assert line.sent == [] and line.woken == [line.subscription.next_timeout()]
    line.wait(0.04 + PATIENCE - 0.001)
    assert line.sent == []
    line.wait(0.002)
    assert [packet.payload for packet in line.sent] == [frame(0)]
    assert line.subscription.next_timeout() == float("inf")


def test_silence_ends_a_packet_and_stays_what_it_is() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    line.say(0)
    line.say(1, SILENCE)
    assert [packet.payload for packet in line.sent] == [frame(0), SILENCE]
    assert line.subscription.next_timeout() == float("inf")


def test_a_change_of_mode_a_gap_and_a_talk_spurt_end_a_packet() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    line.say(0)
    line.say(1, frame(1, OTHER_MODE))
    assert sizes(line) == [1]
    line.say(3, frame(3, OTHER_MODE))
    assert sizes(line) == [1, 1]
    line.say(4, frame(4, OTHER_MODE), marker=True)
    assert sizes(line) == [1, 1, 1]
    line.say(5, frame(5, OTHER_MODE))
    line.say(6, frame(6, OTHER_MODE))
    assert sizes(line) == [1, 1, 1, 3]
    assert [packet.marker for packet in line.sent] == [False, False, False, True]


def test_frames_of_another_duration_are_merged_up_to_the_same_time() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    long = bytes((11 << 3,)) + b"60 ms of SILK"
    line.arrive(0, long, redundant=False, sequence=0)
    assert [packet.payload for packet in line.sent] == [long]
    assert line.woken == []
    short = bytes((14 << 3,))  # hybrid fullband, 10 ms
    stamp = START + 3 * FRAME
    for index in range(6):
        packet = Packet(70_000 + index, stamp + index * 480 & 0xFFFFFFFF, False, short + b"frame %d" % index)
        line.encoding.stream.highest = packet.sequence
        line.publication.on_packet(line.encoding, packet, now=line.now)
    assert sizes(line) == [1, 6]


def test_large_frames_are_merged_only_as_far_as_a_datagram_holds() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    for index in range(3):
        line.say(index, SPEECH + bytes(500))
    line.wait(0.1)
    assert sizes(line) == [2, 1]


def test_packets_that_cannot_be_taken_apart_go_on_as_they_are() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 2))
    broken = bytes((15 << 3 | 2, 200)) + b"two frames, it says, but the first is cut"
    for index in range(3):
        line.say(index, broken)
        line.wait(0.02)
    line.wait(0.1)
    assert [packet.payload for packet in line.sent] == [broken] * 3


def test_merged_packets_are_repeated_as_they_were_sent() -> None:
    line = MicrophoneLine()
    line.pack(Packing((1, 2), 2))
    line.talk(0, 8)
    merged = [opus.merge([frame(i), frame(i + 1)]) for i in (0, 2, 4, 6)]
    assert line.sent[-1].blocks == [(4 * FRAME, merged[1]), (2 * FRAME, merged[2]), (0, merged[3])]
    # Whichever one is lost, the next holds it.
    for lost in range(3):
        listener = Listener()
        for number, packet in enumerate(line.sent):
            if number != lost:
                listener.receive(packet.timestamp, packet.payload, redundant=packet.redundant, now=packet.at)
        assert len(listener.frames) == 8 and listener.conflicts == []


# --- changes ---


def test_packing_changes_without_a_gap() -> None:
    line = MicrophoneLine()
    index = 0
    for packing in (PLAIN, Packing((), 3), USUAL, Packing((), 2), Packing((1,), 3), Packing((1, 3)), PLAIN):
        line.pack(packing)
        line.talk(index, 7)
        index += 7
    line.wait(0.2)
    assert line.heard() == {i: frame(i) for i in range(index)}


def test_held_frames_leave_before_a_change() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    line.say(0)
    line.say(1)
    line.pack(Packing((), 3))
    assert line.sent == [], "the same again changes nothing"
    line.pack(PLAIN)
    assert sizes(line) == [2]


def test_a_muted_microphone_is_not_heard_even_through_redundancy() -> None:
    line = MicrophoneLine()
    line.pack(Packing((1, 2, 3)))
    line.talk(0, 5)
    line.publication.muted = True
    for index in range(5, 10):
        line.say(index, None, index - 1)
        line.wait(0.02)
    line.publication.muted = False
    for index in range(10, 15):
        line.say(index, None, index - 2, index - 1)
        line.wait(0.02)
    assert set(line.heard().values()) == {frame(i) for i in [*range(5), *range(10, 15)]}


def test_a_frame_held_when_its_microphone_is_muted_is_not_heard() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    line.talk(0, 4)
    line.publication.muted = True
    line.wait(1.0)
    assert sizes(line) == [3]


def test_another_microphone_goes_on_behind_the_newest_sound() -> None:
    line = MicrophoneLine()
    line.pack(Packing((), 3))
    line.talk(0, 6)
    line.subscription.close()
    line.publication = line.new_publication()
    line.subscription = AudioSubscription(line.publication, line.stream, Packing((), 3), now=line.now)
    line.encoding = line.new_encoding()
    line.talk(1000, 3)
    assert line.sent[2].timestamp - line.sent[1].timestamp == pytest.approx(3 * FRAME, abs=10)
    line.wait(0.1)
    assert line.sent[2].at - line.sent[1].at == pytest.approx(0.06)


def test_time_that_jumps_makes_no_jump_at_the_receiver() -> None:
    line = MicrophoneLine()
    line.talk(0, 50)
    line.say(1_000_000, sequence=50)
    line.wait(0.02)
    line.say(1_000_001, sequence=51)
    assert [b.timestamp - a.timestamp for a, b in pairwise(line.sent[-3:])] == [FRAME, FRAME]
    line.say(50_000, sequence=52)  # back
    line.wait(0.02)
    assert 0 < line.sent[-1].timestamp - line.sent[-2].timestamp < 3 * FRAME


def test_cost_follows_what_the_microphone_sends() -> None:
    line = MicrophoneLine()
    assert line.subscription.cost(PLAIN) == pytest.approx(57_600), "unheard, but soon heard"
    for index in range(100):
        line.say(index, SPEECH + bytes(39))
        line.wait(0.02)
    known = line.subscription.cost(PLAIN)
    assert 50 * 8 * (64 + 40) <= known < 57_600
    assert line.subscription.cost(USUAL) > known
    assert MicrophoneLine(Redundancy.NONE).subscription.cost(USUAL) == pytest.approx(57_600)


def test_a_muted_microphone_is_not_reckoned_with() -> None:
    line = MicrophoneLine()
    line.talk(0, 10)
    assert line.subscription.activity(now=line.now) == 1.0
    assert line.subscription.activity(now=line.now + 25.0) == pytest.approx(0.5, abs=0.01)
    line.publication.muted = True
    assert line.subscription.activity(now=line.now) == 0.0
