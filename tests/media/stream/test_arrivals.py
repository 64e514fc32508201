import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import rtcp
from media.rtp.twcc import TransportFeedback
from media.stream.arrivals import (
    MAX_AGE,
    MAX_GAP,
    MAX_INTERVAL,
    MAX_PENDING,
    MIN_INTERVAL,
    STEADY_INTERVAL,
    Arrivals,
)


def told(feedback: tuple[TransportFeedback, ...]) -> dict[int, float | None]:
    """Seconds of arrival by 16-bit number, after a trip through the wire format."""
    said = {}
    for parsed in rtcp.parse(b"".join(report.serialize() for report in feedback)):
        assert isinstance(parsed, TransportFeedback)
        for place, arrival in enumerate(parsed.arrivals):
            number = (parsed.base_sequence + place) & 0xFFFF
            said[number] = None if arrival is None else parsed.reference_time * 0.064 + arrival * 0.00025
    return said


def test_every_arrival_is_told_once_with_its_time() -> None:
    arrivals = Arrivals()
    arrivals.record(10, 1200, now=5.0)
    arrivals.record(11, 1200, now=5.01)
    first = told(arrivals.report(1, 2, now=5.05))
    arrivals.record(12, 1200, now=5.06)
    second = told(arrivals.report(1, 2, now=5.1))
    assert {**first, **second} == {10: 5.0, 11: 5.01, 12: 5.06}
    assert len(first) == 2


def test_a_hole_is_told_as_lost_even_between_two_reports() -> None:
    arrivals = Arrivals()
    arrivals.record(10, 1200, now=5.0)
    arrivals.record(12, 1200, now=5.01)
    assert told(arrivals.report(1, 2, now=5.05))[11] is None
    arrivals.record(14, 1200, now=5.06)
    assert told(arrivals.report(1, 2, now=5.1)) == {13: None, 14: 5.06}


def test_holes_are_left_out_where_loss_is_not_to_be_told() -> None:
    arrivals = Arrivals()
    for number in (10, 11, 14, 16, 17):
        arrivals.record(number, 1200, now=5.0 + number / 100)
    reports = arrivals.report(1, 2, tell_lost=False, now=5.25)
    assert [report.feedback_count for report in reports] == [0, 1, 2]
    assert list(told(reports)) == [10, 11, 14, 16, 17]
    arrivals.record(18, 1200, now=5.26)
    assert list(told(arrivals.report(1, 2, now=5.3))) == [18], "nor are they told later"


def test_more_is_missing_than_came_while_most_is_lost() -> None:
    arrivals = Arrivals()
    for number in (10, 11, 14):
        arrivals.record(number, 1200, now=5.0)
    assert not arrivals.mostly_lost
    arrivals.record(20, 1200, now=5.01)
    assert arrivals.mostly_lost
    arrivals.report(1, 2, now=5.05)
    arrivals.record(21, 1200, now=5.06)
    assert not arrivals.mostly_lost


def test_a_late_packet_is_told_after_it_was_told_lost() -> None:
    arrivals = Arrivals()
    for number in (10, 12):
        arrivals.record(number, 1200, now=5.0)
    arrivals.report(1, 2, now=5.05)
    arrivals.record(11, 1200, now=5.06)
    assert told(arrivals.report(1, 2, now=5.1))[11] == 5.06


def test_what_was_told_to_have_come_is_never_told_lost_because_of_a_late_packet() -> None:
    arrivals = Arrivals()
    for number in (*range(100), *range(101, 150)):
        arrivals.record(number, 1200, now=5.0 + number * 0.001)
    arrivals.report(1, 2, now=5.2)
    arrivals.record(100, 1200, now=5.21)
    arrivals.record(150, 1200, now=5.22)
    arrivals.record(152, 1200, now=5.22)
    assert told(arrivals.report(1, 2, now=5.25)) == {100: 5.21, 150: 5.22, 151: None, 152: 5.22}


def test_numbers_wrap() -> None:
    arrivals = Arrivals()
    for number in (0xFFFE, 0xFFFF, 0, 1):
        arrivals.record(number, 1200, now=5.0)
    assert list(told(arrivals.report(1, 2, now=5.05))) == [0xFFFE, 0xFFFF, 0, 1]


