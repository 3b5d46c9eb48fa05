"""PDQ of the picture within the picture: what is left when bars, captions or a screenshot's frame are cut away.

A list holds the hash of a whole picture, and a bar added to it changes half of the bits. Bars end in a straight
line of their whole length with quiet rows before it. Such lines are looked for along rows and columns of the luma
of the decode that is made anyway, in turn within what the lines before them leave (as the XY-cut of page layout:
Nagy and Seth, 'Hierarchical Representation of Optically Scanned Documents', ICPR 1984). A few rectangles are
hashed, the clearest first. Text, logos and whatever else lies over a picture leave most bits of its whole hash as
they are: `match.edited` knows how many.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.chart import chart_pixels, png
from leadlight.content import Content, Reduced
from leadlight.fingerprint.ordered import SIDE
from leadlight.fingerprint.pdq import hashed
from leadlight.records import Finding, Item, finding
from leadlight.seams import Cost, Example, Known

Plane = npt.NDArray[np.float32]
Rect = tuple[int, int, int, int]
"""Rows and columns of a plane: top, bottom, left, right; the last ones not in it."""

MOST: Final = 6
"""Hashes of one content: each is one more chance to meet a stranger."""
PRINT: Final = "pdq.region"
LEAST_QUALITY: Final = 50
"""PDQ quality below which a rectangle is too flat to be worth a hash."""
BAR, BARS, INNER = "bar", "bars", "inner"
"""Cut away: one side, two opposite ones, or another choice of sides."""
_FINE: Final = 220
"""Samples on the shorter side that lines are looked for on, about."""
_LONG: Final = 8
"""Times the shorter side that the longer may be."""
_SMALL: Final = 48
_STEP: Final = 5.0
"""Levels of luma by which two rows differ where a line runs between them."""
_QUIET: Final = 3.0
"""Levels by which two rows of a bar may differ, after JPEG compression."""
_LINES: Final = 3
_CLEAR: Final = 0.2
"""Share of the length, less for unquiet rows outside, from which on a line counts."""
_NO_LINE: Final = 0.25
"""What a side counts where nothing is cut away: less than a clear line."""
_GUESS: Final = 0.1
"""What a bar counts less that is only taken to be as wide as the one across."""
_APART: Final = 0.97
"""Overlap (intersection over union) from which on two rectangles are the same."""
_ROWS: Final = 0.12
"""Share of the height and of the width that a rectangle must keep."""


@dataclass(frozen=True, slots=True)
class Region:
    """One rectangle of the picture and its hash."""

    way: str
    """BAR, BARS or INNER."""
    rect: tuple[int, int, int, int]
    """Left, top, width and height in pixels as stored."""
    value: bytes
    quality: int


def regions(reduced: Reduced) -> list[Region]:
    """At most MOST rectangles within the picture that may be a picture of their own, the clearest first."""
    plane, step = _working(reduced)
    height, width = plane.shape
    if min(height, width) < _SMALL or max(height, width) > _LONG * min(height, width):
        return []
    found: list[Region] = []
    for rect in _rectangles(plane):
        top, bottom, left, right = edges = _refined(plane, rect)
        value, quality = hashed(sampled(plane, edges))
        if quality >= LEAST_QUALITY and all(value != f.value for f in found):
            x, y = round(left * step), round(top * step)
            ends = min(round(right * step), reduced.width), min(round(bottom * step), reduced.height)
            found.append(Region(_way(rect, plane.shape), (x, y, ends[0] - x, ends[1] - y), value, quality))
    return found


def sampled(plane: Plane, edges: tuple[float, float, float, float]) -> Plane:
    """PDQ's 64 by 64 samples of a rectangle (top, bottom, left, right, in parts of samples) of a luma plane.

    The reference's two box filters are, for large pictures, a tent over a 64th of a side.
    """
    top, left = math.floor(edges[0]), math.floor(edges[2])
    part = plane[top : math.ceil(edges[1]), left : math.ceil(edges[3])]
    rows = _tents(part.shape[0], edges[0] - top, edges[1] - top)
    columns = _tents(part.shape[1], edges[2] - left, edges[3] - left)
    return np.asarray(rows @ part @ columns.T, dtype=np.float32)


def _tents(length: int, low: float, high: float) -> Plane:
    """Weights of `length` values in 64 samples that lie evenly between `low` and `high`."""
    half = (high - low) / SIDE / 2
    middles = low + (2 * np.arange(SIDE) + 1) * half
    at = np.clip((np.arange(length + 1)[None, :] - middles[:, None]) / half, -1, 1)
    weights = np.diff(np.where(at < 0, (1 + at) ** 2 / 2, 1 - (1 - at) ** 2 / 2), axis=1)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _working(reduced: Reduced) -> tuple[Plane, int]:
    """A coarser plane, and how many pixels a side one of its values stands for."""
    luma = reduced.luma
    height, width = luma.shape
    by = max(1, round(min(height, width) / _FINE))
    high, wide = height // by, width // by
    if by == 1:
        return luma, reduced.step
    rows = np.add.reduce([luma[n : high * by : by] for n in range(by)])
    plane = np.add.reduce([rows[:, n : wide * by : by] for n in range(by)])
    return np.asarray(plane / np.float32(by * by), dtype=np.float32), by * reduced.step


class _Lines:
    """Where neighbouring rows differ and where they hardly do, summed along the rows."""

    def __init__(self, plane: Plane) -> None:
        change = np.abs(plane[2:] - plane[:-2])
        self._step, self._quiet = _along(change > _STEP), _along(change <= _QUIET)

    def sides(self, rect: Rect) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """Rows at which the rectangle's upper and its lower part may be cut away, with their clearness, 0 to 1."""
        top, bottom, left, right = rect
        if bottom - top < _SMALL // 2:
            return [], []
        step, quiet = (
            (m[top:bottom, right] - m[top:bottom, left]) / np.float32(right - left)
            for m in (self._step, self._quiet)
        )
        upper = _peaks(_clearness(step, quiet))
        lower = _peaks(_clearness(step[::-1], quiet[::-1]))
        return [(top + at, c) for at, c in upper], [(bottom - 1 - at, c) for at, c in lower]


