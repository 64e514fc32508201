import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.stream.receive import MAX_JUMP, MAX_MISSING, MAX_TRIES, REORDER_WAIT, ReceiveStream

RTT = 0.04


def video(first: int = 100, **options: object) -> ReceiveStream:
    """A stream that has got one packet, at 0."""
    stream = ReceiveStream(7, 90_000, nacks=True, **options)  # type: ignore[arg-type]
    stream.receive(first, 0, 1000, now=0.0)
    return stream


def test_numbers_are_unwrapped_and_never_negative() -> None:
    stream = ReceiveStream(7, 90_000, nacks=True)
    assert stream.receive(1, 0, 10, now=0.0) == 0x10001
    assert stream.receive(0, 0, 10, now=0.0) is None, "from before the first: nobody waits for it"
    stream = video(0xFFFF)
    assert stream.receive(0, 0, 10, now=0.0) == 0x20000


def test_a_repeated_packet_does_not_go_on() -> None:
    stream = video(100)
    assert stream.receive(100, 0, 10, now=0.01) is None
    assert stream.receive(102, 0, 10, now=0.02) is not None
    assert stream.receive(101, 0, 10, now=0.03) == 0x10000 + 101
    assert stream.receive(101, 0, 10, now=0.04) is None


@pytest.mark.parametrize("nacks", [True, False])
def test_a_repeat_never_goes_on_whether_or_not_losses_are_asked_for(nacks: bool) -> None:
    """The same number sent twice would repeat a nonce of AES-GCM on its way out."""
    stream = ReceiveStream(7, 48_000, nacks=nacks)
    given_out = [stream.receive(number, 0, 10, now=0.0) for number in (5, 7, 6, 6, 7, 5, 8, 6)]
    assert [n for n in given_out if n is not None] == [0x10005, 0x10007, 0x10006, 0x10008]


def test_a_missing_packet_is_asked_for_when_it_can_no_longer_be_reordering() -> None:
    stream = video(100)
    stream.receive(102, 0, 10, now=1.0)
    assert stream.next_nack_at == 1.0 + REORDER_WAIT
    assert stream.due_nacks(RTT, now=1.005) == ()
    assert stream.due_nacks(RTT, now=1.011) == (101,)


def test_it_is_asked_for_again_after_a_round_trip_and_given_up_in_the_end() -> None:
    stream = video(100)
    stream.receive(102, 0, 10, now=1.0)
    assert stream.due_nacks(RTT, now=1.01) == (101,)
    assert stream.due_nacks(RTT, now=1.04) == ()
    asked, now = 1, 1.01
    while stream.next_nack_at < float("inf"):
        now = stream.next_nack_at
        asked += len(stream.due_nacks(RTT, now=now))
    assert asked == MAX_TRIES
    assert stream.take_unrepaired() == 1
    assert stream.take_unrepaired() == 0
    assert stream.receive(101, 0, 10, now=now) is None


def test_an_answer_to_the_last_request_is_still_taken() -> None:
    stream = video(100)
    stream.receive(102, 0, 10, now=1.0)
    stream.receive(104, 0, 10, now=1.02)
    for _ in range(MAX_TRIES):
        now = stream.next_nack_at
        while 101 not in stream.due_nacks(RTT, now=now):
            now = stream.next_nack_at
    stream.due_nacks(RTT, now=now + 0.001)
    assert stream.receive(101, 0, 10, now=now + 0.002) == 0x10000 + 101


def test_a_repaired_packet_is_not_asked_for_any_more() -> None:
    stream = video(100)
    stream.receive(103, 0, 10, now=1.0)
    stream.receive(102, 0, 10, now=1.001)
    assert stream.due_nacks(RTT, now=1.02) == (101,)


def test_a_stream_without_nack_asks_for_nothing() -> None:
    stream = ReceiveStream(7, 48_000, nacks=False)
    stream.receive(1, 0, 10, now=0.0)
    stream.receive(9, 0, 10, now=0.1)
    assert stream.next_nack_at == float("inf")


def test_too_many_missing_packets_are_given_up_at_once() -> None:
    stream = video(100)
    stream.receive(100 + MAX_MISSING + 2, 0, 10, now=1.0)
    assert stream.due_nacks(RTT, now=1.1) == ()
    assert stream.take_unrepaired() > MAX_MISSING


