"""Flows over emulated links in virtual time. One heap of events, no clock, no thread: it repeats to the
bit."""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.adapt.sources import (
    AUDIO_INTERVAL,
    AUDIO_PACKET,
    THIN_AUDIO_BELOW,
    THIN_AUDIO_INTERVAL,
    THIN_AUDIO_PACKET,
    ElasticSource,
    LayeredSource,
)
from media.congestion.base import CongestionController
from media.congestion.pacer import Pacer
from media.congestion.sent import SentPackets
from media.testing.link import Link

FEEDBACK_INTERVAL = (0.050, 0.250)  # seconds; libwebrtc remote_estimator_proxy.cc
FEEDBACK_SHARE = 0.05  # of the received rate
FEEDBACK_SIZE = 68  # bytes, by which libwebrtc reckons the interval
CLOCK_DRIFT = 50e-6  # the receiver's clock runs fast by this much, as real ones do
CLOCK_OFFSET = 1234.5  # seconds
BIN = 0.1  # seconds of every series

MakeController = Callable[[SentPackets, float], CongestionController]


class Simulation:
    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, time: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(time, self.now), self._count, event))

    def run(self, until: float) -> None:
        events = self._events
        while events and events[0][0] <= until:
            self.now, _, event = heapq.heappop(events)
            event()
        self.now = until


@dataclass(slots=True)
class Series:
    """What one flow did, in bins of BIN seconds where not said otherwise."""

    estimate: list[tuple[float, float]] = field(default_factory=list)  # at each bin
    queue: list[tuple[float, float]] = field(default_factory=list)  # seconds, at each bin
    layer: list[tuple[float, int]] = field(default_factory=list)  # at each change
    arrived: dict[int, int] = field(default_factory=dict)  # bytes of media and audio
    sent: dict[int, int] = field(default_factory=dict)  # bytes of everything
    delays: list[tuple[float, float]] = field(default_factory=list)  # media: sent, one-way network delay
    media_delays: list[tuple[float, float]] = field(default_factory=list)  # made, until arrived
    audio: list[tuple[float, float | None]] = field(default_factory=list)  # sent, one-way delay or None: lost
    packets: int = 0
    lost: int = 0
    padding: int = 0  # bytes


