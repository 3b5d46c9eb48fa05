from __future__ import annotations

import numpy as np

from leadlight.sensornoise.compare import correlation
from leadlight.sensornoise.estimate import LEAST_AGREEMENT, Estimate
from leadlight.sensornoise.residue import luma_of
from tests.sensors import SIZE, sensor, shot_by


def estimate_from(*shots: np.ndarray) -> Estimate:
    out = Estimate(SIZE[1], SIZE[0])
    for shot in shots:
        out.add(luma_of(shot))
    return out


def test_more_pictures_give_a_better_pattern() -> None:
    few = estimate_from(*(shot_by(3, n) for n in range(2)))
    more = estimate_from(*(shot_by(3, n) for n in range(8)))
    assert correlation(more.pattern(), sensor(3)) > 1.3 * correlation(few.pattern(), sensor(3)) > 50
    assert more.pictures == 8


def test_halves_agree_where_one_sensor_took_all_and_not_else() -> None:
    assert estimate_from(*(shot_by(3, n) for n in range(6))).agreement() > 2 * LEAST_AGREEMENT
    strangers = estimate_from(*(shot_by(10 + n, n) for n in range(6)))
    assert abs(strangers.agreement()) < LEAST_AGREEMENT
    assert estimate_from(shot_by(3, 0)).agreement() == 0


def test_full_pixels_of_one_picture_are_taken_from_the_others() -> None:
    shots = [shot_by(3, n).copy() for n in range(4)]
    shots[0][:, :200] = 255
    pattern = estimate_from(*shots).pattern()
    assert np.isfinite(pattern).all()
    assert correlation(pattern[:, :200], sensor(3)[:, :200]) > 30


def test_pixels_that_are_full_in_all_pictures_are_no_fault() -> None:
    shots = [shot_by(3, n).copy() for n in range(3)]
    for shot in shots:
        shot[:50] = 255
    assert np.isfinite(estimate_from(*shots).pattern()).all()