def _along(marks: npt.NDArray[np.bool_]) -> Plane:
    sums = np.zeros((marks.shape[0] + 2, marks.shape[1] + 1), dtype=np.float32)
    np.cumsum(marks, axis=1, out=sums[1:-1, 1:])
    return sums


def _clearness(step: Plane, quiet: Plane) -> Plane:
    """For each row how clearly a bar above it ends there."""
    clear = np.zeros_like(step)
    before = np.minimum(quiet[:-3], np.concatenate((quiet[:1], quiet[:-4])))
    clear[3:] = step[3:] * before * before
    clear[len(clear) * 3 // 4 :] = 0
    return clear


def _peaks(clear: Plane) -> list[tuple[int, float]]:
    found = []
    for _ in range(_LINES):
        at = int(clear.argmax())
        value = float(clear[at])
        if value < _CLEAR:
            break
        found.append((at, value))
        clear[max(0, at - 3) : at + 4] = 0
    return found


def _spans(rect: Rect, across: bool, lines: _Lines, mirrors: bool) -> list[tuple[float, int, int]]:
    """Clearness, start and end of what may be left of an axis, the clearest first."""
    top, bottom, left, right = rect
    low, high = (left, right) if across else (top, bottom)
    starts, ends = lines.sides((left, right, top, bottom) if across else rect)
    found: dict[tuple[int, int], float] = {}
    for start, a in ((low, _NO_LINE), *starts):
        for end, b in ((high, _NO_LINE), *ends):
            found[start, end] = a + b
    if mirrors:  # where the other bar runs into the picture without a line: bars are mostly alike
        for (start, end), clear in (
            *(((at, low + high - at), c) for at, c in starts[:1]),
            *(((low + high - at, at), c) for at, c in ends[:1]),
        ):
            found[start, end] = max(found.get((start, end), 0.0), clear + _NO_LINE - _GUESS)
    return sorted(((c, s, e) for (s, e), c in found.items() if e > s), key=lambda f: (-f[0], f[1], f[2]))


def _rectangles(plane: Plane) -> list[Rect]:
    """At most MOST rectangles, of the first cuts and of cuts within them."""
    height, width = plane.shape
    whole: Rect = (0, height, 0, width)
    lines = _Lines(plane), _Lines(np.ascontiguousarray(plane.T))
    flat = _flatness(plane)
    levels: list[dict[Rect, float]] = [{}, {}, {}]

    def cut(rect: Rect, across: bool, depth: int, clear: float) -> None:
        least = _ROWS * (width if across else height)
        for own, start, end in _spans(rect, across, lines[across], not depth)[:4]:
            if end - start < least:
                continue
            inner: Rect = (rect[0], rect[1], start, end) if across else (start, end, rect[2], rect[3])
            total = clear + own
            if inner not in (rect, whole) and not any(inner in level for level in levels[:depth]):
                value = total / (depth + 1) * _flat_outside(flat, inner)
                levels[depth][inner] = max(levels[depth].get(inner, 0.0), value)
            if depth < 2:
                cut(inner, not across, depth + 1, total)

    cut(whole, False, 0, 0.0)
    cut(whole, True, 0, 0.0)
    plain = _plain(plane)
    if plain != whole and plain[1] - plain[0] >= _ROWS * height and plain[3] - plain[2] >= _ROWS * width:
        levels[0][plain] = max(levels[0].get(plain, 0.0), 0.9)
    deeper = {**levels[2], **levels[1]}
    chosen: list[Rect] = []
    for level, most in ((levels[0], 3), (deeper, MOST - 3), ({**deeper, **levels[0]}, MOST)):
        taken = 0
        for rect in sorted(level, key=lambda r: (-level[r], r)):
            if taken == most or len(chosen) == MOST:
                break
            if all(_overlap(rect, c) < _APART for c in chosen):
                chosen.append(rect)
                taken += 1
    return chosen


def _plain(plane: Plane) -> Rect:
    """What is left when rows and columns of the colour of the outermost are cut away."""
    height, width = plane.shape

    def alike(rows: Plane) -> int:
        same = (np.abs(rows - np.median(rows[0])) <= 2 * _STEP).mean(axis=1) >= 0.985
        return 0 if same.all() else int(same.argmin())

    middle, centre = height // 2, width // 2
    across = plane.T
    return (
        *(alike(plane[:middle]), height - alike(plane[: middle - 1 : -1])),
        *(alike(across[:centre]), width - alike(across[: centre - 1 : -1])),
    )


def _flatness(plane: Plane) -> Plane:
    """How many values above and left of each hardly differ from their neighbours."""
    flat = np.abs(np.diff(plane, axis=1))[:-1] <= _QUIET
    flat &= np.abs(np.diff(plane, axis=0))[:, :-1] <= _QUIET
    sums = np.zeros((plane.shape[0] + 1, plane.shape[1] + 1), dtype=np.float32)
    sums[1:-1, 1:-1] = flat.cumsum(axis=0, dtype=np.float32).cumsum(axis=1)
    sums[-1], sums[:, -1] = sums[-2], sums[:, -2]
    return sums


def _flat_outside(sums: Plane, rect: Rect) -> float:
    """The share of what is cut away that is flat: most of a bar is, whatever is written on it."""
    top, bottom, left, right = rect
    inside = float(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])
    area = (sums.shape[0] - 1) * (sums.shape[1] - 1) - (bottom - top) * (right - left)
    return (float(sums[-1, -1]) - inside) / max(1.0, float(area))


