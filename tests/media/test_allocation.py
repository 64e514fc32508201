"""Sharing an estimate out among pictures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.allocation import HEADROOM, OFF, Rung, Wish, allocate
from media.subscription import STILLS

LADDER = (
    Rung(10_000, 0, STILLS),
    Rung(60_000, 0, 0),
    Rung(100_000, 0, 1),
    Rung(150_000, 0, 2),
    Rung(500_000, 1, 2),
    Rung(1_500_000, 2, 2),
)


def wish(priority: int = 0, held: int = OFF, highest: int = 5) -> Wish:
    return Wish(priority, LADDER, held, highest, 1)


def test_with_room_everybody_gets_everything() -> None:
    result = allocate(10e6, [wish(0), wish(1)])
    assert result.rungs == (5, 5) and result.next_step is None
    assert result.spent == result.wanted == 3_000_000


def test_everybody_gets_a_still_before_anybody_moves() -> None:
    assert allocate(40_000, [wish(0), wish(1), wish(2)]).rungs == (0, 0, 0)
    assert allocate(75_000, [wish(1), wish(0)]).rungs == (0, 0)


def test_everybody_moves_before_any_picture_grows() -> None:
    assert allocate(160_000, [wish(0), wish(1)]).rungs == (1, 1)


def test_the_first_in_priority_grows_first() -> None:
    assert allocate(640_000, [wish(1), wish(0)]).rungs == (2, 4)


def test_with_nothing_left_there_is_no_picture() -> None:
    assert allocate(5_000, [wish()]).rungs == (OFF,)
    assert allocate(-50_000, [wish()]).rungs == (OFF,)


def test_a_rung_that_is_held_is_kept_where_it_would_not_be_climbed_to() -> None:
    assert allocate(510_000, [wish()]).rungs == (3,)
    assert allocate(510_000, [wish(held=4)]).rungs == (4,)
    assert allocate(470_000, [wish(held=4)]).rungs == (3,)


def test_a_picture_that_rests_does_not_move() -> None:
    assert allocate(10e6, [wish(highest=0)]).rungs == (0,)


def test_the_next_round_takes_every_picture_a_rung_up() -> None:
    wishes = [wish(held=2), wish(held=2)]
    result = allocate(2 * LADDER[2].bitrate * 1.15, wishes)
    assert result.rungs == (2, 2) and result.next_round is not None and result.next_step is not None
    assert result.next_round - result.spent == pytest.approx(2 * (result.next_step - result.spent))
    assert min(allocate(result.next_round + 1, wishes).rungs) == 3


def test_the_next_step_is_what_it_takes_to_climb() -> None:
    result = allocate(160_000, [wish()])
    assert result.rungs == (2,) and result.next_step is not None
    assert allocate(result.next_step + 1, [wish(held=2)]).rungs == (3,)
    assert allocate(result.next_step - 1_000, [wish(held=2)]).rungs == (2,)


ladders = st.lists(st.floats(1_000, 1e6), min_size=1, max_size=6).map(
    lambda steps: tuple(Rung(sum(steps[: n + 1]), n, STILLS if n == 0 else 2) for n in range(len(steps)))
)
wishes = st.lists(
    st.builds(
        lambda priority, ladder, held: Wish(priority, ladder, min(held, len(ladder) - 1), len(ladder) - 1, 1),
        st.integers(0, 5),
        ladders,
        st.integers(-1, 5),
    ),
    min_size=1,
    max_size=8,
)


@given(wishes, st.floats(0, 1e7))
def test_no_more_is_spent_than_there_is(some: list[Wish], available: float) -> None:
    result = allocate(available, some)
    assert result.spent <= available * 1.05 + 1
    assert all(OFF <= rung < len(wish.ladder) for rung, wish in zip(result.rungs, some, strict=True))


@given(wishes)
def test_video_always_returns_when_capacity_does(some: list[Wish]) -> None:
    enough = HEADROOM * sum(wish.ladder[-1].bitrate for wish in some) + 1
    assert all(
        rung == len(wish.ladder) - 1
        for rung, wish in zip(allocate(enough, some).rungs, some, strict=True)
        if len(wish.ladder) > 1
    )
