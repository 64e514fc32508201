import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.speech import SpeechLevel


def spoken(level: int, seconds: float = 1.0) -> SpeechLevel:
    """After so long at `level` -dBov."""
    speech = SpeechLevel()
    for packet in range(int(seconds / 0.02) + 1):
        speech.update(0x80 | level, now=packet * 0.02)
    return speech


def test_who_never_spoke_is_silent() -> None:
    assert SpeechLevel().level(now=5.0) == 0.0


@pytest.mark.parametrize(("level", "expected"), [(127, 0.0), (65, 0.0), (20, 1.0), (0, 1.0), (42, 0.51)])
def test_levels_are_told_from_quiet_to_loud(level: int, expected: float) -> None:
    assert spoken(level).level(now=1.0) == pytest.approx(expected, abs=0.03)


def test_a_click_is_no_speech() -> None:
    speech = spoken(127)
    speech.update(0x80, now=1.02)
    assert speech.level(now=1.02) < 0.1


def test_a_voice_fades_when_its_packets_stop() -> None:
    speech = spoken(20)
    assert speech.level(now=1.05) > 0.9
    assert 0.2 < speech.level(now=1.5) < 0.5
    assert speech.level(now=5.0) < 0.01


def test_silence_lasts_since_the_last_word() -> None:
    speech = SpeechLevel()
    assert speech.silence(now=5.0) == 0.0, "nobody knows"
    speech.update(127, now=5.0)
    assert speech.silence(now=6.0) == 1.0
    speech.update(30, now=6.0)
    speech.update(64, now=6.5)
    assert speech.silence(now=8.0) == 2.0


def test_something_was_said_for_as_long_as_it_is_asked_for() -> None:
    speech = SpeechLevel()
    assert not speech.spoke_within(1.0, now=5.0), "nobody knows"
    speech.update(127, now=4.5)
    assert not speech.spoke_within(1.0, now=5.0), "nothing yet"
    speech.update(30, now=5.0)
    assert speech.spoke_within(1.0, now=5.9) and not speech.spoke_within(1.0, now=6.0)


@given(st.lists(st.tuples(st.integers(0, 255), st.floats(0, 100)), max_size=50))
def test_a_level_is_always_between_silent_and_loud(steps: list[tuple[int, float]]) -> None:
    speech, now = SpeechLevel(), 0.0
    for extension, wait in steps:
        now += wait
        speech.update(extension, now=now)
        assert 0.0 <= speech.level(now=now) <= 1.0
