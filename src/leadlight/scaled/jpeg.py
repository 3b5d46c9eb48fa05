"""A JPEG's luma on a coarse grid, read from the low frequencies alone: several times as fast as a full decode.

Source: ITU-T T.81. The mean of a block of 8 by 8 pixels is its DC term, that of a smaller square a sum of few
low frequencies; all others are passed over without being decoded. Progressive files give blocks of 8 by 8 only.
"""

from __future__ import annotations

import numpy as np

from leadlight.raster import Luma, Reduced
from leadlight.scaled.kernel import kernel


def jpeg_luma(data: bytes, *, least: int, pixels: int) -> Reduced | None:
    """The luma of a JPEG, each sample the mean of a square of pixels.

    The squares have the greatest side of 8, 4 and 2 pixels that leaves `least` samples on the shorter side. The
    orientation is left as stored, and 1 in the result: EXIF is not read here.

    None where the file must be decoded in full: where it has more than `pixels` pixels, is too small, is broken or
    cut short in any way, or is of a kind not read here (neither grey nor YCbCr, 12 bits, arithmetic coding,
    lossless, several scans of a sequential file, luma sampled more coarsely than chroma); and where there is no
    kernel.
    """
    compiled = kernel()
    found = compiled.luma(data, least, pixels) if compiled else None
    if found is None:
        return None
    samples, step, width, height, components = found
    luma: Luma = np.frombuffer(samples, dtype=np.float32).reshape(-(-height // step), -(-width // step))
    return Reduced(luma, step, width, height, mode="L" if components == 1 else "RGB", method="scaled")
