"""The noise of one picture: what a denoiser takes away, with the patterns that cameras of one model share taken
out.

Extraction: Lukáš, Fridrich and Goljan, 'Digital camera identification from sensor pattern noise', IEEE TIFS 1
(2006) 205-214, appendix A: a local Wiener filter in the wavelet domain after Mihçak, Kozintsev and Ramchandran
(ICASSP 1999), four levels, noise of five steps of grey. Cleaning: Chen, Fridrich, Goljan and Lukáš, 'Determining
image origin and integrity using sensor noise', IEEE TIFS 3 (2008) 74-90, section III: rows and columns of each of
the four positions of a colour filter array are brought to a mean of zero, and what stands out in the Fourier
plane is brought down.

Only luma is looked at: of JPEG's chroma little noise is left, and three planes cost three times as much.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.raster import Pixels
from leadlight.sensornoise import wavelet
from leadlight.sensornoise.wavelet import Plane

LEAST: Final = 256
"""Pixels a side below which no noise is looked at."""
SIGMA: Final = 5.0
"""Standard deviation of the noise that is looked for, in steps of grey."""
SATURATED: Final = 250
"""Luma from here on holds no noise of the sensor: the pixel was full."""
DARK: Final = 4
"""Luma below holds none either: what multiplies nothing is nothing."""
_MARGIN: Final = 16
_BAND: Final = 64
_WINDOWS: Final = (3, 5, 7, 9)
_REACH: Final = 4
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def luma_of(pixels: Pixels) -> Plane:
    """Shape (height, width), 0 to 255, of RGB pixels (ITU-R BT.601)."""
    out = np.empty(pixels.shape[:2], dtype=np.float32)
    for at in range(0, len(out), _BAND):
        np.matmul(pixels[at : at + _BAND].astype(np.float32), _LUMA, out=out[at : at + _BAND])
    return out


def noise_of(luma: Plane) -> Plane:
    """What the denoiser takes away, of the same shape, in steps of grey. Sides are LEAST or more."""
    height, width = luma.shape
    down, across = (-(side + 2 * _MARGIN) % (1 << wavelet.LEVELS) for side in (height, width))
    plane = np.pad(luma, ((_MARGIN, _MARGIN + down), (_MARGIN, _MARGIN + across)), mode="symmetric")
    noise = _noise_in(plane, wavelet.LEVELS)
    return np.ascontiguousarray(noise[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width])


def _noise_in(plane: Plane, levels: int) -> Plane:
    bands = wavelet.along_columns(wavelet.along_rows(plane))
    half, middle = bands.shape[0] // 2, bands.shape[1] // 2
    for rows, columns in ((slice(half), slice(middle, None)), (slice(half, None), slice(None))):
        bands[rows, columns] = stilled(bands[rows, columns], SIGMA**2)
    low = bands[:half, :middle]
    low[:] = _noise_in(np.ascontiguousarray(low), levels - 1) if levels > 1 else 0.0
    return wavelet.back_along_rows(wavelet.back_along_columns(bands))


def stilled(values: Plane, variance: float) -> Plane:
    """`values` brought down wherever they stand out from noise of that variance: the noise part of a Wiener
    filter, with the local variance taken as the least of four windows.
    """
    out = np.empty_like(values)
    wide = np.pad(values, _REACH, mode="reflect")
    for at in range(0, len(values), _BAND):
        part = wide[at : at + _BAND + 2 * _REACH]
        count = len(part) - 2 * _REACH
        signal = _least_energy(part * part)
        signal -= variance
        np.maximum(signal, 0.0, out=signal)
        signal += variance
        np.divide(variance, signal, out=signal)
        np.multiply(values[at : at + count], signal, out=out[at : at + count])
    return out


def _least_energy(squares: Plane) -> Plane:
    """The least of the means over windows of 3, 5, 7 and 9 a side; 4 fewer samples at each edge."""
    width, height = squares.shape[1] - 2 * _REACH, squares.shape[0] - 2 * _REACH
    least: Plane | None = None
    across = squares[:, _REACH : _REACH + width].copy()
    for window in _WINDOWS:
        reach = window // 2
        across += squares[:, _REACH - reach : _REACH - reach + width]
        across += squares[:, _REACH + reach : _REACH + reach + width]
        total = across[_REACH - reach : _REACH - reach + height].copy()
        for row in range(1, window):
            total += across[_REACH - reach + row : _REACH - reach + row + height]
        total *= 1.0 / window**2
        least = total if least is None else np.minimum(least, total, out=least)
    assert least is not None
    return least


def levelled(noise: Plane) -> Plane:
    """With a mean of zero in every row and column of each of the four positions of a colour filter array."""
    out = noise.copy()
    for down in (0, 1):
        for across in (0, 1):
            part = out[down::2, across::2]
            part -= part.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)
            part -= part.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return out


def whitened(noise: Plane) -> Plane:
    """With periodic patterns brought down: JPEG's blocks, the colour filter array, what a model's program adds."""
    spectrum = np.fft.rfft2(noise)
    size = np.abs(spectrum)
    size *= 1.0 / np.sqrt(noise.size)
    kept = stilled(size, float(noise.var(dtype=np.float64)) or 1.0)
    np.divide(kept, size, out=kept, where=size > 0)
    spectrum *= kept
    out: npt.NDArray[np.float32] = np.fft.irfft2(spectrum, s=noise.shape).astype(np.float32, copy=False)
    return out


def sound(luma: Plane) -> npt.NDArray[np.bool_]:
    """Where the sensor's noise can show: neither full nor dark."""
    return (luma < SATURATED) & (luma >= DARK)


def residue_of(luma: Plane) -> Plane:
    """The cleaned noise of one picture, to be compared; 0 where none can show."""
    noise = noise_of(luma)
    noise *= sound(luma)
    return whitened(levelled(noise))
