"""Straight lines in a luma plane, how much of it is flat, and samples of a rectangle of it: by the compiled
kernel, where there is one, at a fraction of what NumPy takes.
"""

from __future__ import annotations

from types import ModuleType
from typing import Protocol

import numpy as np

from leadlight.raster import Luma
from leadlight.scaled.kernel import kernel
from leadlight.scaled.plainlines import (
    CLEAR,
    LEVEL,
    LINES,
    QUIET,
    SAME,
    SIDE,
    STEP,
    Peaks,
    PlainLines,
    Rect,
    flat_outside,
)


class Lines(Protocol):
    """A plane of means of squares of a luma plane, and what `PlainLines` says of it, to the same digit."""

    plane: Luma

    def sides(self, rect: Rect, *, across: bool) -> tuple[Peaks, Peaks]:
        """As `PlainLines.sides`."""
        ...

    def flat_outside(self, rect: Rect) -> float:
        """As `PlainLines.flat_outside`."""
        ...

    def plain(self) -> Rect:
        """As `PlainLines.plain`."""
        ...

    def refined(self, rect: Rect) -> tuple[float, float, float, float]:
        """As `PlainLines.refined`."""
        ...

    def sampled(self, edges: tuple[float, float, float, float]) -> Luma:
        """As `PlainLines.sampled`."""
        ...


def lines(luma: Luma, by: int) -> Lines:
    """Of means of squares of `by` by `by` values of `luma`, which has `by` or more a side, and at most 65,535
    squares.
    """
    compiled = kernel()
    return PlainLines(luma, by) if compiled is None else _CompiledLines(compiled, luma, by)


class _CompiledLines:
    """Takes some 7 times the bytes of the plane."""

    def __init__(self, compiled: ModuleType, luma: Luma, by: int) -> None:
        self._compiled = compiled
        height, width = luma.shape
        high, wide = height // by, width // by
        self.plane = np.empty((high, wide), dtype=np.float32)
        self._across = np.empty((wide, high), dtype=np.float32)
        given = np.ascontiguousarray(luma, dtype=np.float32)
        compiled.coarse(given, height, width, by, self.plane, self._across)
        # rows end bars where marks are counted along them, so the strips of rows are columns, and the other way
        self._rows = np.empty((wide + 1, 2, high), dtype=np.uint16)
        self._columns = np.empty((high + 1, 2, wide), dtype=np.uint16)
        compiled.lines(self._across, wide, high, STEP, QUIET, self._rows)
        compiled.lines(self.plane, high, wide, STEP, QUIET, self._columns)
        self._flat = np.empty((high + 1, wide + 1), dtype=np.float32)
        compiled.flat(self.plane, high, wide, QUIET, self._flat)

    def sides(self, rect: Rect, *, across: bool) -> tuple[Peaks, Peaks]:
        high, wide = self.plane.shape
        top, bottom, left, right = rect
        strips, inside = (
            ((self._columns, high, wide), (left, right, top, bottom))
            if across
            else ((self._rows, wide, high), rect)
        )
        upper, lower = (self._compiled.peaks(*strips, *inside, back, LINES, CLEAR) for back in (False, True))
        return upper, lower

    def flat_outside(self, rect: Rect) -> float:
        return flat_outside(self._flat, rect)

    def plain(self) -> Rect:
        high, wide = self.plane.shape
        top, bottom, left, right = (
            self._compiled.alike(*plane, length - length // 2 if back else length // 2, back, LEVEL, SAME)
            for plane, length in (((self.plane, high, wide), high), ((self._across, wide, high), wide))
            for back in (False, True)
        )
        return top, high - bottom, left, wide - right

    def refined(self, rect: Rect) -> tuple[float, float, float, float]:
        top, bottom, left, right = rect
        high, wide = self.plane.shape
        rows = self._ends((self.plane, high, wide), (top, bottom), (left, right))
        return (*rows, *self._ends((self._across, wide, high), (left, right), (top, bottom)))

    def _ends(
        self, plane: tuple[Luma, int, int], ends: tuple[int, int], along: tuple[int, int]
    ) -> tuple[float, float]:
        (start, end), last = ends, plane[1] - 1
        first, until = float(start), float(end)
        if 0 < start < last:
            first = start + 1 - self._compiled.share(*plane, start, 1, *along, STEP)
        if 0 < end < last:
            until = end + self._compiled.share(*plane, end, -1, *along, STEP)
        return first, until

    def sampled(self, edges: tuple[float, float, float, float]) -> Luma:
        samples = np.empty((SIDE, SIDE), dtype=np.float32)
        self._compiled.tents(self.plane, *self.plane.shape, *edges, samples)
        return samples
