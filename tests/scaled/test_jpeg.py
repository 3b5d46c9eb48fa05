"""The scaled JPEG decoder against the formula, against Pillow's full decode, and against broken bytes."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.fingerprint import pdq
from leadlight.plugins import registry
from leadlight.raster import Picture, Reduced, reduce
from leadlight.scaled import LEAST, jpeg_luma
from leadlight.scaled.kernel import ABSENT, kernel
from tests.scaled.writer import Layout, luma_of, means, planes_of, segment, written

needs_kernel = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")
ANY = 1 << 40
GREY = Layout(40, 24)
C444 = ((1, 1), (1, 1), (1, 1))
C422 = ((2, 1), (1, 1), (1, 1))
C420 = ((2, 2), (1, 1), (1, 1))
C440 = ((1, 2), (1, 1), (1, 1))
C411 = ((4, 1), (1, 1), (1, 1))
MIXED = ((2, 2), (2, 1), (1, 2))


def luma(data: bytes, least: int = 1, pixels: int = ANY) -> Reduced | None:
    return jpeg_luma(data, least=least, pixels=pixels)


def pillow(width: int, height: int, mode: str = "RGB", seed: int = 1, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(width, height, seed)).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def averaged(data: bytes, step: int) -> np.ndarray:
    """Pillow's full decode, averaged: luma of what is stored."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"))
    found = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    height, width = found.shape
    found = np.add.reduceat(np.add.reduceat(found, np.arange(0, height, step), 0), np.arange(0, width, step), 1)
    down = np.diff(np.append(np.arange(0, height, step), height))
    across = np.diff(np.append(np.arange(0, width, step), width))
    return np.asarray(found / down[:, None] / across[None, :])


