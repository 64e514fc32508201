"""What /metrics tells (Prometheus text format): numbers only, nothing about anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from media.sfu import Sfu
from server.rooms import Rooms

if TYPE_CHECKING:
    from prometheus_client.registry import Collector
else:
    Collector = object

LATE_BOUNDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)  # seconds; from 0.05 on sound suffers

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of no use here


class RoomtoneCollector(Collector):
    """Reads the numbers at the moment they are asked for, so that counting costs the rooms nothing."""

    def __init__(self, rooms: Rooms, sfu: Sfu, counts: Counter[tuple[str, str]]) -> None:
        self._rooms = rooms
        self._sfu = sfu
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        rooms = [live.room for live in self._rooms.rooms.values()]
        yield GaugeMetricFamily("roomtone_rooms", "Open rooms.", len(rooms))
        people = GaugeMetricFamily("roomtone_participants", "People let in.", labels=["connection"])
        presences = Counter(person.presence for room in rooms for person in room.admitted)
        for presence in ("connecting", "connected", "reconnecting"):
            people.add_metric([presence], presences[presence])
        yield people
        yield GaugeMetricFamily(
            "roomtone_waiting", "People waiting at a door.", sum(len(room.waiting) for room in rooms)
        )
        yield GaugeMetricFamily(
            "roomtone_peers",
            "WebRTC connections.",
            sum(live.stage.peers for live in self._rooms.rooms.values()),
        )
        refused = CounterMetricFamily("roomtone_refused", "Joins refused.", labels=["code"])
        for code, count in sorted(self._rooms.refused.items()):
            refused.add_metric([code], count)
        yield refused
        full = CounterMetricFamily(
            "roomtone_full", "Who found no place, by the setting that says so.", labels=["limit"]
        )
        for limit in ("max_rooms", "max_connections", "max_peers"):
            full.add_metric([limit], self._rooms.full[limit])
        yield full
        messages = CounterMetricFamily("roomtone_messages", "Messages from pages.", labels=["type"])
        drops = CounterMetricFamily("roomtone_drops", "Messages not acted on.", labels=["reason"])
        for (what, label), count in sorted(self._counts.items()):
            (messages if what == "message" else drops).add_metric([label], count)
        yield messages
        yield drops
        yield from self._people()
        yield from self._media()

    def _people(self) -> Iterator[Metric]:
        """What people hear and are told."""
        listening = self._rooms.listening
        for what, milliseconds in (("played", listening.played_ms), ("concealed", listening.concealed_ms)):
            yield CounterMetricFamily(
                f"roomtone_sound_{what}_seconds", "Of sound, as the listeners report.", milliseconds / 1000
            )
        yield from listening.concealment.collect()
        yield from listening.buffered.collect()
        yield CounterMetricFamily(
            "roomtone_picture_frozen_seconds",
            "For which pictures stood still that ought to move, as the viewers report.",
            listening.frozen_ms / 1000,
        )
        told = [item for live in self._rooms.rooms.values() for item in live.conditions.items()]
        yield GaugeMetricFamily(
            "roomtone_missed",
            "People who are told that somebody missed what they said.",
            sum(conditions.missed > 0 for _, conditions in told),
        )
        quality = GaugeMetricFamily("roomtone_quality", "People by their own connection.", labels=["quality"])
        grades = Counter(
            own.quality for who, conditions in told for own in conditions.people if own.participant == who
        )
        for grade in ("good", "fair", "poor", "lost"):
            quality.add_metric([grade], grades[grade])
        yield quality

    def _media(self) -> Iterator[Metric]:
        for figure in self._sfu.metrics():
            family = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
            metric = family(
                f"roomtone_media_{figure.name}", figure.help, labels=[figure.label] if figure.label else []
            )
            for label, value in sorted(figure.values.items()):
                metric.add_metric([label] if figure.label else [], value)
            yield metric


def registry(rooms: Rooms, sfu: Sfu, counts: Counter[tuple[str, str]]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(RoomtoneCollector(rooms, sfu, counts))
    ProcessCollector(registry=registry)
    return registry


def lateness(registry: CollectorRegistry) -> Histogram:
    """Of the event loop, looked at a few times a second: a sample of what packets wait for."""
    return Histogram(
        "roomtone_loop_late_seconds",
        "How much later than due the event loop is done with its rooms; what a packet waits then.",
        buckets=LATE_BOUNDS,
        registry=registry,
    )


def render(registry: CollectorRegistry) -> bytes:
    return generate_latest(registry)
