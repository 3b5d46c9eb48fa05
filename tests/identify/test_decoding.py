"""Every format and every way of storing samples comes out as RGB of 8 bits, or as an error of our own."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from leadlight.chart import chart_pixels, chart_png, chunk, png
from leadlight.config import Limits
from leadlight.content import Content, Picture, Pixels, content_of
from leadlight.errors import ContentError, LimitReached, Undecodable, Unsupported
from leadlight.fingerprint.digests import PLUGIN as DIGESTS
from leadlight.identify.filetype import PLUGIN as FILETYPE
from leadlight.identify.preview import PLUGIN as PREVIEW
from leadlight.records import finding

RGB = chart_pixels(96, 72, 1)
IMAGE = Image.fromarray(RGB)


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def opened(data: bytes, limits: Limits | None = None) -> Content:
    content = content_of(data, DIGESTS.hashers(), limits)
    content.filetype = FILETYPE.identify(content)
    content.decoder = PREVIEW
    return content


def decoded(data: bytes) -> Picture:
    return opened(data).picture()


def apart(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize(
    "format_, media_type, most",
    [
        ("JPEG", "image/jpeg", 5),
        ("MPO", "image/jpeg", 5),
        ("PNG", "image/png", 0),
        ("WEBP", "image/webp", 0),
        ("GIF", "image/gif", 1),
        ("BMP", "image/bmp", 0),
        ("TIFF", "image/tiff", 0),
        ("AVIF", "image/avif", 5),
        ("JPEG2000", "image/jp2", 0),
    ],
)
def test_formats(format_: str, media_type: str, most: float) -> None:
    content = opened(saved(IMAGE, format_, **({"lossless": True} if format_ == "WEBP" else {})))
    picture = content.picture()
    assert content.filetype.media_type == media_type
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (72, 96, 3)
    assert (picture.alpha, picture.frames, picture.method, picture.complete) == (None, 1, "full", True)
    assert apart(picture.pixels, RGB) <= most


def test_jpeg_xl_with_its_extra() -> None:
    pytest.importorskip("pillow_jxl")
    picture = decoded(saved(IMAGE, "JXL", lossless=True))
    assert np.array_equal(picture.pixels, RGB)


def test_jpeg_xl_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_jxl", None)
    with pytest.raises(Unsupported) as caught:
        decoded(b"\xff\x0a" + bytes(100))
    assert "leadlight[jxl]" in caught.value.advice


def test_mpo_gives_its_first_picture() -> None:
    other = Image.fromarray(chart_pixels(96, 72, 2))
    picture = decoded(saved(IMAGE, "MPO", save_all=True, append_images=[other]))
    assert apart(picture.pixels, RGB) < 5
    assert picture.frames == 1


def test_ways_of_storing_grey() -> None:
    grey = IMAGE.convert("L")
    wanted = np.repeat(np.asarray(grey)[:, :, None], 3, axis=2)
    wide = np.asarray(grey).astype(np.uint16) * 257
    for data, mode in (
        (saved(grey, "PNG"), "L"),
        (saved(Image.fromarray(wide), "PNG"), "I;16"),
        (saved(Image.fromarray(wide), "TIFF"), "I;16"),
        (saved(grey.convert("F"), "TIFF"), "F"),
        (saved(grey.convert("I"), "TIFF"), "I"),
    ):
        picture = decoded(data)
        assert picture.mode == mode
        assert apart(picture.pixels, wanted) < 0.5, mode


def test_big_endian_sixteen_bits_are_not_swapped() -> None:
    values = (np.arange(64) * 1000).reshape(8, 8).astype(">u2")
    tags = [(256, 8), (257, 8), (258, 16), (259, 1), (262, 1), (273, 122), (277, 1), (278, 8), (279, 128)]
    entries = b"".join(
        struct.pack(">HHI", t, 4 if t == 273 else 3, 1) + struct.pack(">I" if t == 273 else ">H2x", v)
        for t, v in tags
    )
    data = b"MM\0*\0\0\0\x08" + struct.pack(">H", len(tags)) + entries + bytes(4)
    data += values.tobytes()
    assert len(data) == 122 + 128
    picture = decoded(data)
    assert np.array_equal(picture.pixels[:, :, 0], (values >> 8).astype(np.uint8))


def test_one_bit() -> None:
    bits = IMAGE.convert("1")
    picture = decoded(saved(bits, "PNG"))
    assert np.array_equal(picture.pixels[:, :, 1] > 0, np.asarray(bits))
    assert set(np.unique(picture.pixels)) == {0, 255}


def test_transparency_is_kept_apart_and_never_composited() -> None:
    alpha = np.asarray(Image.linear_gradient("L").resize(IMAGE.size))
    picture = decoded(png(np.dstack([RGB, alpha])))
    assert picture.mode == "RGBA"
    assert np.array_equal(picture.pixels, RGB)
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)
    grey = decoded(png(np.dstack([RGB[:, :, 0], alpha])))
    assert np.array_equal(grey.pixels[:, :, 2], RGB[:, :, 0])
    assert np.array_equal(grey.alpha, alpha)


def test_palettes_with_and_without_transparency() -> None:
    palette = IMAGE.quantize(64)
    wanted = np.asarray(palette.convert("RGB"))
    plain = decoded(saved(palette, "PNG"))
    assert (plain.mode, plain.alpha) == ("P", None)
    assert np.array_equal(plain.pixels, wanted)
    clear = decoded(saved(palette, "PNG", transparency=3))
    assert np.array_equal(clear.pixels, wanted)
    assert clear.alpha is not None
    assert np.array_equal(clear.alpha == 0, np.asarray(palette) == 3)


def test_print_colours_are_turned_to_rgb() -> None:
    assert apart(decoded(saved(IMAGE.convert("CMYK"), "TIFF")).pixels, RGB) < 1
    jpeg = decoded(saved(IMAGE.convert("CMYK"), "JPEG", quality=95))
    assert jpeg.mode == "CMYK"
    assert apart(jpeg.pixels, RGB) < 4, "Adobe stores CMYK inverted"
    assert apart(decoded(saved(IMAGE.convert("YCbCr"), "TIFF")).pixels, RGB) < 3


def test_lab_is_turned_to_rgb() -> None:
    lab = ImageCms.profileToProfile(
        IMAGE, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    picture = decoded(saved(lab, "TIFF"))
    assert picture.mode == "LAB"
    assert apart(picture.pixels, RGB) < 4


def test_sixteen_bit_colour() -> None:
    wide = (RGB.astype(np.uint16) * 257).astype(">u2")
    rows = np.concatenate([np.zeros((72, 1), np.uint8), wide.view(np.uint8).reshape(72, -1)], axis=1)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 96, 72, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows.tobytes()))
        + chunk(b"IEND", b"")
    )
    assert np.array_equal(decoded(data).pixels, RGB)


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_stated_and_not_applied(turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    picture = decoded(saved(IMAGE, "JPEG", exif=exif))
    assert picture.orientation == turn
    assert picture.pixels.shape == (72, 96, 3)


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "TIFF"])
def test_frames_are_spread_evenly_and_bounded(format_: str) -> None:
    shades = [Image.new("RGB", (8, 8), (5 * n, 255 - 5 * n, 60)) for n in range(50)]
    options = {"lossless": True} if format_ == "WEBP" else {}
    data = saved(shades[0], format_, save_all=True, append_images=shades[1:], **options)
    frames = list(opened(data, Limits(frames=5)).frames())
    assert [f.index for f in frames] == [0, 12, 24, 36, 49]
    assert {f.frames for f in frames} == {50}
    for frame in frames:
        assert abs(int(frame.pixels[0, 0, 0]) - 5 * frame.index) <= 2


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_the_pixel_limit_holds_before_decoding(format_: str) -> None:
    with pytest.raises(LimitReached) as caught:
        opened(saved(IMAGE, format_), Limits(pixels=96 * 72 - 1)).picture()
    assert caught.value.limit == "limits.pixels"
    assert caught.value.met == 96 * 72
    assert opened(saved(IMAGE, format_), Limits(pixels=96 * 72)).picture().width == 96


def test_a_bomb_is_refused_by_its_header() -> None:
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(LimitReached):
        decoded(data)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "TIFF"])
def test_what_is_cut_short_is_decoded_as_far_as_it_goes_and_said(format_: str, examine) -> None:
    whole = saved(IMAGE, format_, **({"interlace": 0} if format_ == "GIF" else {}))
    cut = whole[: len(whole) * 2 // 3]
    picture = decoded(cut)
    assert not picture.complete
    stored_first = slice(-24, None) if format_ == "BMP" else slice(24)
    assert apart(picture.pixels[stored_first], decoded(whole).pixels[stored_first]) < 3
    found = [f for f in examine(cut) if f.analyser == PREVIEW.name]
    assert {f.kind for f in found} == {finding.PICTURE, finding.FAILURE}
    assert {f.payload["reason"] for f in found if f.kind == finding.FAILURE} == {"undecodable"}
    assert [f.payload["truncated"] for f in found if f.kind == finding.PICTURE] == [True]


def test_only_a_header_is_undecodable_with_advice() -> None:
    for format_ in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"):
        with pytest.raises(Undecodable) as caught:
            decoded(saved(IMAGE, format_)[:26])
        assert caught.value.advice


def test_a_raw_file_gives_its_largest_embedded_preview() -> None:
    small, large = (saved(IMAGE.resize(s), "JPEG") for s in ((32, 24), (96, 72)))
    header = b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHI4B", 0xC612, 1, 4, 1, 4, 0, 0) + bytes(4)
    content = opened(header + small + large)
    assert content.filetype.media_type == "image/x-adobe-dng"
    picture = content.picture()
    assert picture.method == "preview"
    assert apart(picture.pixels, RGB) < 5


def test_a_drawing_is_unsupported_with_advice() -> None:
    with pytest.raises(Unsupported) as caught:
        decoded(b'<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    assert caught.value.advice


def test_the_finding_states_what_opened(examine) -> None:
    found = [f for f in examine(chart_png(64, 48, 1)) if f.kind == finding.PICTURE]
    assert len(found) == 1
    wanted = {"width": 64, "height": 48, "mode": "RGB", "frames": 1, "orientation": 1, "method": "full"}
    assert wanted.items() <= dict(found[0].payload).items()


SEEDS = [saved(IMAGE.resize((24, 18)), f) for f in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO")]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_bytes_bring_another_error_than_our_own(data: st.DataObject) -> None:
    whole = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(1, len(whole)))])
    content = opened(cut, Limits(pixels=1_000_000))
    said = ""
    try:
        for picture in content.frames():
            assert picture.pixels.ndim == 3
            assert picture.pixels.shape[2] == 3
            assert picture.pixels.dtype == np.uint8
            assert picture.alpha is None or picture.alpha.shape == picture.pixels.shape[:2]
    except ContentError as e:
        said = str(e)
    assert said.isprintable()
