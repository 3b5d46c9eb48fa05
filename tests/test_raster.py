"""The small luma plane: means of squares, edges of what there is, and one decode for all who ask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.chart import chart_pixels, png
from leadlight.content import Content, Picture, Reduced, content_of
from leadlight.plugins import registry
from leadlight.raster import LEAST, reduce, step_for


@given(st.integers(1, 9000), st.integers(1, 9000))
def test_the_step_leaves_the_shorter_side_long_enough(width: int, height: int) -> None:
    step = step_for(width, height)
    assert step == 1 or min(width, height) // step >= LEAST
    assert step == 8 or min(width, height) < LEAST * step * 2


@pytest.mark.parametrize("size", [(1031, 1029), (2050, 2049), (40, 30)])
def test_samples_are_means_of_squares(size: tuple[int, int]) -> None:
    pixels = chart_pixels(*size)
    made = reduce(Picture(pixels, None, "RGB"))
    assert (made.width, made.height) == size
    step = made.step
    assert made.luma.shape == (-(-size[1] // step), -(-size[0] // step))
    grey = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)
    for row, column in ((0, 0), (3, 5), (made.luma.shape[0] - 1, made.luma.shape[1] - 1)):
        square = grey[row * step : (row + 1) * step, column * step : (column + 1) * step]
        assert made.luma[row, column] == pytest.approx(square.mean(), abs=0.01)


class Scaling:
    """The real decoder, with a scaled decode of its own making."""

    def __init__(self, found: Reduced | None) -> None:
        self.found = found
        self.decode = registry().decoder.decode

    def scaled(self, content: Content) -> Reduced | None:
        return self.found


SCALED = Reduced(np.zeros((2, 2), dtype=np.float32), 8, 16, 16, method="scaled")


def opened(found: Reduced | None, *, exact: bool) -> Content:
    content = content_of(png(chart_pixels(60, 40)), registry().hashers.hashers())
    content.filetype = registry().identifier.identify(content)
    content.decoder = Scaling(found)
    content.exact = exact
    return content


def test_a_scaled_decode_serves_only_where_it_is_allowed_and_nothing_was_decoded() -> None:
    content = opened(SCALED, exact=False)
    assert content.reduced() is content.reduced() is SCALED
    assert content.decodes == 1
    assert opened(SCALED, exact=True).reduced().method == "full"
    assert opened(None, exact=False).reduced().method == "full"
    decoded = opened(SCALED, exact=False)
    decoded.picture()
    assert decoded.reduced().method == "full"
    assert decoded.decodes == 1
