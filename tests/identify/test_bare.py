"""Pictures whose metadata is broken or huge: the pixels are sound, so they are decoded and hashed all the same."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from leadlight.chart import chart_pixels, chunk
from leadlight.config import Limits, Settings
from leadlight.identify.bare import bare, excessive
from leadlight.records import Finding, finding
from tests.identify.formats import opened, saved

PIXELS = chart_pixels(96, 72, 1)
PICTURE = Image.fromarray(PIXELS)
SMALL = Settings(limits=Limits(metadata_bytes=1 << 16))
"""A limit on metadata that a small bomb passes."""


def exif(order: str = "<", orientation: int = 6, *more: tuple[int, int, int, bytes]) -> bytes:
    """A TIFF body with an orientation, and further entries of (tag, type, count, value field of four bytes)."""
    entries = sorted([(0x0112, 3, 1, struct.pack(order + "HH", orientation, 0)), *more])
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    body = b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)
    return head + struct.pack(order + "H", len(entries)) + body + bytes(4)


def png(*before: bytes, after: bytes = b"", colours: bytes = b"") -> bytes:
    whole = saved(PICTURE, "PNG")
    at = whole.index(b"IDAT") - 4
    return whole[:33] + b"".join(before) + colours + whole[33:at] + whole[at:-12] + after + whole[-12:]


def bomb(kind: bytes, start: bytes) -> bytes:
    return chunk(kind, start + zlib.compress(bytes(1 << 18)))


def wrong(made: bytes) -> bytes:
    return made[:-1] + bytes([made[-1] ^ 1])


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments: bytes) -> bytes:
    """Without JFIF's resolution, so that the one in EXIF is asked for."""
    whole = saved(PICTURE, "JPEG", quality=90)
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    return whole[:2] + jfif + b"".join(segments) + whole[20:]


def webp(*chunks: bytes, flags: int) -> bytes:
    whole = saved(PICTURE, "WEBP", exif=exif(), quality=90)
    pixels = whole[30 : 38 + int.from_bytes(whole[34:38], "little") + (whole[34] & 1)]
    body = whole[12:20] + bytes([flags]) + whole[21:30] + pixels + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def riff(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(body) if length is None else length) + body + bytes(len(body) & 1)


def tiff(tag: int, kind: int, count: int, value: int) -> bytes:
    """With one entry of the first page stating something else."""
    whole = bytearray(saved(PICTURE, "TIFF", tiffinfo=described(), strip_size=96 * 3 * 8))
    (at,) = struct.unpack_from("<I", whole, 4)
    (entries,) = struct.unpack_from("<H", whole, at)
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", whole, entry)[0] == tag:
            struct.pack_into("<HHII", whole, entry, tag, kind, count, value)
            return bytes(whole)
    raise AssertionError(tag)


def described() -> Image.Exif:
    made = Image.Exif()
    made[0x010F], made[0x0110], made[0x0112], made[0x0116] = "a maker of cameras", "a camera", 6, 8
    return made


RESOURCE = b"Photoshop 3.0\0" + b"8BIM\x03\xed"
EMPTY_TEXT = (0x011A, 2, 1, bytes(4))
UNIT = (0x0128, 3, 1, struct.pack("<HH", 2, 0))
PNG_BOMBS: dict[str, Callable[[], bytes]] = {
    "zTXt": lambda: png(bomb(b"zTXt", b"Comment\0\0")),
    "iTXt": lambda: png(bomb(b"iTXt", b"Word\0\1\0\0\0")),
    "iCCP": lambda: png(bomb(b"iCCP", b"icc\0\0")),
    "many texts": lambda: png(*[chunk(b"tEXt", b"Comment\0" + b"x" * 60_000)] * 20),
}
BROKEN: dict[str, Callable[[], bytes]] = {
    "png, checksum of a text": lambda: png(wrong(chunk(b"tEXt", b"Comment\0neutral"))),
    "png, unknown compression": lambda: png(chunk(b"zTXt", b"Comment\0\7neutral")),
    "png, profile without a name": lambda: png(chunk(b"iCCP", b"")),
    "png, gamma cut short": lambda: png(chunk(b"gAMA", b"\0\0")),
    "png, transparency cut short": lambda: png(chunk(b"tRNS", b"\0\0")),
    "png, animation that states too much": lambda: png(
        chunk(b"acTL", struct.pack(">II", 3, 0)),
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 60_000, 60_000, 0, 0, 1, 1, 0, 0)),
    ),
    "jpeg, resources cut short": lambda: jpeg(segment(0xED, RESOURCE)),
    "jpeg, a colour transform cut short": lambda: jpeg(segment(0xEE, b"Adobe")),
    "jpeg, a second header cut short": lambda: jpeg(segment(0xE0, b"JFIF\0")),
    "jpeg, a resolution of empty text": lambda: jpeg(segment(0xE1, b"Exif\0\0" + exif("<", 6, EMPTY_TEXT, UNIT))),
    "webp, EXIF cut short": lambda: webp(riff(b"EXIF", exif(), 5000), flags=0x08),
    "webp, XMP cut short": lambda: webp(riff(b"EXIF", exif()), riff(b"XMP ", b"<x/>", 1 << 31), flags=0x0C),
    "tiff, a maker beyond the file": lambda: tiff(0x010F, 2, 5000, 1 << 30),
    "tiff, a maker of gigabytes": lambda: tiff(0x010F, 2, (1 << 32) - 1, 8),
}


