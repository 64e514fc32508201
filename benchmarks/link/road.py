"""What lies between two networks, in numbers: packets go in with `now`, come out when they are due, or never.

Sans-IO. One `media.testing.link.Link` a direction; beside it what a Link does not know: UDP that is blocked.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from media.testing.link import Link, LinkSettings

UDP = 17  # IP protocol numbers
_PROTOCOL_AT = 9  # offset in an IPv4 header


class Direction(Enum):
    DOWN = "down"  # to the person behind the link
    UP = "up"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Of the road from some moment on; times inside count from that moment."""

    down: LinkSettings
    up: LinkSettings
    udp_blocked: tuple[tuple[float, float], ...] = ()  # (from, until)

    def of(self, direction: Direction) -> LinkSettings:
        return self.down if direction is Direction.DOWN else self.up


@dataclass(slots=True)
class Counters:
    """Of one direction, since the start. Bytes with IP headers."""

    offered: int = 0  # bytes that were sent into it
    delivered: int = 0  # bytes that left it
    delivered_tcp: int = 0
    packets: int = 0  # offered
    dropped: int = 0  # packets, at the queue
    lost: int = 0  # packets, on the way
    blocked: int = 0  # packets
    late_ms: float = 0.0  # the most that a packet left after its time, since the last look


@dataclass(slots=True)
class _Lane:
    link: Link
    counters: Counters = field(default_factory=Counters)
    dropped_before: int = 0  # by links that this one replaced
    lost_before: int = 0


class Road:
    def __init__(self, conditions: Conditions, rng: random.Random, *, now: float) -> None:
        self._rng = rng
        self._conditions = conditions
        self._since = now
        self._lanes = {way: _Lane(Link(conditions.of(way), rng)) for way in Direction}
        self._under_way: list[tuple[float, int, Direction, bytes]] = []
        self._order = 0

    def impose(self, conditions: Conditions, *, now: float) -> None:
        """New conditions. What is under way arrives as it would have."""
        self._conditions = conditions
        self._since = now
        for way, lane in self._lanes.items():
            lane.dropped_before += lane.link.dropped
            lane.lost_before += lane.link.lost
            lane.link = Link(conditions.of(way), self._rng)

    def take(self, way: Direction, packet: bytes, *, now: float) -> None:
        lane = self._lanes[way]
        counters = lane.counters
        counters.offered += len(packet)
        counters.packets += 1
        elapsed = now - self._since
        if packet[_PROTOCOL_AT] == UDP and any(a <= elapsed < b for a, b in self._conditions.udp_blocked):
            counters.blocked += 1
            return
        for arrival in lane.link.send(len(packet), now=elapsed):
            self._order += 1
            heapq.heappush(self._under_way, (arrival + self._since, self._order, way, packet))

    def next_due(self) -> float | None:
        return self._under_way[0][0] if self._under_way else None

    def due(self, *, now: float) -> Iterator[tuple[Direction, bytes]]:
        """What has arrived by now, in order."""
        while self._under_way and self._under_way[0][0] <= now:
            at, _, way, packet = heapq.heappop(self._under_way)
            counters = self._lanes[way].counters
            counters.delivered += len(packet)
            if packet[_PROTOCOL_AT] != UDP:
                counters.delivered_tcp += len(packet)
            counters.late_ms = max(counters.late_ms, (now - at) * 1000)
            yield way, packet

    def report(self, *, now: float) -> dict[str, dict[str, float]]:
        """Counters of each direction, and how long a packet would wait now (`queue_ms`)."""
        said = {}
        for way, lane in self._lanes.items():
            counters = lane.counters
            counters.dropped = lane.dropped_before + lane.link.dropped
            counters.lost = lane.lost_before + lane.link.lost
            said[way.value] = asdict(counters) | {
                "queue_ms": lane.link.queue_delay(now=now - self._since) * 1000
            }
            counters.late_ms = 0.0
        return said


def encode(conditions: Conditions) -> str:
    return json.dumps(asdict(conditions))


def decode(text: str) -> Conditions:
    """The reverse of `encode`."""
    said = json.loads(text)
    down, up = (LinkSettings(**{k: _tuples(v) for k, v in said[way].items()}) for way in ("down", "up"))
    return Conditions(down, up, _tuples(said["udp_blocked"]))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
