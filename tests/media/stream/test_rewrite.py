from hypothesis import given
from hypothesis import strategies as st

from media.stream.rewrite import MAX_POINTS, Rewriter


def started(source: int = 100, target: int = 1000) -> Rewriter:
    rewriter = Rewriter()
    rewriter.start(source, target)
    return rewriter


def test_numbers_go_on_from_the_target() -> None:
    rewriter = started()
    assert [rewriter.take(number) for number in (100, 101, 102)] == [(1000, 0), (1001, 0), (1002, 0)]


def test_a_dropped_packet_leaves_no_gap() -> None:
    rewriter = started()
    rewriter.take(100)
    rewriter.drop(101)
    assert rewriter.take(102) == (1001, 0)


def test_a_lost_packet_leaves_its_gap_and_lands_in_it_when_it_comes_late() -> None:
    rewriter = started()
    rewriter.take(100)
    assert rewriter.take(102) == (1002, 0)
    rewriter.drop(103)
    assert rewriter.take(104) == (1003, 0)
    assert rewriter.take(101) == (1001, 0)


def test_a_packet_lost_between_drops_lands_in_its_own_gap() -> None:
    rewriter = started()
    rewriter.take(100)
    rewriter.drop(101)
    rewriter.drop(103)
    assert rewriter.take(104) == (1002, 0)
    assert rewriter.take(102) == (1001, 0)


def test_a_dropped_picture_takes_its_id_with_it() -> None:
    rewriter = started()
    rewriter.take(100)
    rewriter.drop(101, new_picture=True)
    rewriter.drop(102)
    assert rewriter.take(103) == (1001, -1)


def test_what_is_from_before_the_start_has_no_number() -> None:
    rewriter = started()
    rewriter.take(100)
    assert rewriter.take(99) is None
    rewriter.start(500, 1001)
    assert rewriter.take(101) is None
    assert rewriter.take(500) == (1001, 0)


def test_memory_of_drops_is_bounded() -> None:
    rewriter = started(0, 0)
    for number in range(0, 1000, 2):
        rewriter.take(number)
        rewriter.drop(number + 1)
    assert len(rewriter._points) == MAX_POINTS
    assert rewriter.take(1) is None, "too old: its offset is forgotten"


@given(st.lists(st.sampled_from(["take", "drop", "lose", "late"]), max_size=200))
def test_no_number_is_given_twice_and_no_gap_is_of_our_making(fates: list[str]) -> None:
    rewriter = started(0, 0)
    out, waiting, lost = [], [], 0
    for number, fate in enumerate(fates):
        if fate == "take":
            taken = rewriter.take(number)
            assert taken is not None
            out.append(taken[0])
        elif fate == "drop":
            rewriter.drop(number)
        elif fate == "late":
            waiting.append(number)
        else:
            lost += 1
        if len(waiting) > 5:
            taken = rewriter.take(waiting.pop(0))
            assert taken is not None
            out.append(taken[0])
    assert len(set(out)) == len(out)
    if out:
        missing = max(out) + 1 - len(out)
        assert missing <= lost + len(waiting)
