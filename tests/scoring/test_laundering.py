"""Laundered alike: nothing but the picture is left, the same each time, and of the stated kind."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.scoring import calibration
from leadlight.scoring.laundering import (
    GROW,
    LARGEST_GROWN,
    LONG_SIDE,
    OF,
    QUALITY,
    SHRINK,
    STATES,
    Laundry,
    decoded,
    launder,
)

CHART = chart_pixels(640, 480, 3)
FORMATS = {"clean": "JPEG", "q90": "JPEG", "1080q75": "JPEG", "webp80": "WEBP", "screenshot": "PNG"}


@pytest.mark.parametrize("state", STATES)
def test_the_file_is_of_its_kind_and_holds_nothing_else(state: str) -> None:
    data = launder(CHART, state)
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert opened.format == FORMATS[state]
        assert not opened.getexif()
        assert not set(opened.info) & {"exif", "xmp", "icc_profile", "comment", "photoshop", "dpi"}
    assert launder(CHART, state) == data


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("seed", [0, 1])
def test_several_states_of_one_picture_are_as_each_alone(state: str, seed: int) -> None:
    both = Laundry(CHART, seed=seed)
    both.pixels("screenshot")
    alone = launder(CHART, state, seed=seed)
    assert both.file(state) == alone
    assert (both.pixels(state) == decoded(alone)).all()


def test_both_kinds_get_the_same_tables() -> None:
    """What the file itself was before leaves no trace in the file's structure."""
    tables = set()
    for quality in (50, 99):
        before = io.BytesIO()
        Image.fromarray(CHART).save(before, "JPEG", quality=quality)
        pixels = np.asarray(Image.open(before))
        with Image.open(io.BytesIO(launder(pixels, "clean"))) as opened:
            tables.add(str(opened.quantization))  # type: ignore[attr-defined]
    assert len(tables) == 1


def test_blocks_of_an_earlier_jpeg_do_not_fall_on_those_of_the_new_one() -> None:
    """Steps at the edges of blocks of 8, against steps elsewhere: alike for a former JPEG and a former PNG."""

    def blocks(pixels: np.ndarray) -> float:
        grey = np.asarray(pixels, dtype=float).mean(axis=2)
        steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
        edges = np.arange(len(steps)) % 8 == 7
        return float(steps[edges].mean() / steps[~edges].mean())

    noise = np.random.default_rng(2).normal(0, 3, CHART.shape)
    png = np.clip(CHART + noise, 0, 255).astype(np.uint8)
    before = io.BytesIO()
    Image.fromarray(png).save(before, "JPEG", quality=80)
    jpeg = np.asarray(Image.open(before))
    assert blocks(jpeg) > blocks(png) + 0.1

    def plainly(pixels: np.ndarray) -> np.ndarray:
        again = io.BytesIO()
        Image.fromarray(pixels).save(again, "JPEG", quality=90)
        return np.asarray(Image.open(again))

    aligned = blocks(plainly(jpeg)) - blocks(plainly(png))
    moved = blocks(decoded(launder(jpeg, "clean"))) - blocks(decoded(launder(png, "clean")))
    assert abs(moved) < abs(aligned) / 2


def test_sizes() -> None:
    def size(state: str, pixels: object, seed: int = 0) -> tuple[int, int]:
        with Image.open(io.BytesIO(launder(pixels, state, seed=seed))) as opened:  # type: ignore[arg-type]
            return opened.size

    large = chart_pixels(2163, 1445, 1)
    assert size("clean", CHART) == (637, 475)
    assert size("q90", CHART) == (634, 470)
    assert size("1080q75", large) == (LONG_SIDE, 720)
    assert size("1080q75", CHART) == (637, 475)
    assert size("screenshot", CHART, 0)[0] == round(637 * SHRINK)
    assert size("screenshot", CHART, 1)[0] == round(637 * GROW)
    assert max(large.shape) > LARGEST_GROWN
    assert size("screenshot", large, 1)[0] == 2160 * SHRINK


@pytest.mark.parametrize("state", STATES)
def test_it_stays_the_same_picture(state: str) -> None:
    with Image.open(io.BytesIO(launder(CHART, state))) as opened:
        shown = opened.convert("RGB")
    if state == "screenshot":
        bar = max(8, round(round(475 * SHRINK) * 0.05))
        shown = shown.crop((0, bar, shown.width, shown.height - bar))
    there = Image.fromarray(CHART).crop((3, 5, 640, 480))
    there = there.crop((3, 5, 637, 475)) if state == "q90" else there.resize(shown.size)
    apart = np.abs(np.asarray(shown, dtype=float) - np.asarray(there, dtype=float))
    assert apart.mean() < 4


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(sorted(STATES)), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_the_smallest_pictures_too(width: int, height: int, state: str, seed: int) -> None:
    pixels = np.full((height, width, 3), 127, np.uint8)
    with Image.open(io.BytesIO(launder(pixels, state, seed=seed))) as opened:
        opened.load()


def test_each_state_of_a_calibration_is_made_of_these() -> None:
    assert set(OF) == set(calibration.STATES)
    assert {s for of in OF.values() for s in of} <= set(STATES) == set(QUALITY)


def test_refuses_what_is_no_picture() -> None:
    with pytest.raises(KeyError):
        launder(CHART, "washed")
    for wrong in (CHART[:, :, 0], CHART.astype(float), CHART[:0]):
        with pytest.raises(ValueError, match="shape"):
            launder(wrong, "clean")