def hashes(found: list[Finding]) -> list[str]:
    return [f.payload["value"] for f in found if f.kind == finding.PDQ]


def failures(found: list[Finding]) -> list[Finding]:
    return [f for f in found if f.kind == finding.FAILURE and f.analyser == "identify.preview"]


@pytest.fixture(scope="module")
def clean() -> dict[str, str]:
    """The hash of the same pixels by format, metadata apart."""
    from tests.conftest import examine_bytes

    files = {"png": png(), "jpeg": jpeg(), "webp": webp(flags=0), "tiff": saved(PICTURE, "TIFF")}
    found = {}
    for name, data in files.items():
        (first,) = examine_bytes(data)
        assert not failures(list(first.of_content or ())), name
        (found[name],) = hashes(list(first.of_content or ()))
    return found


@pytest.mark.parametrize("name", PNG_BOMBS)
def test_text_that_inflates_beyond_the_limit_is_a_limit_and_the_picture_is_hashed(
    name: str, examine: Callable[..., list[Finding]], clean: dict[str, str]
) -> None:
    found = examine(PNG_BOMBS[name](), settings=SMALL)
    assert hashes(found) == [clean["png"]]
    (opens,) = (f for f in found if f.kind == finding.PICTURE)
    assert opens.payload["truncated"] is False
    (said,) = failures(found)
    assert (said.payload["reason"], said.payload["limit"]) == ("limit", "limits.metadata_bytes")
    assert said.payload["met"] > said.payload["allowed"] == 1 << 16
    assert said.payload["left_out"][0] in ("zTXt", "iTXt", "iCCP", "tEXt")
    assert not failures(examine(PNG_BOMBS[name]())), "within the usual limit nothing is left out"


@pytest.mark.parametrize("name", BROKEN)
def test_broken_metadata_is_said_and_the_picture_is_hashed(
    name: str, examine: Callable[..., list[Finding]], clean: dict[str, str]
) -> None:
    found = examine(BROKEN[name]())
    assert hashes(found) == [clean[name.split(",")[0]]]
    (opens,) = (f for f in found if f.kind == finding.PICTURE)
    assert (opens.payload["truncated"], opens.payload["width"], opens.payload["frames"]) == (False, 96, 1)
    (said,) = failures(found)
    assert said.payload["reason"] == "undecodable"
    assert said.payload["left_out"]
    assert "metadata" in said.statement


@pytest.mark.parametrize("after", [bomb(b"zTXt", b"Comment\0\0"), chunk(b"gAMA", b"\0\0")], ids=["bomb", "broken"])
def test_what_lies_behind_the_pixels_does_not_keep_them_from_being_hashed(
    after: bytes, examine: Callable[..., list[Finding]], clean: dict[str, str]
) -> None:
    for data in (png(after=after), png(chunk(b"eXIf", exif()), after=after)):
        found = examine(data, settings=SMALL)
        assert hashes(found) == [clean["png"]]
        (opens,) = (f for f in found if f.kind == finding.PICTURE)
        assert opens.payload["truncated"] is False
        assert [f.payload["left_out"] for f in failures(found)] == [[after[4:8].decode()]]


def test_exif_behind_the_pixels_of_a_png_is_read_and_nothing_is_decoded_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads: list[int] = []
    plain = PngImagePlugin.PngImageFile.load_prepare

    def counted(image: PngImagePlugin.PngImageFile) -> None:
        loads.append(1)
        plain(image)

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load_prepare", counted)
    whole = png(after=chunk(b"eXIf", exif(">", 8)))
    assert opened(whole).picture().orientation == 8
    assert len(loads) == 1
    assert not opened(png()[:-400]).picture().complete
    assert len(loads) == 2


def test_fast_and_exact_hashing_say_the_same(examine: Callable[..., list[Finding]]) -> None:
    large = Image.fromarray(chart_pixels(900, 800, 2))
    whole = saved(large, "JPEG")
    data = whole[:20] + segment(0xED, RESOURCE) + whole[20:]
    for hashing in ("fast", "exact"):
        found = examine(data, settings=Settings(hashing=hashing))
        assert len(hashes(found)) == 1
        assert len(failures(found)) == 1


