"""The card of a detector: all that is to be known of a model to use it rightly, and to judge what it says.

A card is a TOML file beside the model. It states what the model is and who allows its use, how a picture becomes
its input, what its output means, when it must abstain, and the calibrations that turn its score into a likelihood
ratio. What a card leaves out has the default named here; a key that is not known is refused, as a misspelt one
would quietly change what is stated. After Mitchell et al., Model Cards for Model Reporting (FAT* 2019).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, TypeVar

from leadlight.errors import ConfigError
from leadlight.scoring.calibration import Calibration
from leadlight.scoring.crops import GRID, LARGEST, MOST
from leadlight.scoring.toml import document

LONGEST: Final = 8 * 1024 * 1024
"""Bytes of a card that are read."""
PIXELS: Final = 16 * 1024 * 1024
"""Pixels of all crops of one picture together, at most."""
VALUES: Final = 4096
"""Features that a model may give of a patch, at most."""
KINDS: Final = ("crops", "centre", "resize")
FILTERS: Final = ("bilinear", "bicubic", "lanczos")
MEANINGS: Final = ("logit", "probability", "logits", "probabilities")
SIDES: Final = ("generated", "camera")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Training:
    """What the model was trained on, in words: `text`, and a line of `data` for each source."""

    text: str = ""
    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """How a picture becomes the model's input: float32, (value * scale - mean) / std for each colour."""

    kind: str = "crops"
    """'crops': parts at native resolution (`scoring.crops`). 'centre': the shorter side is scaled to `resize` (0:
    not at all), then the middle is taken. 'resize': the whole is scaled to a square.
    """
    side: int = 224
    """Pixels a side of what the model is given: 8 to 1024."""
    count: int = 1
    """Crops of one picture at most; 1 where the kind is another."""
    resize: int = 0
    """Pixels that the shorter side is scaled to before the middle is taken; 0 or `side` to 2048."""
    filter: str = "bilinear"
    """How it is scaled: bilinear, bicubic or lanczos, over all pixels that a new one covers, as Pillow does."""
    name: str = ""
    """The model's input; '' where it has but one."""
    layout: str = "NCHW"
    """NCHW or NHWC."""
    colours: str = "RGB"
    """RGB or BGR."""
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Output:
    """What the model gives for each patch, and how that becomes one raw value: higher for 'generated'.

    The raw value of a patch is a logit; that of a picture is the mean over the patches that `aggregate` names, and
    so are its features and the disagreement.
    """

    name: str = ""
    """The model's output; '' where it has but one, or for the first."""
    meaning: str = "logit"
    """'logit' or 'probability': one value. 'logits' or 'probabilities': one for each class."""
    index: int = 0
    """Of several classes, the one that `speaks_for` names; the others are taken together as its alternative."""
    speaks_for: str = "generated"
    """What a high value means: 'generated' or 'camera'."""
    aggregate: str = "mean"
    """Which patches become one value: 'mean' of all, or 'textured': of those that are neither flat nor clipped,
    where there are any.
    """
    features: str = ""
    """The output that holds features of each patch, for the distance to what it was calibrated on; '' for none."""


@dataclass(frozen=True, slots=True)
class Abstain:
    """Outside of this the detector gives no likelihood ratio."""

    least_side: int = 1
    """Pixels of the picture's shorter side."""
    least_patches: int = 1
    """Patches that are neither flat nor clipped."""
    most_disagreement: float = 0.0
    """Standard deviation of the raw values of the patches; 0 for no bound."""
    grey: bool = False
    """Whether it was calibrated on pictures without colour too."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Where the features of the pictures lie that it was calibrated on: mean and spread of each feature.

    The distance of a picture is the root mean square of (feature - mean) / scale over all features, each the mean
    over the patches. Of several shifts the nearest counts.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    threshold: float
    """The distance beyond which a picture is unlike all that it was calibrated on."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A drawn picture and the raw value it must give, so that a wrong preprocessing is noticed."""

    width: int
    height: int
    seed: int = 0
    """Of the landscape that `leadlight.chart` draws."""
    raw: float | None = None
    """None where it is not known: then it is recorded when the model is added."""
    tolerance: float = 0.01
    """How far the value may be off: other processors round otherwise."""


