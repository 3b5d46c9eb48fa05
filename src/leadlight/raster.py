"""Pictures as arrays: one decoded picture in full, and the small luma plane that comparing needs."""

from __future__ import annotations

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
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


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


def reduce(picture: Picture) -> Reduced:
    """A picture decoded in full, averaged down."""
    step = step_for(picture.width, picture.height)
    rows = [_averaged(picture.pixels[at : at + _ROWS], step) for at in range(0, picture.height, _ROWS)]
    return Reduced(
        luma=np.concatenate(rows),
        step=step,
        width=picture.width,
        height=picture.height,
        mode=picture.mode,
        orientation=picture.orientation,
        frames=picture.frames,
        method=picture.method,
        complete=picture.complete,
    )


def _averaged(pixels: Pixels, step: int) -> Luma:
    """Means of squares of step by step; those at the edges of what there is of them."""
    grey: Luma = pixels.astype(np.float32) @ _LUMA
    for axis in (0, 1):
        starts = np.arange(0, grey.shape[axis], step)
        counts = np.diff(starts, append=grey.shape[axis]).astype(np.float32)
        shares = counts[:, None] if axis == 0 else counts[None, :]
        grey = np.asarray(np.add.reduceat(grey, starts, axis=axis) / shares, dtype=np.float32)
    return grey
