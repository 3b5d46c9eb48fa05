"""Plots: figures and lengths agree, long spans stay drawable, and any label is text."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.export.plots import bars, timeline
from leadlight.records.dossier import TimelineBin


def test_bars_are_as_long_as_their_figures() -> None:
    drawn = bars([("a", "apples", 40), ("b", "pears", 10), ("c", "plums", 0)], total=100)
    assert [b.share for b in drawn] == [0.4, 0.1, 0.0]
    widths = [re.search(r'class="fill" width="([\d.]+)%"', b.svg) for b in drawn]
    assert [float(w[1]) for w in widths if w] == [100.0, 25.0, 0.0]
    assert "apples: 40" in drawn[0].svg


def test_nothing_to_draw() -> None:
    assert bars([], total=0) == ()
    assert bars([("a", "a", 0)], total=0)[0].share == 0
    assert timeline(()) is None
    assert timeline((TimelineBin("2026-01", 0, 0),)) is None


def test_months_between_are_drawn_and_only_figures_are_listed() -> None:
    drawn = timeline((TimelineBin("2025-11", 3, 0), TimelineBin("2026-02", 1, 2)))
    assert drawn is not None
    assert drawn.grain == "month"
    assert drawn.rows == (("2025-11", 3, 0), ("2026-02", 1, 2))
    assert ">2025-12<" in drawn.svg
    assert drawn.svg.count('class="above"') == 2
    assert drawn.svg.count('class="below"') == 1


def test_long_spans_are_joined_to_years_and_absurd_ones_skip() -> None:
    years = timeline((TimelineBin("2001-05", 1, 0), TimelineBin("2001-07", 1, 0), TimelineBin("2026-01", 0, 4)))
    assert years is not None
    assert years.grain == "year"
    assert years.rows == (("2001", 2, 0), ("2026", 0, 4))
    absurd = timeline((TimelineBin("0001-01", 1, 0), TimelineBin("9999-12", 1, 0)))
    assert absurd is not None
    assert len(absurd.svg) < 5000


def test_the_greatest_column_fills_its_half() -> None:
    drawn = timeline((TimelineBin("2026-01", 10, 5),))
    assert drawn is not None
    heights = {
        kind: float(tall) for kind, tall in re.findall(r'class="(above|below)"[^>]*height="([\d.]+)"', drawn.svg)
    }
    assert heights["above"] == 2 * heights["below"]


MONTHS = st.one_of(st.from_regex(r"[0-9]{4}-(0[1-9]|1[0-2])", fullmatch=True), st.text(max_size=8))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(TimelineBin, MONTHS, st.integers(0, 10**9), st.integers(0, 10**9)), max_size=40))
def test_any_bins_give_a_sound_picture(bins: list[TimelineBin]) -> None:
    drawn = timeline(bins)
    if drawn is None:
        assert not any(b.captured or b.modified for b in bins)
        return
    assert sum(row[1] for row in drawn.rows) == sum(b.captured for b in bins)
    assert sum(row[2] for row in drawn.rows) == sum(b.modified for b in bins)
    if all(b.month.isprintable() for b in bins):
        ElementTree.fromstring(drawn.svg)
