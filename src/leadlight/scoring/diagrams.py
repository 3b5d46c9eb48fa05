"""Diagrams as SVG files, drawn by own code: no script, no outside font, the same bytes for the same figures.

Each stands alone on white, with a title and a description for those who can't see it, and its figures stand in a
table beside it. Lines are told apart by their dashes and their names, never by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Point = tuple[float, float]

DASHES: Final = ("", "7 4", "2 4", "10 3 2 3")
_INKS: Final = ("#14467c", "#a33b00", "#555555", "#2d6a2d")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 680, 440, 64, 16, 40, 84
_ROW: Final = 22
_STYLE: Final = (
    "<style>text{font:13px sans-serif;fill:#222}.t{font-size:15px;font-weight:bold}.s{font-size:11px}"
    ".e{text-anchor:end}.m{text-anchor:middle}.g{stroke:#ddd;stroke-width:1}.a{stroke:#333;stroke-width:1}</style>"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what it shows, and from where to where."""

    label: str
    low: float
    high: float

    def ticks(self) -> list[float]:
        """Round figures within it, five to ten of them."""
        step = 10 ** math.floor(math.log10((self.high - self.low) / 5))
        step *= next(n for n in (1, 2, 5, 10) if (self.high - self.low) / (step * n) <= 10)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one cloud of dots."""

    name: str
    points: Sequence[Point]
    steps: bool = False
    """Level from each point to the next, then down or up."""
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One figure with its interval."""

    name: str
    value: float
    interval: tuple[float, float] | None = None


def lines(title: str, description: str, x: Axis, y: Axis, series: Sequence[Series]) -> str:
    """A diagram of lines and dots. What lies beyond an axis is drawn at its edge."""
    parts = [_open(title, description, _HEIGHT)]
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(point: Point) -> Point:
        across = (_within(point[0], x) - x.low) / (x.high - x.low)
        up = (_within(point[1], y) - y.low) / (y.high - y.low)
        return _LEFT + across * wide, _TOP + (1 - up) * tall

    for tick in x.ticks():
        place, _ = at((tick, y.low))
        parts.append(f'<line class="g" x1="{place:.1f}" x2="{place:.1f}" y1="{_TOP}" y2="{_TOP + tall}"/>')
        parts.append(f'<text class="s m" x="{place:.1f}" y="{_TOP + tall + 16}">{_figure(tick)}</text>')
    for tick in y.ticks():
        _, place = at((x.low, tick))
        parts.append(f'<line class="g" x1="{_LEFT}" x2="{_LEFT + wide}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text class="s e" x="{_LEFT - 6}" y="{place + 4:.1f}">{_figure(tick)}</text>')
    parts.append(f'<rect class="a" fill="none" x="{_LEFT}" y="{_TOP}" width="{wide}" height="{tall}"/>')
    parts.append(f'<text class="m" x="{_LEFT + wide / 2:.1f}" y="{_TOP + tall + 36}">{escape(x.label)}</text>')
    middle = _TOP + tall / 2
    parts.append(
        f'<text class="m" x="16" y="{middle:.1f}" transform="rotate(-90 16 {middle:.1f})">{escape(y.label)}</text>'
    )
    for number, one in enumerate(series):
        parts += _series(one, number, [at(p) for p in one.points])
    for number, one in enumerate(series):
        parts += _legend(one, number, _LEFT + number * wide / max(1, len(series)))
    return "\n".join([*parts, "</svg>"]) + "\n"


def intervals(title: str, description: str, x: Axis, rows: Sequence[Row]) -> str:
    """A row for each figure: a dot, and a bar from end to end of its interval."""
    left = 250
    height = _TOP + _ROW * max(1, len(rows)) + 48
    wide = _WIDTH - left - _RIGHT
    foot = _TOP + _ROW * max(1, len(rows))
    parts = [_open(title, description, height)]

    def at(value: float) -> float:
        return left + (_within(value, x) - x.low) / (x.high - x.low) * wide

    for tick in x.ticks():
        parts.append(f'<line class="g" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="{_TOP}" y2="{foot}"/>')
        parts.append(f'<text class="s m" x="{at(tick):.1f}" y="{foot + 15}">{_figure(tick)}</text>')
    parts.append(f'<text class="m" x="{left + wide / 2:.1f}" y="{foot + 36}">{escape(x.label)}</text>')
    for number, row in enumerate(rows):
        y = _TOP + _ROW * number + _ROW / 2
        parts.append(f'<text class="s e" x="{left - 8}" y="{y + 4:.1f}">{escape(_short(row.name))}</text>')
        if row.interval is not None:
            low, high = row.interval
            parts.append(
                f'<line stroke="{_INKS[0]}" stroke-width="3" x1="{at(low):.1f}" x2="{at(high):.1f}" '
                f'y1="{y:.1f}" y2="{y:.1f}"/>'
            )
        parts.append(f'<circle fill="{_INKS[1]}" r="4" cx="{at(row.value):.1f}" cy="{y:.1f}"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _open(title: str, description: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="title desc"><title id="title">{escape(title)}</title>'
        f'<desc id="desc">{escape(description)}</desc>{_STYLE}<rect width="100%" height="100%" fill="#fff"/>'
        f'<text class="t" x="{_LEFT if height == _HEIGHT else 16}" y="24">{escape(title)}</text>'
    )


def _series(one: Series, number: int, points: Sequence[Point]) -> list[str]:
    ink = _INKS[number % len(_INKS)]
    if one.dots:
        return [f'<circle fill="{ink}" fill-opacity="0.75" r="4.5" cx="{x:.1f}" cy="{y:.1f}"/>' for x, y in points]
    path: list[str] = []
    for n, (x, y) in enumerate(points):
        if n and one.steps:
            path.append(f"V{y:.1f}H{x:.1f}")
        else:
            path.append(f"{'L' if n else 'M'}{x:.1f} {y:.1f}")
    dash = DASHES[number % len(DASHES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return [f'<path fill="none" stroke="{ink}" stroke-width="2"{dashes} d="{"".join(path)}"/>'] if path else []


def _legend(one: Series, number: int, x: float) -> list[str]:
    y = _HEIGHT - 18
    ink, dash = _INKS[number % len(_INKS)], DASHES[number % len(DASHES)]
    if one.dots:
        mark = f'<circle fill="{ink}" r="4.5" cx="{x + 14:.1f}" cy="{y - 4}"/>'
    else:
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        mark = f'<path stroke="{ink}" stroke-width="2"{dashes} d="M{x:.1f} {y - 4}h28"/>'
    return [mark, f'<text class="s" x="{x + 34:.1f}" y="{y}">{escape(one.name)}</text>']


def _within(value: float, axis: Axis) -> float:
    return min(axis.high, max(axis.low, value)) if value == value else axis.low


def _figure(value: float) -> str:
    return f"{value:.10g}" if value else "0"


def _short(name: str) -> str:
    return name if len(name) <= 38 else f"{name[:37]}…"
