"""The place of a congestion controller: the facts it is told and the answers it gives.

A controller never sees a packet. It is told what became of packets (`PacketResult`), and answers with the
rate that the path carries. All rates are bit/s on the wire: IP, UDP, SRTP and RTP headers included.

What a peer does with it:

    sent = SentPackets()
    controller = Roomtone(sent)
    ...                                        per packet:   number = sent.stamp(size, now=now)
    TWCC arrives:   controller.on_feedback(sent.on_feedback(base, reference, arrivals, now=now), now=now)
    RR, REMB:       controller.on_receiver_report(...), controller.on_remb(...)
    allocation ran: controller.on_demand(...)
    timer:          controller.on_timeout(now=now); re-arm from next_timeout()
    after each:     read `estimate`, `pacing_rate`, `in_flight_cap`; send what `poll_probe` asks for
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

# Bytes that a packet costs below RTP: IPv4 20 + UDP 8. The SRTP tag is part of the datagram and counted
# there.
IP_UDP_OVERHEAD: Final = 28


class PacketResult:
    """What became of one sent packet. Made for each packet of a report, hence a plain class, which is the
    cheapest to make once compiled: a named tuple takes six times as long, a frozen dataclass more."""

    __slots__ = ("probe_cluster", "received_at", "sent_at", "sequence", "size")

    def __init__(
        self, sequence: int, sent_at: float, received_at: float | None, size: int, probe_cluster: int | None
    ) -> None:
        self.sequence = sequence  # transport-wide number, unwrapped
        self.sent_at = sent_at  # seconds, our clock
        self.received_at = received_at  # seconds, the receiver's clock (its zero is unknown); None: lost
        self.size = size  # bytes on the wire
        self.probe_cluster = probe_cluster  # id of the probe that the packet was part of


@dataclass(frozen=True, slots=True)
class ProbeCluster:
    """A request to send `bytes` in at least `packets` packets at `bitrate`, each stamped with `id`.
    Media that waits anyway may be part of it; the rest is padding."""

    id: int
    bitrate: float
    bytes: int
    packets: int


class Phase(Enum):
    """What a controller is doing, in words that metrics and logs can show."""

    STARTING = "starting"
    HOLDING = "holding"
    INCREASING = "increasing"
    DRAINING = "draining"
    STARVED = "starved"  # we send, but no feedback comes back


class ControllerState:
    """A snapshot, made anew for each report."""

    __slots__ = ("loss", "phase", "queue_delay", "rtt")

    def __init__(self, phase: Phase, queue_delay: float, loss: float, rtt: float | None) -> None:
        self.phase = phase
        self.queue_delay = queue_delay  # seconds of standing queue on the path, as far as it is known
        self.loss = loss  # 0..1, smoothed, on this path alone
        self.rtt = rtt  # seconds, smoothed


class CongestionController(Protocol):
    """Estimates what a path carries. `Gcc` is the reference, `Roomtone` is ours."""

    @property
    def estimate(self) -> float:
        """What allocation may spend, bit/s on the wire."""

    @property
    def sustained(self) -> float:
        """What the estimate will be once the queue of the moment is gone, bit/s: never below `estimate`."""

    @property
    def pacing_rate(self) -> float:
        """The rate at which a pacer should empty its queue, bit/s."""

    @property
    def in_flight_cap(self) -> int | None:
        """Bytes that may be on their way at once; media above it waits or is dropped, audio passes."""

    @property
    def state(self) -> ControllerState: ...

    def on_feedback(self, results: Sequence[PacketResult], *, now: float) -> None:
        """One TWCC report, as `SentPackets.on_feedback` has read it."""

    def on_receiver_report(self, fraction_lost: float, rtt: float | None, *, now: float) -> None:
        """One RTCP receiver report on a stream that we sent: loss 0..1, round trip in seconds if known."""

    def on_remb(self, bitrate: float, *, now: float) -> None:
        """The receiver's own estimate (draft-alvestrand-rmcat-remb)."""

    def on_demand(
        self, next_layer_bitrate: float | None, allocated_bitrate: float, max_bitrate: float, *, now: float
    ) -> None:
        """What allocation makes of the estimate, all with audio included: the estimate at which it would take
        its next step up (None: it has all it wants), the sum it has given out, the sum it could ever use."""

    def on_route_change(self, *, now: float) -> None:
        """The path is another one (address change, ICE restart): what was learnt may no longer hold."""

    def next_timeout(self) -> float | None:
        """When `on_timeout` is due."""

    def on_timeout(self, *, now: float) -> None: ...

    def poll_probe(self, *, now: float) -> ProbeCluster | None:
        """The probe to send now, if one is due. Asking again starts no second one while the first runs."""
