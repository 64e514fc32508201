"""A microphone bound to the sound half of a slot: what it says, packed as the receiver's path bears it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from media.catching_up import SILENCE, WAITING
from media.encoding import Encoding, Packet
from media.packing import CLOCK, FRAME, FRAME_TIME, MAX_PAYLOAD, USUAL, Packing, Redundancy, with_copies
from media.payload import opus
from media.payload.formats import STRANGE
from media.publication import Publication
from media.speech_rate import SpeechRate
from media.stream.receive import ReceiveStream
from media.stream.send import SendStream
from media.subscription import Layer, continued_timestamp, reported_timestamp
from media.voice import OpusPacket

PATIENCE: Final = FRAME_TIME  # seconds that a packet being filled waits beyond its time: the uplink jitters
MAX_GAP: Final = 2 * CLOCK  # ticks without sound (DTX leaves 400 ms); beyond, time goes on by our clock
REPEATABLE: Final = 8  # merged packets kept, more than the largest distance
MAX_SIZES: Final = 8  # bytes that merging adds at most


class AudioSubscription:
    """Sound: everything goes on, whatever the path. Sequence numbers are our own, without gaps: what the
    publisher's uplink lost must not look as if the receiver's path had. Timestamps tell what is missing."""

    waiting = False
    wants_stills = False
    is_behind = False
    wanted_layer: Layer | None = None

    def __init__(
        self, publication: Publication, stream: SendStream, packing: Packing = USUAL, *, now: float
    ) -> None:
        self.publication = publication
        self.packing = packing
        self.poor = False  # the receiver's path is short even for sound alone
        self._stream = stream
        self._source: ReceiveStream | None = None
        self._shift = 0  # from the publisher's timestamps to the stream's
        self._newest = 0  # timestamp of the publisher's, unwrapped
        self._held: list[OpusPacket] = []  # consecutive and alike, to go in one packet
        self._held_ticks = self._held_bytes = 0
        self._release_at = float("inf")
        self._merged: deque[tuple[int, bytes]] = deque(maxlen=REPEATABLE)  # (timestamp, data), newest first
        self._begins_anew = False  # the receiver is to, at the next packet
        self._unheard = SpeechRate(now=now)  # reckoned with until the microphone has sent something
        publication.subscriptions.append(self)

    @property
    def redundancy(self) -> Redundancy:
        """How the receiver can get sound again."""
        stream = self._stream
        if "red" in stream.payload_types:
            return Redundancy.RED
        return Redundancy.APART if stream.takes_repeats else Redundancy.NONE

    @property
    def lags(self) -> bool:
        """Does what is said come late already from its publisher?"""
        return self._source is not None and self._source.behind > WAITING

    def set_packing(self, packing: Packing, *, now: float) -> None:
        """From the next packet on. Sound goes on without a gap."""
        if packing.frames != self.packing.frames:
            self._release(now)
            self._merged.clear()
        self.packing = packing

    def cost(self, packing: Packing) -> float:
        """bit/s on the wire while somebody talks, were it packed so."""
        return self.costs((packing,))[0]

    def costs(self, packings: Sequence[Packing]) -> list[float]:
        """The same of each."""
        rate, redundancy, stamped = self._rate, self.redundancy, self._stream.stamped
        size, samples = rate.size, rate.samples
        return [packing.bitrate(size, samples, redundancy, stamped=stamped) for packing in packings]

    def activity(self, *, now: float) -> float:
        """How much of that cost to reckon with, 0..1: little after long silence, nothing while muted."""
        return 0.0 if self.publication.muted else self._rate.activity(now=now)

    def begin_anew(self) -> None:
        """Has the receiver drop what it holds and buffer as little as at first; see `CatchingUp`."""
        self._begins_anew = STRANGE in self._stream.payload_types

    def forward(self, encoding: Encoding, packet: Packet, *, now: float) -> None:
        voice = encoding.voice
        if not packet.sound or voice is None:
            return
        if encoding.stream is not self._source:
            if encoding.stream.highest != packet.sequence:  # late: what follows it has gone by already
                return
            self._source = encoding.stream
            self._follow(packet.sound[0], now)
        if self._begins_anew:
            self._change_codec(now)
        packing, redundancy = self.packing, self.redundancy
        for sound in packet.sound:
            ahead = sound.timestamp - self._newest
            if ahead < 0:  # late, but perhaps in time for the receiver
                self._send(sound, sound.timestamp, sound.data, b"", now)
                continue
            if ahead > MAX_GAP:
                self._release(now)
                self._follow(sound, now)
            self._newest = sound.timestamp
            if packing.frames > 1:
                self._hold(sound, now)
                continue
            packed = b""
            if packing.distances and redundancy is Redundancy.RED:
                packed = voice.redundant(sound, packing.distances, self._stream.payload_types["opus"])
            elif packing.distances and redundancy is Redundancy.APART:
                self._repeat(voice.before(sound, packing.distances), sound.timestamp, now)
            self._send(sound, sound.timestamp, sound.data, packed, now)

    def next_timeout(self) -> float:
        """When sound that is held must go; infinity while none is."""
        return self._release_at

    def on_timeout(self, *, now: float) -> None:
        if now >= self._release_at:
            self._release(now)

    def on_encodings_changed(self, *, now: float) -> None:
        """Sound has one encoding."""

    def is_fed_from(self, encoding: Encoding) -> bool:
        return encoding.stream is self._source

    def restart(self) -> None:
        self._source = None
        self._empty()
        self._merged.clear()

    def report_timestamp(self, *, now: float) -> int | None:
        return reported_timestamp(self.publication, self._source, self._shift, now)

    def close(self) -> None:
        self.restart()
        self.publication.detach(self)

    @property
    def _rate(self) -> SpeechRate:
        voices = (encoding.voice for encoding in self.publication.encodings)
        return next((voice.rate for voice in voices if voice is not None), self._unheard)

    def _follow(self, sound: OpusPacket, now: float) -> None:
        """From `sound` on, the stream's time is the publisher's, shifted to go on where it stands."""
        self._shift = continued_timestamp(self._stream, FRAME, now=now) - sound.timestamp
        self._newest = sound.timestamp
        self._merged.clear()

    def _hold(self, sound: OpusPacket, now: float) -> None:
        """Puts `sound` with what goes into the same packet, which leaves when it is full."""
        held = self._held
        if held and not self._continues(sound):
            self._release(now)
        held.append(sound)
        self._held_ticks += sound.samples
        self._held_bytes += len(sound.data)
        limit = self.packing.frames * FRAME
        if self._held_ticks + sound.samples > limit or not sound.samples or opus.is_dtx(sound.data):
            self._release(now)
        elif len(held) == 1:
            self._release_at = now + (limit - sound.samples) / CLOCK + PATIENCE
            self._stream.wake(self._release_at)

    def _continues(self, sound: OpusPacket) -> bool:
        """May `sound` go into one packet with what is held?"""
        last = self._held[-1]
        return (
            sound.timestamp == last.timestamp + last.samples
            and sound.samples == last.samples
            and not (sound.data[0] ^ last.data[0]) & 0xFC  # mode, bandwidth and channels
            and not sound.marker
            and not opus.is_dtx(sound.data)
            and self._held_bytes + len(sound.data) + MAX_SIZES <= MAX_PAYLOAD
        )

    def _release(self, now: float) -> None:
        """Sends what is held, as one packet."""
        held = tuple(self._held)
        self._empty()
        if not held:
            return
        merged = opus.merge([sound.data for sound in held]) if len(held) > 1 else held[0].data
        if merged is None:  # their frames can't be told apart
            for sound in held:
                self._send(sound, sound.timestamp, sound.data, b"", now)
            return
        packed = b""
        at, before, redundancy = held[0].timestamp, self._merged, self.redundancy
        near = [before[distance - 1] for distance in self.packing.distances if distance <= len(before)]
        copies = [(at - timestamp, data) for timestamp, data in near]
        if redundancy is Redundancy.RED:
            packed = with_copies(merged, copies, self._stream.payload_types["opus"])
        elif redundancy is Redundancy.APART:
            self._repeat(copies, at, now)
        self._merged.appendleft((at, merged))
        self._send(held[0], held[-1].timestamp, merged, packed, now)

    def _repeat(self, copies: Sequence[tuple[int, bytes]], at: int, now: float) -> None:
        """Sends again what came before the sound at `at`, nearest first (ticks back, data), apart from it. A
        browser's jitter buffer goes by timestamps alone: it drops what it has or has played
        (modules/audio_coding/neteq/packet_buffer.cc, InsertPacket). Others may play it twice."""
        stream = self._stream
        for ticks, data in reversed(copies):
            timestamp = at - ticks + self._shift & 0xFFFFFFFF
            stream.send(stream.next_sequence, timestamp, False, stream.payload_types["opus"], data, now=now)

    def _change_codec(self, now: float) -> None:
        """For one packet, right before the next: a receiver that waits for more of it would make it up."""
        self._begins_anew = False
        self._release(now)
        stream = self._stream
        stream.send(
            stream.next_sequence,
            stream.last_timestamp,
            False,
            stream.payload_types[STRANGE],
            SILENCE,
            now=now,
        )

    def _empty(self) -> None:
        self._held.clear()
        self._held_ticks = self._held_bytes = 0
        self._release_at = float("inf")

    def _send(self, first: OpusPacket, last: int, data: bytes, packed: bytes, now: float) -> None:
        """Sends `data`, sound from `first` to the one at `last`; as `packed` unless that is empty."""
        stream = self._stream
        payload_type = stream.payload_types["red" if packed else "opus"]
        timestamp = first.timestamp + self._shift & 0xFFFFFFFF
        stream.send(stream.next_sequence, timestamp, first.marker, payload_type, packed or data, now=now)
        if last != first.timestamp or last < self._newest:
            # Whatever feeds the stream next goes on behind the newest sound.
            stream.last_timestamp = max(last, self._newest) + self._shift & 0xFFFFFFFF
