from __future__ import annotations

import numpy as np
import pytest

from leadlight.chart import chart_pixels
from leadlight.sensornoise.residue import SIGMA, levelled, luma_of, noise_of, residue_of, sound, stilled, whitened


def _noise(shape: tuple[int, int], spread: float = 3.0, seed: int = 5) -> np.ndarray:
    return (spread * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(300, 400), (256, 256), (257, 391)])
def test_noise_is_found_on_a_drawn_scene_and_the_scene_is_not(shape: tuple[int, int]) -> None:
    scene = luma_of(chart_pixels(shape[1], shape[0], 3))
    noise = _noise(shape)
    found = noise_of(scene + noise)
    assert found.shape == shape
    assert np.corrcoef(found.ravel(), noise.ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(found.ravel(), scene.ravel())[0, 1]) < 0.1


def test_nothing_is_taken_from_an_even_plane() -> None:
    assert np.abs(noise_of(np.full((256, 300), 97, dtype=np.float32))).max() < 1e-3


def test_what_stands_out_from_noise_is_brought_down() -> None:
    values = _noise((64, 64), SIGMA)
    values[20:40, 20:40] *= 20
    out = stilled(values, SIGMA**2)
    # the middle of what stands out, and what lies far from it
    assert np.abs(out[25:35, 25:35]).std() < 0.1 * np.abs(values[25:35, 25:35]).std()
    assert np.corrcoef(out[50:, 50:].ravel(), values[50:, 50:].ravel())[0, 1] > 0.95


def test_rows_and_columns_of_each_position_of_the_filter_array_have_no_mean() -> None:
    plane = _noise((101, 90)) + np.arange(90, dtype=np.float32)
    plane[::2] += 4
    out = levelled(plane)
    for down in (0, 1):
        for across in (0, 1):
            part = out[down::2, across::2]
            assert np.abs(part.mean(axis=0)).max() < 1e-4
            assert np.abs(part.mean(axis=1)).max() < 1e-4


def test_a_pattern_that_repeats_is_brought_down_and_noise_is_kept() -> None:
    noise = _noise((256, 384))
    grid = np.zeros_like(noise)
    grid[::8, ::8] = 20
    out = whitened(levelled(noise + grid))

    def share(plane: np.ndarray, of: np.ndarray) -> float:
        return float(np.corrcoef(plane.ravel(), of.ravel())[0, 1])

    assert share(noise + grid, grid) > 0.4
    assert abs(share(out, grid)) < 0.1
    assert share(out, noise) > 0.9


def test_full_and_dark_pixels_show_nothing() -> None:
    luma = np.full((256, 256), 128, dtype=np.float32) + _noise((256, 256))
    luma[:100, :100] = 255
    luma[150:, 150:] = 0
    shows = sound(luma)
    assert not shows[:100, :100].any()
    assert not shows[150:, 150:].any()
    assert shows[100:150].all()
    residue = residue_of(luma)
    assert np.abs(residue[20:80, 20:80]).mean() < 0.2 * np.abs(residue[110:140]).mean()


def test_luma_is_that_of_bt_601() -> None:
    pixels = np.zeros((3, 2, 3), dtype=np.uint8)
    pixels[0, 0], pixels[1, 0], pixels[2, 0] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    assert np.allclose(luma_of(pixels)[:, 0], [76.245, 149.685, 29.07], atol=1e-3)
