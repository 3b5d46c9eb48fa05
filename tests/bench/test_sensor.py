from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.sensor import Row, packed, part, reduced, spread, told
from PIL import Image as Pil

from bench import sensor


def picture(size: tuple[int, int]) -> Pil.Image:
    return Pil.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def test_edits_do_as_they_are_called() -> None:
    whole = picture((400, 300))
    assert part(whole, 0.5).size == (200, 150)
    assert np.array_equal(np.asarray(part(whole, 0.5)), np.asarray(whole)[78:228, 103:303])
    assert reduced(whole, 200).size == (200, 150)
    assert reduced(whole, 1600) is whole
    assert not np.array_equal(np.asarray(packed(whole, 75)), np.asarray(whole))


def test_a_choice_is_even() -> None:
    paths = [Path(str(n)) for n in range(11)]
    assert spread(paths, 3) == [paths[0], paths[5], paths[10]]
    assert spread(paths, 20) == paths


def test_the_table_takes_its_threshold_from_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    own = [
        Row("as it is", "p", "a", "a", excess, excess, ratio, "unchanged") for excess, ratio in ((50, 2), (3, 0))
    ]
    other = [Row("as it is", "p", "a", "b", n / 10, n / 10, 0, "unchanged") for n in range(100)]
    told([*own, *other])
    assert "| as it is | 2 | 100 | 50 % | 50 % | 0.0 % | 26 |" in capsys.readouterr().out


def test_made_up_sensors_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert sensor.main(["--quick", "--each", "2"]) == 0
    out = capsys.readouterr().out
    assert "| as it is | 6 | 12 | 100 % | 100 % | 0.0 % |" in out
    assert "| 480 × 320 | 6 | 3 | 3 of 3 | 0 of 12 |" in out
