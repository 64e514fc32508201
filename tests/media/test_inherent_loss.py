"""Loss that is there whatever a publisher sends."""

import pytest

from media.inherent_loss import InherentLoss
from media.stream.receive import ReceiveStream

LOOK = 0.1  # seconds


class Path:
    """Sound of 20 ms that loses one packet in so many, looked at from 10 s on."""

    def __init__(self) -> None:
        self.loss = InherentLoss()
        self.now = 10.0
        self._stream = ReceiveStream(1, 48_000, nacks=False)
        self._count = 0
        self._owed = 0.0

    def run(self, seconds: float, ratio: float, *, starving: bool = False) -> list[float]:
        """At which moments it was found that sending less is of no use."""
        found = []
        for _ in range(round(seconds / LOOK)):
            for _ in range(5):
                self._count += 1
                self._owed += ratio
                if self._owed >= 1:
                    self._owed -= 1
                else:
                    self._stream.receive(self._count, 960 * self._count, 80, now=self.now)
            self.now += LOOK
            if self.loss.look(self._stream, ratio, starving=starving, now=self.now):
                found.append(self.now)
        return found


def looking(ratio: float) -> Path:
    """Less is sent since 11 s because of that loss."""
    path = Path()
    path.run(1.0, ratio)
    path.loss.begin(ratio, anew=True, now=path.now)
    return path


def test_what_is_lost_all_the_same_while_less_is_sent_is_of_the_path():
    path = looking(0.2)
    assert path.run(1.9, 0.2) == [], "0.6 s until it can show, and 1.4 s of it"
    assert len(path.run(5.0, 0.2)) == 1
    assert path.loss.ratio == pytest.approx(0.2, abs=0.02)


def test_what_goes_when_less_is_sent_was_a_queues():
    path = looking(0.2)
    assert path.run(5.0, 0.0) == []
    assert path.loss.ratio == 0.0


def test_a_third_of_what_there_was_must_remain():
    assert looking(0.3).run(5.0, 0.08) == []
    assert len(looking(0.3).run(5.0, 0.12)) == 1


def test_two_percent_are_too_little_to_tell():
    assert looking(0.04).run(5.0, 0.01) == []


def test_where_two_fifths_are_lost_there_is_no_voice_to_be_kept_beside_a_picture():
    assert looking(0.5).run(5.0, 0.45) == []
    assert len(looking(0.5).run(5.0, 0.35)) == 1


def test_a_queue_may_lose_as_much_of_the_smallest_picture_still():
    assert looking(0.7).run(5.0, 0.3) == []
    assert len(looking(0.55).run(5.0, 0.3)) == 1


def test_nothing_is_learnt_of_a_path_on_which_as_much_was_sent_as_before():
    path = Path()
    assert path.run(5.0, 0.2) == []
    path.loss.begin(0.2, anew=False, now=path.now)
    assert path.run(5.0, 0.2) == [], "no look was under way that this could prolong"


def test_a_queue_ends_the_look():
    path = looking(0.2)
    path.loss.abort()
    assert path.run(5.0, 0.2) == []


def test_who_starves_on_is_looked_at_again():
    path = looking(0.2)
    assert path.run(2.2, 0.5, starving=True) == []
    assert len(path.run(2.0, 0.2, starving=True)) == 1
    path = looking(0.2)
    assert path.run(2.2, 0.5) == []
    assert path.run(2.0, 0.2) == [], "nobody asks any more"


def test_only_twice_what_is_known_and_more_has_another_reason():
    path = looking(0.2)
    assert path.loss.exceeded_by == pytest.approx(0.05)
    path.run(2.2, 0.2)
    assert path.loss.exceeded_by == pytest.approx(0.05 + 2 * path.loss.ratio)


def test_what_is_known_follows_what_is_lost_within_ten_seconds():
    path = looking(0.2)
    path.run(2.2, 0.2)
    known = path.loss.ratio
    path.run(10.0, 0.0)
    assert path.loss.ratio == pytest.approx(known * 0.99**100)
