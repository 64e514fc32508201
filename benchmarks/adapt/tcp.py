"""A NewReno sender and its receiver (RFC 5681, RFC 6582), as far as sharing a queue with media needs it."""

from __future__ import annotations

import random
from functools import partial

from benchmarks.adapt.simulation import Simulation, travel
from media.testing.link import Link

SEGMENT = 1500  # bytes on the wire
ACK = 40
INITIAL_WINDOW = 10  # segments; RFC 6928
MIN_RTO = 1.0  # seconds; RFC 6298


class TcpFlow:
    def __init__(
        self,
        sim: Simulation,
        forward: list[Link],
        backward: list[Link],
        *,
        start: float,
        segments: float = float("inf"),
        stop: float = float("inf"),
    ) -> None:
        self.sim = sim
        self.arrived: list[tuple[float, int]] = []
        self.finished_at: float | None = None
        self._forward, self._backward = forward, backward
        self._segments, self._stop = segments, stop
        self._window: float = INITIAL_WINDOW
        self._threshold = float("inf")
        self._next = self._acked = self._recover = 0
        self._duplicates = 0
        self._recovering = False
        self._sent_at: dict[int, float] = {}
        self._srtt: float | None = None
        self._rttvar = 0.0
        self._rto = MIN_RTO
        self._timer = 0
        self._expected = 0  # the receiver's
        self._early: set[int] = set()
        sim.at(start, self._fill)

    def _fill(self) -> None:
        while (
            self._next < self._acked + int(self._window)
            and self._next < self._segments
            and self.sim.now < self._stop
        ):
            self._send(self._next)
            self._next += 1

    def _send(self, number: int, *, again: bool = False) -> None:
        now = self.sim.now
        if again:
            self._sent_at.pop(number, None)  # Karn's algorithm
        else:
            self._sent_at[number] = now
        if number == self._acked or not self._timer:
            self._arm()
        for arrival in travel(self._forward, SEGMENT, now):
            self.sim.at(arrival, partial(self._receive, number))

    def _receive(self, number: int) -> None:
        now = self.sim.now
        self.arrived.append((now, SEGMENT))
        if number >= self._expected:
            self._early.add(number)
        while self._expected in self._early:
            self._early.remove(self._expected)
            self._expected += 1
        for arrival in travel(self._backward, ACK, now):
            self.sim.at(arrival, partial(self._on_ack, self._expected))

    def _on_ack(self, number: int) -> None:
        if number > self._acked:
            self._on_progress(number)
        elif self._next > self._acked:
            self._duplicates += 1
            if self._duplicates == 3 and not self._recovering:
                self._recovering = True
                self._recover = self._next
                self._threshold = max((self._next - self._acked) / 2, 2)
                self._window = self._threshold + 3
                self._send(self._acked, again=True)
            elif self._recovering:
                self._window += 1
        self._fill()

    def _on_progress(self, number: int) -> None:
        sent_at = self._sent_at.get(number - 1)
        if sent_at is not None:
            self._measure(self.sim.now - sent_at)
        newly = number - self._acked
        for done in range(self._acked, number):
            self._sent_at.pop(done, None)
        self._acked = number
        self._duplicates = 0
        if self._recovering:
            if number >= self._recover:
                self._recovering = False
                self._window = self._threshold
            else:
                self._window = max(self._window - newly + 1, 1)
                self._send(number, again=True)
        elif self._window < self._threshold:
            self._window += newly
        else:
            self._window += newly / self._window
        if number >= self._segments:
            self.finished_at = self.sim.now
        self._arm()

    def _measure(self, rtt: float) -> None:
        if self._srtt is None:
            self._srtt, self._rttvar = rtt, rtt / 2
        else:
            self._rttvar = 0.75 * self._rttvar + 0.25 * abs(self._srtt - rtt)
            self._srtt = 0.875 * self._srtt + 0.125 * rtt
        self._rto = max(MIN_RTO, self._srtt + 4 * self._rttvar)

    def _arm(self) -> None:
        self._timer += 1
        self.sim.at(self.sim.now + self._rto, partial(self._expire, self._timer))

    def _expire(self, timer: int) -> None:
        if timer != self._timer or self._acked >= self._next:
            return
        self._threshold = max((self._next - self._acked) / 2, 2)
        self._window = 1
        self._recovering = False
        self._duplicates = 0
        self._rto = min(self._rto * 2, 60)
        self._next = self._acked + 1
        self._send(self._acked, again=True)
        self._arm()


class ShortTcpFlows:
    """RFC 8867 section 5.7: transfers of 30-50 KB with exponential pauses."""

    def __init__(
        self, sim: Simulation, forward: list[Link], backward: list[Link], rng: random.Random, *, start: float
    ) -> None:
        self.sim = sim
        self.arrived: list[tuple[float, int]] = []
        self._links = forward, backward
        self._rng = rng
        sim.at(start + rng.expovariate(0.1), self._next_transfer)

    def _next_transfer(self) -> None:
        segments = self._rng.randint(30_000, 50_000) // 1460
        flow = TcpFlow(self.sim, *self._links, start=self.sim.now, segments=segments)
        flow.arrived = self.arrived
        self._wait(flow)

    def _wait(self, flow: TcpFlow) -> None:
        if flow.finished_at is None:
            self.sim.at(self.sim.now + 0.1, partial(self._wait, flow))
        else:
            self.sim.at(self.sim.now + self._rng.expovariate(0.1), self._next_transfer)
