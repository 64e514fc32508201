"""What pictures cost."""

from __future__ import annotations

import pytest

from media.encoding import Encoding
from media.ladder import DEAR, SELDOM, ladder
from media.publication import STILL_INTERVAL, Publication
from media.stream.receive import ReceiveStream
from media.subscription import BEST, STILLS, Layer
from tests.media.publishing import new_publication


def screen(keyframe: int, *bitrates: float) -> Publication:
    """One that has sent a keyframe of so many bytes, and moves at these bit/s by temporal layer."""
    shared = new_publication("screen")
    encoding = Encoding("", ReceiveStream(1, 90_000, nacks=True), now=0.0)
    encoding.keyframe_size = keyframe
    encoding.bitrates[: len(bitrates)] = bitrates
    shared.add_encoding(encoding, now=0.0)
    return shared


@pytest.mark.parametrize(
    ("keyframe", "price"),
    [
        (5_000, 8 * 5_000 / STILL_INTERVAL),
        (20_000, DEAR),
        (80_000, 8 * 80_000 / SELDOM),
    ],
)
def test_a_still_costs_what_it_takes_to_come_now_and_then(keyframe: int, price: float) -> None:
    still, *moving = ladder(screen(keyframe, 500_000.0, 250_000.0), BEST)
    assert (still.bitrate, still.temporal) == (price, STILLS)
    assert [rung.bitrate for rung in moving] == [500_000, 750_000]


def test_what_hardly_moves_costs_what_brings_its_keyframes_through() -> None:
    """Else a slide would be begun for a few kbit/s, and its keyframe come a minute later."""
    still, motion = ladder(screen(80_000, 20_000.0, 10_000.0), BEST)
    assert motion.bitrate == 8 * 80_000 / STILL_INTERVAL
    assert still.bitrate < motion.bitrate and motion.temporal == 0


def test_who_saves_data_is_offered_the_lowest_frame_rate() -> None:
    *_, motion = ladder(screen(5_000, 500_000.0, 250_000.0), Layer(0, 0))
    assert (motion.bitrate, motion.temporal) == (500_000, 0)
