"""Straight lines in a luma plane, how much of it is flat, and samples of a rectangle of it, in NumPy.

What the compiled kernel does is the same to the last digit: marks are counted, and floats are summed in one stated
order, so that a picture has the same hashes on every machine.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.raster import Luma

Rect = tuple[int, int, int, int]
"""Rows and columns of a plane: top, bottom, left, right; the last ones not in it."""
Peaks = list[tuple[int, float]]
"""Rows or columns at which a bar may end, each with its clearness, 0 to 1."""

SIDE: Final = 64
STEP: Final = 5.0
"""Levels of luma by which two rows differ where a line runs between them."""
QUIET: Final = 3.0
"""Levels by which two rows of a bar may differ, after JPEG compression."""
LINES: Final = 3
CLEAR: Final = 0.2
"""Share of the length, less for unquiet rows outside, from which on a line counts."""
LEVEL: Final = 2 * STEP
SAME: Final = 0.985
"""Share of a row that must lie within LEVEL of a colour for the row to be of that colour."""


class PlainLines:
    """A plane of means of squares of `by` by `by` values of a luma plane; what is left over at its ends is
    not in it.

    Takes some 17 times the bytes of the plane.
    """

    def __init__(self, luma: Luma, by: int) -> None:
        self.plane = _coarse(luma, by)
        self._across = self.plane.T
        self._rows, self._columns = _Marks(self.plane), _Marks(np.ascontiguousarray(self._across))
        self._flat = _flatness(self.plane)

    def sides(self, rect: Rect, *, across: bool) -> tuple[Peaks, Peaks]:
        """Rows (columns, with `across`) at which the rectangle's first and its last part may be cut away."""
        top, bottom, left, right = rect
        return self._columns.sides((left, right, top, bottom)) if across else self._rows.sides(rect)

    def flat_outside(self, rect: Rect) -> float:
        """The share of what is cut away that is flat: most of a bar is, whatever is written on it."""
        return flat_outside(self._flat, rect)

    def plain(self) -> Rect:
        """What is left when rows and columns of the colour of the outermost are cut away."""
        height, width = self.plane.shape
        middle, centre = height // 2, width // 2
        return (
            *(_alike(self.plane[:middle]), height - _alike(self.plane[: middle - 1 : -1])),
            *(_alike(self._across[:centre]), width - _alike(self._across[: centre - 1 : -1])),
        )

    def refined(self, rect: Rect) -> tuple[float, float, float, float]:
        """The edges in parts of a value: the row of a line is mixed of bar and picture."""
        top, bottom, left, right = rect
        return (
            *_ends(self.plane[:, left:right], top, bottom),
            *_ends(self._across[:, top:bottom], left, right),
        )

    def sampled(self, edges: tuple[float, float, float, float]) -> Luma:
        """PDQ's 64 by 64 samples of a rectangle (top, bottom, left, right, in parts of values, 0.001 a side or
        more).

        The reference's two box filters are, for large pictures, a tent over a 64th of a side.
        """
        rows, columns = tents(len(self.plane), *edges[:2]), tents(len(self._across), *edges[2:])
        return _weighed(_weighed(self.plane, *rows).T, *columns).T


def tents(length: int, low: float, high: float) -> tuple[npt.NDArray[np.intp], Luma]:
    """Of which of `length` values the 64 samples that lie evenly between `low` and `high` are, and their weights:
    both of shape (64, n).
    """
    half = (high - low) / SIDE / 2
    middles = low + (2 * np.arange(SIDE) + 1) * half
    first = np.clip(np.floor(middles - half), 0, length - 1).astype(np.intp)
    places = first[:, None] + np.arange(int(2 * half) + 3)
    at = np.clip((np.minimum(places, length) - middles[:, None]) / half, -1, 1)
    shares = np.diff(np.where(at < 0, (1 + at) * (1 + at) / 2, 1 - (1 - at) * (1 - at) / 2), axis=1)
    totals = np.add.accumulate(shares, axis=1)[:, -1:]
    return np.minimum(places[:, :-1], length - 1), np.asarray(shares / totals, dtype=np.float32)


