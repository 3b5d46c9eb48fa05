"""What a media file carries besides pixels: EXIF, XMP, IPTC and texts, found in its bytes.

Several analysers read these blocks; they are found once for each content. Nothing is judged here. Containers:
JPEG, PNG (third edition), WebP, GIF89a, TIFF and what is built on it (DNG and other raws), HEIC, AVIF, JPEG XL.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from leadlight.content import Content
from leadlight.provenance import bmff, jpeg, riff
from leadlight.provenance.tiff import decode, read_tiff

MAX_CHUNKS: Final = 200_000
MAX_TEXTS: Final = 512
"""Text entries kept of one file."""

_EXIF: Final = b"Exif\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_MORE: Final = b"http://ns.adobe.com/xmp/extension/\0"
_IRB: Final = b"Photoshop 3.0\0"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_GIF_TRAILER: Final = b"\x01\xff\xfe\xfd\xfc"
"""Bytes from 255 down to 0 follow an XMP packet in GIF, so that readers of sub-blocks find its end."""
_JXL: Final = b"\x00\x00\x00\x0cJXL \r\n\x87\n"


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks of one content, as raw as they lie there."""

    exif: bytes | None = None
    """TIFF-structured EXIF, without 'Exif' and its NULs; the whole file where that is TIFF."""
    xmp: tuple[bytes, ...] = ()
    """XMP packets, extended XMP joined and last."""
    iptc: bytes | None = None
    """IPTC IIM records (Photoshop image resource 0x0404, TIFF tag 33723)."""
    texts: tuple[tuple[str, str], ...] = ()
    """PNG texts as (keyword, text); comments of JPEG and GIF as ('Comment', text)."""
    notes: tuple[str, ...] = ()
    """Limits that were hit and damage that was met, in plain words."""
    iptc_digest: bytes | None = None
    """MD5 of the IPTC records as the program that wrote them last stated it (image resource 0x0425)."""


@dataclass(slots=True)
class _Found:
    """Collects blocks under the limits."""

    limit: int
    exif: bytes | None = None
    xmp: list[bytes] = field(default_factory=list)
    iptc: bytes | None = None
    texts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    digest: bytes | None = None
    left: int = 0

    def __post_init__(self) -> None:
        self.left = 4 * self.limit

    def note(self, text: str) -> None:
        if text not in self.notes and len(self.notes) < 32:
            self.notes.append(text)

    def fits(self, value: bytes, what: str) -> bool:
        if len(value) > self.limit or len(value) > self.left:
            self.note(f"{what} of {len(value)} bytes is over the limit and was not read")
            return False
        self.left -= len(value)
        return True

    def take_exif(self, value: bytes) -> None:
        if value[:4] == b"Exif":
            value = value[4:].lstrip(b"\0")
        if value and self.exif is not None:
            if value != self.exif:
                self.note("a second, different EXIF block was not read")
        elif value and self.fits(value, "an EXIF block"):
            self.exif = value

    def take_xmp(self, value: bytes) -> None:
        if value.strip(b"\0 \r\n\t") and self.fits(value, "an XMP packet"):
            self.xmp.append(value)

    def take_text(self, keyword: str, text: str) -> None:
        if len(self.texts) >= MAX_TEXTS:
            self.note("more text entries than are read")
        else:
            self.texts.append((keyword, text))

    def take_irb(self, value: bytes) -> None:
        """Photoshop image resources: '8BIM', number, padded name, length, padded content."""
        at = 0
        for _ in range(MAX_CHUNKS):
            if value[at : at + 4] not in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR") or at + 12 > len(value):
                return
            number = int.from_bytes(value[at + 4 : at + 6], "big")
            name = value[at + 6] + 1
            at += 6 + name + name % 2
            length = int.from_bytes(value[at : at + 4], "big")
            body = value[at + 4 : at + 4 + length]
            if len(body) < length:
                self.note("a Photoshop resource is cut short")
            if number == 0x0404 and self.iptc is None and body and self.fits(body, "an IPTC block"):
                self.iptc = body
            elif number == 0x0425 and len(body) == 16:
                self.digest = body
            at += 4 + length + length % 2

    def blocks(self) -> Blocks:
        return Blocks(
            exif=self.exif,
            xmp=tuple(self.xmp),
            iptc=self.iptc,
            texts=tuple(self.texts),
            notes=tuple(self.notes),
            iptc_digest=self.digest,
        )


