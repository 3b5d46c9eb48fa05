"""When local features say that two pictures show the same, and what that looks like in words."""

from __future__ import annotations

from typing import Any

from leadlight.keypoints.geometry import Agreement

AGREEING = 14
"""Features that must agree in position. Of unrelated photographs none had more than 5."""
COVER = 0.5
"""The share of the part that both show that must hold agreeing features, and ..."""
SCATTER = 0.62
"""... how evenly they must lie among all features there: both keep apart a picture within another from two letters
with one letterhead, two forms filled in differently, two charts with one axis, two screens with one frame.
"""
FALSE_MATCHES = 1e-6
"""The share of pairs of unrelated pictures that may match, which these are set for."""
_WHOLE = 0.98
_WHOLE_TURNED = 0.85
"""The corners of a picture that is turned within its frame are lost, and said by the turn."""
_LEVEL = 0.75
"""Degrees up to which nothing is said of a turn."""


def matches(found: Agreement) -> bool:
    """Whether two pictures show the same."""
    return found.agreeing >= AGREEING and found.cover >= COVER and found.scatter >= SCATTER


def differences(found: Agreement) -> str:
    """How the first picture shows the second, in words: ', cropped to 81 %, turned by 5 degrees'."""
    words = []
    turn = abs(found.turn)
    whole = _WHOLE if turn < _LEVEL else _WHOLE_TURNED
    if found.shared < whole:
        words.append(f"cropped to {100 * found.shared:.0f} %")
    if found.filled < whole:
        words.append(f"within a larger picture, of which it fills {100 * found.filled:.0f} %")
    if turn >= _LEVEL:
        words.append(f"turned by {turn:.0f} degree{'s' if round(turn) != 1 else ''}")
    return "".join(f", {w}" for w in words)


def facts(found: Agreement) -> dict[str, Any]:
    """For a payload: counts, the map, and what the thresholds were set for."""
    return {
        "agreeing": found.agreeing,
        "pairs": found.pairs,
        "cover": round(found.cover, 3),
        "scatter": round(found.scatter, 3),
        "shared": round(found.shared, 3),
        "filled": round(found.filled, 3),
        "turn": round(found.turn, 2),
        "scale": round(found.scale, 4),
        "map": [round(v, 5) for v in found.map],
        "false_match_rate": FALSE_MATCHES,
    }
