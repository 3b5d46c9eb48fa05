"""A detector's score to a likelihood ratio: a curve fitted once on known pictures, with bounds, applied here.

The curve is data in the detector's card, so that what is stated of a picture can be worked out again by hand:
straight lines between knots, cut off at the bounds that the calibration set supports (the empirical lower and
upper bounds of Vergeer et al., Science & Justice 56 (2016) 482-491). It is fitted by `leadlight calibrate`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from leadlight.errors import ConfigError

STATES: Final = ("any", "original", "recompressed", "resized")
"""What was done to the pictures that a curve was fitted on, 'any' where they were of all kinds."""
METHODS: Final = ("logistic", "kernel", "isotonic")
"""How a curve was fitted."""
MOST_KNOTS: Final = 1024
MOST_SIDE: Final = 65_535
STRONGEST: Final = 6.0
"""No curve states a log10 likelihood ratio beyond this, either way: it would take a million known pictures."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """One curve from a raw score to a log10 likelihood ratio, what it rests on, and where it applies.

    Positive speaks for 'output or part output of a generator', negative for 'camera capture'. Raises ValueError
    where a field does not fit.
    """

    name: str
    """Of the set of known pictures."""
    size: int
    """Pictures in that set, of both kinds."""
    sources: int
    """Sources that they come from, of both kinds: pictures of one source are alike, so this is the better size."""
    date: str
    """When it was fitted: YYYY-MM-DD."""
    state: str
    """One of STATES."""
    method: str
    """One of METHODS."""
    knots: tuple[tuple[float, float], ...]
    """(raw score, log10 likelihood ratio), 2 or more; scores rise strictly, ratios never fall."""
    lower: float
    """Bound for 'camera capture', log10, 0 or less."""
    upper: float
    """Bound for 'output of a generator', log10, 0 or more."""
    least_side: int = 0
    """Pixels of the long side below which it does not apply."""
    most_side: int = MOST_SIDE
    """Pixels of the long side above which it does not apply."""
    least_quality: int = 0
    """JPEG quality (0 to 100) below which it does not apply; 0 where it always does."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", tuple((float(raw), float(ratio)) for raw, ratio in self.knots))
        object.__setattr__(self, "lower", float(self.lower))
        object.__setattr__(self, "upper", float(self.upper))
        _check(self)

    def log10_lr(self, raw: float) -> float:
        """The log10 likelihood ratio of a raw score: never falls as `raw` rises, never leaves the bounds.

        Beyond the outermost knots it stays level: nothing is extrapolated. Raises ValueError where `raw` is no
        finite figure.
        """
        raw = float(raw)
        if not math.isfinite(raw):
            raise ValueError(f"a raw score must be a finite figure, not {raw}")
        return max(self.lower, min(self.upper, self._on_curve(raw)))

    def _on_curve(self, raw: float) -> float:
        after = bisect_right(self.knots, raw, key=lambda knot: knot[0])
        if after == 0:
            return self.knots[0][1]
        if after == len(self.knots):
            return self.knots[-1][1]
        (left, low), (right, high) = self.knots[after - 1], self.knots[after]
        share = (raw - left) / (right - left)
        return min(high, max(low, low + share * (high - low)))

    def covers(self, width: int, height: int, quality: float | None = None) -> bool:
        """Whether it applies to a picture of that many pixels and that JPEG quality (0 to 100).

        Give 100 for a file without loss, and None where the quality is not known: then it applies only where it
        asks for none.
        """
        if min(width, height) < 1 or not self.least_side <= max(width, height) <= self.most_side:
            return False
        return self.least_quality == 0 or (quality is not None and quality >= self.least_quality)

    def plain(self) -> dict[str, Any]:
        """As TOML or JSON values."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "knots": [list(knot) for knot in self.knots]}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any], *, subject: str = "calibration") -> Calibration:
        """The inverse of `plain`. Raises ConfigError naming `subject` where a value does not fit."""
        try:
            return cls(**_values(values))
        except (TypeError, ValueError, OverflowError) as e:
            raise ConfigError(
                f"is no calibration that can be used: {e}",
                subject=subject,
                advice="Take it as 'leadlight calibrate' wrote it, or calibrate anew.",
            ) from e


_NUMBERS: Final = {"lower", "upper"}
_COUNTS: Final = {"size", "sources", "least_side", "most_side", "least_quality"}


def _values(values: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ValueError("not a table")
    known = {f.name for f in fields(Calibration)}
    if unknown := sorted(set(map(str, values)) - known):
        raise ValueError(f"unknown key {unknown[0][:80]!r}")
    out: dict[str, Any] = {}
    for name, value in values.items():
        if name == "knots":
            if not isinstance(value, list | tuple) or len(value) > MOST_KNOTS:
                raise ValueError(f"knots must be a list of at most {MOST_KNOTS} pairs")
            out[name] = tuple(_pair(knot) for knot in value)
        elif name in _NUMBERS:
            out[name] = _number(value, name)
        elif name in _COUNTS:
            if type(value) is not int:
                raise ValueError(f"{name} must be a whole number")
            out[name] = value
        elif not isinstance(value, str):
            raise ValueError(f"{name} must be text")
        else:
            out[name] = value
    return out


def _pair(knot: Any) -> tuple[float, float]:
    if not isinstance(knot, list | tuple) or len(knot) != 2:
        raise ValueError("each knot must be a pair: raw score, log10 likelihood ratio")
    return _number(knot[0], "a knot"), _number(knot[1], "a knot")


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number")
    return float(value)


def _check(calibration: Calibration) -> None:
    c = calibration
    if not c.name or len(c.name) > 200 or not c.name.isprintable():
        raise ValueError("name must be printable text of 1 to 200 characters")
    if date.fromisoformat(c.date).isoformat() != c.date:
        raise ValueError("date must be YYYY-MM-DD")
    if c.state not in STATES:
        raise ValueError(f"state must be one of {', '.join(STATES)}")
    if c.method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}")
    if c.sources < 2 or c.size < c.sources:
        raise ValueError("a set has 2 sources or more, and a picture or more of each")
    if not 2 <= len(c.knots) <= MOST_KNOTS:
        raise ValueError(f"needs 2 to {MOST_KNOTS} knots")
    if not all(math.isfinite(v) for knot in c.knots for v in knot):
        raise ValueError("knots must be finite figures")
    for (raw, ratio), (next_raw, next_ratio) in zip(c.knots, c.knots[1:], strict=False):
        if not raw < next_raw:
            raise ValueError("the raw scores of the knots must rise")
        if next_ratio < ratio:
            raise ValueError("the ratios of the knots must not fall")
        if not math.isfinite(next_raw - raw) or not math.isfinite(next_ratio - ratio):
            raise ValueError("knots lie too far apart")
    if not -STRONGEST <= c.lower <= 0.0 <= c.upper <= STRONGEST:  # also where one is NaN
        raise ValueError(f"bounds must lie in {-STRONGEST:g} to 0 and in 0 to {STRONGEST:g}")
    if not 0 <= c.least_side <= c.most_side <= MOST_SIDE:
        raise ValueError(f"sides must be 0 <= least_side <= most_side <= {MOST_SIDE}")
    if not 0 <= c.least_quality <= 100:
        raise ValueError("least_quality must lie in 0 to 100")
