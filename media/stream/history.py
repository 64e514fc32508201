"""The packets that one stream sent lately, kept to be sent again (RFC 4585 NACK, RFC 4588 RTX)."""

from __future__ import annotations

from typing import Final

from media.congestion.packet_queue import KEYFRAME_LIMIT
from media.rtp.extensions import Elements

SIZE: Final = 256  # packets, a power of two: 1 s of the largest layer we forward (2 Mbit/s)
MIN_RESEND: Final = 0.015  # seconds; a request repeated sooner is about the copy that is on its way
MAX_AGE: Final = 1.0  # seconds; later no receiver waits for it any more


class Sent:
    """One sent packet. Its header is built anew when it is sent again: other SSRC, number and stamp."""

    __slots__ = ("elements", "head", "marker", "payload", "sent_at", "sequence", "timestamp")

    def __init__(
        self,
        sequence: int,
        timestamp: int,
        marker: bool,
        elements: Elements,
        payload: bytes,
        sent_at: float,
        head: bytes,
    ) -> None:
        self.sequence = sequence  # 16 bits
        self.timestamp = timestamp
        self.marker = marker
        self.elements = elements  # header extensions but for the stamp
        self.payload = payload
        self.sent_at = sent_at
        self.head = head  # takes the place of the payload's first bytes, which many receivers share

    @property
    def data(self) -> bytes:
        """The payload as it left."""
        return self.head + self.payload[len(self.head) :] if self.head else self.payload


class History:
    """A ring of sent packets. The payload bytes are shared with every other subscription that forwarded
    them, so that a room of many keeps each packet once."""

    __slots__ = ("_resent_at", "_ring", "newest")

    def __init__(self) -> None:
        self.newest: Sent | None = None  # what was sent last
        self._ring: list[Sent | None] = [None] * SIZE
        self._resent_at: dict[int, float] = {}

    def add(self, packet: Sent) -> None:
        self._ring[packet.sequence & SIZE - 1] = self.newest = packet

    def take(self, sequence: int, rtt: float, *, late: bool = False, now: float) -> Sent | None:
        """The packet of this number if it is still of use and was not resent within the last round trip.
        `late`: packets had to wait for a large keyframe before they left."""
        max_age = MAX_AGE + (KEYFRAME_LIMIT if late else 0.0)
        packet = self._ring[sequence & SIZE - 1]
        if packet is None or packet.sequence != sequence or now - packet.sent_at > max_age:
            return None
        resent_at = self._resent_at.get(sequence)
        if resent_at is not None and now - resent_at < max(MIN_RESEND, rtt * 0.8):
            return None
        if len(self._resent_at) >= SIZE:
            self._resent_at.clear()
        self._resent_at[sequence] = now
        return packet

    def clear(self) -> None:
        self._ring = [None] * SIZE
        self.newest = None
        self._resent_at.clear()
