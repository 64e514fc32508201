"""A publisher: paces one microphone and one camera onto its connection, and answers keyframe requests."""

from __future__ import annotations

import random
import time
from struct import Struct

from benchmarks.load.connection import Connection
from benchmarks.load.description import OPUS, VP8
from benchmarks.load.traffic import AUDIO_PREFIX, AUDIO_SIZE, STAMP_END, Encoding, Vp8Encoder
from media.rtp import extensions, rtcp

NAMED_PACKETS = 50  # packets of a stream that carry mid and rid: Chromium stops once they are acknowledged
KEYFRAME_INTERVAL = 0.3  # s between keyframes on request (libwebrtc: encoder_rtcp_feedback.cc)
NTP_EPOCH = 2_208_988_800  # s from 1900 to 1970
AUDIO_LEVEL = bytes((0x80 | 30,))  # voice, -30 dBov (RFC 6464)

_HEADER = Struct("!BBHIIHHBH")  # RTP header; then the extension block's head and the transport-wide number
_FIXED = Struct("!BBHII")
_FILLER = random.Random(1).randbytes(2048)


class OutgoingStream:
    """One SSRC: its numbers, and the extension block in its long (mid and rid) and its short form."""

    def __init__(
        self,
        payload_type: int,
        clock_rate: int,
        ids: dict[str, int],
        mid: str,
        rid: str,
        rng: random.Random,
    ) -> None:
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.ssrc = rng.getrandbits(32)
        self.sequence = rng.getrandbits(15)
        self.timestamp_offset = rng.getrandbits(32)
        self.packets = 0
        self.octets = 0
        always = [(ids[extensions.AUDIO_LEVEL], AUDIO_LEVEL)] if extensions.AUDIO_LEVEL in ids else []
        names = [(ids[extensions.MID], mid.encode())] if extensions.MID in ids else []
        if rid and extensions.RID in ids:
            names.append((ids[extensions.RID], rid.encode()))
        # The transport-wide number comes first, so that it has a fixed place to be written to.
        self.transport_id = ids.get(extensions.TRANSPORT_CC)
        number = [(self.transport_id, bytes(2))] if self.transport_id is not None else []
        self.long = extensions.write_extensions([*number, *always, *names])
        self.short = extensions.write_extensions([*number, *always])

    def timestamp(self, now: float) -> int:
        return (int(now * self.clock_rate) + self.timestamp_offset) & 0xFFFFFFFF


class Sender:
    """Sends on `connection`. `ids` are the header extensions accepted for its two m-lines."""

    def __init__(
        self,
        connection: Connection,
        encodings: tuple[Encoding, ...],
        *,
        mids: tuple[str, str],
        ids: tuple[dict[str, int], dict[str, int]],
        seed: int,
    ) -> None:
        self._connection = connection
        rng = random.Random(seed)
        self._audio = OutgoingStream(OPUS, 48_000, ids[0], mids[0], "", rng)
        rids = [encoding.rid if len(encodings) > 1 else "" for encoding in encodings]
        self._videos = [
            (OutgoingStream(VP8, 90_000, ids[1], mids[1], rid, rng), Vp8Encoder(encoding, seed + index))
            for index, (encoding, rid) in enumerate(zip(encodings, rids, strict=True))
        ]
        self._transport_number = 0
        self._keyframe_wanted = True
        self._keyframe_at = 0.0
        self.nacks = 0
        self.keyframes = 0

    @property
    def packets(self) -> int:
        return self._audio.packets + sum(stream.packets for stream, _ in self._videos)

    @property
    def forwardable(self) -> int:
        """Packets that a relay passes on to one receiver with room for everything: sound and the best
        encoding."""
        return self._audio.packets + self._videos[0][0].packets

    def send_audio(self, now: float) -> None:
        self._send(self._audio, self._audio.timestamp(now), AUDIO_PREFIX, AUDIO_SIZE, marker=False)

    def send_video(self, now: float) -> None:
        """One frame of each encoding, at once: Chromium's pacer lets bursts of 40 ms out
        (blink: rtc_peer_connection_handler.cc)."""
        keyframe, self._keyframe_wanted = self._keyframe_wanted, False
        if keyframe:
            self._keyframe_at = now
            self.keyframes += 1
        for stream, encoder in reversed(self._videos):
            packets = encoder.frame(keyframe=keyframe)
            timestamp = stream.timestamp(now)
            last = packets[-1]
            for packet in packets:
                self._send(stream, timestamp, packet.prefix, packet.size, marker=packet is last)

    def send_reports(self, now: float) -> None:
        ntp = int((time.time() + NTP_EPOCH) * 2**32)
        for stream in (self._audio, *(stream for stream, _ in self._videos)):
            report = rtcp.SenderReport(
                stream.ssrc, ntp, stream.timestamp(now), stream.packets, stream.octets & 0xFFFFFFFF
            )
            name = rtcp.SourceDescription(((stream.ssrc, "load"),))
            self._connection.send_rtcp(report.serialize() + name.serialize())

    def on_rtcp(self, packets: list[rtcp.RtcpPacket], now: float) -> None:
        for packet in packets:
            if isinstance(packet, rtcp.PictureLoss | rtcp.FullIntraRequest):
                if now - self._keyframe_at >= KEYFRAME_INTERVAL:
                    self._keyframe_wanted = True
            elif isinstance(packet, rtcp.Nack):
                self.nacks += len(packet.lost)

    def _send(
        self, stream: OutgoingStream, timestamp: int, prefix: bytes, size: int, *, marker: bool
    ) -> None:
        block = stream.long if stream.packets < NAMED_PACKETS else stream.short
        sequence = stream.sequence
        stream.sequence = (sequence + 1) & 0xFFFF
        second = marker << 7 | stream.payload_type
        if stream.transport_id is not None:
            number = self._transport_number
            self._transport_number = (number + 1) & 0xFFFF
            words, element = len(block) // 4 - 1, stream.transport_id << 4 | 1
            header = (
                _HEADER.pack(0x90, second, sequence, timestamp, stream.ssrc, 0xBEDE, words, element, number)
                + block[7:]
            )
        else:
            first = 0x90 if block else 0x80
            header = _FIXED.pack(first, second, sequence, timestamp, stream.ssrc) + block
        stamped = prefix + time.time_ns().to_bytes(8, "big") + _FILLER[: size - STAMP_END]
        rest = self._connection.srtp.protect_rtp(header, stamped)
        assert rest is not None
        self._connection.send(header + rest)
        stream.packets += 1
        stream.octets += size
