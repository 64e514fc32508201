import random

from media.congestion.base import PacketResult
from media.congestion.queue_delay import QueueDelay


def feed(queue: QueueDelay, start: float, seconds: float, delay, *, gap: float = 0.02) -> None:
    """Feedback every 100 ms; `delay(now)` is the one-way delay as the two clocks show it."""
    steps = int(seconds / 0.1)
    for step in range(steps):
        now = start + step * 0.1
        results = [
            PacketResult(0, at := now + i * gap, at + delay(at), 1000, None) for i in range(int(0.1 / gap))
        ]
        queue.add(results, now=now + 0.1)


def test_the_clock_offset_does_not_matter():
    queue = QueueDelay()
    feed(queue, 0.0, 2.0, lambda at: -5000.0)
    assert abs(queue.value) < 1e-9
    feed(queue, 2.0, 0.5, lambda at: -4999.9)
    assert round(queue.value, 6) == 0.1


def test_a_full_queue_stays_visible():
    queue = QueueDelay()
    feed(queue, 0.0, 2.0, lambda at: 0.025)
    feed(queue, 2.0, 20.0, lambda at: 0.325)
    assert round(queue.value, 6) == 0.3


def test_clock_drift_is_no_queue():
    queue = QueueDelay()
    feed(queue, 0.0, 120.0, lambda at: 0.025 + 100e-6 * at)
    assert queue.value < 0.004


def test_jitter_is_no_queue():
    queue = QueueDelay()
    rng = random.Random(5)
    feed(queue, 0.0, 20.0, lambda at: 0.025 + (rng.random() < 0.7) * rng.random() * 0.03)
    assert queue.value < 0.010
    assert queue.jitter > 0.003


def test_few_packets_are_watched_for_longer_where_they_jitter():
    queue, highest = QueueDelay(), 0.0
    rng = random.Random(6)
    for step in range(100):
        feed(queue, 0.2 * step, 0.2, lambda at: 0.025 + min(abs(rng.gauss(0.0, 0.03)), 0.06), gap=0.05)
        if step > 20:
            highest = max(highest, queue.value)
    assert highest < 0.050, "one in three hardly waits"
    assert queue.value < 0.025


def test_a_queue_that_grows_steadily_has_no_jitter():
    queue = QueueDelay()
    feed(queue, 0.0, 2.0, lambda at: 0.025)
    feed(queue, 2.0, 1.0, lambda at: 0.025 + 0.5 * (at - 2.0))
    assert queue.jitter < 0.001
    assert queue.value > 0.4, "it is seen as soon as it is there"


def test_a_new_shortest_way_is_believed_at_once():
    queue = QueueDelay()
    feed(queue, 0.0, 2.0, lambda at: 0.3)
    feed(queue, 2.0, 0.3, lambda at: 0.05)
    assert queue.value == 0.0 or abs(queue.value) < 1e-9


def test_a_longer_way_is_the_new_base_after_the_window():
    queue = QueueDelay()
    feed(queue, 0.0, 2.0, lambda at: 0.03)
    feed(queue, 2.0, 35.0, lambda at: 0.09)
    assert abs(queue.value) < 1e-9


def test_a_receiver_that_slept_has_a_new_clock():
    queue = QueueDelay()
    feed(queue, 0.0, 2.0, lambda at: 0.03)
    feed(queue, 2.0, 0.3, lambda at: 60.03)
    assert abs(queue.value) < 1e-9
