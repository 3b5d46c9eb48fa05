"""PDQ's samples summed in the very order of the reference, compiled: what rounds as the reference does would cost
as much as a decode in NumPy ten times over.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from leadlight.raster import Luma, Pixels
from leadlight.scaled.kernel import kernel
from leadlight.scaled.rowsums import whole

SIDE: Final = 64


def ordered(pixels: Pixels) -> Luma | None:
    """The 64 by 64 samples that PDQ takes of `pixels` (RGB, of shape (height, width, 3)), to the last digit those
    of the reference. None where there is no kernel.

    Takes 4 bytes times width times (height / 128 + 27) beside the picture. Raises ValueError where the shape
    doesn't fit, and MemoryError.
    """
    compiled = kernel()
    if compiled is None:
        return None
    height, width = pixels.shape[:2]
    if pixels.shape != (height, width, 3) or not pixels.size:
        raise ValueError("pixels of shape (height, width, 3), one a side or more")
    samples = np.empty((SIDE, SIDE), dtype=np.float32)
    given = whole(pixels)
    compiled.ordered(given, height, width, given.shape[2], samples)
    return samples
