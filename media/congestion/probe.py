"""Probing: sending a little faster for a moment and measuring how fast it arrives.

Mirrors libwebrtc's modules/congestion_controller/goog_cc/probe_bitrate_estimator.cc.
"""

from __future__ import annotations

import math
from typing import Final

from media.congestion.base import PacketResult, ProbeCluster

PROBE_PACKETS: Final = 5
CLUSTER_LIFETIME: Final = 1.0  # seconds after the last packet sent
VALID_SHARE: Final = 0.80  # of packets and bytes
INTERVAL_AT_MOST: Final = 1.0  # seconds
RATIO_AT_MOST: Final = 2.0  # received over sent
UNSATURATED: Final = 0.9  # received over sent; below, the link was the limit
SATURATED_SHARE: Final = 0.95


class _Measured:
    def __init__(self, cluster: ProbeCluster) -> None:
        self.cluster = cluster
        self.packets = self.size = 0
        self.first_sent = self.first_received = math.inf
        self.last_sent = self.last_received = -math.inf
        self.size_last_sent = self.size_first_received = 0


class ProbeMeasurement:
    def __init__(self, valid_share: float = VALID_SHARE) -> None:
        self._valid_share = valid_share
        self._clusters: dict[int, _Measured] = {}

    def start(self, cluster: ProbeCluster) -> None:
        self._clusters[cluster.id] = _Measured(cluster)

    def add(self, result: PacketResult) -> float | None:
        """Takes a received packet of a probe; bit/s once enough of the cluster has come."""
        if result.probe_cluster is None or result.received_at is None:
            return None
        for id in [
            i for i, m in self._clusters.items() if m.last_received + CLUSTER_LIFETIME < result.received_at
        ]:
            if self._clusters[id].packets:
                del self._clusters[id]
        measured = self._clusters.get(result.probe_cluster)
        if measured is None:
            return None
        if result.sent_at < measured.first_sent:
            measured.first_sent = result.sent_at
        if result.sent_at >= measured.last_sent:
            measured.last_sent, measured.size_last_sent = result.sent_at, result.size
        if result.received_at < measured.first_received:
            measured.first_received, measured.size_first_received = result.received_at, result.size
        measured.last_received = max(measured.last_received, result.received_at)
        measured.size += result.size
        measured.packets += 1
        return self._bitrate(measured)

    def _bitrate(self, measured: _Measured) -> float | None:
        cluster = measured.cluster
        if measured.packets < cluster.packets * self._valid_share:
            return None
        if measured.size < cluster.bytes * self._valid_share:
            return None
        send_time = measured.last_sent - measured.first_sent
        receive_time = measured.last_received - measured.first_received
        if not (0 < send_time <= INTERVAL_AT_MOST and 0 < receive_time <= INTERVAL_AT_MOST):
            return None
        sent = 8 * (measured.size - measured.size_last_sent) / send_time
        received = 8 * (measured.size - measured.size_first_received) / receive_time
        if received > RATIO_AT_MOST * sent:
            return None
        return (
            received * SATURATED_SHARE
            if received < UNSATURATED * sent
            else sent
            if sent < received
            else received
        )


def make_cluster(id: int, bitrate: float, duration: float, packets: int = PROBE_PACKETS) -> ProbeCluster:
    return ProbeCluster(id, bitrate, max(1, round(bitrate * duration / 8)), packets)
