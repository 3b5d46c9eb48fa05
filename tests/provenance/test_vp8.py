from __future__ import annotations

import io
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.provenance import specimen
from leadlight.provenance.vp8 import COARSEST, Coding, quality_of, read_webp


def busy(seed: int = 1) -> Image.Image:
    """A landscape with noise: parts that libwebp codes coarsely, and parts that it does not."""
    pixels = chart_pixels(320, 240, seed).astype(np.int16)
    pixels[:, 160:] += np.random.default_rng(seed).integers(-40, 41, (240, 160, 3), np.int16)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def saved(**options: object) -> bytes:
    out = io.BytesIO()
    busy().save(out, "WEBP", **options)
    return out.getvalue()


def read(data: bytes) -> Coding:
    found = read_webp(data)
    assert found is not None
    return found


@pytest.mark.parametrize("method", [0, 4, 6])
@pytest.mark.parametrize("quality", [40, 60, 75, 80, 90, 95, 99])
def test_the_quality_is_near_the_one_it_was_saved_at(quality: int, method: int) -> None:
    found = read(saved(quality=quality, method=method))
    assert not found.lossless
    assert abs(found.quality - quality) <= (5 if quality >= 80 else 15)


@pytest.mark.parametrize("quality", [40, 60, 75, 80, 90, 95])
def test_of_a_landscape_without_noise_it_is_nearer(quality: int) -> None:
    assert abs(read(specimen.webp(quality=quality)).quality - quality) <= 3


def test_a_finer_quality_is_never_read_as_a_coarser_one() -> None:
    read_so = [read(saved(quality=q)).quality for q in range(30, 101, 5)]
    assert all(a < b for a, b in pairwise(read_so))
    assert read_so[-1] == 100


def test_the_scale_of_qualities() -> None:
    assert quality_of(0) == 100
    assert quality_of(COARSEST) == 0
    assert all(quality_of(n) > quality_of(n + 1) for n in range(COARSEST))


def test_segments_are_read_one_by_one() -> None:
    """Noise beside a clear sky: libwebp quantises them differently."""
    assert len(set(read(saved(quality=60)).indices)) > 1


def test_without_loss_and_with_transparency() -> None:
    assert read(saved(lossless=True)) == Coding(lossless=True, animated=False, alpha=False)
    assert read(saved(lossless=True)).quality == 100
    out = io.BytesIO()
    clear = busy().convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(out, "WEBP", quality=80)
    found = read(out.getvalue())
    assert found.alpha
    assert not found.lossless
    assert abs(found.quality - 80) <= 5
    assert found.partitions in (1, 2, 4, 8)


@pytest.mark.parametrize("lossless", [False, True])
def test_of_an_animation_the_first_picture(lossless: bool) -> None:
    out = io.BytesIO()
    busy().save(out, "WEBP", save_all=True, append_images=[busy(2)], quality=90, lossless=lossless)
    found = read(out.getvalue())
    assert found.animated
    assert found.lossless is lossless
    assert lossless or abs(found.quality - 90) <= 3


def test_metadata_before_the_picture_is_passed_over() -> None:
    exif = specimen.exif_block(specimen.CAMERA)
    assert abs(read(specimen.webp(quality=90, exif=exif)).quality - 90) <= 3


def test_what_breaks_off_before_it_tells_tells_nothing() -> None:
    whole = saved(quality=80)
    assert read_webp(whole[:26]) is None
    assert read_webp(b"RIFF" + struct.pack("<I", 4) + b"WEBP") is None
    assert read_webp(whole.replace(b"\x9d\x01\x2a", b"\x9d\x01\x2b", 1)) is None
    assert read_webp(specimen.jpeg()) is None
    between = bytearray(whole)
    between[whole.index(b"VP8 ") + 8] |= 1
    assert read_webp(bytes(between)) is None


WHOLE = saved(quality=70)


@given(st.integers(0, 120), st.binary(min_size=1, max_size=12), st.integers(0, 200))
def test_no_bytes_break_it(at: int, put: bytes, cut: int) -> None:
    data = (WHOLE[:at] + put + WHOLE[at + len(put) :])[: len(WHOLE) - cut]
    found = read_webp(data)
    if found is not None:
        assert 0 <= found.quality <= 100
        assert all(0 <= i <= COARSEST for i in found.indices)
        assert found.lossless is not bool(found.indices)
