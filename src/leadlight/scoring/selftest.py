"""Whether a model gives what its card says it gives, on pictures that are drawn here.

A wrong preprocessing (colours turned round, another scale, another crop) breaks no program: it only makes the
detector wrong. The values of known pictures show it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from leadlight.chart import chart_pixels
from leadlight.scoring.card import Card, SelfTest
from leadlight.scoring.detector import Detector

DRAWN = (SelfTest(640, 480, 1), SelfTest(1024, 1536, 2))
"""What a model is tried on whose card states no test."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test: what was expected, and what came."""

    test: SelfTest
    raw: float | None
    """None where the picture is too small for the model."""

    @property
    def passed(self) -> bool:
        """Whether it is as stated; a test that states no value passes where there is one."""
        if self.raw is None:
            return False
        return self.test.raw is None or abs(self.raw - self.test.raw) <= self.test.tolerance


def run(detector: Detector) -> tuple[Outcome, ...]:
    """All tests of the card, or those drawn for every model. Raises ConfigError where the model fails."""
    return tuple(Outcome(t, _raw(detector, t)) for t in detector.card.selftest or DRAWN)


def recorded(card: Card, outcomes: tuple[Outcome, ...]) -> Card:
    """The card with the values that came where it stated none: from then on the model must give the same."""
    tests = tuple(
        replace(o.test, raw=round(o.raw, 6)) if o.test.raw is None and o.raw is not None else o.test
        for o in outcomes
    )
    return replace(card, selftest=tests)


def _raw(detector: Detector, test: SelfTest) -> float | None:
    return detector.read_pixels(chart_pixels(test.width, test.height, test.seed)).raw