def read_blocks(content: Content) -> Blocks:
    """The blocks of `content`, found once; empty for a format that has none or is not known.

    Raises LimitReached where the content is larger than ``limits.memory_bytes``, and nothing else.
    """
    return content.memo("provenance.blocks", lambda: find_blocks(content.data(), content.limits.metadata_bytes))


def find_blocks(data: bytes, limit: int) -> Blocks:
    """The blocks in `data`; `limit` bytes at most for one of them, four times that for all."""
    found = _Found(limit)
    reader = _reader(data)
    if reader is not None:
        reader(data, found)
    return found.blocks()


def _reader(data: bytes) -> Callable[[bytes, _Found], None] | None:
    if data[:3] == b"\xff\xd8\xff":
        return _from_jpeg
    if data[:8] == _PNG:
        return _from_png
    if riff.is_webp(data):
        return _from_webp
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _from_gif
    if data[4:8] == b"ftyp" or data[:12] == _JXL:
        return _from_bmff
    if data[:15] == b"FUJIFILMCCD-RAW":
        return _from_raf
    return _from_tiff if data[:2] in (b"II", b"MM") else None


def _from_jpeg(data: bytes, found: _Found) -> None:
    extended: dict[bytes, list[tuple[int, bytes]]] = {}
    resources: list[bytes] = []
    last = None
    for segment in jpeg.segments(data):
        last = segment.marker
        if last not in (jpeg.APP1, jpeg.APP13, jpeg.COM):
            continue
        body = data[segment.start : segment.end]
        if last == jpeg.COM:
            if found.fits(body, "a comment"):
                found.take_text("Comment", decode(body.rstrip(b"\0")))
        elif last == jpeg.APP13 and body.startswith(_IRB):
            resources.append(body[len(_IRB) :])
        elif body.startswith(_EXIF):
            found.take_exif(body)
        elif body.startswith(_XMP):
            found.take_xmp(body[len(_XMP) :])
        elif body.startswith(_XMP_MORE) and len(body) >= len(_XMP_MORE) + 40:
            guid, rest = body[len(_XMP_MORE) :][:32], body[len(_XMP_MORE) + 32 :]
            extended.setdefault(guid, []).append((int.from_bytes(rest[4:8], "big"), rest[8:]))
    if last != jpeg.SOS:
        found.note("the JPEG headers break off before the picture begins")
    for parts in extended.values():
        joined = bytearray()
        for offset, part in sorted(parts, key=lambda p: p[0]):
            if offset != len(joined):
                found.note("extended XMP is incomplete")
                break
            joined += part
        found.take_xmp(bytes(joined))
    found.take_irb(b"".join(resources))


def _png_chunks(data: bytes, found: _Found) -> Iterator[tuple[bytes, bytes]]:
    """Types and contents of the chunks that matter; pixel data is stepped over."""
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            break
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind == b"IEND":
            return
        if at + 12 + length > len(data):
            break
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length
    found.note("the PNG chunks break off before the end")


def _from_png(data: bytes, found: _Found) -> None:
    for kind, body in _png_chunks(data, found):
        if kind == b"eXIf":
            found.take_exif(body)
            continue
        name, _, rest = body.partition(b"\0")
        if len(name) > 79:
            found.note("a PNG keyword is longer than the standard allows")
            name = name[:79]
        keyword = name.decode("latin-1")
        if kind == b"zTXt":
            value = _inflated(rest[1:], found)
        elif kind == b"iTXt":
            packed = rest[:1] == b"\1"
            _, _, rest = rest[2:].partition(b"\0")
            _, _, rest = rest.partition(b"\0")
            value = _inflated(rest, found) if packed else rest
        else:
            value = rest
        if value is None or not found.fits(value, "a text chunk"):
            continue
        if keyword == "XML:com.adobe.xmp":
            found.left += len(value)
            found.take_xmp(value)
        elif keyword.startswith("Raw profile type "):
            _take_profile(keyword.removeprefix("Raw profile type ").lower(), value, found)
        else:
            found.take_text(keyword, value.decode("utf-8", "replace") if kind == b"iTXt" else decode(value))


