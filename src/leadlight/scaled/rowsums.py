"""The luma of a picture summed over weighted rows, or averaged over squares, in one pass over its bytes: half the
cost of a perceptual hash of a picture that is decoded in full.
"""

from __future__ import annotations

import numpy as np

from leadlight.raster import Luma, Pixels, averaged
from leadlight.scaled.kernel import kernel


def rows(pixels: Pixels, weights: Luma) -> Luma | None:
    """`weights` (shape (n, height)) times the luma (0.299 R + 0.587 G + 0.114 B) of `pixels` (RGB, of shape
    (height, width, 3)): shape (n, width). None where there is no kernel.

    Sums are of 32-bit floats, over a row's weights from the first to the last that is not zero. Raises ValueError
    where the shapes don't fit.
    """
    compiled = kernel()
    if compiled is None:
        return None
    height, width = pixels.shape[:2]
    if pixels.shape != (height, width, 3) or weights.ndim != 2 or weights.shape[1] != height:
        raise ValueError("pixels of shape (height, width, 3) and weights of shape (n, height)")
    sums = np.zeros((len(weights), width), dtype=np.float32)
    if sums.size and height:
        given = whole(pixels)
        compiled.rows(given, height, width, given.shape[2], np.ascontiguousarray(weights, dtype=np.float32), sums)
    return sums


def means(pixels: Pixels, step: int) -> Luma:
    """As `raster.averaged` for a `step` of 1, 2, 4 or 8, to the same digit: by the kernel, where there is one."""
    compiled = kernel()
    if compiled is None or not pixels.size:
        return averaged(pixels, step)
    height, width = pixels.shape[:2]
    luma = np.empty((-(-height // step), -(-width // step)), dtype=np.float32)
    given = whole(pixels)
    compiled.means(given, height, width, given.shape[2], step, luma)
    return luma


def whole(pixels: Pixels) -> Pixels:
    """`pixels` without gaps: itself, the four bytes a pixel of which it leaves the last out, or a copy."""
    height, width = pixels.shape[:2]
    base = pixels.base
    if (
        isinstance(base, np.ndarray)
        and base.shape == (height, width, 4)
        and base.dtype == np.uint8
        and base.flags.c_contiguous
        and pixels.strides == base.strides
        and pixels.__array_interface__["data"] == base.__array_interface__["data"]
    ):
        return base
    return np.ascontiguousarray(pixels, dtype=np.uint8)
