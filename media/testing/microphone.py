"""One microphone to one receiver, without peers: what the relay makes of its packets."""

from __future__ import annotations

from dataclasses import dataclass, field

from media.audio import AudioSubscription
from media.congestion.sent import SentPackets
from media.encoding import Encoding, Packet
from media.packing import CLOCK, FRAME, MAX_PAYLOAD, PLAIN, Packing, Redundancy
from media.payload import red
from media.payload.formats import STRANGE
from media.publication import Publication
from media.rtp.packet import RtpHeader, header_length
from media.stream.clock import SenderClock
from media.stream.outlet import Outlet
from media.stream.receive import ReceiveStream
from media.stream.send import SendStream
from media.testing.listener import Listener
from media.testing.sender import OPUS, PCMU, RED

START = 0xFFFF_0000  # of the publisher's timestamps, which wrap soon
SPEECH = bytes((15 << 3,))  # TOC of hybrid fullband, 20 ms


@dataclass
class Sent:
    """A packet as it left. `timestamp` is unwrapped."""

    sequence: int
    timestamp: int
    marker: bool
    redundant: bool
    payload: bytes
    at: float
    strange: bool  # of the codec that nobody speaks

    @property
    def blocks(self) -> list[tuple[int, bytes]]:
        """(ticks back, data)"""
        if not self.redundant:
            return [(0, self.payload)]
        return [(block.timestamp_offset, block.data) for block in red.parse(self.payload) or ()]


@dataclass
class MicrophoneLine:
    """A microphone, the relay's part for one receiver, and what left towards that."""

    redundancy: Redundancy = Redundancy.RED
    now: float = 100.0
    sent: list[Sent] = field(default_factory=list)
    woken: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        outlet = Outlet(SentPackets(), self._leave)
        outlet.wake = self.woken.append
        self.stream = SendStream(
            mid="0",
            ssrc=7,
            rtx_ssrc=None,
            sequence=65_530,
            clock_rate=CLOCK,
            video=False,
            outlet=outlet,
            takes_repeats=self.redundancy is Redundancy.APART,
        )
        types = {"opus": OPUS, STRANGE: PCMU} | ({"red": RED} if self.redundancy is Redundancy.RED else {})
        self.stream.negotiated(types, {}, twcc_id=3, descriptor_id=0)
        self.publication = self.new_publication()
        self.subscription = AudioSubscription(self.publication, self.stream, PLAIN, now=self.now)
        self.encoding = self.new_encoding()

    def new_publication(self) -> Publication:
        return Publication(
            "microphone",
            "audio",
            "0",
            (),
            SenderClock(),
            send_rtcp=lambda packet: None,
            on_changed=lambda publication: None,
            wake=lambda at: None,
        )

    def new_encoding(self) -> Encoding:
        encoding = Encoding("", ReceiveStream(9, CLOCK, nacks=False), now=self.now)
        self.publication.add_encoding(encoding, now=self.now)
        return encoding

    def say(
        self,
        index: int,
        data: bytes | None = None,
        *copies: int,
        sequence: int | None = None,
        marker: bool = False,
    ) -> None:
        """Frame `index` arrives at the time `now`, with copies of other frames before it."""
        data = frame(index) if data is None else data
        blocks = [red.Block(OPUS, (index - copy) * FRAME, frame(copy)) for copy in copies]
        payload = red.build([*blocks, red.Block(OPUS, 0, data)]) if copies else data
        self.arrive(index, payload, redundant=bool(copies), sequence=sequence, marker=marker)

    def arrive(
        self,
        index: int,
        payload: bytes,
        *,
        redundant: bool,
        sequence: int | None = None,
        marker: bool = False,
    ) -> None:
        timestamp = START + index * FRAME & 0xFFFFFFFF
        stream = self.encoding.stream
        extended = stream.receive(
            (index if sequence is None else sequence) & 0xFFFF, timestamp, 80, now=self.now
        )
        if extended is not None:
            packet = Packet(extended, timestamp, marker, payload)
            packet.red = redundant
            self.publication.on_packet(self.encoding, packet, now=self.now)

    def wait(self, seconds: float) -> None:
        """Time goes by; the subscription is called when it has asked for that."""
        until = self.now + seconds
        while (at := self.subscription.next_timeout()) <= until:
            assert self.woken and min(self.woken) <= at
            self.now = max(self.now, at)
            self.subscription.on_timeout(now=self.now)
        self.now = until

    def talk(self, first: int, count: int) -> None:
        """Frames at their pace."""
        for index in range(first, first + count):
            self.say(index)
            self.wait(0.02)

    def pack(self, packing: Packing) -> None:
        self.subscription.set_packing(packing, now=self.now)

    def heard(self) -> dict[int, bytes]:
        """What a receiver of all packets hears, by the frame's place after the first."""
        listener = Listener()
        for packet in self.sent:
            if packet.strange:
                continue
            listener.receive(packet.timestamp, packet.payload, redundant=packet.redundant, now=packet.at)
        assert listener.conflicts == [] and listener.unreadable == 0
        first = min(listener.frames)
        return {(stamp - first) // FRAME: heard.data for stamp, heard in listener.frames.items()}

    def _leave(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None and header_length(header) == len(header)
        timestamp, sequence = parsed.timestamp, parsed.sequence
        if self.sent:
            timestamp = (timestamp - self.sent[-1].timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
            timestamp += self.sent[-1].timestamp
            assert sequence == (self.sent[-1].sequence + 1) & 0xFFFF, "numbers have no gaps"
        assert parsed.payload_type in (OPUS, RED, PCMU)
        assert len(payload) <= MAX_PAYLOAD
        self.sent.append(
            Sent(
                sequence,
                timestamp,
                parsed.marker,
                parsed.payload_type == RED,
                payload,
                self.now,
                parsed.payload_type == PCMU,
            )
        )


def frame(index: int, toc: bytes = SPEECH) -> bytes:
    """An Opus packet of 20 ms that differs from all others."""
    return toc + b"frame %d" % index + bytes(index % 7)
