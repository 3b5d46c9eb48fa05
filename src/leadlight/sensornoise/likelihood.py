"""From a position found to a likelihood ratio, by a curve with bounds, and to words.

The curve was fitted on comparisons of known pictures (`bench/sensor.py` measures them again); see
docs/sensor-noise.md for what they were. Its bounds are those that so many comparisons can support, in the manner
of empirical lower and upper bounds (Vergeer, van Es, de Jongh, Alberink and Stoel, Science & Justice 56 (2016)
482-491).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from leadlight.origin import SCALE
from leadlight.records import display_text
from leadlight.sensornoise.compare import UNCHANGED, Found

BASIS: Final = (
    "comparisons of unchanged pictures by 13 cameras and phones of 10 models, measured in November 2026: 56 with "
    "the camera that took them, 376 with others"
)
"""What the ratios rest on, in words."""
KNOTS: Final = ((4.0, -1.0), (16.0, 0.0), (40.0, 1.5), (60.0, 2.3))
"""(excess, log10 likelihood ratio): of the comparisons with other cameras 1 in 100 lay above 11, the greatest at
21; of those with the camera itself, enrolled from 20 pictures or 9 flat ones, all above 64."""
UPPER: Final = 2.3
"""The greatest ratio stated, log10: half of what 376 comparisons with others, none so clear, could support."""
LOWER: Final = -1.0
"""The least; only for pictures of the camera's own size: an edit explains a pattern that is not found."""


def best(found: Iterable[Found]) -> Found | None:
    """The position that stands out most from chance; None of none."""
    return max(found, key=lambda f: f.excess, default=None)


def log10_lr(found: Found) -> float:
    """For 'taken by this camera' (above 0) against 'by another' (below), from LOWER to UPPER."""
    excess = found.excess
    after = bisect_right(KNOTS, excess, key=lambda knot: knot[0])
    if after == 0:
        ratio = KNOTS[0][1]
    elif after == len(KNOTS):
        ratio = KNOTS[-1][1]
    else:
        (left, low), (right, high) = KNOTS[after - 1], KNOTS[after]
        ratio = low + (excess - left) / (right - left) * (high - low)
    ratio = max(LOWER, min(UPPER, ratio))
    return round(ratio if found.way == UNCHANGED else max(0.0, ratio), 3)


def words(name: str, ratio: float) -> str:
    """What a ratio says of the camera `name`, with both propositions, on the ENFSI verbal scale."""
    this, other = f"'taken by the camera {display_text(name)}'", "'taken by another camera'"
    if ratio < 0:
        this, other = other, this
    for least, word in SCALE:
        if abs(ratio) >= least:
            figure = f"{10 ** abs(ratio):,.0f}" if abs(ratio) >= 1 else f"{10 ** abs(ratio):.1f}"
            return f"{word} support (likelihood ratio {figure}) for {this} rather than {other}"
    return f"no support for {this} rather than {other}, or the other way round"
