"""What one microphone sends, as Opus packets in order of time, whatever they came in.

Unpacking happens once, for all who listen. Sound that the publisher's redundancy brings back is given out as
if it had come, right before what came with it; so is what arrives late, while it can still be of use.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from media.packing import CLOCK, with_copies
from media.payload import opus, red
from media.rtp.sequence import unwrap32
from media.speech_rate import SpeechRate

MAX_LATE: Final = CLOCK // 5  # ticks behind the newest, 200 ms: what receivers buffer at most
MAX_REGAINED: Final = 8  # packets taken out of one
REMEMBERED: Final = 128  # packets; RFC 2198 reaches back 341 ms

_timestamp = attrgetter("timestamp")


class OpusPacket:
    """One packet as the publisher's encoder made it."""

    __slots__ = ("data", "marker", "samples", "timestamp")

    def __init__(self, timestamp: int, samples: int, data: bytes, marker: bool) -> None:
        self.timestamp = timestamp  # unwrapped
        self.samples = samples  # ticks it lasts, 0 if it can't be read
        self.data = data
        self.marker = marker


class Voice:
    """Remembers the latest packets of one microphone."""

    __slots__ = ("_begin", "_newest", "_packed", "_packets", "rate")

    def __init__(self, *, now: float) -> None:
        self.rate = SpeechRate(now=now)
        self._packets: dict[int, OpusPacket] = {}  # by timestamp
        self._begin = -1  # nothing from before it is given out
        self._newest = -1
        self._packed: dict[tuple[int, tuple[int, ...], int], bytes] = {}  # what `redundant` has made

    def restart(self) -> None:
        """What comes next is no continuation; what was said before it is nobody's business (a mute)."""
        self._packets.clear()
        self._packed.clear()
        self._begin = self._newest = -1

    def read(
        self, timestamp: int, payload: bytes, *, redundant: bool, marker: bool, newest: bool, now: float
    ) -> tuple[OpusPacket, ...]:
        """What an RTP packet brings that was not known, oldest first. `redundant`: its payload is RFC 2198;
        `newest`: by its sequence number."""
        self._packed.clear()
        if self._newest < 0:
            self._begin = self._newest = at = timestamp + (1 << 32)
        else:
            at = unwrap32(timestamp, self._newest)
            if newest and at < self._newest - MAX_LATE:  # the publisher's clock began anew
                at += 1 << 32
                self._begin = at
        if not redundant:
            packet = self._take(at, payload, marker, now) if payload else None
            return () if packet is None else (packet,)
        blocks = red.parse(payload)
        if blocks is None:
            return ()
        taken = []
        known, own = self._packets, blocks[-1].data
        for _, ticks, data in blocks[-MAX_REGAINED:]:
            if data and at - ticks not in known and (ticks or data is own):
                packet = self._take(at - ticks, data, marker and not ticks, now)
                if packet is not None:
                    taken.append(packet)
        if len(taken) > 1:
            taken.sort(key=_timestamp)
        if len(blocks) == 2:
            self._keep(at, payload, blocks[0], blocks[1])
        return tuple(taken)

    def redundant(self, packet: OpusPacket, distances: tuple[int, ...], payload_type: int) -> bytes:
        """`packet` with those that lie `distances` before it (RFC 2198); b"" where none is known. Made once
        for all receivers with this `payload_type` of Opus."""
        key = (packet.timestamp, distances, payload_type)
        packed = self._packed.get(key)
        if packed is None:
            copies = self.before(packet, distances)
            packed = self._packed[key] = with_copies(packet.data, copies, payload_type)
        return packed

    def before(self, packet: OpusPacket, distances: tuple[int, ...]) -> list[tuple[int, bytes]]:
        """(ticks back, data) of those that lie `distances` before `packet` and are known."""
        packets, at = self._packets, packet.timestamp
        steps = [distance * packet.samples for distance in distances if packet.samples]
        return [(step, packets[at - step].data) for step in steps if at - step in packets]

    def _take(self, at: int, data: bytes, marker: bool, now: float) -> OpusPacket | None:
        if at < self._begin or at < self._newest - MAX_LATE or at in self._packets:
            return None
        packet = OpusPacket(at, opus.duration(data) or 0, data, marker)
        self._packets[at] = packet
        if len(self._packets) > REMEMBERED:
            del self._packets[next(iter(self._packets))]
        if at > self._newest:
            self._newest = at
        if packet.samples and not opus.is_dtx(data):
            self.rate.add(at, len(data), packet.samples, now=now)
        return packet

    def _keep(self, at: int, payload: bytes, copy: red.Block, sound: red.Block) -> None:
        """Most publishers send what most receivers get: then nothing has to be built."""
        packet, before = self._packets.get(at), self._packets.get(at - copy.timestamp_offset)
        if (
            packet is not None
            and before is not None
            and packet.samples == copy.timestamp_offset
            and packet.data == sound.data
            and before.data == copy.data
            and copy.payload_type == sound.payload_type
        ):
            self._packed[at, (1,), sound.payload_type] = payload
