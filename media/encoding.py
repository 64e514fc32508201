"""One RTP stream of a publication (RFC 7656 section 2.1.10): a simulcast layer, or the only one there is."""

from __future__ import annotations

from typing import Final

from media.payload import h264, vp8
from media.payload.descriptor import DescriptorReader
from media.payload.formats import H264, VP8
from media.payload.structure import SWITCH
from media.stream.receive import ReceiveStream
from media.voice import OpusPacket, Voice

LIVE_WINDOW: Final = 2.0  # seconds without a packet after which an encoding counts as switched off
# The same while others of its publication flow: a starving sender drops the large ones.
SIBLING_WINDOW: Final = 0.6
MAX_TEMPORAL: Final = 4  # temporal layers told apart
SMOOTHING: Final = 0.3  # share of a new measurement in a bitrate
# The same for large keyframes: one that somebody just asked for would look like a second of motion.
KEYFRAME_SMOOTHING: Final = 0.06
LARGE_KEYFRAME: Final = 40_000  # bytes; those of cameras are smaller, and like any other picture
MIN_SPAN: Final = 0.2  # seconds that a bitrate is measured over at least
WIRE_OVERHEAD: Final = 64  # bytes round a payload on a receiver's wire: RTP 20, SRTP 16, IPv4 and UDP 28


class Packet:
    """One received media packet with what forwarding needs to know of it; shared by all subscriptions."""

    __slots__ = (
        "descriptor",
        "frame_number",
        "keyframe",
        "marker",
        "payload",
        "red",
        "sequence",
        "sound",
        "start",
        "still",
        "switch",
        "temporal",
        "timestamp",
        "vp8",
    )

    def __init__(self, sequence: int, timestamp: int, marker: bool, payload: bytes) -> None:
        self.sequence = sequence  # extended
        self.timestamp = timestamp
        self.marker = marker
        self.payload = payload  # without RTP padding; b"" for a packet of padding alone
        self.red = False  # audio: the payload is RFC 2198
        self.sound: tuple[OpusPacket, ...] = ()  # audio: what it brings that was not known
        self.start = False  # first packet of a frame
        self.keyframe = False
        self.still = False  # a keyframe's start, and those who get stills are due one
        self.temporal = 0
        self.switch = 0  # temporal layer up to which a receiver of lower ones may go from this frame on
        self.vp8: vp8.Vp8 | None = None
        self.descriptor = b""
        self.frame_number = 0  # 16 bits, of the dependency descriptor


