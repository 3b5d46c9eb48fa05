"""The smallest bytes that are of each type: built, neutral, no file from elsewhere."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Iterable

import numpy as np
import zstandard
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.config import Limits
from leadlight.content import Content, content_of
from leadlight.fingerprint.digests import PLUGIN as DIGESTS
from leadlight.identify.filetype import PLUGIN as FILETYPE
from leadlight.identify.preview import PLUGIN as PREVIEW


def opened(data: bytes, limits: Limits | None = None) -> Content:
    """A content as the pipeline hands it to analysers."""
    content = content_of(data, DIGESTS.hashers(), limits)
    content.filetype = FILETYPE.identify(content)
    content.decoder = PREVIEW
    return content


def saved(image: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def picture(width: int = 40, height: int = 30, seed: int = 1, mode: str = "RGB") -> Image.Image:
    return Image.fromarray(chart_pixels(width, height, seed)).convert(mode)


def box(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(payload)) + kind + payload


def ftyp(major: bytes, *others: bytes) -> bytes:
    return box(b"ftyp", major + bytes(4) + b"".join(others)) + box(b"free", bytes(32))


def zipped(*names: str, data: bytes = b"neutral", padding: int = 0, mimetype: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, data)
        if padding:
            archive.writestr("padding.bin", np.random.default_rng(1).bytes(padding))
    return out.getvalue()


def tiff(
    tags: Iterable[tuple[int, int, int, int]], *, order: str = "<", after: bytes = b"", magic: int = 42
) -> bytes:
    """A TIFF of one directory of (tag, type, count, value as stored in four bytes)."""
    rows = sorted(tags)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", magic, 8)
    body = struct.pack(f"{order}H", len(rows))
    for tag, kind, count, value in rows:
        packed = (
            struct.pack(f"{order}HH", value, 0) if kind == 3 and count == 1 else struct.pack(f"{order}I", value)
        )
        body += struct.pack(f"{order}HHI", tag, kind, count) + packed
    return head + body + bytes(4) + after


def tarred(format_: int, name: str = "notes.txt") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        info = tarfile.TarInfo(name)
        info.size = 7
        archive.addfile(info, io.BytesIO(b"neutral"))
    return out.getvalue()


def tar_of_1979() -> bytes:
    """No 'ustar' mark: only the checksum tells."""
    block = bytearray(512)
    block[0:9] = b"notes.txt"
    block[100:107] = b"000644 "
    block[124:136] = b"00000000007 "
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"neutral".ljust(512, b"\0") + bytes(1024)


def mp3(frames: int = 4) -> bytes:
    """MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes a frame."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def aac(frames: int = 4) -> bytes:
    length = 64
    header = bytes((0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 255, (length & 7) << 5 | 0x1F, 0xFC))
    return (header + bytes(length - 7)) * frames


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE shelf (book TEXT)")
        return connection.serialize()
    finally:
        connection.close()


def jxl(container: bool = False, mode: str = "RGB", **options: object) -> bytes:
    import pillow_jxl  # noqa: F401

    return saved(picture(mode=mode), "JXL", lossless=True, use_container=container, **options)


def program() -> bytes:
    header = bytearray(128)
    header[0:10] = b"MZ\x90\0\x03\0\0\0\x04\0"
    header[60:64] = struct.pack("<I", 64)
    header[64:68] = b"PE\0\0"
    return bytes(header)


_NAMES = ("[Content_Types].xml", "_rels/.rels")

