import random

import pytest

from media.congestion.base import PacketResult
from media.congestion.reference.loss_based import LossBased, LossState


def sent(rate: float, loss: float, seconds: float, *, start: float, rng: random.Random) -> list[PacketResult]:
    count = int(rate * seconds / 8000)
    return [
        PacketResult(i, start + i * seconds / count, None if rng.random() < loss else 100 + start, 1000, None)
        for i in range(count)
    ]


def test_without_loss_the_delay_governs():
    loss = LossBased(5_000_000)
    loss.set_bitrate(1_000_000)
    rng = random.Random(1)
    for step in range(20):
        loss.update(sent(1e6, 0.0, 0.25, start=step * 0.25, rng=rng), 1e6, 1e6, False)
    assert loss.ready
    assert loss.state is LossState.DELAY_BASED
    assert loss.bitrate == pytest.approx(1e6)


@pytest.mark.parametrize(("share", "lowest", "highest"), [(0.05, 0.8e6, 1e6), (0.30, 0.0, 0.75e6)])
def test_loss_lowers_the_rate_where_it_is_high(share, lowest, highest):
    loss = LossBased(5_000_000)
    loss.set_bitrate(1_000_000)
    rng = random.Random(1)
    for step in range(60):
        results = sent(1e6, share, 0.25, start=step * 0.25, rng=rng)
        loss.update(results, (1 - share) * 1e6, 1e6, False)
    assert loss.average_loss == pytest.approx(share, abs=0.05)
    assert lowest <= loss.bitrate <= highest
