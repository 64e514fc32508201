import pytest

from media.congestion.base import PacketResult, ProbeCluster
from media.congestion.demand import INTERVAL_AFTER_DROP, INTERVAL_AT_MOST, DemandProber
from media.congestion.probe import ProbeMeasurement


def measure(cluster: ProbeCluster, *, sent_gap: float, received_gap: float, lost: int = 0) -> float | None:
    measurement = ProbeMeasurement()
    measurement.start(cluster)
    bitrate = None
    for i in range(6 - lost):
        bitrate = measurement.add(PacketResult(i, i * sent_gap, 50 + i * received_gap, 1000, cluster.id))
    return bitrate


CLUSTER = ProbeCluster(1, 1_600_000, 5000, 5)


def test_a_probe_that_the_path_carries_measures_its_own_rate():
    assert measure(CLUSTER, sent_gap=0.005, received_gap=0.005) == pytest.approx(1_600_000)


def test_a_probe_beyond_the_path_measures_the_path():
    assert measure(CLUSTER, sent_gap=0.005, received_gap=0.008) == pytest.approx(0.95 * 1_000_000)


def test_a_probe_that_mostly_got_lost_measures_nothing():
    assert measure(CLUSTER, sent_gap=0.005, received_gap=0.005, lost=3) is None


def test_a_probe_that_arrives_all_at_once_is_not_believed():
    assert measure(CLUSTER, sent_gap=0.005, received_gap=0.001) is None


def prober(next_layer: float) -> DemandProber:
    demand = DemandProber(now=0.0)
    demand.demand.next_layer = next_layer
    return demand


def test_a_probe_goes_to_the_next_layer():
    proposal = prober(400_000).propose(300_000, 0.0, 0.05, now=0.0)
    assert proposal is not None and proposal[0] == pytest.approx(440_000)


def test_a_far_layer_is_reached_in_steps():
    proposal = prober(3_000_000).propose(200_000, 0.0, 0.05, now=0.0)
    assert proposal is not None and proposal[0] == pytest.approx(600_000)


def test_nothing_is_probed_when_nothing_is_wanted():
    demand = DemandProber(now=0.0)
    assert demand.propose(200_000, 0.0, 0.05, now=0.0) is None


def count_probes(demand: DemandProber, seconds: float) -> int:
    """Every probe fails."""
    count = 0
    for step in range(int(seconds * 10)):
        now = step / 10
        if demand.propose(200_000, 0.0, 0.05, now=now) is not None:
            count += 1
            demand.fail(200_000, now=now)
    return count


def test_failures_space_probes_out():
    assert count_probes(prober(400_000), 60.0) <= 60 / INTERVAL_AT_MOST + 7


def test_after_a_drop_probes_stay_frequent_enough_to_restore():
    demand = prober(400_000)
    demand.remember(2_000_000, now=0.0)
    assert count_probes(demand, 60.0) >= 60 / (INTERVAL_AFTER_DROP + 0.1) - 1


def test_a_success_that_brings_a_queue_counts_as_a_failure():
    demand = prober(400_000)
    assert demand.propose(200_000, 0.0, 0.05, now=0.0) is not None
    demand.succeed(now=0.1)
    demand.on_queue(200_000, 0.05, now=0.5)
    assert demand.propose(200_000, 0.0, 0.05, now=1.0) is None
    assert demand.propose(200_000, 0.0, 0.05, now=1.6) is not None