class Encoding:
    """A received stream and what is known of the picture or the voice in it."""

    def __init__(self, rid: str, stream: ReceiveStream, *, format: str = VP8, now: float) -> None:
        self.rid = rid  # "" without simulcast
        self.stream = stream
        self.width = 0  # pixels, 0 until a keyframe has told
        self.height = 0
        self.live = True  # made for a packet that came
        self.voice: Voice | None = None  # of a microphone that has sent something
        self.keyframe_size = 0  # bytes on the wire, of the last one
        self.still_at = float("-inf")  # when the last keyframe came that was due as a still
        self.bitrates = [0.0] * MAX_TEMPORAL  # bit/s of each temporal layer alone, the same, smoothed
        self._keyframe_timestamp = -1
        self._measured_at = now
        self._moved = [0] * MAX_TEMPORAL  # bytes since then of each layer, but for large keyframes
        self._keyframes = 0  # bytes since then
        self._motion = [0.0] * MAX_TEMPORAL  # bit/s, smoothed, but for large keyframes
        self._keyframe_rate = 0.0  # bit/s, smoothed
        self._descriptors = DescriptorReader()
        self._is_h264 = format.startswith(H264)
        self._picture_timestamp = -1  # H.264: of the newest packet

    def read_video(self, packet: Packet, descriptor: bytes | None) -> bool:
        """Fills in what the packet says of its frame; False if it can't be understood."""
        payload = packet.payload
        if descriptor is not None:
            frame = self._descriptors.read(descriptor)
            if frame is None:
                return False
            packet.descriptor = descriptor
            packet.frame_number = frame.frame_number
            packet.start = frame.start
            packet.temporal = frame.temporal
            packet.switch = self._switch_target(frame.indications)
            packet.keyframe = frame.keyframe
        parsed = None if self._is_h264 else vp8.parse(payload)
        if parsed is not None:
            packet.vp8 = parsed
            if descriptor is None:
                packet.start = parsed.start
                packet.temporal = parsed.tid or 0
                packet.switch = packet.temporal if parsed.layer_sync else 0
                packet.keyframe = parsed.keyframe
            if parsed.keyframe and parsed.width:
                self.width, self.height = parsed.width, parsed.height
        elif self._is_h264:
            if not self._read_h264(packet) and descriptor is None:
                return False
        elif descriptor is None:
            return False
        size = len(payload) + WIRE_OVERHEAD
        if packet.keyframe and packet.start:
            self._keyframe_timestamp = packet.timestamp
            self.keyframe_size = size
            self._keyframes += size
        elif packet.timestamp == self._keyframe_timestamp:
            self.keyframe_size += size
            self._keyframes += size
        else:
            self._moved[packet.temporal if packet.temporal < MAX_TEMPORAL else -1] += size
        return True

    def _read_h264(self, packet: Packet) -> bool:
        """H.264 says of keyframes what they are, and of other pictures nothing: they begin where the
        timestamp is another one."""
        head = h264.parse(packet.payload)
        if head is None:
            return False
        if not packet.descriptor:
            packet.keyframe = head.keyframe
            newest = packet.sequence >= self.stream.highest
            packet.start = head.keyframe or (newest and packet.timestamp != self._picture_timestamp)
            if newest:
                self._picture_timestamp = packet.timestamp
        if head.width:
            self.width, self.height = head.width, head.height
        return True

    def read_audio(self, packet: Packet, *, now: float) -> None:
        """Fills in what the packet brings to be heard."""
        if not packet.payload:
            return
        if self.voice is None:
            self.voice = Voice(now=now)
        packet.sound = self.voice.read(
            packet.timestamp,
            packet.payload,
            redundant=packet.red,
            marker=packet.marker,
            newest=packet.sequence == self.stream.highest,
            now=now,
        )

    def measure(self, newest: float, *, now: float) -> bool:
        """Brings `live` and `bitrates` up to date; whether `live` changed. `newest` is when the last packet
        of any encoding of the publication came."""
        last = self.stream.last_packet_at
        live = now - last < LIVE_WINDOW and newest - last < SIBLING_WINDOW
        changed = live != self.live
        self.live = live
        span = now - self._measured_at
        if span < MIN_SPAN:
            return changed
        if self.keyframe_size < LARGE_KEYFRAME:
            self._moved[0] += self._keyframes
            self._keyframes = 0
        if live:  # what an encoding cost is remembered while it is off: it will cost about that again
            for layer, moved in enumerate(self._moved):
                bitrate = moved * 8 / span
                known = self._motion[layer]
                self._motion[layer] = known + (bitrate - known) * SMOOTHING if known else bitrate
            self._keyframe_rate += (self._keyframes * 8 / span - self._keyframe_rate) * KEYFRAME_SMOOTHING
            self.bitrates = self._motion.copy()
            self.bitrates[0] += self._keyframe_rate
        self._measured_at = now
        self._moved = [0] * MAX_TEMPORAL
        self._keyframes = 0
        return changed

    def _switch_target(self, indications: tuple[int, ...]) -> int:
        """The highest temporal layer of the decode targets that may be switched to at this frame."""
        structure = self._descriptors.structure
        if structure is None or SWITCH not in indications:
            return 0
        return max(
            target.temporal
            for target, indication in zip(structure.decode_targets, indications, strict=True)
            if indication == SWITCH
        )
