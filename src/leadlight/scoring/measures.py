"""How well scores tell generated pictures from camera captures, and how far likelihood ratios can be trusted.

Everywhere: `labels` are True for 'generated' and False for 'camera', `scores` rise with 'generated', and `weights`
(0 or more, one a picture; all equal where not given) count within each class, so that neither the number of
pictures of a class nor one large source decides. Arrays are of one shape, (n,). Each measure needs both classes
and raises ValueError where one is missing or a score is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Measure = Callable[[Floats, Flags, Floats], float]

LN10: Final = float(np.log(10.0))
ROUNDS: Final = 400
"""Resamplings behind an interval."""


def checked(
    scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[Floats, Flags, Floats]:
    """The three as arrays, the weights of each class summing to 1."""
    values = np.asarray(scores, dtype=np.float64)
    flags = np.asarray(labels, dtype=np.bool_)
    counts = np.ones(values.shape) if weights is None else np.array(weights, dtype=np.float64)
    if values.ndim != 1 or values.shape != flags.shape or values.shape != counts.shape:
        raise ValueError("scores, labels and weights must be of one length")
    if np.isnan(values).any():
        raise ValueError("a score is not a number")
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise ValueError("weights must be finite and not negative")
    shares = np.empty_like(counts)
    for flag in (True, False):
        total = float(counts[flags == flag].sum())
        if total <= 0:
            raise ValueError("needs pictures of both kinds")
        shares[flags == flag] = counts[flags == flag] / total
    return values, flags, shares


def _by_value(values: Floats, flags: Flags, shares: Floats) -> tuple[Floats, npt.NDArray[np.intp], Floats, Floats]:
    """The values that occur, rising; where each picture's stands; how much of each class has it."""
    found, at = np.unique(values, return_inverse=True)
    generated: Floats = np.bincount(at, weights=np.where(flags, shares, 0.0)).astype(np.float64)
    camera: Floats = np.bincount(at, weights=np.where(flags, 0.0, shares)).astype(np.float64)
    return found, at, generated, camera


