from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.fingerprint.pdq import hashed, pdq
from leadlight.fingerprint.regions import BAR, BARS, INNER, MOST, regions
from leadlight.raster import Picture, Reduced, reduce
from leadlight.records import finding
from leadlight.scaled import lines

WIDTH, HEIGHT = 640, 480


def picture() -> np.ndarray:
    return chart_pixels(WIDTH, HEIGHT, 5)


def as_jpeg(pixels: np.ndarray, quality: int = 75) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out).convert("RGB"))


def reduced(pixels: np.ndarray) -> Reduced:
    return reduce(Picture(np.ascontiguousarray(pixels), None, "RGB"))


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def framed(top: int, bottom: int, left: int, right: int, colour: int) -> np.ndarray:
    out = np.full((HEIGHT + top + bottom, WIDTH + left + right, 3), colour, dtype=np.uint8)
    out[top : top + HEIGHT, left : left + WIDTH] = picture()
    return out


def test_the_samples_of_the_whole_are_those_of_the_reference() -> None:
    plane = reduced(picture()).luma
    value, quality = hashed(lines(plane, 1).sampled((0, *plane.shape[:1], 0, *plane.shape[1:])))
    expected, of_all = pdq(picture())
    assert distance(value, expected) <= 12
    assert abs(quality - of_all) <= 3


@pytest.mark.parametrize(
    ("sides", "colour", "way"),
    [
        ((24, 24, 0, 0), 0, BARS),
        ((58, 58, 0, 0), 255, BARS),
        ((0, 0, 128, 128), 0, BARS),
        ((24, 24, 32, 32), 255, INNER),
        ((70, 0, 0, 0), 90, BAR),
        ((0, 90, 0, 0), 255, BAR),
        ((300, 240, 0, 0), 20, BARS),
    ],
)
def test_what_is_left_without_the_bars_is_the_original(sides, colour, way) -> None:
    top, _, left, _ = sides
    found = regions(reduced(as_jpeg(framed(*sides, colour))))
    assert 1 <= len(found) <= MOST
    near = min(found, key=lambda r: distance(r.value, pdq(picture())[0]))
    assert distance(near.value, pdq(picture())[0]) <= 20
    assert near.way == way
    assert np.abs(np.array(near.rect) - (left, top, WIDTH, HEIGHT)).max() <= 5
    assert near.quality >= 50


def test_a_written_caption_is_cut_away() -> None:
    pixels = framed(0, 90, 0, 0, 255)
    for at in range(30, 500, 26):  # strokes of letters
        pixels[HEIGHT + 25 : HEIGHT + 65, at : at + 9] = 0
    found = regions(reduced(as_jpeg(pixels)))
    assert min(distance(r.value, pdq(picture())[0]) for r in found) <= 20


def test_large_pictures_are_found_on_their_reduced_plane() -> None:
    large = np.repeat(np.repeat(framed(60, 60, 0, 0, 0), 4, axis=0), 4, axis=1)
    plane = reduced(large)
    assert plane.step > 1
    found = regions(plane)
    near = min(found, key=lambda r: distance(r.value, pdq(picture())[0]))
    assert distance(near.value, pdq(picture())[0]) <= 20
    assert np.abs(np.array(near.rect) - (0, 240, 4 * WIDTH, 4 * HEIGHT)).max() <= 16


@pytest.mark.parametrize("size", [(1, 1), (5, 900), (40, 40), (48, 48), (60, 481)])
def test_small_and_long_pictures_give_nothing_or_whole_rectangles(size) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    for region in regions(reduced(pixels)):
        left, top, width, height = region.rect
        assert 0 <= left < left + width <= size[1]
        assert 0 <= top < top + height <= size[0]


def test_without_a_kernel_the_hashes_are_the_same(monkeypatch) -> None:
    planes = [reduced(as_jpeg(framed(58, 41, 30, 0, c))) for c in (0, 200)]
    found = [regions(p) for p in planes]
    assert all(found)
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert [regions(p) for p in planes] == found


def test_one_colour_gives_nothing() -> None:
    assert regions(reduced(np.full((300, 400, 3), 128, dtype=np.uint8))) == []


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_any_blocks_give_rectangles_within_the_picture(blocks, high, wide) -> None:
    plane = np.repeat(np.repeat(blocks, high, axis=0), wide, axis=1)
    pixels = np.repeat(plane[:, :, None], 3, axis=2)
    found = regions(reduced(pixels))
    assert len(found) <= MOST
    for region in found:
        left, top, width, height = region.rect
        assert 0 <= left < left + width <= pixels.shape[1]
        assert 0 <= top < top + height <= pixels.shape[0]
        assert len(region.value) == 32
        assert 50 <= region.quality <= 100


def test_the_finding_states_hashes_as_they_are_stored(examine) -> None:
    out = io.BytesIO()
    Image.fromarray(framed(58, 58, 0, 0, 0)).save(out, "PNG")
    (made,) = (f for f in examine(out.getvalue()) if f.kind == finding.REGIONS)
    assert made.payload["exact"] is False
    first = made.payload["prints"][0]
    assert set(first) == {"algorithm", "value", "quality", "way", "rectangle"}
    assert first["algorithm"] == "pdq.region"
    assert "cut away" in made.statement
    plain = io.BytesIO()
    Image.fromarray(np.full((200, 200, 3), 40, dtype=np.uint8)).save(plain, "PNG")
    assert not [f for f in examine(plain.getvalue()) if f.kind == finding.REGIONS]
