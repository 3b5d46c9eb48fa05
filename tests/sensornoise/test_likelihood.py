from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadlight.sensornoise.compare import CROPPED, UNCHANGED, WAYS, Found
from leadlight.sensornoise.likelihood import LOWER, UPPER, best, log10_lr, words


def of(pce: float, way: str = UNCHANGED, tried: int = 1) -> Found:
    return Found(pce, way, 1, 1.0, 0, 0, tried)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from(WAYS), st.integers(1, 10**9))
def test_a_clearer_pattern_never_weighs_less_and_bounds_hold(
    one: float, other: float, way: str, tried: int
) -> None:
    low, high = sorted((one, other))
    assert LOWER <= log10_lr(of(low, way, tried)) <= log10_lr(of(high, way, tried)) <= UPPER


@given(st.floats(-1e6, 1e6), st.integers(1, 10**6), st.integers(1, 10**6))
def test_more_positions_tried_never_weigh_more(pce: float, one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert log10_lr(of(pce, CROPPED, many)) <= log10_lr(of(pce, CROPPED, few))


def test_chance_weighs_nothing_for_the_camera_and_a_clear_pattern_reaches_the_bound() -> None:
    assert log10_lr(of(3.0)) < 0
    assert log10_lr(of(35.0, CROPPED, 10**6)) == 0
    assert log10_lr(of(1000.0)) == UPPER
    assert log10_lr(of(1000.0, CROPPED, 10**7)) == UPPER


def test_that_no_pattern_is_found_speaks_against_a_camera_only_where_nothing_was_changed() -> None:
    assert log10_lr(of(0.0)) == LOWER < 0
    assert all(log10_lr(of(0.0, way)) == 0 for way in WAYS if way != UNCHANGED)


def test_the_best_is_what_stands_out_most_not_the_greatest_figure() -> None:
    near, wide = of(40.0, tried=4), of(45.0, CROPPED, 10**6)
    assert best([wide, near]) is near
    assert best([]) is None


def test_words_name_both_propositions() -> None:
    for ratio in (0.0, 0.5, 1.2, 2.5, UPPER, LOWER):
        said = words("Phone \x1b A", ratio)
        assert "taken by the camera Phone" in said
        assert "taken by another camera" in said
        assert said.isprintable()
    assert words("A", 3.0).startswith("strong support (likelihood ratio 1,000) for 'taken by the camera A' rather")
    assert words("A", -1.0).startswith(
        "moderate support (likelihood ratio 10) for 'taken by another camera' rather"
    )
    assert "or the other way round" in words("A", 0.1)
