"""Who speaks: quick to notice, slow to forget, and no flicker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.speaking import HOLD, LINGER, MOST, START, ActiveSpeakers, Floor

STEP = 0.25


def run(
    speakers: ActiveSpeakers, levels: dict[str, float], seconds: float, *, start: float
) -> tuple[str, ...]:
    speaking: tuple[str, ...] = ()
    for step in range(int(seconds / STEP) + 1):
        speaking = speakers.update(levels, now=start + step * STEP)
    return speaking


def test_somebody_who_talks_is_noticed_within_half_a_second() -> None:
    speakers = ActiveSpeakers()
    assert run(speakers, {"a": 0.8, "b": 0.0}, 0.0, start=0.0) == ()
    assert speakers.update({"a": 0.8, "b": 0.0}, now=START) == ("a",)


def test_a_cough_is_not_a_turn() -> None:
    speakers = ActiveSpeakers()
    speakers.update({"a": 0.9}, now=0.0)
    speakers.update({"a": 0.0}, now=0.25)
    assert speakers.update({"a": 0.9}, now=0.5) == ()


def test_a_pause_between_words_is_not_the_end() -> None:
    speakers = ActiveSpeakers()
    run(speakers, {"a": 0.8}, 1.0, start=0.0)
    assert run(speakers, {"a": 0.0}, HOLD - 2 * STEP, start=1.25) == ("a",)
    assert run(speakers, {"a": 0.0}, HOLD, start=1.25 + HOLD) == ()


def test_whoever_is_muted_or_gone_is_silent_at_once() -> None:
    speakers = ActiveSpeakers()
    run(speakers, {"a": 0.8, "b": 0.8}, 1.0, start=0.0)
    assert speakers.update({"b": 0.8}, now=1.25) == ("b",)


def test_the_order_does_not_flip_between_equals() -> None:
    speakers = ActiveSpeakers()
    first = run(speakers, {"a": 0.70, "b": 0.60}, 1.0, start=0.0)
    assert first == ("a", "b")
    assert run(speakers, {"a": 0.60, "b": 0.70}, 1.0, start=1.25) == ("a", "b")
    assert run(speakers, {"a": 0.40, "b": 0.90}, 0.0, start=2.5) == ("b", "a")


def test_only_a_few_are_named() -> None:
    crowd = {str(number): 0.9 for number in range(8)}
    assert len(run(ActiveSpeakers(), crowd, 1.0, start=0.0)) == MOST


levels = st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1), max_size=5)


@given(st.lists(levels, max_size=30))
def test_only_those_who_can_be_heard_are_named_and_each_once(history: list[dict[str, float]]) -> None:
    speakers = ActiveSpeakers()
    for step, now in enumerate(history):
        speaking = speakers.update(now, now=step * STEP)
        assert set(speaking) <= now.keys() and len(set(speaking)) == len(speaking) <= MOST


def test_a_word_in_between_takes_the_floor_from_nobody() -> None:
    floor = Floor()
    assert floor.update(("a",), now=0.0) == ("a",)
    assert floor.update(("b", "a"), now=1.0) == ("a", "b")
    assert floor.update(("b",), now=2.0) == ("a", "b")
    assert floor.update(("a",), now=3.0) == ("a", "b")


def test_the_floor_is_kept_for_a_while_and_then_goes_to_who_speaks() -> None:
    floor = Floor()
    floor.update(("a",), now=0.0)
    assert floor.update((), now=LINGER - 0.1) == ("a",)
    assert floor.update(("b",), now=LINGER) == ("b",)
    assert floor.update((), now=2 * LINGER) == ()
