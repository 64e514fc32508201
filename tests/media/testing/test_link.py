import random

import pytest

from media.testing.link import Link, LinkSettings, scheduled


def link(seed: int = 1, **settings) -> Link:
    return Link(LinkSettings(**settings), random.Random(seed))


def test_a_packet_takes_its_time_on_the_wire_and_on_the_way():
    assert link(rate=((0.0, 1e6),)).send(1250, now=1.0) == pytest.approx((1.035,))


def test_packets_wait_for_those_before_them():
    slow = link(rate=((0.0, 1e6),))
    arrivals = [slow.send(1250, now=1.0)[0] for _ in range(3)]
    assert arrivals == pytest.approx([1.035, 1.045, 1.055])
    assert slow.queue_delay(now=1.0) == pytest.approx(0.030)


def test_a_full_queue_drops_the_tail_by_time_and_by_size():
    by_time = link(rate=((0.0, 1e6),), queue_time=0.05)
    assert sum(bool(by_time.send(1250, now=0.0)) for _ in range(20)) == 6
    assert by_time.dropped == 14
    by_size = link(rate=((0.0, 1e6),), queue_time=None, queue_bytes=5000)
    assert sum(bool(by_size.send(1250, now=0.0)) for _ in range(20)) == 4
    assert by_size.send(1250, now=0.011)


def test_a_rate_change_applies_in_the_middle_of_a_packet():
    changing = link(rate=((0.0, 1e6), (1.005, 0.5e6)), delay=((0.0, 0.0),))
    assert changing.send(1250, now=1.0) == pytest.approx((1.015,))


def test_a_rate_of_zero_holds_packets_back():
    spike = link(rate=((0.0, 1e6), (1.0, 0.0), (1.2, 1e6)), delay=((0.0, 0.0),))
    assert spike.send(1250, now=1.1) == pytest.approx((1.21,))


def test_the_same_seed_repeats_and_another_does_not():
    def run(seed: int) -> list[tuple[float, ...]]:
        lossy = link(seed, rate=((0.0, 1e6),), loss=0.3, jitter=0.01)
        return [lossy.send(500, now=i * 0.01) for i in range(200)]

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize("burst", [1.0, 3.0])
def test_loss_has_its_share_and_its_burst_length(burst):
    lossy = link(loss=0.2, burst=burst)
    fates = [bool(lossy.send(100, now=i * 0.001)) for i in range(50_000)]
    assert 1 - sum(fates) / len(fates) == pytest.approx(0.2, abs=0.02)
    bursts = "".join("." if fate else "x" for fate in fates).split(".")
    lengths = [len(run) for run in bursts if run]
    assert sum(lengths) / len(lengths) == pytest.approx(burst if burst > 1 else 1.25, rel=0.1)


def test_jitter_keeps_the_order_and_reordering_does_not():
    jittery = link(jitter=0.01)
    arrivals = [jittery.send(100, now=i * 0.001)[0] for i in range(1000)]
    assert arrivals == sorted(arrivals)
    shuffled = link(reorder=0.1)
    arrivals = [shuffled.send(100, now=i * 0.001)[0] for i in range(1000)]
    assert arrivals != sorted(arrivals)


def test_duplicates_arrive_twice():
    double = link(duplicate=1.0)
    assert len(double.send(100, now=0.0)) == 2


def test_nothing_passes_in_an_outage():
    broken = link(outages=((1.0, 2.0),))
    assert broken.send(100, now=0.5) and not broken.send(100, now=1.5) and broken.send(100, now=2.0)
    assert broken.lost == 1


def test_a_trace_delivers_at_its_opportunities_and_repeats():
    traced = link(trace=(10, 20, 50), queue_time=None, delay=((0.0, 0.0),))
    assert [traced.send(1500, now=0.0) for _ in range(4)] == [(0.01,), (0.02,), (0.05,), (0.06,)]
    assert LinkSettings(trace=(10, 20, 50)).capacity == pytest.approx(3 * 1500 * 8 / 0.05)


def test_small_packets_share_an_opportunity():
    traced = link(trace=(10, 20, 50), queue_time=None, delay=((0.0, 0.0),))
    arrivals = [traced.send(500, now=0.0)[0] for _ in range(4)]
    assert arrivals[0] == 0.01 and arrivals[2] < 0.011 and arrivals[3] == 0.02


def test_a_schedule_has_the_value_of_its_last_start():
    assert [scheduled(((0.0, 1.0), (5.0, 2.0)), at) for at in (-1.0, 0.0, 4.9, 5.0, 9.0)] == [1, 1, 1, 2, 2]