@pytest.mark.parametrize(
    "data",
    [
        png(chunk(b"eXIf", exif()), bomb(b"zTXt", b"Comment\0\0")),
        jpeg(segment(0xE1, b"Exif\0\0" + exif()), segment(0xED, RESOURCE)),
        webp(riff(b"EXIF", exif()), riff(b"XMP ", b"<x/>", 1 << 31), flags=0x0C),
        tiff(0x010F, 2, 5000, 1 << 30),
    ],
    ids=["png", "jpeg", "webp", "tiff"],
)
def test_the_orientation_is_kept_where_it_can_be(data: bytes) -> None:
    found = opened(data, SMALL.limits).picture()
    assert (found.orientation, found.complete) == (6, True)


def test_pixels_are_those_of_the_whole_file() -> None:
    for mode, colours in (("RGBA", b""), ("P", b""), ("I;16", b""), ("L", b"")):
        image = PICTURE.convert("L").convert("I").convert(mode) if mode == "I;16" else PICTURE.convert(mode)
        options = {"transparency": 3} if mode == "P" else {}
        data = saved(image, "PNG", **options)
        whole = opened(data).picture()
        less = opened(data[:33] + bomb(b"zTXt", b"A\0\0") + colours + data[33:], SMALL.limits).picture()
        np.testing.assert_array_equal(less.pixels, whole.pixels)
        assert (less.mode, less.alpha is None) == (whole.mode, whole.alpha is None)


def test_an_animation_is_kept_where_it_is_sound() -> None:
    out = io.BytesIO()
    others = [Image.fromarray(chart_pixels(96, 72, n)) for n in (2, 3)]
    PICTURE.save(out, "PNG", save_all=True, append_images=others, duration=50)
    data = out.getvalue()
    content = opened(data[:33] + bomb(b"zTXt", b"A\0\0") + data[33:], SMALL.limits)
    assert [p.index for p in content.frames()] == [0, 1, 2]


def test_what_is_cut_short_stays_so_and_metadata_is_not_blamed(examine: Callable[..., list[Finding]]) -> None:
    whole = png(chunk(b"tEXt", b"Comment\0neutral"))
    found = examine(whole[: len(whole) * 2 // 3])
    (opens,) = (f for f in found if f.kind == finding.PICTURE)
    assert opens.payload["truncated"] is True
    assert ["cut short" in f.statement for f in failures(found)] == [True]
    found = examine(whole[:60])
    assert [f.kind for f in found if f.kind in (finding.PICTURE, finding.PDQ)] == []
    assert failures(found)


def test_sound_files_are_decoded_once_and_nothing_is_left_out() -> None:
    for data in (png(chunk(b"tEXt", b"Comment\0neutral")), jpeg(), tiff(0x010F, 2, 4, 8), webp(flags=0)):
        content = opened(data)
        content.picture()
        assert content.memo("identify.preview.left_out", tuple) == ()


def test_less_and_less_is_left() -> None:
    data = jpeg(segment(0xE1, b"Exif\0\0" + exif()), segment(0xED, RESOURCE), segment(0xFE, b"neutral"))
    first, second = bare(data, "image/jpeg")
    assert (first.left_out, second.left_out) == (("APP13", "COM"), ("APP13", "COM", "EXIF"))
    assert len(second.data) < len(first.data) < len(data)
    assert list(bare(saved(PICTURE, "GIF"), "image/gif")) == []
    assert list(bare(jpeg(), "image/jpeg")) == []


def test_what_counts_as_too_much() -> None:
    assert excessive(PNG_BOMBS["zTXt"](), 1 << 16, 1 << 20)
    assert not excessive(PNG_BOMBS["zTXt"](), 1 << 18, 1 << 20)
    assert excessive(PNG_BOMBS["many texts"](), 1 << 16, 1 << 20)
    assert not excessive(PNG_BOMBS["many texts"](), 1 << 16, 1 << 21)
    assert not excessive(png(chunk(b"zTXt", b"A\0\0no stream"), chunk(b"iTXt", b"")), 10, 100)


FILES = {
    "image/png": png(chunk(b"eXIf", exif()), chunk(b"tEXt", b"A\0b"), after=chunk(b"zTXt", b"A\0\0b")),
    "image/jpeg": jpeg(segment(0xE1, b"Exif\0\0" + exif()), segment(0xED, RESOURCE)),
    "image/webp": webp(riff(b"EXIF", exif()), riff(b"XMP ", b"<x/>"), flags=0x0C),
    "image/tiff": tiff(0x010F, 2, 4, 8),
}


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_bytes_are_walked_to_their_end(media_type: str, drawn: st.DataObject) -> None:
    data = bytearray(FILES[media_type])
    head = min(len(data), 700)
    for _ in range(drawn.draw(st.integers(0, 6))):
        data[drawn.draw(st.integers(2, head - 1))] = drawn.draw(st.sampled_from((0, 1, 8, 127, 128, 255)))
    cut = bytes(data[: drawn.draw(st.integers(0, len(data)))] if drawn.draw(st.booleans()) else data)
    for less in bare(cut, media_type):
        assert len(less.data) <= len(cut) + 12
        assert less.left_out == tuple(sorted(set(less.left_out)))
        assert all(name.isascii() and name.isprintable() and name for name in less.left_out)
    excessive(cut, 1 << 16, 1 << 20)
