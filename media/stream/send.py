"""One sent RTP stream: a half of a slot. It outlives whatever feeds it, so that its numbers never break."""

from __future__ import annotations

from typing import Final

from media.payload.formats import carrier
from media.rtp.extensions import Elements, playout_delay
from media.rtp.rtcp import ReportBlock, SenderReport
from media.stream.history import SIZE, History, Sent
from media.stream.holes import Holes
from media.stream.outlet import Outgoing, Outlet

NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970; reports carry NTP_EPOCH + now: any steady clock
SHORT_DESCRIPTOR: Final = 3  # bytes of a dependency descriptor that has the mandatory fields alone
AT_ONCE: Final = playout_delay(0.0, 0.0)
WHEN_DUE: Final = playout_delay(0.0, 10.0)  # libwebrtc's own bounds, modules/video_coding/timing/timing.cc
TELLING: Final = 15  # pictures in a row that say that the hurry is over: the first ones may be lost
MAX_PADDING: Final = 255  # bytes of RTP padding in one packet (RFC 3550 section 5.1)
# Bytes on the wire of a packet of padding: IP, UDP, RTP with its extensions, SRTP.
PADDING_OVERHEAD: Final = 64


class SendStream:
    """Writes packets of one SSRC and answers requests for them."""

    __slots__ = (
        "_descriptor_id",
        "_format",
        "_holes",
        "_keyframe",
        "_outlet",
        "_playout",
        "_playout_id",
        "_repairs_left",
        "_report_sent",
        "_rtx_sequence",
        "_rtx_type",
        "_telling",
        "_twcc_id",
        "clock_rate",
        "history",
        "last_frame",
        "last_picture",
        "last_sent_at",
        "last_timestamp",
        "last_tl0",
        "loss",
        "mid",
        "next_sequence",
        "octets",
        "packets",
        "payload_type",
        "payload_types",
        "repairs",
        "retransmitted",
        "rtt",
        "rtx_ssrc",
        "ssrc",
        "takes_repeats",
        "video",
    )

    def __init__(
        self,
        *,
        mid: str,
        ssrc: int,
        rtx_ssrc: int | None,
        sequence: int,
        clock_rate: int,
        video: bool,
        outlet: Outlet,
        takes_repeats: bool = False,
    ) -> None:
        """`takes_repeats`: sound that comes again under another number is not played again."""
        self.mid = mid
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc  # None: the receiver can't take RTX or wants no retransmission
        self.clock_rate = clock_rate
        self.video = video
        self.takes_repeats = takes_repeats
        self.payload_types: dict[str, int] = {}  # by codec: "opus", "red", "pcmu" or formats of pictures
        self.repairs: dict[int, int] = {}  # of RTX, by the payload type that is repaired
        self.payload_type = -1  # of pictures as they are sent now; see `carry`
        self.next_sequence = sequence  # not wrapped
        self.last_timestamp = 0
        self.last_sent_at = float("-inf")
        self.last_picture: int | None = None  # VP8 picture id; each as the receiver saw it last, so that
        self.last_tl0 = 0  # another source goes on from there
        self.last_frame: int | None = None  # of the dependency descriptor
        self.packets = 0
        self.octets = 0
        self.retransmitted = 0
        self.loss = 0.0  # 0..1, of this path, from the latest receiver report
        self.rtt: float | None = None  # seconds, from the latest receiver report
        self.history = History() if rtx_ssrc is not None else None
        self._outlet = outlet
        self._holes = Holes(sequence)
        self._repairs_left = 0  # who asks for more repairs than it gets packets has no use for them
        self._twcc_id = 0
        self._descriptor_id = 0
        self._playout = b""  # value of the playout delay extension that goes with packets now, if any
        self._playout_id = 0
        self._telling = 0  # pictures in motion that are still to say so
        self._keyframe = False  # the picture that is sent is one
        self._format = ""  # of the pictures that are sent now
        self._rtx_type = -1
        self._rtx_sequence = 0
        self._report_sent: dict[int, float] = {}  # middle 32 bits of a report's NTP time -> when it was sent

    @property
    def takes_descriptor(self) -> bool:
        """Did the receiver negotiate the dependency descriptor?"""
        return self._descriptor_id != 0

    @property
    def stamped(self) -> bool:
        """Do its packets carry transport-wide numbers?"""
        return self._twcc_id != 0

    def wake(self, at: float) -> None:
        """What feeds it has something to send at `at`."""
        self._outlet.wake(at)

    def negotiated(
        self,
        payload_types: dict[str, int],
        repairs: dict[int, int],
        *,
        twcc_id: int,
        descriptor_id: int,
        playout_id: int = 0,
    ) -> None:
        """Payload types and ids of header extensions (0: not wanted), as the receiver chose."""
        self.payload_types = payload_types
        self.repairs = repairs
        self._choose_types()
        self._twcc_id = twcc_id
        self._descriptor_id = descriptor_id
        self._playout_id = playout_id

    def takes(self, format: str) -> bool:
        """Can the receiver show pictures of this format?"""
        return carrier(format, self.payload_types) is not None

    def carry(self, format: str) -> None:
        """Pictures are of this format from now on. It has an RTX of its own, under which nothing from before
        can be repaired; nor need it be, as the new one begins with a keyframe."""
        if format == self._format:
            return
        if self._format:
            self.forget()
        self._format = format
        self._choose_types()

    def _choose_types(self) -> None:
        name = carrier(self._format, self.payload_types)
        if name is not None:
            self.payload_type = self.payload_types[name]
        # Before the first picture any will do, for probes.
        any_type = next(iter(self.repairs.values()), -1)
        self._rtx_type = self.repairs.get(self.payload_type, -1) if self._format else any_type

    @property
    def is_behind(self) -> bool:
        """Does it wait for all other video, because of a keyframe that takes the path long?"""
        return self._outlet.is_behind(self.ssrc)

    def brings_keyframe(self, *, now: float) -> bool:
        """Is such a keyframe on its way, or has it left just now?"""
        return self._outlet.brings_keyframe(self.ssrc, now=now)

    def forget(self) -> None:
        """Nothing that was sent so far is of use any more."""
        if self.history is not None:
            self.history.clear()

    def begin_picture(self, *, keyframe: bool = False, at_once: bool) -> None:
        """Before the packets of a picture: is it a keyframe, and to be shown at once, or when it is due?

        Chromium learns from stills that pictures are seconds apart, and shows each up to that much too late
        (measured: 3.5 s); it does not where no delay is allowed."""
        self._keyframe = keyframe
        if at_once:
            self._playout, self._telling = AT_ONCE, TELLING
        elif self._telling:
            self._telling -= 1
            self._playout = WHEN_DUE if self._telling else b""

    def send(
        self,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload_type: int,
        payload: bytes,
        descriptor: bytes = b"",
        head: bytes = b"",
        *,
        now: float,
    ) -> None:
        """Sends one packet. `sequence` is not wrapped; `timestamp` is. `head`, if any, takes the place of the
        payload's first bytes."""
        if sequence >= self.next_sequence:
            if sequence > self.next_sequence:
                self._holes.change(sequence, sequence - self.next_sequence)
            self.next_sequence = sequence + 1
            self.last_timestamp = timestamp
            self.last_sent_at = now
        else:
            self._holes.change(self.next_sequence, -1)
        sequence &= 0xFFFF
        elements: Elements = ((self._descriptor_id, descriptor),) if descriptor else ()
        told = self._playout and self._playout_id
        if told:
            elements += ((self._playout_id, self._playout),)
        if self.history is not None:
            self.history.add(Sent(sequence, timestamp, marker, elements, payload, now, head))
            if self._repairs_left < SIZE:
                self._repairs_left += 1
        self.packets += 1
        self.octets += len(payload)
        if head:
            payload = head + payload[len(head) :]
        outlet = self._outlet
        if self._twcc_id and not elements and not (outlet.constrained and self.video):
            second = payload_type | marker << 7
            size = outlet.stamped(self._twcc_id, second, sequence, timestamp, self.ssrc, payload, now=now)
            if outlet.constrained:
                outlet.passed(size, now=now)
            return
        if self._twcc_id and len(descriptor) == SHORT_DESCRIPTOR and not (told or outlet.constrained):
            outlet.described(
                self._twcc_id,
                payload_type | marker << 7,
                sequence,
                timestamp,
                self.ssrc,
                payload,
                self._descriptor_id,
                descriptor,
                now=now,
            )
            return
        packet = Outgoing(
            self._twcc_id, payload_type | marker << 7, sequence, timestamp, self.ssrc, elements, payload
        )
        if self.video:
            outlet.video(packet, keyframe=self._keyframe, now=now)
        else:
            outlet.audio(packet, now=now)

    def resend(self, sequence: int, *, now: float) -> bool:
        """Sends packet `sequence` (16 bits) again as RTX, if it is still of use."""
        if self.history is None or not self._repairs_left or self._rtx_type < 0:
            return False
        late = self.is_behind or self.brings_keyframe(now=now)
        packet = self.history.take(sequence, self.rtt or 0.0, late=late, now=now)
        if packet is None:
            return False
        if not self._outlet.repair(self._repair(packet), now=now):
            return False
        self.retransmitted += 1
        self._repairs_left -= 1
        return True

    def pad(self, size: int, probe: int, *, now: float) -> int:
        """Sends about `size` bytes that the receiver can do without, as part of a bandwidth probe: the newest
        packet once more, or padding alone. What it sent, in bytes on the wire; 0: it can send none."""
        if self.rtx_ssrc is None or self._rtx_type < 0:
            return 0
        packet = None if self.history is None else self.history.newest
        if packet is not None and 0.5 * size < len(packet.payload) < 1.5 * size:
            return self._outlet.write(self._repair(packet), probe, now=now)
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        length = max(1, min(size - PADDING_OVERHEAD, MAX_PADDING))
        padding = bytes(length - 1) + bytes((length,))
        second = self._rtx_type
        timestamp = self.last_timestamp
        empty = Outgoing(
            self._twcc_id, second, self._rtx_sequence, timestamp, self.rtx_ssrc, (), padding, True
        )
        return self._outlet.write(empty, probe, now=now)

    def _repair(self, packet: Sent) -> Outgoing:
        """A sent packet as RTX (RFC 4588 section 4)."""
        assert self.rtx_ssrc is not None
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        return Outgoing(
            self._twcc_id,
            self._rtx_type | packet.marker << 7,
            self._rtx_sequence,
            packet.timestamp,
            self.rtx_ssrc,
            packet.elements,
            packet.sequence.to_bytes(2, "big") + packet.data,
        )

    def report(self, rtp: int, *, now: float) -> SenderReport:
        """A sender report that says: at `now`, this stream's timestamp is `rtp`."""
        ntp = int((NTP_EPOCH + now) * (1 << 32))
        self._report_sent[ntp >> 16 & 0xFFFFFFFF] = now
        if len(self._report_sent) > 16:
            del self._report_sent[next(iter(self._report_sent))]
        return SenderReport(
            ssrc=self.ssrc,
            ntp=ntp & 0xFFFFFFFFFFFFFFFF,
            rtp=rtp & 0xFFFFFFFF,
            packets=self.packets & 0xFFFFFFFF,
            octets=self.octets & 0xFFFFFFFF,
            reports=(),
        )

    def on_report_block(self, block: ReportBlock, *, now: float) -> None:
        """What the receiver says of this stream (RFC 3550 section 6.4.1)."""
        self.loss = self._holes.path_loss(
            block.fraction_lost / 256, block.highest_sequence, self.next_sequence
        )
        sent_at = self._report_sent.get(block.last_sr)
        if sent_at is not None:
            self.rtt = max(now - sent_at - block.delay_since_last_sr / 65536, 0.0)
