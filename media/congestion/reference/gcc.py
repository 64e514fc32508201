"""Google congestion control as libwebrtc has it, the reference that ours is measured against.

Mirrors libwebrtc (January 2026) modules/congestion_controller/goog_cc: goog_cc_network_control.cc,
delay_based_bwe.cc and send_side_bandwidth_estimation.cc, with default settings. Not here: the congestion
window (off by default) and the network state predictor.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

from media.congestion.base import ControllerState, PacketResult, Phase, ProbeCluster
from media.congestion.probe import ProbeMeasurement
from media.congestion.reference.acked import AckedBitrate
from media.congestion.reference.aimd import Aimd
from media.congestion.reference.alr import ApplicationLimited
from media.congestion.reference.arrival import ArrivalGroups
from media.congestion.reference.loss_based import LossBased, LossState
from media.congestion.reference.probe_controller import LimitedBy, ProbeController
from media.congestion.reference.trendline import Trendline, Usage
from media.congestion.reported_loss import ReportedLoss
from media.congestion.sent import SentPackets

START_BITRATE: Final = 300_000.0  # bit/s
MAX_BITRATE: Final = 5_000_000.0
MIN_BITRATE: Final = 5_000.0
PROCESS_INTERVAL: Final = 0.025  # seconds
PACING: Final = 1.1  # times the estimate
PACING_BEFORE_FEEDBACK: Final = 2.5
STREAM_TIMEOUT: Final = 2.0  # seconds without packets reset the detector
PROBE_AT_LEAST_ACKED: Final = 0.85  # a probe below what arrives anyway tells nothing
RTT_LIMIT: Final = 3.0  # seconds of propagation, above which the rate falls
RTT_BACKOFF: Final = 0.8  # per RTT_BACKOFF_INTERVAL
RTT_BACKOFF_INTERVAL: Final = 1.0  # seconds
START_PHASE: Final = 2.0  # seconds in which delay and REMB are trusted as long as nothing was lost


class Gcc:
    def __init__(
        self,
        sent: SentPackets,
        *,
        now: float,
        start_bitrate: float = START_BITRATE,
        max_bitrate: float = MAX_BITRATE,
    ) -> None:
        self._sent = sent
        self._start_bitrate = start_bitrate
        self._max_bitrate = max_bitrate
        self._ids = itertools.count(1)
        self._reset(now)

    def _reset(self, now: float) -> None:
        self._estimate = self._start_bitrate
        self._started_at = now
        self._processed_at = now
        self._remb = math.inf
        self._rtt: float | None = None
        self._packets_at: float | None = None
        self._feedback_at: float | None = None
        self._backed_off_at = now
        self._groups = ArrivalGroups()
        self._trendline = Trendline()
        self._acked = AckedBitrate()
        self._aimd = Aimd(self._start_bitrate)
        self._loss = LossBased(self._max_bitrate)
        self._loss.set_bitrate(self._start_bitrate)
        self._reported: ReportedLoss | None = None
        self._alr = ApplicationLimited(self._start_bitrate)
        self._alr.update(self._sent.bytes_sent, now=now)
        self._measurement = ProbeMeasurement()
        self._probes = ProbeController(self._start_bitrate, self._max_bitrate, self._ids, now=now)

    @property
    def estimate(self) -> float:
        return self._estimate

    @property
    def sustained(self) -> float:
        return self._estimate

    @property
    def pacing_rate(self) -> float:
        return self._estimate * (PACING_BEFORE_FEEDBACK if self._feedback_at is None else PACING)

    @property
    def in_flight_cap(self) -> int | None:
        return None

    @property
    def state(self) -> ControllerState:
        phase = Phase.STARTING
        if self._feedback_at is not None:
            phase = Phase.HOLDING if self._trendline.usage is not Usage.NORMAL else Phase.INCREASING
        return ControllerState(phase, 0.0, self._loss.average_loss, self._rtt)

    def on_feedback(self, results: Sequence[PacketResult], *, now: float) -> None:
        if not results:
            return
        self._feedback_at = now
        self._alr.update(self._sent.bytes_sent, now=now)
        received = [result for result in results if result.received_at is not None]
        if received:
            newest = max(received, key=_received_at)
            # Without the time that the feedback waited at the receiver.
            self._rtt = self._aimd.rtt = max(now - newest.sent_at, 0.001)
        self._acked.add(results)
        acked = self._acked.bitrate
        probe = None
        for result in received:
            probe = self._measurement.add(result) or probe
        if probe is not None and acked is not None:
            probe = max(probe, min(self._aimd.bitrate, PROBE_AT_LEAST_ACKED * acked))
        recovered = self._detect(received, now)
        self._control(acked, probe, now)
        self._loss.update(results, acked, self._aimd.bitrate, self._alr.since is not None)
        self._conclude(now)
        if recovered:
            self._probes.on_recovered(self._alr.since, self._alr.left_at, now=now)

    def on_receiver_report(self, fraction_lost: float, rtt: float | None, *, now: float) -> None:
        if self._feedback_at is not None:
            return
        if self._reported is None:
            self._reported = ReportedLoss(self._estimate)
        if now - self._started_at < START_PHASE and not fraction_lost and self._remb < math.inf:
            self._reported.bitrate = max(self._reported.bitrate, self._remb)
        self._reported.on_report(fraction_lost, rtt, now=now)
        self._reported.bitrate = min(self._reported.bitrate, self._remb, self._max_bitrate)
        self._conclude(now)

    def on_remb(self, bitrate: float, *, now: float) -> None:
        self._remb = max(bitrate, MIN_BITRATE)
        self._conclude(now)

    def on_demand(
        self, next_layer_bitrate: float | None, allocated_bitrate: float, max_bitrate: float, *, now: float
    ) -> None:
        self._probes.on_max_allocated(max_bitrate, application_limited=self._alr.since is not None, now=now)

    def on_route_change(self, *, now: float) -> None:
        self._reset(now)

    def next_timeout(self) -> float | None:
        return self._processed_at + PROCESS_INTERVAL

    def on_timeout(self, *, now: float) -> None:
        self._processed_at = now
        self._alr.update(self._sent.bytes_sent, now=now)
        self._back_off(now)
        self._probes.process(self._alr.since, now=now)

    def poll_probe(self, *, now: float) -> ProbeCluster | None:
        cluster = self._probes.poll()
        if cluster is not None:
            self._measurement.start(cluster)
        return cluster

    def _detect(self, received: Sequence[PacketResult], now: float) -> bool:
        """Runs the delay detector; true if it has just recovered from underuse."""
        before = self._trendline.usage
        for result in sorted(received, key=_received_at):
            assert result.received_at is not None
            if self._packets_at is None or now - self._packets_at > STREAM_TIMEOUT:
                self._groups = ArrivalGroups()
                self._trendline = Trendline()
            self._packets_at = now
            delta = self._groups.add(result.sent_at, result.received_at, now=now)
            if delta is not None:
                self._trendline.add(delta.send, delta.arrival, result.received_at)
        return before is Usage.UNDERUSE and self._trendline.usage is Usage.NORMAL

    def _control(self, acked: float | None, probe: float | None, now: float) -> None:
        if self._trendline.usage is Usage.OVERUSE:
            if acked is not None:
                if self._aimd.may_reduce(acked, now=now):
                    self._aimd.update(Usage.OVERUSE, acked, now=now)
            elif self._aimd.may_halve(now=now):
                self._aimd.halve(now=now)
        elif probe is not None:
            self._aimd.on_probe(probe, now=now)
            self._loss.set_bitrate(probe)
        else:
            self._aimd.update(self._trendline.usage, acked, now=now)
        self._aimd.bitrate = min(self._aimd.bitrate, self._max_bitrate)

    def _conclude(self, now: float) -> None:
        if self._feedback_at is None:
            target = self._reported.bitrate if self._reported is not None else self._start_bitrate
        elif self._loss.ready:
            target = min(self._aimd.bitrate, self._loss.bitrate)
        else:
            target = self._aimd.bitrate
        target = min(target, self._remb, self._max_bitrate)
        self._estimate = max(target, MIN_BITRATE)
        self._alr.set_estimate(self._estimate)
        self._probes.on_estimate(self._estimate, self._limited_by(), now=now)

    def _limited_by(self) -> LimitedBy:
        if self._is_rtt_limited(self._processed_at):
            return LimitedBy.RTT
        if self._loss.ready and self._loss.state is LossState.DECREASING:
            return LimitedBy.LOSS
        if self._loss.ready and self._loss.state is LossState.INCREASING:
            return LimitedBy.LOSS_INCREASING
        if self._trendline.usage is not Usage.NORMAL:
            return LimitedBy.DELAY_INCREASED
        return LimitedBy.DELAY

    def _is_rtt_limited(self, now: float) -> bool:
        last = self._sent.last_sent_at
        if self._feedback_at is None or last is None:
            return False
        waiting = max(0.0, last - self._feedback_at)
        return (self._rtt or 0.0) + waiting > RTT_LIMIT

    def _back_off(self, now: float) -> None:
        if self._is_rtt_limited(now) and now - self._backed_off_at >= RTT_BACKOFF_INTERVAL:
            self._backed_off_at = now
            self._aimd.bitrate = max(self._estimate * RTT_BACKOFF, MIN_BITRATE)
            self._conclude(now)


def _received_at(result: PacketResult) -> float:
    assert result.received_at is not None
    return result.received_at
