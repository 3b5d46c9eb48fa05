"""Pictures as arrays: one decoded picture in full, and the small luma plane that comparing needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Luma = npt.NDArray[np.float32]

LEAST: Final = 512
"""Samples that the shorter side of a reduced picture keeps, where the picture has as many."""
STEPS: Final = (8, 4, 2, 1)
"""Pixels a side that one sample may stand for: what a JPEG decoder can leave out."""
_ROWS: Final = 256
_LUMA = tuple(float(np.float32(share)) for share in (0.299, 0.587, 0.114))


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded picture or frame."""

    pixels: Pixels
    """Shape (height, width, 3), RGB, 8 bits, in the stored orientation; alpha dropped, not composited.
    May be a view of four bytes a pixel.
    """
    alpha: Pixels | None
    """Shape (height, width) where the file stores 8-bit transparency."""
    mode: str
    """How the file stores it, in Pillow's words: RGB, RGBA, P, L, CMYK, I;16."""
    orientation: int = 1
    """The EXIF orientation to turn it upright, 1 to 8."""
    index: int = 0
    """The number of this frame in the file."""
    frames: int = 1
    """How many frames the file holds."""
    method: str = "full"
    """'full', or 'preview' where only an embedded preview could be read."""
    complete: bool = True
    """False where the file is cut short or broken and only part could be decoded; the rest is blank."""

    @property
    def width(self) -> int:
        """Pixels across, as stored."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels down, as stored."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Reduced:
    """The luma of the first picture, each sample the mean of a square of pixels."""

    luma: Luma
    """Shape (ceil(height / step), ceil(width / step)), 0 to 255, in the stored orientation; squares at the right
    and lower edge may reach beyond the picture.
    """
    step: int
    """Pixels a side of one square: 1, 2, 4 or 8."""
    width: int
    """Of the picture, in pixels across, as stored."""
    height: int
    mode: str = "RGB"
    """As `Picture.mode`."""
    orientation: int = 1
    frames: int = 1
    method: str = "full"
    """'full' or 'preview' where it was averaged from that decode, 'scaled' where the decoder left detail out."""
    complete: bool = True


def step_for(width: int, height: int) -> int:
    """The greatest step that leaves LEAST samples on the shorter side, or 1."""
    return next((s for s in STEPS if min(width, height) >= LEAST * s), 1)


def averaged(pixels: Pixels, step: int) -> Luma:
    """Means of the luma of squares of `step` (up to 8) by `step` RGB pixels; at the edges, of what there is.

    Sums are of 32-bit floats: of the colours in order, each product added unrounded (as by a fused multiply-add);
    then down the columns, then across, the first value to the sum of the others. So they are the same everywhere.
    """
    return np.concatenate(
        [_block(pixels[at : at + _ROWS], step) for at in range(0, len(pixels), _ROWS)], dtype=np.float32
    )


def reduce(picture: Picture, *, means: Callable[[Pixels, int], Luma] = averaged) -> Reduced:
    """A picture decoded in full, averaged down; `means` is what does that."""
    step = step_for(picture.width, picture.height)
    return Reduced(
        luma=means(picture.pixels, step),
        step=step,
        width=picture.width,
        height=picture.height,
        mode=picture.mode,
        orientation=picture.orientation,
        frames=picture.frames,
        method=picture.method,
        complete=picture.complete,
    )


def _block(pixels: Pixels, step: int) -> Luma:
    means = np.zeros(pixels.shape[:2], dtype=np.float32)
    for n, share in enumerate(_LUMA):
        means = (share * pixels[..., n].astype(np.float64) + means).astype(np.float32)
    return np.ascontiguousarray(_means(_means(means, step).T, step).T)


def _means(values: Luma, step: int) -> Luma:
    """Of each `step` rows and of what is left at the end."""
    sums = np.zeros_like(values[::step])
    for n in range(1, step):
        part = values[n::step]
        sums[: len(part)] += part
    counts = np.diff(np.arange(0, len(values), step), append=len(values)).astype(np.float32)
    return np.asarray((values[::step] + sums) / counts[:, None], dtype=np.float32)
