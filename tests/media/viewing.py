"""A camera without links or timers, and a stream that shows it."""

import random

from media.congestion.sent import SentPackets
from media.encoding import Encoding, Packet
from media.rtp.extensions import parse_extensions
from media.rtp.packet import RtpHeader
from media.rtp.rtcp import PictureLoss
from media.stream.outlet import Outlet
from media.stream.receive import ReceiveStream
from media.stream.send import SendStream
from media.subscription import BEST, Layer, VideoSubscription
from media.testing.receiver import VideoReceiver
from media.testing.traffic import EncodingSettings, Vp8Encoder
from tests.media.publishing import new_publication

DESCRIPTOR = 13
FRAME = 1 / 30
SETTINGS = (EncodingSettings("q", 160, 90, 60_000), EncodingSettings("h", 320, 180, 250_000))


class Camera:
    """A publication with its encoders; what `viewers` get is in their receivers."""

    def __init__(self, *, descriptor: bool = False, seed: int = 1) -> None:
        rng = random.Random(seed)
        self.now = 0.0
        self.requests: list[float] = []
        self.descriptor = descriptor
        self.publication = new_publication("camera", "q", "h", ask=self._asked)
        self.encoders = [Vp8Encoder(s, rng, descriptor=descriptor, number=n) for n, s in enumerate(SETTINGS)]
        self.encodings: list[Encoding] = []
        self.sequences = [rng.getrandbits(16) for _ in SETTINGS]
        self.offsets = [rng.getrandbits(32) for _ in SETTINGS]
        self._keyframe = True

    def frame(self) -> list[tuple[int, Packet, bytes]]:
        """The packets of the next picture in all encodings, not yet taken in, and their descriptors."""
        self.now += FRAME
        packets = []
        for place, encoder in enumerate(self.encoders):
            frame = encoder.encode(keyframe=self._keyframe, captured_us=round(self.now * 1e6))
            timestamp = self.offsets[place] + round(self.now * 90_000) & 0xFFFFFFFF
            for number, payload in enumerate(frame.payloads):
                self.sequences[place] += 1
                marker = number == len(frame.payloads) - 1
                packet = Packet(self.sequences[place] & 0xFFFF, timestamp, marker, payload)
                packets.append((place, packet, frame.descriptors[number]))
        self._keyframe = False
        return packets

    def take(self, place: int, packet: Packet, descriptor: bytes) -> None:
        """A packet comes in, as `PeerCore.receive_rtp` takes it."""
        while len(self.encodings) <= place:
            stream = ReceiveStream(len(self.encodings), 90_000, nacks=True)
            encoding = Encoding(SETTINGS[len(self.encodings)].rid, stream, now=self.now)
            self.encodings.append(encoding)
            self.publication.add_encoding(encoding, now=self.now)
        encoding = self.encodings[place]
        extended = encoding.stream.receive(
            packet.sequence, packet.timestamp, len(packet.payload), now=self.now
        )
        if extended is None:
            return
        packet.sequence = extended
        if not encoding.read_video(packet, descriptor or None):
            packet.payload = b""
        self.publication.on_packet(encoding, packet, now=self.now)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            for packet in self.frame():
                self.take(*packet)
            self.publication.on_timeout(now=self.now)

    def keyframe(self) -> None:
        self._keyframe = True

    def _asked(self, packet: PictureLoss) -> None:
        self.requests.append(self.now)
        self._keyframe = True


class Viewer:
    """A stream that a camera feeds, and what its receiver makes of it."""

    def __init__(
        self, camera: Camera, target: Layer | None = BEST, *, takes_descriptor: bool = False
    ) -> None:
        self.camera = camera
        self.receiver = VideoReceiver()
        self.numbers: list[tuple[int, int]] = []
        self.outlet = Outlet(SentPackets(), self._send)
        self.stream = SendStream(
            mid="3",
            ssrc=1,
            rtx_ssrc=2,
            sequence=0xFFF0,
            clock_rate=90_000,
            video=True,
            outlet=self.outlet,
        )
        self.stream.negotiated(
            {"vp8": 96}, {96: 97}, twcc_id=3, descriptor_id=DESCRIPTOR if takes_descriptor else 0
        )
        self.subscription = VideoSubscription(camera.publication, self.stream, target, now=camera.now)

    def want(self, target: Layer | None) -> None:
        self.subscription.set_target(target, now=self.camera.now)

    def rebind(self, camera: Camera) -> None:
        self.subscription.close()
        camera.now = max(camera.now, self.camera.now)
        self.camera = camera
        self.subscription = VideoSubscription(camera.publication, self.stream, now=camera.now)

    def shown(self, since: int = 0) -> list[int]:
        """Widths of the pictures shown."""
        return [shown.width for shown in self.receiver.shown[since:]]

    def _send(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None
        descriptor = parse_extensions(header).get(DESCRIPTOR)
        self.numbers.append((parsed.ssrc, parsed.sequence))
        packet = self.receiver.receive(
            parsed.sequence,
            parsed.timestamp,
            parsed.marker,
            parsed.payload_type,
            payload,
            frame_number=None if descriptor is None else descriptor[1] << 8 | descriptor[2],
            now=self.camera.now,
        )
        if packet is not None and payload:
            self.receiver.take(packet, now=self.camera.now)
