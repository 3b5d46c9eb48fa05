"""The noise of one picture in few bytes: the signs of its means over small squares.

A sign keeps two thirds of what a value tells of a correlation of noise, in a thirtieth of the room; and means over
squares keep more of a sensor's pattern than as many samples of a part of the picture: measured on natural
pictures, squares of 3 by 3 tell twice as much as a middle part that takes half as much room again.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from leadlight.sensornoise.residue import LEAST
from leadlight.sensornoise.wavelet import Plane

MOST: Final = 1_400_000
"""Samples of one picture: 175 kB, a third more as text."""
_CLIP: Final = 2.0
_MOST_SIDE: Final = 65_535


@dataclass(frozen=True, slots=True)
class Compact:
    """The signs of one picture's noise."""

    width: int
    """Of the picture, in pixels, as stored."""
    height: int
    step: int
    """Pixels a side of one square."""
    bits: bytes
    """Row by row, eight squares a byte, the highest bit first; set where the mean is above the median of all."""

    @property
    def samples(self) -> int:
        """Squares that lie whole within the picture."""
        return (self.width // self.step) * (self.height // self.step)


def step_for(width: int, height: int) -> int:
    """The least step that leaves at most MOST samples."""
    return max(1, math.ceil(math.sqrt(width * height / MOST)))


def compacted(residue: Plane) -> Compact:
    """Of the noise of a picture, as `residue.residue_of` gives it: shape (height, width)."""
    height, width = residue.shape
    step = step_for(width, height)
    most = _CLIP * float(residue.std(dtype=np.float64))
    rows, columns = height // step, width // step
    means = np.zeros((rows, columns), dtype=np.float32)
    for down in range(step):
        for across in range(step):
            part = residue[down : rows * step : step, across : columns * step : step]
            means += np.clip(part, -most, most)
    return Compact(width, height, step, np.packbits(means > np.median(means)).tobytes())


def payload_of(compact: Compact) -> dict[str, Any]:
    """As a finding holds it."""
    return {
        "width": compact.width,
        "height": compact.height,
        "step": compact.step,
        "value": base64.b64encode(compact.bits).decode("ascii"),
    }


def compact_in(payload: Mapping[str, Any]) -> Compact:
    """The inverse of `payload_of`. Raises ValueError for what it can't have written."""
    width, height, step, value = (payload.get(k) for k in ("width", "height", "step", "value"))
    if any(type(v) is not int for v in (width, height, step)) or not isinstance(value, str):
        raise ValueError("the noise of a picture: a field is missing or of another kind")
    assert isinstance(width, int) and isinstance(height, int) and isinstance(step, int)  # noqa: PT018
    if not (min(width, height) >= LEAST and max(width, height) <= _MOST_SIDE and step == step_for(width, height)):
        raise ValueError("the noise of a picture: of a size that can't be")
    try:
        bits = base64.b64decode(value, validate=True)
    except ValueError as e:
        raise ValueError("the noise of a picture: is not base64") from e
    compact = Compact(width, height, step, bits)
    if len(bits) != (compact.samples + 7) // 8:
        raise ValueError("the noise of a picture: its length does not fit its size")
    return compact
