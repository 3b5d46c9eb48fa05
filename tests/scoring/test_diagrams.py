"""Diagrams are sound SVG, stand alone, and say in words what they show."""

from __future__ import annotations

import itertools
import math
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.scoring.diagrams import Axis, Row, Series, intervals, lines

SVG = "{http://www.w3.org/2000/svg}"
X, Y = Axis("stated", -2, 2), Axis("share", 0, 1)


def test_it_stands_alone_and_says_what_it_shows() -> None:
    one = lines(
        "A <title>",
        "In words & figures.",
        X,
        Y,
        [Series("a<b", [(-1, 0), (1, 1)]), Series("dots", [(0, 0.5)], dots=True)],
    )
    root = ET.fromstring(one)
    assert root.findtext(f"{SVG}title") == "A <title>"
    assert root.findtext(f"{SVG}desc") == "In words & figures."
    texts = [t.text for t in root.iter(f"{SVG}text")]
    assert {"a<b", "dots", "stated", "share", "-2", "0", "2"} <= set(texts)
    for forbidden in ("<script", "href", "url(", "@import"):
        assert forbidden not in one
    assert one == lines(
        "A <title>",
        "In words & figures.",
        X,
        Y,
        [Series("a<b", [(-1, 0), (1, 1)]), Series("dots", [(0, 0.5)], dots=True)],
    )


def test_lines_differ_by_their_dashes() -> None:
    drawn = lines("t", "d", X, Y, [Series(n, [(0, 0), (1, 1)]) for n in "abc"])
    dashes = [p.get("stroke-dasharray") for p in ET.fromstring(drawn).iter(f"{SVG}path") if p.get("fill")]
    assert len(set(dashes)) == 3


def test_points_lie_where_they_belong() -> None:
    drawn = ET.fromstring(lines("t", "d", X, Y, [Series("p", [(-2, 0), (2, 1), (0, 0.5)], dots=True)]))
    places = [(float(c.get("cx", "0")), float(c.get("cy", "0"))) for c in drawn.iter(f"{SVG}circle")][:3]
    (left, bottom), (right, top), middle = places
    assert left < right
    assert bottom > top
    assert middle == ((left + right) / 2, (top + bottom) / 2)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=6))
@settings(max_examples=60)
def test_any_figure_is_drawn_within(points: list[tuple[float, float]]) -> None:
    root = ET.fromstring(lines("t", "d", X, Y, [Series("p", points, dots=True), Series("l", points, steps=True)]))
    for circle in root.iter(f"{SVG}circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= 680
        assert 0 <= float(circle.get("cy", "-1")) <= 440


def test_rows_with_and_without_an_interval() -> None:
    rows = [Row("a source with a name that is far too long to be shown", 0.5, (0.25, 0.75)), Row("b", 1.0)]
    root = ET.fromstring(intervals("t", "d", Axis("share", 0, 1), rows))
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    bars = [line for line in root.iter(f"{SVG}line") if line.get("stroke-width") == "3"]
    assert len(bars) == 1
    ET.fromstring(intervals("t", "d", Axis("share", 0, 1), []))


@pytest.mark.parametrize("low, high", [(0, 1), (-2, 2), (-6, 6), (0, 0.03), (-0.4, 1.7)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    ticks = Axis("", low, high).ticks()
    assert 3 <= len(ticks) <= 13
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in ticks)
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    assert all(math.isclose(step, steps[0]) for step in steps)
