"""PDQ against its reference, bit for bit."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pdqhash
import pytest

from leadlight.chart import chart_pixels, chart_png, png
from leadlight.content import Pixels
from leadlight.fingerprint import ordered
from leadlight.fingerprint.pdq import _decided, _turned, dihedral, pdq, sample
from leadlight.records import finding

SIZES = [(1, 1), (2, 3), (4, 200), (5, 5), (5, 7), (17, 9), (63, 64), (64, 64), (65, 64), (128, 129), (301, 177)]


def reference(pixels: Pixels) -> tuple[bytes, int]:
    vector, quality = pdqhash.compute(np.ascontiguousarray(pixels))
    return np.packbits(vector.astype(np.uint8)).tobytes(), quality


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def ramp(width: int, height: int) -> Pixels:
    return np.broadcast_to(np.linspace(0, 255, width).astype(np.uint8)[None, :, None], (height, width, 3)).copy()


@pytest.mark.parametrize("width, height", SIZES)
def test_equals_the_reference_at_odd_and_tiny_sizes(width: int, height: int) -> None:
    rng = np.random.default_rng(width * 1000 + height)
    for pixels in (
        chart_pixels(width, height, 1),
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        np.full((height, width, 3), 200, np.uint8),
        ramp(width, height),
        np.ascontiguousarray(ramp(height, width).transpose(1, 0, 2)),
    ):
        assert pdq(pixels) == reference(pixels)


def test_equals_the_reference_on_many_random_sizes() -> None:
    rng = np.random.default_rng(7)
    for _ in range(60):
        width, height = (int(n) for n in rng.integers(5, 500, 2))
        pixels = chart_pixels(width, height, int(rng.integers(1000)))
        assert pdq(pixels) == reference(pixels)


@pytest.mark.parametrize("width, height", [(4000, 3000), (2048, 2048), (6000, 300)])
def test_equals_the_reference_on_large_pictures(width: int, height: int) -> None:
    pixels = chart_pixels(width, height, 4)
    assert pdq(pixels) == reference(pixels)


def test_equals_the_reference_on_photographs(public_files: Path) -> None:
    from PIL import Image

    files = sorted(p for p in (public_files / "origin").rglob("*") if p.suffix.lower() in (".jpg", ".png"))[::13]
    assert files
    for path in files:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert pdq(pixels) == reference(pixels), path.name


def test_the_ordered_sums_are_the_reference_s_to_the_last_digit() -> None:
    for width, height in ((65, 64), (97, 211), (640, 480)):
        for pixels in (chart_pixels(width, height, 2), ramp(width, height)):
            vector, _ = pdqhash.compute_float(np.ascontiguousarray(pixels))
            assert np.array_equal(ordered.transform(ordered.samples(pixels)).ravel(), vector[::-1])


def test_ties_are_left_to_the_ordered_sums_and_plain_cases_are_not() -> None:
    def decided(pixels: Pixels) -> bool:
        samples = sample(pixels)
        coefficients = np.asarray(ordered.DCT @ samples @ ordered.DCT.T, dtype=np.float32)
        return _decided(samples, coefficients, max(pixels.shape) ** 0.5)

    assert not decided(ramp(300, 200))
    noise = np.random.default_rng(3)
    plain = [decided(noise.integers(0, 256, (90, 120, 3), dtype=np.uint8)) for _ in range(10)]
    assert sum(plain) >= 7


def test_the_eight_forms_come_near_the_hashes_of_turned_pictures() -> None:
    pixels = chart_pixels(640, 480, 3)
    forms = dihedral(pixels)
    assert len(set(forms)) == 8
    assert forms[0] == pdq(pixels)[0]
    turned = [np.rot90(pixels, n) for n in range(4)]
    for picture in (*turned, *(np.fliplr(p) for p in turned)):
        found = pdq(np.ascontiguousarray(picture))[0]
        assert min(distance(found, form) for form in forms) <= 8


def test_forms_are_closed_under_turning_back() -> None:
    """A form's own forms are the same eight: the signs and the transposition form the group."""
    c = np.random.default_rng(5).normal(size=(16, 16)).astype(np.float32)
    signs = np.where(np.arange(1, 17) % 2, -1.0, 1.0).astype(np.float32)
    assert set(_turned(np.ascontiguousarray((c * signs).T))) == set(_turned(c))


def test_a_near_copy_is_near_and_another_picture_is_far() -> None:
    pixels = chart_pixels(512, 384, 1)
    small = np.ascontiguousarray(pixels[::2, ::2])
    brighter = np.clip(pixels.astype(np.int16) + 12, 0, 255).astype(np.uint8)
    assert distance(pdq(pixels)[0], pdq(small)[0]) <= 31
    assert distance(pdq(pixels)[0], pdq(brighter)[0]) <= 31
    assert distance(pdq(pixels)[0], pdq(chart_pixels(512, 384, 2))[0]) > 60


def test_findings_name_algorithm_value_quality_and_forms(examine) -> None:
    found = [f for f in examine(chart_png(200, 150, 1)) if f.kind == finding.PDQ]
    assert len(found) == 1
    value, quality = reference(chart_pixels(200, 150, 1))
    payload = found[0].payload
    assert payload["value"] == value.hex()
    assert (payload["algorithm"], payload["quality"], payload["frame"]) == ("pdq", quality, 0)
    assert payload["method"] == "exact"
    assert payload["exact"] is True
    assert payload["dihedral"][0] == value.hex()
    assert len(payload["dihedral"]) == 8


def test_frames_of_equal_hash_are_said_once(examine) -> None:
    import io

    from PIL import Image

    first, other = (Image.fromarray(chart_pixels(96, 72, n)) for n in (1, 2))
    out = io.BytesIO()
    first.save(
        out, "WEBP", save_all=True, append_images=[other, first, other], lossless=True, duration=[50, 60, 70, 80]
    )
    found = [f.payload for f in examine(out.getvalue()) if f.kind == finding.PDQ]
    assert [p["frame"] for p in found] == [0, 1]
    assert [("dihedral" in p) for p in found] == [True, False]


def test_flat_pictures_are_said_to_be_flat(examine) -> None:
    found = [f for f in examine(png(np.full((40, 40, 3), 90, np.uint8))) if f.kind == finding.PDQ]
    assert found[0].payload["quality"] == 0
    assert "too flat" in found[0].statement


@pytest.mark.parametrize(("width", "height"), [(65_000, 64), (64, 65_000)])
@pytest.mark.parametrize("flat", [True, False])
def test_a_long_picture_takes_little_memory_and_keeps_its_hash(width: int, height: int, flat: bool) -> None:
    rng = np.random.default_rng(7)
    pixels = np.zeros((height, width, 3), np.uint8) if flat else rng.integers(0, 256, (height, width, 3), np.uint8)
    tracemalloc.start()
    try:
        found = pdq(pixels)
        dihedral(pixels)
        assert tracemalloc.get_traced_memory()[1] <= 72 << 20
    finally:
        tracemalloc.stop()
    assert found == reference(pixels)
