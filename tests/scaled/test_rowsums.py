"""Weighted rows of luma against the sum in double precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.fingerprint import pdq
from leadlight.raster import averaged
from leadlight.scaled import means, rows
from leadlight.scaled.kernel import kernel

needs_kernel = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")


def expected(pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    luma = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return np.asarray(weights.astype(np.float64) @ luma)


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 90), st.integers(0, 9), st.integers(0, 2**32))
def test_sums_of_any_shape(height, width, count, seed) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    weights = rng.random((count, height), dtype=np.float32)
    weights[rng.random(weights.shape) < 0.3] = 0
    weights[:, : height // 3] = 0
    found = rows(pixels, weights)
    assert found is not None
    assert (found.shape, found.dtype) == ((count, width), np.float32)
    np.testing.assert_allclose(found, expected(pixels, weights), rtol=1e-5, atol=1e-4)


@needs_kernel
@pytest.mark.parametrize("size", [(5, 5000), (600, 2047), (333, 2048), (200, 2049)])
def test_rounding_stays_far_within_what_pdq_allows(size) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    weights = pdq._weights(size[0])
    found = rows(pixels, weights)
    assert found is not None
    assert np.abs(found - expected(pixels, weights)).max() < 2e-4


@needs_kernel
def test_views_are_read_as_they_look() -> None:
    whole = np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    weights = np.random.default_rng(2).random((9, 80), dtype=np.float32)
    for pixels in (whole[::-1], whole[:, 3:20], whole[:, :, ::-1], whole.transpose(1, 0, 2)):
        part = weights[::2, : pixels.shape[0]]
        np.testing.assert_allclose(rows(pixels, part), expected(pixels, part), rtol=1e-5)
    four = np.random.default_rng(3).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    for pixels in (four[:, :, :3], four[:, :, 1:], four[:, :, 2::-1], four[:30, :, :3], four[:, :30, :3]):
        part = weights[:, : len(pixels)]
        np.testing.assert_allclose(rows(pixels, part), expected(pixels, part), rtol=1e-5)
    bare = whole.copy()
    bare.setflags(write=False)
    assert rows(bare, weights[:, :40]) is not None


@needs_kernel
def test_nothing_to_sum() -> None:
    pixels = np.zeros((4, 5, 3), dtype=np.uint8)
    weights = np.ones((2, 4), dtype=np.float32)
    np.testing.assert_array_equal(rows(pixels + 200, weights * 0), np.zeros((2, 5)))
    np.testing.assert_array_equal(rows(pixels[:, :0], weights), np.zeros((2, 0)))
    np.testing.assert_array_equal(rows(pixels[:0], weights[:, :0]), np.zeros((2, 5)))


@needs_kernel
def test_shapes_that_do_not_fit() -> None:
    pixels = np.zeros((4, 5, 3), dtype=np.uint8)
    weights = np.ones((2, 4), dtype=np.float32)
    for wrong in (pixels[:3], pixels[:, :, :2], np.zeros((4, 5, 4), dtype=np.uint8)):
        with pytest.raises(ValueError, match="shape"):
            rows(wrong, weights)
    with pytest.raises(ValueError, match="shape"):
        rows(pixels, weights[0])


@needs_kernel
def test_the_kernel_checks_what_it_is_given() -> None:
    compiled = kernel()
    assert compiled is not None
    pixels, weights, sums = bytes(60), bytes(32), bytearray(40)
    compiled.rows(pixels, 4, 5, 3, weights, sums)
    compiled.rows(bytes(80), 4, 5, 4, weights, sums)
    for given_ in (
        (pixels[:-1], 4, 5, 3, weights, sums),
        (pixels, 5, 4, 3, weights, sums),
        (pixels, 0, 5, 3, weights, sums),
        (pixels, -4, -5, 3, weights, sums),
        (pixels, 4, 5, 3, weights + b"\0", sums),
        (pixels, 4, 5, 3, weights, bytearray(44)),
        (bytes(40), 4, 5, 2, weights, sums),
        (bytes(100), 4, 5, 5, weights, sums),
        (pixels, 1 << 62, 5, 3, weights, sums),
    ):
        with pytest.raises(ValueError, match="size"):
            compiled.rows(*given_)


def test_without_the_kernel_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert rows(np.zeros((4, 5, 3), dtype=np.uint8), np.ones((2, 4), dtype=np.float32)) is None


@needs_kernel
@settings(max_examples=80, deadline=None)
@given(st.integers(1, 70), st.integers(1, 90), st.sampled_from([1, 2, 4, 8]), st.integers(0, 2**32))
def test_means_are_the_same_to_the_last_digit(height, width, step, seed) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
    for rgb in (pixels[:, :, :3], pixels[:, :, 1:], np.ascontiguousarray(pixels[:, :, :3])):
        found = means(rgb, step)
        assert found.dtype == np.float32
        assert np.array_equal(found, averaged(rgb, step))


@needs_kernel
@pytest.mark.parametrize("shape", [(9, 2047, 3), (9, 2049, 3), (700, 1537, 4), (8, 6145, 3), (300, 20, 3)])
@pytest.mark.parametrize("step", [1, 2, 4, 8])
def test_means_of_long_rows_and_of_white_are_the_same(shape, step) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)[:, :, :3]
    assert np.array_equal(means(pixels, step), averaged(pixels, step))
    white = np.full_like(pixels, 255)
    assert np.array_equal(means(white, step), averaged(white, step))
    assert means(white, step) == pytest.approx(255, abs=1e-4)


def test_without_a_kernel_means_are_made_in_numpy(monkeypatch) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    fast = means(pixels, 4)
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert np.array_equal(means(pixels, 4), fast)


@needs_kernel
@pytest.mark.parametrize(
    ("height", "width", "depth", "step", "made"),
    [(6, 8, 3, 3, (2, 3)), (6, 8, 3, 0, (6, 8)), (6, 8, 3, 4, (2, 3)), (6, 8, 4, 4, (2, 2)), (7, 8, 3, 4, (2, 2))],
)
def test_means_that_do_not_fit_are_refused(height, width, depth, step, made) -> None:
    with pytest.raises(ValueError, match="size"):
        kernel().means(bytes(6 * 8 * 3), height, width, depth, step, np.zeros(made, dtype=np.float32))
