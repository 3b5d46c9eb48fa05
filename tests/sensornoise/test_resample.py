from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pil

from leadlight.sensornoise.resample import resampled


@pytest.mark.parametrize("size", [(150, 200), (77, 111), (299, 416), (450, 600), (300, 417)])
def test_planes_are_resampled_as_pillow_does_it(size: tuple[int, int]) -> None:
    plane = np.random.default_rng(4).standard_normal((300, 417)).astype(np.float32)
    ours = resampled(plane, *size)
    theirs = np.asarray(Pil.fromarray(plane).resize(size[::-1], Pil.Resampling.BICUBIC))
    assert ours.shape == size
    assert np.abs(ours - theirs).max() < 1e-4
