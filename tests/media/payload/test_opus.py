import math
from array import array

import av
import pytest
from av.audio.codeccontext import AudioCodecContext
from hypothesis import given
from hypothesis import strategies as st

from media.payload import opus

SILK_WIDEBAND_20_MS = 9 << 3
CELT_FULLBAND_20_MS = 31 << 3
STEREO = 4
RATE = 48_000

frames = st.binary(max_size=20) | st.binary(min_size=250, max_size=300) | st.just(bytes(opus.MAX_FRAME))
tocs = st.integers(0, 63).map(lambda config_and_channels: config_and_channels << 2)


def speechlike(seconds: float) -> list[int]:
    """Half a second of a voice-like sum of partials, half a second of silence, and again. 16 bit."""
    samples = []
    for i in range(int(seconds * RATE)):
        t = i / RATE
        pitch = 140 + 30 * math.sin(2 * math.pi * 1.7 * t)
        voice = sum(math.sin(2 * math.pi * pitch * k * t) / k for k in range(1, 12))
        loud = (0.5 + 0.5 * math.sin(2 * math.pi * 4 * t)) * (t % 1 < 0.5)
        samples.append(int(6000 * loud * voice))
    return samples


def encode(seconds: float = 1.0, *, channels: int = 1, **options: str) -> list[bytes]:
    """Packets of libopus, 20 ms each unless `options` say otherwise."""
    layout = "mono" if channels == 1 else "stereo"
    context = AudioCodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = RATE, layout, "s16"
    context.options = options
    context.open()
    size = context.frame_size
    samples = [value for value in speechlike(seconds) for _ in range(channels)]
    packets = []
    for at in range(0, len(samples) - size * channels + 1, size * channels):
        frame = av.AudioFrame(format="s16", layout=layout, samples=size)
        frame.sample_rate, frame.pts = RATE, at // channels
        frame.planes[0].update(array("h", samples[at : at + size * channels]).tobytes())
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def decode(packets: list[bytes]) -> bytes:
    """What libopus makes of them in turn, as PCM."""
    context = AudioCodecContext.create("libopus", "r")
    context.sample_rate, context.layout = RATE, "stereo"
    pcm = b""
    for packet in packets:
        for frame in context.decode(av.Packet(packet)):
            samples = frame.to_ndarray()
            assert samples.shape[0] in (1, 2)
            pcm += samples.T.tobytes() if frame.format.is_planar else samples.tobytes()
    return pcm


def merge_all(packets: list[bytes], count: int) -> list[bytes]:
    merged = [opus.merge(packets[i : i + count]) for i in range(0, len(packets) - count + 1, count)]
    assert all(packet is not None for packet in merged)
    return [packet for packet in merged if packet is not None]


@pytest.mark.parametrize(
    ("config", "milliseconds"),
    [
        *[(base + i, ms) for base in (0, 4, 8) for i, ms in enumerate((10, 20, 40, 60))],
        *[(base + i, ms) for base in (12, 14) for i, ms in enumerate((10, 20))],
        *[(base + i, ms) for base in (16, 20, 24, 28) for i, ms in enumerate((2.5, 5, 10, 20))],
    ],
)
def test_frame_durations_are_those_of_rfc_6716_table_2(config: int, milliseconds: float):
    toc = opus.parse_toc(bytes((config << 3 | STEREO,)))
    assert toc == opus.Toc(config, int(milliseconds * 48), 2, 0)


def test_a_packet_lasts_as_long_as_its_frames():
    assert opus.duration(bytes((CELT_FULLBAND_20_MS,)) + b"x") == 960
    assert opus.duration(bytes((CELT_FULLBAND_20_MS | 1,)) + b"xy") == 1920
    assert opus.duration(bytes((CELT_FULLBAND_20_MS | 2,)) + b"\x01xy") == 1920
    assert opus.duration(bytes((CELT_FULLBAND_20_MS | 3, 6))) == 5760


def test_a_packet_of_no_frames_or_over_120_ms_is_malformed():
    assert opus.duration(b"") is None
    assert opus.duration(bytes((CELT_FULLBAND_20_MS | 3,))) is None
    assert opus.duration(bytes((CELT_FULLBAND_20_MS | 3, 0))) is None
    assert opus.duration(bytes((CELT_FULLBAND_20_MS | 3, 7))) is None


def test_frames_of_every_code_are_found():
    toc = SILK_WIDEBAND_20_MS
    assert opus.split(bytes((toc,)) + b"abc") == (b"abc",)
    assert opus.split(bytes((toc | 1,)) + b"abcd") == (b"ab", b"cd")
    assert opus.split(bytes((toc | 2, 3)) + b"abcd") == (b"abc", b"d")
    assert opus.split(bytes((toc | 3, 3)) + b"abcdef") == (b"ab", b"cd", b"ef")
    assert opus.split(bytes((toc | 3, 0x80 | 3, 1, 0)) + b"abc") == (b"a", b"", b"bc")
    assert opus.split(bytes((toc | 3, 0x40 | 2, 3)) + b"abcd" + bytes(3)) == (b"ab", b"cd")
    assert opus.split(bytes((toc | 3, 0xC0 | 2, 1, 3)) + b"abcd" + bytes(1)) == (b"abc", b"d")


