"""Plots as inline SVG, drawn by own code: no script, no font, no picture file, the same bytes each time.

Each bar stands in a table row beside its figure, so the table is the plot's text alternative; the timeline
has a title, a description and a table of its own. Nothing is told by colour alone: bars by length, the two
series of the timeline by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from leadlight.records.dossier import TimelineBin

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_MOST_COLUMNS = 72
"""Columns of a timeline before months are joined to years, and years left out where nothing fell."""
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _MIDDLE = 720, 236, 46, 8, 22, 22
"""Of the timeline, in its own units: the middle is the band of labels between the two series."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar chart: its label, its figure and its share of the whole."""

    key: str
    label: str
    count: int
    share: float
    """0 to 1, of the total named by the caller."""
    svg: str
    """The drawn bar: its length is the count against the greatest of the chart."""


def bars(rows: Iterable[tuple[str, str, int]], *, total: int) -> tuple[Bar, ...]:
    """A bar chart of (key, label, count) rows; shares are of `total`."""
    counted = list(rows)
    greatest = max((count for _, _, count in counted), default=0)
    return tuple(
        Bar(key, label, count, count / total if total else 0.0, _bar(label, count, greatest))
        for key, label, count in counted
    )


def _bar(label: str, count: int, greatest: int) -> str:
    long = max(0.5, 100 * count / greatest) if count else 0
    return (
        f'<svg class="bar" role="img" width="100%" height="12" focusable="false"><title>{escape(label)}: {count}'
        f'</title><rect class="track" width="100%" height="12" rx="2"/>'
        f'<rect class="fill" width="{long:.2f}%" height="12" rx="2"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class Timeline:
    """The drawn timeline, what it is drawn from, and a word on its grain."""

    svg: str
    rows: tuple[tuple[str, int, int], ...]
    """Period, captured, modified: the figures of the columns with anything in them."""
    grain: str
    """'month' or 'year'."""


def timeline(bins: Sequence[TimelineBin]) -> Timeline | None:
    """Captures above, file times below, a column for each month; None where there is nothing to draw.

    Long spans are joined to years; clocks set wrong would else stretch the picture beyond use.
    """
    given = [(b.month, b.captured, b.modified) for b in bins if b.captured or b.modified]
    if not given:
        return None
    columns, grain = _columns(given)
    rows = tuple(row for row in columns if row[1] or row[2])
    return Timeline(_drawn(columns, grain), rows, grain)


def _columns(given: list[tuple[str, int, int]]) -> tuple[list[tuple[str, int, int]], str]:
    found = [_MONTH.fullmatch(month) for month, _, _ in given]
    if not all(found):
        return _summed(given), "month"
    numbers = [int(m[1]) * 12 + int(m[2]) - 1 for m in found if m]
    first, last = min(numbers), max(numbers)
    if last - first < _MOST_COLUMNS:
        empty = [(f"{n // 12:04d}-{n % 12 + 1:02d}", 0, 0) for n in range(first, last + 1)]
        return _summed([*empty, *given]), "month"
    years = [(month[:4], captured, modified) for month, captured, modified in given]
    if last // 12 - first // 12 < _MOST_COLUMNS:
        years = [*((f"{y:04d}", 0, 0) for y in range(first // 12, last // 12 + 1)), *years]
    return _summed(years), "year"


def _summed(rows: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for name, captured, modified in rows:
        before = sums.get(name, (0, 0))
        sums[name] = (before[0] + captured, before[1] + modified)
    return [(name, *sums[name]) for name in sorted(sums)]


def _drawn(columns: list[tuple[str, int, int]], grain: str) -> str:
    greatest = max(max(captured, modified) for _, captured, modified in columns)
    reach = (_HEIGHT - 2 * _TOP - _MIDDLE) / 2
    up, down = _TOP + reach, _TOP + reach + _MIDDLE
    step = (_WIDTH - _LEFT - _RIGHT) / len(columns)
    wide = min(step * 0.76, 26)
    captured_all = sum(captured for _, captured, _ in columns)
    modified_all = sum(modified for _, _, modified in columns)
    description = (
        f"From {columns[0][0]} to {columns[-1][0]}, a column for each {grain}. Above: {captured_all} by the time "
        f"of capture that metadata state. Below: {modified_all} by file time. The figures are in the table below."
    )
    parts = [
        f'<svg class="timeline" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'aria-labelledby="timeline-title timeline-desc" focusable="false">'
        f'<title id="timeline-title">Timeline by {grain}</title>'
        f'<desc id="timeline-desc">{escape(description)}</desc>',
        f'<text class="small" x="{_LEFT}" y="13">Captured, as metadata state</text>',
        f'<text class="small" x="{_LEFT}" y="{_HEIGHT - 5}">Modified, as file systems state</text>',
    ]
    for y in (up - reach, up, down, down + reach):
        parts.append(f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for y, figure in ((up - reach + 4, greatest), (up + 1, 0), (down + 8, 0), (down + reach + 4, greatest)):
        parts.append(f'<text class="small end" x="{_LEFT - 6}" y="{y:.1f}">{figure}</text>')
    every = max(1, -(-len(columns) * 56 // (_WIDTH - _LEFT - _RIGHT)))
    for n, (name, captured, modified) in enumerate(columns):
        x = _LEFT + n * step + (step - wide) / 2
        for count, kind, word in ((captured, "above", "captured"), (modified, "below", "modified")):
            if count:
                tall = max(1.5, reach * count / greatest)
                top = up - tall if kind == "above" else down
                parts.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}">'
                    f"<title>{escape(name)}: {count} {word}</title></rect>"
                )
        if n % every == 0:
            middle = min(max(_LEFT + n * step + step / 2, _LEFT + 24), _WIDTH - _RIGHT - 24)
            parts.append(
                f'<text class="small mid" x="{middle:.1f}" y="{up + _MIDDLE / 2 + 4:.1f}">{escape(name)}</text>'
            )
    parts.append("</svg>")
    return "".join(parts)
