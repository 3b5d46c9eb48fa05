"""A detector: a model with its card, read from a folder, that gives one raw value for a picture.

What the value means, and whether it may be used at all, is said by `scoring.judgement`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.errors import ConfigError
from leadlight.raster import Picture, Pixels
from leadlight.records import display_name
from leadlight.scoring.card import Card, Output, Shift, read
from leadlight.scoring.inputs import Patches, as_taken, patches, values
from leadlight.scoring.runtime import LARGEST, Network

MODEL_FILE: Final = "model.onnx"
CARD_FILE: Final = "card.toml"
_AT_ONCE: Final = 64 * 1024
"""Pixels of the patches that are run together: with more, what lies between two layers no longer fits the cache of
a processor, and takes up to twice the time.
"""
_SURE: Final = 1e-7
"""Probabilities are kept this far from 0 and 1 before they become logits."""
Logits = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model says of one picture. Every figure is of the picture as stored, not turned upright."""

    raw: float | None
    """Higher for 'generated': the mean logit of the patches that count (`Output.aggregate`); None without any."""
    patches: int
    plain: int
    """How many of them are flat or clipped."""
    disagreement: float
    """Standard deviation of the logits of the patches that count; 0 for one patch."""
    shift: float | None
    """Distance to what it was calibrated on, as `card.Shift` has it; None where the card knows none."""
    over: bool
    """Whether that distance is above its threshold."""
    seen: float
    """Share of the picture's pixels that were looked at, 0 to 1."""
    grey: bool
    """Whether the patches have no colour."""
    features: Logits | None = None
    """The features of the picture: the mean over those patches; None where the model gives none."""


