"""Curves from scores to likelihood ratios, and the bounds that a set of known pictures supports: by `lir`, the
likelihood ratio library of the Netherlands Forensic Institute, an extra that only calibrating needs.

Weights by source enter as quantiles: each class is told to the fit as `PICKS` scores, spread evenly over the
weighted distribution of the class, so that one large source can't decide and every method of lir can be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import numpy as np

from leadlight.errors import ConfigError
from leadlight.scoring.calibration import STRONGEST
from leadlight.scoring.measures import Flags, Floats, checked, resampled, share_at

PICKS: Final = 1000
GRID: Final = 128
DRAWS: Final = 40
"""Sets of sources, drawn anew, that bounds must hold in."""
HOLD_IN: Final = 0.9
"""The share of those sets."""
STEP: Final = 0.01
"""Accuracy of bounds, on the scale of log10 likelihood ratios."""

Knots = tuple[tuple[float, float], ...]


def need() -> None:
    """Raise ConfigError where the extra is not installed."""
    if find_spec("lir") is None:
        raise ConfigError(
            "needs lir, which is not installed",
            subject="calibrate",
            advice="Install it: pip install 'leadlight[calibrate]'.",
        )


def fitted(method: str, raw: Floats, labels: Flags, weights: Floats) -> Knots:
    """The knots of a curve from raw scores to log10 likelihood ratios, not yet bounded, never falling.

    `method` is 'logistic' (a straight line, by logistic regression), 'kernel' (the ratio of two smoothed
    densities, made to rise) or 'isotonic' (steps, by pooling adjacent violators, with one more misleading picture
    at each end). Where a straight line would fall, it is level at 0.
    """
    values, flags, shares = checked(raw, labels, weights)
    low, high = float(values[shares > 0].min()), float(values[shares > 0].max())
    if not low < high:
        return (low, 0.0), (low + 1.0, 0.0)
    middle, spread = float(values.mean()), float(values.std())
    scaled = (np.concatenate([_picks(values, flags == flag, shares) for flag in (False, True)]) - middle) / spread
    told = np.repeat([0, 1], PICKS)
    if method == "logistic":
        at = np.array([low, high])
        ratios = _line(scaled, told, (at - middle) / spread)
    elif method == "kernel":
        at = np.linspace(low, high, GRID)
        counts = {flag: float(1 / np.square(shares[flags == flag]).sum()) for flag in (False, True)}
        ratios = _kernel(scaled, told, (at - middle) / spread, counts)
    else:
        at = np.unique(np.quantile(scaled, np.linspace(0, 1, GRID), method="nearest"))
        one = max(1, round(PICKS * float(np.square(shares).sum()) / 2))
        ratios = _steps(scaled, told, at, one)
        at = at * spread + middle
    return _tidy(at, ratios)


def _picks(values: Floats, chosen: Flags, shares: Floats) -> Floats:
    """`PICKS` scores of one class, each at an even step of its weighted distribution."""
    order = np.argsort(values[chosen], kind="stable")
    reached = np.cumsum(shares[chosen][order])
    at = np.searchsorted(reached, (np.arange(PICKS) + 0.5) / PICKS * reached[-1])
    picked: Floats = values[chosen][order][np.minimum(at, len(order) - 1)]
    return picked


def _line(scaled: Floats, told: np.ndarray, at: Floats) -> Floats:
    from lir.algorithms.logistic_regression import LogitCalibrator

    fit = LogitCalibrator(solver="newton-cholesky").fit(scaled.reshape(-1, 1), told)
    ratios: Floats = fit.transform(at.reshape(-1, 1)).reshape(-1)
    return ratios if ratios[0] < ratios[-1] else np.zeros(at.shape)


def _kernel(scaled: Floats, told: np.ndarray, at: Floats, counts: dict[bool, float]) -> Floats:
    """Silverman's rule for the bandwidths, by the number of pictures that the weights leave (Kish's)."""
    from lir.algorithms.isotonic_regression import IsotonicRegression
    from lir.algorithms.kde import KDECalibrator

    def bandwidth(scores: np.ndarray, flags: np.ndarray) -> tuple[float, float]:
        camera, generated = (
            max(float(np.std(scores[flags == flag])), 1e-3) * (4 / (3 * counts[bool(flag)])) ** 0.2
            for flag in (0, 1)
        )
        return camera, generated

    fit = KDECalibrator(bandwidth=bandwidth).fit(scaled.reshape(-1, 1), told)
    ratios = np.clip(np.nan_to_num(fit.transform(at)), -STRONGEST, STRONGEST)
    near = np.histogram(scaled, bins=len(at), range=(at[0], at[-1]))[0] + 1.0
    rising: Floats = IsotonicRegression().fit(at, ratios, near).transform(at)
    return rising


def _steps(scaled: Floats, told: np.ndarray, at: Floats, one: int) -> Floats:
    from lir.algorithms.isotonic_regression import IsotonicCalibrator

    ratios: Floats = IsotonicCalibrator(add_misleading=one).fit(scaled, told).transform(at)
    return np.clip(ratios, -STRONGEST, STRONGEST)


def _tidy(at: Floats, ratios: Floats) -> Knots:
    """Rounded to what is worth writing down; scores that fall together keep the ratio nearest to 0."""
    out: dict[float, float] = {}
    for raw, ratio in zip(at, np.maximum.accumulate(ratios), strict=True):
        key, value = float(f"{raw:.9g}"), round(float(ratio), 4)
        out[key] = min(out.get(key, value), value, key=abs)
    return tuple(zip(out, np.maximum.accumulate(list(out.values())).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far ratios may go, and what kept them there."""

    lower: float
    upper: float
    elub: tuple[float, float]
    """The empirical bounds of all pictures as they are."""
    by_sources: tuple[float, float]
    """Those that hold in nine of ten sets of sources drawn anew, none of them counting for too much."""
    by_rates: tuple[float, float]
    """Those up to which misleading ratios are as rare as they must be."""


