"""A receiver in numbers: what a browser would make of the packets that a relay sends it.

It keeps a log of all packets, so that tests can look at numbers, and decodes by what `FrameMark` says: a
frame is shown if all of it and the frame that it refers to came.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from media.payload import vp8
from media.rtp.sequence import unwrap16, unwrap32
from media.testing.traffic import FrameMark, read_mark

NACK_WAIT = 0.01  # seconds
MAX_REQUESTS = 10  # libwebrtc: nack_requester.cc
MAX_MISSING = 1000  # the same; beyond, a keyframe is asked for
KEYFRAME_WAIT = 0.2  # seconds without anything to decode before the first keyframe is asked for again
FRAME_WAIT = 3.0  # seconds; libwebrtc: video_receive_stream2.h


class Received(NamedTuple):
    """One packet as it came."""

    at: float
    sequence: int  # unwrapped
    timestamp: int  # unwrapped
    marker: bool
    payload_type: int
    payload: bytes
    frame_number: int | None  # of the dependency descriptor
    repaired: bool  # came as RTX


class Shown(NamedTuple):
    """One decoded frame."""

    at: float
    timestamp: int
    mark: FrameMark
    width: int
    temporal: int | None


class StreamReceiver:
    """Numbers, loss and requests of one SSRC."""

    def __init__(self) -> None:
        self.log: list[Received] = []
        self.duplicates = 0
        self.highest = -1
        self.missing: dict[int, list[float]] = {}  # sequence -> [requests made, next request at]
        self._seen: set[int] = set()
        self._received = 0  # packets, but for repairs
        self._reported = (0, 0)  # packets expected and received until the last report
        self._timestamp = -1

    @property
    def packets(self) -> int:
        return len(self.log)

    def receive(
        self,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload_type: int,
        payload: bytes,
        *,
        frame_number: int | None = None,
        repaired: bool = False,
        now: float,
    ) -> Received | None:
        """None: seen before."""
        extended = unwrap16(sequence, self.highest) if self.highest >= 0 else sequence + 0x10000
        if extended in self._seen:
            self.duplicates += not repaired
            return None
        if self.highest >= 0:
            for lost in range(self.highest + 1, extended):
                self.missing[lost] = [0, now + NACK_WAIT]
        self.missing.pop(extended, None)
        self._seen.add(extended)
        self._received += not repaired
        self.highest = max(self.highest, extended)
        self._timestamp = (
            unwrap32(timestamp, self._timestamp) if self._timestamp >= 0 else timestamp + (1 << 32)
        )
        packet = Received(
            now, extended, self._timestamp, marker, payload_type, payload, frame_number, repaired
        )
        self.log.append(packet)
        return packet

    def fraction_lost(self) -> int:
        """Of the packets since the last call, in 256 parts (RFC 3550 section 6.4.1)."""
        expected, received = self.highest - self.log[0].sequence + 1, self._received
        before, self._reported = self._reported, (expected, received)
        expected, received = expected - before[0], received - before[1]
        return (expected - received) * 256 // expected if 0 < received < expected else 0

    def due_nacks(self, rtt: float, *, now: float) -> list[int]:
        due = []
        for sequence, entry in list(self.missing.items()):
            if now < entry[1]:
                continue
            if entry[0] >= MAX_REQUESTS:
                del self.missing[sequence]
                continue
            entry[0] += 1
            entry[1] = now + rtt
            due.append(sequence & 0xFFFF)
        return due

    def holes(self) -> list[int]:
        """Sequence numbers that never came."""
        numbers = sorted(self._seen)
        return sorted(set(range(numbers[0], numbers[-1])) - self._seen) if numbers else []

    def in_order(self) -> list[Received]:
        return sorted(self.log, key=lambda packet: packet.sequence)


class VideoReceiver(StreamReceiver):
    """Frames of one stream."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Shown] = []
        self.wants_keyframe = False
        self._begun_at: float | None = None
        self._by_sequence: dict[int, Received] = {}
        self._waiting: dict[int, list[Received]] = {}  # whole frames by first sequence number
        self._decoded: set[tuple[int, int]] = set()  # (encoder, number of the frame)
        self._last_decoded = -1  # sequence number

    def take(self, packet: Received, *, now: float) -> None:
        """A packet that `receive` let through."""
        if self._begun_at is None:
            self._begun_at = now
        self._by_sequence[packet.sequence] = packet
        frame = self._frame_around(packet)
        if frame is not None:
            self._waiting[frame[0].sequence] = frame
            self._decode(now)
        if len(self.missing) > MAX_MISSING:
            self.missing.clear()
            self.wants_keyframe = True

    def needs_keyframe(self, *, now: float) -> bool:
        """Whether to send a PLI; asked a few times a second."""
        if self.wants_keyframe or self._begun_at is None:
            wanted, self.wants_keyframe = self.wants_keyframe, False
            return wanted
        if not self.shown:
            return now - self._begun_at > KEYFRAME_WAIT
        return now - max(self.shown[-1].at, self._begun_at) > FRAME_WAIT

    def longest_gap(self, since: float = 0.0, until: float | None = None) -> float:
        """The longest time without a new picture, in seconds."""
        times = [s.at for s in self.shown if s.at >= since and (until is None or s.at <= until)]
        if not times:
            return float("inf")
        times += [until] if until is not None else []
        return max((b - a for a, b in pairwise(times)), default=0.0)

    def faults(self) -> list[str]:
        """What is wrong with the numbers of neighbouring packets; none of it can be the network's doing."""
        faults = ["a number was used twice"] * self.duplicates
        before: Received | None = None
        tl0 = picture = None
        for packet in self.in_order():
            head = vp8.parse(packet.payload)
            if before is None or packet.sequence != before.sequence + 1 or head is None:
                tl0 = picture = None
            elif packet.timestamp < before.timestamp:
                faults.append(f"{packet.sequence}: time goes backwards")
            elif packet.timestamp == before.timestamp and head.start:
                faults.append(f"{packet.sequence}: two frames have one time")
            elif packet.timestamp > before.timestamp and not head.start and before.marker:
                faults.append(f"{packet.sequence}: a frame has no beginning")
            if head is not None and head.start and head.picture_id is not None:
                if picture is not None and head.picture_id != (picture + 1) % 0x8000:
                    faults.append(f"{packet.sequence}: picture {head.picture_id} follows {picture}")
                if not head.keyframe and tl0 is not None and head.tl0 != (tl0 + (head.tid == 0)) % 0x100:
                    faults.append(f"{packet.sequence}: TL0PICIDX {head.tl0} follows {tl0}")
                picture, tl0 = head.picture_id, head.tl0
            before = packet
        return faults

    def _frame_around(self, packet: Received) -> list[Received] | None:
        """The frame that the packet completes."""
        first = packet
        while not _is_start(first):
            before = self._by_sequence.get(first.sequence - 1)
            if before is None or before.timestamp != packet.timestamp:
                return None
            first = before
        frame = [first]
        while not frame[-1].marker:
            after = self._by_sequence.get(frame[-1].sequence + 1)
            if after is None or after.timestamp != packet.timestamp:
                return None
            frame.append(after)
        return frame

    def _decode(self, now: float) -> None:
        for first in sorted(self._waiting):
            frame = self._waiting[first]
            mark = read_mark(frame[0].payload)
            if first <= self._last_decoded or mark is None:
                del self._waiting[first]
                continue
            reference = (mark.encoder, mark.number - mark.distance)
            if mark.distance and reference not in self._decoded:
                continue
            if not mark.distance:
                self._decoded.clear()
            self._decoded.add((mark.encoder, mark.number))
            self._last_decoded = frame[-1].sequence
            del self._waiting[first]
            head = vp8.parse(frame[0].payload)
            assert head is not None
            width = head.width or (self.shown[-1].width if self.shown else 0)
            self.shown.append(Shown(now, frame[0].timestamp, mark, width, head.tid))


def _is_start(packet: Received) -> bool:
    head = vp8.parse(packet.payload)
    return head is not None and head.start