def test_what_was_lost_in_a_dead_spot_is_not_asked_for() -> None:
    for silence, lost, asked in ((0.4, 30, True), (1.0, 30, False), (1.0, 3, True)):
        stream = video(100)
        stream.receive(101 + lost, 0, 10, now=silence)
        assert bool(stream.due_nacks(RTT, now=silence + 0.1)) is asked
        assert (stream.take_unrepaired() == lost) is not asked


def test_a_wanted_number_is_told_from_one_that_came() -> None:
    stream = video(0xFFFE)
    stream.receive(1, 0, 10, now=0.1)
    assert stream.is_missing(0xFFFF)
    assert stream.is_missing(0)
    assert not stream.is_missing(0xFFFE)
    assert not stream.is_missing(1)
    assert not ReceiveStream(7, 90_000, nacks=True).is_missing(5)


def test_one_packet_far_off_is_dropped_and_the_second_in_a_row_starts_anew() -> None:
    restarts: list[int] = []
    stream = video(100, on_restart=lambda: restarts.append(1))
    assert stream.receive(30_000, 0, 10, now=1.0) is None
    assert stream.receive(101, 0, 10, now=1.1) == 0x10000 + 101
    assert stream.receive(40_000, 0, 10, now=1.2) is None
    assert restarts == []
    first = stream.receive(40_001, 0, 10, now=1.3)
    assert first is not None
    assert first & 0xFFFF == 40_001
    assert first > 0x10000 + 101
    assert restarts == [1]
    assert stream.receive(40_002, 0, 10, now=1.4) == first + 1


def test_a_report_tells_loss_since_the_last_one() -> None:
    stream = video(100)
    for number in range(101, 121):
        if number % 4:
            stream.receive(number, 0, 10, now=0.1)
    report = stream.report(now=1.0)
    assert report is not None
    assert report.ssrc == 7
    assert report.highest_sequence == 0x10000 + 119
    assert report.packets_lost == 4
    assert report.fraction_lost == 4 * 256 // 20
    stream.receive(120, 0, 10, now=1.1)
    again = stream.report(now=2.0)
    assert again is not None
    assert again.fraction_lost == 0
    assert again.packets_lost == 4


def test_nothing_is_reported_of_a_stream_that_did_not_begin() -> None:
    assert ReceiveStream(7, 90_000, nacks=True).report(now=1.0) is None


def test_a_report_refers_to_the_last_sender_report() -> None:
    stream = video()
    stream.on_sender_report(0x11112222_33334444, 9, now=2.0)
    report = stream.report(now=2.5)
    assert report is not None
    assert report.last_sr == 0x22223333
    assert report.delay_since_last_sr == 32768


def test_jitter_is_that_of_packets_in_order() -> None:
    steady, shaky, repaired = video(0), video(0), video(0)
    for number in range(1, 200):
        at = number / 30
        timestamp = number * 3000
        steady.receive(number, timestamp, 10, now=at)
        shaky.receive(number, timestamp, 10, now=at + 0.010 * (number % 2))
        if number % 10:
            repaired.receive(number, timestamp, 10, now=at)
            if number % 10 == 5 and number > 10:
                repaired.receive(number - 5, timestamp - 15_000, 10, now=at)
    jitters = []
    for stream in (steady, shaky, repaired):
        report = stream.report(now=10.0)
        assert report is not None
        jitters.append(report.jitter)
    assert jitters[0] <= 1
    assert 800 <= jitters[1] <= 900, "10 ms are 900 ticks"
    assert jitters[2] <= 1


@given(st.lists(st.integers(0, 0xFFFF), max_size=300), st.booleans())
def test_any_numbers_at_all_are_given_out_once_with_bounded_memory(numbers: list[int], nacks: bool) -> None:
    stream = ReceiveStream(7, 90_000, nacks=nacks)
    given_out = []
    for place, number in enumerate(numbers):
        extended = stream.receive(number, place * 3000, 100, now=place / 30)
        if extended is not None:
            assert extended & 0xFFFF == number
            assert extended >= 0
            given_out.append(extended)
        stream.due_nacks(RTT, now=place / 30)
        assert len(stream._missing) <= MAX_MISSING
    assert len(set(given_out)) == len(given_out)
    assert stream.received == len(given_out)
    report = stream.report(now=20.0)
    if report is not None:
        report.serialize()
    assert MAX_JUMP > MAX_MISSING
