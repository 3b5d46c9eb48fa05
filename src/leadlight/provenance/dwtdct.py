"""Reading the open 'dwtDct' watermark, as early open generators write it into their pictures.

The scheme is that of the package invisible-watermark (MIT), method 'dwtDct': in the chroma plane U, halved by a
Haar wavelet, each square of 4 by 4 values carries one bit. Its greatest value but the first is moved to a quarter
or three quarters of a step of 36, for 0 or 1; the squares carry the bits of the mark over and over, row by row.

The package's own decoder takes each square's half of the step and lets the majority decide. That fails on most
photographs, because a value that was lowered is not the greatest any more. So here each square is scored by how
near its greatest value lies to one of the two places, and a bit is 1 where its squares score above the mean of all
bits. On unmarked pictures that is as good as tossing coins; measured figures are in docs/watermarks.md.

Two things differ between programs. Some hand over planes of bytes, where U lies about 128; others planes of
fractions, where it lies about 0 and its sign is dropped. And some hand over red and blue in each other's place.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb, floor
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.raster import Pixels

STEP: Final = 36
SIDE: Final = 8
"""Pixels a side of one square, before the wavelet."""
LEAST_PIXELS: Final = 256 * 256
"""The package marks nothing smaller."""
MOST_SQUARES: Final = 65_536
"""Squares read of one picture, in rows spread evenly: 4 megapixels."""
_ROWS: Final = 32
"""Rows of squares worked on at a time."""
_REACH: Final = 5.0
"""How far from a place a value still scores: rounding and JPEG move values by a few."""
_HALVED: Final = 0.492 / 2
"""U = 0.492 (B - Y), and the wavelet's mean of four values doubles it: half the sum of four."""
_LUMA: Final = (0.299, 0.587, 0.114)

Scores = npt.NDArray[np.float64]
Way = tuple[str, str]
"""The order of colours as the writer took it ('BGR', as the package asks, or 'RGB'); 'bytes' or 'fractions'."""


def ways(pixels: Pixels) -> Iterator[tuple[Way, npt.NDArray[np.int64], Scores]]:
    """For each way of writing: the numbers of the squares, and how much each speaks for 1, from -1 to 1.

    `pixels` has the shape (height, width, 3), RGB. Nothing where the picture is too small to be marked.
    """
    height, width = pixels.shape[:2]
    down, across = height // SIDE, width // SIDE
    if height * width < LEAST_PIXELS or not down or not across:
        return
    each = max(1, -(-down * across // MOST_SQUARES))
    rows = np.arange(0, down, each)
    numbers = (rows[:, None] * across + np.arange(across)).reshape(-1)
    for order, least, most in _extremes(pixels[: down * SIDE, : across * SIDE], each):
        for way, values in (
            ("bytes", most + 2 * 128.0),
            ("fractions", np.maximum(most + 1.0, -(least + 1.0))),
        ):
            yield (order, way), numbers, _scored(np.mod(values, STEP))


def read_bits(numbers: npt.NDArray[np.int64], scores: Scores, length: int) -> npt.NDArray[np.bool_]:
    """The bits of a mark of `length` bits, as the squares tell them."""
    at = numbers % length
    counts = np.maximum(np.bincount(at, minlength=length), 1)
    means = np.bincount(at, weights=scores, minlength=length) / counts
    return np.asarray(means > means.mean(), dtype=np.bool_)


def chance(length: int, agreeing: int) -> float:
    """How probable it is that at least so many of `length` bits agree by tossing coins."""
    return float(sum(comb(length, k) for k in range(agreeing, length + 1)) / 2**length)


def least_agreeing(length: int, chance_at_most: float) -> int:
    """The fewest agreeing bits that chance gives at most so often; `length` + 1 where none do."""
    tail = 0
    for k in range(length, floor(length / 2), -1):
        tail += comb(length, k)
        if tail / 2**length > chance_at_most:
            return k + 1
    return floor(length / 2) + 1


def _extremes(pixels: Pixels, each: int) -> Iterator[tuple[str, npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """For each order of colours, the least and the greatest value of each square, the first value left out.

    Of every `each`-th row of squares; `pixels` has whole squares only.
    """
    height, width = pixels.shape[:2]
    squares = pixels.reshape(height // SIDE, SIDE, width, 3)[::each]
    found: dict[str, list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]] = {"BGR": [], "RGB": []}
    for start in range(0, len(squares), _ROWS):
        part = squares[start : start + _ROWS].reshape(-1, width, 3)
        red, green, blue = (_summed(part[..., n]) for n in range(3))
        for order, first, last in (("BGR", blue, red), ("RGB", red, blue)):
            plane = first * np.float32(_HALVED * (1 - _LUMA[2]))
            plane -= green * np.float32(_HALVED * _LUMA[1])
            plane -= last * np.float32(_HALVED * _LUMA[0])
            values = plane.reshape(-1, SIDE // 2, width // 2)
            values[:, 0, 0 :: SIDE // 2] = values[:, 0, 1 :: SIDE // 2]
            found[order].append((_folded(np.minimum, values), _folded(np.maximum, values)))
    for order, parts in found.items():
        yield order, np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def _summed(samples: Pixels) -> npt.NDArray[np.float32]:
    """Sums of two by two."""
    pairs = samples[0::2].astype(np.uint16)
    pairs += samples[1::2]
    return np.asarray(pairs[:, 0::2] + pairs[:, 1::2], dtype=np.float32)


def _folded(least: np.ufunc, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The least or greatest of each square, row by row."""
    columns = least(least(values[:, 0], values[:, 1]), least(values[:, 2], values[:, 3]))
    ends = least(least(columns[:, 0::4], columns[:, 1::4]), least(columns[:, 2::4], columns[:, 3::4]))
    return np.asarray(ends.reshape(-1), dtype=np.float32)


def _scored(phases: npt.NDArray[np.float32]) -> Scores:
    ones, noughts = ((phases - STEP * q) / _REACH for q in (0.75, 0.25))
    return np.asarray(np.exp(-(ones**2)) - np.exp(-(noughts**2)), dtype=np.float64)
