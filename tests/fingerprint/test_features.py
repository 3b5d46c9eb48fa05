"""Local features as taken from pictures: where asked for, in bounds, and found again in edited copies."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pil

from leadlight.config import Settings
from leadlight.fingerprint.features import features
from leadlight.keypoints import judge
from leadlight.keypoints.geometry import agreement
from leadlight.keypoints.payload import keypoints_of
from leadlight.keypoints.record import MOST
from leadlight.raster import Reduced
from leadlight.records import finding
from tests.scenes import jpeg, keypoints, record_of, scene

ON = Settings(features="on")
WIDE = (640, 480)


def test_none_are_taken_where_none_are_asked_for(examine) -> None:
    data = jpeg(scene(1))
    assert not [f for f in examine(data) if f.kind == finding.FEATURES]
    (found,) = [f for f in examine(data, settings=ON) if f.kind == finding.FEATURES]
    assert found.payload["algorithm"] == "orb"
    assert 100 < found.payload["features"] <= MOST
    assert len(found.payload["value"]) <= 12 * 1024
    read = keypoints_of("0" * 64, found)
    assert (len(read), read.width, read.height) == (found.payload["features"], *WIDE)


def test_fast_hashing_gives_features_too(examine) -> None:
    data = jpeg(scene(1, (2400, 1800)))
    exact, fast = (
        next(f for f in examine(data, settings=Settings(features="on", hashing=h)) if f.kind == finding.FEATURES)
        for h in ("exact", "fast")
    )
    found = agreement(keypoints_of("", fast), keypoints_of("", exact))
    assert found is not None
    assert found.agreeing > 0.8 * found.pairs
    assert judge.matches(found)


@pytest.mark.parametrize(
    "edit",
    [
        lambda p: p.crop((40, 30, 616, 462)),
        lambda p: p.crop((0, 0, 480, 360)),
        lambda p: p.rotate(5),
        lambda p: p.rotate(20),
        lambda p: p.transpose(Pil.Transpose.ROTATE_90),
        lambda p: p.resize((400, 300)),
    ],
    ids=["crop 10 %", "crop 25 %", "5 degrees", "20 degrees", "90 degrees", "smaller"],
)
def test_edited_copies_agree(edit) -> None:
    for seed in (1, 2):
        original = scene(seed)
        found = agreement(keypoints(edit(original)), keypoints(original))
        assert found is not None
        assert judge.matches(found), (found.agreeing, found.cover, found.scatter)


def test_strangers_and_mirrored_copies_do_not() -> None:
    for n in range(6):
        found = agreement(keypoints(scene(n)), keypoints(scene(n + 50)))
        assert found is None or found.agreeing < judge.AGREEING / 2
    mirrored = agreement(keypoints(scene(1).transpose(Pil.Transpose.FLIP_LEFT_RIGHT)), keypoints(scene(1)))
    assert mirrored is None or not judge.matches(mirrored)


@pytest.mark.parametrize(
    "size", [(1, 1), (20, 20), (62, 62), (63, 63), (3000, 1), (1, 3000), (4000, 200), (600, 480)]
)
def test_flat_small_and_slim_pictures_have_none(size: tuple[int, int]) -> None:
    assert record_of(Pil.new("RGB", size, (120, 130, 140))) == b""


def test_a_noisy_strip_and_values_out_of_range_are_no_fault() -> None:
    noise = np.random.default_rng(1).uniform(-50, 400, (64, 2000)).astype(np.float32)
    assert features(Reduced(noise, 1, 2000, 64)) == b""
    wide = noise[:, :900]
    assert features(Reduced(wide, 8, 7200, 512)) == features(Reduced(wide, 8, 7200, 512)) != b""
    assert features(Reduced(wide, 8, 70_000, 512)) == b""


def test_features_lie_all_over_the_picture() -> None:
    """A busy corner does not take all places: a part without it is found too."""
    rng = np.random.default_rng(3)
    pixels = np.asarray(scene(4)).copy()
    pixels[:200, :250] = rng.integers(0, 2, (200, 250, 1)) * 255
    busy = keypoints(Pil.fromarray(pixels))
    inside = (busy.places.real < 250 / 640) & (busy.places.imag < 200 / 640)
    assert inside.mean() < 0.5