def test_long_sizes_and_long_padding_take_two_bytes():
    toc = SILK_WIDEBAND_20_MS
    assert opus.split(bytes((toc | 2, 253, 1)) + bytes(257) + b"d") == (bytes(257), b"d")
    assert opus.split(bytes((toc | 3, 0x40 | 1, 255, 2)) + b"ab" + bytes(256)) == (b"ab",)


@pytest.mark.parametrize(
    "packet",
    [
        b"\x49abc",  # code 1, odd
        b"\x4a\x04abc",  # code 2, size past the end
        b"\x4a",  # code 2, no size
        b"\x4a\xfc",  # code 2, half a size
        b"\x4b\x02abc",  # code 3, not divisible
        b"\x4b\x82\x04abc",  # code 3 VBR, size past the end
        b"\x4b\x41\x04abc",  # more padding than packet
        b"\x4b\x41\xff",  # padding that never ends
        b"\x48" + bytes(opus.MAX_FRAME + 1),
    ],
)
def test_a_packet_against_the_rules_is_malformed(packet: bytes):
    assert opus.split(packet) is None
    assert opus.merge([packet]) is None


def test_frames_of_equal_size_are_merged_without_sizes():
    toc = CELT_FULLBAND_20_MS
    assert opus.merge([bytes((toc,)) + b"ab", bytes((toc,)) + b"cd"]) == bytes((toc | 3, 2)) + b"abcd"


def test_frames_of_unequal_size_are_merged_with_sizes():
    toc = CELT_FULLBAND_20_MS
    packets = [bytes((toc,)) + b"ab", bytes((toc,)) + bytes(300), bytes((toc,)) + b"c"]
    assert opus.merge(packets) == bytes((toc | 3, 0x80 | 3, 2, 252, 12)) + b"ab" + bytes(300) + b"c"


def test_packets_that_differ_are_not_merged():
    silk, celt = bytes((SILK_WIDEBAND_20_MS,)) + b"ab", bytes((CELT_FULLBAND_20_MS,)) + b"ab"
    stereo = bytes((SILK_WIDEBAND_20_MS | STEREO,)) + b"ab"
    assert opus.merge([silk, celt]) is None
    assert opus.merge([silk, stereo]) is None
    assert opus.merge([]) is None


def test_no_more_than_120_ms_are_merged():
    packet = bytes((CELT_FULLBAND_20_MS,)) + b"ab"
    assert opus.merge([packet] * 6) is not None
    assert opus.merge([packet] * 7) is None


def test_only_the_shortest_packets_say_silence():
    assert opus.is_dtx(b"\x48") and opus.is_dtx(b"\x48\x00")
    assert not opus.is_dtx(b"") and not opus.is_dtx(b"\x48\x00\x00")


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"application": "voip", "b": "16000"},  # SILK
        {"application": "voip", "b": "32000", "fec": "1", "packet_loss": "20"},  # in-band FEC
        {"application": "audio", "b": "64000"},  # CELT
        {"application": "voip", "b": "24000", "vbr": "off"},  # equal sizes
        {"application": "voip", "b": "12000", "frame_duration": "40"},
    ],
    ids=["silk", "fec", "celt", "cbr", "40 ms"],
)
def test_libopus_decodes_a_merged_packet_to_the_same_samples(options: dict[str, str], count: int):
    packets = encode(**options)
    groups = [packets[i : i + count] for i in range(0, len(packets) - count + 1, count)]
    usable = [packet for group in groups if _same_toc(group) for packet in group]
    assert len(usable) >= 12, "the encoder changes its mode a few times at most"
    merged = merge_all(usable, count)
    assert len(merged) * count == len(usable)
    original = decode(usable)
    assert any(original)
    assert decode(merged) == original


def test_libopus_decodes_merged_silence_to_the_same_samples():
    # libav has no switch for DTX: its packets (a TOC alone) are put in by hand.
    packets = encode(application="voip", b="16000")
    toc = packets[-1][:1]
    spoken = [packet for packet in packets if packet[:1] == toc][:6]
    with_silence = [*spoken, toc, toc, *spoken]
    assert decode(merge_all(with_silence, 2)) == decode(with_silence)


def test_stereo_is_merged_too():
    packets = encode(channels=2, application="audio", b="96000")
    packets = [packet for packet in packets if packet[:1] == packets[-1][:1]]
    packets = packets[: len(packets) // 3 * 3]
    toc = opus.parse_toc(packets[0])
    assert toc is not None and toc.channels == 2
    assert decode(merge_all(packets, 3)) == decode(packets)


def _same_toc(packets: list[bytes]) -> bool:
    return len({packet[0] & 0xFC for packet in packets}) == 1


@given(tocs, st.lists(frames, min_size=1, max_size=6))
def test_frames_survive_being_merged_and_split(toc: int, parts: list[bytes]):
    merged = opus.merge([bytes((toc,)) + part for part in parts])
    if merged is None:
        assert opus.duration(bytes((toc,))) * len(parts) > opus.MAX_DURATION
    else:
        assert opus.split(merged) == tuple(parts)
        assert opus.merge([merged]) == merged, "what is merged may be merged again"


@given(st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: b"\x4b" + data))
def test_no_bytes_break_the_parser(packet: bytes):
    parts = opus.split(packet)
    opus.is_dtx(packet)
    if parts is not None:
        toc = opus.parse_toc(packet)
        assert toc is not None and opus.duration(packet) == toc.frame_duration * len(parts)
        assert sum(map(len, parts)) < len(packet)
        assert opus.split(opus.merge([packet]) or b"") == parts
