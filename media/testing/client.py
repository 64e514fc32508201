"""A WebRTC client without crypto: it offers, sends synthetic media, repairs and reports as a browser does."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence

from media import sdp
from media.rtp import rtcp
from media.rtp.extensions import parse_extensions, write_extensions
from media.rtp.packet import RtpHeader, header_length
from media.rtp.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReport,
    Remb,
    ReportBlock,
    SenderReport,
)
from media.rtp.twcc import TransportFeedback
from media.sdp import (
    Codec,
    MediaDescription,
    Rid,
    SessionDescription,
    Simulcast,
    SimulcastRid,
)
from media.stream.arrivals import Arrivals
from media.testing.receiver import StreamReceiver, VideoReceiver
from media.testing.sender import (
    DESCRIPTOR,
    LEVEL,
    MID,
    NUMBER,
    OPUS,
    RED,
    REPAIRED_RID,
    RID,
    RTX,
    VP8,
    Camera,
    Sender,
)
from media.testing.traffic import (
    AUDIO_INTERVAL,
    FRAME_RATE,
    SILENCE_LEVEL,
    SPEECH_LEVEL,
    EncodingSettings,
    OpusEncoder,
)

REPORT_INTERVAL = 1.0  # seconds
TICK = 0.01  # seconds between looks at what is to be asked for


class Client:
    """Sends a microphone and a camera, receives in slots. Packets wait in `take_packets`."""

    def __init__(
        self,
        name: str,
        rng: random.Random,
        *,
        microphone: bool,
        camera: Sequence[EncodingSettings],
        slots: int,
        descriptor: bool,
        redundant: bool,
        rtx: bool,
        feedback: bool,
    ) -> None:
        self.name = name
        self.rng = rng
        self.clock_offset = rng.uniform(-1000.0, 1000.0)  # seconds; nobody's clock is right
        self.speaking = True
        self.muted = False  # sends nothing at all
        self.camera = Camera(rng, camera, descriptor=descriptor, send=self.send_rtp) if camera else None
        self.microphone = (
            Sender(rng, "0", "", RED if redundant else OPUS, 48_000, send=self.send_rtp)
            if microphone
            else None
        )
        self.sources = {"0": "microphone"} if microphone else {}
        self.sources |= {"1": "camera"} if camera else {}
        self.audio: list[StreamReceiver] = []
        self.video: list[VideoReceiver] = []
        self.feedback: list[TransportFeedback] = []  # on what it sent
        self.reports: list[tuple[float, SenderReport]] = []
        self.keyframe_requests: list[float] = []  # made as a receiver
        self.keyframes_asked: list[float] = []  # of us as a sender
        self.ceilings: list[int] = []  # bit/s, set to us as a sender
        self.nacks: list[float] = []
        self.rtt = 0.05  # seconds, as far as a receiver knows
        self._feedback = feedback  # negotiates transport-wide feedback on what it receives
        self._settings = tuple(camera)
        self._slots = slots
        self._descriptor, self._redundant, self._rtx = descriptor, redundant, rtx
        self.opus = OpusEncoder(rng, payload_type=OPUS, redundant=redundant)
        self._outbox: list[bytes] = []
        self._number = 0  # transport-wide
        self._streams: dict[int, StreamReceiver] = {}
        self._repairs: dict[int, int] = {}  # RTX SSRC -> SSRC
        self._arrivals = Arrivals()
        self._last_report: dict[int, tuple[int, float]] = {}
        self._frame_at = self._audio_at = 0.0
        self._report_at = rng.uniform(0.3, 0.6)
        self._tick_at = 0.0

    # --- negotiation ---

    def offer(self) -> str:
        """Lines 0 and 1 are the client's own, inactive where it has nothing to send; then come its slots."""
        media = [
            self._line("audio", "0", sends=self.microphone is not None),
            self._line("video", "1", sends=self.camera is not None),
        ]
        for slot in range(self._slots):
            media.append(self._line("audio", str(2 * slot + 2)))
            media.append(self._line("video", str(2 * slot + 3)))
        return sdp.serialize(
            SessionDescription(tuple(media), session_id=1, bundle=tuple(m.mid for m in media))
        )

    def add_slots(self, count: int) -> None:
        self._slots += count

    def on_answer(self, text: str, *, now: float) -> None:
        for media in sdp.parse(text).media[2:]:
            ssrcs = list(media.ssrcs)
            if not ssrcs or ssrcs[0] in self._streams:
                continue
            if media.kind == "audio":
                self.audio.append(StreamReceiver())
                self._streams[ssrcs[0]] = self.audio[-1]
            else:
                self.video.append(VideoReceiver())
                self._streams[ssrcs[0]] = self.video[-1]
            for repair in ssrcs[1:]:
                self._repairs[repair] = ssrcs[0]
        if not self._tick_at:
            self._tick_at = self._frame_at = self._audio_at = now
            self._report_at += now

    def _line(self, kind: str, mid: str, *, sends: bool | None = None) -> MediaDescription:
        extensions = (LEVEL, NUMBER, MID, RID, REPAIRED_RID) + ((DESCRIPTOR,) if self._descriptor else ())
        if sends is None and not self._feedback:
            extensions = tuple(e for e in extensions if e != NUMBER)
        rids = tuple(s.rid for s in self._settings) if kind == "video" and sends else ()
        simulcast = Simulcast(send=tuple((SimulcastRid(rid),) for rid in rids)) if len(rids) > 1 else None
        return MediaDescription(
            kind=kind,
            mid=mid,
            direction="recvonly" if sends is None else "sendonly" if sends else "inactive",
            codecs=self._codecs(kind),
            extensions=extensions,
            rids=tuple(Rid(rid, "send") for rid in rids) if simulcast else (),
            simulcast=simulcast,
            rtcp_mux=True,
            rtcp_rsize=True,
            ice_ufrag="client",
            ice_pwd="passwordOfTheClientItself",
            fingerprints=(("sha-256", ":".join(["BB"] * 32)),),
            setup="actpass",
        )

    def _codecs(self, kind: str) -> tuple[Codec, ...]:
        if kind == "audio":
            opus = Codec(OPUS, "opus", 48_000, 2, "minptime=10;useinbandfec=1", ("transport-cc",))
            red = Codec(RED, "red", 48_000, 2, f"{OPUS}/{OPUS}")
            return (red, opus) if self._redundant else (opus,)
        feedback = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
        video = Codec(VP8, "VP8", 90_000, feedback=feedback)
        return (video, Codec(RTX, "rtx", 90_000, fmtp=f"apt={VP8}")) if self._rtx else (video,)

    # --- packets out ---

    def take_packets(self) -> list[bytes]:
        packets, self._outbox = self._outbox, []
        return packets

    def send_rtp(self, header: RtpHeader, elements: list[tuple[int, bytes]], payload: bytes) -> None:
        elements.append((NUMBER.id, self._number.to_bytes(2, "big")))
        self._number = (self._number + 1) & 0xFFFF
        head = struct.pack(
            "!BBHII",
            0x90 | header.padding << 5,
            header.marker << 7 | header.payload_type,
            header.sequence,
            header.timestamp,
            header.ssrc,
        )
        self._outbox.append(head + write_extensions(elements) + payload)

    def send_rtcp(self, *packets: rtcp.RtcpPacket) -> None:
        self._outbox.append(b"".join(packet.serialize() for packet in packets))

    def next_timeout(self) -> float:
        at = min(self._tick_at, self._report_at)
        if not self.muted and self.camera is not None:
            at = min(at, self._frame_at)
        if not self.muted and self.microphone is not None:
            at = min(at, self._audio_at)
        return at

    def on_timeout(self, *, now: float) -> None:
        if self.muted:
            self._frame_at, self._audio_at = max(self._frame_at, now), max(self._audio_at, now)
        if self.microphone is not None and now >= self._audio_at and not self.muted:
            self._audio_at += AUDIO_INTERVAL
            self._send_audio(self.microphone, now)
        if self.camera is not None and now >= self._frame_at and not self.muted:
            self._frame_at += 1 / FRAME_RATE
            self.camera.send_frame(now=now)
        if now >= self._tick_at:
            self._tick_at = now + TICK
            self._ask(now)
        if now >= self._report_at:
            self._report_at = now + REPORT_INTERVAL
            self._report(now)

    def _send_audio(self, microphone: Sender, now: float) -> None:
        payload = self.opus.encode(speaking=self.speaking, captured_us=round(now * 1e6))
        if payload is not None:
            level = SPEECH_LEVEL | 0x80 if self.speaking else SILENCE_LEVEL
            microphone.send(payload, microphone.timestamp(now), level=level)

    def _ask(self, now: float) -> None:
        for ssrc, stream in self._streams.items():
            if not isinstance(stream, VideoReceiver):
                continue
            lost = stream.due_nacks(self.rtt, now=now)
            if lost and self._rtx:
                self.nacks.append(now)
                self.send_rtcp(Nack(1, ssrc, tuple(lost)))
            if stream.needs_keyframe(now=now) and (
                not self.keyframe_requests or now - self.keyframe_requests[-1] >= 0.2
            ):
                self.keyframe_requests.append(now)
                self.send_rtcp(PictureLoss(1, ssrc))
        if now >= self._arrivals.next_report_at:
            for feedback in self._arrivals.report(1, 0, now=now):
                self.send_rtcp(feedback)

    def _report(self, now: float) -> None:
        for sender in self.senders():
            if sender.packets:
                self.send_rtcp(sender.report(self.clock_offset, now=now))
        blocks = [
            ReportBlock(
                ssrc, stream.fraction_lost(), 0, stream.highest & 0xFFFFFFFF, 0, *self._last_sr(ssrc, now)
            )
            for ssrc, stream in self._streams.items()
            if stream.packets
        ]
        if blocks:
            self.send_rtcp(ReceiverReport(1, tuple(blocks)))

    def _last_sr(self, ssrc: int, now: float) -> tuple[int, int]:
        if ssrc not in self._last_report:
            return 0, 0
        ntp, at = self._last_report[ssrc]
        return ntp >> 16 & 0xFFFFFFFF, int((now - at) * 65536)

    def senders(self) -> Iterator[Sender]:
        if self.microphone is not None:
            yield self.microphone
        if self.camera is not None:
            yield from self.camera.senders

    # --- packets in ---

    def receive_rtp(self, packet: bytes, *, now: float) -> None:
        length = header_length(packet)
        header = RtpHeader.parse(packet)
        assert length is not None and header is not None
        elements = parse_extensions(packet[:length])
        if NUMBER.id in elements:
            self._arrivals.record(int.from_bytes(elements[NUMBER.id], "big"), len(packet), now=now)
        payload = packet[length:]
        ssrc, sequence = header.ssrc, header.sequence
        repaired = ssrc in self._repairs
        if repaired:
            ssrc, sequence, payload = self._repairs[ssrc], payload[0] << 8 | payload[1], payload[2:]
        stream = self._streams[ssrc]
        descriptor = elements.get(DESCRIPTOR.id)
        received = stream.receive(
            sequence,
            header.timestamp,
            header.marker,
            header.payload_type,
            payload,
            frame_number=None if descriptor is None else descriptor[1] << 8 | descriptor[2],
            repaired=repaired,
            now=now,
        )
        if received is not None and isinstance(stream, VideoReceiver):
            stream.take(received, now=now)

    def receive_rtcp(self, data: bytes, *, now: float) -> None:
        for packet in rtcp.parse(data):
            if isinstance(packet, Nack):
                for sender in self.senders():
                    if sender.ssrc == packet.media_ssrc:
                        for sequence in packet.lost:
                            sender.resend(sequence)
            elif isinstance(packet, PictureLoss | FullIntraRequest):
                self.keyframes_asked.append(now)
                if self.camera is not None:
                    self.camera.want_keyframe()
            elif isinstance(packet, TransportFeedback):
                self.feedback.append(packet)
            elif isinstance(packet, Remb):
                self.ceilings.append(packet.bitrate)
            elif isinstance(packet, ReceiverReport):
                reported = {block.ssrc for block in packet.reports}
                for sender in self.senders():
                    sender.acknowledged |= sender.ssrc in reported
            elif isinstance(packet, SenderReport):
                self.reports.append((now, packet))
                self._last_report[packet.ssrc] = (packet.ntp, now)
