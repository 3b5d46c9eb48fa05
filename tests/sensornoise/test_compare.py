from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pil

from leadlight.raster import Pixels
from leadlight.sensornoise.compare import (
    CROPPED,
    CROPPED_RESIZED,
    RESIZED,
    UNCHANGED,
    Found,
    correlation,
    turned,
)
from leadlight.sensornoise.likelihood import best
from tests.sensors import SIZE, enrolled_pattern, frame, query, sensor, shot_by

CLEAR = 60
TURNED = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


def looked_for(pixels: Pixels, seed: int = 1, **how: object) -> Found:
    found = best(frame(seed).matches(query(pixels), **how))  # type: ignore[arg-type]
    assert found is not None
    return found


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    out = io.BytesIO()
    Pil.fromarray(pixels).save(out, "JPEG", quality=quality)
    return np.asarray(Pil.open(out).convert("RGB"))


def test_the_estimate_is_the_pattern_of_the_sensor() -> None:
    assert correlation(enrolled_pattern(1), sensor(1)) > 100
    assert abs(correlation(enrolled_pattern(1), sensor(2))) < 5


@pytest.mark.parametrize("turn", range(1, 9))
def test_an_unchanged_picture_is_found_however_it_is_turned(turn: int) -> None:
    found = looked_for(np.ascontiguousarray(_turned(shot_by(1, 50), turn)))
    assert found.pce > 10 * CLEAR
    assert (found.way, found.turn, found.scale) == (UNCHANGED, TURNED[turn], 1.0)


def _turned(pixels: Pixels, turn: int) -> Pixels:
    return np.stack([turned(pixels[:, :, n], turn) for n in range(3)], axis=2)


@pytest.mark.parametrize("number", range(50, 56))
def test_pictures_by_another_sensor_are_not(number: int) -> None:
    assert looked_for(shot_by(2, number)).excess < 25
    assert looked_for(shot_by(2, number)[:280, :360]).excess < 25


def test_turning_follows_exif() -> None:
    plane = np.arange(6, dtype=np.float32).reshape(2, 3)
    # orientation 6: the first row is the right side, so upright it is turned clockwise
    assert turned(plane, 6).tolist() == [[3, 0], [4, 1], [5, 2]]
    assert turned(plane, 8).tolist() == [[2, 5], [1, 4], [0, 3]]
    assert turned(plane, 3).tolist() == [[5, 4, 3], [2, 1, 0]]


def test_a_part_is_found_at_its_place() -> None:
    found = looked_for(shot_by(1, 50)[9:289, 31:391])
    assert found.pce > 3 * CLEAR
    assert (found.way, found.turn, found.left, found.top) == (CROPPED, 1, 31, 9)
    assert found.tried > 1000
    assert found.excess < found.pce - 10


def test_parts_smaller_than_asked_for_are_left_out() -> None:
    part = query(shot_by(1, 50)[9:289, 31:391])
    assert not list(frame(1).matches(part, least_share=0.9))


def test_a_reduced_copy_is_found() -> None:
    copy = np.asarray(Pil.fromarray(shot_by(1, 50)).resize((360, 270), Pil.Resampling.LANCZOS))
    found = looked_for(copy)
    assert found.pce > 2 * CLEAR
    assert (found.way, found.turn, found.left, found.top) == (RESIZED, 1, 0, 0)
    assert found.scale == pytest.approx(0.9)


def test_a_part_of_a_reduced_copy_is_found_on_the_ladder_alone() -> None:
    size = (round(SIZE[0] / 1.05), round(SIZE[1] / 1.05))
    copy = np.asarray(Pil.fromarray(shot_by(1, 50)).resize(size, Pil.Resampling.LANCZOS))[5:275, 10:340]
    assert looked_for(copy).pce < CLEAR
    found = looked_for(copy, ladder=True)
    assert found.pce > CLEAR
    assert (found.way, found.left, found.top) == (CROPPED_RESIZED, 10, 5)
    assert found.scale == pytest.approx(1 / 1.05, abs=0.003)


def test_a_compressed_copy_is_found_less_clearly() -> None:
    as_it_was, packed = looked_for(shot_by(1, 50)), looked_for(jpeg(shot_by(1, 50), 75))
    assert CLEAR < packed.pce < as_it_was.pce


def test_a_picture_that_can_be_no_part_is_not_compared() -> None:
    assert not list(frame(1).matches(query(shot_by(1, 50, (600, 320)))))


def test_a_flat_picture_is_found_nowhere() -> None:
    assert abs(looked_for(np.full((300, 400, 3), 99, dtype=np.uint8)).pce) < 5
