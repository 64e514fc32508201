"""Frame numbers drawn into the picture, large enough to survive every layer.

The top strip of a picture, 1/13.5 of its height, is a row of 24 cells: white, black, ten bits of the number
(white is 1, highest first), the same ten bits inverted, black, white. `static/probe.js` reads the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 10
CELLS = 2 * BITS + 4
STRIP = 2 / 27  # of the height: 40 of 540 lines
BLACK, WHITE = 16, 235  # limited range (BT.601)

Luma = NDArray[np.uint8]  # rows of a picture's Y plane


def cells(number: int) -> list[bool]:
    assert 0 <= number < 1 << BITS
    bits = [bool(number >> place & 1) for place in reversed(range(BITS))]
    return [True, False, *bits, *(not bit for bit in bits), False, True]


def draw(luma: Luma, number: int) -> None:
    """Into the top of a Y plane, in place."""
    height, width = luma.shape
    strip = round(height * STRIP)
    edges = [round(width * cell / CELLS) for cell in range(CELLS + 1)]
    for cell, white in enumerate(cells(number)):
        luma[:strip, edges[cell] : edges[cell + 1]] = WHITE if white else BLACK


def read(luma: Luma) -> int | None:
    """The number of a picture, None if it can't be read for sure."""
    height, width = luma.shape
    row = luma[int(height * STRIP / 2)]
    seen = [bool(row[int((cell + 0.5) * width / CELLS)] > (BLACK + WHITE) / 2) for cell in range(CELLS)]
    bits, check = seen[2 : 2 + BITS], seen[2 + BITS : 2 + 2 * BITS]
    if (
        seen[:2] != [True, False]
        or seen[-2:] != [False, True]
        or any(a == b for a, b in zip(bits, check, strict=True))
    ):
        return None
    return sum(bit << place for place, bit in enumerate(reversed(bits)))
