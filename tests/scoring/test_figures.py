"""Figures with intervals that do not promise what nobody saw, and tables that hold together."""

from __future__ import annotations

import numpy as np
import pytest

from leadlight.scoring import figures
from leadlight.scoring.figures import Figure, Told, number, rate, share, shown, table


def test_what_never_happened_may_still_happen() -> None:
    """0 of 100: the interval reaches to nearly 4 in 100, however many sources there are."""
    found = rate([False] * 100, [f"s{n % 10}" for n in range(100)])
    assert found.value == 0.0
    assert found.interval is not None
    assert found.interval[0] == 0.0
    assert found.interval[1] == pytest.approx(3.8416 / 103.8416, abs=1e-4)


def test_sources_widen_an_interval() -> None:
    """50 of 100 in halves of sources, or scattered over them."""
    sources = [f"s{n // 10}" for n in range(100)]
    clustered = rate([n // 10 % 2 == 0 for n in range(100)], sources).interval
    scattered = rate([n % 2 == 0 for n in range(100)], sources).interval
    assert clustered is not None
    assert scattered is not None
    assert clustered[1] - clustered[0] > 2 * (scattered[1] - scattered[0])


def test_one_source_has_no_interval_and_none_no_figure() -> None:
    assert rate([True, False], ["a", "a"]) == Figure(0.5)
    assert np.isnan(rate([], []).value)
    assert rate([], []).plain() == {"value": None, "interval": None}


def test_the_false_rate_is_weighted_by_source() -> None:
    """One camera of ten is always misled; it has 900 of the 1,000 camera pictures, but not nine tenths to say."""
    sources = ["large"] * 900 + [f"c{n % 9}" for n in range(99)] + [f"g{n % 10}" for n in range(200)]
    labels = [False] * 999 + [True] * 200
    llrs = [2.5] * 900 + [-1.0] * 99 + [1.0] * 200
    told = figures.reliability(Told.of(llrs, labels, sources))["camera_at_100_or_more"]
    assert told.value == pytest.approx(0.2)
    assert told.interval is not None
    assert told.interval[0] < 0.05
    assert told.interval[1] > 0.3


def test_words_for_figures() -> None:
    assert [share(v) for v in (0.0, 0.004, 0.25, 1.0, float("nan"))] == [
        "0.0 %",
        "0.40 %",
        "25.0 %",
        "100.0 %",
        "-",
    ]
    assert number(0.12345) == "0.123"
    assert shown(Figure(0.5, (0.25, 0.75)), as_share=True) == "50.0 % (25.0 % to 75.0 %)"
    assert table(["a", "b"], [["x|y", "1\n2"]]) == "| a | b |\n| --- | ---: |\n| x/y | 1 2 |\n"