class MediaFlow:
    """A sender with its controller and pacer, a receiver with its feedback."""

    def __init__(
        self,
        sim: Simulation,
        make: MakeController,
        source: ElasticSource | LayeredSource,
        forward: list[Link],
        backward: list[Link],
        *,
        start: float = 0.0,
        audio: bool = True,
        pauses: tuple[tuple[float, float], ...] = (),
        route_change: float | None = None,
        feedback: bool = True,
    ) -> None:
        self.sim = sim
        self.series = Series()
        self.source = source
        self._make = make
        self._forward = forward
        self._backward = backward
        self.has_audio = audio
        self._start_at = start
        self._pauses = pauses
        self._sent = SentPackets()
        self._pending: dict[int, tuple[float, bool, bool]] = {}
        self._arrivals: dict[int, float] = {}  # unwrapped number: receiver's clock
        self._next_feedback = 0
        self._received: deque[tuple[float, int]] = deque()
        self._received_bytes = 0
        self._number = 0
        self._wants_feedback = feedback
        sim.at(start, self._start)
        if route_change is not None:
            sim.at(route_change, self._change_route)

    def _start(self) -> None:
        now = self.sim.now
        self.controller = self._make(self._sent, now)
        self.pacer: Pacer[tuple[int, float]] = Pacer(
            lambda packet, probe: self._send(packet[0], probe, made=packet[1]),
            self._pad,
            lambda: self._sent.bytes_in_flight,
            rate=self.controller.pacing_rate,
        )
        self._timer: float = math.inf
        self._tick()
        self._make_frame()
        if self.has_audio:
            self._make_audio()
        self._report()
        self._sample()

    def _tick(self) -> None:
        """The controller's timer."""
        now = self.sim.now
        due = self.controller.next_timeout()
        if due is not None and due <= now + 1e-9:
            self.controller.on_timeout(now=now)
            self._apply()
            due = self.controller.next_timeout()
        if due is not None:
            self.sim.at(max(due, now + 0.001), self._tick)

    def _apply(self) -> None:
        """What a peer does after each change of the controller."""
        now = self.sim.now
        controller = self.controller
        estimate = controller.estimate
        spare = estimate - (self.audio_rate if self.has_audio else 0.0)
        self.source.on_estimate(spare, now=now)
        base = self.audio_rate if self.has_audio else 0.0
        wanted = self.source.next_bitrate(now=now)
        controller.on_demand(
            None if wanted is None else wanted + base,
            self.source.bitrate + base,
            self.source.max_bitrate + base,
            now=now,
        )
        self.pacer.set_rates(controller.pacing_rate, controller.in_flight_cap, now=now)
        while (cluster := controller.poll_probe(now=now)) is not None:
            self.pacer.start_probe(cluster, now=now)
        self._arm_pacer()

    @property
    def audio_rate(self) -> float:
        return 8 * AUDIO_PACKET / AUDIO_INTERVAL

    def is_on(self, at: float) -> bool:
        return at >= self._start_at and not any(start <= at < end for start, end in self._pauses)

    def _make_frame(self) -> None:
        now = self.sim.now
        if self.is_on(self.sim.now):
            for size in self.source.frame(queue_delay=self.pacer.queue_delay, now=now):
                if not self.pacer.enqueue((size, now), size, now=now):
                    self.source.on_drop(now=now)
            self._arm_pacer()
        self.sim.at(now + self.source.interval, self._make_frame)

    def _make_audio(self) -> None:
        now = self.sim.now
        thin = self.controller.estimate < THIN_AUDIO_BELOW
        size = THIN_AUDIO_PACKET if thin else AUDIO_PACKET
        if self.is_on(now):
            self._send(size, 0, made=now, audio=True)
            self.pacer.pass_audio(size, now=now)
        self.sim.at(now + (THIN_AUDIO_INTERVAL if thin else AUDIO_INTERVAL), self._make_audio)

    def _arm_pacer(self) -> None:
        due = self.pacer.next_timeout()
        if due is not None and due < self._timer - 1e-9:
            self._timer = max(due, self.sim.now)
            self.sim.at(self._timer, partial(self._fire_pacer, self._timer))

    def _fire_pacer(self, due: float) -> None:
        if due != self._timer:
            return
        self._timer = math.inf
        self.pacer.on_timeout(now=self.sim.now)
        self._arm_pacer()

    def _pad(self, size: int, probe: int) -> int:
        self.series.padding += size
        self._send(size, probe, made=None)
        return size

    def _send(self, size: int, probe: int, *, made: float | None, audio: bool = False) -> None:
        now = self.sim.now
        series = self.series
        number = self._number
        self._number += 1
        self._sent.stamp(size, probe, now=now)
        series.packets += 1
        series.sent[int(now / BIN)] = series.sent.get(int(now / BIN), 0) + size
        arrivals = travel(self._forward, size, now)
        if audio:
            series.audio.append((now, arrivals[0] - now if arrivals else None))
        if not arrivals:
            series.lost += 1
        elif made is not None:
            if not audio:
                series.delays.append((now, arrivals[0] - now))
                series.media_delays.append((made, arrivals[0] - made))
            place = int(arrivals[0] / BIN)
            series.arrived[place] = series.arrived.get(place, 0) + size
        for arrival in arrivals:
            self.sim.at(arrival, partial(self._receive, number, size))

    def _receive(self, number: int, size: int) -> None:
        if number in self._arrivals:
            return
        now = self.sim.now
        self._arrivals[number] = now * (1 + CLOCK_DRIFT) + CLOCK_OFFSET
        self._received.append((now, size))
        self._received_bytes += size

    def _report(self) -> None:
        """The receiver's feedback, as libwebrtc times and fills it."""
        now = self.sim.now
        while self._received and self._received[0][0] < now - 1.0:
            self._received_bytes -= self._received.popleft()[1]
        low, high = FEEDBACK_INTERVAL
        rate = max(8 * self._received_bytes, 1000)
        self.sim.at(now + min(max(8 * FEEDBACK_SIZE / (FEEDBACK_SHARE * rate), low), high), self._report)
        if not self._arrivals or not self._wants_feedback:
            return
        fresh = self._arrivals
        self._arrivals = {}
        first = min(min(fresh), self._next_feedback)
        last = max(fresh)
        self._next_feedback = max(last + 1, self._next_feedback)
        reference = int(min(fresh.values()) / 0.064)
        ticks = [
            None if (at := fresh.get(number)) is None else round((at - reference * 0.064) / 0.00025)
            for number in range(first, last + 1)
        ]
        size = 28 + 20 + len(ticks) // 7 * 2 + len(fresh) + 12
        for arrival in travel(self._backward, size, now):
            self.sim.at(arrival, partial(self._on_feedback, first & 0xFFFF, reference & 0xFFFFFF, ticks))

    def _on_feedback(self, base: int, reference: int, ticks: list[int | None]) -> None:
        now = self.sim.now
        self.controller.on_feedback(self._sent.on_feedback(base, reference, ticks, now=now), now=now)
        self._apply()

    def _change_route(self) -> None:
        self._sent.reset_in_flight()
        self.controller.on_route_change(now=self.sim.now)
        self._apply()

    def _sample(self) -> None:
        now = self.sim.now
        self.series.estimate.append((now, self.controller.estimate))
        self.series.queue.append((now, sum(link.queue_delay(now=now) for link in self._forward)))
        if isinstance(self.source, LayeredSource):
            self.series.layer.append((now, self.source.step))
        self.sim.at(now + BIN, self._sample)


def travel(links: list[Link], size: int, now: float) -> tuple[float, ...]:
    """Through links in a row; those after the first see packets in the order they were sent, not in the order
    they arrive there, so only the first should queue."""
    arrivals: tuple[float, ...] = (now,)
    for link in links:
        arrivals = tuple(later for at in arrivals for later in link.send(size, now=at))
    return arrivals


def make_rng(seed: int, *names: object) -> random.Random:
    return random.Random(":".join(map(str, (seed, *names))))
