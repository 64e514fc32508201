import pytest

from benchmarks.link.picture import Film

PERIOD = 300
FRAME = 1 / 30


def sent(seconds, missing=()):
    """A camera that was asked for 30 frames a second, from 0 s on."""
    return [(n * FRAME, n % PERIOD) for n in range(int(seconds * 30)) if n not in missing]


def shown(numbers, late=0.1, width=960):
    return [(n * FRAME + late, n % PERIOD, width) for n in numbers]


def test_the_age_grows_until_the_next_picture():
    film = Film(sent(20), shown([60, 120]), period=PERIOD)
    ages = dict((round(at, 2), age) for at, age in film.ages(2.0, 5.0))
    assert min(ages) == pytest.approx(2.1)
    assert ages[2.1] == pytest.approx(0.1)
    assert ages[4.0] == pytest.approx(2.0)
    assert ages[4.5] == pytest.approx(0.5)


def test_numbers_that_come_again_are_told_apart():
    film = Film(sent(40), shown([5, 305, 605, 905]), period=PERIOD)
    assert [p.at - p.taken for p in film.shown] == pytest.approx([0.1] * 4)


def test_a_frame_that_the_camera_probe_missed_is_no_older_for_it():
    film = Film(sent(40, missing={400, 401}), shown([399, 400, 401]), period=PERIOD)
    assert [p.at - p.taken for p in film.shown] == pytest.approx([0.1] * 3)


def test_a_late_picture_is_that_late():
    film = Film(sent(30), shown([300], late=6.0), period=PERIOD)
    assert film.shown[0].at - film.shown[0].taken == pytest.approx(6.0)


def test_without_a_camera_there_is_no_film():
    assert Film([], shown([1]), period=PERIOD).shown == []


def test_frames_are_counted_by_the_second():
    film = Film(sent(20), shown(range(60, 120)), period=PERIOD)
    assert film.rate(2.1, 4.1) == pytest.approx(30, abs=1)
    assert film.rate(5.0, 6.0) == 0


def test_a_stall_lasts_until_a_picture_or_the_end():
    film = Film(sent(20), shown([*range(60, 90), *range(180, 210)]), period=PERIOD)
    assert film.stalls(2.1, 9.0) == pytest.approx([3.0, 2.0], abs=0.1)


def test_a_window_without_any_picture_is_one_stall():
    assert Film(sent(20), [], period=PERIOD).stalls(2.0, 5.0) == [3.0]


def test_changes_of_width_are_told():
    pictures = shown(range(60, 70)) + shown(range(70, 80), width=240) + shown(range(80, 200))
    film = Film(sent(20), pictures, period=PERIOD)
    assert [width for _, width in film.widths(0.0, 10.0)] == [960, 240, 960]
    assert film.first_smaller(2.0, 10.0, 960) == pytest.approx(70 * FRAME + 0.1 - 2.0)
    assert film.first_smaller(3.0, 10.0, 960) is None


def test_a_picture_is_restored_with_its_width_and_its_rate():
    slow = shown(range(60, 120, 10))
    small = shown(range(120, 180), width=480)
    film = Film(sent(20), slow + small + shown(range(180, 300)), period=PERIOD)
    assert film.restored(2.0, 10.0, width=960, rate=24) == pytest.approx(180 * FRAME + 0.1 - 2.0)
    assert film.restored(2.0, 5.0, width=960, rate=24) is None
