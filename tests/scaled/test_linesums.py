from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from leadlight.scaled import lines
from leadlight.scaled.kernel import kernel
from leadlight.scaled.linesums import _CompiledLines
from leadlight.scaled.plainlines import SIDE, PlainLines, tents

compiled = kernel()
needs_kernel = pytest.mark.skipif(compiled is None, reason="no compiled kernel")


def blocks(seed: int, high: int, wide: int, levels: int) -> np.ndarray:
    """Rectangles of a few levels with a little noise: bars, lines, and values that tie."""
    random = np.random.default_rng(seed)
    plane = np.zeros((high, wide), dtype=np.float32)
    for _ in range(levels):
        top, left = random.integers(0, high), random.integers(0, wide)
        plane[top : top + random.integers(1, high + 1), left : left + random.integers(1, wide + 1)] = (
            random.integers(0, 256)
        )
    plane += (random.random((high, wide)) < 0.1) * random.integers(0, 8, (high, wide)) / 2
    if seed % 3 == 0:
        plane += random.random((high, wide), dtype=np.float32)
    return plane


planes = st.builds(
    blocks, st.integers(0, 10_000), st.integers(1, 150), st.integers(1, 150), st.integers(0, 6)
) | arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    elements=st.sampled_from([0, 2.5, 3, 5, 5.5, 10, 10.5, 255]) | st.floats(0, 255, width=32),
)


def spans(data: st.DataObject, length: int, least: int) -> tuple[int, int]:
    low = data.draw(st.integers(0, length - least))
    return low, data.draw(st.integers(low + least, length))


@needs_kernel
@settings(max_examples=150, deadline=None)
@given(planes, st.integers(1, 5), st.data())
def test_the_kernel_says_what_numpy_says_to_the_last_digit(plane, by, data) -> None:
    by = min(by, *plane.shape)
    reference, fast = PlainLines(plane, by), _CompiledLines(compiled, plane, by)
    assert np.array_equal(reference.plane, fast.plane)
    high, wide = fast.plane.shape
    assert reference.plain() == fast.plain()
    for _ in range(4):
        rect = (*spans(data, high, 1), *spans(data, wide, 1))
        assert reference.flat_outside(rect) == fast.flat_outside(rect)
        assert reference.refined(rect) == fast.refined(rect)
        for across in (False, True):
            if rect[2 * across + 1] - rect[2 * across] > 4:
                assert reference.sides(rect, across=across) == fast.sides(rect, across=across)
        for edges in (tuple(map(float, rect)), reference.refined(rect)):
            if edges[1] - edges[0] > 0.001 and edges[3] - edges[2] > 0.001:
                assert np.array_equal(reference.sampled(edges), fast.sampled(edges))


