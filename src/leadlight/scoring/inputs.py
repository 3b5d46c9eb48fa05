"""From a picture to what a model is given, as its card says: which patches, and as which numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from leadlight.raster import Pixels
from leadlight.scoring.card import Input
from leadlight.scoring.crops import cut, judged, places

Values = npt.NDArray[np.float32]
_FILTERS: Final = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
GREY: Final = 1.0
"""Mean difference of the colours, of 256 levels, below which patches are grey."""


@dataclass(frozen=True, slots=True)
class Patches:
    """What a model is given of one picture, and what is to be known of it."""

    pixels: Pixels
    """Shape (n, side, side, 3), RGB, 8 bits; n is 0 where the picture is too small."""
    plain: npt.NDArray[np.bool_]
    """Shape (n): which of them are flat or clipped."""
    seen: float
    """The share of the picture's pixels that lie in a patch, 0 to 1."""

    @property
    def grey(self) -> bool:
        """Whether they have no colour, as far as one can see."""
        wide = self.pixels[:, ::4, ::4].astype(np.int16)
        return wide.size > 0 and float(np.abs(np.diff(wide, axis=-1)).mean()) < GREY


def patches(pixels: Pixels, given: Input) -> Patches:
    """The patches of a picture of shape (height, width, 3), RGB, 8 bits, in the stored orientation."""
    height, width = pixels.shape[:2]
    if given.kind == "crops":
        chosen = places(pixels, side=given.side, count=given.count)
        seen = sum(given.side**2 for _ in chosen) / (height * width)
        return Patches(cut(pixels, chosen, side=given.side), _truths(p.plain for p in chosen), min(1.0, seen))
    taken = _whole(pixels, given) if given.kind == "resize" else _middle(pixels, given)
    if taken is None:
        return Patches(np.empty((0, given.side, given.side, 3), np.uint8), _truths(()), 0.0)
    short = given.resize or min(height, width)
    seen = 1.0 if given.kind == "resize" else (given.side / short) ** 2 * min(height, width) / max(height, width)
    return Patches(taken[None], _truths([judged(taken, 0, 0).plain]), min(1.0, seen))


def as_taken(pixels: Pixels) -> Patches:
    """Patches that were taken before, of shape (n, side, side, 3); of their picture nothing more is known."""
    return Patches(pixels, _truths(judged(p, 0, 0).plain for p in pixels), 1.0)


def _truths(found: Iterable[bool]) -> npt.NDArray[np.bool_]:
    return np.fromiter(found, np.bool_)


def values(pixels: Pixels, given: Input) -> Values:
    """Patches as the model's numbers, of shape (n, 3, side, side) or (n, side, side, 3)."""
    count, height, width, _ = pixels.shape
    first = given.layout == "NCHW"
    out = np.empty((count, 3, height, width) if first else (count, height, width, 3), np.float32)
    levels = np.arange(256, dtype=np.float32) * np.float32(given.scale)
    for n, (mean, std) in enumerate(zip(given.mean, given.std, strict=True)):
        table = (levels - np.float32(mean)) / np.float32(std)
        colour = pixels[..., n if given.colours == "RGB" else 2 - n]
        table.take(colour, out=out[:, n] if first else out[..., n], mode="clip")
    return out


def _whole(pixels: Pixels, given: Input) -> Pixels:
    return _resized(pixels, (given.side, given.side), given.filter)


def _middle(pixels: Pixels, given: Input) -> Pixels | None:
    """The middle, once the shorter side was scaled; the longer is rounded down and the offset to the nearest even
    half, as torchvision's Resize and CenterCrop do.
    """
    if given.resize:
        height, width = pixels.shape[:2]
        if width <= height:
            size = (given.resize, max(given.resize, int(given.resize * height / width)))
        else:
            size = (max(given.resize, int(given.resize * width / height)), given.resize)
        if max(size) > 64 * given.resize:
            return None
        pixels = _resized(pixels, size, given.filter)
    height, width = pixels.shape[:2]
    if min(height, width) < given.side:
        return None
    top, left = round((height - given.side) / 2), round((width - given.side) / 2)
    return pixels[top : top + given.side, left : left + given.side]


def _resized(pixels: Pixels, size: tuple[int, int], method: str) -> Pixels:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize(size, _FILTERS[method]), dtype=np.uint8)
