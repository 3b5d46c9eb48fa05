"""PDQ of a scaled decode: the hash of the full picture, as near as measured; and when it is not believed."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.config import Settings
from leadlight.content import Content, Pixels, Reduced
from leadlight.fingerprint import ordered
from leadlight.fingerprint import pdq as module
from leadlight.fingerprint.pdq import PLUGIN, Pdq, _plain_rows, _weights, dihedral, pdq, scaled
from leadlight.raster import Picture, reduce
from leadlight.records import Finding, Item, Place, finding
from leadlight.scaled import rows
from leadlight.scaled.kernel import kernel
from leadlight.seams import Known
from tests.identify.formats import opened, saved

ITEM = Item(Place(b"/evidence", (b"x.jpg",)), source="test")
compiled = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")


def reference(pixels: Pixels) -> tuple[bytes, int]:
    bits, quality = pdqhash.compute(np.ascontiguousarray(pixels))
    return np.packbits(bits).tobytes(), quality


def distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def grainy(width: int, height: int, seed: int = 3) -> Pixels:
    noise = np.random.default_rng(seed).integers(-15, 16, (height, width, 3))
    return np.clip(chart_pixels(width, height, seed) + noise, 0, 255).astype(np.uint8)


def ramped(width: int, height: int, contrast: float) -> Pixels:
    """A soft scene whose quality rises with `contrast`."""
    across, down = np.meshgrid(np.linspace(0, 9, width), np.linspace(0, 7, height))
    grey = 128 + contrast * (np.sin(across) + np.cos(down + across / 3))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def meant(pixels: Pixels, step: int) -> Reduced:
    """Means of squares, as a scaled decode gives them: those at the edges as if the last pixel went on."""
    height, width = pixels.shape[:2]
    more = np.pad(pixels, ((0, -height % step), (0, -width % step), (0, 0)), mode="edge")
    whole = reduce(Picture(more, None, "RGB")).luma if step == 1 else None
    grey = more.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    luma = grey.reshape(more.shape[0] // step, step, -1, step).mean(axis=(1, 3)) if whole is None else whole
    return Reduced(luma.astype(np.float32), step, width, height, method="scaled")


def slow_weights(length: int) -> np.ndarray:
    """Two box passes over unit impulses, each sample taken: the definition."""
    window, half = ordered.window_of(length)
    box = np.zeros((length, length))
    for at in range(length):
        low, high = max(0, at + half - window), min(length, at + half)
        box[at, low:high] = 1 / (high - low)
    return (box @ box)[ordered.taken(length)]


@pytest.mark.parametrize("length", [5, 17, 64, 127, 128, 129, 300, 641, 1000])
def test_weights_are_two_box_passes_and_every_nth(length: int) -> None:
    whole = slow_weights(length)
    assert np.allclose(_weights(length), whole, atol=1e-7)
    assert np.allclose(_weights(length, mirrored=True), whole[:, ::-1], atol=1e-7)


@pytest.mark.parametrize("step", [2, 4, 8])
@pytest.mark.parametrize("length", [641, 1000, 1024, 1531])
def test_stepped_weights_give_the_samples_of_what_is_straight(length: int, step: int) -> None:
    """Each row sums to one, and a straight line comes out as from its pixels, but for the last squares."""
    weights = _weights(length, step)
    assert weights.shape == (64, -(-length // step))
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    line = np.arange(length) / length
    means = np.arange(-(-length // step)) * step / length + (step - 1) / 2 / length
    inner = slice(2, -2)
    assert np.allclose((weights @ means)[inner], (_weights(length) @ line)[inner], atol=1e-5)
    upended = _weights(length, step, mirrored=True)
    assert np.allclose((upended @ means)[inner], (_weights(length, mirrored=True) @ line)[inner], atol=1e-5)


@pytest.mark.parametrize(("size", "step"), [((1670, 1540), 8), ((1031, 777), 4), ((515, 390), 2)])
def test_a_scaled_hash_is_that_of_the_full_picture_and_not_of_a_small_one(
    size: tuple[int, int], step: int
) -> None:
    bits = []
    for seed in (1, 2):
        pixels = grainy(*size, seed)
        samples, coefficients = scaled(meant(pixels, step))
        value, quality = reference(pixels)
        bits.append(distance(module._bits(coefficients), value))
        assert abs(module._quality(samples) - quality) <= module.QUALITY_MARGIN
    assert max(bits) <= 6


def test_the_forms_of_a_scaled_hash_are_near_those_of_the_full_picture() -> None:
    for size, step in (((1031, 777), 4), ((1540, 1240), 8)):
        pixels = grainy(*size)
        reduced = meant(pixels, step)
        forms = module._scaled_forms(reduced, scaled(reduced)[1])
        assert len(set(forms)) == 8
        assert max(distance(a, b) for a, b in zip(forms, dihedral(pixels), strict=True)) <= 10


def found(data: bytes, *, near_quality: int = 50, exact: bool = False) -> tuple[Finding, Content]:
    content = opened(data)
    content.exact = exact
    analyser = PLUGIN.configure(Settings(near_quality=near_quality))
    assert isinstance(analyser, Pdq)
    (made,) = analyser.analyse(ITEM, content, Known())
    return made, content


@compiled
def test_findings_say_what_they_were_made_from() -> None:
    data = saved(Image.fromarray(grainy(900, 800)), "JPEG", quality=90)
    fast, content = found(data)
    assert (fast.payload["exact"], fast.payload["method"]) == (False, "scaled 1/4")
    assert len(fast.payload["dihedral"]) == 8
    assert fast.payload["dihedral"][0] == fast.payload["value"]
    assert "scaled" in fast.statement
    assert content.decodes == 1
    with Image.open(io.BytesIO(data)) as image:
        value, quality = reference(np.asarray(image))
    assert distance(bytes.fromhex(fast.payload["value"]), value) <= 4
    exact, content = found(data, exact=True)
    assert (exact.payload["exact"], exact.payload["method"]) == (True, "exact")
    assert (exact.payload["value"], exact.payload["quality"]) == (value.hex(), quality)
    assert content.decodes == 1


@compiled
def test_a_quality_that_is_close_to_the_threshold_is_decided_by_a_full_decode() -> None:
    """Whatever the threshold; and no other is decoded twice."""
    data = saved(Image.fromarray(ramped(900, 800, 20)), "JPEG", quality=95)
    with Image.open(io.BytesIO(data)) as image:
        value, quality = reference(np.asarray(image.convert("RGB")))
    assert 10 < quality < 90
    for off in (0, 2, -2):
        made, content = found(data, near_quality=quality + off)
        assert made.payload["exact"] is True
        assert (made.payload["value"], made.payload["quality"]) == (value.hex(), quality)
        assert content.decodes == 2
    for off in (10, -10):
        made, content = found(data, near_quality=quality + off)
        assert made.payload["exact"] is False
        assert content.decodes == 1
        assert ("too flat" in made.statement) == (off > 0)


@compiled
def test_where_the_whole_was_decoded_already_the_hash_is_exact() -> None:
    content = opened(saved(Image.fromarray(grainy(900, 800)), "JPEG"))
    content.exact = False
    content.picture()
    (made,) = PLUGIN.analyse(ITEM, content, Known())
    assert made.payload["exact"] is True
    assert content.decodes == 1


def test_small_pictures_and_other_formats_are_hashed_exactly(examine: Callable[..., list[Finding]]) -> None:
    for data in (
        saved(Image.fromarray(grainy(400, 300)), "JPEG"),
        saved(Image.fromarray(grainy(900, 800)), "PNG"),
    ):
        (made,) = (f for f in examine(data, settings=Settings(hashing="fast")) if f.kind == finding.PDQ)
        assert made.payload["exact"] is True


@compiled
@settings(max_examples=40, deadline=None)
@given(st.integers(5, 300), st.integers(5, 300), st.integers(0, 99), st.booleans())
def test_the_kernel_sums_as_numpy_does(width: int, height: int, seed: int, gapped: bool) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 4 if gapped else 3), dtype=np.uint8)[:, :, :3]
    weights = _weights(height)
    summed = rows(pixels, weights)
    assert summed is not None
    assert np.allclose(summed, _plain_rows(pixels, weights), atol=2e-3)
    assert pdq(pixels) == reference(pixels)


@compiled
def test_hashes_are_bit_equal_with_the_kernel_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [grainy(w, h) for w, h in ((640, 480), (63, 700), (1300, 1100), (64, 65))]
    pictures += [chart_pixels(w, h, 6) for w, h in ((640, 480), (700, 63), (301, 177))]
    gapped = np.dstack((pictures[0], pictures[0][:, :, 0]))[:, :, :3]
    before = [(pdq(p), dihedral(p)) for p in (*pictures, gapped)]
    assert before[0] == before[-1]
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert rows(pictures[0], _weights(480)) is None
    assert [(pdq(p), dihedral(p)) for p in (*pictures, gapped)] == before
    assert [b[0] for b in before] == [reference(p) for p in (*pictures, gapped)]
