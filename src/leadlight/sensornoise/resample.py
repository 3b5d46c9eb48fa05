"""Planes made smaller or larger, as picture programs do it: cubic, widened where it makes smaller.

Keys, 'Cubic convolution interpolation for digital image processing', IEEE TASSP 29 (1981) 1153-1160.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from leadlight.sensornoise.wavelet import Plane

_BLOCK: Final = 64
_A: Final = -0.5


def resampled(plane: Plane, height: int, width: int) -> Plane:
    """`plane` at another size: both whole planes cover the same field."""
    across = _along_columns(np.ascontiguousarray(plane.T), width)
    return _along_columns(np.ascontiguousarray(across.T), height)


def _along_columns(plane: Plane, length: int) -> Plane:
    """The first axis brought to `length`, some rows at a time, each a product with a short matrix."""
    before = len(plane)
    if length == before:
        return plane
    step = before / length
    reach = 2.0 * max(1.0, step)
    out = np.empty((length, plane.shape[1]), dtype=np.float32)
    for at in range(0, length, _BLOCK):
        centres = (np.arange(at, min(at + _BLOCK, length)) + 0.5) * step
        first = max(0, int(centres[0] - reach))
        last = min(before, int(centres[-1] + reach) + 1)
        shares = _cubic((np.arange(first, last) + 0.5 - centres[:, None]) / max(1.0, step))
        shares /= shares.sum(axis=1, keepdims=True)
        np.matmul(shares.astype(np.float32), plane[first:last], out=out[at : at + len(centres)])
    return out


def _cubic(
    x: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    x = np.abs(x)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
