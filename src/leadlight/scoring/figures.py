"""The figures by which a detector is judged, each with its interval by source, and the tables that show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from leadlight.scoring import measures
from leadlight.scoring.measures import Flags, Floats, Measure

FALSE_RATES: Final = (0.01, 0.001)
"""At which the share of generated pictures found is told."""
STRONG: Final = 2.0
"""The log10 likelihood ratio of 100 that misleading pictures are counted at."""
WEAK: Final = 1.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its 95 % interval, where sources are enough for one."""

    value: float
    interval: tuple[float, float] | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values, rounded; a figure without bound is null."""
        return {
            "value": _plain(self.value),
            "interval": None if self.interval is None else [*map(_plain, self.interval)],
        }


@dataclass(frozen=True, slots=True)
class Told:
    """Pictures and what is told of each: raw scores or log10 likelihood ratios."""

    values: Floats
    labels: Flags
    sources: Sequence[str]
    weights: Floats

    @classmethod
    def of(cls, values: Iterable[float], labels: Iterable[bool], sources: Sequence[str]) -> Told:
        """With the weights by source that these pictures themselves have."""
        flags = np.array(list(labels), dtype=np.bool_)
        return cls(
            np.array(list(values), dtype=np.float64), flags, sources, measures.weights_by_source(flags, sources)
        )

    @property
    def both(self) -> bool:
        """Whether there are pictures of both kinds."""
        return bool(self.labels.any()) and not bool(self.labels.all())

    def count(self, flag: bool) -> float:
        """How many pictures of a kind would say as much, each counting alike (Kish)."""
        weights = self.weights[self.labels == flag]
        return float(weights.sum() ** 2 / np.square(weights).sum())

    def figure(self, measure: Measure, *, seed: int = 0, rounds: int = measures.ROUNDS) -> Figure:
        """A measure of these pictures, weighted and with its interval by source."""
        value = measure(self.values, self.labels, self.weights)
        found = measures.interval(
            measure, self.values, self.labels, self.sources, weights=self.weights, seed=seed, rounds=rounds
        )
        return Figure(value, found)


def discrimination(scores: Told, *, seed: int = 0) -> dict[str, Figure]:
    """How well scores tell the kinds apart, whatever their scale."""
    out = {"auc": scores.figure(measures.auc, seed=seed)}
    for rate in FALSE_RATES:
        found: Measure = partial(_true_rate, rate)
        out[f"true_rate_at_{rate:g}"] = scores.figure(found, seed=seed)
    return out


def reliability(llrs: Told, *, seed: int = 0) -> dict[str, Figure]:
    """How far log10 likelihood ratios can be trusted."""
    false: Measure = partial(_false_rate, STRONG)
    missed: Measure = partial(_missed_rate, STRONG)
    camera, generated = (llrs.count(flag) for flag in (False, True))
    return {
        "cllr": llrs.figure(measures.cllr, seed=seed),
        "cllr_min": llrs.figure(measures.cllr_min, seed=seed, rounds=measures.ROUNDS // 4),
        "calibration_error": llrs.figure(measures.calibration_error, seed=seed, rounds=measures.ROUNDS // 4),
        "camera_at_100_or_more": _widened(llrs.figure(false, seed=seed), camera),
        "generated_at_a_hundredth_or_less": _widened(llrs.figure(missed, seed=seed), generated),
    }


def _widened(figure: Figure, count: float) -> Figure:
    """An interval of a share, no narrower than so many pictures allow, were they independent.

    Drawing sources anew never finds what no source has met, so a share of 0 would be told with an interval of 0 to
    0. Wilson's score interval (1927) has an upper end there.
    """
    if figure.interval is None:
        return figure
    z = 1.96
    centre = (figure.value + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(figure.value * (1 - figure.value) / count + (z / (2 * count)) ** 2)
    low, high = figure.interval
    return Figure(
        figure.value, (max(0.0, min(low, float(centre - half))), min(1.0, max(high, float(centre + half))))
    )


def rate(hits: Sequence[bool], sources: Sequence[str], *, seed: int = 0) -> Figure:
    """The share of pictures that are hit, each counting alike, with its interval by source (see `_widened`)."""
    flags = np.array(hits, dtype=np.float64)
    names, at = np.unique(np.asarray(sources, dtype=np.str_), return_inverse=True)
    if not len(flags):
        return Figure(float("nan"))
    value = float(flags.mean())
    if len(names) < 2:
        return Figure(value)
    hit, all_ = np.bincount(at, weights=flags), np.bincount(at)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(names), (measures.ROUNDS, len(names)))
    low, high = np.quantile(hit[drawn].sum(axis=1) / all_[drawn].sum(axis=1), [0.025, 0.975])
    return _widened(Figure(value, (float(low), float(high))), len(flags))


TITLES: Final = {
    "auc": "AUC",
    "true_rate_at_0.01": "Generated pictures found, where 1 % of camera pictures are taken for generated",
    "true_rate_at_0.001": "Generated pictures found, where 0.1 % of camera pictures are taken for generated",
    "cllr": "Cllr",
    "cllr_min": "Cllr_min",
    "calibration_error": "Expected calibration error",
    "camera_at_100_or_more": "Camera pictures with a likelihood ratio of 100 or more for generated",
    "generated_at_a_hundredth_or_less": "Generated pictures with a likelihood ratio of 100 or more for camera",
}
SHARES: Final = frozenset(k for k in TITLES if k.startswith(("true_rate", "camera_at", "generated_at")))
"""Those told in per cent."""


def _true_rate(rate: float, values: Floats, labels: Flags, weights: Floats) -> float:
    return measures.true_rate(values, labels, rate, weights)


def _false_rate(at_least: float, values: Floats, labels: Flags, weights: Floats) -> float:
    return measures.share_at(values, labels, at_least, weights)[1]


def _missed_rate(at_least: float, values: Floats, labels: Flags, weights: Floats) -> float:
    return measures.share_at(-values, ~labels, at_least, weights)[1]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is of words, the others of figures."""
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)]), *map(_line, rows)]
    return "\n".join(lines) + "\n"


def of_figures(figures: Mapping[str, Figure]) -> str:
    """A Markdown table of figures with their intervals."""
    rows = []
    for name, figure in figures.items():
        as_share = name in SHARES
        shown = [share(figure.value) if as_share else number(figure.value)]
        if figure.interval is None:
            shown.append("-")
        else:
            shown.append(" to ".join(share(v) if as_share else number(v) for v in figure.interval))
        rows.append([TITLES[name], *shown])
    return table(["", "value", "95 % interval"], rows)


def shown(figure: Figure, *, as_share: bool) -> str:
    """A figure with its interval in brackets."""
    form = share if as_share else number
    ends = "" if figure.interval is None else f" ({form(figure.interval[0])} to {form(figure.interval[1])})"
    return f"{form(figure.value)}{ends}"


def share(value: float) -> str:
    """A share of 0 to 1 in per cent."""
    if not np.isfinite(value):
        return "-"
    return f"{100 * value:.2f} %" if 0 < value < 0.01 else f"{100 * value:.1f} %"


def number(value: float) -> str:
    """A figure to three digits."""
    return f"{value:.3f}" if np.isfinite(value) else "-"


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(c.replace('|', '/').replace(chr(10), ' ') for c in cells)} |"
