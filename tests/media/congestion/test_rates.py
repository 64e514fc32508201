"""Delivery rate and what bounds its windows."""

import pytest

from media.congestion.base import PacketResult
from media.congestion.delivery import ARRIVALS_AT_MOST, DeliveryRate
from media.congestion.queue_delay import DELAYS_AT_MOST, QueueDelay


def packets(count: int, gap: float, *, start: float = 0.0, size: int = 1000) -> list[PacketResult]:
    return [
        PacketResult(i, start + i * gap, 100.0 + start + i * gap + 0.03, size, None) for i in range(count)
    ]


def frames(count: int, *, packet_time: float) -> list[PacketResult]:
    """Five packets of 1000 bytes at once each 100 ms, through a bottleneck that needs `packet_time` seconds
    for one and a delay of 30 ms."""
    return [
        PacketResult(i, 0.1 * (i // 5), 0.1 * (i // 5) + 0.03 + packet_time * (i % 5), 1000, None)
        for i in range(5 * count)
    ]


def test_delivery_sees_a_drop_within_its_window():
    delivery = DeliveryRate()
    delivery.add(packets(100, 0.004))
    assert delivery.bitrate == pytest.approx(2_000_000, rel=0.02)
    delivery.add(packets(15, 0.020, start=0.4))
    assert delivery.bitrate == pytest.approx(400_000, rel=0.15)


def test_delivery_at_few_packets_takes_the_time_it_needs():
    delivery = DeliveryRate()
    delivery.add(packets(8, 0.06, size=186))
    assert delivery.bitrate == pytest.approx(186 * 8 / 0.06, rel=0.01)


def test_the_capacity_shows_in_packets_that_waited_however_little_is_sent():
    """One frame of five packets in 100 ms, through a bottleneck of 1 Mbit/s: each needs 8 ms."""
    delivery = DeliveryRate()
    delivery.add(frames(10, packet_time=0.008), 0.03)
    assert delivery.bitrate is not None
    assert delivery.bitrate < 500_000
    assert delivery.capacity == pytest.approx(1_000_000, rel=0.01)


def test_no_capacity_is_told_where_nothing_waited():
    delivery = DeliveryRate()
    delivery.add(packets(100, 0.004), 100.029)
    assert delivery.bitrate is not None
    assert delivery.capacity is None


def test_packets_that_arrive_in_one_batch_are_carried_by_the_silence_before():
    """As behind Wi-Fi, which hands over at once what it gathered: that is no path of infinite capacity."""
    delivery = DeliveryRate()
    results = [PacketResult(i, i * 0.005, 0.03 + 0.050 * (i // 10 + 1), 1000, None) for i in range(100)]
    delivery.add(results, 0.02)
    assert delivery.capacity == pytest.approx(delivery.bitrate)


def test_a_busy_time_is_forgotten_with_its_window():
    delivery = DeliveryRate()
    delivery.add(frames(3, packet_time=0.020), 0.03)
    assert delivery.capacity == pytest.approx(400_000, rel=0.01)
    delivery.add(packets(100, 0.004, start=1.0), 100.03)
    assert delivery.capacity is None


def test_a_receiver_that_sets_its_clock_back_begins_anew():
    delivery = DeliveryRate()
    for step in range(50):
        at, clock = 0.1 * step, 100.0 if step < 20 else 80.0
        delivery.add([PacketResult(i, at, clock + at + 0.004 * i, 1000, None) for i in range(25)])
        assert delivery.bitrate == pytest.approx(2_000_000, rel=0.05)


@pytest.mark.parametrize("step", [0.0, -0.0001, -0.01, -0.5])
def test_a_clock_that_never_goes_on_makes_no_window_grow(step):
    delivery, queue = DeliveryRate(), QueueDelay()
    for number in range(10_000):
        result = PacketResult(number, 0.001 * number, 100.0 + step * number, 1000, None)
        delivery.add([result], queue.base)
        queue.add([result], now=0.001 * number)
    assert len(delivery._received) <= ARRIVALS_AT_MOST + 1
    assert len(queue._received) <= DELAYS_AT_MOST + 1
