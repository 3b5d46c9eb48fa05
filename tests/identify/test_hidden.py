"""What can be hidden in, behind or under other bytes, and what must be said of it."""

from __future__ import annotations

import base64
import io
import random
import sqlite3
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels, chart_png, chunk
from leadlight.content import FileType
from leadlight.identify import carving, ending
from leadlight.identify.filetype import PLUGIN
from leadlight.identify.largest import largest
from leadlight.records import Item, Place
from leadlight.seams import Known
from tests.identify.formats import opened, picture, saved

ITEM = Item(Place(b"/evidence", (b"x",)), source="test")


def payload(data: bytes) -> dict[str, object]:
    (found,) = PLUGIN.analyse(ITEM, opened(data), Known())
    assert found.statement.isprintable()
    return dict(found.payload)


def drawn(width: int = 96, height: int = 64, format_: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(width, height, 4)).save(out, format_, **options)
    return out.getvalue()


HIDDEN = drawn()
CODED = base64.encodebytes(HIDDEN)


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "x.db") as store:
        store.execute("create table thing (data blob)")
        store.execute("insert into thing values (?)", (HIDDEN,))
    store.close()
    return (folder / "x.db").read_bytes()


MAIL = (
    b"Received: from a.example by b.example; Mon, 1 Jan 2024 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n"
)
CARRIED = {
    "mail": (MAIL + CODED, "document", "image/jpeg"),
    "mailbox": (b"From a@b.example Mon Jan  1 10:00:00 2024\n" + MAIL + CODED, "document", "image/jpeg"),
    "page": (b"<!DOCTYPE html><img src='data:image/png;base64,xx'>", "text", "image/png"),
    "thumbnail store": (b"CMMM \0\0\0" + bytes(range(256)) + HIDDEN, "unknown", "image/jpeg"),
    "MZ": (b"MZ" + HIDDEN, "unknown", "image/jpeg"),
    "one zero": (b"\0" + HIDDEN, "unknown", "image/jpeg"),
    "after spaces": (b" " * 8192 + HIDDEN, "unknown", "image/jpeg"),
    "base64": (CODED, "text", "image/jpeg"),
    "base64 png": (base64.b64encode(chart_png(64, 48)), "text", "image/png"),
    "base64 gif": (base64.b64encode(drawn(format_="GIF")), "text", "image/gif"),
    "base64 webp": (base64.b64encode(drawn(format_="WEBP")), "text", "image/webp"),
    "png": (b"\0\0" + chart_png(64, 48), "unknown", "image/png"),
    "gif": (b"\0\0" + drawn(format_="GIF"), "unknown", "image/gif"),
    "webp": (b"\0\0" + drawn(format_="WEBP"), "unknown", "image/webp"),
    "avif": (b"\0\0" + drawn(format_="AVIF"), "unknown", "image/avif"),
    "program": (b"\x7fELF\2\1\1" + bytes(3000) + HIDDEN, "program", "image/jpeg"),
    "end of much": (bytes(range(256)) * 40_000 + HIDDEN, "unknown", "image/jpeg"),
}


@pytest.mark.parametrize("name", CARRIED)
def test_what_is_no_media_says_what_it_carries(name: str) -> None:
    data, family, media = CARRIED[name]
    found = payload(data)
    assert found["family"] == family
    assert media in found["carries"]  # type: ignore[operator]


def test_a_database_says_what_it_carries(tmp_path: Path) -> None:
    assert payload(database(tmp_path))["carries"] == ["image/jpeg"]


@pytest.mark.parametrize("data", [b"A plain line.\n" * 2000, bytes(5000), b"\x7fELF" + bytes(900), b"{\\rtf1 x}"])
def test_what_carries_nothing_says_so(data: bytes) -> None:
    assert payload(data)["carries"] == []


def test_random_bytes_carry_next_to_nothing() -> None:
    data = random.Random(5).randbytes(8 << 20)
    began = time.monotonic()
    found = payload(data)
    assert time.monotonic() - began < 3
    assert len(found["carries"]) <= 1  # type: ignore[arg-type]
    assert found["high_entropy"] is True
    assert "high_entropy" not in payload(bytes(range(128, 256)) * 600)
    assert "high_entropy" not in payload(random.Random(5).randbytes(60_000))


def test_text_is_text_to_its_end() -> None:
    noise = bytes(range(256)) * 40
    line = "A plain line, größer als 8 KiB.\n".encode()
    assert payload(line * 5000)["family"] == "text"
    assert payload((line * 5000).decode().encode("utf-16"))["family"] == "text"
    assert payload((line * 5000).decode().encode("cp1252"))["family"] == "text"
    assert payload(line * 5000 + b"\x1a" + bytes(100))["family"] == "text"
    for parts in ((5000, 0), (2500, 2500)):
        assert payload(line * parts[0] + noise * 10 + line * parts[1])["family"] == "unknown"


