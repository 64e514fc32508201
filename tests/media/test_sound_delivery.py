"""How a publisher's sound arrives."""

import pytest

from media.sound_delivery import SoundDelivery
from media.stream.receive import ReceiveStream

LOOK = 0.1  # seconds


class Path:
    """Sound of 20 ms and, where wanted, a picture of 50 packets a second beside it, looked at ten times a
    second from 10 s on."""

    def __init__(self) -> None:
        self.delivery = SoundDelivery()
        self.sound = ReceiveStream(1, 48_000, nacks=False)
        self.picture = ReceiveStream(2, 90_000, nacks=False)
        self.now = 10.0
        self._count = 0

    def run(
        self,
        seconds: float,
        *,
        delay: float = 0.02,
        lose: int = 0,
        sound: bool = True,
        picture: float | None = None,
    ) -> None:
        """Sound takes `delay` seconds, one in `lose` of it is lost; packets of the picture take `picture`."""
        for _ in range(round(seconds / LOOK)):
            for _ in range(5):
                self._count += 1
                at = 10.0 + self._count * 0.02
                if sound and not (lose and self._count % lose == 0):
                    self.sound.receive(self._count & 0xFFFF, 960 * self._count, 80, now=at + delay)
                if picture is not None:
                    self.picture.receive(self._count & 0xFFFF, 1800 * self._count, 1000, now=at + picture)
            self.now = max(self.now + LOOK, 10.0 + self._count * 0.02 + (delay if sound else picture or 0.0))
            self.delivery.look(self.sound, [self.picture], now=self.now)


def test_its_delay_is_what_it_lags_behind_its_best():
    path = Path()
    path.run(2.0)
    assert path.delivery.delay == pytest.approx(0.0, abs=0.002)
    path.run(2.0, delay=0.22)
    assert path.delivery.delay == pytest.approx(0.2, abs=0.03)


def test_its_loss_is_that_of_the_last_two_seconds():
    path = Path()
    path.run(2.0, lose=5)
    assert path.delivery.loss == pytest.approx(0.2, abs=0.02)
    path.run(1.5)
    assert path.delivery.loss > 0.03
    path.run(0.5)
    assert path.delivery.loss == 0.0


def test_its_best_is_measured_anew_as_clocks_drift_apart():
    path = Path()
    path.run(2.0)
    path.run(20.0, delay=0.22)
    assert path.delivery.delay > 0.1
    path.run(10.0, delay=0.22)
    assert path.delivery.delay == pytest.approx(0.0, abs=0.01)


def test_a_queue_on_its_way_out_is_told_from_one_that_stays():
    path = Path()
    path.run(1.0)
    path.run(1.0, delay=0.4)
    assert not path.delivery.shrinks
    path.run(0.1, delay=0.3)
    assert path.delivery.shrinks


def test_sound_that_lags_by_the_same_for_long_comes_over_a_longer_path():
    path = Path()
    path.run(1.0)
    path.run(1.1, delay=0.22)
    assert not path.delivery.lags_steadily()
    path.run(0.3, delay=0.22)
    assert path.delivery.lags_steadily()
    path.delivery.accept_lag()
    path.run(0.2, delay=0.22)
    assert path.delivery.delay == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(("swing", "steady"), [(0.02, True), (0.04, False)])
def test_steady_is_what_swings_by_less_than_30_ms(swing, steady):
    path = Path()
    path.run(1.0)
    for _ in range(8):
        path.run(0.1, delay=0.22)
        path.run(0.1, delay=0.22 + swing)
    assert path.delivery.lags_steadily() is steady


def test_a_lag_that_grows_or_loses_is_a_queue():
    growing, losing = Path(), Path()
    for path in (growing, losing):
        path.run(2.0)
    for step in range(15):
        growing.run(0.1, delay=0.1 + 0.01 * step)
    losing.run(1.5, delay=0.22, lose=10)
    assert not growing.delivery.lags_steadily()
    assert not losing.delivery.lags_steadily()


def test_of_a_voice_that_is_silent_for_two_seconds_nothing_is_known():
    path = Path()
    path.run(2.0)
    path.run(0.5, delay=0.22)
    path.run(1.9, sound=False)
    assert path.delivery.delay > 0.1
    path.run(0.1, sound=False)
    assert path.delivery.delay == 0.0


def test_where_a_regular_voice_breaks_off_the_picture_tells_of_the_queue():
    path = Path()
    path.run(2.0, picture=0.02)
    path.run(0.5, sound=False, picture=0.42)
    assert path.delivery.delay == pytest.approx(0.4, abs=0.05)


def test_what_was_lost_in_a_dead_spot_says_nothing_of_the_path():
    path = Path()
    path.run(2.0)
    path.run(1.0, sound=False)
    path.run(0.5)
    assert path.delivery.loss == 0.0


def test_a_shorter_hole_is_loss():
    path = Path()
    path.run(2.0)
    path.run(0.4, sound=False)
    path.run(0.5)
    assert path.delivery.loss > 0.1


def test_the_same_hole_in_sound_alone_is_loss():
    path = Path()
    path.run(2.0, picture=0.02)
    path.run(1.0, sound=False, picture=0.02)
    path.run(0.5, picture=0.02)
    assert path.delivery.loss > 0.3


def test_another_path_has_a_best_of_its_own():
    path = Path()
    path.run(2.0)
    path.delivery.forget()
    path.run(1.0, delay=0.22)
    assert path.delivery.delay == pytest.approx(0.0, abs=0.01)
    assert path.delivery.loss == 0.0
