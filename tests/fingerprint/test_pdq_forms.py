"""The eight forms, and that nothing of how the sums are made shows in the hash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pdqhash
import pytest

from leadlight.chart import chart_pixels, chart_png, png
from leadlight.content import Pixels
from leadlight.fingerprint import pdq as module
from leadlight.fingerprint.pdq import dihedral, pdq
from tests.identify.formats import opened


def reference(pixels: Pixels) -> tuple[bytes, int]:
    bits, quality = pdqhash.compute(np.ascontiguousarray(pixels))
    return np.packbits(bits).tobytes(), quality


def turned(pixels: Pixels) -> list[Pixels]:
    """As stored, mirrored across, mirrored down, both; then the same transposed."""
    four = [pixels, pixels[:, ::-1], pixels[::-1], pixels[::-1, ::-1]]
    return [np.ascontiguousarray(p) for p in (*four, *(p.transpose(1, 0, 2) for p in four))]


def distances(pixels: Pixels) -> list[int]:
    return [
        (int.from_bytes(form, "big") ^ int.from_bytes(pdq(picture)[0], "big")).bit_count()
        for form, picture in zip(dihedral(pixels), turned(pixels), strict=True)
    ]


@pytest.mark.parametrize(("low", "high", "most"), [(41, 128, 2), (120, 260, 2), (260, 900, 4), (1100, 1500, 16)])
def test_each_form_is_the_hash_of_the_turned_picture(low: int, high: int, most: int) -> None:
    """Thumbnails of 130 to 250 pixels are where the negated DCT alone would be 56 bits off."""
    rng = np.random.default_rng(low)
    for seed in range(10 if high < 300 else 3):
        width, height = (int(n) for n in rng.integers(low, high, 2))
        assert max(distances(chart_pixels(width, height, seed))) <= most, (width, height)


def test_forms_of_the_finding_are_those_of_the_picture(examine) -> None:
    pixels = chart_pixels(200, 150, 5)
    (found,) = [f for f in examine(png(pixels)) if f.kind == "fingerprint.pdq"]
    assert found.payload["dihedral"] == [h.hex() for h in dihedral(pixels)]
    assert found.payload["dihedral"][0] == found.payload["value"]


@pytest.mark.parametrize("block", [1, 777, 40_000, 1 << 30])
def test_the_block_of_rows_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [chart_pixels(w, h, 6) for w, h in ((640, 480), (63, 700), (700, 63), (1300, 1100))]
    before = [pdq(p) for p in pictures]
    monkeypatch.setattr(module, "_BLOCK_BYTES", block)
    assert [pdq(p) for p in pictures] == before
    assert [pdq(p) for p in pictures] == before


def test_all_tiny_sizes_equal_the_reference() -> None:
    rng = np.random.default_rng(8)
    for height in range(1, 9):
        for width in range(1, 9):
            for pixels in (
                chart_pixels(width, height, 1),
                rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
            ):
                assert pdq(pixels) == reference(pixels), (width, height)


@pytest.mark.parametrize(("width", "height"), [(5, 2000), (2000, 5), (3000, 7), (7, 3000), (1, 900), (4, 4000)])
def test_extreme_shapes_equal_the_reference(width: int, height: int) -> None:
    noise = np.random.default_rng(9).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for pixels in (chart_pixels(width, height, 2), noise):
        assert pdq(pixels) == reference(pixels)


@pytest.mark.parametrize("level", [0, 1, 127, 255])
def test_a_flat_picture_has_quality_0(level: int) -> None:
    pixels = np.full((120, 90, 3), level, np.uint8)
    assert pdq(pixels)[1] == 0
    assert pdq(pixels) == reference(pixels)


def test_public_pictures_as_they_are_decoded_here(public_files: Path) -> None:
    names = (".jpg", ".jpeg", ".png", ".webp")
    files = sorted(p for p in (public_files / "origin").rglob("*") if p.suffix.lower() in names)[::10]
    assert len(files) > 40
    for path in files:
        content = opened(path.read_bytes())
        pixels = content.picture().pixels
        assert pdq(pixels) == reference(pixels), path.name
        content.close()


def test_the_picture_a_file_stores_is_what_is_hashed() -> None:
    content = opened(chart_png(300, 200, 7))
    assert pdq(content.picture().pixels) == pdq(chart_pixels(300, 200, 7))
