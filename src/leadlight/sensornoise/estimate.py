"""The pattern of one sensor from many of its pictures.

The maximum-likelihood estimate K = sum(W I) / sum(I I) over pictures I and their noise W: Chen, Fridrich, Goljan
and Lukáš, 'Determining image origin and integrity using sensor noise', IEEE TIFS 3 (2008) 74-90, equation 6. Full
and dark pixels are left out, picture by picture.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from leadlight.sensornoise.compare import correlation
from leadlight.sensornoise.residue import levelled, noise_of, sound, whitened
from leadlight.sensornoise.wavelet import Plane

LEAST_AGREEMENT: Final = 8.0
"""Standard deviations above chance by which the patterns of two halves must agree, or there is none."""


class Estimate:
    """A running estimate over pictures of one size. Memory: sixteen bytes a pixel, and as much while one is
    added.
    """

    def __init__(self, height: int, width: int) -> None:
        self._noise = np.zeros((2, height, width), dtype=np.float32)
        self._light = np.zeros((2, height, width), dtype=np.float32)
        self.pictures = 0

    def add(self, luma: Plane) -> None:
        """Another picture: its luma, of the size given. Odd and even ones make the two halves."""
        half = self.pictures % 2
        self.pictures += 1
        noise = noise_of(luma)
        light = luma * sound(luma)
        noise *= light
        self._noise[half] += noise
        light *= light
        self._light[half] += light

    def pattern(self) -> Plane:
        """The estimate from all pictures, cleaned of what cameras of one model share."""
        return _cleaned(self._noise.sum(axis=0), self._light.sum(axis=0))

    def agreement(self) -> float:
        """How well the patterns of both halves agree, in standard deviations above chance; 0 from one picture."""
        if self.pictures < 2:
            return 0.0
        return correlation(*(_cleaned(self._noise[n], self._light[n]) for n in (0, 1)))


def _cleaned(noise: Plane, light: Plane) -> Plane:
    return whitened(levelled(noise / (light + 1.0)))