@dataclass(frozen=True, slots=True)
class Card:
    """One detector. Made by `parse` and `read`, which check it."""

    name: str
    """1 to 64 small letters, digits and hyphens: also the name of its folder."""
    version: str
    title: str
    licence: str
    """SPDX identifier or name of the licence of the weights."""
    source: str
    """Where the model comes from: an address, a paper."""
    summary: str
    digest: str = ""
    """SHA-256 of the model's file, hex; '' in a shipped card whose weights the operator brings."""
    architecture: str = ""
    preprocessing: str = ""
    """Where the preprocessing stated here is stated by those who made the model."""
    unseen: tuple[str, ...] = ()
    """What it does not look at or was never tried on, each in a few words."""
    training: Training = field(default_factory=Training)
    input: Input = field(default_factory=Input)
    output: Output = field(default_factory=Output)
    abstain: Abstain = field(default_factory=Abstain)
    shift: tuple[Shift, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    selftest: tuple[SelfTest, ...] = ()

    def text(self) -> str:
        """As TOML, in one form."""
        return document({f.name: _plain(getattr(self, f.name)) for f in fields(self)})


Part = TypeVar("Part", Card, Training, Input, Output, Abstain, Shift, SelfTest)
_TABLES: Final[dict[str, type[Any]]] = {
    "training": Training,
    "input": Input,
    "output": Output,
    "abstain": Abstain,
}
_LISTS: Final[dict[str, type[Any]]] = {"shift": Shift, "selftest": SelfTest, "calibration": Calibration}
_MOST: Final = {"shift": 64, "selftest": 16, "calibration": 64}


def read(path: Path, subject: str) -> Card:
    """The card in a file. Raises ConfigError naming `subject`."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
        text = data.decode("utf-8")
    except OSError as e:
        raise ConfigError(
            f"its card can't be read ({e.strerror})", subject=subject, advice="Name the TOML file of the card."
        ) from e
    except UnicodeDecodeError as e:
        raise ConfigError(
            "is no card: not UTF-8", subject=subject, advice="Name the TOML file of the card."
        ) from e
    if len(data) > LONGEST:
        raise ConfigError("is too large for a card", subject=subject, advice="Name the TOML file of the card.")
    return parse(text, subject)


def parse(text: str, subject: str) -> Card:
    """A card from TOML. Raises ConfigError naming `subject` and the key that does not fit."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        raise _unfit(f"is not TOML: {e}", subject) from e
    try:
        made: Card = _fill(Card, values, "")
        _check(made)
    except ConfigError as e:
        raise ConfigError(e.what, subject=f"{subject} {e.subject}".strip(), advice=e.advice) from e
    except (TypeError, ValueError, OverflowError) as e:
        raise _unfit(str(e), subject) from e
    return made


def _unfit(what: str, subject: str) -> ConfigError:
    return ConfigError(what, subject=subject, advice="Mend the card; docs/detectors.md says what it holds.")


def _fill(kind: type[Part], values: Any, where: str) -> Part:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} must be a table")
    known = {f.name: str(f.type) for f in fields(kind)}
    head = f"{where}." if where else ""
    if unknown := sorted(set(map(str, values)) - set(known)):
        raise ValueError(f"no such key: {head}{unknown[0][:80]}; keys here are {', '.join(known)}")
    made: dict[str, Any] = {}
    for name, value in values.items():
        made[name] = _value(name, value, known[name], head + name)
    lacking = [
        n for n in ("name", "version", "title", "licence", "source", "summary") if kind is Card and n not in made
    ]
    lacking += [n for n in ("mean", "scale", "threshold") if kind is Shift and n not in made]
    lacking += [n for n in ("width", "height") if kind is SelfTest and n not in made]
    if lacking:
        raise ValueError(f"states no {head}{lacking[0]}")
    return kind(**made)


