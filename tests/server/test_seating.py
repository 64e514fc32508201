"""Seats are stable, nobody sits twice, and what is missing is said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.messages import MAX_SLOTS
from server.seating import Place, claims, rank, seat

A, B, C = (Place(name, "camera") for name in "abc")
SCREEN = Place("a", "screen")


def test_newcomers_take_the_first_free_slot() -> None:
    assert seat((), (A, B), 3).seats == (A, B, None)


def test_whoever_is_seated_stays_when_another_leaves() -> None:
    assert seat((A, B, C), (C, B), 3).seats == (None, B, C)


def test_a_freed_seat_is_given_to_who_stands() -> None:
    assert seat((A, B), (B, C), 2).seats == (C, B)


def test_missing_slots_are_counted() -> None:
    seating = seat((A,), (A, B, SCREEN), 1)
    assert seating.seats == (A,) and seating.missing == 2


def test_fewer_slots_than_before_move_only_those_who_lost_theirs() -> None:
    seating = seat((None, A, B), (A, B), 2)
    assert seating.seats == (B, A) and seating.missing == 0


def test_no_more_slots_are_asked_for_than_a_page_may_have() -> None:
    crowd = [Place(str(number), "camera") for number in range(50)]
    assert seat((), crowd, 30).missing == MAX_SLOTS - 30
    assert seat((), crowd, MAX_SLOTS).missing == 0


def ranked(
    seats: tuple[Place | None, ...], floor: tuple[str, ...], pinned: set[int] | None = None
) -> list[int]:
    return rank(seats, floor, claims(seats, floor, pinned or set()))


def test_who_speaks_comes_first_then_the_screen_then_the_others_as_they_sit() -> None:
    seats = (A, None, B, SCREEN, C)
    assert ranked(seats, ()) == [3, 0, 2, 4, 1]
    assert ranked(seats, ("c", "b")) == [4, 2, 3, 0, 1]
    assert ranked(seats, ("whoever looks", "b")) == [2, 3, 0, 4, 1]
    assert ranked(seats, ("b", "c", "a")) == [2, 4, 0, 3, 1]


def test_what_is_pinned_comes_before_who_speaks() -> None:
    seats = (A, None, B, SCREEN, C)
    assert ranked(seats, ("c",), {0}) == [0, 4, 3, 2, 1]
    assert ranked(seats, ("c",), {3}) == [3, 4, 0, 2, 1]
    assert ranked(seats, ("c",), {1, 9}) == ranked(seats, ("c",)), "nobody sits there"


def test_a_claim_is_why_a_picture_goes_first_and_not_that_another_left() -> None:
    seats = (A, None, B, SCREEN, C)
    seat_of_a, nobody, seat_of_b, screen, seat_of_c = claims(seats, ())
    assert nobody > seat_of_a == seat_of_b == seat_of_c > screen
    leads, _, joins, still, same = claims(seats, ("whoever looks", "a", "b"))
    assert leads < joins < still == screen and same == seat_of_c
    assert claims(seats, ("b",))[2] == leads, "who has it alone now leads"
    assert claims(seats, ("a",), {2})[2] < leads


places = st.builds(Place, st.sampled_from("abcdef"), st.sampled_from(["camera", "screen"]))


@given(
    st.lists(places, unique=True, max_size=8),
    st.lists(places, unique=True, max_size=8),
    st.integers(0, 8),
    st.integers(0, 8),
)
def test_everybody_wanted_is_seated_once_or_missing(
    first: list[Place], second: list[Place], slots: int, later_slots: int
) -> None:
    before = seat((), first, slots)
    after = seat(before.seats, second, later_slots)
    seated = [place for place in after.seats if place is not None]
    assert len(after.seats) == later_slots
    assert len(set(seated)) == len(seated) and set(seated) <= set(second)
    assert after.missing == len(second) - len(seated)
    for index, place in enumerate(before.seats[:later_slots]):
        if place is not None and place in second:
            assert after.seats[index] == place
    assert seat(after.seats, second, later_slots) == after
