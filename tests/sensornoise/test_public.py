"""Real cameras: two of one model told apart, on the pictures of polimi-ispl/prnu-python (folder test/data)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from leadlight.sensornoise.compare import Frame, query_of
from leadlight.sensornoise.estimate import Estimate
from leadlight.sensornoise.likelihood import log10_lr
from leadlight.sensornoise.residue import luma_of
from leadlight.sensornoise.wavelet import Plane

TOP, LEFT, SIDE = 488, 992, 1024


@pytest.fixture(scope="module")
def nikons() -> Path:
    folder = os.environ.get("LEADLIGHT_TEST_PRNU")
    if not folder or not (Path(folder) / "ff-jpg").is_dir():
        pytest.skip("pictures of real cameras not found: set LEADLIGHT_TEST_PRNU to test/data of prnu-python")
    return Path(folder)


def middle(path: Path) -> Plane:
    with Pil.open(path) as file:
        return luma_of(np.asarray(file.convert("RGB"))[TOP : TOP + SIDE, LEFT : LEFT + SIDE])


def test_two_cameras_of_one_model_are_told_apart(nikons: Path) -> None:
    frames = {}
    for camera in ("D70_0", "D70_1"):
        flat = sorted((nikons / "ff-jpg").glob(f"Nikon_{camera}_*"))
        estimate = Estimate(SIDE, SIDE)
        for path in flat[:8]:
            estimate.add(middle(path))
        frames[camera] = Frame(estimate.pattern()), flat[8:]
    for camera, (_, left) in frames.items():
        for path in left:
            for other, (frame, _) in frames.items():
                (found,) = frame.matches(query_of(middle(path)))
                assert (found.excess > 60) == (camera == other), (camera, other, found)
                assert (log10_lr(found) > 1) == (camera == other)
