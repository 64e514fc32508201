import pytest

from media.stream.clock import SenderClock

SECOND = 1 << 32


def test_all_streams_of_a_sender_share_one_offset() -> None:
    clock = SenderClock()
    clock.on_report(1000 * SECOND, now=5.0)
    clock.on_report(1001 * SECOND, now=6.3)  # late by 0.3 s, which is the network's doing
    assert clock.at(1002 * SECOND) == pytest.approx(7.0)


def test_a_clock_that_was_set_is_followed() -> None:
    clock = SenderClock()
    clock.on_report(1000 * SECOND, now=5.0)
    clock.on_report(5000 * SECOND, now=6.0)
    assert clock.at(5001 * SECOND) == pytest.approx(7.0)
