"""We send, and nothing comes back."""

from media.congestion.sent import SentPackets
from media.congestion.silence import Silence

RTT = 0.1  # seconds, three of which come on top of half a second of patience


def test_what_nobody_answers_starves_after_half_a_second_and_three_round_trips():
    silence, sent = Silence(now=10.0), SentPackets()
    told = []
    for step in range(100):
        now = 10.0 + 0.02 * step
        sent.stamp(100, now=now)
        if silence.starves(sent, -1.0, RTT, now=now):
            told.append(round(now - 10.0, 2))
    assert told == [0.8, 1.3, 1.8], "and again every half a second"


def test_who_sends_nothing_waits_for_nothing():
    assert not Silence(now=10.0).starves(SentPackets(), -1.0, RTT, now=99.0)


def test_the_first_packet_after_a_pause_has_not_been_unanswered_since_before_it():
    silence, sent = Silence(now=10.0), SentPackets()
    sent.stamp(100, now=10.0)
    sent.on_feedback(0, 100, [0], now=10.1)
    assert not sent.bytes_in_flight
    assert not silence.starves(sent, 10.1, RTT, now=19.9)
    sent.stamp(100, now=20.0)
    assert not silence.starves(sent, 10.1, RTT, now=20.0)
    sent.stamp(100, now=20.75)
    assert silence.starves(sent, 10.1, RTT, now=20.75), "0.85 s after the pause was last seen"


def test_where_nothing_moves_at_all_the_flight_is_written_off_and_that_is_no_answer():
    silence, sent = Silence(now=10.0), SentPackets()
    sent.stamp(1000, now=10.0)
    assert not silence.starves(sent, 9.9, RTT, now=10.79)
    assert sent.bytes_in_flight == 1000
    assert not silence.starves(sent, 9.9, RTT, now=10.81)
    assert sent.bytes_in_flight == 0, "or media would wait for ever for its acknowledgement"
    silence.starves(sent, 9.9, RTT, now=10.9)
    sent.stamp(1000, now=10.95)
    assert silence.starves(sent, 9.9, RTT, now=10.95)