def _weighed(values: Luma, places: npt.NDArray[np.intp], weights: Luma) -> Luma:
    """Rows of `values`, each a sum of those at `places`, in order."""
    sums = np.zeros((SIDE, values.shape[1]), dtype=np.float32)
    for n in range(places.shape[1]):
        sums += weights[:, n, None] * values[places[:, n]]
    return sums


def _coarse(luma: Luma, by: int) -> Luma:
    height, width = luma.shape
    high, wide = height // by, width // by
    rows = luma[: high * by : by].astype(np.float32)
    for n in range(1, by):
        rows += luma[n : high * by : by]
    plane = rows[:, : wide * by : by].copy()
    for n in range(1, by):
        plane += rows[:, n : wide * by : by]
    return np.asarray(plane / np.float32(by * by), dtype=np.float32)


class _Marks:
    """Where neighbouring rows differ and where they hardly do, summed along the rows."""

    def __init__(self, plane: Luma) -> None:
        change = np.abs(plane[2:] - plane[:-2])
        self._step, self._quiet = _along(change > STEP, plane.shape), _along(change <= QUIET, plane.shape)

    def sides(self, rect: Rect) -> tuple[Peaks, Peaks]:
        top, bottom, left, right = rect
        step, quiet = (
            (m[top:bottom, right] - m[top:bottom, left]) / np.float32(right - left)
            for m in (self._step, self._quiet)
        )
        upper = _peaks(_clearness(step, quiet))
        lower = _peaks(_clearness(step[::-1], quiet[::-1]))
        return [(top + at, c) for at, c in upper], [(bottom - 1 - at, c) for at, c in lower]


def _along(marks: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> Luma:
    sums = np.zeros((shape[0], shape[1] + 1), dtype=np.float32)
    if marks.size:
        np.cumsum(marks, axis=1, out=sums[1:-1, 1:])
    return sums


def _clearness(step: Luma, quiet: Luma) -> Luma:
    """For each row how clearly a bar above it ends there."""
    clear = np.zeros_like(step)
    before = np.minimum(quiet[:-3], np.concatenate((quiet[:1], quiet[:-4])))
    clear[3:] = step[3:] * before * before
    clear[len(clear) * 3 // 4 :] = 0
    return clear


def _peaks(clear: Luma) -> Peaks:
    found = []
    for _ in range(LINES):
        at = int(clear.argmax())
        value = float(clear[at])
        if value < CLEAR:
            break
        found.append((at, value))
        clear[max(0, at - 3) : at + 4] = 0
    return found


def _alike(rows: Luma) -> int:
    if not rows.size:
        return 0
    same = (np.abs(rows - np.median(rows[0])) <= LEVEL).mean(axis=1) >= SAME
    return 0 if same.all() else int(same.argmin())


def _flatness(plane: Luma) -> Luma:
    """How many values above and left of each hardly differ from their neighbours."""
    flat = np.abs(np.diff(plane, axis=1))[:-1] <= QUIET
    flat &= np.abs(np.diff(plane, axis=0))[:, :-1] <= QUIET
    sums = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1), dtype=np.float32)
    sums[1:-1, 1:-1] = flat.cumsum(axis=0, dtype=np.float32).cumsum(axis=1)
    sums[-1], sums[:, -1] = sums[-2], sums[:, -2]
    return sums


def flat_outside(sums: Luma, rect: Rect) -> float:
    """Of sums over a plane, and a rectangle of it, the share outside."""
    top, bottom, left, right = rect
    inside = float(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])
    area = (sums.shape[0] - 1) * (sums.shape[1] - 1) - (bottom - top) * (right - left)
    return (float(sums[-1, -1]) - inside) / max(1.0, float(area))


def _ends(rows: Luma, start: int, end: int) -> tuple[float, float]:
    last = len(rows) - 1
    first = start + 1 - _share(rows, start, 1) if 0 < start < last else float(start)
    return first, end + _share(rows, end, -1) if 0 < end < last else float(end)


def _share(rows: Luma, at: int, inwards: int) -> float:
    """How much of a row belongs to the picture on its inner side, 0 to 1."""
    outer, inner = rows[at - inwards], rows[at + inwards]
    change = inner - outer
    told = np.abs(change) > STEP
    if not told.any():
        return 0.5
    return float(np.clip(np.median((rows[at] - outer)[told] / change[told]), 0, 1))
