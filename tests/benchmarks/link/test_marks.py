import cv2
import numpy as np
import pytest

from benchmarks.link import marks

SIZES = [(960, 540), (480, 270), (240, 135), (160, 90)]


def picture(number, noise=0):
    rng = np.random.default_rng(number)
    luma = rng.integers(0, 256, (540, 960), np.uint8)
    marks.draw(luma, number)
    wobble = rng.integers(-noise, noise + 1, luma.shape)
    return np.clip(luma.astype(int) + wobble, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_a_number_is_read_from_every_layer(size):
    for number in (0, 1, 299, 512, 1023):
        small = cv2.resize(picture(number, noise=40), size, interpolation=cv2.INTER_AREA)
        assert marks.read(small) == number


def test_a_picture_without_a_number_has_none():
    assert marks.read(np.full((540, 960), 128, np.uint8)) is None
    assert marks.read(np.zeros((540, 960), np.uint8)) is None


def test_a_number_that_is_torn_between_two_pictures_is_not_read():
    torn = picture(0)
    torn[:, 480:] = picture(1023)[:, 480:]
    assert marks.read(torn) is None


def test_a_number_that_does_not_fit_is_a_mistake():
    with pytest.raises(AssertionError):
        marks.cells(1 << marks.BITS)
