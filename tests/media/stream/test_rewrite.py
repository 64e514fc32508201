from hypothesis import given
from hypothesis import strategies as st

from media.stream.rewrite import MAX_POINTS, Rewriter


def started(source: int = 100, target: int = 1000) -> Rewriter:
    rewriter = Rewriter()
    rewriter.start(source, target)
    return rewriter


def take(rewriter: Rewriter, source: int) -> tuple[int, int] | None:
    if rewriter.is_newest(source):
        return rewriter.take(source), rewriter.picture_offset
    return rewriter.take_late(source)


def test_numbers_go_on_from_the_target() -> None:
    rewriter = started()
    assert [take(rewriter, number) for number in (100, 101, 102)] == [(1000, 0), (1001, 0), (1002, 0)]


def test_a_dropped_packet_leaves_no_gap() -> None:
    rewriter = started()
    take(rewriter, 100)
    rewriter.drop(101)
    assert take(rewriter, 102) == (1001, 0)


def test_a_lost_packet_leaves_its_gap_and_lands_in_it_when_it_comes_late() -> None:
    rewriter = started()
    take(rewriter, 100)
    assert take(rewriter, 102) == (1002, 0)
    rewriter.drop(103)
    assert take(rewriter, 104) == (1003, 0)
    assert take(rewriter, 101) == (1001, 0)


def test_a_packet_lost_between_drops_lands_in_its_own_gap() -> None:
    rewriter = started()
    take(rewriter, 100)
    rewriter.drop(101)
    rewriter.drop(103)
    assert take(rewriter, 104) == (1002, 0)
    assert take(rewriter, 102) == (1001, 0)


def test_a_dropped_picture_takes_its_id_with_it() -> None:
    rewriter = started()
    take(rewriter, 100)
    rewriter.drop(101, new_picture=True)
    rewriter.drop(102)
    assert take(rewriter, 103) == (1001, -1)


def test_what_is_from_before_the_start_has_no_number() -> None:
    rewriter = started()
    take(rewriter, 100)
    assert take(rewriter, 99) is None
    rewriter.start(500, 1001)
    assert take(rewriter, 101) is None
    assert take(rewriter, 500) == (1001, 0)


def test_memory_of_drops_is_bounded() -> None:
    rewriter = started(0, 0)
    for number in range(0, 1000, 2):
        take(rewriter, number)
        rewriter.drop(number + 1)
    assert len(rewriter._points) == MAX_POINTS
    assert take(rewriter, 1) is None, "too old: its offset is forgotten"


@given(st.lists(st.sampled_from(["take", "drop", "lose", "late"]), max_size=200))
def test_no_number_is_given_twice_and_no_gap_is_of_our_making(fates: list[str]) -> None:
    rewriter = started(0, 0)
    out, waiting, lost = [], [], 0
    for number, fate in enumerate(fates):
        if fate == "take":
            taken = take(rewriter, number)
            assert taken is not None
            out.append(taken[0])
        elif fate == "drop":
            rewriter.drop(number)
        elif fate == "late":
            waiting.append(number)
        else:
            lost += 1
        if len(waiting) > 5:
            taken = take(rewriter, waiting.pop(0))
            assert taken is not None
            out.append(taken[0])
    assert len(set(out)) == len(out)
    if out:
        missing = max(out) + 1 - len(out)
        assert missing <= lost + len(waiting)
