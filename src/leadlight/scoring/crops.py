"""Which parts of a picture a detector looks at: crops at native resolution, the same in training and in use.

What tells generated pictures from captures lies in the finest detail, which scaling removes; so nothing is scaled.
Crops lie at multiples of 8 pixels, so that the grid of JPEG blocks has the same phase in each. They are spread
over the picture; among more places than are wanted, half is taken for evenness and half for texture, and flat or
clipped places come last, as they show neither a sensor nor a generator. All in whole numbers: the same picture
gives the same crops on any machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.raster import Pixels

GRID: Final = 8
"""Pixels a side of a JPEG block: what each offset is a multiple of."""
CHOICE: Final = 4
"""Places that are looked at for each crop wanted."""
MOST: Final = 64
"""Crops that may be asked for of one picture."""
LARGEST: Final = 1024
"""Pixels a side that one crop may have."""
FLAT: Final = 1.0
"""Variance of the steps from pixel to pixel, of 256 levels, below which a place is flat."""
DARKEST, BRIGHTEST = 2, 253
"""Luma at or beyond which a sample is clipped; a place is where more than half of its samples are."""
_STRIDE: Final = 4
Steps = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one crop lies, and what it holds."""

    top: int
    """Pixels from the upper edge of the picture as stored; a multiple of 8."""
    left: int
    texture: float
    """Variance of the steps from pixel to pixel along rows and columns; 0 where all is of one value or a ramp."""
    clipped: float
    """The share of samples that are all but black or all but white, 0 to 1."""

    @property
    def plain(self) -> bool:
        """Whether it is flat or clipped, and so tells next to nothing."""
        return self.texture < FLAT or self.clipped > 0.5


def crops(pixels: Pixels, *, side: int, count: int) -> Pixels:
    """At most `count` crops of shape (n, side, side, 3) of a picture of shape (height, width, 3), RGB, 8 bits.

    The best first (see `places`). n is 0 where the picture is smaller than `side` either way, and less than
    `count` where crops would cover each other by more than half. Raises ValueError for `side` not in 8 to 1024 and
    `count` not in 1 to 64.
    """
    return cut(pixels, places(pixels, side=side, count=count), side=side)


def cut(pixels: Pixels, chosen: tuple[Place, ...], *, side: int) -> Pixels:
    """The crops at these places, of shape (n, side, side, 3)."""
    out = np.empty((len(chosen), side, side, 3), np.uint8)
    for n, at in enumerate(chosen):
        out[n] = pixels[at.top : at.top + side, at.left : at.left + side]
    return out


def places(pixels: Pixels, *, side: int, count: int) -> tuple[Place, ...]:
    """Where the crops lie: first what is neither flat nor clipped, of that what lies evenly, then by texture.

    They do not cover each other where there is room for `count`; else neighbours cover each other by up to half.
    """
    if not (GRID <= side <= LARGEST and 1 <= count <= MOST):
        raise ValueError(f"no crops of {side} pixels a side, or {count} of them")
    height, width = pixels.shape[:2]
    if min(height, width) < side:
        return ()
    rows, columns = (_room(length, side, side) for length in (height, width))
    if rows * columns >= count:
        rows, columns = _shape(CHOICE * count, rows, columns, height / width)
    else:
        rows, columns = (_room(length, side, (side + 1) // 2) for length in (height, width))
        rows, columns = _shape(count, rows, columns, height / width)
    tops, lefts = _offsets(height, side, rows), _offsets(width, side, columns)
    found = [judged(pixels[y : y + side, x : x + side], y, x) for y in tops for x in lefts]
    even = _even(rows, columns, (count + 1) // 2, height / width) if len(found) > count else frozenset()
    order = sorted(range(len(found)), key=lambda n: (found[n].plain, n not in even, -found[n].texture, n))
    return tuple(found[n] for n in order[:count])


def _room(length: int, side: int, apart: int) -> int:
    """Crops that fit along a side of the picture when they begin at least `apart` pixels from each other."""
    return (length - side) // GRID // -(-apart // GRID) + 1


def _shape(wanted: int, rows: int, columns: int, aspect: float) -> tuple[int, int]:
    """Rows and columns of a grid of at most `wanted` places, within those given, near the picture's aspect."""
    down = min(rows, wanted, max(1, round(math.sqrt(wanted * aspect))))
    across = min(columns, max(1, wanted // down))
    return min(rows, wanted // across), across


def _offsets(length: int, side: int, count: int) -> list[int]:
    """Where `count` crops begin along a side: evenly from edge to edge, or in the middle where there is one."""
    last = (length - side) // GRID
    if count == 1:
        return [last // 2 * GRID]
    return [n * last // (count - 1) * GRID for n in range(count)]


def _even(rows: int, columns: int, wanted: int, aspect: float) -> frozenset[int]:
    """The numbers of at most `wanted` places of the grid, evenly spread over it."""
    down, across = _shape(wanted, rows, columns, aspect)
    ys = [(2 * n + 1) * rows // (2 * down) for n in range(down)]
    xs = [(2 * n + 1) * columns // (2 * across) for n in range(across)]
    return frozenset(y * columns + x for y in ys for x in xs)


def judged(patch: Pixels, top: int, left: int) -> Place:
    """What a place holds, by every fourth row and every fourth column of it."""
    along, down = _luma(patch[::_STRIDE]), _luma(patch[:, ::_STRIDE])
    texture = (_variance(along[:, 1:] - along[:, :-1]) + _variance(down[1:] - down[:-1])) / 2
    clipped = int(np.count_nonzero((along <= DARKEST) | (along >= BRIGHTEST))) / along.size
    return Place(top, left, texture, clipped)


def _luma(pixels: Pixels) -> Steps:
    luma = pixels[..., 1].astype(np.int16)
    luma *= 2
    luma += pixels[..., 0]
    luma += pixels[..., 2]
    luma >>= 2
    return luma


def _variance(steps: Steps) -> float:
    """By sums of whole numbers, which a float of 64 bits holds exactly: the same in any order, and everywhere."""
    flat = steps.reshape(-1).astype(np.float64)
    n, total, squares = flat.size, int(flat.sum()), int(flat @ flat)
    return (n * squares - total * total) / (n * n)
