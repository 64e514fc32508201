"""Spreads what is sent to one receiver over time: a leaky bucket, in pure state.

Used only for receivers whose path is constrained; everybody else gets packets as they come (the publisher has
paced them already). Audio never waits: it goes at once and takes its bytes from the bucket, so that video
waits for it. Mirrors libwebrtc's modules/pacing/pacing_controller.cc and bitrate_prober.cc in what it does,
not in how.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from media.congestion.base import ProbeCluster
from media.congestion.packet_queue import PacketQueue

BURST: Final = 0.005  # seconds of the pacing rate that may leave at once; libwebrtc kDefaultBurstInterval
# Seconds; a probe further behind its schedule measures us, not the path (max_probe_delay).
PROBE_LATE: Final = 0.010
PADDING_PACKET: Final = 1000  # bytes on the wire, the largest that a probe asks for
PADDING_PACKET_SMALLEST: Final = 120
PROBE_MEDIA: Final = 2.0  # times a probe's packet: larger media wait, on a slow path they would hurt sound
TIME_SLACK: Final = 1e-9  # seconds; a timer that fires at its own time must find the packet due

Packet = TypeVar("Packet")


class Pacer(Generic[Packet]):
    """`send(packet, probe)` sends a queued packet, `pad(size, probe)` sends about `size` bytes of padding
    and gives what it sent (0: it cannot), `in_flight()` gives the bytes on their way."""

    def __init__(
        self,
        send: Callable[[Packet, int], None],
        pad: Callable[[int, int], int],
        in_flight: Callable[[], int],
        *,
        rate: float,
    ) -> None:
        self.dropped = 0
        self._send = send
        self._pad = pad
        self._in_flight = in_flight
        self._rate = rate
        self._cap = math.inf
        self._queue: PacketQueue[Packet] = PacketQueue()
        self._debt = 0.0  # bytes sent ahead of the rate
        self._drained_at = -math.inf
        self._probe: _Probe | None = None

    @property
    def queue_delay(self) -> float:
        """Seconds until a packet queued now would leave, unless its stream is behind."""
        return 8 * (self._queue.size + max(self._debt, 0.0)) / self._rate

    @property
    def waiting(self) -> bool:
        """Does anything wait?"""
        return bool(self._queue)

    def is_behind(self, stream: int) -> bool:
        """Does it wait for all other video, because of a large keyframe?"""
        return self._queue.is_behind(stream)

    def brings_keyframe(self, stream: int, *, now: float) -> bool:
        """Is a large keyframe of it on its way, or has it left just now?"""
        return self._queue.brings_keyframe(stream, now=now)

    def set_rates(self, rate: float, cap: int | None, *, now: float) -> None:
        """Takes the controller's pacing rate and in-flight cap, and sends what they now allow."""
        self._drain(now)
        self._rate = rate
        self._cap = math.inf if cap is None else cap
        self.on_timeout(now=now)

    def pass_audio(self, size: int, *, now: float) -> None:
        """An audio packet has been sent past the queue."""
        self._drain(now)
        self._debt += size

    def enqueue(
        self, packet: Packet, size: int, stream: int = 0, *, keyframe: bool = False, now: float
    ) -> bool:
        """Sends or keeps a media packet. False: the queue is full and the packet is dropped; what
        follows of its stream is undecodable until a keyframe."""
        if not self._queue.add(packet, size, stream, self._rate, keyframe=keyframe):
            self.dropped += 1
            return False
        self.on_timeout(now=now)
        return True

    def start_probe(self, cluster: ProbeCluster, *, now: float) -> None:
        """Sends a cluster, out of the queue as far as it goes and fits, and of padding for the rest."""
        self._probe = _Probe(cluster, now)
        self.on_timeout(now=now)

    def drop(self, stream: int) -> None:
        """Drops what waits of a stream."""
        self.dropped += self._queue.drop(stream)

    def drop_rest(self, stream: int) -> None:
        """The same but for a large keyframe that is on its way."""
        self.dropped += self._queue.drop_rest(stream)

    def next_timeout(self) -> float | None:
        """When the next packet is due; None while nothing waits or only feedback can free the way."""
        if self._probe is not None:
            return self._probe.due_at
        if not self._queue or self._is_capped():
            return None
        excess = self._debt - self._rate * BURST / 8
        return self._drained_at + max(0.0, 8 * excess / self._rate)

    def on_timeout(self, *, now: float) -> None:
        self._drain(now)
        if self._probe is not None:
            self._continue_probe(self._probe, now)
        burst = self._rate * BURST / 8
        while self._probe is None and self._queue and not self._is_capped():
            if self._debt > burst + self._rate * TIME_SLACK / 8:
                break
            self._send_queued(0, now)

    def _continue_probe(self, probe: _Probe, now: float) -> None:
        if now - probe.due_at > PROBE_LATE:
            self._probe = None
            return
        while probe.due_at <= now + TIME_SLACK:
            size = 0
            if not self._queue or self._queue.next_size > PROBE_MEDIA * probe.packet_size:
                size = self._pad(probe.packet_size, probe.cluster.id)
                self._debt += size
            if not size and self._queue:
                size = self._send_queued(probe.cluster.id, now)
            if not size or probe.count(size):
                self._probe = None
                return

    def _send_queued(self, probe: int, now: float) -> int:
        packet, size = self._queue.pop(now=now)
        self._debt += size
        self._send(packet, probe)
        return size

    def _is_capped(self) -> bool:
        return self._in_flight() + self._queue.next_size > self._cap

    def _drain(self, now: float) -> None:
        if self._drained_at > -math.inf:
            self._debt = max(0.0, self._debt - (now - self._drained_at) * self._rate / 8)
        self._drained_at = now


class _Probe:
    __slots__ = ("cluster", "due_at", "packet_size", "packets", "sent", "started_at")

    def __init__(self, cluster: ProbeCluster, now: float) -> None:
        self.cluster = cluster
        self.started_at = self.due_at = now
        self.sent = self.packets = 0
        size = math.ceil(cluster.bytes / max(cluster.packets - 1, 1))
        self.packet_size = min(max(size, PADDING_PACKET_SMALLEST), PADDING_PACKET)

    def count(self, size: int) -> bool:
        """Counts a packet; true when the cluster is complete. One packet more than its bytes need: the rate
        is measured between the first and the last."""
        done = self.sent >= self.cluster.bytes and self.packets >= self.cluster.packets - 1
        self.sent += size
        self.packets += 1
        self.due_at = self.started_at + 8 * self.sent / self.cluster.bitrate
        return done
