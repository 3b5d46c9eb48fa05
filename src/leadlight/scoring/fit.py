"""Fitting a calibration to known pictures: enough of them, cross-validated by source, bounded by what they bear.

Pictures of one source share a camera or a generator, a subject and a way of saving. A curve that has seen some of
them is no test on the others: each source is left out in turn, and what is reported of it comes from a curve that
never saw it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.errors import UsageError
from leadlight.scoring.bounds import Bounds, Knots, bounded, fitted
from leadlight.scoring.calibration import MOST_SIDE, Calibration
from leadlight.scoring.corpus import KINDS
from leadlight.scoring.laundering import OF, QUALITY
from leadlight.scoring.measures import Flags, Floats, auc, weights_by_source

LEAST_PICTURES: Final = 100
"""Pictures of each kind."""
LEAST_SOURCES: Final = 5
"""Sources of each kind that hold at least LEAST_EACH pictures."""
LEAST_EACH: Final = 5
FOLDS: Final = 60
"""At most so many curves are fitted to cross-validate; with more sources, several are left out together."""


@dataclass(frozen=True, slots=True)
class Known:
    """One known picture and what the model gave for it."""

    path: str
    source: str
    generated: bool
    raw: float
    width: int
    """Pixels across, as the model saw it."""
    height: int


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration, and what it says of each picture when its source is left out."""

    calibration: Calibration
    pictures: tuple[Known, ...]
    llrs: Floats
    """Log10 likelihood ratios, cross-validated by source, within the bounds."""
    weights: Floats
    """Of each picture, so that no source decides."""
    bounds: Bounds

    @property
    def labels(self) -> Flags:
        """True for generated."""
        return np.array([p.generated for p in self.pictures])

    @property
    def raw(self) -> Floats:
        """The scores."""
        return np.array([p.raw for p in self.pictures])

    @property
    def sources(self) -> list[str]:
        """The source of each picture."""
        return [p.source for p in self.pictures]


def enough(generated: Sequence[bool], sources: Sequence[str]) -> None:
    """Raise UsageError where there are too few pictures or sources of a kind, naming what is needed."""
    for flag, kind in KINDS.items():
        counts = Counter(s for s, g in zip(sources, generated, strict=True) if g == flag)
        full = sum(1 for n in counts.values() if n >= LEAST_EACH)
        if sum(counts.values()) < LEAST_PICTURES or full < LEAST_SOURCES:
            raise UsageError(
                f"too small a set: {sum(counts.values())} {kind} pictures that can be used, and {full} sources "
                f"with {LEAST_EACH} or more of them",
                subject=kind,
                advice=f"Each kind needs {LEAST_PICTURES} pictures or more, from {LEAST_SOURCES} sources or more "
                f"with at least {LEAST_EACH} each: from fewer, no ratio could be stated for a source never seen.",
            )


def fit(pictures: Sequence[Known], *, name: str, method: str, state: str, date: str, seed: int = 0) -> Fit:
    """The calibration that `pictures` support. The same input gives the same figures.

    Raises UsageError where they are too few, or where the model scores generated pictures no higher than others.
    """
    kept = tuple(sorted(pictures, key=lambda p: (p.generated, p.source, p.path)))
    sources = [p.source for p in kept]
    enough([p.generated for p in kept], sources)
    labels = np.array([p.generated for p in kept])
    raw = np.array([p.raw for p in kept], dtype=np.float64)
    weights = weights_by_source(labels, sources)
    if auc(raw, labels, weights) <= 0.5 + 1e-9:
        raise UsageError(
            "scores generated pictures no higher than camera pictures, so there is nothing to calibrate",
            subject=name,
            advice="Check output.meaning, output.index and output.speaks_for of its card, and that the two "
            "folders were not swapped.",
        )
    knots = fitted(method, raw, labels, weights)
    left_out = cross_validated(method, raw, labels, sources)
    bounds = bounded(left_out, labels, sources, weights, seed=seed)
    sides = np.quantile([max(p.width, p.height) for p in kept], [0.01, 0.99])
    calibration = Calibration(
        name=name,
        size=len(kept),
        sources=len(set(sources)),
        date=date,
        state=state,
        method=method,
        knots=knots,
        lower=bounds.lower,
        upper=bounds.upper,
        least_side=int(sides[0]),
        most_side=min(MOST_SIDE, int(np.ceil(sides[1]))),
        least_quality=min(QUALITY[s] for s in OF[state]),
    )
    return Fit(calibration, kept, np.clip(left_out, bounds.lower, bounds.upper), weights, bounds)


def folds(sources: Sequence[str]) -> npt.NDArray[np.intp]:
    """A number for each picture: pictures of one source share it. One number a source, while there are few."""
    counts = Counter(sources)
    load = [0] * min(FOLDS, len(counts))
    number: dict[str, int] = {}
    for source, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])):
        number[source] = load.index(min(load))
        load[number[source]] += count
    return np.array([number[s] for s in sources], dtype=np.intp)


def cross_validated(method: str, raw: Floats, labels: Flags, sources: Sequence[str]) -> Floats:
    """Log10 likelihood ratios, each from a curve fitted to the other sources; not yet bounded."""
    names = np.asarray(sources, dtype=np.str_)
    out = np.empty(raw.shape)
    number = folds(sources)
    for fold in np.unique(number):
        held = number == fold
        rest = ~held
        weights = weights_by_source(labels[rest], [str(s) for s in names[rest]])
        out[held] = _on(fitted(method, raw[rest], labels[rest], weights), raw[held])
    return out


def _on(knots: Knots, raw: Floats) -> Floats:
    """As `Calibration.log10_lr`, for many."""
    found: Floats = np.interp(raw, [k[0] for k in knots], [k[1] for k in knots])
    return found
