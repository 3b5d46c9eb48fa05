"""Sums in the reference's order: compiled, to the last digit those of NumPy and of the reference."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.chart import chart_pixels
from leadlight.fingerprint import ordered as reference
from leadlight.scaled import ordered
from leadlight.scaled.kernel import kernel

needs_kernel = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")
KINDS = ("noise", "flat", "across", "down", "drawn", "edges")


def drawn(kind: str, height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind == "flat":
        return np.broadcast_to(rng.integers(0, 256, 3, dtype=np.uint8), (height, width, 3)).copy()
    if kind == "drawn":
        return chart_pixels(width, height, seed % 100)
    if kind == "edges":
        return np.where(rng.random((height, width, 1)) < 0.5, 0, 255).astype(np.uint8).repeat(3, axis=2)
    slope = np.linspace(0, 255, width if kind == "across" else height).astype(np.uint8)
    line = slope[None, :, None] if kind == "across" else slope[:, None, None]
    return np.broadcast_to(line, (height, width, 3)).copy()


def same(pixels: np.ndarray) -> None:
    found = ordered(pixels)
    assert found is not None
    assert (found.shape, found.dtype) == ((64, 64), np.float32)
    np.testing.assert_array_equal(found, reference._plain_samples(pixels))


@needs_kernel
@settings(max_examples=150, deadline=None)
@given(st.integers(5, 700), st.integers(5, 700), st.sampled_from(KINDS), st.booleans(), st.integers(0, 2**32))
def test_samples_of_any_shape(height: int, width: int, kind: str, four: bool, seed: int) -> None:
    pixels = drawn(kind, height, width, seed)
    if four:
        held = np.random.default_rng(seed).integers(0, 256, (height, width, 4), dtype=np.uint8)
        held[:, :, :3] = pixels
        pixels = held[:, :, :3]
    same(pixels)


@needs_kernel
@settings(max_examples=25, deadline=None)
@given(st.integers(5, 40), st.integers(900, 20_000), st.booleans(), st.integers(0, 2**32))
def test_samples_of_long_pictures(short: int, long: int, upright: bool, seed: int) -> None:
    same(drawn("noise", *((long, short) if upright else (short, long)), seed))


@needs_kernel
@pytest.mark.parametrize("size", [(5, 65_535), (65_535, 5), (127, 65_535), (2500, 3333)])
def test_samples_of_the_largest(size: tuple[int, int]) -> None:
    same(drawn("noise", *size, 1))


@needs_kernel
@pytest.mark.parametrize(
    "length", [*range(5, 20), 63, 64, 65, 127, 128, 129, 256, 257, 384, 385, 1023, 1024, 1025]
)
def test_samples_where_the_box_grows(length: int) -> None:
    for size in ((length, length), (length, 9), (9, length)):
        same(drawn("noise", *size, length))


@needs_kernel
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(97, 211), (480, 640), (1201, 903)])
def test_the_coefficients_are_the_reference_s_to_the_last_digit(kind: str, size: tuple[int, int]) -> None:
    pixels = drawn(kind, *size, 5)
    found = ordered(pixels)
    assert found is not None
    vector, _ = pdqhash.compute_float(np.ascontiguousarray(pixels))
    np.testing.assert_array_equal(reference.transform(found).ravel(), vector[::-1])


@needs_kernel
def test_views_are_read_as_they_look() -> None:
    whole = drawn("noise", 140, 150, 1)
    for pixels in (whole[::-1], whole[:, 3:20], whole[:, :, ::-1], whole.transpose(1, 0, 2)):
        same(pixels)
    bare = whole.copy()
    bare.setflags(write=False)
    same(bare)


@needs_kernel
def test_threads_do_not_meet() -> None:
    pictures = [drawn("noise", 300 + n, 500 - n, n) for n in range(4)]
    found: dict[int, np.ndarray | None] = {}

    def one(n: int) -> None:
        for _ in range(5):
            found[n] = ordered(pictures[n])

    threads = [threading.Thread(target=one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n, pixels in enumerate(pictures):
        np.testing.assert_array_equal(found[n], reference._plain_samples(pixels))


@needs_kernel
def test_nothing_is_copied_of_a_view_of_four_bytes() -> None:
    pixels = drawn("noise", 1000, 1000, 1)
    held = np.zeros((1000, 1000, 4), dtype=np.uint8)
    held[:, :, :3] = pixels
    tracemalloc.start()
    try:
        ordered(held[:, :, :3])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@needs_kernel
def test_shapes_that_do_not_fit() -> None:
    for shape in ((4, 5, 4), (4, 5, 2), (0, 5, 3), (5, 0, 3)):
        with pytest.raises(ValueError, match="shape"):
            ordered(np.zeros(shape, dtype=np.uint8))


@needs_kernel
def test_the_kernel_checks_what_it_is_given() -> None:
    compiled = kernel()
    assert compiled is not None
    pixels, samples = bytes(60), bytearray(64 * 64 * 4)
    compiled.ordered(pixels, 4, 5, 3, samples)
    compiled.ordered(bytes(80), 4, 5, 4, samples)
    compiled.ordered(bytes(3), 1, 1, 3, samples)
    for given_ in (
        (pixels[:-1], 4, 5, 3, samples),
        (pixels, 5, 5, 3, samples),
        (pixels, 0, 5, 3, samples),
        (pixels, -4, -5, 3, samples),
        (bytes(40), 4, 5, 2, samples),
        (bytes(100), 4, 5, 5, samples),
        (pixels, 1 << 62, 5, 3, samples),
        (pixels, 4, 1 << 62, 3, samples),
        (pixels, 4, 5, 3, bytearray(64 * 64 * 4 - 1)),
        (pixels, 4, 5, 3, bytearray(64 * 64 * 4 + 4)),
    ):
        with pytest.raises(ValueError, match="size"):
            compiled.ordered(*given_)
    with pytest.raises((TypeError, BufferError)):
        compiled.ordered(pixels, 4, 5, 3, bytes(64 * 64 * 4))


def test_without_the_kernel_numpy_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = drawn("drawn", 90, 120, 3)
    before = reference.samples(pixels)
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert ordered(pixels) is None
    np.testing.assert_array_equal(reference.samples(pixels), before)
