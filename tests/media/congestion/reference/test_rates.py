"""Acked bitrate, application-limited region, AIMD."""

import pytest

from media.congestion.base import PacketResult
from media.congestion.reference.acked import AckedBitrate
from media.congestion.reference.aimd import Aimd, RateState
from media.congestion.reference.alr import ApplicationLimited
from media.congestion.reference.trendline import Usage


def packets(count: int, gap: float, *, start: float = 0.0, size: int = 1000) -> list[PacketResult]:
    return [
        PacketResult(i, start + i * gap, 100.0 + start + i * gap + 0.03, size, None) for i in range(count)
    ]


def test_acked_bitrate_needs_ten_packets():
    acked = AckedBitrate()
    acked.add(packets(9, 0.01))
    assert acked.bitrate is None


def test_acked_bitrate_is_what_arrived():
    acked = AckedBitrate()
    acked.add(packets(200, 0.01))
    assert acked.bitrate == pytest.approx(800_000, rel=0.01)


def test_one_silence_does_not_lower_the_acked_bitrate():
    acked = AckedBitrate()
    burst = packets(30, 0.01) + packets(30, 0.01, start=0.7)
    acked.add(burst)
    assert acked.bitrate is not None
    assert acked.bitrate < 800_000
    receive_limited = 8 * 59 * 1000 / (59 * 0.01)
    assert receive_limited == pytest.approx(800_000)


def test_sending_little_is_application_limited_and_sending_much_is_not():
    alr = ApplicationLimited(1_000_000)
    sent = 0
    for step in range(100):
        sent += 100
        alr.update(sent, now=step * 0.01)
    assert alr.since is not None
    for step in range(100, 300):
        sent += 1250
        alr.update(sent, now=step * 0.01)
    assert alr.since is None
    assert alr.left_at is not None and alr.left_at > 1.0


def test_overuse_cuts_below_what_arrived_and_holds():
    aimd = Aimd(1_000_000)
    assert aimd.update(Usage.OVERUSE, 800_000, now=1.0) == pytest.approx(0.85 * 800_000 - 5_000)
    assert aimd.state is RateState.HOLD


def test_growth_is_eight_percent_a_second_while_no_capacity_is_known():
    aimd = Aimd(1_000_000)
    for step in range(11):
        aimd.update(Usage.NORMAL, 1_000_000, now=step * 0.1)
    assert aimd.bitrate == pytest.approx(1_080_000, rel=0.01)


def test_growth_is_additive_near_a_known_capacity():
    aimd = Aimd(1_000_000)
    aimd.update(Usage.OVERUSE, 1_000_000, now=0.0)
    before = aimd.bitrate
    for step in range(1, 12):
        aimd.update(Usage.NORMAL, 1_000_000, now=step * 0.1)
    assert 4_000 <= aimd.bitrate - before < 40_000


def test_growth_stops_half_above_what_arrives():
    aimd = Aimd(1_000_000)
    for step in range(1000):
        aimd.update(Usage.NORMAL, 400_000, now=step * 0.1)
    assert aimd.bitrate == pytest.approx(1_000_000)


def test_a_probe_sets_the_rate():
    aimd = Aimd(300_000)
    aimd.on_probe(1_500_000, now=1.0)
    assert aimd.bitrate == 1_500_000
