from media.stream.holes import MAX_MARKS, Holes

FIRST = 0xFFF0


def test_what_was_never_sent_is_not_the_path_s_loss() -> None:
    holes = Holes(FIRST)
    holes.change(FIRST + 40, 10)  # 30 sent, 10 missing, 60 sent
    assert holes.path_loss(0.1, FIRST + 99 & 0xFFFF, FIRST + 100) == 0.0


def test_what_the_path_lost_besides_is() -> None:
    holes = Holes(FIRST)
    holes.change(FIRST + 40, 20)
    # Of 100 numbers 80 were sent, and 40 came.
    assert holes.path_loss(0.6, FIRST + 99 & 0xFFFF, FIRST + 100) == 0.5


def test_a_hole_counts_in_the_report_that_has_seen_past_it() -> None:
    holes = Holes(FIRST)
    holes.change(FIRST + 60, 10)
    assert holes.path_loss(0.2, FIRST + 49 & 0xFFFF, FIRST + 100) == 0.2
    assert holes.path_loss(0.2, FIRST + 99 & 0xFFFF, FIRST + 100) == 0.0
    assert holes.path_loss(0.2, FIRST + 149 & 0xFFFF, FIRST + 150) == 0.2


def test_a_hole_that_a_late_packet_filled_is_none() -> None:
    holes = Holes(FIRST)
    holes.change(FIRST + 40, 2)
    holes.change(FIRST + 45, -1)
    holes.change(FIRST + 45, -1)
    assert holes.path_loss(0.25, FIRST + 99 & 0xFFFF, FIRST + 100) == 0.25


def test_a_report_that_says_nothing_new_says_nothing_of_loss() -> None:
    holes = Holes(FIRST)
    assert holes.path_loss(0.5, FIRST + 9 & 0xFFFF, FIRST + 10) == 0.5
    assert holes.path_loss(0.5, FIRST + 9 & 0xFFFF, FIRST + 10) == 0.0
    assert holes.path_loss(0.5, FIRST + 4 & 0xFFFF, FIRST + 10) == 0.0
    assert holes.path_loss(0.5, FIRST + 19 & 0xFFFF, FIRST + 20) == 0.5


def test_any_report_of_any_holes_is_a_share() -> None:
    holes = Holes(0)
    sequence = 0
    for step in range(4 * MAX_MARKS):
        sequence += 3
        holes.change(sequence, 2)
        if step % (MAX_MARKS + 50) == 7:
            for highest in (sequence & 0xFFFF, 0, 0xFFFF, sequence + 5 & 0xFFFF):
                assert 0.0 <= holes.path_loss(step % 256 / 256, highest, sequence + 1) <= 1.0