def test_a_letter_cut_by_a_sample_is_no_harm() -> None:
    for shift in range(5):
        assert payload(b"x" * (9000 + shift) + "€ß𐍈".encode() * 9000)["family"] == "text"
        assert payload(("x" * (9000 + shift) + "€𐍈" * 9000).encode("utf-16"))["family"] == "text"


AFTER = {
    **{form: drawn(format_=form) for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF")},
    "progressive": drawn(progressive=True),
}


@pytest.mark.parametrize("form", AFTER)
def test_bytes_after_the_end_are_counted_and_looked_through(form: str) -> None:
    whole = AFTER[form]
    assert payload(whole)["extra_bytes"] == 0
    assert "also" not in payload(whole)
    assert payload(whole + bytes(5000))["extra_bytes"] == 0
    for hidden, media in (
        (HIDDEN, "image/jpeg"),
        (chart_png(64, 48), "image/png"),
        (b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
    ):
        more = box(b"free", hidden + b"x" * 2000) if form == "AVIF" else hidden
        found = payload(whole + more)
        assert found["extra_bytes"] in (len(more), len(more) - 8)
        assert media in found["also"]  # type: ignore[operator]


def test_large_metadata_is_looked_through() -> None:
    jpeg = HIDDEN[:2] + b"\xff\xfe" + struct.pack(">H", len(HIDDEN) + 2) + HIDDEN + HIDDEN[2:]
    assert payload(jpeg)["also"] == ["image/jpeg"]
    png = chart_png(64, 48)
    assert payload(png[:33] + chunk(b"prVt", HIDDEN) + png[33:])["also"] == ["image/jpeg"]


def test_the_pictures_of_an_mpf_index_belong() -> None:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(96, 64)).save(
        out, "MPO", save_all=True, append_images=[Image.fromarray(chart_pixels(320, 240))]
    )
    found = opened(out.getvalue())
    assert ending.ends_of(found).extra == 0
    assert largest(found, (96, 64)) == (320, 240)
    assert payload(out.getvalue() + b"x" * 100)["extra_bytes"] == 100


def later(format_: str) -> bytes:
    out = io.BytesIO()
    small, large = Image.fromarray(chart_pixels(8, 8)), Image.fromarray(chart_pixels(320, 240))
    if format_ == "ICO":
        Image.fromarray(chart_pixels(256, 256)).save(out, "ICO", sizes=[(16, 16)])
        data = bytearray(out.getvalue())
        png = chart_png(320, 240)
        data[14:18] = len(png).to_bytes(4, "little")
        return bytes(data[:22]) + png
    small.save(out, format_, save_all=True, append_images=[large])
    return out.getvalue()


def with_thumbnail() -> bytes:
    body = b"Exif\0\0" + drawn(320, 240)
    small = drawn(8, 8)
    return small[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + small[2:]


def sub_page() -> bytes:
    """A TIFF whose SubIFD states a larger picture."""
    data = drawn(8, 8, "TIFF")
    at = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[at : at + 2], "little")
    entries = data[at + 2 : at + 2 + 12 * count] + struct.pack("<2H2I", 330, 4, 1, len(data) + 2 + 12 * count + 16)
    page = struct.pack("<H", count + 1) + entries + bytes(4)
    sub = struct.pack("<H2H2I2H2I", 2, 256, 4, 1, 320, 257, 4, 1, 240) + bytes(4)
    return data[:4] + len(data).to_bytes(4, "little") + data[8:] + page.ljust(len(page)) + sub


@pytest.mark.parametrize(
    "data",
    [later("TIFF"), later("ICO"), with_thumbnail(), saved(picture(), "GIF")[:6] + b"\x40\1\xf0\0"],
    ids=["tiff", "ico", "thumbnail", "gif"],
)
def test_the_largest_picture_is_stated(data: bytes) -> None:
    assert largest(opened(data), (8, 8)) == (320, 240)


def test_the_largest_sub_page_is_stated() -> None:
    data = sub_page()
    at = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[at : at + 2], "little")
    sub = at + 2 + 12 * count + 4
    fixed = bytearray(data)
    fixed[sub - 4 - 4 : sub - 4] = sub.to_bytes(4, "little")
    assert largest(opened(bytes(fixed)), (8, 8)) == (320, 240)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        [b"", b"II*\0", b"MM\0+", b"GIF89a", b"\0\0\1\0", b"8BPS", b"\0\0\0\x20ftypheic", b"BM", b"RIFF"]
    ),
    st.binary(max_size=400),
    st.sampled_from(["jpeg", "png", "gif", "webp", "bmp", "avif"]),
)
def test_no_bytes_make_them_raise(head: bytes, rest: bytes, kind: str) -> None:
    content = opened(head + rest)
    assert largest(content, (7, 5))[0] > 0
    content.filetype = FileType(f"image/{kind}", "picture", "")
    assert 0 <= ending.ends_of(content).extra <= content.size
    carving.signatures(head + rest)


