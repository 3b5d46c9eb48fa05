"""PDQ of the picture within the picture: what is left when bars, captions or a screenshot's frame are cut away.

A list holds the hash of a whole picture, and a bar added to it changes half of the bits. Bars end in a straight
line of their whole length with quiet rows before it. Such lines are looked for along rows and columns of the luma
of the decode that is made anyway, in turn within what the lines before them leave (as the XY-cut of page layout:
Nagy and Seth, 'Hierarchical Representation of Optically Scanned Documents', ICPR 1984). A few rectangles are
hashed, the clearest first. Text, logos and whatever else lies over a picture leave most bits of its whole hash as
they are: `match.edited` knows how many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from leadlight.chart import chart_pixels, png
from leadlight.content import Content, Reduced
from leadlight.fingerprint.pdq import hashed
from leadlight.records import Finding, Item, finding
from leadlight.scaled import Lines, lines
from leadlight.scaled.plainlines import Rect
from leadlight.seams import Cost, Example, Known

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
    shorter, longer = sorted(reduced.luma.shape)
    by = max(1, round(shorter / _FINE))
    if shorter // by < _SMALL or longer // by > _LONG * (shorter // by):
        return []
    step = by * reduced.step
    seen = lines(reduced.luma, by)
    found: list[Region] = []
    for rect in _rectangles(seen):
        top, bottom, left, right = edges = seen.refined(rect)
        value, quality = hashed(seen.sampled(edges))
        if quality >= LEAST_QUALITY and all(value != f.value for f in found):
            x, y = round(left * step), round(top * step)
            ends = min(round(right * step), reduced.width), min(round(bottom * step), reduced.height)
            found.append(Region(_way(rect, seen.plane.shape), (x, y, ends[0] - x, ends[1] - y), value, quality))
    return found


def _spans(rect: Rect, across: bool, seen: Lines, mirrors: bool) -> list[tuple[float, int, int]]:
    """Clearness, start and end of what may be left of an axis, the clearest first."""
    top, bottom, left, right = rect
    low, high = (left, right) if across else (top, bottom)
    starts, ends = seen.sides(rect, across=across) if high - low >= _SMALL // 2 else ([], [])
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


def _rectangles(seen: Lines) -> list[Rect]:
    """At most MOST rectangles, of the first cuts and of cuts within them."""
    height, width = seen.plane.shape
    whole: Rect = (0, height, 0, width)
    levels: list[dict[Rect, float]] = [{}, {}, {}]

    def cut(rect: Rect, across: bool, depth: int, clear: float) -> None:
        least = _ROWS * (width if across else height)
        for own, start, end in _spans(rect, across, seen, not depth)[:4]:
            if end - start < least:
                continue
            inner: Rect = (rect[0], rect[1], start, end) if across else (start, end, rect[2], rect[3])
            total = clear + own
            if inner not in (rect, whole) and not any(inner in level for level in levels[:depth]):
                value = total / (depth + 1) * seen.flat_outside(inner)
                levels[depth][inner] = max(levels[depth].get(inner, 0.0), value)
            if depth < 2:
                cut(inner, not across, depth + 1, total)

    cut(whole, False, 0, 0.0)
    cut(whole, True, 0, 0.0)
    plain = seen.plain()
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


def _overlap(one: Rect, other: Rect) -> float:
    high = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    wide = max(0, min(one[3], other[3]) - max(one[2], other[2]))
    areas = [(r[1] - r[0]) * (r[3] - r[2]) for r in (one, other)]
    return float(high * wide / (sum(areas) - high * wide))


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
