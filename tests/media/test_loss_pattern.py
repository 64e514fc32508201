import random

import pytest

from media.congestion.base import PacketResult
from media.loss_pattern import LossPattern
from media.testing.link import Link, LinkSettings


def result(sequence: int, sent_at: float, lost: bool) -> PacketResult:
    return PacketResult(sequence, sent_at, None if lost else sent_at + 0.05, 100, None)


def feed(pattern: LossPattern, lost: list[bool], *, interval: float = 0.02, first: int = 0) -> int:
    """Packets `interval` seconds apart in feedbacks of five; the number of the next one."""
    results = [result(first + i, (first + i) * interval, gone) for i, gone in enumerate(lost)]
    for at in range(0, len(results), 5):
        pattern.add(results[at : at + 5])
    return first + len(lost)


def over(settings: LinkSettings, count: int) -> list[bool]:
    link = Link(settings, random.Random(1))
    return [not link.send(100, now=index * 0.02) for index in range(count)]


def test_few_packets_say_nothing() -> None:
    pattern = LossPattern()
    pattern.add([])
    feed(pattern, [False, True] * 8)
    assert (pattern.loss, pattern.burst) == (0.0, 1.0)


@pytest.mark.parametrize(("loss", "burst"), [(0.2, 1.0), (0.3, 2.0), (0.3, 3.0), (0.3, 5.0)])
def test_loss_and_bursts_are_measured(loss: float, burst: float) -> None:
    seen = []
    pattern = LossPattern()
    number = 0
    lost = over(LinkSettings(loss=loss, burst=burst), 10_000)
    for at in range(0, len(lost), 500):
        number = feed(pattern, lost[at : at + 500], first=number)
        seen.append((pattern.loss, pattern.burst))
    assert sum(found for found, _ in seen) / len(seen) == pytest.approx(loss, rel=0.1)
    expected = max(burst, 1 / (1 - loss))
    assert sum(found for _, found in seen) / len(seen) == pytest.approx(expected, rel=0.15)


def test_bursts_among_the_packets_of_a_picture_are_short_in_time() -> None:
    pattern = LossPattern()
    feed(pattern, ([False] * 7 + [True] * 3) * 100, interval=0.003)
    assert pattern.loss == pytest.approx(0.3, abs=0.02)
    assert pattern.burst == 1.0


def test_what_was_only_late_is_no_loss() -> None:
    pattern = LossPattern()
    feed(pattern, [False] * 30)
    pattern.add([result(30, 0.6, True), result(31, 0.62, False)])
    pattern.add([result(30, 0.6, False), result(32, 0.64, False)])
    feed(pattern, [False] * 30, first=33)
    assert pattern.loss == 0.0


def test_the_pause_behind_a_lost_packet_is_no_burst() -> None:
    pattern = LossPattern()
    number = feed(pattern, [False] * 50)
    pattern.add([result(number, 1.0, True), result(number + 1, 1.38, False)])
    pattern.add([result(number + 2 + i, 1.4 + i * 0.02, False) for i in range(20)])
    assert pattern.loss > 0.0
    assert pattern.burst == 1.0


def test_an_outage_is_not_counted() -> None:
    pattern = LossPattern()
    number = feed(pattern, [False] * 100)
    number = feed(pattern, [True] * 50, first=number)
    feed(pattern, [False] * 50, first=number)
    assert (pattern.loss, pattern.burst) == (0.0, 1.0)


def test_old_losses_are_forgotten() -> None:
    pattern = LossPattern()
    number = feed(pattern, [False, True] * 100)
    assert pattern.loss == pytest.approx(0.5, abs=0.05)
    feed(pattern, [False] * 1000, first=number)
    assert pattern.loss < 0.005
