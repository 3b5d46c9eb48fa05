"""What neural networks say of a picture: each installed model with its card, where the operator asks for them.

A raw value becomes a likelihood ratio by the calibration in its card, or the detector abstains and says why:
then nothing of it weighs. No network decides anything: what it says is one term of the weighing of origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from leadlight.chart import chart_png
from leadlight.config import Settings
from leadlight.content import Content
from leadlight.errors import ConfigError
from leadlight.origin import verbal
from leadlight.raster import Picture
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, failure, finding
from leadlight.scoring.calibration import Calibration
from leadlight.scoring.card import Card
from leadlight.scoring.detector import Detector, Reading
from leadlight.scoring.judgement import Judgement, judge
from leadlight.scoring.runtime import EXTRA, REQUIRES
from leadlight.scoring.shelf import kept, lacking
from leadlight.seams import Cost, Example, Known

_LOSSLESS: Final = frozenset({"image/png", "image/bmp"})
_DIGITS: Final = 6


class Neural:
    """One score for each picture and model. `PLUGIN` has no model: `configure` loads those that are there."""

    name = "detect.neural"
    version = "1"
    extra = EXTRA
    requires = REQUIRES
    needs = frozenset({finding.PICTURE})
    gives = frozenset({finding.SCORE})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.MODEL

    def __init__(self, detectors: tuple[Detector, ...] = ()) -> None:
        self._detectors = detectors

    def configure(self, settings: Settings) -> Neural:
        """With all models where `settings.detect` is 'on'. They are read now, and no file is opened later. Raises
        ConfigError for one that can't be used.
        """
        if settings.detect != "on":
            return Neural()
        return Neural(tuple(Detector.load(k.folder) for k in kept(settings)))

    def lacks(self, settings: Settings) -> str:
        """What is missing for `settings.detect` to say anything, in words; '' where nothing is."""
        return lacking(settings)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        if not self._detectors:
            return
        picture = content.picture()
        quality = _quality(content, known)
        for detector in self._detectors:
            try:
                reading = detector.read(picture)
            except ConfigError as e:
                yield failure(
                    self.name,
                    self.version,
                    reason="unsupported",
                    what=f"the detector '{detector.card.title}' {e.what}",
                    advice=e.advice,
                )
                continue
            said = judge(detector.card, reading, picture, quality)
            yield Finding(
                analyser=self.name,
                version=self.version,
                kind=finding.SCORE,
                statement=_statement(detector.card, reading, said),
                payload=_payload(detector, reading, said, picture),
                weight=_weight(said),
            )

    def examples(self) -> tuple[Example, ...]:
        return (Example("landscape, where no detector is asked for", lambda: chart_png(300, 200, 1), ()),)


def _quality(content: Content, known: Known) -> float | None:
    """The quality that a JPEG's tables or a WebP's quantisers state, 100 for a format without loss, else None.

    It is that of the last saving alone: nothing tells what a picture went through before.
    """
    if content.filetype.media_type in _LOSSLESS:
        return 100.0
    structure = known.first(finding.STRUCTURE)
    value = structure.payload.get("quality") if structure else None
    return float(value) if isinstance(value, int | float) else None


def _weight(said: Judgement) -> Weight | None:
    if said.log10_lr is None or said.calibration is None:
        return None
    return Weight(
        Proposition.GENERATED if said.log10_lr > 0 else Proposition.CAMERA,
        round(abs(said.log10_lr), _DIGITS),
        Basis.PIXELS,
        WeightSource.MEASURED,
        f"calibrated on {_set(said.calibration)}",
    )


def _set(calibration: Calibration) -> str:
    c = calibration
    return f"'{c.name}' ({c.size:,} pictures of {c.sources:,} sources, {c.date})"


def _statement(card: Card, reading: Reading, said: Judgement) -> str:
    name = f"The detector '{card.title}'"
    weight = _weight(said)
    if weight is None:
        return f"{name} abstains: {said.why}."
    parts = f"{reading.patches} parts" if reading.patches > 1 else "one part"
    where = f"by {parts} of it" if card.input.kind == "crops" else "by the picture made smaller"
    return f"{name}, {where}: {verbal(weight.log10_lr, weight.proposition)}."


def _payload(detector: Detector, reading: Reading, said: Judgement, picture: Picture) -> dict[str, Any]:
    card, rests = detector.card, said.calibration
    return {
        "detector": card.name,
        "detector_version": card.version,
        "card": detector.card_digest,
        "model": card.digest,
        "raw": _rounded(reading.raw),
        "log10_lr": _rounded(said.log10_lr),
        "calibration": rests
        and {
            "name": rests.name,
            "size": rests.size,
            "sources": rests.sources,
            "date": rests.date,
            "state": rests.state,
        },
        "unseen": [*_unseen(reading, picture), *card.unseen],
        "abstained": said.abstained or None,
        "patches": reading.patches,
        "plain": reading.plain,
        "disagreement": _rounded(reading.disagreement),
        "shift": _rounded(reading.shift),
    }


def _unseen(reading: Reading, picture: Picture) -> Iterator[str]:
    """What of this picture was not looked at."""
    if reading.seen < 0.995:
        yield f"{100 * (1 - reading.seen):.0f} % of its area"
    if picture.frames > 1:
        yield f"all but the first of its {picture.frames} frames"
    if picture.alpha is not None:
        yield "its transparency"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


PLUGIN = Neural()
