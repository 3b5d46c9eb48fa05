"""The curve from a raw score to a likelihood ratio: monotone, bounded, exact in and out, strict in its input."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.errors import ConfigError
from leadlight.scoring.calibration import METHODS, MOST_KNOTS, MOST_SIDE, STATES, STRONGEST, Calibration

BASE: dict[str, Any] = {
    "name": "seed",
    "size": 400,
    "sources": 12,
    "date": "2026-11-22",
    "state": "recompressed",
    "method": "logistic",
    "knots": ((-4.0, -3.0), (0.0, 0.0), (2.0, 1.0), (6.0, 5.0)),
    "lower": -2.0,
    "upper": 1.5,
}

FIGURES = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    raws = sorted(draw(st.lists(FIGURES, min_size=2, max_size=40, unique=True)))
    ratios = sorted(draw(st.lists(st.floats(-9, 9), min_size=len(raws), max_size=len(raws))))
    sides = sorted(draw(st.tuples(st.integers(0, MOST_SIDE), st.integers(0, MOST_SIDE))))
    return Calibration(
        name=draw(st.text("abc é-", min_size=1, max_size=20)),
        size=draw(st.integers(50, 10**6)),
        sources=draw(st.integers(2, 50)),
        date=draw(st.dates()).isoformat(),
        state=draw(st.sampled_from(STATES)),
        method=draw(st.sampled_from(METHODS)),
        knots=tuple(zip(raws, ratios, strict=True)),
        lower=draw(st.floats(-STRONGEST, 0)),
        upper=draw(st.floats(0, STRONGEST)),
        least_side=sides[0],
        most_side=sides[1],
        least_quality=draw(st.integers(0, 100)),
    )


def of(**changes: Any) -> Calibration:
    return Calibration(**{**BASE, **changes})


def test_between_knots_by_straight_lines_and_level_beyond_them() -> None:
    c = of(lower=-6.0, upper=6.0)
    assert [c.log10_lr(x) for x in (-4, -2, 0, 1, 2, 4, 6)] == [-3, -1.5, 0, 0.5, 1, 3, 5]
    assert (c.log10_lr(-1e300), c.log10_lr(1e300)) == (-3, 5)


def test_the_bounds_cut_off_what_the_set_does_not_support() -> None:
    assert (of().log10_lr(-4), of().log10_lr(6)) == (-2.0, 1.5)


@given(calibrations(), FIGURES, FIGURES)
def test_never_falls_and_never_leaves_the_bounds(c: Calibration, one: float, other: float) -> None:
    low, high = c.log10_lr(min(one, other)), c.log10_lr(max(one, other))
    assert c.lower <= low <= high <= c.upper


@given(calibrations())
def test_each_knot_is_met(c: Calibration) -> None:
    for raw, ratio in c.knots:
        assert c.log10_lr(raw) == max(c.lower, min(c.upper, ratio))


@given(calibrations())
def test_round_trip_through_values_and_json(c: Calibration) -> None:
    assert Calibration.from_plain(c.plain()) == c
    assert Calibration.from_plain(json.loads(json.dumps(c.plain(), allow_nan=False))) == c


def test_round_trip_through_toml() -> None:
    c = of(knots=((-0.1, -1 / 3), (1e-9, 0.2)))
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in c.plain().items())
    assert Calibration.from_plain(tomllib.loads(text)) == c


@pytest.mark.parametrize(
    "changes",
    [
        {"knots": ((0.0, 0.0), (0.0, 1.0))},
        {"knots": ((1.0, 0.0), (0.0, 1.0))},
        {"knots": ((0.0, 1.0), (1.0, 0.0))},
        {"knots": ((0.0, 0.0), (math.nan, 1.0))},
        {"knots": ((0.0, math.nan), (1.0, 1.0))},
        {"knots": ((0.0, 0.0), (math.inf, 1.0))},
        {"knots": ((-math.inf, 0.0), (0.0, 1.0))},
        {"knots": ((0.0, 0.0), (1.0, math.inf))},
        {"knots": ((-1.7e308, 0.0), (1.7e308, 1.0))},
        {"knots": ((0.0, 0.0),)},
        {"knots": tuple((float(n), 0.0) for n in range(MOST_KNOTS + 1))},
        {"lower": 0.1},
        {"upper": -0.1},
        {"lower": math.nan},
        {"upper": math.nan},
        {"upper": math.inf},
        {"upper": STRONGEST + 0.1},
        {"state": "laundered"},
        {"method": "guess"},
        {"date": "22.11.2026"},
        {"date": "20261122"},
        {"name": ""},
        {"name": "a\x1b[2J"},
        {"size": 1},
        {"sources": 1},
        {"least_side": 500, "most_side": 400},
        {"least_quality": 101},
    ],
)
def test_refuses_what_can_not_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        of(**changes)
    with pytest.raises(ConfigError, match=r"card\.toml"):
        Calibration.from_plain({**BASE, **changes}, subject="card.toml")


@pytest.mark.parametrize(
    "changes",
    [
        {"knots": "0, 1"},
        {"knots": [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]},
        {"knots": [["0", 0.0], [1.0, 1.0]]},
        {"knots": [[False, 0.0], [True, 1.0]]},
        {"knots": None},
        {"size": 40.5},
        {"size": True},
        {"lower": "-1"},
        {"name": 5},
        {"colour": "red"},
        {"knots": [[0.0, 0.0], [10**400, 1.0]]},
    ],
)
def test_values_of_another_kind_are_a_matter_of_the_card(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Calibration.from_plain({**BASE, **changes})


def test_a_key_too_few_is_told() -> None:
    with pytest.raises(ConfigError, match="upper"):
        Calibration.from_plain({k: v for k, v in BASE.items() if k != "upper"})


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s), max_leaves=8))
def test_any_value_at_all_is_refused_or_taken(value: Any) -> None:
    for key in BASE:
        try:
            made = Calibration.from_plain({**BASE, key: value})
        except ConfigError:
            continue
        assert -STRONGEST <= made.log10_lr(0.5) <= STRONGEST


@pytest.mark.parametrize("raw", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_figure_has_no_ratio(raw: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        of().log10_lr(raw)


def test_where_it_applies() -> None:
    c = of(least_side=400, most_side=4000, least_quality=60)
    assert c.covers(400, 300, 60)
    assert c.covers(300, 4000, 100)
    assert not c.covers(399, 399, 95)
    assert not c.covers(4001, 300, 95)
    assert not c.covers(1000, 1000, 59.9)
    assert not c.covers(1000, 1000, None)
    assert of().covers(1000, 1000, None)
    assert not of().covers(0, 1000, 90)