@needs_kernel
@pytest.mark.parametrize("step, kept", [(8, 15), (4, 2), (2, 4)])
@pytest.mark.parametrize("length", [8, 16])
@pytest.mark.parametrize("sampling", [((1, 1),), ((2, 2),), C444, C422, C420, C440, C411, MIXED])
@pytest.mark.parametrize("size", [(40, 24), (41, 27), (95, 8), (9, 70)])
def test_means_are_those_of_the_formula(step, kept, length, sampling, size) -> None:
    layout = Layout(*size, sampling=sampling, length=length)
    planes = planes_of(layout, 7, kept)
    found = luma(written(layout, planes), least=min(size) // step)
    assert found is not None
    assert (found.step, found.width, found.height, found.method) == (step, *size, "scaled")
    assert found.mode == ("L" if len(sampling) == 1 else "RGB")
    assert found.luma.dtype == np.float32
    expected = means(luma_of(layout, planes), step, *size)
    assert found.luma.shape == expected.shape
    np.testing.assert_allclose(found.luma, np.clip(expected, 0, 255), atol=1e-3)


@needs_kernel
@pytest.mark.parametrize("step, within", [(4, 4.0), (2, 9.0)])
def test_frequencies_that_are_left_out_change_means_little(step, within) -> None:
    planes = planes_of(GREY, 3)
    found = luma(written(GREY, planes), least=24 // step)
    assert found is not None
    assert np.abs(found.luma - means(luma_of(GREY, planes), step, 40, 24)).max() < within


@needs_kernel
@pytest.mark.parametrize("restart", [1, 2, 7, 15])
@pytest.mark.parametrize("sampling", [((1, 1),), C420])
def test_restart_intervals(restart, sampling) -> None:
    layout = Layout(70, 50, sampling=sampling)
    planes = planes_of(layout, 5)
    plain = luma(written(layout, planes), 6)
    found = luma(written(replace(layout, restart=restart), planes), 6)
    assert plain is not None
    assert found is not None
    assert plain.step == 8
    np.testing.assert_array_equal(found.luma, plain.luma)


PILLOW = [
    {"quality": 75},
    {"quality": 95, "subsampling": 0},
    {"quality": 90, "subsampling": 1},
    {"quality": 85, "optimize": True},
    {"quality": 90, "restart_marker_rows": 1},
    {"quality": 90, "restart_marker_blocks": 3},
    {"quality": 100, "subsampling": 0, "optimize": True},
    {"quality": 15},
]


@needs_kernel
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", PILLOW)
@pytest.mark.parametrize("size", [(320, 240), (203, 161)])
def test_near_the_full_decode(mode, options, size) -> None:
    data = pillow(*size, mode=mode, **options)
    for step, mean, most in ((8, 0.6, 4.0), (4, 0.9, 9.0), (2, 1.6, 24.0)):
        found = luma(data, min(size) // step)
        assert found is not None
        assert found.step == step
        whole = tuple(n // step for n in size)
        difference = np.abs(found.luma - averaged(data, step))[: whole[1], : whole[0]]
        assert difference.mean() < mean, (step, difference.mean())
        assert difference.max() < most, (step, difference.max())


@needs_kernel
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"restart_marker_blocks": 3}, {"quality": 97}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_progressive_gives_blocks(options, mode) -> None:
    data = pillow(203, 161, mode=mode, progressive=True, **options)
    found = luma(data, 20)
    assert found is not None
    assert found.step == 8
    assert np.abs(found.luma - averaged(data, 8))[:20, :25].max() < 4
    baseline = luma(pillow(203, 161, mode=mode, **options), 20)
    assert baseline is not None
    np.testing.assert_allclose(found.luma, baseline.luma, atol=1e-3)  # the same coefficients in another order


@needs_kernel
def test_progressive_may_have_a_quarter_fewer_samples_and_no_smaller_squares() -> None:
    data = pillow(240, 240, progressive=True)
    assert luma(data, 30) is not None
    assert luma(data, 40) is not None
    assert luma(data, 41) is None
    baseline = luma(pillow(240, 240), 31)
    assert baseline is not None
    assert baseline.step == 4


@needs_kernel
def test_a_progressive_file_without_its_last_scans_is_refused() -> None:
    data = pillow(96, 96, progressive=True)
    starts = [n for n in range(len(data)) if data[n : n + 2] == b"\xff\xda"]
    assert len(starts) > 5
    assert luma(data, 12) is not None
    for at in starts:
        table = data.rfind(b"\xff\xc4", 0, at)
        assert luma(data[:at] + b"\xff\xd9", 12) is None
        assert luma(data[:table] + b"\xff\xd9", 12) is None


@needs_kernel
def test_least_and_pixels_decide() -> None:
    data = pillow(320, 240)
    assert [(r.step if (r := luma(data, n)) else None) for n in (1, 30, 31, 60, 61, 120, 121)] == [
        8, 8, 4, 4, 2, 2, None,
    ]  # fmt: skip
    assert luma(data, 30, 320 * 240) is not None
    assert luma(data, 30, 320 * 240 - 1) is None
    with pytest.raises(ValueError, match="least"):
        luma(data, 0)


@needs_kernel
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5), (2, 2), (300, 3)])
def test_narrow_pictures(size) -> None:
    data = pillow(*size)
    found = luma(data)
    if min(size) < 2:
        assert found is None
    else:
        assert found is not None
        assert found.luma.shape == (-(-size[1] // found.step), -(-size[0] // found.step))


@needs_kernel
def test_what_is_not_needed_is_passed() -> None:
    layout = Layout(40, 24, sampling=C420)
    planes = planes_of(layout, 2)
    plain = luma(written(layout, planes), 3)
    assert plain is not None
    thumbnail = written(Layout(16, 16), planes_of(Layout(16, 16), 1))
    exif = segment(0xE1, b"Exif\0\0" + thumbnail)
    for data in (
        written(layout, planes, exif),
        written(layout, planes, b"\xff\xff\xff" + segment(0xFE, b"a comment")),
        written(layout, planes, segment(0xEC, b"") + segment(0xE1, b"\xff\xd8\xff\xc0\xff\xd9")),
        written(layout, planes)[:-2] + b"\xff\xff\xff\xd9",
        written(layout, planes)[:-2] + segment(0xFE, b"later") + b"\xff\xd9",
        written(layout, planes) + b"\xff\xd8 what follows \xff\xda\xff",
    ):
        found = luma(data, 3)
        assert found is not None
        assert (found.width, found.height) == (40, 24)
        np.testing.assert_array_equal(found.luma, plain.luma)


def adobe(transform: int) -> bytes:
    return segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


@needs_kernel
def test_colours_are_told_apart_as_libjpeg_does() -> None:
    layout = Layout(40, 24, sampling=C444)
    planes = planes_of(layout, 2)
    named = replace(layout, ids=(82, 71, 66))
    other = replace(layout, ids=(7, 8, 9))
    for form, extra, read in (
        (layout, b"", True),
        (layout, adobe(1), True),
        (layout, adobe(0), False),
        (layout, adobe(2), False),
        (layout, JFIF + adobe(0), True),
        (named, b"", False),
        (named, JFIF, True),
        (named, adobe(1), True),
        (other, b"", True),
    ):
        data = written(form, planes, extra)
        found = luma(data, 3)
        assert (found is not None) is read, (form.ids, extra)
        if found is not None:
            assert np.abs(found.luma - averaged(data, 8)).max() < 2


@needs_kernel
@pytest.mark.parametrize("sof", [0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCF])
def test_other_processes_are_refused(sof) -> None:
    assert luma(written(replace(GREY, sof=sof), planes_of(GREY, 1))) is None
    assert luma(written(replace(GREY, sof=0xC1), planes_of(GREY, 1))) is not None


@needs_kernel
def test_other_layouts_are_refused() -> None:
    three = Layout(40, 24, sampling=C420)
    planes = planes_of(three, 1)
    data = written(three, planes)
    frame = data.index(b"\xff\xc0")
    assert luma(data) is not None
    assert luma(written(replace(three, one_scan=False), planes)) is None
    for sampling in (((1, 1), (2, 2), (1, 1)), ((3, 1), (2, 1), (1, 1)), ((4, 4), (1, 1), (1, 1))):
        odd = Layout(40, 24, sampling=sampling)
        assert luma(written(odd, planes_of(odd, 1))) is None
    four = Layout(40, 24, sampling=((1, 1),) * 4, ids=(1, 2, 3, 4))
    assert luma(written(four, planes_of(four, 1))) is None
    assert luma(written(replace(three, ids=(1, 2, 2)), planes)) is None
    assert luma(pillow(64, 64, mode="CMYK")) is None
    assert luma(pillow(64, 64, keep_rgb=True)) is None
    for at, value in ((4, 12), (4, 16), (9, 2), (9, 0)):
        assert luma(data[: frame + at] + bytes([value]) + data[frame + at + 1 :]) is None
    assert luma(data[: frame + 5] + b"\0\0" + data[frame + 7 :]) is None, "the height comes later"
    assert luma(data.replace(b"\xff\xda", segment(0xDC, b"\0\x18") + b"\xff\xda", 1)) is None
    assert luma(data.replace(b"\xff\xda", segment(0xCC, b"\0\x10") + b"\xff\xda", 1)) is None


@needs_kernel
@pytest.mark.parametrize(
    "data",
    [
        written(Layout(40, 24, sampling=C420, restart=2), planes_of(Layout(40, 24, sampling=C420), 4)),
        pillow(48, 40, quality=60),
        pillow(40, 40, progressive=True, quality=50),
    ],
    ids=["restarts", "baseline", "progressive"],
)
def test_every_file_cut_short_is_refused(data) -> None:
    assert luma(data, 3) is not None
    for length in range(len(data)):
        assert luma(data[:length], 3) is None
        assert luma(data[:length]) is None


@needs_kernel
def test_broken_entropy_coding_is_refused() -> None:
    layout = Layout(64, 64, restart=3)
    data = written(layout, planes_of(layout, 4))
    assert luma(data) is not None
    first = data.index(b"\xff\xd0")
    second = data.index(b"\xff\xd1")
    end = len(data) - 2
    assert luma(data[: first + 1] + b"\xd1" + data[first + 2 :]) is None, "the wrong restart"
    assert luma(data[:first] + data[second:]) is None, "an interval is missing"
    assert luma(data[:first] + data[first + 2 :]) is None, "a restart is missing"
    assert luma(data[: first - 1] + data[first:]) is None, "a byte is missing"
    assert luma(data[:first] + b"\x55" + data[first:]) is None, "a byte too many"
    assert luma(data[:end] + b"\x55\x55" + data[end:]) is None, "bytes before the end"
    assert luma(data[:end] + b"\xff\x01" + data[end:]) is None, "a marker that means nothing there"
    assert luma(data[: first - 9] + b"\xff" * 9 + data[first:]) is None, "codes that are none"
    assert luma(data[:first] + b"\xff\xd9") is None, "the end before all blocks"
    assert luma(data[:end] + data[data.index(b"\xff\xda") :]) is None, "a second scan"


@needs_kernel
def test_the_last_interval_may_be_ended_as_the_others() -> None:
    """Adobe's programs write so, where the blocks are a multiple of the interval."""
    layout = Layout(64, 64, restart=16)
    planes = planes_of(layout, 4)
    data = written(layout, planes)[:-2]
    plain = luma(data + b"\xff\xd9", 8)
    found = luma(data + b"\xff\xd3\xff\xd9", 8)
    assert found is not None
    assert plain is not None
    np.testing.assert_array_equal(found.luma, plain.luma)
    assert luma(data + b"\xff\xd4\xff\xd9", 8) is None
    assert luma(data + b"\xff\xd3\x11\xff\xd9", 8) is None
    assert luma(data + b"\xff\xd3", 8) is None
    other = written(replace(layout, restart=15), planes)[:-2]
    assert luma(other + b"\xff\xd4\xff\xd9", 8) is None


@needs_kernel
def test_a_size_far_beyond_the_bytes_is_refused() -> None:
    data = bytearray(written(GREY, planes_of(GREY, 1)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xdc\xff\xdc"
    assert luma(bytes(data)) is None
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    assert luma(bytes(data)) is None


SMALL = [
    pillow(40, 33, quality=80),
    pillow(40, 33, progressive=True),
    pillow(33, 40, mode="L", restart_marker_blocks=2),
    written(Layout(33, 24, sampling=MIXED, length=16), planes_of(Layout(33, 24, sampling=MIXED), 1)),
]


@needs_kernel
@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(SMALL),
    st.lists(
        st.tuples(st.integers(0, 1 << 20), st.sampled_from(["set", "cut", "add"]), st.binary(max_size=6)),
        max_size=5,
    ),
    st.integers(1, 20),
)
def test_any_bytes_give_a_sound_plane_or_none(data, changes, least) -> None:
    made = bytearray(data)
    for at, what, new in changes:
        at %= len(made) + 1
        made[at : at + (0 if what == "add" else len(new))] = b"" if what == "cut" else new
    found = luma(bytes(made), least, 1 << 20)
    if found is not None:
        assert found.luma.shape == (-(-found.height // found.step), -(-found.width // found.step))
        assert found.width * found.height <= 1 << 20
        assert found.luma.min() >= 0
        assert found.luma.max() <= 255


@needs_kernel
@given(st.binary(max_size=300))
def test_no_picture_is_none(data) -> None:
    assert luma(data) is None
    luma(b"\xff\xd8" + data)


@needs_kernel
def test_threads_get_the_same() -> None:
    data = pillow(640, 480, quality=95)
    expected = luma(data, 50)
    assert expected is not None
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: luma(data, 50), range(24)):
            assert found is not None
            np.testing.assert_array_equal(found.luma, expected.luma)


@needs_kernel
@pytest.mark.parametrize(
    "size, options", [((2100, 1600), {}), ((1000, 800), {}), ((1700, 1200), {"progressive": True})]
)
def test_the_hash_is_that_of_the_full_picture(size, options) -> None:
    data = pillow(*size, seed=4, quality=85, **options)
    found = luma(data, LEAST)
    assert found is not None
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB"))
    exact, _ = pdq.pdq(pixels)
    near = pdq._bits(pdq.scaled(found)[1])
    assert (int.from_bytes(exact, "big") ^ int.from_bytes(near, "big")).bit_count() <= 8
    same = reduce(Picture(pixels, None, "RGB"))
    if same.step == found.step:
        assert np.abs(same.luma - found.luma).mean() < 1


def test_without_the_kernel_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert kernel() is None
    assert luma(pillow(320, 240)) is None
    registry.cache_clear()
    try:
        info = next(i for i in registry().infos if i.name == "scaled")
    finally:
        monkeypatch.delenv("LEADLIGHT_TEST_NO_KERNEL")
        registry.cache_clear()
    assert (info.kind, info.available, info.missing) == ("kernel", False, ABSENT)
    assert "compiler" in ABSENT
