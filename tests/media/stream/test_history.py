from media.stream.history import MAX_AGE, MIN_RESEND, SIZE, History, Sent


def sent(sequence: int, at: float = 1.0) -> Sent:
    return Sent(sequence, 0, False, (), b"payload", at, b"")


def test_a_packet_is_found_by_its_number() -> None:
    history = History()
    packets = sent(5), sent(6)
    for packet in packets:
        history.add(packet)
    assert history.take(5, 0.0, now=1.1) is packets[0]
    assert history.take(7, 0.0, now=1.1) is None


def test_old_packets_make_room() -> None:
    history = History()
    for number in range(SIZE + 1):
        history.add(sent(number))
    assert history.take(0, 0.0, now=1.1) is None
    assert history.take(1, 0.0, now=1.1) is not None


def test_a_number_that_came_round_again_is_another_packet() -> None:
    history = History()
    history.add(sent(5))
    assert history.take(5 + SIZE, 0.0, now=1.1) is None


def test_a_packet_is_sent_again_once_per_round_trip() -> None:
    history = History()
    history.add(sent(5))
    assert history.take(5, 0.2, now=1.1) is not None
    assert history.take(5, 0.2, now=1.2) is None
    assert history.take(5, 0.2, now=1.27) is not None


def test_without_a_known_round_trip_a_short_while_has_to_pass() -> None:
    history = History()
    history.add(sent(5))
    assert history.take(5, 0.0, now=1.1) is not None
    assert history.take(5, 0.0, now=1.1 + MIN_RESEND / 2) is None
    assert history.take(5, 0.0, now=1.101 + MIN_RESEND) is not None


def test_what_is_too_old_is_of_no_use() -> None:
    history = History()
    history.add(sent(5, at=1.0))
    assert history.take(5, 0.0, now=1.01 + MAX_AGE) is None


def test_memory_of_repeats_is_bounded() -> None:
    history = History()
    for number in range(0x8000):
        history.add(sent(number))
        history.take(number, 0.0, now=1.0)
    assert len(history._resent_at) <= SIZE


def test_nothing_is_left_after_clearing() -> None:
    history = History()
    history.add(sent(5))
    history.clear()
    assert history.take(5, 0.0, now=1.0) is None
