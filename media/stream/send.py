"""One sent RTP stream: a half of a slot. It outlives whatever feeds it, so that its numbers never break."""

from __future__ import annotations

import struct
from collections.abc import Callable

from media.congestion.base import IP_UDP_OVERHEAD
from media.congestion.sent import SentPackets
from media.rtp.extensions import write_extensions
from media.rtp.rtcp import ReportBlock, SenderReport
from media.stream.history import History, Sent

SRTP_TAG = 16  # bytes, AEAD_AES_GCM (RFC 7714)
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970; reports carry NTP_EPOCH + now: any steady clock
_ONE_ELEMENT = struct.Struct("!BBHIIIBHB")  # fixed header, one element of 2 bytes, 1 byte of padding
_FIXED = struct.Struct("!BBHII")
_PROFILE_AND_WORD = 0xBEDE_0001


class SendStream:
    """Writes packets of one SSRC and answers requests for them."""

    __slots__ = (
        "_descriptor_id",
        "_report_sent",
        "_rtx_sequence",
        "_send",
        "_sent",
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
        "payload_types",
        "retransmitted",
        "rtt",
        "rtx_ssrc",
        "ssrc",
    )

    def __init__(
        self,
        *,
        mid: str,
        ssrc: int,
        rtx_ssrc: int | None,
        sequence: int,
        clock_rate: int,
        send: Callable[[bytes, bytes], None],
        sent: SentPackets,
    ) -> None:
        self.mid = mid
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc  # None: the receiver can't take RTX or wants no retransmission
        self.clock_rate = clock_rate
        self.payload_types: dict[str, int] = {}  # by codec name: "vp8", "rtx", "opus", "red"
        self.next_sequence = sequence  # not wrapped
        self.last_timestamp = 0
        self.last_sent_at = float("-inf")
        self.last_picture: int | None = None  # VP8 picture id; each as the receiver saw it last, so that
        self.last_tl0 = 0  # another source goes on from there
        self.last_frame: int | None = None  # of the dependency descriptor
        self.packets = 0
        self.octets = 0
        self.retransmitted = 0
        self.loss = 0.0  # 0..1, from the latest receiver report
        self.rtt: float | None = None  # seconds, from the latest receiver report
        self.history = History() if rtx_ssrc is not None else None
        self._send = send
        self._sent = sent
        self._twcc_id = 0
        self._descriptor_id = 0
        self._rtx_sequence = 0
        self._report_sent: dict[int, float] = {}  # middle 32 bits of a report's NTP time -> when it was sent

    @property
    def takes_descriptor(self) -> bool:
        """Did the receiver negotiate the dependency descriptor?"""
        return self._descriptor_id != 0

    def negotiated(self, payload_types: dict[str, int], *, twcc_id: int, descriptor_id: int) -> None:
        """Payload types by codec name and ids of header extensions (0: not wanted), as the receiver chose."""
        self.payload_types = payload_types
        self._twcc_id = twcc_id
        self._descriptor_id = descriptor_id

    def send(
        self,
        sequence: int,
        timestamp: int,
        marker: bool,
        payload_type: int,
        payload: bytes,
        descriptor: bytes = b"",
        *,
        now: float,
    ) -> None:
        """Sends one packet. `sequence` is not wrapped; `timestamp` is."""
        if sequence >= self.next_sequence:
            self.next_sequence = sequence + 1
            self.last_timestamp = timestamp
            self.last_sent_at = now
        sequence &= 0xFFFF
        if self.history is not None:
            self.history.add(Sent(sequence, timestamp, marker, descriptor, payload, now))
        self.packets += 1
        self.octets += len(payload)
        self._write(payload_type | marker << 7, sequence, timestamp, self.ssrc, descriptor, payload, now)

    def resend(self, sequence: int, *, now: float) -> bool:
        """Sends packet `sequence` (16 bits) again as RTX, if it is still of use."""
        if self.history is None or self.rtx_ssrc is None:
            return False
        packet = self.history.take(sequence, self.rtt or 0.0, now=now)
        if packet is None:
            return False
        payload = sequence.to_bytes(2, "big") + packet.payload
        second = self.payload_types["rtx"] | packet.marker << 7
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        self.retransmitted += 1
        self._write(
            second, self._rtx_sequence, packet.timestamp, self.rtx_ssrc, packet.extension, payload, now
        )
        return True

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
        self.loss = block.fraction_lost / 256
        sent_at = self._report_sent.get(block.last_sr)
        if sent_at is not None:
            self.rtt = max(now - sent_at - block.delay_since_last_sr / 65536, 0.0)

    def _write(
        self,
        second: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        descriptor: bytes,
        payload: bytes,
        now: float,
    ) -> None:
        twcc_id = self._twcc_id
        if not twcc_id:
            extension = write_extensions([(self._descriptor_id, descriptor)]) if descriptor else b""
            first = 0x90 if extension else 0x80
            self._send(_FIXED.pack(first, second, sequence, timestamp, ssrc) + extension, payload)
        elif not descriptor:
            number = self._sent.stamp(20 + len(payload) + SRTP_TAG + IP_UDP_OVERHEAD, now=now)
            header = _ONE_ELEMENT.pack(
                0x90, second, sequence, timestamp, ssrc, _PROFILE_AND_WORD, twcc_id << 4 | 1, number, 0
            )
            self._send(header, payload)
        else:
            size = 24 + len(descriptor) + len(payload) + SRTP_TAG + IP_UDP_OVERHEAD
            number = self._sent.stamp(size, now=now)
            extension = write_extensions(
                [(twcc_id, number.to_bytes(2, "big")), (self._descriptor_id, descriptor)]
            )
            self._send(_FIXED.pack(0x90, second, sequence, timestamp, ssrc) + extension, payload)
