import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.congestion.sent import HISTORY
from media.rtp.rtcp import parse
from media.rtp.twcc import MAX_COUNT, MAX_DELTA, TransportFeedback


def feedback(*arrivals: int | None, base: int = 10) -> TransportFeedback:
    return TransportFeedback(1, 2, base, 0x123456, 9, arrivals)


def chunks(report: TransportFeedback, count: int) -> list[int]:
    data = report.serialize()[20:]
    return [int.from_bytes(data[2 * i : 2 * i + 2], "big") for i in range(count)]


@st.composite
def reports(draw: st.DrawFn) -> TransportFeedback:
    arrivals: list[int | None] = []
    time = 0
    gaps = st.none() | st.integers(0, 300) | st.integers(-MAX_DELTA - 1, MAX_DELTA)
    for gap, run in draw(st.lists(st.tuples(gaps, st.integers(1, 40)), max_size=30)):
        for _ in range(run):
            time += gap or 0
            arrivals.append(None if gap is None else time)
    return TransportFeedback(
        draw(st.integers(0, 0xFFFF_FFFF)),
        draw(st.integers(0, 0xFFFF_FFFF)),
        draw(st.integers(0, 0xFFFF)),
        draw(st.integers(0, 0xFF_FFFF)),
        draw(st.integers(0, 0xFF)),
        tuple(arrivals),
    )


def test_a_feedback_of_libwebrtc_is_read():
    # Captured from a call: nine packets, all received, deltas 7, 3, 11, 14, 0, 1, 0, 2, 6 ms.
    packet = bytes.fromhex("afcd0007 00000001 dd586eb6 00010009 5e911000 20091c0c 2c380004 00081801")
    assert parse(packet) == [
        TransportFeedback(
            sender_ssrc=1,
            media_ssrc=0xDD586EB6,
            base_sequence=1,
            reference_time=6_197_520,
            feedback_count=0,
            arrivals=(28, 40, 84, 140, 140, 144, 144, 152, 176),
        )
    ]
    assert parse(packet)[0].serialize() == packet


def test_one_run_says_that_all_came():
    assert chunks(feedback(*range(100)), 1) == [0x2000 | 100]


def test_a_pattern_of_small_deltas_takes_one_bit_each():
    assert chunks(feedback(*[0, None] * 7), 1) == [0b10_10101010101010]


def test_a_pattern_with_large_deltas_takes_two_bits_each():
    assert chunks(feedback(0, None, 1000, None, 1000, 1000, 2000), 1) == [0b11_01_00_10_00_01_01_10]


def test_a_vector_that_the_last_packets_do_not_fill_says_nothing_beyond_them():
    report = feedback(0, None, 3)
    assert chunks(report, 1) == [0b10_10100000000000]
    assert parse(report.serialize()) == [report]


def test_a_time_that_goes_back_takes_a_large_delta():
    report = feedback(100, 40, None, 41)
    assert parse(report.serialize()) == [report]


def test_the_largest_deltas_fit_and_larger_ones_are_a_mistake_of_the_caller():
    assert parse(feedback(MAX_DELTA, -1).serialize()) == [feedback(MAX_DELTA, -1)]
    with pytest.raises(OverflowError):
        feedback(MAX_DELTA + 1).serialize()


def test_a_full_feedback_is_a_few_runs():
    report = feedback(*[None] * MAX_COUNT)
    assert len(report.serialize()) < 50
    assert parse(report.serialize()) == [report]


def test_a_feedback_on_more_packets_than_are_remembered_is_not_read():
    assert MAX_COUNT == HISTORY
    lost = bytes(8) + bytes.fromhex("0000 ffff 000000 00") + bytes.fromhex("1fff") * 9
    assert TransportFeedback.parse(lost) is None


def test_a_feedback_on_nothing_is_read():
    assert parse(feedback().serialize()) == [feedback()]


def test_missing_chunks_or_deltas_make_it_malformed():
    body = feedback(*range(20), 1000).serialize()[4:]
    assert TransportFeedback.parse(body) is not None
    assert all(TransportFeedback.parse(body[:length]) is None for length in range(16 + 2 + 2 + 22))


def test_a_reserved_symbol_makes_it_malformed():
    head = bytes(8) + bytes.fromhex("0000 0001 000000 00")
    assert TransportFeedback.parse(head + bytes.fromhex("6001") + bytes(4)) is None
    assert TransportFeedback.parse(head + bytes.fromhex("f000") + bytes(4)) is None


@given(reports())
def test_feedbacks_survive_the_way_to_bytes_and_back(report: TransportFeedback):
    data = report.serialize()
    assert len(data) % 4 == 0
    assert parse(data) == [report]


@given(st.binary(max_size=120))
def test_no_bytes_break_the_parser(body: bytes):
    report = TransportFeedback.parse(body)
    if report is not None:
        assert len(report.arrivals) == int.from_bytes(body[10:12], "big")
        assert sum(arrival is not None for arrival in report.arrivals) <= len(body)
        assert TransportFeedback.parse(report.serialize()[4:]) == report


@given(reports(), st.data())
def test_no_altered_feedback_breaks_the_parser(report: TransportFeedback, data: st.DataObject):
    raw = bytearray(report.serialize())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(4, len(raw) - 1))] = data.draw(st.integers(0, 255))
    TransportFeedback.parse(bytes(raw[4:]))