def bounded(llrs: Floats, labels: Flags, sources: Sequence[str], weights: Floats, *, seed: int) -> Bounds:
    """The bounds that cross-validated log10 likelihood ratios support.

    Three are found and the narrowest taken. The empirical lower and upper bounds (ELUB): beyond them stating no
    ratio at all would serve better, were there one misleading picture more (Vergeer et al., Numerical likelihood
    ratios outputted by LR systems are often based on extrapolation: when to stop extrapolating?, Science & Justice
    56 (2016) 482-491). The same with sources drawn anew. And the rate of misleading ratios: one of 10^t or more
    must be met in less than 10^-t of the pictures of the other kind, as holds for true ratios, whether each
    picture counts alike or each is weighted by its source.
    """
    values, flags, shares = checked(llrs, labels, weights)
    plain = _elub(values, flags)
    rng = np.random.default_rng(seed)
    lows, highs = [], []
    for counts in resampled(flags, sources, rounds=DRAWS, seed=seed):
        kept = _thinned(flags, shares, rng)
        often = np.where(kept, counts, 0).astype(np.intp)
        low, high = _elub(np.repeat(values, often), np.repeat(flags, often))
        lows.append(low)
        highs.append(high)
    drawn = (float(np.quantile(lows, HOLD_IN)), float(np.quantile(highs, 1 - HOLD_IN)))
    rates = (-_rare(-values, ~flags, shares), _rare(values, flags, shares))
    upper = min(plain[1], drawn[1], rates[1], STRONGEST)
    lower = max(plain[0], drawn[0], rates[0], -STRONGEST)
    return Bounds(_inwards(min(lower, 0.0)), _inwards(max(upper, 0.0)), plain, drawn, rates)


def _inwards(bound: float) -> float:
    """On the grid of steps, towards 0."""
    return float(round(np.trunc(bound / STEP + (1e-6 if bound > 0 else -1e-6)) * STEP, 2)) + 0.0


def _thinned(flags: Flags, shares: Floats, rng: np.random.Generator) -> Flags:
    """Pictures drawn so that those of a source whose weight was cut are as few as that weight says."""
    kept = np.zeros(flags.shape, dtype=np.bool_)
    for flag in (True, False):
        chosen = flags == flag
        kept[chosen] = rng.random(int(chosen.sum())) <= shares[chosen] / shares[chosen].max()
    return kept


def _elub(values: Floats, flags: Flags) -> tuple[float, float]:
    """By lir; nothing at all is supported where a class is missing."""
    from lir.algorithms.bayeserror import elub

    if not flags.any() or flags.all():
        return 0.0, 0.0
    low, high = elub(values.copy(), flags.astype(np.int64))
    return float(low), float(high)


def _rare(values: Floats, flags: Flags, shares: Floats) -> float:
    """The greatest t up to which ratios of 10^t are rare enough among pictures of the other kind."""
    for t in np.arange(STEP, STRONGEST + STEP / 2, STEP):
        rates = (share_at(values, flags, t, w)[1] for w in (None, shares))
        if not max(rates) < 10.0**-t:
            return float(t - STEP)
    return STRONGEST
