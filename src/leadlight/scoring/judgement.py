"""What may be stated of a picture by a detector's raw value: a likelihood ratio, or why there is none.

A raw value means nothing by itself, and a likelihood ratio nothing outside of what it was measured on. So each
reason to abstain is looked at first, in a fixed order, and the first that holds is given. A picture does not say
what was done to it, so only calibrations on pictures of every state ('any') are used; those of one state serve
comparisons. Where several apply, the one that states least is taken, and where they speak for different sides none
of them is: nothing is overstated for want of knowing better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from leadlight.raster import Picture
from leadlight.scoring.calibration import Calibration
from leadlight.scoring.card import Card
from leadlight.scoring.detector import Reading

COLOURS: Final = frozenset({"RGB", "RGBA", "RGBX"})
"""How pictures are stored that a detector can be calibrated on without more ado, in Pillow's words."""
GREYS: Final = frozenset({"L", "LA"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is stated of one picture."""

    log10_lr: float | None
    """Positive for 'output or part output of a generator', negative for 'camera capture'; None: it abstains."""
    calibration: Calibration | None
    """What the ratio rests on; None where it abstains."""
    abstained: str
    """Why, in a word: '' where it does not."""
    why: str
    """Why, in plain words; '' where it does not abstain."""


def judge(card: Card, reading: Reading, picture: Picture, quality: float | None = None) -> Judgement:
    """What a reading of `picture` states. `quality` is what it was saved at, 0 to 100, 100 without loss, or None
    where it is not known.
    """
    if said := _of_file(card, picture):
        return _abstains(*said)
    return judge_size(card, reading, picture.width, picture.height, quality)


def judge_size(card: Card, reading: Reading, width: int, height: int, quality: float | None) -> Judgement:
    """As `judge`, of pixels of which no more is known than their size and quality."""
    if said := _of_reading(card, reading, min(width, height)):
        return _abstains(*said)
    raw = reading.raw
    found = [c for c in card.calibration if c.state == "any" and c.covers(width, height, quality)]
    if raw is None or not found:
        return _abstains("calibration", _uncovered(card, width, height, quality))
    ratios = [(c.log10_lr(raw), c) for c in found]
    if min(r for r, _ in ratios) < 0 < max(r for r, _ in ratios):
        return _abstains("calibration", "the calibrations that apply to it speak for different sides")
    ratio, calibration = min(ratios, key=lambda r: abs(r[0]))
    return Judgement(ratio, calibration, "", "")


def _abstains(word: str, why: str) -> Judgement:
    return Judgement(None, None, word, why)


def _of_file(card: Card, picture: Picture) -> tuple[str, str] | None:
    """What speaks against any statement before a model was asked."""
    if picture.method != "full":
        return "preview", "only an embedded preview could be read, which is another picture than the one stored"
    if not picture.complete:
        return "incomplete", "the picture could not be decoded whole"
    if picture.mode not in COLOURS | (GREYS if card.abstain.grey else frozenset()):
        return "colour", f"its colours are stored in a way that it was not calibrated on ({picture.mode})"
    return None


def _of_reading(card: Card, reading: Reading, short: int) -> tuple[str, str] | None:
    bounds = card.abstain
    if reading.raw is None or short < bounds.least_side:
        least = max(bounds.least_side, card.input.side if card.input.kind == "crops" else 1)
        return "size", f"the picture is too small (its shorter side has {short} pixels, of {least} that it takes)"
    if reading.patches < bounds.least_patches:
        return "patches", f"too few parts of it could be looked at ({reading.patches} of {bounds.least_patches})"
    if reading.patches - reading.plain < bounds.least_patches:
        return "plain", f"{reading.plain} of the {reading.patches} parts looked at are flat, black or white"
    if reading.grey and not bounds.grey:
        return "colour", "it has no colour, and it was not calibrated on such pictures"
    if 0 < bounds.most_disagreement < reading.disagreement:
        return "disagreement", "its parts disagree more than those of the pictures that it was calibrated on"
    if reading.over:
        return "shift", "it is unlike the pictures that it was calibrated on"
    return None


def _uncovered(card: Card, width: int, height: int, quality: float | None) -> str:
    general = [c for c in card.calibration if c.state == "any"]
    if not card.calibration:
        return "it is not calibrated: its raw value says nothing about likelihood"
    if not general:
        return "it is calibrated only on pictures of one state, and what was done to this one is not known"
    if any(c.covers(width, height, 100) for c in general):
        said = "is not known" if quality is None else f"is about {quality:.0f}"
        return f"the quality that it was saved at {said}, and no calibration covers that"
    return f"no calibration covers pictures of {width} by {height} pixels"
