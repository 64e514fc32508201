"""The media side in numbers, for an operator: what flows, how the paths do, what was dropped; no names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from media.congestion.base import CongestionController
from media.downlink import Downlink
from media.encoding import MAX_TEMPORAL
from media.peer import PeerCore
from media.quality import picture_of
from media.slots import Slot

# Upper bounds of what receivers are told apart by; one more group holds all that is above.
ESTIMATE_BOUNDS = (60e3, 120e3, 250e3, 500e3, 1e6, 2e6, 4e6)  # bit/s: sound, a still, motion, each size
QUEUE_BOUNDS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)  # seconds; from 0.1 on conversation stumbles
LOSS_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2)


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
    return (
        _gauge("peers", "WebRTC connections.", len(cores)),
        _gauge("peers_connected", "Of them, with media able to flow.", connected),
        *_counters(totals.of(cores), drops),
        *_paths([core.downlink.controller for core in cores if core.downlink.controller is not None]),
        *_slots([slot for core in cores for slot in core.slots]),
        *_receivers([core.downlink for core in cores if core.slots]),
        *_publishers([core for core in cores if core.publications]),
    )


def _counters(counts: Counter[str], drops: Mapping[str, int]) -> Iterable[Figure]:
    dropped = Counter(drops)
    for name in [name for name in counts if name.startswith("drop:")]:
        dropped[name.removeprefix("drop:")] += counts.pop(name)
    for name, help in (
        ("received", "RTP packets received."),
        ("forwarded", "RTP packets sent to receivers."),
        ("retransmitted", "Packets sent again."),
        ("requested", "Packets asked of publishers again."),
        ("feedback", "Transport-wide reports received."),
        (
            "feedback_unknown",
            "Packets that they named and that were never sent, are forgotten or were told of before.",
        ),
        ("unpaced", "Video packets that a pacer had no room or no more use for."),
    ):
        yield Figure(name, help, "counter", {"": counts[name]})
    yield Figure("dropped", "Packets dropped.", "counter", dropped, "reason")


def _paths(controllers: Sequence[CongestionController]) -> Iterable[Figure]:
    """Of receivers, as their controllers see them."""
    states = [controller.state for controller in controllers]
    estimates = _grouped((controller.estimate for controller in controllers), ESTIMATE_BOUNDS)
    queues = _grouped((state.queue_delay for state in states), QUEUE_BOUNDS)
    losses = _grouped((state.loss for state in states), LOSS_BOUNDS)
    phases = Counter(state.phase.value for state in states)
    longest = max((state.queue_delay for state in states), default=0.0)
    worst = max((state.loss for state in states), default=0.0)
    yield Figure("estimates", "Receivers by estimate, bit/s at most.", "gauge", estimates, "at_most")
    yield Figure("downlinks", "Receivers by what their controller does.", "gauge", phases, "phase")
    yield Figure(
        "queues", "Receivers by standing queue of their path, seconds at most.", "gauge", queues, "at_most"
    )
    yield Figure("losses", "Receivers by loss on their path, at most.", "gauge", losses, "at_most")
    yield _gauge("queue_seconds", "Longest standing queue of a receiver's path.", longest)
    yield _gauge("loss_ratio", "Worst loss of a receiver's path.", worst)


def _slots(slots: Sequence[Slot]) -> Iterable[Figure]:
    pictures: Counter[str] = Counter(picture_of(slot) for slot in slots)
    layers = Counter(layer for slot in slots if (layer := _layer(slot)) is not None)
    yield Figure("pictures", "Slots by what they show.", "gauge", pictures, "state")
    yield Figure("layers", "Pictures by spatial and highest temporal layer.", "gauge", layers, "layer")


def _receivers(downlinks: Sequence[Downlink]) -> Iterable[Figure]:
    allocated = {
        "spent": sum(downlink.allocation.spent for downlink in downlinks),
        "wanted": sum(downlink.allocation.wanted for downlink in downlinks),
    }
    packings = Counter(downlink.sound.packing.label for downlink in downlinks)
    yield Figure(
        "allocated_bits_per_second",
        "For pictures, all receivers together: what they get, and what they could use.",
        "gauge",
        allocated,
        "share",
    )
    yield Figure("packings", "Receivers by how their sound is packed.", "gauge", packings, "packing")


def _publishers(cores: Sequence[PeerCore]) -> Iterable[Figure]:
    levels = Counter(core.uplink.level.name.lower() for core in cores)
    encodings = [core.order.encodings for core in cores]
    orders = Counter(str(ordered["camera"]) for ordered in encodings if "camera" in ordered)
    thin = sum(core.order.thin for core in cores)
    lag = max((core.uplink.delay for core in cores), default=0.0)
    loss = max((core.uplink.loss for core in cores), default=0.0)
    yield Figure("uplinks", "Publishers by what they may send.", "gauge", levels, "level")
    yield Figure("orders", "Publishers by how many sizes of camera are ordered.", "gauge", orders, "camera")
    yield _gauge("thin", "Publishers of whom thin sound is ordered.", thin)
    yield _gauge("uplink_lag_seconds", "Longest lag of a publisher's sound.", lag)
    yield _gauge("uplink_loss_ratio", "Worst loss of a publisher's sound.", loss)


def _gauge(name: str, help: str, value: float) -> Figure:
    return Figure(name, help, "gauge", {"": value})


def _grouped(values: Iterable[float], bounds: tuple[float, ...]) -> dict[str, float]:
    """How many values lie in each group, by its upper bound; every group is there, so that none is missed
    where a graph sums them."""
    bounds = (*bounds, float("inf"))
    groups = dict.fromkeys(bounds, 0.0)
    for value in values:
        groups[next(bound for bound in bounds if value <= bound)] += 1
    return {f"{bound:.9g}": count for bound, count in groups.items()}


def _layer(slot: Slot) -> str | None:
    """Of a slot in motion: the size and the highest rate of it that it is to get, as S0T2."""
    if picture_of(slot) != "motion":
        return None
    assert slot.video_subscription is not None and slot.video_subscription.target is not None
    publication, target = slot.video_subscription.publication, slot.video_subscription.target
    largest = max(len(publication.rids), 1) - 1
    return f"S{min(target.spatial, largest)}T{min(target.temporal, MAX_TEMPORAL - 1)}"


def _counts(core: PeerCore) -> Counter[str]:
    counts = Counter(
        received=core.packets_received,
        forwarded=core.table.packets,
        retransmitted=core.table.retransmitted,
        requested=core.packets_requested,
        feedback=core.downlink.feedback_received,
        feedback_unknown=core.downlink.sent.unknown,
        unpaced=core.downlink.outlet.dropped,
    )
    counts.update({f"drop:{reason}": count for reason, count in core.drops.items()})
    return counts
