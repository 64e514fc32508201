import pytest

from media.packing import MAX_PAYLOAD, PLAIN, USUAL, Packing, Redundancy, with_copies
from media.payload import red

OPUS = 111


def test_the_time_that_packing_takes_is_known() -> None:
    assert (PLAIN.hold, PLAIN.recovery) == (0.0, 0.0)
    assert Packing((), 3).hold == pytest.approx(0.040)
    assert Packing((1, 3)).recovery == pytest.approx(0.060)
    assert Packing((2,), 2).recovery == pytest.approx(0.080)


@pytest.mark.parametrize(
    ("packing", "size", "samples", "bitrate"),
    [
        (PLAIN, 80, 960, 50 * 8 * (64 + 80)),
        (USUAL, 80, 960, 50 * 8 * (64 + 80 + 1 + 84)),
        (Packing((1, 3)), 60, 960, 50 * 8 * (64 + 60 + 1 + 2 * 64)),
        (Packing((), 2), 80, 960, 25 * 8 * (64 + 2 + 1 + 2 * 79)),
        (Packing((), 3), 80, 960, 50 / 3 * 8 * (64 + 2 + 2 + 3 * 79)),
        (Packing((1,), 3), 40, 960, 50 / 3 * 8 * (64 + 1 + 4 + 2 * (2 + 2 + 3 * 39))),
        (Packing((), 3), 120, 2880, 50 / 3 * 8 * (64 + 120)),  # 60 ms from the publisher stay as they are
        (Packing((), 3), 80, 1920, 25 * 8 * (64 + 80)),  # two of 40 ms would be too long
        (Packing((), 2), 40, 480, 25 * 8 * (64 + 2 + 3 + 4 * 39)),
        (USUAL, 1100, 960, 50 * 8 * (64 + 1100)),  # a copy would be too large
    ],
)
def test_a_voice_costs_its_sound_its_copies_and_its_headers(
    packing: Packing, size: int, samples: int, bitrate: float
) -> None:
    assert packing.bitrate(size, samples) == pytest.approx(bitrate)


def test_who_takes_no_redundancy_pays_for_none() -> None:
    assert Packing((1, 2)).bitrate(80, 960, Redundancy.NONE) == PLAIN.bitrate(80, 960)
    assert PLAIN.bitrate(80, 960, stamped=False) == pytest.approx(50 * 8 * (56 + 80))


@pytest.mark.parametrize(("distances", "frames"), [((), 2), ((1, 3), 1), ((1, 2), 3)])
def test_copies_apart_cost_as_much_as_the_first_ones(distances: tuple[int, ...], frames: int) -> None:
    once = Packing((), frames).bitrate(80, 960, Redundancy.APART)
    assert Packing(distances, frames).bitrate(80, 960, Redundancy.APART) == (1 + len(distances)) * once


def test_copies_go_before_the_sound_the_oldest_first() -> None:
    packed = with_copies(b"now", [(960, b"before"), (2880, b"long before")], OPUS)
    assert red.parse(packed) == (
        red.Block(OPUS, 2880, b"long before"),
        red.Block(OPUS, 960, b"before"),
        red.Block(OPUS, 0, b"now"),
    )


def test_what_cannot_be_copied_is_left_out() -> None:
    too_long, too_old = (960, bytes(red.MAX_BLOCK + 1)), (red.MAX_OFFSET + 1, b"old")
    assert with_copies(b"now", [too_long, too_old], OPUS) == b""
    packed = red.parse(with_copies(b"now", [too_long, (1920, b"fits"), too_old], OPUS))
    assert packed is not None and [block.data for block in packed] == [b"fits", b"now"]


def test_a_packet_with_copies_fits_a_datagram() -> None:
    packed = with_copies(bytes(500), [(960, bytes(400)), (1920, bytes(400)), (2880, bytes(200))], OPUS)
    blocks = red.parse(packed)
    assert blocks is not None and [len(block.data) for block in blocks] == [200, 400, 500]
    assert len(packed) <= MAX_PAYLOAD