def cllr(llrs: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The log-likelihood-ratio cost of log10 likelihood ratios, in bits: 0 is perfect, 1 says nothing.

    More than 1 misleads.

    Brümmer & du Preez, Application-independent evaluation of speaker detection, Computer Speech and Language 20
    (2006) 230-275, equation 60.
    """
    values, flags, shares = checked(llrs, labels, weights)
    cost = np.logaddexp(0.0, np.where(flags, -values, values) * LN10) / np.log(2.0)
    return float(np.dot(cost[shares > 0], shares[shares > 0]) / 2)


def pav(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Floats:
    """The log10 likelihood ratios that suit these very scores best and never fall: pool adjacent violators.

    The best calibration that one could have after the fact (Brümmer & du Preez 2006, section 6); infinite where
    scores part the classes. Equal scores get equal ratios.
    """
    values, flags, shares = checked(scores, labels, weights)
    _, at, generated, camera = _by_value(values, flags, shares)
    pooled: list[tuple[float, float, int]] = []
    for one, other in zip(generated.tolist(), camera.tolist(), strict=True):
        block = (one, other, 1)
        while pooled and pooled[-1][0] * block[1] >= block[0] * pooled[-1][1]:
            last = pooled.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        pooled.append(block)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log10([b[0] for b in pooled]) - np.log10([b[1] for b in pooled])
    out: Floats = np.repeat(ratios, [b[2] for b in pooled])[at]
    return out


def cllr_min(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """What of Cllr would be left with the best calibration: the cost of poor discrimination alone."""
    values, flags, shares = checked(scores, labels, weights)
    best = pav(values, flags, shares)
    kept = shares > 0
    return cllr(best[kept], flags[kept], shares[kept])


def auc(scores: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The share of pairs (one generated, one camera) in which the generated one scores higher; ties count half."""
    values, flags, shares = checked(scores, labels, weights)
    _, _, generated, camera = _by_value(values, flags, shares)
    return float(np.dot(generated, np.cumsum(camera) - camera / 2))


def true_rate(
    scores: npt.ArrayLike, labels: npt.ArrayLike, false_rate: float, weights: npt.ArrayLike | None = None
) -> float:
    """The greatest share of generated pictures that one threshold finds, at most `false_rate` of the camera
    pictures (0 to 1) at or above it.
    """
    values, flags, shares = checked(scores, labels, weights)
    _, _, generated, camera = _by_value(values, flags, shares)
    found = np.cumsum(generated[::-1])
    false = np.cumsum(camera[::-1])
    allowed = found[false <= false_rate + 1e-12]
    return float(allowed.max(initial=0.0))


def share_at(
    llrs: npt.ArrayLike, labels: npt.ArrayLike, at_least: float, weights: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """The shares of generated and of camera pictures with a log10 likelihood ratio of `at_least` or more."""
    values, flags, shares = checked(llrs, labels, weights)
    above = values >= at_least
    return float(shares[above & flags].sum()), float(shares[above & ~flags].sum())


@dataclass(frozen=True, slots=True)
class Tippett:
    """The share of each class with a likelihood ratio of at least so much."""

    log10_lr: Floats
    """Rising."""
    generated: Floats
    camera: Floats


def tippett(llrs: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Tippett:
    """The points of a Tippett plot: at each ratio that occurs, the shares of each class that reach it."""
    values, flags, shares = checked(llrs, labels, weights)
    ratios, _, generated, camera = _by_value(values, flags, shares)
    return Tippett(ratios, _reached(generated), _reached(camera))


def _reached(shares: Floats) -> Floats:
    return np.minimum(1.0, np.cumsum(shares[::-1])[::-1], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Bin:
    """Pictures whose stated ratios lie near each other."""

    stated: float
    """Their mean stated log10 likelihood ratio."""
    observed: float
    """The log10 of how much more often they are generated than camera, each class counted as one; half a picture
    stands in where one class has none.
    """
    share: float
    """Of the weight of all, each class counted as one half."""
    generated: int
    camera: int


def reliability(
    llrs: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, bins: int = 10
) -> tuple[Bin, ...]:
    """Stated against observed ratios in `bins` groups of equal weight; equal ratios are never parted."""
    values, flags, shares = checked(llrs, labels, weights)
    order = np.argsort(values, kind="stable")
    middles = np.cumsum(shares[order]) - shares[order] / 2
    cut = np.minimum((middles / 2 * bins).astype(np.intp), bins - 1)
    ratios, at = np.unique(values[order], return_inverse=True)
    first = np.full(len(ratios), bins)
    np.minimum.at(first, at, cut)
    group = first[at]
    half = {flag: 0.5 / max(1, int((flags == flag).sum())) for flag in (True, False)}
    out = []
    for number in np.unique(group):
        chosen = order[group == number]
        flag = flags[chosen]
        weight = shares[chosen]
        if weight.sum() <= 0:
            continue
        one, other = max(weight[flag].sum(), half[True]), max(weight[~flag].sum(), half[False])
        stated = float(np.average(values[chosen], weights=weight))
        seen = float(np.log10(one / other))
        out.append(Bin(stated, seen, float(weight.sum() / 2), int(flag.sum()), int((~flag).sum())))
    return tuple(out)


def calibration_error(
    llrs: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, bins: int = 10
) -> float:
    """The expected calibration error over the groups of `reliability`: how far, on average, the share of generated
    pictures (at equal numbers of both kinds, 0 to 1) lies from what the stated ratios imply.
    """
    values, flags, shares = checked(llrs, labels, weights)
    parts = reliability(values, flags, shares, bins=bins)
    return float(sum(p.share * abs(_even(p.stated) - _even(p.observed)) for p in parts))


def _even(log10_lr: float) -> float:
    """The share of generated pictures that a ratio implies, at equal numbers of both kinds."""
    return float(0.5 + 0.5 * np.tanh(log10_lr * LN10 / 2))


def cross_entropy(
    llrs: npt.ArrayLike, labels: npt.ArrayLike, log10_prior: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> Floats:
    """The empirical cross-entropy at each log10 prior odds, in bits: what stays unknown once ratios are told.

    Ramos & Gonzalez-Rodriguez, Reliable support: measuring calibration of likelihood ratios, Forensic Science
    International 230 (2013) 156-169. At even odds it is Cllr.
    """
    values, flags, shares = checked(llrs, labels, weights)
    out = []
    for prior in np.atleast_1d(np.asarray(log10_prior, dtype=np.float64)):
        odds = (values + prior) * LN10
        cost = np.logaddexp(0.0, np.where(flags, -odds, odds)) / np.log(2.0)
        generated = 1 / (1 + 10.0**-prior)
        out.append(
            generated * np.dot(cost[flags], shares[flags]) + (1 - generated) * np.dot(cost[~flags], shares[~flags])
        )
    return np.array(out)


def weights_by_source(labels: npt.ArrayLike, sources: Sequence[str]) -> Floats:
    """A weight for each picture, so that no source is more than twice its even share of its class.

    Pictures count one each, until those of a source would weigh more than 2 of S, where its class has S sources:
    from there all its pictures share that much. With two sources or fewer nothing is evened out but the classes.
    """
    flags = np.asarray(labels, dtype=np.bool_)
    names = np.asarray(sources, dtype=np.str_)
    weights = np.ones(flags.shape)
    for flag in (True, False):
        chosen = flags == flag
        found, at, counts = np.unique(names[chosen], return_inverse=True, return_counts=True)
        if not len(found):
            continue
        limit = _limit(counts, 2 / len(found))
        each = np.minimum(counts, limit) / counts
        weights[chosen] = each[at] / float((each * counts).sum())
    return weights


def _limit(counts: npt.NDArray[np.intp], share: float) -> float:
    """The most pictures that a source may count for, so that none counts for more than `share` of all."""
    limit = float(counts.max())
    for _ in range(len(counts)):
        capped = counts >= limit
        rest = float(counts[~capped].sum())
        number = int(capped.sum())
        if limit <= share * (number * limit + rest) + 1e-9 or share * number >= 1:
            break
        limit = share * rest / (1 - share * number)
    return max(limit, 1e-9)


def resampled(labels: npt.ArrayLike, sources: Sequence[str], *, rounds: int, seed: int) -> Iterator[Floats]:
    """How often each picture counts when whole sources are drawn anew, with return, within each class.

    Pictures of one source are alike: drawing pictures would make intervals far too narrow.
    """
    flags = np.asarray(labels, dtype=np.bool_)
    names = np.asarray(sources, dtype=np.str_)
    rng = np.random.default_rng(seed)
    parts = [(flags == flag, *np.unique(names[flags == flag], return_inverse=True)) for flag in (True, False)]
    for _ in range(rounds):
        counts = np.zeros(flags.shape)
        for chosen, found, at in parts:
            if len(found):
                drawn = np.bincount(rng.integers(0, len(found), len(found)), minlength=len(found))
                counts[chosen] = drawn[at]
        yield counts


def interval(
    measure: Measure,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    sources: Sequence[str],
    *,
    weights: npt.ArrayLike | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a measure over sources; None where a class has fewer than 2 sources.

    With few sources it is a rough guide, and rather too narrow (Davison & Hinkley, Bootstrap Methods and their
    Application, 1997).
    """
    values, flags, shares = checked(scores, labels, weights)
    names = np.asarray(sources, dtype=np.str_)
    if any(len(np.unique(names[flags == flag])) < 2 for flag in (True, False)):
        return None
    found = [
        measure(values, flags, shares * counts) for counts in resampled(flags, sources, rounds=rounds, seed=seed)
    ]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
