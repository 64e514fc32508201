from itertools import pairwise

from benchmarks.load.traffic import (
    FRAME_RATE,
    MAX_PAYLOAD,
    MIN_PAYLOAD,
    STAMP_AT,
    TEMPORAL_PATTERN,
    Encoding,
    Vp8Encoder,
    simulcast,
    split,
    stamp,
)
from media.payload import vp8

FULL = Encoding("f", 1280, 720, 1_500_000)


def payload(packet):
    return packet.prefix + bytes(packet.size - len(packet.prefix))


def test_a_keyframe_says_its_size_and_begins_a_frame():
    packets = Vp8Encoder(FULL, 1).frame(keyframe=True)
    first = vp8.parse(payload(packets[0]))
    assert first.start and first.keyframe
    assert (first.width, first.height) == (1280, 720)
    assert not any(vp8.parse(payload(packet)).start for packet in packets[1:])


def test_frames_follow_the_temporal_pattern_with_growing_picture_ids():
    encoder = Vp8Encoder(FULL, 1)
    frames = [vp8.parse(payload(encoder.frame(keyframe=index == 0)[0])) for index in range(9)]
    assert [frame.tid for frame in frames[:5]] == [0, 2, 1, 2, 0]
    assert [b.picture_id - a.picture_id & 0x7FFF for a, b in pairwise(frames)] == [1] * 8
    assert frames[4].tl0 - frames[0].tl0 & 0xFF == 1
    assert [frame.keyframe for frame in frames] == [True] + [False] * 8


def test_the_bitrate_is_kept_on_average():
    encoder = Vp8Encoder(FULL, 7)
    seconds = 60
    size = sum(p.size for _ in range(seconds * FRAME_RATE) for p in encoder.frame(keyframe=False))
    assert 0.95 < size * 8 / seconds / FULL.bitrate < 1.05


def test_temporal_layers_share_the_whole_bitrate():
    assert sum(share for _, share, _, _ in TEMPORAL_PATTERN) == len(TEMPORAL_PATTERN)


def test_the_same_seed_makes_the_same_frames():
    one, other = Vp8Encoder(FULL, 3), Vp8Encoder(FULL, 3)
    assert [one.frame(keyframe=False) for _ in range(20)] == [other.frame(keyframe=False) for _ in range(20)]


def test_packets_of_a_frame_differ_by_a_byte_and_the_larger_come_last():
    assert split(3001) == [1000, 1000, 1001]
    assert sum(split(5_003)) == 5_003
    assert max(split(100 * MAX_PAYLOAD)) == MAX_PAYLOAD
    assert split(1) == [MIN_PAYLOAD]


def test_the_stamp_is_read_behind_the_codec_headers():
    assert stamp(bytes(STAMP_AT) + (123456789).to_bytes(8, "big") + b"rest") == 123456789
    assert stamp(bytes(STAMP_AT)) is None


def test_simulcast_is_largest_first_and_never_inverted():
    assert [encoding.rid for encoding in simulcast(1500, 3)] == ["f", "h", "q"]
    rates = [encoding.bitrate for encoding in simulcast(300, 3)]
    assert rates == sorted(rates, reverse=True)
    assert len(simulcast(1500, 1)) == 1