def _inflated(packed: bytes, found: _Found) -> bytes | None:
    """Inflated text, never more than the limit; what came out before a fault is kept."""
    stream = zlib.decompressobj()
    try:
        value = stream.decompress(packed, found.limit + 1)
    except zlib.error:
        found.note("a packed text chunk is broken and was not read")
        return None
    if len(value) > found.limit:
        found.note(f"a packed text chunk holds more than {found.limit} bytes and was not read")
        return None
    if not stream.eof:
        found.note("a packed text chunk is cut short")
    return value


def _take_profile(kind: str, value: bytes, found: _Found) -> None:
    """ImageMagick's way to keep profiles in PNG: a name, a length and hexadecimal digits."""
    parts = value.split(None, 2)
    try:
        raw = bytes.fromhex(parts[2].decode("ascii")) if len(parts) == 3 else b""
    except (ValueError, UnicodeDecodeError):
        found.note("a raw profile is not hexadecimal and was not read")
        return
    if kind in ("exif", "app1") and raw.startswith(_EXIF):
        found.take_exif(raw)
    elif kind == "xmp" or (kind == "app1" and raw.startswith(_XMP)):
        found.take_xmp(raw.removeprefix(_XMP))
    elif kind == "iptc":
        found.take_irb(raw)


def _from_webp(data: bytes, found: _Found) -> None:
    for kind, start, end in riff.chunks(data, riff.FIRST, len(data), most=MAX_CHUNKS):
        if end > len(data):
            found.note("the WebP chunks break off before the end")
        if kind == b"EXIF":
            found.take_exif(data[start:end])
        elif kind == b"XMP ":
            found.take_xmp(data[start:end])


def _sub_blocks(data: bytes, at: int) -> int:
    """Where the GIF sub-blocks that begin at `at` end, terminator included."""
    while at < len(data) and data[at]:
        at += data[at] + 1
    return min(at + 1, len(data))


def _from_gif(data: bytes, found: _Found) -> None:
    flags = data[10] if len(data) > 12 else 0
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    for _ in range(MAX_CHUNKS):
        mark = data[at : at + 1]
        if mark == b"\x2c" and at + 10 < len(data):
            local = data[at + 9]
            at = _sub_blocks(data, at + 11 + (3 << (local & 7) + 1 if local & 0x80 else 0))
        elif mark == b"\x21":
            end = _sub_blocks(data, at + 2)
            if data[at + 1 : at + 2] == b"\xfe":
                raw = bytearray()
                inner = at + 2
                while inner < end and data[inner]:
                    raw += data[inner + 1 : inner + 1 + data[inner]]
                    inner += data[inner] + 1
                if found.fits(bytes(raw), "a comment"):
                    found.take_text("Comment", decode(bytes(raw).rstrip(b"\0")))
            elif data[at + 1 : at + 14] == b"\xff\x0bXMP DataXMP":
                found.take_xmp(data[at + 14 : end].partition(_GIF_TRAILER)[0])
            at = end
        else:
            break
    if data[at : at + 1] != b"\x3b":
        found.note("the GIF blocks break off before the end")


def _from_bmff(data: bytes, found: _Found) -> None:
    held = bmff.read_bmff(data, found.limit)
    for exif in held.exif:
        found.take_exif(exif)
    for xmp in held.xmp:
        found.take_xmp(xmp)
    for note in held.notes:
        found.note(note)


def _from_raf(data: bytes, found: _Found) -> None:
    start, length = int.from_bytes(data[84:88], "big"), int.from_bytes(data[88:92], "big")
    if data[start : start + 3] == b"\xff\xd8\xff":
        _from_jpeg(data[start : start + length], found)


def _from_tiff(data: bytes, found: _Found) -> None:
    tiff = read_tiff(data)
    if tiff is None:
        return
    found.exif = data
    for note in tiff.damage:
        found.note(note)
    if (xmp := tiff.main.get(700)) is not None:
        found.take_xmp(xmp.raw(found.limit + 1))
    if (iptc := tiff.main.get(33723)) is not None:
        raw = iptc.raw(found.limit + 1)
        if found.fits(raw, "an IPTC block"):
            found.iptc = raw
    if (resources := tiff.main.get(34377)) is not None:
        found.take_irb(resources.raw(found.limit + 1))
