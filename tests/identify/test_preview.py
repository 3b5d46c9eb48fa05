"""Samples: each format decodes to exactly what it stores."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from leadlight.chart import chart_pixels, chunk, png
from leadlight.config import Limits
from leadlight.content import Picture
from leadlight.errors import LimitReached, Undecodable, Unsupported
from leadlight.identify.preview import PLUGIN
from tests.identify.formats import ftyp, jxl, opened, picture, saved, tiff

RGB = chart_pixels(40, 30, 1)
GREY = RGB[:, :, 0].copy()
ALPHA = RGB[:, :, 1].copy()


def decoded(data: bytes, limits: Limits | None = None) -> Picture:
    content = opened(data, limits)
    try:
        return content.picture()
    finally:
        content.close()


def frames(data: bytes, limits: Limits | None = None) -> list[Picture]:
    content = opened(data, limits)
    try:
        return list(content.frames())
    finally:
        content.close()


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, :, None], 3, axis=2)


def same(picture: Picture, pixels: np.ndarray, alpha: np.ndarray | None = None) -> None:
    assert picture.pixels.dtype == np.uint8
    assert picture.complete
    np.testing.assert_array_equal(picture.pixels, pixels)
    if alpha is None:
        assert picture.alpha is None
    else:
        assert picture.alpha is not None
        np.testing.assert_array_equal(picture.alpha, alpha)


RGBA = np.dstack([RGB, ALPHA])


@pytest.mark.parametrize("format_", ["PNG", "BMP", "TIFF", "WEBP", "JPEG2000", "PPM", "JXL"])
def test_rgb_as_stored(format_: str) -> None:
    if format_ == "JXL":
        import pillow_jxl  # noqa: F401
    options = {"WEBP": {"lossless": True}, "JXL": {"lossless": True}, "JPEG2000": {"irreversible": False}}
    data = saved(Image.fromarray(RGB), format_, **options.get(format_, {}))
    if format_ == "PPM":
        with pytest.raises((Unsupported, Undecodable)):
            decoded(data)
        return
    found = decoded(data)
    same(found, RGB)
    assert (found.mode, found.width, found.height, found.frames, found.method) == ("RGB", 40, 30, 1, "full")


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_kept_and_colour_under_it_too(format_: str) -> None:
    """Stealth bits and what is hidden under full transparency survive."""
    clear = RGBA.copy()
    clear[:10, :, 3] = 0
    options = {"WEBP": {"lossless": True, "exact": True}}
    same(
        decoded(saved(Image.fromarray(clear), format_, **options.get(format_, {}))),
        clear[:, :, :3],
        clear[:, :, 3],
    )


@pytest.mark.parametrize("channels", [3, 4])
def test_the_lowest_bits_survive(channels: int) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (33, 47, channels), dtype=np.uint8)
    found = decoded(png(noise))
    np.testing.assert_array_equal(found.pixels, noise[:, :, :3])
    if channels == 4:
        np.testing.assert_array_equal(found.alpha, noise[:, :, 3])


def test_grey_bilevel_and_grey_with_alpha() -> None:
    same(decoded(png(GREY)), grey(GREY))
    same(decoded(png(np.dstack([GREY, ALPHA]))), grey(GREY), ALPHA)
    bits = Image.fromarray(GREY).point(lambda v: 255 * (v > 127)).convert("1")
    for format_ in ("PNG", "TIFF", "BMP"):
        same(decoded(saved(bits, format_)), grey(np.where(GREY > 127, 255, 0).astype(np.uint8)))


def test_palettes() -> None:
    palette = np.random.default_rng(4).integers(0, 256, (256, 3), dtype=np.uint8)
    image = Image.fromarray(GREY, "L").copy()
    image = Image.frombytes("P", (40, 30), GREY.tobytes())
    image.putpalette(palette.tobytes())
    for format_ in ("PNG", "GIF", "BMP", "TIFF"):
        same(decoded(saved(image, format_)), palette[GREY])
    through = int(GREY[0, 0])
    for format_ in ("PNG", "GIF"):
        found = decoded(saved(image, format_, transparency=through))
        assert found.alpha is not None
        np.testing.assert_array_equal(found.alpha, np.where(through == GREY, 0, 255))
        np.testing.assert_array_equal(found.pixels, palette[GREY])
    opacity = bytes(range(256))
    same(decoded(saved(image, "PNG", transparency=opacity)), palette[GREY], GREY)


def test_sixteen_bits_lose_the_lower_eight() -> None:
    deep = np.random.default_rng(5).integers(0, 65536, (30, 40), dtype=np.uint16)
    expected = grey((deep >> 8).astype(np.uint8))
    for format_ in ("PNG", "TIFF"):
        same(decoded(saved(Image.fromarray(deep), format_)), expected)
    big = tiff(
        [
            (256, 3, 1, 40),
            (257, 3, 1, 30),
            (258, 3, 1, 16),
            (259, 3, 1, 1),
            (262, 3, 1, 1),
            (273, 4, 1, 122),
            (277, 3, 1, 1),
            (278, 3, 1, 30),
            (279, 4, 1, 2400),
        ],
        order=">",
        after=deep.astype(">u2").tobytes(),
    )
    assert big.index(deep.astype(">u2").tobytes()) == 122
    found = decoded(big)
    assert found.mode.startswith("I;16")
    same(found, expected)
    colour = np.random.default_rng(6).integers(0, 65536, (30, 40, 3), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colour)
    head = struct.pack(">II", 40, 30) + bytes((16, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    same(decoded(data), (colour >> 8).astype(np.uint8))


def test_floats_and_long_integers_are_scaled_to_eight_bits() -> None:
    unit = (GREY / 255).astype(np.float32)
    assert np.abs(decoded(saved(Image.fromarray(unit), "TIFF")).pixels.astype(int) - grey(GREY)).max() <= 1
    same(decoded(saved(Image.fromarray(GREY.astype(np.float32)), "TIFF")), grey(GREY))
    same(decoded(saved(Image.fromarray(GREY.astype(np.int32)), "TIFF")), grey(GREY))
    odd = unit.copy()
    odd[0, :4] = (np.nan, np.inf, -np.inf, -5)
    assert not decoded(saved(Image.fromarray(odd), "TIFF")).pixels[0, :4].any()


def test_inks() -> None:
    """JPEG stores CMYK plainly, or inverted as Adobe does, and may turn it into YCCK first."""
    inks = Image.fromarray(RGB).convert("CMYK")
    expected = np.asarray(inks.convert("RGB")).astype(int)
    adobe = saved(inks, "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in adobe
    found = decoded(adobe)
    assert found.mode == "CMYK"
    assert np.abs(found.pixels - expected).max() <= 6
    at = adobe.index(b"\xff\xee")
    plain = adobe[:at] + adobe[at + 2 + int.from_bytes(adobe[at + 2 : at + 4], "big") :]
    assert np.array_equal(decoded(plain).pixels, found.pixels), (
        "without a mark, read as nearly all programs write it"
    )
    ycck = bytearray(adobe)
    ycck[at + 15] = 2
    read = Image.open(io.BytesIO(bytes(ycck)))
    turned = decoded(bytes(ycck))
    assert turned.mode == "CMYK"
    np.testing.assert_array_equal(turned.pixels, np.asarray(read.convert("RGB")))
    assert np.abs(turned.pixels.astype(int) - expected).max() > 6
    tif = decoded(saved(inks, "TIFF"))
    np.testing.assert_array_equal(tif.pixels, expected)


def test_lab() -> None:
    lab = ImageCms.profileToProfile(
        Image.fromarray(RGB), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    found = decoded(saved(lab, "TIFF"))
    assert found.mode == "LAB"
    assert np.abs(found.pixels.astype(int) - RGB).mean() < 3


def test_jpeg_is_what_libjpeg_decodes() -> None:
    data = saved(Image.fromarray(RGB), "JPEG", quality=90)
    same(decoded(data), np.asarray(Image.open(io.BytesIO(data))))
    data = saved(Image.fromarray(GREY), "JPEG", quality=90)
    same(decoded(data), grey(np.asarray(Image.open(io.BytesIO(data)))))


def test_avif_lossless() -> None:
    found = decoded(saved(Image.fromarray(RGB), "AVIF", quality=100, subsampling="4:4:4"))
    assert np.abs(found.pixels.astype(int) - RGB).max() <= 3
    found = decoded(saved(Image.fromarray(RGBA), "AVIF", quality=100, subsampling="4:4:4"))
    assert found.alpha is not None


def test_jxl_in_boxes_and_with_alpha() -> None:
    import pillow_jxl  # noqa: F401

    same(decoded(jxl(container=True)), RGB)
    same(decoded(saved(Image.fromarray(RGBA), "JXL", lossless=True)), RGB, ALPHA)
    same(decoded(saved(Image.fromarray(GREY), "JXL", lossless=True)), grey(GREY))


def test_jxl_that_holds_a_jpeg(tmp_path) -> None:
    import pillow_jxl  # noqa: F401

    path = tmp_path / "a.jpg"
    path.write_bytes(saved(Image.fromarray(RGB), "JPEG"))
    with Image.open(path) as image:
        data = saved(image, "JXL", lossless_jpeg=True)
    with Image.open(path) as image:
        same(decoded(data), np.asarray(image))


def test_icon_is_its_largest_picture() -> None:
    data = saved(Image.fromarray(chart_pixels(64, 64, 2)), "ICO", sizes=[(16, 16), (64, 64)])
    found = decoded(data)
    assert (found.width, found.height, found.frames) == (64, 64, 1)


def test_photoshop_flat_picture() -> None:
    planes = b"".join(RGB[:, :, n].tobytes() for n in range(3))
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 30, 40, 8, 3)
    same(decoded(head + bytes(12) + b"\0\0" + planes), RGB)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_stated_and_not_applied(format_: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decoded(saved(Image.fromarray(RGB), format_, exif=exif))
    assert found.orientation == orientation
    if format_ in ("PNG", "TIFF"):
        same(found, RGB)
    assert np.abs(found.pixels.astype(int) - RGB).mean() < 20


def test_the_orientation_of_jpeg_xl_is_applied_by_its_decoder_and_so_is_one() -> None:
    import pillow_jxl  # noqa: F401

    exif = Image.Exif()
    exif[0x0112] = 6
    found = decoded(saved(Image.fromarray(RGB), "JXL", lossless=True, exif=exif.tobytes()))
    assert found.orientation == 1
    same(found, RGB)


def test_each_page_states_its_orientation() -> None:
    pages = []
    for turn in (6, 1, 3):
        page = Image.fromarray(RGB)
        page.getexif()[0x0112] = turn
        pages.append(page)
    out = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(out) as writer:
        for page in pages:
            page.save(writer, "TIFF", exif=page.getexif())
            writer.newFrame()
    found = frames(out.getvalue())
    assert [f.orientation for f in found] == [6, 1, 3]
    for frame in found:
        np.testing.assert_array_equal(frame.pixels, RGB)


@pytest.mark.parametrize("value", [0, 9, 700])
def test_an_orientation_that_is_none_is_one(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert decoded(saved(Image.fromarray(RGB), "JPEG", exif=exif)).orientation == 1


def animation(format_: str, count: int, size: int = 24) -> bytes:
    images = [
        Image.fromarray(np.full((size, size, 3), (5 * n % 256, 40 + n % 200, 90), np.uint8)) for n in range(count)
    ]
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(format_, {})
    return saved(images[0], format_, save_all=True, append_images=images[1:], **options)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
@pytest.mark.parametrize(("count", "most"), [(2, 16), (5, 16), (16, 16), (40, 16), (40, 1), (40, 2), (7, 3)])
def test_frames_are_spread_from_first_to_last(format_: str, count: int, most: int) -> None:
    found = frames(animation(format_, count), Limits(frames=most))
    numbers = [f.index for f in found]
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))
    assert len(numbers) == min(count, most)
    assert all(f.frames == count for f in found)
    if most > 1:
        assert numbers[-1] == count - 1
        steps = np.diff(numbers)
        assert steps.max() - steps.min() <= 1
    if format_ != "AVIF":
        for frame in found:
            assert tuple(frame.pixels[0, 0]) == (5 * frame.index % 256, 40 + frame.index % 200, 90)


def test_a_stated_frame_count_is_not_believed() -> None:
    """An APNG that claims a million frames still shows the three it has."""
    data = bytearray(animation("PNG", 3))
    at = data.index(b"acTL")
    data[at + 4 : at + 8] = struct.pack(">I", 1_000_000)
    data[at + 12 : at + 16] = struct.pack(">I", zlib.crc32(data[at : at + 12]))
    assert [f.index for f in frames(bytes(data))] == [0, 1, 2]


def test_pages_of_other_sizes() -> None:
    images = [Image.fromarray(chart_pixels(w, h, 3)) for w, h in ((20, 10), (60, 50), (7, 9))]
    found = frames(saved(images[0], "TIFF", save_all=True, append_images=images[1:]))
    assert [(f.width, f.height) for f in found] == [(20, 10), (60, 50), (7, 9)]
    for frame, image in zip(found, images, strict=True):
        np.testing.assert_array_equal(frame.pixels, np.asarray(image))


def test_only_the_first_of_a_multi_picture_jpeg() -> None:
    images = [Image.fromarray(chart_pixels(40, 30, n)) for n in (1, 2)]
    found = frames(saved(images[0], "MPO", save_all=True, append_images=images[1:]))
    assert [(f.index, f.frames) for f in found] == [(0, 1)]


def raw(preview: bytes, *, order: str = "<", width: int = 0, height: int = 0) -> bytes:
    """A DNG header with an embedded JPEG, or with RGB samples where `width` is given."""
    tags = [(254, 4, 1, 1), (50706, 1, 4, 1), (274, 3, 1, 1)]
    if width:
        tags += [
            (256, 3, 1, width),
            (257, 3, 1, height),
            (258, 3, 1, 8),
            (259, 3, 1, 1),
            (262, 3, 1, 2),
            (277, 3, 1, 3),
            (278, 3, 1, height),
        ]
    at = 8 + 2 + 12 * (len(tags) + 2) + 4
    tags += [(273, 4, 1, at), (279, 4, 1, len(preview))] if width else [(513, 4, 1, at), (514, 4, 1, len(preview))]
    return tiff(tags, order=order, after=preview)


@pytest.mark.parametrize("order", ["<", ">"])
def test_camera_raw_gives_its_embedded_preview(order: str) -> None:
    embedded = saved(Image.fromarray(chart_pixels(160, 120, 4)), "JPEG")
    found = decoded(raw(embedded, order=order))
    assert found.method == "preview"
    np.testing.assert_array_equal(found.pixels, np.asarray(Image.open(io.BytesIO(embedded))))


def test_the_largest_preview_is_taken() -> None:
    small, large = (saved(Image.fromarray(chart_pixels(w, w, 4)), "JPEG") for w in (32, 120))
    data = b"FUJIFILMCCD-RAW 0201" + bytes(80) + small + bytes(9) + large + bytes(9) + small
    found = decoded(data)
    assert (found.width, found.height, found.method) == (120, 120, "preview")


def test_camera_raw_with_plain_samples() -> None:
    found = decoded(raw(RGB.tobytes(), width=40, height=30))
    assert found.method == "preview"
    same(found, RGB)


def test_camera_raw_preview_of_libraw_as_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    from leadlight.identify import preview

    monkeypatch.setattr(preview, "_by_libraw", lambda data: RGB)
    found = decoded(raw(b"nothing"))
    assert (found.method, found.mode) == ("preview", "RGB")
    same(found, RGB)
    with pytest.raises(LimitReached):
        decoded(raw(b"nothing"), Limits(pixels=100))


@pytest.mark.parametrize(
    "head", [b"FUJIFILMCCD-RAW 0201", b"IIRO\x08\0\0\0", ftyp(b"crx "), b"II*\0\x10\0\0\0CR\2\0"]
)
def test_camera_raw_without_a_preview(head: bytes) -> None:
    with pytest.raises(Undecodable):
        decoded(head + bytes(500))


def test_heic_that_is_no_heic_is_said() -> None:
    for data in (ftyp(b"heic", b"mif1"), ftyp(b"mif1"), ftyp(b"heic") + bytes(range(256)) * 8):
        with pytest.raises(Undecodable):
            decoded(data)


def test_drawings_are_unsupported() -> None:
    with pytest.raises(Unsupported) as caught:
        decoded(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    assert "convert" in caught.value.advice.lower()


def test_findings(examine) -> None:
    made = [f for f in examine(animation("GIF", 4)) if f.analyser == PLUGIN.name]
    (found,) = made
    assert found.payload == {
        "width": 24,
        "height": 24,
        "largest": [24, 24],
        "mode": "P",
        "frames": 4,
        "orientation": 1,
        "method": "full",
        "decode": "full",
        "truncated": False,
    }
    assert picture().size == (40, 30)
