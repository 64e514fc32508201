"""The packets that one stream sent lately, kept to be sent again (RFC 4585 NACK, RFC 4588 RTX)."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from media.rtp.extensions import Elements

SIZE: Final = 256  # packets, a power of two: 1 s of the largest layer we forward (2 Mbit/s)
MIN_RESEND: Final = 0.015  # seconds; a request repeated sooner is about the copy that is on its way
MAX_AGE: Final = 1.0  # seconds; later no receiver waits for it any more


class Sent(NamedTuple):
    """One sent packet. Its header is built anew when it is sent again: other SSRC, number and stamp."""

    sequence: int  # 16 bits
    timestamp: int
    marker: bool
    elements: Elements  # header extensions but for the stamp
    payload: bytes
    sent_at: float
    head: bytes  # takes the place of the payload's first bytes, which many receivers share

    @property
    def data(self) -> bytes:
        """The payload as it left."""
        return self.head + self.payload[len(self.head) :] if self.head else self.payload


# Most packets are never asked for, and a bare tuple takes a fifth of the time to make.
_Fields: TypeAlias = tuple[int, int, bool, Elements, bytes, float, bytes]


class History:
    """A ring of sent packets. The payload bytes are shared with every other subscription that forwarded
    them, so that a room of many keeps each packet once."""

    __slots__ = ("_newest", "_resent_at", "_ring")

    def __init__(self) -> None:
        self._ring: list[_Fields | None] = [None] * SIZE
        self._resent_at: dict[int, float] = {}
        self._newest: _Fields | None = None

    @property
    def newest(self) -> Sent | None:
        """What was sent last."""
        return None if self._newest is None else Sent(*self._newest)

    def add(self, packet: _Fields) -> None:
        """Keeps a packet, given by the fields of `Sent`."""
        self._ring[packet[0] & SIZE - 1] = self._newest = packet

    def take(self, sequence: int, rtt: float, *, now: float) -> Sent | None:
        """The packet of this number if it is still of use and was not resent within the last round trip."""
        fields = self._ring[sequence & SIZE - 1]
        if fields is None:
            return None
        packet = Sent(*fields)
        if packet.sequence != sequence or now - packet.sent_at > MAX_AGE:
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
        self._resent_at.clear()
