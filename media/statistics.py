"""The media side in numbers, for an operator: what flows, how the paths do, what was dropped; no names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from media.peer import PeerCore
from media.quality import picture_of

# bit/s, upper bounds of the estimate's histogram: what sound takes, a still, motion, each simulcast size.
ESTIMATE_BOUNDS = (60e3, 120e3, 250e3, 500e3, 1e6, 2e6, 4e6, float("inf"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric. `values` by the value of `label`; by "" where there is no label."""

    name: str
    help: str
    kind: Literal["counter", "gauge"]
    values: Mapping[str, float]
    label: str = ""


class Totals:
    """Counters that go on when the peers they came from are gone."""

    def __init__(self) -> None:
        self._gone: Counter[str] = Counter()

    def forget(self, core: PeerCore) -> None:
        """The peer is closed; what it counted stays."""
        self._gone.update(_counts(core))

    def of(self, cores: Iterable[PeerCore]) -> Counter[str]:
        total = self._gone.copy()
        for core in cores:
            total.update(_counts(core))
        return total


def figures(
    cores: Iterable[PeerCore], connected: int, totals: Totals, drops: Mapping[str, int]
) -> tuple[Figure, ...]:
    """All metrics of these peers; `drops` by reason are the port's."""
    cores = tuple(cores)
    counts = totals.of(cores)
    dropped = Counter(drops)
    for name in [name for name in counts if name.startswith("drop:")]:
        dropped[name.removeprefix("drop:")] += counts.pop(name)
    states = [core.downlink.controller.state for core in cores if core.downlink.controller is not None]
    pictures: Counter[str] = Counter(picture_of(slot) for core in cores for slot in core.slots)
    levels = Counter(core.uplink.level.name.lower() for core in cores if core.publications)
    packings = Counter(core.downlink.sound.packing.label for core in cores if core.slots)
    estimates = [core.downlink.estimate or 0.0 for core in cores if core.downlink.controller is not None]
    lows = dict(zip(ESTIMATE_BOUNDS, (0.0, *ESTIMATE_BOUNDS), strict=False))
    histogram = {
        "inf" if bound == float("inf") else f"{bound:.0f}": float(
            sum(lows[bound] < estimate <= bound for estimate in estimates)
        )
        for bound in ESTIMATE_BOUNDS
    }
    return (
        Figure("peers", "WebRTC connections.", "gauge", {"": len(cores)}),
        Figure("peers_connected", "Of them, with media able to flow.", "gauge", {"": connected}),
        Figure("received", "RTP packets received.", "counter", {"": counts["received"]}),
        Figure("forwarded", "RTP packets sent to receivers.", "counter", {"": counts["forwarded"]}),
        Figure("retransmitted", "Packets sent again.", "counter", {"": counts["retransmitted"]}),
        Figure("feedback", "Transport-wide reports received.", "counter", {"": counts["feedback"]}),
        Figure("unpaced", "Video packets a full pacer dropped.", "counter", {"": counts["unpaced"]}),
        Figure("dropped", "Packets dropped.", "counter", dropped, "reason"),
        Figure("estimates", "Receivers by estimate, bit/s at most.", "gauge", histogram, "at_most"),
        Figure(
            "downlinks",
            "Receivers by what their controller does.",
            "gauge",
            Counter(state.phase.value for state in states),
            "phase",
        ),
        Figure(
            "queue_seconds",
            "Longest standing queue of a receiver's path.",
            "gauge",
            {"": max((state.queue_delay for state in states), default=0.0)},
        ),
        Figure(
            "loss_ratio",
            "Worst loss of a receiver's path.",
            "gauge",
            {"": max((state.loss for state in states), default=0.0)},
        ),
        Figure("pictures", "Slots by what they show.", "gauge", pictures, "state"),
        Figure("uplinks", "Publishers by what they may send.", "gauge", levels, "level"),
        Figure("packings", "Receivers by how their sound is packed.", "gauge", packings, "packing"),
    )


def _counts(core: PeerCore) -> Counter[str]:
    streams = [stream for slot in core.slots for stream in slot.streams]
    counts = Counter(
        received=core.packets_received,
        forwarded=sum(stream.packets for stream in streams),
        retransmitted=sum(stream.retransmitted for stream in streams),
        feedback=core.downlink.feedback_received,
        unpaced=core.downlink.outlet.dropped,
    )
    counts.update({f"drop:{reason}": count for reason, count in core.drops.items()})
    return counts
