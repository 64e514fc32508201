"""What leaves towards one receiver: stamped with transport-wide numbers, paced while its path is short."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from media.congestion.base import IP_UDP_OVERHEAD, ProbeCluster
from media.congestion.pacer import Pacer
from media.congestion.sent import SentPackets
from media.rtp.extensions import Elements, write_extensions

SRTP_TAG: Final = 16  # bytes, AEAD_AES_GCM (RFC 7714)
START_RATE: Final = 1_000_000.0  # bit/s, the pacer's until a controller has told one

_ONE_ELEMENT: Final = struct.Struct("!BBHIIIBHB")  # fixed header, one element of 2 bytes, 1 byte of padding
# The same and one of 3 bytes: a usual dependency descriptor.
_TWO_ELEMENTS: Final = struct.Struct("!BBHIIIBHB3sB")
_FIXED: Final = struct.Struct("!BBHII")
_PROFILE_AND_WORD: Final = 0xBEDE_0001
_PROFILE_AND_WORDS: Final = 0xBEDE_0002
_PADDING_BIT: Final = 0x20


class Outgoing(NamedTuple):
    """One packet but for its transport-wide number, which it gets when it leaves."""

    twcc_id: int  # 0: the receiver did not negotiate it
    second: int  # marker and payload type
    sequence: int
    timestamp: int
    ssrc: int
    elements: Elements
    payload: bytes
    padded: bool = False


class Outlet:
    """Audio leaves at once. Video leaves at once too, unless `constrained`: then it waits its turn."""

    def __init__(self, sent: SentPackets, send: Callable[[bytes, bytes], None]) -> None:
        self.sent = sent
        self.constrained = False
        self.pad: Callable[[int, int, float], int] = lambda size, probe, now: 0  # who can send padding
        self.wake: Callable[[float], None] = lambda at: None  # `next_timeout` has become earlier
        # Of this SSRC a packet had to be dropped that was not sent before.
        self.on_overflow: Callable[[int, float], None] = lambda ssrc, now: None
        self._send = send
        self._now = 0.0
        self._pacer: Pacer[Outgoing] = Pacer(
            self._send_queued, self._pad, lambda: sent.bytes_in_flight, rate=START_RATE
        )

    @property
    def queue_delay(self) -> float:
        return self._pacer.queue_delay if self._pacer.waiting else 0.0

    @property
    def dropped(self) -> int:
        return self._pacer.dropped

    def audio(self, packet: Outgoing, *, now: float) -> None:
        size = self.write(packet, now=now)
        if self.constrained:
            self.passed(size, now=now)

    def passed(self, size: int, *, now: float) -> None:
        """A packet of sound, `size` bytes on the wire, has gone past the pacer's queue."""
        self._pacer.pass_audio(size, now=now)

    def stamped(
        self,
        twcc_id: int,
        second: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        probe: int = 0,
        *,
        now: float,
    ) -> int:
        """Sends a packet whose only header extension is its transport-wide number; its size on the wire."""
        size = 20 + len(payload) + SRTP_TAG + IP_UDP_OVERHEAD
        number = self.sent.stamp(size, probe, now=now)
        header = _ONE_ELEMENT.pack(
            0x90, second, sequence, timestamp, ssrc, _PROFILE_AND_WORD, twcc_id << 4 | 1, number, 0
        )
        self._send(header, payload)
        return size

    def described(
        self,
        twcc_id: int,
        second: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        descriptor_id: int,
        descriptor: bytes,
        *,
        now: float,
    ) -> None:
        """The same with a dependency descriptor of 3 bytes, which all packets have but a few."""
        number = self.sent.stamp(24 + len(payload) + SRTP_TAG + IP_UDP_OVERHEAD, now=now)
        header = _TWO_ELEMENTS.pack(
            0x90,
            second,
            sequence,
            timestamp,
            ssrc,
            _PROFILE_AND_WORDS,
            twcc_id << 4 | 1,
            number,
            descriptor_id << 4 | 2,
            descriptor,
            0,
        )
        self._send(header, payload)

    def video(self, packet: Outgoing, *, keyframe: bool = False, now: float) -> None:
        """`keyframe`: the packet is part of one."""
        if not self._pace(packet, keyframe=keyframe, now=now):
            self.on_overflow(packet.ssrc, now)

    def repair(self, packet: Outgoing, *, now: float) -> bool:
        """A packet that may be missing: one that was sent before, which the receiver asks for again if it
        still wants it. False: there is no room, as where nothing has come through for a while."""
        return self._pace(packet, keyframe=False, now=now)

    def is_behind(self, ssrc: int) -> bool:
        """Does a stream wait for all other video, because of a large keyframe?"""
        return self._pacer.is_behind(ssrc)

    def brings_keyframe(self, ssrc: int, *, now: float) -> bool:
        """Is a large keyframe of a stream on its way, or has it left just now?"""
        return self._pacer.brings_keyframe(ssrc, now=now)

    def set_rates(self, rate: float, cap: int | None, *, constrained: bool, now: float) -> None:
        """What the controller allows now."""
        self._now = now
        self.constrained = constrained or self._pacer.waiting
        self._pacer.set_rates(rate, cap, now=now)
        self._wake()

    def probe(self, cluster: ProbeCluster, *, now: float) -> None:
        self._now = now
        self._pacer.start_probe(cluster, now=now)
        self._wake()

    def drop(self, ssrc: int) -> None:
        """Drops what waits of a stream."""
        self._pacer.drop(ssrc)

    def drop_rest(self, ssrc: int) -> None:
        """The same but for a large keyframe that is on its way."""
        self._pacer.drop_rest(ssrc)

    def next_timeout(self) -> float:
        at = self._pacer.next_timeout()
        return float("inf") if at is None else at

    def on_timeout(self, *, now: float) -> None:
        self._now = now
        self._pacer.on_timeout(now=now)

    def write(self, packet: Outgoing, probe: int = 0, *, now: float) -> int:
        """Sends a packet now; its size on the wire."""
        twcc_id, second, sequence, timestamp, ssrc, elements, payload, padded = packet
        if not twcc_id:
            extension = write_extensions(elements)
            header = _FIXED.pack(0x90 if extension else 0x80, second, sequence, timestamp, ssrc) + extension
            size = len(header) + len(payload) + SRTP_TAG + IP_UDP_OVERHEAD
        elif not elements and not padded:
            return self.stamped(twcc_id, second, sequence, timestamp, ssrc, payload, probe, now=now)
        else:
            size = wire_size(packet)
            number = self.sent.stamp(size, probe, now=now)
            extension = write_extensions(((twcc_id, number.to_bytes(2, "big")), *elements))
            header = _FIXED.pack(0x90, second, sequence, timestamp, ssrc) + extension
        if padded:
            header = bytes((header[0] | _PADDING_BIT,)) + header[1:]
        self._send(header, payload)
        return size

    def _pace(self, packet: Outgoing, *, keyframe: bool, now: float) -> bool:
        """Sends a picture's packet, at once or in its turn. False: there is no room."""
        if not self.constrained:
            self.write(packet, now=now)
            return True
        self._now = now
        taken = self._pacer.enqueue(packet, wire_size(packet), packet.ssrc, keyframe=keyframe, now=now)
        self._wake()
        return taken

    def _wake(self) -> None:
        at = self._pacer.next_timeout()
        if at is not None:
            self.wake(at)

    def _send_queued(self, packet: Outgoing, probe: int) -> None:
        self.write(packet, probe, now=self._now)

    def _pad(self, size: int, probe: int) -> int:
        return self.pad(size, probe, self._now)


def wire_size(packet: Outgoing) -> int:
    """Bytes on the wire, within 3 of what leaves (padding of header extensions)."""
    extension = 8 if packet.twcc_id else 0
    if packet.elements:
        extension = (extension or 4) + sum(4 + len(value) & ~3 for _, value in packet.elements)
    return 12 + extension + len(packet.payload) + SRTP_TAG + IP_UDP_OVERHEAD