def _overlap(one: Rect, other: Rect) -> float:
    high = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    wide = max(0, min(one[3], other[3]) - max(one[2], other[2]))
    areas = [(r[1] - r[0]) * (r[3] - r[2]) for r in (one, other)]
    return float(high * wide / (sum(areas) - high * wide))


def _refined(plane: Plane, rect: Rect) -> tuple[float, float, float, float]:
    """The edges in parts of a sample: the row of a line is mixed of bar and picture."""
    top, bottom, left, right = rect
    rows, columns = plane[:, left:right], plane[top:bottom].T
    return (*_ends(rows, top, bottom), *_ends(columns, left, right))


def _ends(rows: Plane, start: int, end: int) -> tuple[float, float]:
    last = len(rows) - 1
    first = start + 1 - _share(rows, start, 1) if 0 < start < last else float(start)
    return first, end + _share(rows, end, -1) if 0 < end < last else float(end)


def _share(rows: Plane, at: int, inwards: int) -> float:
    """How much of a row belongs to the picture on its inner side, 0 to 1."""
    outer, inner = rows[at - inwards], rows[at + inwards]
    change = inner - outer
    told = np.abs(change) > _STEP
    if not told.any():
        return 0.5
    return float(np.clip(np.median((rows[at] - outer)[told] / change[told]), 0, 1))


def _way(rect: Rect, shape: tuple[int, ...]) -> str:
    top, bottom, left, right = rect
    cut = (top > 0, bottom < shape[0], left > 0, right < shape[1])
    if sum(cut) == 1:
        return BAR
    return BARS if cut in ((True, True, False, False), (False, False, True, True)) else INNER


class Regions:
    """PDQ of rectangles within a picture that look like a picture in bars, under a caption or in a screenshot."""

    name = "fingerprint.regions"
    version = "1"
    extra = None
    requires: tuple[str, ...] = ()
    needs = frozenset({finding.PICTURE})
    gives = frozenset({finding.REGIONS})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        found = regions(content.reduced())
        if not found:
            return
        prints = [
            {
                "algorithm": PRINT,
                "value": r.value.hex(),
                "quality": r.quality,
                "way": r.way,
                "rectangle": list(r.rect),
            }
            for r in found
        ]
        many = "One rectangle" if len(found) == 1 else f"{len(found)} rectangles"
        yield Finding(
            self.name,
            self.version,
            finding.REGIONS,
            f"{many} within the picture, hashed apart: what is left when bars or a frame are cut away.",
            {"prints": prints, "exact": False},
        )

    def examples(self) -> tuple[Example, ...]:
        return (
            Example("bars above and below", _barred, (finding.REGIONS,), {"exact": False}),
            Example("text", lambda: b"A plain line of text.\n", ()),
        )


def _barred() -> bytes:
    pixels = np.zeros((400, 400, 3), dtype=np.uint8)
    pixels[60:340] = chart_pixels(400, 280, 3)
    return png(pixels)


PLUGIN = Regions()
