import pytest

from media.packing import PLAIN
from media.speech_rate import SpeechRate


def bitrate(rate: SpeechRate, now: float) -> float:
    """What is reckoned with."""
    return PLAIN.bitrate(rate.size, rate.samples) * rate.activity(now=now)


def talk(rate: SpeechRate, sizes: list[int], *, start: int = 0, now: float = 0.0) -> float:
    """Packets of 20 ms in a row; when the last one came."""
    for index, size in enumerate(sizes):
        now += 0.02
        rate.add(start + index * 960, size, 960, now=now)
    return now


def test_before_anything_is_heard_speech_at_the_usual_rate_is_expected() -> None:
    assert bitrate(SpeechRate(now=0.0), 1.0) == pytest.approx(57_600)


def test_peaks_count() -> None:
    rate = SpeechRate(now=0.0)
    now = talk(rate, [60, 100] * 200)
    assert bitrate(rate, now) > 0.95 * PLAIN.bitrate(100, 960)


def test_a_higher_bitrate_shows_at_once_and_a_lower_one_within_seconds() -> None:
    rate = SpeechRate(now=0.0)
    now = talk(rate, [120] * 20)
    assert rate.size == pytest.approx(120, rel=0.02)
    now = talk(rate, [40] * 50, start=20 * 960, now=now)
    assert rate.size > 80
    talk(rate, [40] * 700, start=70 * 960, now=now)
    assert rate.size < 45


def test_a_pause_frees_little_and_a_long_silence_most() -> None:
    rate = SpeechRate(now=0.0)
    end = talk(rate, [80] * 100)
    talking = bitrate(rate, end)
    assert bitrate(rate, end + 4.9) == talking
    assert bitrate(rate, end + 25.0) == pytest.approx(talking / 2)
    assert bitrate(rate, end + 1000.0) == pytest.approx(talking * 0.1)


def test_comfort_noise_is_no_speech_and_the_first_words_are() -> None:
    rate = SpeechRate(now=0.0)
    end = talk(rate, [80] * 100)
    talking = bitrate(rate, end)
    for index in range(1, 200):  # one packet each 400 ms
        rate.add(100 * 960 + index * 19_200, 30, 960, now=end + 0.4 * index)
    assert bitrate(rate, end + 80.0) < 0.2 * talking
    now = talk(rate, [80] * 3, start=10_000_000, now=end + 80.0)
    assert bitrate(rate, now) > 0.8 * talking


def test_longer_packets_are_measured_anew() -> None:
    rate = SpeechRate(now=0.0)
    now = talk(rate, [80] * 50)
    for index in range(3):
        rate.add(100_000 + index * 2880, 120, 2880, now=now + 0.06 * index)
    assert bitrate(rate, now + 0.12) == pytest.approx(50 / 3 * 8 * (64 + 120))
