"""Known pictures for tests, drawn: 'camera' ones are charts with noise, 'generated' ones are charts without."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.raster import Picture
from leadlight.scoring.card import Card
from leadlight.scoring.detector import Reading
from tests.scoring import cards

WIDTH, HEIGHT = 160, 120
_CHARTS = [chart_pixels(WIDTH, HEIGHT, n).astype(float) for n in range(12)]


def drawn(noise: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = _CHARTS[seed % len(_CHARTS)] + rng.normal(0, 1, (HEIGHT, WIDTH, 1)) * noise * rng.uniform(0.7, 1.3)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def put(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def make(folder: Path, camera: Mapping[str, float], generated: Mapping[str, float], *, each: int) -> Path:
    """Folders camera/SOURCE and generated/SOURCE of `each` pictures, the noise of each source as given."""
    number = 0
    for kind, sources in (("camera", camera), ("generated", generated)):
        for source, noise in sources.items():
            for n in range(each):
                number += 1
                put(folder / kind / source / f"{n}.png", drawn(noise, number))
    return folder


class Smooth:
    """Scores a picture by how little noise it has: higher for 'generated'."""

    def __init__(self, card: Card | None = None) -> None:
        self.card = card or cards.card(calibration=())

    def read(self, picture: Picture) -> Reading:
        grey = picture.pixels.astype(float).mean(axis=2)
        apart = np.abs(np.diff(np.diff(grey, axis=0), axis=1)).mean()
        return Reading(float(-4 * np.log(apart + 0.05)), 4, 0, 0.1, None, False, 1.0, False)