def test_reports_are_counted_and_due_while_packets_come() -> None:
    arrivals = Arrivals()
    assert arrivals.next_report_at == float("inf")
    arrivals.record(1, 1200, now=5.0)
    assert arrivals.next_report_at == 5.0 + MIN_INTERVAL
    first = arrivals.report(1, 2, now=5.05)
    arrivals.record(2, 1200, now=5.06)
    second = arrivals.report(1, 2, now=arrivals.next_report_at)
    assert [report.feedback_count for report in first + second] == [0, 1]
    assert arrivals.report(1, 2, now=6.0) == ()
    assert arrivals.next_report_at == float("inf")


def test_thin_streams_get_rare_reports_and_fat_ones_frequent_ones() -> None:
    def interval(size: int, step: int = 1, way_back: float = float("inf")) -> float:
        arrivals = Arrivals()
        at = reported_at = 0.0
        for number in range(0, 100 * step, step):
            at += 0.01
            arrivals.record(number, size, now=at)
            if at >= arrivals.next_report_at:
                arrivals.report(1, 2, way_back=way_back, now=at)
                reported_at = at
        return arrivals.next_report_at - reported_at

    assert interval(40) > MAX_INTERVAL / 2
    assert interval(1200) == pytest.approx(STEADY_INTERVAL)
    assert interval(1200, step=2) == pytest.approx(MIN_INTERVAL)  # every other packet is lost
    assert interval(1200, way_back=1_000_000) == pytest.approx(STEADY_INTERVAL)
    assert interval(1200, way_back=40_000) == pytest.approx(MAX_INTERVAL), "sound needs what there is"


def test_a_full_report_is_due_at_once_and_fits_a_datagram() -> None:
    arrivals = Arrivals()
    at = 0.0
    for number in range(0, 4 * MAX_PENDING, 2):
        at += 0.00007 if number % 4 else 0.08
        arrivals.record(number, 1200, now=at)
        if arrivals.next_report_at <= at:
            (feedback,) = arrivals.report(1, 2, now=at)
            assert len(feedback.serialize()) <= 1200
    for number in range(0, 2 * MAX_PENDING, 2):
        arrivals.record(number + 9000, 1200, now=at)
    runs = arrivals.report(1, 2, tell_lost=False, now=at)
    assert sum(len(run.serialize()) for run in runs) <= 1200
    arrivals = Arrivals()
    for number in range(MAX_PENDING + 5):
        arrivals.record(number, 1200, now=1.0)
    assert arrivals.next_report_at == 1.0


def test_arrivals_that_nobody_reported_for_long_are_forgotten() -> None:
    """The format tells deltas of at most 8.2 s; a process may stand still for longer."""
    arrivals = Arrivals()
    arrivals.record(1, 1200, now=0.0)
    arrivals.record(2, 1200, now=MAX_AGE + 20.0)
    assert told(arrivals.report(1, 2, now=MAX_AGE + 20.1)) == {2: MAX_AGE + 20.0}


def test_a_sender_that_starts_anew_is_followed() -> None:
    arrivals = Arrivals()
    arrivals.record(1, 1200, now=1.0)
    arrivals.report(1, 2, now=1.1)
    arrivals.record(30_000, 1200, now=1.2)
    assert told(arrivals.report(1, 2, now=1.3)) == {30_000: pytest.approx(1.2)}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0xFFFF) | st.integers(0, 200), st.floats(0, 20.0), st.booleans(), st.booleans()
        ),
        max_size=200,
    )
)
def test_whatever_numbers_come_and_whenever_reports_can_be_written(
    steps: list[tuple[int, float, bool, bool]],
) -> None:
    arrivals, now = Arrivals(), 0.0
    for number, wait, report, tell_lost in steps:
        now += wait
        arrivals.record(number, 1200, now=now)
        if report:
            feedback = arrivals.report(1, 2, tell_lost=tell_lost, now=now)
            assert feedback
            assert max(len(one.arrivals) for one in feedback) <= MAX_GAP + 1
            assert sum(len(one.serialize()) for one in feedback) <= 1400
