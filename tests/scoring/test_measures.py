"""The measures against worked examples, against lir and scikit-learn, and against what must always hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.scoring import measures

RNG = np.random.default_rng(7)


def drawn(n: int = 400, *, shift: float = 1.5, digits: int = 6) -> tuple[measures.Floats, measures.Flags]:
    rng = np.random.default_rng(n)
    labels = np.arange(n) % 3 == 0
    return np.round(rng.normal(0, 1, n) + shift * labels, digits), labels


@st.composite
def sets(draw: st.DrawFn) -> tuple[measures.Floats, measures.Flags, measures.Floats]:
    n = draw(st.integers(2, 40))
    labels = [True, False, *draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))]
    scores = draw(st.lists(st.integers(-8, 8), min_size=n, max_size=n))
    weights = draw(st.lists(st.integers(1, 5), min_size=n, max_size=n))
    return np.array(scores) / 2.0, np.array(labels), np.array(weights, dtype=float)


# Worked by hand


def test_cllr_by_hand() -> None:
    assert measures.cllr([0, 0], [True, False]) == pytest.approx(1.0)
    assert measures.cllr([np.inf, -np.inf], [True, False]) == 0.0
    assert measures.cllr([-np.inf, -np.inf], [True, False]) == np.inf
    # generated: LR 3 -> log2(4/3); camera: LR 1/7 -> log2(8/7), LR 1 -> 1
    worked = (np.log2(4 / 3) + (np.log2(8 / 7) + 1) / 2) / 2
    assert measures.cllr([np.log10(3), -np.log10(7), 0], [True, False, False]) == pytest.approx(worked)


def test_pav_by_hand() -> None:
    """Two violators in the middle are pooled: 1 of 3 generated, 1 of 2 camera: a ratio of 2/3."""
    found = measures.pav([1, 2, 3, 4, 5], [False, True, False, True, True])
    assert found == pytest.approx([-np.inf, np.log10(2 / 3), np.log10(2 / 3), np.inf, np.inf])


def test_equal_scores_get_equal_ratios_whatever_their_order() -> None:
    found = measures.pav([1, 1, 1, 1], [True, False, True, False])
    assert found == pytest.approx([0, 0, 0, 0])


def test_auc_by_hand_with_ties() -> None:
    # pairs: (3,1)=1 (3,3)=.5 (3,2)=1 (2,1)=1 (2,3)=0 (2,2)=.5
    assert measures.auc([3, 2, 1, 3, 2], [True, True, False, False, False]) == pytest.approx(4 / 6)


def test_true_rate_by_hand() -> None:
    scores = [9, 8, 7, 6, 5, 4, 3, 2]
    labels = [True, True, False, True, False, True, False, False]
    assert measures.true_rate(scores, labels, 0.0) == 0.5
    assert measures.true_rate(scores, labels, 0.25) == 0.75
    assert measures.true_rate(scores, labels, 0.24) == 0.5
    assert measures.true_rate([1, 1], [True, False], 0.01) == 0.0


def test_tippett_by_hand() -> None:
    t = measures.tippett([-1, 0, 0, 2], [False, False, True, True])
    assert t.log10_lr.tolist() == [-1, 0, 2]
    assert t.generated.tolist() == [1.0, 1.0, 0.5]
    assert t.camera.tolist() == [1.0, 0.5, 0.0]


def test_reliability_by_hand() -> None:
    """Ratios of 10 that hold for two of three pictures: observed is what was seen, not what was stated."""
    found = measures.reliability([1, 1, 1, -1, -1, -1], [True, True, False, False, False, True], bins=2)
    assert [(b.stated, b.generated, b.camera) for b in found] == [(-1, 1, 2), (1, 2, 1)]
    assert [b.observed for b in found] == pytest.approx([-np.log10(2), np.log10(2)])
    error = measures.calibration_error([1, 1, 1, -1, -1, -1], [True, True, False, False, False, True], bins=2)
    assert error == pytest.approx(10 / 11 - 2 / 3)


def test_share_at_by_hand() -> None:
    assert measures.share_at([2, 1.9, 2, 0], [True, True, False, False], 2.0) == (0.5, 0.5)


# Against the field's libraries


@pytest.mark.parametrize("digits", [6, 1, 0])
def test_as_lir_and_scikit_learn(digits: int) -> None:
    data_models = pytest.importorskip("lir.data.models")
    lir_metrics = pytest.importorskip("lir.metrics")
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = drawn(300, digits=digits)
    told = data_models.LLRData(features=scores, labels=labels.astype(int))
    assert measures.cllr(scores, labels) == pytest.approx(lir_metrics.cllr(told))
    assert measures.cllr_min(scores, labels) == pytest.approx(lir_metrics.cllr_min(told), abs=1e-6)
    assert measures.auc(scores, labels) == pytest.approx(sklearn_metrics.roc_auc_score(labels, scores))
    false, true, _ = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    for rate in (0.0, 0.01, 0.05, 0.2, 1.0):
        assert measures.true_rate(scores, labels, rate) == pytest.approx(true[false <= rate].max())


def test_pav_as_lir() -> None:
    isotonic = pytest.importorskip("lir.algorithms.isotonic_regression")
    scores, labels = drawn(200)
    theirs = isotonic.IsotonicCalibrator().fit_transform(scores, labels.astype(int))
    assert measures.pav(scores, labels) == pytest.approx(theirs, abs=1e-9)


def test_weights_as_scikit_learn() -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = drawn(120, digits=1)
    weights = RNG.integers(1, 6, 120).astype(float)
    theirs = sklearn_metrics.roc_auc_score(labels, scores, sample_weight=weights)
    assert measures.auc(scores, labels, weights) == pytest.approx(theirs)


def test_cross_entropy_as_lir() -> None:
    theirs = pytest.importorskip("lir.plotting.expected_calibration_error")
    scores, labels = drawn(150)
    prior = np.array([-2.0, 0.0, 1.0])
    odds = 10**prior
    found = theirs.calculate_ece(10**scores, labels.astype(int), odds / (1 + odds))
    assert measures.cross_entropy(scores, labels, prior) == pytest.approx(found)
    assert measures.cross_entropy(scores, labels, 0.0)[0] == pytest.approx(measures.cllr(scores, labels))


# What must always hold


@given(sets())
@settings(max_examples=60)
def test_a_weight_is_as_many_pictures(
    given_: tuple[measures.Floats, measures.Flags, measures.Floats],
) -> None:
    scores, labels, weights = given_
    often = weights.astype(int)
    many, flags = np.repeat(scores, often), np.repeat(labels, often)
    assert measures.cllr(scores, labels, weights) == pytest.approx(measures.cllr(many, flags))
    assert measures.cllr_min(scores, labels, weights) == pytest.approx(measures.cllr_min(many, flags))
    assert measures.auc(scores, labels, weights) == pytest.approx(measures.auc(many, flags))
    for rate in (0.0, 0.1, 0.5):
        weighted = measures.true_rate(scores, labels, rate, weights)
        assert weighted == pytest.approx(measures.true_rate(many, flags, rate))


@given(sets())
@settings(max_examples=60)
def test_the_best_calibration_costs_least_and_never_falls(
    given_: tuple[measures.Floats, measures.Flags, measures.Floats],
) -> None:
    scores, labels, weights = given_
    best = measures.cllr_min(scores, labels, weights)
    assert -1e-12 <= best <= min(1.0, measures.cllr(scores, labels, weights)) + 1e-9
    ratios = measures.pav(scores, labels, weights)[np.argsort(scores, kind="stable")]
    assert all(b >= a for a, b in itertools.pairwise(ratios.tolist()))


@given(sets())
@settings(max_examples=40)
def test_a_rising_curve_changes_no_order(
    given_: tuple[measures.Floats, measures.Flags, measures.Floats],
) -> None:
    scores, labels, weights = given_
    assert measures.auc(np.exp(scores), labels, weights) == pytest.approx(measures.auc(scores, labels, weights))
    assert 1 - measures.auc(-scores, labels, weights) == pytest.approx(measures.auc(scores, labels, weights))


@pytest.mark.parametrize(
    "scores, labels, weights",
    [
        ([1.0, np.nan], [True, False], None),
        ([1.0, 2.0], [True, True], None),
        ([1.0, 2.0], [False, False], None),
        ([], [], None),
        ([1.0], [True, False], None),
        ([1.0, 2.0], [True, False], [1.0, 0.0]),
        ([1.0, 2.0], [True, False], [1.0, -1.0]),
        ([1.0, 2.0], [True, False], [1.0, np.nan]),
    ],
)
def test_what_can_not_be_measured_is_refused(scores: list[float], labels: list[bool], weights: object) -> None:
    for measure in (measures.cllr, measures.cllr_min, measures.auc):
        with pytest.raises(ValueError):
            measure(scores, labels, weights)


# Sources


def test_no_source_decides() -> None:
    """A source of 1,000 among ten of 10 counts for no more than a fifth; the pictures in it share that."""
    sources = ["large"] * 1000 + [f"s{n}" for n in range(9) for _ in range(10)] + ["g1", "g2"] * 20
    labels = [False] * 1090 + [True] * 40
    weights = measures.weights_by_source(labels, sources)
    camera = weights[:1090]
    assert camera[:1000].sum() / camera.sum() == pytest.approx(0.2)
    assert camera[1000:1010].sum() / camera.sum() == pytest.approx(0.8 / 9)
    assert camera.sum() == pytest.approx(weights[1090:].sum()) == pytest.approx(1.0)


@given(st.lists(st.integers(1, 3000), min_size=3, max_size=20))
@settings(max_examples=60)
def test_no_source_is_more_than_twice_its_even_share(counts: list[int]) -> None:
    sources = [f"s{n}" for n, count in enumerate(counts) for _ in range(count)]
    weights = measures.weights_by_source([False] * len(sources), sources)
    shares = [weights[np.array(sources) == f"s{n}"].sum() for n in range(len(counts))]
    assert sum(shares) == pytest.approx(1.0)
    assert max(shares) <= 2 / len(counts) + 1e-6
    for (one, small), (other, great) in itertools.pairwise(sorted(zip(counts, shares, strict=True))):
        assert one <= other
        assert small <= great + 1e-9


def test_whole_sources_are_drawn_anew() -> None:
    labels = np.array([True] * 6 + [False] * 6)
    sources = list("aabbcc") + list("ddeeff")
    for counts in measures.resampled(labels, sources, rounds=20, seed=1):
        pairs = counts.reshape(6, 2)
        assert (pairs[:, 0] == pairs[:, 1]).all()
        assert counts[:6].sum() == counts[6:].sum() == 6


def test_intervals_by_source_are_wider_than_by_picture() -> None:
    """Ten sources that each lie elsewhere: pictures drawn one by one would hide it."""
    rng = np.random.default_rng(3)
    sources = [f"{kind}{n}" for kind in "cg" for n in range(10) for _ in range(50)]
    labels = np.array([s[0] == "g" for s in sources])
    shift = {s: rng.normal() for s in dict.fromkeys(sources)}
    scores = np.array([shift[s] for s in sources]) + labels + rng.normal(0, 0.1, len(sources))
    low, high = measures.interval(measures.auc, scores, labels, sources) or (0.0, 0.0)
    alone = [str(n) for n in range(len(sources))]
    least, most = measures.interval(measures.auc, scores, labels, alone) or (0.0, 0.0)
    assert low <= measures.auc(scores, labels) <= high
    assert high - low > 3 * (most - least)
    assert measures.interval(measures.auc, scores, labels, sources) == (low, high)


def test_one_source_has_no_interval() -> None:
    assert measures.interval(measures.auc, [1, 2, 3], [True, False, False], ["a", "b", "c"]) is None
