"""Crops: where they lie, in which order, and that nothing is scaled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadlight.scoring.crops import GRID, Place, crops, cut, places

sides = st.sampled_from([8, 31, 64, 96, 128])
lengths = st.integers(1, 700)


def noise(height: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (height, width, 3), dtype=np.uint8)


def test_crops_are_the_pixels_themselves() -> None:
    pixels = noise(400, 600)
    found = places(pixels, side=128, count=9)
    taken = crops(pixels, side=128, count=9)
    assert taken.shape == (9, 128, 128, 3)
    assert taken.dtype == np.uint8
    for crop, at in zip(taken, found, strict=True):
        assert np.array_equal(crop, pixels[at.top : at.top + 128, at.left : at.left + 128])


@given(lengths, lengths, sides, st.integers(1, 20))
def test_places_are_in_the_picture_on_the_grid_and_differ(height: int, width: int, side: int, count: int) -> None:
    pixels = np.broadcast_to(np.arange(width, dtype=np.uint8)[None, :, None] * 37, (height, width, 3))
    found = places(pixels, side=side, count=count)
    assert len(found) <= count
    assert len({(p.top, p.left) for p in found}) == len(found)
    assert bool(found) == (min(height, width) >= side)
    for at in found:
        assert at.top % GRID == at.left % GRID == 0
        assert 0 <= at.top <= height - side
        assert 0 <= at.left <= width - side
        assert (type(at.texture), type(at.clipped)) == (float, float)  # what JSON can hold


@given(st.integers(64, 700), st.integers(64, 700), st.sampled_from([64, 70, 128]), st.integers(1, 16))
def test_none_covers_another_where_there_is_room_and_never_by_more_than_half(
    height: int, width: int, side: int, count: int
) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    found = places(pixels, side=side, count=count)
    step = -(-side // 8) * 8
    room = ((height - side) // step + 1) * ((width - side) // step + 1) if min(height, width) >= side else 0
    if room >= count:
        assert len(found) == count
    apart = side if room >= count else side // 2
    for n, one in enumerate(found):
        for other in found[:n]:
            assert abs(one.top - other.top) >= apart or abs(one.left - other.left) >= apart


@pytest.mark.parametrize(("height", "width"), [(3000, 4000), (4000, 3000), (600, 5000), (1080, 1920)])
def test_they_are_spread_over_the_whole_picture(height: int, width: int) -> None:
    found = places(noise(height, width), side=160, count=12)
    centres = np.array([[(p.top + 80) / height, (p.left + 80) / width] for p in found])
    for low, high in ((0, 0.5), (0.5, 1)):
        for axis in (0, 1):
            inside = (centres[:, axis] >= low) & (centres[:, axis] < high)
            assert inside.any() or (height, width)[axis] < 1000


def test_one_crop_lies_in_the_middle() -> None:
    (at,) = places(noise(200, 208), side=128, count=1)
    assert (at.top, at.left) == (32, 40)


def test_flat_and_clipped_places_come_last() -> None:
    pixels = np.full((512, 1024, 3), 120, np.uint8)
    pixels[:, 256:512] = noise(512, 256)
    pixels[:, 512:768] = np.where(noise(512, 256) > 60, 255, 0)
    found = places(pixels, side=128, count=12)
    good = [p for p in found if 256 <= p.left < 512]
    assert len(good) == 8
    assert not any(p.plain for p in good)
    assert [p.plain for p in found] == [False] * 8 + [True] * 4


def test_half_is_taken_for_evenness_and_half_for_texture() -> None:
    pixels = noise(1024, 1024)
    pixels[:, :512] = 110 + pixels[:, :512] // 16
    found = places(pixels, side=128, count=12)
    calm = [p for p in found if p.left < 512]
    assert 2 <= len(calm) <= 6
    assert all(p.left > 384 for p in found[6:])
    assert len([p for p in found if p.left >= 512]) >= 6


def test_the_order_is_even_places_by_texture_then_others_by_texture() -> None:
    found = places(noise(1024, 1024), side=128, count=10)
    for part in (found[:4], found[4:]):
        assert list(part) == sorted(part, key=lambda p: -p.texture)


def test_a_view_of_four_bytes_a_pixel_gives_the_same() -> None:
    pixels = noise(300, 500)
    wide = np.dstack([pixels, np.zeros((300, 500), np.uint8)])[..., :3]
    assert not wide.flags["C_CONTIGUOUS"]
    assert np.array_equal(crops(wide, side=96, count=7), crops(pixels, side=96, count=7))


def test_too_small_gives_none_of_the_right_shape() -> None:
    assert crops(noise(127, 900), side=128, count=4).shape == (0, 128, 128, 3)
    assert cut(noise(8, 8), (), side=8).shape == (0, 8, 8, 3)


def test_measures_of_a_place() -> None:
    (ramp,) = places(np.dstack([np.tile(np.arange(64, dtype=np.uint8), (64, 1))] * 3), side=64, count=1)
    assert ramp.texture == 0
    black = Place(0, 0, 9.0, 0.51)
    assert black.plain
    assert not Place(0, 0, 9.0, 0.5).plain


def test_known_places_never_move() -> None:
    """Models are trained on these places: another choice is another version of every detector."""
    y, x = np.mgrid[0:600, 0:800]
    pixels = np.dstack([(x * y // 97) % 251, (x * x + y) % 241, (x + 3 * y) % 239]).astype(np.uint8)
    found = [(p.top, p.left) for p in places(pixels, side=128, count=6)]
    assert found == [(472, 400), (312, 400), (0, 400), (312, 672), (472, 536), (152, 672)]


@pytest.mark.parametrize(("side", "count"), [(7, 1), (1025, 1), (64, 0), (64, 65)])
def test_what_no_card_may_ask_for(side: int, count: int) -> None:
    with pytest.raises(ValueError, match="no crops"):
        crops(noise(64, 64), side=side, count=count)
