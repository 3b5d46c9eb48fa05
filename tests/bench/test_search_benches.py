"""The benches of searching and grouping run, and what they call recall is measured."""

from __future__ import annotations

import pytest

pytest.importorskip("psutil")

from bench import grouping, radius


def test_the_search_finds_what_comparing_all_finds(tmp_path) -> None:
    found = radius.one_ours(3000, 1, tmp_path)
    assert (found["recall"], found["false"]) == (1, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("forms", "copies", "great", "stored"), [(1, 20, 0, True), (8, 20, 0, False), (8, 0, 150, False)]
)
def test_groups_are_compared_with_the_rule(forms, copies, great, stored) -> None:
    found = grouping.one(300, forms, copies, great, stored, True)
    assert found["grouped"] >= max(60 if copies else 0, great)
