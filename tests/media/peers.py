"""One peer's core with a client's tongue."""

import random
from collections import Counter

from media import negotiation, sdp
from media.negotiation import SlotStream
from media.peer import PeerCore
from media.publication import Publication
from media.rtp import rtcp
from media.rtp.extensions import parse_extensions
from media.rtp.packet import RtpHeader, header_length
from media.sdp import SessionDescription
from media.testing.client import Client
from media.testing.sender import OPUS
from media.testing.traffic import CAMERA

SECOND = 1 << 32  # of NTP time


class Peer:
    """A core with a client's tongue: what `client` has to send is received, what the core sends is kept."""

    def __init__(
        self, *, slots: int = 0, publishes: bool = True, redundant: bool = True, seed: int = 1
    ) -> None:
        self.rtp: list[tuple[RtpHeader, dict[int, bytes], bytes]] = []
        self.rtcp: list[rtcp.RtcpPacket] = []
        self.datagrams: list[bytes] = []
        self.publications: list[tuple[str, bool]] = []
        self.woken: list[float] = []
        self.core = PeerCore(
            rng=random.Random(seed),
            send_rtp=self._send_rtp,
            send_rtcp=self._send_rtcp,
            on_publication=self._changed,
            wake=self.woken.append,
        )
        self.client = Client(
            "client",
            random.Random(seed + 1000),
            microphone=publishes,
            camera=CAMERA if publishes else (),
            slots=slots,
            descriptor=False,
            redundant=redundant,
            rtx=True,
            feedback=True,
        )
        self.offer = sdp.parse(self.client.offer())
        self.streams = self.configure(self.offer, now=0.0)

    def configure(self, offer: SessionDescription, *, now: float) -> dict[str, SlotStream]:
        sources = {m.mid: self.client.sources[m.mid] for m in offer.media if m.mid in self.client.sources}
        return self.core.configure(negotiation.agree(offer, sources, max_lines=64), now=now)

    def take(self, packet: bytes, *, now: float) -> None:
        if len(packet) >= 4 and packet[0] & 0xC0 == 0x80 and 192 <= packet[1] <= 223:  # RFC 5761 section 4
            self.core.receive_rtcp(packet, now=now)
            return
        length = header_length(packet)
        if length is not None:
            self.core.receive_rtp(packet[:length], packet[length:], now=now)

    def run(self, until: float) -> None:
        """The client sends, and timers are kept."""
        now = 0.0
        while (now := self.client.next_timeout()) <= until:
            at = self.core.next_timeout()
            if at is not None and at <= now:
                self.core.on_timeout(now=at)
            self.client.on_timeout(now=now)
            for packet in self.client.take_packets():
                self.take(packet, now=now)

    def sent(self, kind: type) -> list[rtcp.RtcpPacket]:
        return [packet for packet in self.rtcp if isinstance(packet, kind)]

    def _send_rtp(self, header: bytes, payload: bytes) -> None:
        parsed = RtpHeader.parse(header)
        assert parsed is not None
        self.rtp.append((parsed, parse_extensions(header), payload))

    def _send_rtcp(self, data: bytes) -> None:
        drops: Counter[str] = Counter()
        self.datagrams.append(data)
        self.rtcp += rtcp.parse(data, drops)
        assert not drops

    def _changed(self, publication: Publication) -> None:
        self.publications.append((publication.source, publication.live))


def packet(sequence: int, ssrc: int, payload_type: int = OPUS, payload: bytes = b"\x78sound") -> bytes:
    header = RtpHeader(payload_type, sequence & 0xFFFF, sequence * 960 & 0xFFFFFFFF, ssrc)
    return header.serialize() + payload