TYPES: tuple[tuple[str, bytes, str, str], ...] = (
    ("jpeg", saved(picture(), "JPEG"), "image/jpeg", "picture"),
    ("jpeg without JFIF", b"\xff\xd8\xff\xdb" + saved(picture(), "JPEG")[24:], "image/jpeg", "picture"),
    ("png", saved(picture(), "PNG"), "image/png", "picture"),
    ("gif", saved(picture(), "GIF"), "image/gif", "picture"),
    ("gif 87a", b"GIF87a" + saved(picture(), "GIF")[6:], "image/gif", "picture"),
    ("bmp", saved(picture(), "BMP"), "image/bmp", "picture"),
    ("webp", saved(picture(), "WEBP"), "image/webp", "picture"),
    ("webp lossless", saved(picture(), "WEBP", lossless=True), "image/webp", "picture"),
    ("tiff", saved(picture(), "TIFF"), "image/tiff", "picture"),
    ("tiff, big-endian", tiff([(256, 3, 1, 1)], order=">"), "image/tiff", "picture"),
    ("big tiff", saved(picture(), "TIFF", big_tiff=True), "image/tiff", "picture"),
    ("avif", saved(picture(), "AVIF"), "image/avif", "picture"),
    ("avif sequence", ftyp(b"avis", b"avif", b"msf1"), "image/avif", "picture"),
    ("avif under mif1", ftyp(b"mif1", b"avif", b"miaf"), "image/avif", "picture"),
    ("heic", ftyp(b"heic", b"mif1"), "image/heic", "picture"),
    ("heic under mif1", ftyp(b"mif1", b"heic"), "image/heic", "picture"),
    ("heif", ftyp(b"mif1", b"miaf"), "image/heif", "picture"),
    ("jxl", jxl(), "image/jxl", "picture"),
    ("jxl in boxes", jxl(container=True), "image/jxl", "picture"),
    ("jp2", saved(picture(), "JPEG2000"), "image/jp2", "picture"),
    ("j2k", saved(picture(), "JPEG2000", no_jp2=True), "image/j2c", "picture"),
    ("ico", saved(picture(), "ICO", sizes=[(16, 16)]), "image/vnd.microsoft.icon", "picture"),
    ("psd", b"8BPS\0\1" + bytes(40), "image/vnd.adobe.photoshop", "picture"),
    ("cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "image/x-canon-cr2", "picture"),
    ("cr3", ftyp(b"crx ", b"isom"), "image/x-canon-cr3", "picture"),
    (
        "nef",
        tiff([(330, 4, 1, 0), (271, 2, 6, 100)], order=">", after=b"NIKON\0" + bytes(80)),
        "image/x-nikon-nef",
        "picture",
    ),
    ("arw", tiff([(330, 4, 1, 0)], after=b"SONY\0" + bytes(80)), "image/x-sony-arw", "picture"),
    ("pef", tiff([(0xC634, 1, 4, 0)], after=b"PENTAX\0" + bytes(80)), "image/x-pentax-pef", "picture"),
    ("dng", tiff([(0xC612, 1, 4, 1)]), "image/x-adobe-dng", "picture"),
    ("raf", b"FUJIFILMCCD-RAW 0201" + bytes(80), "image/x-fuji-raf", "picture"),
    ("orf", b"IIRO\x08\0\0\0" + bytes(80), "image/x-olympus-orf", "picture"),
    ("rw2", b"IIU\0\x18\0\0\0" + bytes(80), "image/x-panasonic-rw2", "picture"),
    ("svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml", "picture"),
    ("svg in xml", b'<?xml version="1.0"?>\n<!-- a -->\n<svg/>', "image/svg+xml", "picture"),
    ("mp4", ftyp(b"isom", b"mp41"), "video/mp4", "video"),
    ("mp4 of an unknown brand", ftyp(b"zzzz"), "video/mp4", "video"),
    ("mov", ftyp(b"qt  "), "video/quicktime", "video"),
    ("old mov", box(b"wide") + box(b"mdat", bytes(64)), "video/quicktime", "video"),
    ("old mov of a gigabyte", b"\x41\x41\x41\x41mdat" + bytes(range(128, 256)), "video/quicktime", "video"),
    ("3gp", ftyp(b"3gp5", b"isom"), "video/3gpp", "video"),
    ("m4a", ftyp(b"M4A ", b"isom"), "audio/mp4", "audio"),
    ("mkv", b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska" + bytes(64), "video/x-matroska", "video"),
    ("webm", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(64), "video/webm", "video"),
    ("avi", b"RIFF\x40\0\0\0AVI LIST" + bytes(64), "video/x-msvideo", "video"),
    ("flv", b"FLV\x01\x05\0\0\0\x09" + bytes(16), "video/x-flv", "video"),
    ("wmv", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(16), "video/x-ms-asf", "video"),
    ("mpeg", b"\0\0\x01\xba\x44" + bytes(64), "video/mpeg", "video"),
    ("ts", (b"\x47\x40\0\x10" + bytes(184)) * 4, "video/mp2t", "video"),
    ("m2ts", (bytes(4) + b"\x47\x40\0\x10" + bytes(184)) * 4, "video/mp2t", "video"),
    ("wav", b"RIFF\x40\0\0\0WAVEfmt " + bytes(64), "audio/wav", "audio"),
    ("mp3", mp3(), "audio/mpeg", "audio"),
    ("mp3 with tag", b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + mp3(), "audio/mpeg", "audio"),
    ("aac", aac(), "audio/aac", "audio"),
    ("flac", b"fLaC\0\0\0\x22" + bytes(34), "audio/flac", "audio"),
    ("ogg", b"OggS\0\2" + bytes(64), "audio/ogg", "audio"),
    ("amr", b"#!AMR\n" + bytes(64), "audio/amr", "audio"),
    ("zip", zipped("notes.txt"), "application/zip", "archive"),
    ("empty zip", zipped(), "application/zip", "archive"),
    (
        "docx",
        zipped(*_NAMES, "word/document.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document",
    ),
    (
        "docx, types last",
        zipped("word/document.xml", *reversed(_NAMES)),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document",
    ),
    (
        "docx, large, types last",
        zipped("media.bin", "word/document.xml", *_NAMES, padding=300_000),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document",
    ),
    (
        "xlsx",
        zipped(*_NAMES, "xl/workbook.xml"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "document",
    ),
    (
        "pptx",
        zipped(*_NAMES, "ppt/presentation.xml"),
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "document",
    ),
    (
        "odt",
        zipped("content.xml", mimetype="application/vnd.oasis.opendocument.text"),
        "application/vnd.oasis.opendocument.text",
        "document",
    ),
    (
        "ods",
        zipped("content.xml", mimetype="application/vnd.oasis.opendocument.spreadsheet"),
        "application/vnd.oasis.opendocument.spreadsheet",
        "document",
    ),
    (
        "epub",
        zipped("META-INF/container.xml", mimetype="application/epub+zip"),
        "application/epub+zip",
        "document",
    ),
    ("jar", zipped("a/B.class", "META-INF/MANIFEST.MF"), "application/java-archive", "archive"),
    (
        "apk",
        zipped("META-INF/MANIFEST.MF", "AndroidManifest.xml", "classes.dex"),
        "application/vnd.android.package-archive",
        "archive",
    ),
    ("tar, ustar", tarred(tarfile.USTAR_FORMAT), "application/x-tar", "archive"),
    ("tar, gnu", tarred(tarfile.GNU_FORMAT), "application/x-tar", "archive"),
    ("tar, pax", tarred(tarfile.PAX_FORMAT, "n\u00f8tes.txt"), "application/x-tar", "archive"),
    ("tar, old", tar_of_1979(), "application/x-tar", "archive"),
    ("tar that begins like a program", tarred(tarfile.USTAR_FORMAT, "MZ.txt"), "application/x-tar", "archive"),
    ("tar that begins like sound", tarred(tarfile.GNU_FORMAT, "ID3/notes.txt"), "application/x-tar", "archive"),
    ("tar that begins like bzip2", tarred(tarfile.USTAR_FORMAT, "BZh9.txt"), "application/x-tar", "archive"),
    ("gz", gzip.compress(b"neutral", mtime=0), "application/gzip", "archive"),
    ("bz2", bz2.compress(b"neutral"), "application/x-bzip2", "archive"),
    ("bz2 of nothing", bz2.compress(b""), "application/x-bzip2", "archive"),
    ("xz", lzma.compress(b"neutral"), "application/x-xz", "archive"),
    ("zst", zstandard.compress(b"neutral"), "application/zstd", "archive"),
    ("7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "application/x-7z-compressed", "archive"),
    ("rar 4", b"Rar!\x1a\x07\0\xcf\x90\x73" + bytes(16), "application/vnd.rar", "archive"),
    ("rar 5", b"Rar!\x1a\x07\1\0\x33\x92" + bytes(16), "application/vnd.rar", "archive"),
    ("pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf", "document"),
    ("ole2", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "application/x-ole-storage", "document"),
    ("rtf", b"{\\rtf1\\ansi neutral}", "application/rtf", "document"),
    ("sqlite", database(), "application/vnd.sqlite3", "database"),
    ("elf", b"\x7fELF\2\1\1" + bytes(57), "application/x-elf", "program"),
    ("pe", program(), "application/vnd.microsoft.portable-executable", "program"),
    ("mach-o", b"\xcf\xfa\xed\xfe\x0c\0\0\1" + bytes(24), "application/x-mach-binary", "program"),
    ("mach-o, universal", b"\xca\xfe\xba\xbe\0\0\0\2\1\0\0\7" + bytes(36), "application/x-mach-binary", "program"),
    ("java class", b"\xca\xfe\xba\xbe\0\0\0\x3d" + bytes(36), "application/java-vm", "program"),
    ("html", b"\n <!DOCTYPE HTML><html></html>", "text/html", "text"),
    ("html without doctype", b"<html lang=en>", "text/html", "text"),
    ("xml", b'<?xml version="1.0"?><shelf/>', "application/xml", "text"),
    ("xml with mark", b'\xef\xbb\xbf<?xml version="1.0"?><shelf/>', "application/xml", "text"),
    ("utf-8", "Fjorde, Ä und 漢字\n".encode(), "text/plain", "text"),
    ("utf-8 cut in a letter", "漢字".encode() * 4000, "text/plain", "text"),
    ("utf-16", "\ufeffA line of text".encode("utf-16-le"), "text/plain", "text"),
    ("utf-16, big-endian, Cyrillic", "\ufeffСтрока текста".encode("utf-16-be"), "text/plain", "text"),
    ("latin-1", "Grüße aus dem Gebirge, sehr schön hier\n".encode("latin-1"), "text/plain", "text"),
    ("text that begins like a film", b"The free use of words is no film at all.\n", "text/plain", "text"),
    (
        "text that begins like a program",
        b"MZ begins this line, and so would a program begin, which it is not.\n",
        "text/plain",
        "text",
    ),
    ("text that begins like sound", b"ID3 tags are a way to name a song.\n", "text/plain", "text"),
    ("text that begins like bzip2", b"BZh is how it begins.\n", "text/plain", "text"),
    ("text that begins like a bitmap", b"BM is how a bitmap begins, and so does this.\n", "text/plain", "text"),
    ("empty", b"", "application/x-empty", "empty"),
    ("zeros", bytes(4096), "application/octet-stream", "unknown"),
    ("ones", b"\xff" * 4096, "application/octet-stream", "unknown"),
)