def _value(name: str, value: Any, kind: str, where: str) -> Any:
    if name in _TABLES and kind == _TABLES[name].__name__:
        return _fill(_TABLES[name], value, where)
    if name in _LISTS and kind.startswith("tuple[") and kind != "tuple[float, ...]":
        if not isinstance(value, list) or len(value) > _MOST[name]:
            raise ValueError(f"{where} must be at most {_MOST[name]} tables, each [[{where}]]")
        if name == "calibration":
            return tuple(Calibration.from_plain(v, subject=f"{where} {n + 1}") for n, v in enumerate(value))
        return tuple(_fill(_LISTS[name], v, f"{where} {n + 1}") for n, v in enumerate(value))
    if kind == "tuple[str, ...]":
        if not isinstance(value, list) or len(value) > VALUES:
            raise ValueError(f"{where} must be a list of texts")
        return tuple(_text(v, where) for v in value)
    if kind == "tuple[float, ...]":
        if not isinstance(value, list) or not 1 <= len(value) <= VALUES:
            raise ValueError(f"{where} must be a list of 1 to {VALUES} numbers")
        return tuple(_number(v, where) for v in value)
    if kind == "str":
        return _text(value, where)
    if kind == "bool":
        if not isinstance(value, bool):
            raise ValueError(f"{where} must be true or false")
        return value
    if kind == "int":
        if type(value) is not int or not 0 <= value < 2**31:
            raise ValueError(f"{where} must be a whole number of 0 or more")
        return value
    return _number(value, where)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.replace("\n", " ").isprintable():
        raise ValueError(f"{where} must be printable text")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e30:
        raise ValueError(f"{where} must be a number")
    return float(value)


def _check(card: Card) -> None:
    given, out, bounds = card.input, card.output, card.abstain
    if not _NAME.fullmatch(card.name):
        raise ValueError("name must be 1 to 64 small letters, digits and hyphens")
    for name in ("version", "title", "licence", "source", "summary"):
        if not str(getattr(card, name)).strip():
            raise ValueError(f"states no {name}")
    for name in ("version", "title", "licence"):
        if len(getattr(card, name)) > 200 or "\n" in getattr(card, name):
            raise ValueError(f"{name} must be one line of at most 200 characters")
    if card.digest and not _DIGEST.fullmatch(card.digest):
        raise ValueError("digest must be a SHA-256: 64 small hexadecimal digits")
    _one_of("input.kind", given.kind, KINDS)
    _one_of("input.filter", given.filter, FILTERS)
    _one_of("input.layout", given.layout, ("NCHW", "NHWC"))
    _one_of("input.colours", given.colours, ("RGB", "BGR"))
    _one_of("output.meaning", out.meaning, MEANINGS)
    _one_of("output.speaks_for", out.speaks_for, SIDES)
    _one_of("output.aggregate", out.aggregate, ("mean", "textured"))
    if not GRID <= given.side <= LARGEST:
        raise ValueError(f"input.side must lie in {GRID} to {LARGEST}")
    if not 1 <= given.count <= (MOST if given.kind == "crops" else 1):
        raise ValueError(f"input.count must lie in 1 to {MOST}, and be 1 where the kind is not 'crops'")
    if given.count * given.side**2 > PIXELS:
        raise ValueError(f"input.count patches of input.side are more than {PIXELS} pixels")
    if given.resize and (given.kind != "centre" or not given.side <= given.resize <= 2 * LARGEST):
        raise ValueError(f"input.resize is for the kind 'centre', and lies in input.side to {2 * LARGEST}")
    if len(given.mean) != 3 or len(given.std) != 3 or not all(s > 0 for s in given.std) or not given.scale > 0:
        raise ValueError("input.mean and input.std have 3 values, and input.std and input.scale are above 0")
    if out.index >= VALUES or (out.index and out.meaning in ("logit", "probability")):
        raise ValueError("output.index is for an output of several classes")
    if not 1 <= bounds.least_patches <= given.count:
        raise ValueError("abstain.least_patches must lie in 1 to input.count")
    if bounds.most_disagreement < 0:
        raise ValueError("abstain.most_disagreement must be 0 or more")
    if card.shift and not out.features:
        raise ValueError("[[shift]] needs output.features")
    for shift in card.shift:
        if len(shift.mean) != len(shift.scale) or not all(s > 0 for s in shift.scale) or not shift.threshold > 0:
            raise ValueError("a shift has as many means as scales, scales above 0, and a threshold above 0")
    if len({len(s.mean) for s in card.shift}) > 1:
        raise ValueError("all shifts have as many features")
    for test in card.selftest:
        if not (8 <= test.width <= 4096 and 8 <= test.height <= 4096 and test.tolerance > 0):
            raise ValueError("a selftest has sides of 8 to 4096 pixels, and a tolerance above 0")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}")


def _plain(value: Any) -> Any:
    if isinstance(value, Calibration):
        return value.plain()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if hasattr(value, "__dataclass_fields__"):
        return {
            f.name: _plain(getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) is not None
        }
    return value
