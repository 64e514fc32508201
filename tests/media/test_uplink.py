"""A starving uplink steps the picture down, a clean one up again."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from media.retries import REST
from media.sending import order
from media.stream.receive import ReceiveStream
from media.subscription import Layer
from media.uplink import Level, Uplink
from tests.media.publishing import new_publication


class Sound:
    """Packets of 20 ms that take `delay` seconds, and up to `swing` more, as with a queue that fills and
    drains each second; those that `lose` says are lost."""

    def __init__(self) -> None:
        self.stream = ReceiveStream(1, 48_000, nacks=False)
        self.uplink = Uplink()
        self.count = 0
        self.encodings = 3  # of the picture beside it
        self.levels: list[Level] = []

    @property
    def now(self) -> float:
        return 10 + self.count * 0.02

    def run(
        self,
        seconds: float,
        *,
        delay: float = 0.02,
        swing: float = 0.0,
        lose: Callable[[int], bool] = lambda n: False,
    ) -> None:
        for _ in range(int(seconds * 50)):
            arrives_at = self.now + delay + swing * (self.count % 50) / 50
            if not lose(self.count):
                self.stream.receive(self.count & 0xFFFF, self.count * 960, 80, now=arrives_at)
            before = self.uplink.level
            self.uplink.on_timeout(self.stream, encodings=self.encodings, now=arrives_at)
            if self.uplink.level != before:
                self.levels.append(self.uplink.level)
            self.count += 1


def test_clean_sound_changes_nothing() -> None:
    sound = Sound()
    sound.run(30)
    assert sound.levels == []


def test_sound_that_lags_sheds_the_picture_step_by_step() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(10, delay=0.3, swing=0.1)
    assert sound.levels == [Level.REDUCED, Level.SMALL, Level.SLOW, Level.STILLS, Level.SOUND]


def test_sound_that_is_lost_sheds_faster() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(3, lose=lambda n: n % 2 == 0)
    assert sound.levels[0] == Level.REDUCED and sound.uplink.level >= Level.SLOW


def test_the_picture_comes_back_when_the_sound_is_clean() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(2, delay=0.3, swing=0.1)
    low = sound.uplink.level
    sound.run((REST + 1) * (low + 1))
    assert sound.uplink.level == Level.FULL


def recovered() -> Sound:
    """A picture that stepped down and is back, just now."""
    sound = Sound()
    sound.run(5)
    sound.run(0.7, delay=0.3, swing=0.1)
    sound.run(REST + 1)
    assert sound.uplink.level == Level.FULL
    return sound


def test_a_relapse_makes_the_next_attempt_wait_longer() -> None:
    sound = recovered()
    sound.run(0.7, delay=0.3, swing=0.1)
    sound.run(REST + 1)
    assert sound.uplink.level != Level.FULL
    sound.run(REST + 1)
    assert sound.uplink.level == Level.FULL


def test_a_clock_that_drifts_is_no_queue() -> None:
    sound = Sound()
    for _ in range(600):  # ten minutes at 100 ppm
        sound.run(1, delay=0.02 + sound.count * 0.02 * 1e-4)
    assert sound.levels == []


def test_a_muted_microphone_does_not_keep_the_picture_off() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(5, delay=0.4, swing=0.1)
    assert sound.uplink.level == Level.SOUND
    sound.run(40, lose=lambda n: True)
    assert sound.uplink.level == Level.FULL


def test_a_longer_path_is_no_queue() -> None:
    sound = Sound()
    sound.run(5)
    sound.uplink.on_route_change(now=sound.now)
    sound.run(10, delay=0.4)
    assert sound.levels == []
    sound.run(3, delay=0.7, swing=0.1)
    assert sound.levels, "what comes on top of it is one"


def test_another_path_is_tried_with_a_small_picture_at_once() -> None:
    sound = Sound()
    sound.run(5)
    for _ in range(3):
        sound.run(5, delay=0.4, swing=0.1)
        sound.run(12)
    sound.run(5, delay=0.4, swing=0.1)
    assert sound.uplink.level == Level.SOUND
    sound.uplink.on_route_change(now=sound.now)
    assert sound.uplink.level == Level.SMALL
    sound.run(2 * REST + 1)
    assert sound.uplink.level == Level.FULL, "nothing is held against it"


def test_on_another_path_no_more_is_tried_than_a_small_picture_before_something_is_known_of_it() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(5, delay=0.4, swing=0.1)
    assert sound.uplink.level == Level.SOUND
    sound.run(REST - 1)
    sound.uplink.on_route_change(now=sound.now)
    sound.run(REST - 0.5)
    assert sound.uplink.level == Level.SMALL, "the rest on the old path tells nothing"
    sound.run(1)
    assert sound.uplink.level == Level.REDUCED


def test_another_path_that_bears_less_is_given_less_at_once() -> None:
    sound = Sound()
    sound.run(5)
    sound.uplink.on_route_change(now=sound.now)
    sound.run(0.3)
    sound.run(0.14, delay=0.25)
    assert sound.levels, "no step down has been that would want its time"


def test_a_clock_that_stood_still_is_no_queue() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(1, delay=6.0)  # its machine slept meanwhile, and its timestamps with it
    assert sound.uplink.level > Level.FULL, "at first it cannot be told"
    sound.run(1, delay=6.0)
    assert sound.uplink.level == Level.FULL
    sound.run(3, delay=6.3, swing=0.1)
    assert sound.uplink.level > Level.REDUCED, "what comes on top of it is one"


def test_what_was_shed_before_a_clock_stood_still_stays_shed() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(0.7, delay=0.3, swing=0.1)
    shed = sound.uplink.level
    sound.run(2)
    sound.run(2, delay=3.0)
    assert sound.uplink.level == shed > Level.FULL


def picture_beside(sound: Sound, lag: float) -> ReceiveStream:
    """Of 10 pictures a second until now, the last of which took so much longer."""
    picture = ReceiveStream(2, 90_000, nacks=True)
    end = sound.now
    for place in range(20):
        late = lag if place == 19 else 0.0
        picture.receive(place, place * 9000, 1000, now=end - (19 - place) * 0.1 + late)
    return picture


def test_where_a_voice_breaks_off_late_pictures_tell_of_the_queue() -> None:
    sound = Sound()
    sound.run(5)
    picture = picture_beside(sound, 0.2)
    at = picture.last_packet_at + 0.01
    sound.uplink.on_timeout(sound.stream, [picture], encodings=3, now=at - 0.1)
    assert sound.uplink.level == Level.FULL
    sound.uplink.on_timeout(sound.stream, [picture], encodings=3, now=at)
    assert sound.uplink.level > Level.FULL and sound.uplink.queued


def test_long_packets_leave_gaps_in_which_late_pictures_tell_nothing_yet() -> None:
    """A browser holds back what its estimate has no room for: pictures come late without any queue."""
    uplink, stream = Uplink(), ReceiveStream(1, 48_000, nacks=False)
    picture = ReceiveStream(2, 90_000, nacks=True)
    picture.receive(0, 0, 1000, now=10.0)
    for number in range(49):
        at = 10 + number * 0.06
        stream.receive(number, number * 2880, 105, now=at)
        uplink.on_timeout(stream, [picture], encodings=3, now=at)
    delays = []
    for number in range(1, 4):  # of half a second ago
        picture.receive(number, round((at - 10.5) * 90_000), 1000, now=at + 0.099 * number)
        uplink.on_timeout(stream, [picture], encodings=3, now=at + 0.101 * number)
        delays.append(uplink.delay)
    assert delays[0] < 0.01 and delays[-1] > 0.5, "until three packets of sound are overdue"


def test_where_a_silent_microphone_sends_next_to_nothing_late_pictures_tell_nothing() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(2, lose=lambda n: n % 20 != 0)  # DTX, but for the numbers
    picture = picture_beside(sound, 0.2)
    before = sound.uplink.delay
    at = picture.last_packet_at + 0.01
    sound.uplink.on_timeout(sound.stream, [picture], encodings=3, now=at - 0.1)
    sound.uplink.on_timeout(sound.stream, [picture], encodings=3, now=at)
    assert sound.uplink.delay == before


def test_steps_that_would_change_nothing_are_left_out() -> None:
    sound = Sound()
    sound.encodings = 1
    sound.run(5)
    sound.run(0.5, delay=0.3)
    assert sound.levels == [Level.SLOW]


def test_sound_is_not_fuller_where_the_picture_takes_all_that_the_uplink_carries() -> None:
    """It has come back, and sound waits behind it, though not for long."""
    for swing, thin_after in ((0.0, 16.0), (0.12, 50.0)):
        sound = Sound()
        sound.run(5)
        sound.run(5, delay=0.4, swing=0.1)
        while sound.uplink.level > Level.SLOW:
            sound.run(0.1)
        since = sound.now
        while sound.uplink.thin and sound.now < since + 100:
            sound.run(1.0, swing=swing)
        assert sound.uplink.level < Level.SLOW
        assert thin_after - 2 < sound.now - since < thin_after + 20, "once a minute it is tried all the same"


class Receiver:
    """All that a publication asks of a subscription when it counts who needs what."""

    def __init__(self, layer: Layer | None) -> None:
        self.wanted_layer = layer


def test_nobody_uploads_what_nobody_gets() -> None:
    publication = new_publication("camera", "q", "h", "f")
    receiver = Receiver(Layer(2))
    publication.subscriptions.append(receiver)  # type: ignore[arg-type]
    publication.count_needed(now=1.0)
    assert order([publication], Uplink(), thin=False, now=1.0).encodings == {"camera": 3}
    receiver.wanted_layer = Layer(0)
    publication.count_needed(now=2.0)
    assert publication.needed == 3, "an encoding lingers: it may be wanted again soon"
    publication.count_needed(now=11.0)
    assert publication.needed == 1
    receiver.wanted_layer = Layer(1)
    publication.count_needed(now=11.1)
    assert publication.needed == 2, "more is asked for at once"


def test_a_poor_uplink_is_ordered_down_whatever_is_wanted() -> None:
    publication = new_publication("camera", "q", "h", "f")
    publication.needed = 3
    uplink = Uplink()
    expected = {
        Level.FULL: (3, 30),
        Level.REDUCED: (2, 30),
        Level.SMALL: (1, 30),
        Level.SLOW: (1, 7),
        Level.STILLS: (1, 1),
        Level.SOUND: (0, 30),
    }
    for level, (encodings, rate) in expected.items():
        uplink.level = level
        wanted = order([publication], uplink, thin=False, now=1.0)
        assert (wanted.encodings["camera"], wanted.frame_rate) == (encodings, rate)


def losing(share: float, burst: int, seed: int) -> Callable[[int], bool]:
    """Loses this share of all packets, `burst` in a row on average (Gilbert)."""
    rng, state = random.Random(seed), [False]

    def lose(_: int) -> bool:
        state[0] = rng.random() > 1 / burst if state[0] else rng.random() < share / (1 - share) / burst
        return state[0]

    return lose


@pytest.mark.parametrize(("share", "burst"), [(0.03, 1), (0.1, 1), (0.1, 3), (0.2, 1), (0.3, 1), (0.3, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_loss_that_is_there_whatever_the_picture_does_costs_it_a_moment(
    share: float, burst: int, seed: int
) -> None:
    sound = Sound()
    sound.run(5)
    lose = losing(share, burst, seed)
    full = slow = 0
    for _ in range(600):
        sound.run(0.1, lose=lose)
        full += sound.uplink.level == Level.FULL
        slow += sound.uplink.level > Level.SMALL
    assert full > 300 and slow < 60, "of a minute"


def test_loss_that_the_picture_makes_is_not_lived_with() -> None:
    """A policer: no queue, and nothing beyond its rate gets through."""
    sound = Sound()
    sound.run(5)
    kept = {Level.FULL: 0.25, Level.REDUCED: 0.8}
    rng = random.Random(1)
    levels = []
    for _ in range(600):
        through = kept.get(sound.uplink.level, 1.0)
        sound.run(0.1, lose=lambda _, through=through: rng.random() > through)  # type: ignore[misc]
        levels.append(sound.uplink.level)
    assert not sound.uplink.inherent.ratio
    assert max(levels) <= Level.SMALL and levels.count(Level.FULL) < 60


def test_another_path_has_another_loss() -> None:
    sound = Sound()
    sound.run(5)
    sound.run(30, lose=losing(0.2, 1, 1))
    assert sound.uplink.inherent.ratio > 0.1
    sound.uplink.on_route_change(now=sound.now)
    assert not sound.uplink.inherent.ratio


def test_a_dead_spot_costs_no_picture() -> None:
    """Two seconds without anything, as in a lift or a tunnel."""
    sound = Sound()
    sound.run(5)
    for _ in range(3):
        sound.run(2, lose=lambda _: True)
        sound.run(8)
    assert sound.levels == [] and not sound.uplink.loss


def test_only_what_the_uplink_did_not_bear_is_waited_for_longer() -> None:
    sound = recovered()
    sound.run(8, delay=0.3, swing=0.1)
    low = sound.uplink.level
    assert low >= Level.STILLS
    sound.run((low - 1) * (REST + 0.2))
    assert sound.uplink.level == Level.REDUCED, "of these, none has failed"
    sound.run(REST + 1)
    assert sound.uplink.level == Level.REDUCED
    sound.run(REST)
    assert sound.uplink.level == Level.FULL
