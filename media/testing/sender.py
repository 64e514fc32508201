"""What a client sends: streams of synthetic media with their repairs and reports."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from media.rtp import extensions as uri
from media.rtp.packet import RtpHeader
from media.rtp.rtcp import SenderReport
from media.sdp import HeaderExtension
from media.testing.traffic import EncodingSettings, Vp8Encoder

OPUS, RED, PCMU, VP8, RTX = 111, 63, 0, 96, 97  # payload types, Chromium's
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
LEVEL = HeaderExtension(1, uri.AUDIO_LEVEL)
NUMBER = HeaderExtension(3, uri.TRANSPORT_CC)
MID = HeaderExtension(4, uri.MID)
RID = HeaderExtension(10, uri.RID)
REPAIRED_RID = HeaderExtension(11, uri.REPAIRED_RID)
DESCRIPTOR = HeaderExtension(13, uri.DEPENDENCY_DESCRIPTOR)

# Puts a packet on the way: header without extension, elements, payload.
SendRtp = Callable[[RtpHeader, list[tuple[int, bytes]], bytes], None]


class Sender:
    """One sent RTP stream with its repairs."""

    def __init__(
        self, rng: random.Random, mid: str, rid: str, payload_type: int, clock_rate: int, *, send: SendRtp
    ) -> None:
        self.ssrc, self.rtx_ssrc = rng.getrandbits(32), rng.getrandbits(32)
        self.payload_type = payload_type
        self.sequence = rng.getrandbits(16)
        self.offset = rng.getrandbits(32)
        self.packets = self.octets = 0
        self.acknowledged = False  # a report spoke of the SSRC: from then on Chromium leaves mid and rid out
        self.clock_rate = clock_rate
        self._rng = rng
        self._send = send
        self._mid, self._rid = mid, rid
        self._rtx_sequence = rng.getrandbits(16)
        self._history: dict[int, tuple[int, bool, bytes, bytes]] = {}

    def timestamp(self, now: float) -> int:
        return self.offset + round(now * self.clock_rate) & 0xFFFFFFFF

    def send(
        self,
        payload: bytes,
        timestamp: int,
        *,
        marker: bool = False,
        descriptor: bytes = b"",
        level: int | None = None,
        payload_type: int | None = None,
        padding: int = 0,
        lost: bool = False,
    ) -> None:
        """`lost`: it never arrives anywhere, though the sender takes it for sent."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        elements = [] if self.acknowledged else self._identity(RID.id)
        if descriptor:
            elements.append((DESCRIPTOR.id, descriptor))
        if level is not None:
            elements.append((LEVEL.id, bytes((level,))))
        self._history[self.sequence] = (timestamp, marker, payload, descriptor)
        self.packets += 1
        self.octets += len(payload)
        kind = self.payload_type if payload_type is None else payload_type
        if padding:
            payload += bytes(padding - 1) + bytes((padding,))
        if not lost:
            header = RtpHeader(kind, self.sequence, timestamp, self.ssrc, marker, bool(padding))
            self._send(header, elements, payload)

    def resend(self, sequence: int) -> None:
        """As RTX; also how Chromium probes."""
        if sequence not in self._history:
            return
        timestamp, marker, payload, descriptor = self._history[sequence]
        elements = self._identity(REPAIRED_RID.id)
        if descriptor:
            elements.append((DESCRIPTOR.id, descriptor))
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        self._send(
            RtpHeader(RTX, self._rtx_sequence, timestamp, self.rtx_ssrc, marker),
            elements,
            sequence.to_bytes(2, "big") + payload,
        )

    def restart(self) -> None:
        """Goes on under another SSRC with other numbers."""
        rng = self._rng
        self.ssrc, self.rtx_ssrc = rng.getrandbits(32), rng.getrandbits(32)
        self.sequence, self.offset = rng.getrandbits(16), rng.getrandbits(32)
        self.acknowledged = False
        self._history.clear()

    def report(self, clock_offset: float, *, now: float) -> SenderReport:
        """`clock_offset`: what the sender's clock is ahead by, in seconds."""
        ntp = int((NTP_EPOCH + now + clock_offset) * (1 << 32))
        return SenderReport(self.ssrc, ntp, self.timestamp(now), self.packets, self.octets)

    def _identity(self, rid_id: int) -> list[tuple[int, bytes]]:
        elements = [(MID.id, self._mid.encode())]
        if self._rid:
            elements.append((rid_id, self._rid.encode()))
        return elements


class Camera:
    """Encodings of one picture source."""

    def __init__(
        self, rng: random.Random, settings: Sequence[EncodingSettings], *, descriptor: bool, send: SendRtp
    ) -> None:
        self.encoders = [
            Vp8Encoder(s, rng, descriptor=descriptor, number=number)
            for number, s in enumerate(settings, rng.randrange(1, 60) * 4)
        ]
        simulcast = len(settings) > 1
        self.senders = [
            Sender(rng, "1", s.rid if simulcast else "", VP8, 90_000, send=send) for s in settings
        ]
        self.enabled = [True] * len(settings)
        self.keyframes = 0
        self.loses_keyframes_of: set[str] = set()  # rids: the first packet of each is lost
        self._keyframe_wanted = [True] * len(settings)

    def want_keyframe(self) -> None:
        self._keyframe_wanted = [True] * len(self.encoders)

    def send_frame(self, *, now: float) -> None:
        self.keyframes += any(self._keyframe_wanted)
        for place, (encoder, sender) in enumerate(zip(self.encoders, self.senders, strict=True)):
            if not self.enabled[place]:
                self._keyframe_wanted[place] = True
                continue
            frame = encoder.encode(keyframe=self._keyframe_wanted[place], captured_us=round(now * 1e6))
            self._keyframe_wanted[place] = False
            last = len(frame.payloads) - 1
            timestamp = sender.timestamp(now)
            for number, payload in enumerate(frame.payloads):
                sender.send(
                    payload,
                    timestamp,
                    marker=number == last,
                    descriptor=frame.descriptors[number],
                    lost=frame.keyframe and number == 0 and encoder.settings.rid in self.loses_keyframes_of,
                )