class Detector:
    """One loaded model. Not safe to share between threads."""

    def __init__(self, card: Card, network: Network, *, subject: str = "") -> None:
        """A card and its network. Raises ConfigError where the one does not fit the other."""
        self.card = card
        self._network = network
        self._subject = subject or card.name
        self.card_digest = hashlib.sha256(card.text().encode("utf-8")).hexdigest()
        """SHA-256 of the card as `Card.text` writes it."""
        self._input = self._checked_input()
        self._outputs = self._checked_outputs()

    @classmethod
    def load(cls, folder: Path) -> Detector:
        """The detector in a folder of `model.onnx` and `card.toml`.

        Raises ConfigError naming the folder where either can't be read or used, or the model is not the card's.
        """
        subject = display_name(os.fsencode(folder))
        card = read(folder / CARD_FILE, subject)
        return cls.of(card, model_bytes(folder / MODEL_FILE, subject), subject=subject)

    @classmethod
    def of(cls, card: Card, data: bytes, *, subject: str = "") -> Detector:
        """A detector of a card and the bytes of its model. Raises ConfigError, as `load` does."""
        subject = subject or card.name
        found = hashlib.sha256(data).hexdigest()
        if found != card.digest:
            raise ConfigError(
                f"its model is another one than its card says (SHA-256 {found[:16]}…)"
                if card.digest
                else "its card states no digest of the model",
                subject=subject,
                advice="Remove it with 'leadlight models remove', and add it again from where it came.",
            )
        return cls(card, Network(data, subject=subject), subject=subject)

    def read(self, picture: Picture) -> Reading:
        """What the model says of a picture. Raises ConfigError where the model fails on it."""
        return self.read_pixels(picture.pixels)

    def read_pixels(self, pixels: Pixels) -> Reading:
        """As `read`, of pixels of shape (height, width, 3), RGB, 8 bits."""
        return self._read(patches(pixels, self.card.input))

    def read_patches(self, pixels: Pixels) -> Reading:
        """As `read`, of patches that were taken before, of shape (n, side, side, 3)."""
        return self._read(as_taken(pixels))

    def _read(self, taken: Patches) -> Reading:
        if not len(taken.pixels):
            return Reading(None, 0, 0, 0.0, None, False, 0.0, False)
        logits, each = self._logits(taken.pixels)
        if self.card.output.aggregate == "textured" and not taken.plain.all():
            logits, each = logits[~taken.plain], each[~taken.plain] if each is not None else None
        features = each.mean(axis=0) if each is not None else None
        shift, over = distance(features, self.card.shift) if features is not None else (None, False)
        return Reading(
            raw=float(logits.mean()),
            patches=len(taken.pixels),
            plain=int(taken.plain.sum()),
            disagreement=float(logits.std()),
            shift=shift,
            over=over,
            seen=taken.seen,
            grey=taken.grey,
            features=features,
        )

    def _logits(self, pixels: Pixels) -> tuple[Logits, Logits | None]:
        """Of each patch its logit, shape (n), and its features, shape (n, d)."""
        given = self.card.input
        step = 1 if self._network.inputs[self._input][1][0] == 1 else max(1, _AT_ONCE // given.side**2)
        logits: list[Logits] = []
        features: list[Logits] = []
        for at in range(0, len(pixels), step):
            part = values(pixels[at : at + step], given)
            said = self._network.run(self._input, part, self._outputs)
            logits.append(self._read_output(said[0], len(part)))
            if len(said) > 1:
                features.append(self._flat(said[1], len(part)))
        return np.concatenate(logits), np.concatenate(features) if features else None

    def _read_output(self, said: npt.NDArray[np.float32], count: int) -> Logits:
        flat, output = self._flat(said, count), self.card.output
        classes = flat.shape[1]
        if not _fits(classes, output):
            raise self._unfit(f"gives {classes} values of each patch, and its card says '{output.meaning}'")
        found = flat[:, output.index]
        if output.meaning == "logits":
            others = np.delete(flat, output.index, axis=1)
            most = others.max(axis=1)
            found = found - most - np.log(np.exp(others - most[:, None]).sum(axis=1))
        elif output.meaning != "logit":
            if (found < -_SURE).any() or (found > 1 + _SURE).any():
                raise self._unfit("gives values outside of 0 to 1, and its card says they are probabilities")
            found = np.clip(found, _SURE, 1 - _SURE)
            found = np.log(found / (1 - found))
        return found if output.speaks_for == "generated" else -found

    def _flat(self, said: npt.NDArray[np.float32], count: int) -> Logits:
        if said.ndim == 0 or said.shape[0] != count:
            raise self._unfit(f"gives an output of shape {said.shape} for {count} patches")
        return said.reshape(count, -1).astype(np.float64)

    # -- what the file states against what the card says

    def _checked_input(self) -> str:
        given, inputs = self.card.input, self._network.inputs
        name = given.name or (next(iter(inputs)) if len(inputs) == 1 else "")
        if name not in inputs or len(inputs) > 1:
            raise self._unfit(f"its inputs are {_names(inputs)}, and its card says '{given.name}'")
        kind, shape = inputs[name]
        if kind != "tensor(float)":
            raise self._unfit(f"its input is a {kind}, and must be a tensor(float)")
        batch = shape[0] if shape else None
        wanted = (3, given.side, given.side) if given.layout == "NCHW" else (given.side, given.side, 3)
        if len(shape) != 4 or any(s not in (None, w) for s, w in zip(shape[1:], wanted, strict=True)):
            raise self._unfit(
                f"its input has the shape {_shape(shape)}, and its card asks for {_shape((None, *wanted))} "
                f"({given.layout}, side {given.side})"
            )
        if batch not in (None, 1):
            raise self._unfit(f"takes {batch} patches at a time: its first dimension must be open, or 1")
        return name

    def _checked_outputs(self) -> tuple[str, ...]:
        output, outputs = self.card.output, self._network.outputs
        name = output.name or next(iter(outputs), "")
        for wanted in (name, output.features):
            if wanted not in outputs and (wanted or not name):
                raise self._unfit(f"its outputs are {_names(outputs)}, and its card says '{wanted}'")
        shape = outputs[name][1]
        classes = shape[-1] if len(shape) == 2 else (1 if len(shape) == 1 else None)
        if classes is not None and not _fits(classes, output):
            raise self._unfit(
                f"gives {classes} values of each patch, and its card says '{output.meaning}', index {output.index}"
            )
        length = len(self.card.shift[0].mean) if self.card.shift else None
        features = outputs[output.features][1][-1:] if output.features else ()
        if length is not None and features and features[0] not in (None, length):
            raise self._unfit(f"gives {features[0]} features, and its card has a shift of {length}")
        return (name, output.features) if output.features else (name,)

    def _unfit(self, what: str) -> ConfigError:
        return ConfigError(
            what, subject=self._subject, advice="Mend the card, or export the model as the card describes it."
        )


def distance(features: Logits, shifts: tuple[Shift, ...]) -> tuple[float | None, bool]:
    """The distance to the nearest of what a model was calibrated on, and whether it is above every threshold.

    None where there is no shift, or of another length.
    """
    found: list[tuple[float, bool]] = []
    for shift in shifts:
        if len(shift.mean) == len(features):
            off = float(np.sqrt(np.square((features - shift.mean) / shift.scale).mean()))
            found.append((off, off > shift.threshold))
    if not found:
        return None, bool(shifts)
    return min(found)[0], all(over for _, over in found)


def model_bytes(path: Path, subject: str) -> bytes:
    """The bytes of a model's file. Raises ConfigError naming `subject`."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as e:
        raise ConfigError(
            f"its model can't be read ({e.strerror})", subject=subject, advice="Name the ONNX file of the model."
        ) from e
    return data


def _fits(classes: int, output: Output) -> bool:
    if output.meaning in ("logit", "probability"):
        return classes == 1
    return classes > max(1, output.index)


def _names(ports: object) -> str:
    return ", ".join(f"'{n}'" for n in ports) if isinstance(ports, dict) and ports else "none"


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("n" if s is None else str(s) for s in shape) or "none"
