import pytest

from media.catching_up import CALM, FIRST_REST, FORGIVEN, LATE, LONGEST_REST, MARGIN, CatchingUp

LONG = 1.0  # seconds in the buffer


def due(catching: CatchingUp, now: float, buffered: float = LONG) -> bool:
    """On a quick path, in a long pause."""
    return catching.is_due(buffered, calm=60.0, silence=60.0, now=now)


def test_what_is_late_for_no_reason_catches_up_in_a_pause() -> None:
    assert due(CatchingUp(), 10.0)


@pytest.mark.parametrize(
    ("buffered", "calm", "silence"),
    [(LATE - 0.01, 60.0, 60.0), (LONG, CALM - 0.1, 60.0), (LONG, 60.0, LONG), (LONG, 60.0, 0.0)],
)
def test_what_is_early_or_needs_its_buffer_or_would_lose_words_does_not(
    buffered: float, calm: float, silence: float
) -> None:
    assert not CatchingUp().is_due(buffered, calm=calm, silence=silence, now=10.0)


def test_a_pause_has_to_be_longer_than_what_waits() -> None:
    assert CatchingUp().is_due(0.5, calm=60.0, silence=0.5 + MARGIN, now=10.0)


def test_a_path_that_makes_sound_late_again_and_again_is_tried_more_and_more_seldom() -> None:
    catching = CatchingUp()
    tries = [second for second in range(300) if due(catching, float(second))]
    assert tries[:3] == [0, FIRST_REST, 3 * FIRST_REST]
    assert tries[-1] - tries[-2] == LONGEST_REST
    quiet = 300.0 + LONGEST_REST
    assert not due(catching, quiet, 0.1)
    assert due(catching, quiet + 1) and due(catching, quiet + 1 + FIRST_REST), "forgiven"
    assert quiet - 300.0 > FORGIVEN