@needs_kernel
@pytest.mark.parametrize(
    ("shape", "by"), [((330, 2600), 1), ((1001, 1303), 5), ((2304, 1100), 3), ((1024, 1024), 1024)]
)
def test_large_planes_are_the_same_too(shape, by) -> None:
    plane = blocks(3, *shape, 9)
    reference, fast = PlainLines(plane, by), _CompiledLines(compiled, plane, by)
    assert np.array_equal(reference.plane, fast.plane)
    high, wide = fast.plane.shape
    assert reference.plain() == fast.plain()
    rect = (0, high, wide // 3, wide)
    assert reference.flat_outside(rect) == fast.flat_outside(rect)
    if high > 4:
        for across in (False, True):
            assert reference.sides(rect, across=across) == fast.sides(rect, across=across)
    edges = (0.25, float(high), wide / 3, wide - 0.125)
    assert np.array_equal(reference.sampled(edges), fast.sampled(edges))


@needs_kernel
def test_a_view_of_a_plane_is_read_as_it_is() -> None:
    plane = blocks(6, 120, 200, 5)
    turned, every = PlainLines(plane.T, 2), PlainLines(plane[::2, ::3], 1)
    assert np.array_equal(_CompiledLines(compiled, plane.T, 2).plane, turned.plane)
    assert np.array_equal(_CompiledLines(compiled, plane[::2, ::3], 1).plane, every.plane)


def test_a_step_is_found_and_what_is_before_it_is_flat() -> None:
    plane = np.zeros((100, 80), dtype=np.float32)
    plane[30:] = np.random.default_rng(1).random((70, 80), dtype=np.float32) * 100 + 100
    seen = lines(plane, 1)
    upper, lower = seen.sides((0, 100, 0, 80), across=False)
    assert upper[0][0] in (29, 30)
    assert upper[0][1] > 0.9
    assert lower == []
    assert seen.sides((0, 100, 0, 80), across=True) == ([], [])
    assert seen.flat_outside((30, 100, 0, 80)) > 0.9
    assert seen.flat_outside((0, 30, 0, 80)) < 0.1
    assert seen.plain() == (30, 100, 0, 80)


def test_a_row_that_is_half_a_bar_is_told_by_its_share() -> None:
    plane = np.zeros((60, 60), dtype=np.float32)
    plane[20:] = 200
    plane[19] = 50  # a quarter of it is picture
    top, bottom, left, right = lines(plane, 1).refined((19, 60, 0, 60))
    assert (top, bottom, left, right) == (19.75, 60.0, 0.0, 60.0)


def test_the_samples_are_means_of_their_parts() -> None:
    plane = np.repeat(np.arange(SIDE, dtype=np.float32), 3)[:, None] + np.zeros((1, 128), dtype=np.float32)
    assert np.allclose(lines(plane, 1).sampled((0, 192, 0, 128)), np.arange(SIDE)[:, None], atol=1e-4)


@given(st.integers(1, 500), st.data())
@settings(max_examples=60, deadline=None)
def test_the_weights_of_a_sample_make_one(length, data) -> None:
    low = data.draw(st.floats(0, length - 0.5))
    high = data.draw(st.floats(low + 0.25, length))
    places, weights = tents(length, low, high)
    assert places.min() >= 0
    assert places.max() < length
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert weights.min() >= -1e-6
    middles = low + (2 * np.arange(SIDE) + 1) * (high - low) / SIDE / 2
    assert (np.abs((weights * (places + 0.5)).sum(axis=1) - middles) <= 1).all()


@needs_kernel
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("coarse", ((6, 8), 6, 8, 0, (6, 8), (8, 6))),
        ("coarse", ((6, 8), 6, 8, 7, (1, 1), (1, 1))),
        ("coarse", ((6, 8), 6, 8, 2, (3, 3), (4, 3))),
        ("coarse", ((6, 8), 6, 8, 2, (3, 4), (4, 2))),
        ("coarse", ((6, 8), 7, 8, 2, (3, 4), (4, 3))),
        ("coarse", ((6, 8), 1 << 40, 1 << 40, 2, (3, 4), (4, 3))),
        ("lines", ((6, 8), 6, 9, 5.0, 3.0, (7, 8))),
        ("lines", ((6, 8), 6, 8, 5.0, 3.0, (6, 8))),
        ("lines", ((6, 8), -6, -8, 5.0, 3.0, (7, 8))),
        ("flat", ((6, 8), 6, 8, 3.0, (6, 8))),
        ("flat", ((6, 8), 8, 8, 3.0, (9, 9))),
        ("peaks", ((7, 8), 6, 8, 0, 9, 0, 6, False, 3, 0.2)),
        ("peaks", ((7, 8), 6, 8, 0, 8, 0, 7, False, 3, 0.2)),
        ("peaks", ((7, 8), 6, 8, -1, 8, 0, 6, False, 3, 0.2)),
        ("peaks", ((7, 8), 6, 8, 4, 4, 0, 6, False, 3, 0.2)),
        ("peaks", ((7, 8), 6, 8, 0, 8, 0, 6, False, 9, 0.2)),
        ("peaks", ((7, 8), 7, 8, 0, 8, 0, 6, False, 3, 0.2)),
        ("alike", ((6, 8), 6, 8, 7, False, 10.0, 0.9)),
        ("alike", ((6, 8), 6, 9, 3, False, 10.0, 0.9)),
        ("share", ((6, 8), 6, 8, 0, 1, 0, 8, 5.0)),
        ("share", ((6, 8), 6, 8, 5, -1, 0, 8, 5.0)),
        ("share", ((6, 8), 6, 8, 3, 2, 0, 8, 5.0)),
        ("share", ((6, 8), 6, 8, 3, 1, 4, 9, 5.0)),
        ("share", ((6, 8), 6, 8, 3, 1, 4, 4, 5.0)),
        ("tents", ((6, 8), 6, 8, 0.0, 6.5, 0.0, 8.0, (64, 64))),
        ("tents", ((6, 8), 6, 8, -0.5, 6.0, 0.0, 8.0, (64, 64))),
        ("tents", ((6, 8), 6, 8, 3.0, 3.0, 0.0, 8.0, (64, 64))),
        ("tents", ((6, 8), 6, 8, float("nan"), 6.0, 0.0, 8.0, (64, 64))),
        ("tents", ((6, 8), 6, 8, 0.0, 6.0, 0.0, 8.0, (64, 63))),
    ],
)
def test_what_does_not_fit_is_refused(name, arguments) -> None:
    given = [np.zeros(a, dtype=np.float32) if isinstance(a, tuple) else a for a in arguments]
    with pytest.raises(ValueError, match=r"size|fit|more rows"):
        getattr(compiled, name)(*given)


@needs_kernel
def test_values_that_are_no_numbers_end() -> None:
    plane = blocks(9, 90, 90, 4)
    plane[::3, ::2], plane[1::5, 1::7] = np.nan, np.inf
    fast = _CompiledLines(compiled, plane, 1)
    fast.plain(), fast.refined((3, 80, 3, 80)), fast.sampled((0.5, 80, 0.5, 80))
    assert len(fast.sides((0, 90, 0, 90), across=True)) == 2
