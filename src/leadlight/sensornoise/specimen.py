"""Drawn pictures with the noise of a made-up sensor, for examples and tests: no camera, no evidence."""

from __future__ import annotations

import numpy as np

from leadlight.chart import chart_pixels, png
from leadlight.raster import Pixels
from leadlight.sensornoise.wavelet import Plane


def pattern(width: int, height: int, seed: int) -> Plane:
    """How much more or less than others each pixel of a made-up sensor gives: shape (height, width)."""
    made: Plane = np.random.default_rng(seed).standard_normal((height, width), dtype=np.float32)
    return made


def taken(sensor: Plane, seed: int, *, strength: float = 0.02, shot: float = 2.0) -> Pixels:
    """A picture by a made-up sensor, shape (height, width, 3): a drawn landscape, the sensor's pattern of
    `strength` (a share of the light), and noise of its own of `shot` steps of grey.
    """
    height, width = sensor.shape
    rng = np.random.default_rng(seed)
    scene = chart_pixels(width, height, seed).astype(np.float32) * np.float32(0.8) + np.float32(20)
    scene *= (1 + np.float32(strength) * sensor)[:, :, None]
    scene += np.float32(shot) * rng.standard_normal(scene.shape, dtype=np.float32)
    out: Pixels = np.clip(np.rint(scene), 0, 255).astype(np.uint8)
    return out


def picture_png(width: int, height: int, seed: int) -> bytes:
    """A picture by the made-up sensor of that seed, as a PNG file."""
    return png(taken(pattern(width, height, seed), seed))
