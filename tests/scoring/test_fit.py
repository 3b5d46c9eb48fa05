"""A calibration states no more than known pictures of sources that it never saw bear out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from leadlight.errors import UsageError
from leadlight.scoring import fit as fitting
from leadlight.scoring import measures
from leadlight.scoring.calibration import METHODS, Calibration
from leadlight.scoring.fit import LEAST_EACH, LEAST_PICTURES, LEAST_SOURCES, Fit, Known, cross_validated, folds

pytest.importorskip("lir")

Draw = Callable[[np.random.Generator, int], float]


def pictures(
    camera: int = 10, generated: int = 6, *, each: int = 25, apart: float = 3.0, spread: float = 0.4, seed: int = 0
) -> list[Known]:
    """Sources whose scores lie each around a centre of its own."""
    rng = np.random.default_rng(seed)
    out = []
    for flag, number in ((False, camera), (True, generated)):
        for source in range(number):
            centre = rng.normal(apart * flag, spread)
            out += [
                Known(f"{flag}/{source}/{n}", f"{flag}-{source}", flag, float(rng.normal(centre, 1)), 1200, 900)
                for n in range(each)
            ]
    return out


def fitted(known: Sequence[Known], method: str = "logistic", state: str = "any") -> Fit:
    return fitting.fit(known, name="seed", method=method, state=state, date="2026-11-22")


@pytest.mark.parametrize("method", METHODS)
def test_a_calibration_that_holds_what_it_states(method: str) -> None:
    known = pictures()
    found = fitted(known, method)
    assert isinstance(found.calibration, Calibration)
    assert (found.calibration.size, found.calibration.sources) == (400, 16)
    assert found.calibration.method == method
    cost = measures.cllr(found.llrs, found.labels, found.weights)
    assert measures.cllr_min(found.llrs, found.labels, found.weights) <= cost < 0.6
    assert found.calibration.upper >= 0.8
    assert found.calibration.lower <= -0.8
    fresh = pictures(30, 30, seed=99)
    stated = np.array([found.calibration.log10_lr(p.raw) for p in fresh])
    flags = np.array([p.generated for p in fresh])
    assert measures.cllr(stated, flags) < 0.6
    for at in (0.5, 1.0):
        assert measures.share_at(stated, flags, at)[1] < 10**-at
        assert measures.share_at(-stated, ~flags, at)[1] < 10**-at


def test_the_same_again_in_any_order() -> None:
    known = pictures()
    assert fitted(known).calibration == fitted(known[::-1]).calibration


def test_what_is_reported_never_leaves_the_bounds() -> None:
    found = fitted(pictures(apart=8.0))
    assert found.llrs.max() <= found.calibration.upper <= np.log10(250 + 1)
    assert found.llrs.min() >= found.calibration.lower >= -np.log10(150 + 1)


@pytest.mark.parametrize("method", METHODS)
def test_an_overconfident_model_is_held_back(method: str) -> None:
    """One camera in ten scores like the best of generators: fitted plainly, a large ratio, and all wrong."""
    known = pictures(10, 10, each=30, apart=10.0)
    odd = [replace(p, raw=p.raw + 10) if p.source == "False-3" else p for p in known]
    sound, caught = fitted(known, method), fitted(odd, method)
    assert sound.calibration.upper > 1.5
    assert caught.calibration.upper < 1.0
    assert measures.share_at(caught.llrs, caught.labels, 2.0)[1] < 0.01
    assert measures.share_at(caught.llrs, caught.labels, 2.0, caught.weights)[1] < 0.01


def test_scattered_false_alarms_hold_it_back_too() -> None:
    """Three in a hundred camera pictures of all sources score as high as anything generated."""
    known = pictures(10, 10, each=50, apart=10.0)
    odd = [replace(p, raw=p.raw + 12) if not p.generated and p.path.endswith("7") else p for p in known]
    share = measures.share_at([p.raw for p in odd], [p.generated for p in odd], 8.0)[1]
    assert 0.05 < share < 0.15
    for method in METHODS:
        found = fitted(odd, method)
        assert found.calibration.upper < 2.0
        assert measures.share_at(found.llrs, found.labels, 2.0)[1] == 0


def odd_camera() -> list[Known]:
    """A camera whose pictures all score within a narrow band that no other camera reaches, amid the generated."""
    rng = np.random.default_rng(5)
    out = [
        Known(f"c{s}/{n}", f"c{s}", False, float(rng.normal(0, 0.5)), 1200, 900)
        for s in range(9)
        for n in range(40)
    ]
    out += [Known(f"odd/{n}", "odd", False, float(rng.normal(6, 0.02)), 1200, 900) for n in range(40)]
    return out + [
        Known(f"g{s}/{n}", f"g{s}", True, float(rng.uniform(3, 12)), 1200, 900)
        for s in range(9)
        for n in range(40)
    ]


def test_splitting_by_picture_would_have_passed() -> None:
    """A curve that saw other pictures of the odd camera knows its band; one that never saw the camera does not.

    Only the second tells what happens with a camera of which nobody has calibrated.
    """
    known = odd_camera()
    labels = np.array([p.generated for p in known])
    raw = np.array([p.raw for p in known])
    odd = np.array([p.source == "odd" for p in known])
    sources = [p.source for p in known]
    by_picture = [f"{'g' if p.generated else 'c'}{n % 60}" for n, p in enumerate(known)]
    leaky = cross_validated("isotonic", raw, labels, by_picture)
    honest = cross_validated("isotonic", raw, labels, sources)
    assert np.mean(leaky[odd] >= 2.0) < 0.01
    assert np.mean(honest[odd] >= 2.0) > 0.9
    assert measures.share_at(leaky, labels, 2.0)[1] < 0.01
    assert measures.share_at(honest, labels, 2.0)[1] > 0.05
    kept = fitted(known, "isotonic")
    passed = fitted([replace(p, source=s) for p, s in zip(known, by_picture, strict=True)], "isotonic")
    assert passed.calibration.upper >= 1.0
    assert kept.calibration.upper < 1.0


def test_no_source_is_on_both_sides_of_a_fold() -> None:
    names = [f"s{n % 7}" for n in range(100)]
    number = folds(names)
    assert len(set(number.tolist())) == 7
    assert len({(s, int(n)) for s, n in zip(names, number, strict=True)}) == 7
    many = [f"s{n % 200}" for n in range(1000)]
    found = folds(many)
    assert len(set(found.tolist())) == fitting.FOLDS
    assert len({(s, int(n)) for s, n in zip(many, found, strict=True)}) == 200


def test_one_large_source_does_not_decide() -> None:
    """A thousand pictures of one camera that scores otherwise move the curve no more than a hundred do."""
    known = pictures(10, 6)
    rng = np.random.default_rng(8)
    large = [Known(f"l/{n}", "large", False, float(rng.normal(2.0, 1)), 1200, 900) for n in range(3000)]
    few, many = (fitted([*known, *large[:n]]).calibration for n in (300, 3000))
    assert abs(few.log10_lr(1.5) - many.log10_lr(1.5)) < 0.15


def few(kind: bool, *, number: int, sources: int) -> list[Known]:
    rng = np.random.default_rng(1)
    return [
        Known(f"{kind}{n}", f"{kind}{n % sources}", kind, float(rng.normal(3 * kind, 1)), 1200, 900)
        for n in range(number)
    ]


@pytest.mark.parametrize(
    "camera, generated, kind",
    [
        ((LEAST_PICTURES - 1, 10), (200, 10), "camera"),
        ((200, LEAST_SOURCES - 1), (200, 10), "camera"),
        ((200, 10), (LEAST_PICTURES - 1, 10), "generated"),
        ((200, 10), (200, LEAST_SOURCES - 1), "generated"),
        ((200, 10), (200, 200), "generated"),
    ],
)
def test_too_small_a_set_is_refused(camera: tuple[int, int], generated: tuple[int, int], kind: str) -> None:
    known = few(False, number=camera[0], sources=camera[1]) + few(True, number=generated[0], sources=generated[1])
    with pytest.raises(UsageError, match="too small") as caught:
        fitted(known)
    assert caught.value.subject == kind
    assert str(LEAST_PICTURES) in caught.value.advice
    assert str(LEAST_SOURCES) in caught.value.advice


def test_the_smallest_set_that_is_taken() -> None:
    known = few(False, number=LEAST_PICTURES, sources=LEAST_SOURCES)
    known += few(True, number=LEAST_PICTURES, sources=LEAST_SOURCES)
    assert LEAST_PICTURES // LEAST_SOURCES >= LEAST_EACH
    assert fitted(known).calibration.upper <= np.log10(LEAST_PICTURES + 1)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_says_nothing_or_the_contrary_is_refused(method: str) -> None:
    turned = [replace(p, raw=-p.raw) for p in pictures()]
    for known in (turned, [replace(p, raw=1.0) for p in pictures()]):
        with pytest.raises(UsageError, match="no higher"):
            fitted(known, method)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_that_hardly_tells_them_apart_hardly_says_anything(method: str) -> None:
    found = fitted(pictures(apart=0.3, spread=0.0), method)
    assert found.calibration.upper <= 0.7
    assert measures.cllr(found.llrs, found.labels, found.weights) <= 1.02


def test_it_applies_to_what_it_saw() -> None:
    known = [replace(p, width=800 + n, height=600) for n, p in enumerate(pictures())]
    found = fitted(known, state="resized").calibration
    assert (found.state, found.least_quality) == ("resized", 75)
    assert 800 <= found.least_side < 820
    assert 1180 < found.most_side <= 1200
    assert not found.covers(4000, 3000, 95)
    assert found.covers(1000, 750, 80)
