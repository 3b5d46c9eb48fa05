"""The drawn landscape that all examples rest on."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from leadlight.chart import chart_pixels, chart_png, png
from leadlight.fingerprint.pdq import pdq


@pytest.mark.parametrize("width, height", [(1, 1), (3, 2), (96, 72), (257, 131)])
def test_png_decodes_to_the_pixels_drawn(width: int, height: int) -> None:
    with Image.open(io.BytesIO(chart_png(width, height, 2))) as image:
        assert np.array_equal(np.asarray(image), chart_pixels(width, height, 2))


@pytest.mark.parametrize(
    "shape, mode", [((5, 4), "L"), ((5, 4, 2), "LA"), ((5, 4, 3), "RGB"), ((5, 4, 4), "RGBA")]
)
def test_png_of_each_depth(shape: tuple[int, ...], mode: str) -> None:
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    with Image.open(io.BytesIO(png(pixels))) as image:
        assert image.mode == mode
        assert np.array_equal(np.asarray(image), pixels)


def test_same_seed_same_landscape_and_full_quality() -> None:
    for seed in range(4):
        pixels = chart_pixels(200, 150, seed)
        assert np.array_equal(pixels, chart_pixels(200, 150, seed))
        assert pdq(pixels)[1] == 100
    assert not np.array_equal(chart_pixels(200, 150, 0), chart_pixels(200, 150, 1))