RARER = {
    "cab": (b"MSCF\0\0\0\0" + bytes(60), "archive"),
    "lzh": (b"\x22\x10-lh5-" + bytes(13) + b"\1" + bytes(30), "archive"),
    "arj": (b"\x60\xea\x2a\0\x22\x0b\1\x0b\x10\0\2" + bytes(60), "archive"),
    "cpio": (b"070701" + b"0" * 104 + b"x", "archive"),
    "ar": (b"!<arch>\nfile/", "archive"),
    "lz4": (b"\x04\x22\x4d\x18\x64" + bytes(40), "archive"),
    "lzip": (b"LZIP\x01\x0c" + bytes(40), "archive"),
    "compress": (b"\x1f\x9d\x90" + b"abcdefghijklmnopq\xff", "archive"),
    "ace": (b"\x11\x22\x31\0\0\0\x90**ACE**" + bytes(30), "archive"),
    "xar": (b"xar!\0\x1c\0\1" + bytes(30), "archive"),
    "wim": (b"MSWIM\0\0\0" + bytes(80), "archive"),
    "dmg": (bytes(2000) + b"koly" + bytes(508), "disk"),
    "openssl": (b"Salted__" + bytes(range(200)), "archive"),
    "pgp armoured": (b"-----BEGIN PGP MESSAGE-----\n\nxxxx\n", "archive"),
    "pgp": (b"\x85\1\x0c\3" + bytes(range(8)) + b"\1\x08" + bytes(range(200)), "archive"),
    "pgp passphrase": (b"\x8c\x0d\4\x09\3\x08" + bytes(range(100, 200)), "archive"),
    "age": (b"age-encryption.org/v1\n-> X25519 x\n", "archive"),
    "axcrypt": (bytes.fromhex("c0b9072e4f93f146a015792ca1d9e821") + bytes(40), "archive"),
    "dicom": (bytes(128) + b"DICM" + bytes(60), "picture"),
    "tga": (bytes(400) + bytes(8) + b"TRUEVISION-XFILE.\0", "picture"),
    "pcx": (drawn(format_="PCX"), "picture"),
    "sgi": (drawn(format_="SGI"), "picture"),
    "dds": (b"DDS \x7c\0\0\0" + bytes(120), "picture"),
    "icns": (b"icns\0\0\1\0ic07\0\0\0\x08" + bytes(40), "picture"),
    "exr": (b"\x76\x2f\x31\x01\2\0\0\0channels\0", "picture"),
    "qoi": (b"qoif\0\0\0\x08\0\0\0\x08\3\0" + bytes(40), "picture"),
    "ppm": (drawn(format_="PPM"), "picture"),
    "plain pgm": (b"P2\n# drawn\n2 2\n255\n0 1 2 3\n", "picture"),
    "psp": (b"Paint Shop Pro Image File\n\x1a\0\0\0\0\0" + bytes(40), "picture"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "picture"),
    "mxf": (bytes.fromhex("060e2b34020501010d010201010204") + bytes(60), "video"),
    "h264": (b"\0\0\0\1\x67\x64\0\x1f\xac\xd9" + bytes(60), "video"),
    "h265": (b"\0\0\0\1\x40\1\x0c\1\xff\xff" + bytes(60), "video"),
    "swf": (b"CWS\x0a\0\4\0\0" + bytes(range(90)), "video"),
    "eml": (MAIL + b"text\r\n", "document"),
}


@pytest.mark.parametrize("name", RARER)
def test_what_nothing_here_opens_is_told_by_family(name: str) -> None:
    data, family = RARER[name]
    found = payload(data)
    assert found["family"] == family
    if name.startswith(("openssl", "pgp", "age", "axcrypt")):
        assert found["label"] == "encrypted file"


@pytest.mark.parametrize(
    "text", [b"Date: today\nnothing\n", b"From here on it is text.\n", b"P1 is a name.\n", b"FWS\n"]
)
def test_words_alone_are_text(text: bytes) -> None:
    assert payload(text)["family"] == "text"
