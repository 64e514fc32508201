"""Our controller: fast down, empty queues, fast up, and a fair share.

It knows the standing queue in seconds (`QueueDelay`) and what arrives now (`DeliveryRate`), and is in one of
five modes:

    INCREASE  the queue is short; the rate grows, slowly near the capacity met last, and probes look further
    DRAIN     the queue is long; what arrives now is the capacity, and we send less until the queue is gone
    COMPETE   the queue does not go when we hold back, so it is somebody else's: share by loss, as TCP does
    STARVED   we send and nothing comes back: halve, down to the floor that sound needs
    REPORTED  no transport-wide feedback at all: receiver reports and REMB
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Sequence
from enum import Enum
from typing import Final

from media.congestion.base import ControllerState, PacketResult, Phase, ProbeCluster
from media.congestion.competition import Competition
from media.congestion.delivery import DeliveryRate
from media.congestion.demand import DROP, DemandProber
from media.congestion.drain import AFTER_DRAIN, Drain
from media.congestion.ease import EASE, Ease
from media.congestion.growth import grown
from media.congestion.probe import ProbeMeasurement, make_cluster
from media.congestion.queue_delay import QueueDelay
from media.congestion.random_loss import RandomLoss, Verdict
from media.congestion.reported_loss import ReportedLoss
from media.congestion.sent import SentPackets
from media.congestion.silence import Silence

START_BITRATE: Final = 300_000.0  # bit/s
MAX_BITRATE: Final = 8_000_000.0
FLOOR: Final = 40_000.0  # bit/s; sound alone, thinned
TIMER: Final = 0.100  # seconds

QUEUE_LONG: Final = 0.015  # seconds that start a drain, plus one packet at the estimate
QUEUE_SHORT: Final = 0.006  # seconds that end it, plus the same
QUEUE_EMPTY: Final = 0.005  # seconds below which a probe may go, plus the same
PACKET_TIME_AT_MOST: Final = 0.100  # seconds
CALM: Final = 0.7  # seconds after a drain without a probe; doubled for each drop but one in the last
RESTLESS: Final = 60.0  # seconds, to at most
CALM_AT_MOST: Final = 30.0

NEAR: Final = 1.10  # times the capacity known; beyond, it is known no more
USED_SHARE: Final = 0.7  # of the estimate must arrive for it to grow by itself
ENOUGH: Final = 1.2  # times all that is wanted

PACING: Final = 1.1
# Seconds of the rate beyond the round trip and the feedback's interval: a picture of thirty a second, and the
# queue that starts a drain. Sending then slows down before the feedback on somebody's burst is there.
IN_FLIGHT_SLACK: Final = 0.050
IN_FLIGHT_AT_LEAST: Final = 3000  # bytes
PROBE_SETTLE: Final = 0.25  # seconds that a probe's own queue is not held against us
PROBE_TRUST: Final = 0.92  # of the measured rate


class Mode(Enum):
    INCREASE = Phase.INCREASING
    DRAIN = Phase.DRAINING
    COMPETE = Phase.HOLDING
    STARVED = Phase.STARVED
    REPORTED = Phase.STARTING


class Roomtone:
    def __init__(
        self,
        sent: SentPackets,
        *,
        now: float,
        start_bitrate: float = START_BITRATE,
        max_bitrate: float = MAX_BITRATE,
        floor: float = FLOOR,
    ) -> None:
        self.mode = Mode.REPORTED
        self._sent = sent
        self._max_bitrate = max_bitrate
        self._floor = floor
        self._start_bitrate = start_bitrate
        self._ids = itertools.count(1)
        self._remb = math.inf
        self._reported: ReportedLoss | None = None
        self._timer_at = now
        self._reset(now, start_bitrate)

    def _reset(self, now: float, bitrate: float) -> None:
        self._rate = bitrate
        self._capacity: float | None = None  # met at the last drain
        self._drain = Drain(bitrate, 0.0, self._floor, now=now)
        self._queue = QueueDelay()
        self._delivery = DeliveryRate()
        self._loss = RandomLoss()
        self._prober = DemandProber(now=now)
        self._measurement = ProbeMeasurement(valid_share=0.5)
        self._pending_probe: ProbeCluster | None = None
        self._packet_size = 500.0  # smoothed
        self._rtt: float | None = None
        self._feedback_at: float | None = None
        self._grown_at = now
        self._drops: deque[float] = deque(maxlen=16)  # times of drains that took much
        self._newest_sent_at = now
        self._competition = Competition()
        self._interval = 0.1  # seconds between feedbacks, smoothed
        self._settle_until = now
        self._silence = Silence(now=now)
        self._ease = Ease()
        self._ignore_before = -math.inf  # send time; another path
        self._rate_before_experiment = bitrate

    @property
    def estimate(self) -> float:
        return max(self._floor, min(self._rate, self._remb, self._max_bitrate))

    @property
    def sustained(self) -> float:
        if self.mode is not Mode.DRAIN or self._drain.capacity is None:
            return self.estimate
        return max(self.estimate, min(AFTER_DRAIN * self._drain.capacity, self._remb))

    @property
    def pacing_rate(self) -> float:
        return self.estimate * (1.0 if self.mode is Mode.DRAIN else PACING)

    @property
    def in_flight_cap(self) -> int | None:
        rtt = self._rtt if self._rtt is not None else 0.3
        # Somebody else's queue is part of the way; our own is not.
        way = rtt if self.mode is Mode.COMPETE else max(rtt - self._queue.value, 0.01)
        rate = self.estimate
        if self._prober.demand.allocated:
            rate = min(rate, PACING * self._prober.demand.allocated)
        return max(IN_FLIGHT_AT_LEAST, int(rate * (way + self._interval + IN_FLIGHT_SLACK) / 8))

    @property
    def state(self) -> ControllerState:
        return ControllerState(self.mode.value, self._queue.value, self._loss.ratio, self._rtt)

    def on_feedback(self, results: Sequence[PacketResult], *, now: float) -> None:
        if results and results[0].sent_at < self._ignore_before:
            results = [result for result in results if result.sent_at >= self._ignore_before]
        if not results:
            return
        self._packet_size += (results[-1].size - self._packet_size) / 8
        self._queue.add(results, now=now)
        self._delivery.add(results, self._queue.base)
        newest = next((r.sent_at for r in reversed(results) if r.received_at is not None), None)
        if newest is not None:
            self._newest_sent_at = max(newest, self._newest_sent_at)
            sample = now - newest
            self._rtt = sample if self._rtt is None else self._rtt + (sample - self._rtt) / 4
        probed = None
        for result in results:
            if result.probe_cluster is not None:
                probed = self._measurement.add(result) or probed
        if self._feedback_at is not None:
            self._interval += (min(now - self._feedback_at, 0.25) - self._interval) / 8
        self._feedback_at = now
        if self.mode is Mode.REPORTED or (self.mode is Mode.STARVED and newest is not None):
            self._resume(now)
        if probed is not None:
            self._on_probe(probed, now)
        if self.mode is Mode.INCREASE:
            self._on_increase(results, now)
        elif self.mode is Mode.DRAIN:
            self._on_drain(now)
        elif self.mode is Mode.COMPETE:
            self._on_compete(results, now)
        self._rate = min(max(self._rate, self._floor), self._max_bitrate)

    def on_receiver_report(self, fraction_lost: float, rtt: float | None, *, now: float) -> None:
        if self.mode is not Mode.REPORTED:
            return
        if self._reported is None:
            self._reported = ReportedLoss(self._rate)
        self._rate = min(self._reported.on_report(fraction_lost, rtt, now=now), self._max_bitrate)
        self._reported.bitrate = self._rate
        self._rtt = rtt if rtt is not None else self._rtt

    def on_remb(self, bitrate: float, *, now: float) -> None:
        self._remb = bitrate

    def on_demand(
        self, next_layer_bitrate: float | None, allocated_bitrate: float, max_bitrate: float, *, now: float
    ) -> None:
        demand = self._prober.demand
        demand.next_layer = next_layer_bitrate
        demand.allocated = allocated_bitrate
        demand.maximum = max_bitrate

    def on_route_change(self, *, now: float) -> None:
        """Starts over, not above where we were, and asks the new path at once."""
        if self.mode is Mode.REPORTED:
            return
        before, demand = self._rate, self._prober.demand
        self._reset(now, min(before, self._start_bitrate))
        self._remb = math.inf
        self._prober.demand = demand
        self._prober.remember(before, now=now)
        self._ignore_before = self._feedback_at = now
        self.mode = Mode.INCREASE

    def next_timeout(self) -> float | None:
        return self._timer_at + TIMER

    def on_timeout(self, *, now: float) -> None:
        self._timer_at = now
        self._watch_feedback(now)
        self._propose_probe(now)

    def poll_probe(self, *, now: float) -> ProbeCluster | None:
        self._propose_probe(now)
        cluster, self._pending_probe = self._pending_probe, None
        if cluster is not None:
            self._settle_until = now + PROBE_SETTLE + self._round_trip
        return cluster

    @property
    def _round_trip(self) -> float:
        return 0.2 if self._rtt is None else self._rtt

    @property
    def _packet_time(self) -> float:
        return min(8 * self._packet_size / self._rate, PACKET_TIME_AT_MOST)

    @property
    def _carried(self) -> float | None:
        """What the bottleneck lets through while it is busy: what arrives, and what is lost behind it
        anyway."""
        capacity = self._delivery.capacity
        return None if capacity is None else capacity / (1 - min(self._loss.inherent, 0.5))

    def _enter(self, mode: Mode, now: float) -> None:
        self.mode = mode
        self._grown_at = now
        self._ease.end()

    def _resume(self, now: float) -> None:
        """Feedback is (back) there."""
        self._delivery.clear()
        self._loss.abort(now)
        self._capacity = None
        self._enter(Mode.INCREASE, now)
        self._prober.forget(now=now)

    # -- INCREASE

    def _on_increase(self, results: Sequence[PacketResult], now: float) -> None:
        queue = self._queue.value
        limit = QUEUE_LONG + self._packet_time
        if now < self._settle_until:
            limit *= 2.5
        if queue > limit:
            self._start_drain(now)
            return
        if queue < limit / 2:
            self._judge_loss(results, now)
        if queue < QUEUE_SHORT + self._packet_time:
            self._ease.end()
            self._prober.on_calm(self._round_trip, now=now)
            if not self._loss.experimenting:
                self._grow(now)
                return
        elif now >= self._settle_until:
            capacity = self._ease.capacity(self._rate, self._carried, self._round_trip, now=now)
            if capacity is not None:
                self._capacity, self._rate = min(capacity, self._rate), EASE * capacity
        self._grown_at = now

    def _grow(self, now: float) -> None:
        since, self._grown_at = min(now - self._grown_at, 0.5), now
        acked = self._delivery.bitrate
        if acked is None or acked < USED_SHARE * self._rate * (1 - self._loss.inherent):
            return
        if self._capacity is not None and self._rate > NEAR * self._capacity:
            self._capacity = None
        delivered = acked / (1 - min(self._loss.inherent, 0.5))
        rate = grown(self._rate, self._capacity, delivered, since)
        self._rate = max(self._rate, min(rate, ENOUGH * self._prober.demand.maximum))

    def _judge_loss(self, results: Sequence[PacketResult], now: float) -> None:
        verdict = self._loss.add(results, now=now)
        if verdict is Verdict.EXPERIMENT:
            self._rate_before_experiment = self._rate
            acked = self._delivery.bitrate
            if acked is not None:
                self._rate = min(self._rate, 0.9 * acked)
        elif verdict is Verdict.RANDOM:
            self._rate = max(self._rate, self._rate_before_experiment)
        elif verdict is Verdict.CONGESTION:
            self._capacity = self._rate
            self._prober.remember(self._rate_before_experiment, now=now)
            self._prober.postpone(2.0, now=now)

    # -- DRAIN

    def _start_drain(self, now: float) -> None:
        if self._loss.experimenting:
            self._rate = max(self._rate, self._rate_before_experiment)
        self._loss.abort()
        self._drain = Drain(self._rate, self._queue.value, self._floor, now=now)
        self._enter(Mode.DRAIN, now)
        self._prober.on_queue(self._rate, self._round_trip, now=now)
        self._on_drain(now)

    def _on_drain(self, now: float) -> None:
        drain, queue = self._drain, self._queue.value
        if queue < QUEUE_SHORT + self._packet_time:
            self._finish_drain(now)
            return
        rate = drain.update(queue, self._carried, self._newest_sent_at, self._round_trip, now=now)
        if rate is None:
            return
        self._capacity, self._rate = drain.capacity, rate
        if drain.not_ours:
            self._rate = min(drain.before, drain.share)
            self._enter(Mode.COMPETE, now)
            self._competition.begin(now=now)

    def _finish_drain(self, now: float) -> None:
        self._competition.forgive()
        before, capacity = self._drain.before, self._drain.capacity
        if capacity is not None:
            self._capacity = capacity
            self._rate = min(before, AFTER_DRAIN * capacity)
            if self._rate < DROP * before:
                self._prober.remember(before, now=now)
                self._drops.append(now)
        self._enter(Mode.INCREASE, now)
        self._prober.postpone(self._calm_time(now), now=now)

    def _calm_time(self, now: float) -> float:
        """How long to wait after a drain before asking for more: longer on a path that keeps taking back what
        it gave, since a picture that comes and goes is worse than a small one."""
        while self._drops and now - self._drops[0] > RESTLESS:
            self._drops.popleft()
        return min(CALM * 2.0 ** max(len(self._drops) - 1, 0), CALM_AT_MOST)

    # -- COMPETE

    def _on_compete(self, results: Sequence[PacketResult], now: float) -> None:
        short = self._queue.value < QUEUE_SHORT + self._packet_time
        if self._competition.is_over(short=short, now=now):
            self._enter(Mode.INCREASE, now)
            return
        if not short and self._competition.is_doubtful(now=now):
            self._start_drain(now)
            return
        lost = sum(r.received_at is None for r in results) > self._loss.inherent * len(results)
        rtt = max(self._round_trip, self._queue.value + 0.02)
        before, arrived = self._rate, self._delivery.bitrate
        rate = self._competition.rate_after(before, lost, arrived, rtt, self._interval, now=now)
        self._rate = min(rate, max(before, ENOUGH * self._prober.demand.maximum))

    # -- probes

    def _propose_probe(self, now: float) -> None:
        if self.mode is not Mode.INCREASE or self._feedback_at is None or self._pending_probe is not None:
            return
        if self._queue.value > QUEUE_EMPTY + self._packet_time or self._loss.experimenting:
            return
        if now < self._settle_until and self._prober.goal is None:
            return
        proposal = self._prober.propose(self._rate, self._queue.jitter, self._round_trip, now=now)
        if proposal is not None:
            bitrate, duration = proposal
            self._pending_probe = make_cluster(next(self._ids), min(bitrate, self._max_bitrate), duration)
            self._measurement.start(self._pending_probe)

    def _on_probe(self, measured: float, now: float) -> None:
        goal = self._prober.goal
        if goal is None:
            return
        if self.mode is not Mode.INCREASE or not self._prober.succeeded(measured, self._rate):
            self._prober.fail(self._rate, now=now)
            return
        saturated = measured < self._prober.enough
        self._prober.succeed(now=now)
        self._rate = max(self._rate, min(PROBE_TRUST * measured, goal))
        self._capacity = measured if saturated else None
        self._settle_until = now + self._round_trip / 2
        self._grown_at = now

    # -- silence

    def _watch_feedback(self, now: float) -> None:
        if self._feedback_at is None or not self._silence.starves(
            self._sent, self._feedback_at, self._round_trip, now=now
        ):
            return
        if self.mode is not Mode.STARVED:
            self._prober.remember(self._rate, now=now)
            self._enter(Mode.STARVED, now)
        self._rate = max(self._floor, self._rate / 2)
