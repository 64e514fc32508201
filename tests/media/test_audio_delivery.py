"""What a receiver hears of a microphone, whatever happens to the packets on both ways."""

import random
from array import array
from dataclasses import dataclass
from itertools import pairwise
from math import pi, sin

import av
import pytest
from av.audio.codeccontext import AudioCodecContext
from hypothesis import assume, given
from hypothesis import strategies as st

from media.audio import MAX_GAP, PATIENCE
from media.packing import FRAME, Packing, Redundancy
from media.payload import opus, red
from media.protection import PACKINGS, residual_loss
from media.testing.link import Link, LinkSettings
from media.testing.listener import Listener
from media.testing.microphone import SPEECH, MicrophoneLine, Sent, frame
from media.testing.sender import OPUS
from media.voice import MAX_LATE

SILENCE = SPEECH + b"\0"  # DTX
MODES = SPEECH, bytes((9 << 3,))  # TOCs: the other one is wideband SILK, 20 ms
RATE = 48_000


@dataclass
class Uplink:
    """What a publisher's frames go through; `arrivals` are (when, index, copies)."""

    silent: set[int]
    arrivals: list[tuple[float, int, tuple[int, ...]]]

    def said(self, index: int) -> bytes:
        """The mode changes now and then."""
        return SILENCE if index in self.silent else frame(index, MODES[index // 11 % 2])


@st.composite
def uplinks(draw: st.DrawFn) -> Uplink:
    rng = draw(st.randoms(use_true_random=False))
    distances = draw(st.sampled_from([(), (1,), (2,), (1, 2)]))
    loss, jitter = draw(st.sampled_from([0.0, 0.1, 0.4])), draw(st.sampled_from([0.0, 0.01, 0.05, 0.3]))
    spoken: list[int] = []
    silent: set[int] = set()
    index = 0
    for _ in range(draw(st.integers(1, 5))):
        spurt = draw(st.integers(1, 25))
        spoken += range(index, index + spurt)
        index += spurt
        if draw(st.booleans()):
            spoken.append(index)
            silent.add(index)
            index += draw(st.integers(1, 60))
    spoken_set = set(spoken)
    arrivals = []
    for number in spoken:
        if rng.random() >= loss or number == 0:
            copies = tuple(number - d for d in sorted(distances, reverse=True) if number - d in spoken_set)
            arrivals.append((number * 0.02 + rng.random() * jitter, number, copies))
    heard = [number for _, number, _ in arrivals]
    # Beyond that, time goes on by the relay's clock: no multiple of a frame.
    assume(all(later - earlier <= MAX_GAP // FRAME for earlier, later in pairwise(heard)))
    return Uplink(silent, sorted(arrivals))


@given(
    uplinks(), st.lists(st.tuples(st.floats(0, 2), st.sampled_from(PACKINGS))), st.sampled_from(Redundancy)
)
def test_whatever_happens_all_that_can_be_heard_is_heard_once_and_in_time(
    uplink: Uplink, changes: list[tuple[float, Packing]], redundancy: Redundancy
) -> None:
    line = MicrophoneLine(redundancy)
    begin = line.now
    held = max((packing.hold for _, packing in changes), default=0.0)
    plan = sorted(changes, key=lambda change: change[0])
    sequences = {index: place for place, index in enumerate(sorted({a[1] for a in uplink.arrivals}))}
    expected: dict[int, float] = {}  # frame -> when it was known
    first = newest = uplink.arrivals[0][1]
    for at, index, copies in uplink.arrivals:
        while plan and plan[0][0] <= at:
            when, packing = plan.pop(0)
            line.wait(max(begin + when - line.now, 0))
            line.pack(packing)
        line.wait(max(begin + at - line.now, 0))
        data = {known: uplink.said(known) for known in (*copies, index)}
        blocks = [red.Block(OPUS, (index - copy) * FRAME, data[copy]) for copy in copies]
        payload = red.build([*blocks, red.Block(OPUS, 0, data[index])]) if copies else data[index]
        for known in (*copies, index):
            if known >= first and known >= newest - MAX_LATE // FRAME and known not in expected:
                expected[known] = at
                newest = max(newest, known)
        line.arrive(index, payload, redundant=bool(copies), sequence=sequences[index])
    line.wait(1.0)

    listener = Listener()
    for packet in line.sent:
        listener.receive(packet.timestamp, packet.payload, redundant=packet.redundant, now=packet.at)
    assert listener.conflicts == [] and listener.unreadable == 0
    zero = line.sent[0].timestamp
    heard = {(stamp - zero) // FRAME + first: found for stamp, found in listener.frames.items()}
    assert all((stamp - zero) % FRAME == 0 for stamp in listener.frames)
    assert heard.keys() == expected.keys()
    for index, found in heard.items():
        assert found.data == uplink.said(index)
        assert found.at - begin - expected[index] <= held + PATIENCE + 1e-6
    if redundancy is Redundancy.APART:
        return
    # In order, but for what came late; and outside of copies each frame once.
    primary = [packet.timestamp + k * FRAME for packet in line.sent for k in range(len(split(packet)))]
    assert len(set(primary)) == len(primary)


def split(packet: Sent) -> tuple[bytes, ...]:
    return opus.split(packet.blocks[-1][1]) or ()


# Residual loss in percent: iid and in bursts; from a simulation of the distances alone.
TABLE = {
    (0.1, 1): {(): 10, (1,): 1.0, (1, 2): 0.1, (1, 3): 0.1, (1, 2, 3): 0.0},
    (0.2, 1): {(): 20, (1,): 4.0, (1, 2): 0.8, (1, 3): 0.8, (1, 2, 3): 0.2},
    (0.3, 1): {(): 30, (1,): 9.0, (1, 2): 2.7, (1, 3): 2.7, (1, 2, 3): 0.8},
    (0.3, 2): {(): 30, (1,): 15.0, (1, 2): 7.5, (1, 3): 5.4, (1, 2, 3): 3.8},
    (0.3, 3): {(): 30, (1,): 20.2, (1, 2): 13.5, (1, 3): 10.0, (1, 2, 3): 9.0},
    (0.3, 5): {(): 30, (1,): 24.0, (1, 2): 19.2, (1, 3): 15.8, (1, 2, 3): 15.4},
    (0.5, 1): {(): 50, (1,): 25.0, (1, 2): 12.5, (1, 3): 12.5, (1, 2, 3): 6.3},
}
CASES = [(loss, burst, d, left) for (loss, burst), row in TABLE.items() for d, left in row.items()]


# Of packets apart a run of losses takes more: in frames it is shorter than the link says.
WAYS = [(*case, Redundancy.RED) for case in CASES]
WAYS += [(*case, Redundancy.APART) for case in CASES if case[1] == 1]


@pytest.mark.parametrize(("loss", "burst", "distances", "percent", "redundancy"), WAYS)
def test_redundancy_leaves_as_much_lost_as_theory_says(
    loss: float, burst: int, distances: tuple[int, ...], percent: float, redundancy: Redundancy
) -> None:
    line = MicrophoneLine(redundancy)
    line.pack(Packing(distances))
    count = 6000
    for index in range(count):
        line.say(index)
        line.now += 0.02
    link = Link(LinkSettings(loss=loss, burst=burst), random.Random(1))
    listener = Listener()
    for packet in line.sent:
        if link.send(100, now=packet.at):
            listener.receive(packet.timestamp, packet.payload, redundant=packet.redundant, now=packet.at)
    left = 1 - len(listener.frames) / count
    assert listener.conflicts == []
    assert 100 * left == pytest.approx(percent, rel=0.12, abs=0.5)
    assert 100 * residual_loss(distances, 1, loss, burst) == pytest.approx(percent, rel=0.05, abs=0.1)


def encode(seconds: float) -> list[bytes]:
    """Packets of libopus, 20 ms each: half a second of something like a voice, half a second of silence."""
    context = AudioCodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = RATE, "mono", "s16"
    context.options = {"application": "voip", "b": "24000"}
    context.open()
    packets = []
    for at in range(0, int(seconds * RATE), FRAME):
        pcm = array("h")
        for i in range(at, at + FRAME):
            t = i / RATE
            pitch = 140 + 30 * sin(2 * pi * 1.7 * t)
            pcm.append(int(5000 * (t % 1 < 0.5) * sum(sin(2 * pi * pitch * k * t) / k for k in range(1, 9))))
        picture = av.AudioFrame(format="s16", layout="mono", samples=FRAME)
        picture.sample_rate, picture.pts = RATE, at
        picture.planes[0].update(pcm.tobytes())
        packets += [bytes(packet) for packet in context.encode(picture)]
    return packets


def decode(packets: list[bytes]) -> bytes:
    context = AudioCodecContext.create("libopus", "r")
    context.sample_rate, context.layout = RATE, "stereo"
    decoded = [found for packet in packets for found in context.decode(av.Packet(packet))]
    return b"".join(found.to_ndarray().T.tobytes() for found in decoded)


@pytest.mark.parametrize("frames", [2, 3])
def test_libopus_decodes_what_the_relay_merged_to_the_same_samples(frames: int) -> None:
    spoken = encode(3.0)
    line = MicrophoneLine()
    line.pack(Packing((), frames))
    for index, packet in enumerate(spoken):
        line.say(index, packet)
        line.wait(0.02)
    line.wait(0.1)
    merged = [packet.payload for packet in line.sent]
    assert len(merged) < 0.7 * len(spoken)
    original = decode(spoken)
    assert any(original)
    assert decode(merged) == original
