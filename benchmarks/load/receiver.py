"""A subscriber: counts what arrives, opens every few packets to read their clock stamp, and sends
feedback."""

from __future__ import annotations

import fcntl
import secrets
from array import array
from struct import Struct

from benchmarks.load.connection import Connection
from benchmarks.load.description import OPUS, RTX
from benchmarks.load.traffic import stamp
from media.rtp import extensions, rtcp
from media.rtp.packet import header_length

SAMPLING = 4  # one packet in so many is decrypted and timed: decryption is half of a receiver's cost
# The kernel's receive time of the last datagram read from a socket, as a struct timespec (socket(7)): when
# the relay had sent it, however late we come to read it.
SIOCGSTAMPNS = 0x8907
# What looks later than that is no stamp: a relay may have merged several Opus packets into one.
MAX_DELAY_NS = 60_000_000_000
TICK_NS = 250_000  # of transport-wide feedback
TICKS_PER_REFERENCE = 256  # 64 ms

_SEQUENCE_SSRC = Struct("!2xH4xI")
_TIMESPEC = Struct("qq")


class IncomingStream:
    """One SSRC as received. Sequence numbers are unwrapped."""

    __slots__ = (
        "first",
        "highest",
        "octets",
        "packets",
        "payload_type",
        "reported_highest",
        "reported_packets",
        "ssrc",
    )

    def __init__(self, ssrc: int, payload_type: int, sequence: int) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.first = self.highest = sequence
        self.packets = 0
        self.octets = 0
        self.reported_highest = sequence - 1
        self.reported_packets = 0


class Receiver:
    """Receives on `connection`. `transport_id` is the header extension of transport-wide numbers, if
    accepted.

    While `sampling` is on, `audio_delays` and `video_delays` collect ns from the sender's stamp to the
    kernel's receipt, `audio_times` and `video_times` the latter (ns since the epoch).
    """

    def __init__(self, connection: Connection, transport_id: int | None) -> None:
        self._connection = connection
        self._transport_id = transport_id
        self._ssrc = secrets.randbits(32)
        self._arrivals: dict[
            int, int
        ] = {}  # ticks by unwrapped transport-wide number, since the last feedback
        self._transport_highest = -1
        self._feedback_base: int | None = None
        self._feedbacks = 0
        self._since_sample = 0
        self._timespec = bytearray(_TIMESPEC.size)
        self.streams: dict[int, IncomingStream] = {}
        self.sampling = False
        self.audio_delays = array("q")
        self.video_delays = array("q")
        self.audio_times = array("q")
        self.video_times = array("q")
        self._receipt_time()  # the first call switches the stamps on

    def on_rtp(self, data: bytes) -> None:
        sequence, ssrc = _SEQUENCE_SSRC.unpack_from(data)
        stream = self.streams.get(ssrc)
        if stream is None:
            stream = self.streams[ssrc] = IncomingStream(ssrc, data[1] & 0x7F, sequence)
        else:
            ahead = (sequence - stream.highest) & 0xFFFF
            if ahead < 0x8000:
                stream.highest += ahead
        stream.packets += 1
        stream.octets += len(data)

        self._since_sample += 1
        sampled = self.sampling and self._since_sample >= SAMPLING and stream.payload_type != RTX
        if not sampled and self._transport_id is None:
            return
        receipt = self._receipt_time()
        if self._transport_id is not None:
            number = extensions.parse_extensions(data).get(self._transport_id)
            if number is not None:
                self._note_arrival(int.from_bytes(number, "big"), receipt)
        if sampled:
            self._since_sample = 0
            self._sample(data, stream, receipt)

    def send_feedback(self, now: float) -> None:
        """Transport-wide feedback on everything since the last one."""
        if not self._arrivals:
            return
        base = min(self._arrivals) if self._feedback_base is None else self._feedback_base
        start = min(self._arrivals.values()) // TICKS_PER_REFERENCE
        arrivals = tuple(
            None if ticks is None else ticks - start * TICKS_PER_REFERENCE
            for ticks in (self._arrivals.get(number) for number in range(base, self._transport_highest + 1))
        )
        self._arrivals.clear()
        self._feedback_base = self._transport_highest + 1
        feedback = rtcp.TransportFeedback(
            self._ssrc,
            next(iter(self.streams)),
            base & 0xFFFF,
            start & 0xFFFFFF,
            self._feedbacks & 0xFF,
            arrivals,
        )
        self._feedbacks += 1
        self._connection.send_rtcp(feedback.serialize())

    def send_reports(self, now: float) -> None:
        blocks = [_report(stream) for stream in self.streams.values()]
        for start in range(0, len(blocks), 31):
            report = rtcp.ReceiverReport(self._ssrc, tuple(blocks[start : start + 31]))
            self._connection.send_rtcp(report.serialize())

    def _sample(self, data: bytes, stream: IncomingStream, receipt: int) -> None:
        length = header_length(data)
        if length is None:
            return
        payload = self._connection.srtp.unprotect_rtp(data[:length], data[length:])
        sent = stamp(payload) if payload is not None else None
        if sent is None or not 0 <= receipt - sent < MAX_DELAY_NS:
            return
        audio = stream.payload_type == OPUS
        (self.audio_delays if audio else self.video_delays).append(receipt - sent)
        (self.audio_times if audio else self.video_times).append(receipt)

    def _receipt_time(self) -> int:
        """Nanoseconds since the epoch."""
        try:
            fcntl.ioctl(self._connection.socket, SIOCGSTAMPNS, self._timespec)
        except FileNotFoundError:  # nothing was received yet
            return 0
        seconds: int
        nanoseconds: int
        seconds, nanoseconds = _TIMESPEC.unpack(self._timespec)
        return seconds * 1_000_000_000 + nanoseconds

    def _note_arrival(self, number: int, receipt: int) -> None:
        if self._transport_highest < 0:
            unwrapped = number
        else:
            ahead = ((number - self._transport_highest + 0x8000) & 0xFFFF) - 0x8000
            unwrapped = self._transport_highest + ahead
        self._transport_highest = max(self._transport_highest, unwrapped)
        self._arrivals[unwrapped] = receipt // TICK_NS


def _report(stream: IncomingStream) -> rtcp.ReportBlock:
    expected = stream.highest - stream.reported_highest
    lost = max(0, expected - (stream.packets - stream.reported_packets))
    stream.reported_highest, stream.reported_packets = stream.highest, stream.packets
    fraction = min(255, lost * 256 // expected) if expected > 0 else 0
    return rtcp.ReportBlock(stream.ssrc, fraction, 0, stream.highest & 0xFFFFFFFF, 0, 0, 0)
