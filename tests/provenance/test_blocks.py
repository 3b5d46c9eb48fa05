"""Blocks of every container, built here byte by byte, and hostile bytes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.chart import chart_pixels, chunk, png
from leadlight.config import Limits
from leadlight.content import content_of
from leadlight.errors import LimitReached
from leadlight.provenance import specimen
from leadlight.provenance.blocks import Blocks, find_blocks, read_blocks
from leadlight.provenance.tiff import read_tiff

LIMIT = 1024 * 1024
EXIF = specimen.exif_block({0x010F: "Example"})
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments: bytes) -> bytes:
    plain = specimen.jpeg(width=16, height=16)
    return plain[:2] + b"".join(segments) + plain[2:]


def irb(number: int, body: bytes, name: bytes = b"") -> bytes:
    head = b"8BIM" + struct.pack(">H", number) + bytes((len(name),)) + name + b"\0" * ((len(name) + 1) % 2)
    return head + struct.pack(">I", len(body)) + body + b"\0" * (len(body) % 2)


def png_with(*chunks: bytes) -> bytes:
    return png(chart_pixels(8, 8), extra=b"".join(chunks))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(k + struct.pack("<I", len(v)) + v + b"\0" * (len(v) % 2) for k, v in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def heic(exif: bytes, xmp: bytes, *, stated: int | None = None) -> bytes:
    """A HEIC of metadata only: items 1 (Exif) and 2 (mime) lie in the file after the meta box."""
    infos = box(b"infe", b"\x02\0\0\0" + struct.pack(">HH", 1, 0) + b"Exif\0")
    infos += box(b"infe", b"\x02\0\0\0" + struct.pack(">HH", 2, 0) + b"mime\0application/rdf+xml\0")
    item = b"\0\0\0\x06Exif\0\0" + exif

    def meta(at: int) -> bytes:
        places = b"".join(
            struct.pack(">HHHII", number, 0, 1, offset, length)
            for number, offset, length in (
                (1, at, len(item) if stated is None else stated),
                (2, at + len(item), len(xmp)),
            )
        )
        iloc = box(b"iloc", b"\0\0\0\0" + b"\x44\0" + struct.pack(">H", 2) + places)
        return box(b"meta", b"\0\0\0\0" + box(b"iinf", b"\0\0\0\0" + struct.pack(">H", 2) + infos) + iloc)

    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    at = len(head) + len(meta(0)) + 8
    return head + meta(at) + box(b"mdat", item + xmp)


def test_jpeg_holds_all_kinds() -> None:
    guid = b"0123456789ABCDEF0123456789ABCDEF"
    long = b"<part one>" + b"x" * 500 + b"<part two>"
    more = b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">I", len(long))
    data = jpeg_with(
        segment(0xFE, b"drawn by arithmetic"),
        segment(0xE1, b"Exif\0\0" + EXIF),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        segment(0xE1, more + struct.pack(">I", 300) + long[300:]),
        segment(0xE1, more + struct.pack(">I", 0) + long[:300]),
        segment(0xED, b"Photoshop 3.0\0" + irb(0x03ED, b"123", b"odd") + irb(0x0404, b"\x1c\x02\x05\0\x01x")[:20]),
        segment(0xED, b"Photoshop 3.0\0" + irb(0x0404, b"\x1c\x02\x05\0\x01x")[20:] + irb(0x0425, b"m" * 16)),
    )
    blocks = find_blocks(data, LIMIT)
    assert blocks.exif == EXIF
    assert blocks.xmp == (XMP, long)
    assert blocks.texts == (("Comment", "drawn by arithmetic"),)
    assert blocks.iptc == b"\x1c\x02\x05\0\x01x"
    assert blocks.iptc_digest == b"m" * 16
    assert not blocks.notes


def test_second_exif_is_noted_and_the_first_kept() -> None:
    other = specimen.exif_block({0x010F: "Other"})
    blocks = find_blocks(jpeg_with(*(segment(0xE1, b"Exif\0\0" + e) for e in (EXIF, other))), LIMIT)
    assert blocks.exif == EXIF
    assert "second" in blocks.notes[0]


def test_incomplete_extended_xmp_is_noted() -> None:
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", 900, 400)
    assert "incomplete" in find_blocks(jpeg_with(segment(0xE1, head + b"rest")), LIMIT).notes[0]


def test_png_texts_in_all_their_forms() -> None:
    data = png_with(
        chunk(b"tEXt", b"parameters\0caf\xc3\xa9"),
        chunk(b"tEXt", b"Title\0caf\xe9"),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"packed")),
        chunk(b"iTXt", "Word\0\0\0de\0Wort\0größer".encode()),
        chunk(b"iTXt", b"Word2\0\1\0\0\0" + zlib.compress("größer".encode())),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"eXIf", EXIF),
    )
    blocks = find_blocks(data, LIMIT)
    assert blocks.texts == (
        ("parameters", "café"),
        ("Title", "café"),
        ("Comment", "packed"),
        ("Word", "größer"),
        ("Word2", "größer"),
    )
    assert (blocks.exif, blocks.xmp, blocks.notes) == (EXIF, (XMP,), ())


def test_png_raw_profiles() -> None:
    raw = b"Exif\0\0" + EXIF
    text = f"\nexif\n{len(raw):8}\n{raw.hex()}\n".encode()
    data = png_with(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    assert find_blocks(data, LIMIT).exif == EXIF


def test_an_inflated_bomb_is_noted_and_not_kept() -> None:
    data = png_with(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 3_000_000)))
    blocks = find_blocks(data, LIMIT)
    assert blocks.texts == ()
    assert "more than" in blocks.notes[0]


@pytest.mark.parametrize("exif", [EXIF, b"Exif\0\0" + EXIF])
def test_webp(exif: bytes) -> None:
    blocks = find_blocks(riff((b"VP8X", b"\0" * 10), (b"EXIF", exif), (b"XMP ", XMP)), LIMIT)
    assert (blocks.exif, blocks.xmp) == (EXIF, (XMP,))


def test_gif_comment_and_xmp() -> None:
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    data = (
        b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0" * 6
        + b"\x21\xfe\x05hello\x06 world\0"
        + b"\x21\xff\x0bXMP DataXMP" + XMP + trailer
        + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
        + b"\x3b"
    )  # fmt: skip
    blocks = find_blocks(data, LIMIT)
    assert blocks.texts == (("Comment", "hello world"),)
    assert blocks.xmp == (XMP,)
    assert not blocks.notes


def test_tiff_is_its_own_exif() -> None:
    data = specimen.exif_block({0x010F: "Example", 700: XMP, 33723: b"\x1c\x02\x05\0\x01x"})
    blocks = find_blocks(data, LIMIT)
    assert (blocks.exif, blocks.xmp, blocks.iptc) == (data, (XMP,), b"\x1c\x02\x05\0\x01x")


def test_heic_items() -> None:
    blocks = find_blocks(heic(EXIF, XMP), LIMIT)
    assert (blocks.exif, blocks.xmp, blocks.notes) == (EXIF, (XMP,), ())


def test_heic_item_stated_beyond_the_file_is_read_as_far_as_it_goes() -> None:
    blocks = find_blocks(heic(EXIF, XMP, stated=0xFFFFF), LIMIT)
    assert blocks.exif is not None
    assert blocks.exif.startswith(EXIF)
    assert "outside" in blocks.notes[0]
    assert find_blocks(heic(EXIF, XMP, stated=0x7FFFFFF0), 32).exif is None


def test_jpeg_xl_boxes() -> None:
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    blocks = find_blocks(
        head + box(b"Exif", b"\0\0\0\0" + EXIF) + box(b"xml ", XMP) + box(b"brob", b"xml zz"), LIMIT
    )
    assert (blocks.exif, blocks.xmp) == (EXIF, (XMP,))
    assert "Brotli" in blocks.notes[0]


def test_a_block_over_the_limit_is_noted() -> None:
    blocks = find_blocks(png_with(chunk(b"tEXt", b"long\0" + b"x" * 5000)), 1000)
    assert blocks.texts == ()
    assert "over the limit" in blocks.notes[0]


def test_read_once_for_each_content() -> None:
    content = content_of(jpeg_with(), {"sha256": hashlib.sha256()})
    assert read_blocks(content) is read_blocks(content)


def test_content_too_large_for_memory_raises_limit_reached(tmp_path: Path) -> None:
    import io

    from leadlight.content import Content

    data = jpeg_with()
    content = Content.read(
        io.BytesIO(data),
        hashers={"sha256": hashlib.sha256()},
        limits=Limits(memory_bytes=10),
        reopen=lambda: io.BytesIO(data),
    )
    with pytest.raises(LimitReached):
        read_blocks(content)


SEEDS = [
    jpeg_with(
        segment(0xE1, b"Exif\0\0" + EXIF), segment(0xED, b"Photoshop 3.0\0" + irb(0x0404, b"\x1c\x02\x05\0\x01x"))
    ),
    png_with(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"packed")), chunk(b"eXIf", EXIF)),
    riff((b"EXIF", EXIF), (b"XMP ", XMP)),
    heic(EXIF, XMP),
    specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS, thumbnail=b"\xff\xd8\xff\xd9"),
    b"GIF89a" + bytes(7) + b"\x21\xfe\x05hello\0\x3b",
]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=30),
    st.integers(0, 10_000),
)
def test_damaged_bytes_never_raise(seed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(seed)
    for at, value in changes:
        data[at % len(data)] = value
    blocks = find_blocks(bytes(data[: max(1, len(data) - cut % len(data))]), 4096)
    assert isinstance(blocks, Blocks)
    assert sum(len(x) for x in blocks.xmp) <= 4 * 4096
    if blocks.exif is not None and (tiff := read_tiff(blocks.exif)) is not None:
        for directory in (tiff.main, tiff.thumbnail, tiff.exif, tiff.gps):
            for field in directory.values():
                field.number()
                field.text()


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"MM\0+", b"\0\0\0\x18ftypheic"]),
    st.binary(max_size=600),
)
def test_random_bytes_never_raise(magic: bytes, rest: bytes) -> None:
    find_blocks(magic + rest, 4096)


def test_public_files(public_files: Path) -> None:
    own = public_files / "formats" / "own-fixtures"
    texts = dict(find_blocks((own / "comfyui.png").read_bytes(), LIMIT).texts)
    assert texts.keys() == {"prompt", "workflow"}
    assert find_blocks((own / "a1111_usercomment.jpg").read_bytes(), LIMIT).exif is not None
    assert len(find_blocks((own / "aigc_tc260_xmp.png").read_bytes(), LIMIT).xmp) == 1
    for name in ("plain.jpg", "plain.png"):
        assert find_blocks((own / name).read_bytes(), LIMIT) == Blocks()
