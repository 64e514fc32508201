"""Receiver reports, and telling random loss apart."""

import random

import pytest

from media.congestion.base import PacketResult
from media.congestion.random_loss import RandomLoss, Verdict
from media.congestion.reported_loss import ReportedLoss


def sent(rate: float, loss: float, seconds: float, *, start: float, rng: random.Random) -> list[PacketResult]:
    count = int(rate * seconds / 8000)
    return [
        PacketResult(i, start + i * seconds / count, None if rng.random() < loss else 100 + start, 1000, None)
        for i in range(count)
    ]


def test_reports_without_loss_raise_the_rate_and_heavy_loss_lowers_it():
    reported = ReportedLoss(500_000)
    for second in range(6):
        reported.on_report(0.0, 0.1, now=float(second))
    assert reported.bitrate > 500_000 * 1.08**4
    before = reported.bitrate
    reported.on_report(0.05, 0.1, now=7.0)
    assert reported.bitrate == before
    reported.on_report(0.4, 0.1, now=8.0)
    assert reported.bitrate == pytest.approx(0.8 * before)


def run_loss(judge: RandomLoss, loss_at, seconds: float) -> list[Verdict]:
    """Plays half seconds of loss; `loss_at(experimenting)` says how much there is."""
    rng = random.Random(3)
    verdicts = []
    for step in range(int(seconds / 0.1)):
        now = step * 0.1
        results = sent(400_000, loss_at(judge.experimenting), 0.1, start=now, rng=rng)
        verdict = judge.add(results, now=now + 0.1)
        if verdict is not None:
            verdicts.append(verdict)
    return verdicts


def test_loss_that_stays_when_less_is_sent_is_not_ours():
    judge = RandomLoss()
    verdicts = run_loss(judge, lambda experimenting: 0.2, 20.0)
    assert verdicts[:2] == [Verdict.EXPERIMENT, Verdict.RANDOM]
    assert Verdict.CONGESTION not in verdicts
    assert judge.inherent == pytest.approx(0.2, abs=0.08)


def test_loss_that_goes_when_less_is_sent_is_ours():
    judge = RandomLoss()
    verdicts = run_loss(judge, lambda experimenting: 0.0 if experimenting else 0.25, 4.0)
    assert verdicts[:2] == [Verdict.EXPERIMENT, Verdict.CONGESTION]
    assert judge.inherent == 0.0


def test_a_little_loss_is_no_reason_to_experiment():
    assert run_loss(RandomLoss(), lambda experimenting: 0.03, 20.0) == []
