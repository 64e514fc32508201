from media.keyframes import MAX_RETRIES, MIN_INTERVAL, RETRY, KeyframeRequests


def test_nothing_is_asked_for_that_nobody_wants() -> None:
    requests = KeyframeRequests()
    assert requests.next_timeout() is None
    assert not requests.due(now=1.0)


def test_the_first_wish_is_asked_for_at_once() -> None:
    requests = KeyframeRequests()
    requests.want()
    assert requests.due(now=1.0)
    assert not requests.due(now=1.0)


def test_a_wish_soon_after_a_request_waits_and_is_forgotten_if_a_keyframe_comes() -> None:
    requests = KeyframeRequests()
    requests.want()
    requests.due(now=1.0)
    requests.arrived()
    requests.want()
    assert requests.next_timeout() == 1.0 + MIN_INTERVAL
    assert not requests.due(now=1.2)
    requests.arrived()
    assert requests.next_timeout() is None


def test_a_request_that_brings_nothing_is_made_again_until_the_publisher_is_given_up() -> None:
    requests = KeyframeRequests()
    requests.want()
    made, at = [], 1.0
    while at is not None:
        assert requests.due(now=at)
        made.append(at)
        at = requests.next_timeout()
    assert len(made) == MAX_RETRIES + 1
    assert made[1] - made[0] == RETRY


def test_a_new_wish_begins_anew_after_the_publisher_was_given_up() -> None:
    requests = KeyframeRequests()
    requests.want()
    while (at := requests.next_timeout()) is not None:
        requests.due(now=max(at, 1.0))
    requests.want()
    assert requests.due(now=100.0)


def test_wishes_that_are_repeated_do_not_prolong_the_tries() -> None:
    requests = KeyframeRequests()
    now, made = 0.0, 0
    requests.want()
    for _ in range(1000):
        now += 0.01
        made += requests.due(now=now)
        if requests.next_timeout() is None:
            break
        requests.want()
    assert made <= MAX_RETRIES + 1
