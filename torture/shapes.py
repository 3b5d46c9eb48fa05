"""Crash shapes, built by hand after what public advisories describe: lengths that lie, loops, bombs, nothing where
something must be. None holds any picture of anything.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from tests.evidence import jpeg, png, tarred, zipped

MIB = 1024 * 1024
_ALL = 0xFFFFFFFF


def shapes() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each."""
    for name, made in (
        ("png", _png()),
        ("jpg", _jpeg()),
        ("tif", _tiff()),
        ("gif", _gif()),
        ("webp", _webp()),
        ("heic", _bmff()),
        ("zip", _zip()),
        ("tar", _tar()),
        ("bin", _others()),
    ):
        yield from ((f"shape-{name}-{n:03d}.{name}", data) for n, data in enumerate(made))


def _chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    stated = len(data) if length is None else length
    return struct.pack(">I", stated) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def _png() -> Iterator[bytes]:
    end, bomb = _chunk(b"IEND", b""), zlib.compress(bytes(48 * MIB), 9)
    for width, height in ((0, 0), (1, 0), (_ALL, _ALL), (2**31 - 1, 1), (65535, 65535), (30000, 30000)):
        yield _header(width, height) + _chunk(b"IDAT", bomb[:40_000]) + end
        yield _header(width, height, 1, 0) + _chunk(b"IDAT", bomb[:40_000]) + end
    for length in (0x7FFFFFFF, _ALL, 0x80000000, 2**24):
        for kind in (b"IDAT", b"iTXt", b"tEXt", b"eXIf", b"caBX", b"iCCP", b"\0\0\0\0"):
            yield _header(8, 8) + _chunk(kind, b"data", length) + end
    yield _header(8, 8) + _chunk(b"iTXt", b"parameters\0\1\0\0\0" + bomb) + end
    yield _header(8, 8) + _chunk(b"zTXt", b"parameters\0\0" + bomb) + end
    yield _header(8, 8) + _chunk(b"iCCP", b"profile\0\0" + bomb) + end
    yield _header(8, 8) + _chunk(b"iTXt", b"key") * 20_000 + end
    yield _header(8, 8) + _chunk(b"acTL", struct.pack(">II", _ALL, 0)) + _chunk(b"fcTL", bytes(26)) * 1000 + end
    yield _header(8, 8) * 3
    yield _header(1, 100_000, 16, 6) + _chunk(b"IDAT", zlib.compress(bytes(10))) + end


def _segment(marker: int, data: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 255, marker, (len(data) + 2 if length is None else length) & 0xFFFF) + data


def _jpeg() -> Iterator[bytes]:
    good = jpeg(1, side=32)
    for marker in (0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xDB, 0xC4, 0xC0, 0xDA, 0xFE):
        for length in (0, 1, 2, 0xFFFF):
            yield good[:2] + _segment(marker, b"", length) + good[2:]
    for width, height in ((0, 0), (0, 9), (65535, 65535), (65500, 1)):
        frame = struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"
        yield good[:2] + _segment(0xC0, frame) + good[2:]
        yield good[:2] + _segment(0xC2, frame) + _segment(0xDA, b"\1\1\0\0\x3f\0") * 3000
    yield good[:2] + b"\xff" * 200_000 + good[2:]
    yield good[:2] + _segment(0xC4, bytes([0] + [255] * 16) + bytes(4080)) + good[2:]
    yield good[:2] + good[2:] * 40
    yield good[:-2] + b"\xff\xd0\xff\xd7" * 5000 + good[-2:]
    for block in _tiff():
        yield good[:2] + _segment(0xE1, (b"Exif\0\0" + block)[:65_000]) + good[2:]
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    xmp = f'<!DOCTYPE x [<!ENTITY e0 "ha">{laughs}]><x:xmpmeta xmlns:x="adobe:ns:meta/">&e11;</x:xmpmeta>'
    yield good[:2] + _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode()) + good[2:]
    deep = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"<a>" * 20_000
    yield good[:2] + _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + deep) + good[2:]
    box = b""
    for _ in range(2000):
        box = struct.pack(">I4s", len(box) + 8, b"jumb") + box
    yield good[:2] + _segment(0xEB, b"JP\0\1\0\0\0\1" + box) + good[2:]
    yield good[:2] + _segment(0xEB, b"JP\0\1\0\0\0\1" + struct.pack(">I4s", _ALL, b"jumb")) * 500 + good[2:]


def _entry(order: str, tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack(order + "HHII", tag, kind, count, value)


def _tiff() -> Iterator[bytes]:
    for order, mark in (("<", b"II"), (">", b"MM")):
        head = mark + struct.pack(order + "HI", 42, 8)
        for rest in (struct.pack(order + "I", 8), struct.pack(order + "I", _ALL), b""):
            for tag, kind, count, value in (
                (0x8769, 4, 1, 8),
                (0x014A, 4, 1, 8),
                (0x014A, 13, 1000, 8),
                (0x8825, 4, 1, _ALL),
                (0x010F, 2, _ALL, 8),
                (0x010F, 2, 0, 0),
                (0x0111, 4, 2**31, 2**31),
                (0x927C, 7, 0x7FFFFFFF, 4),
                (0x0100, 0, 1, 0),
                (0x0100, 200, 1, 0),
            ):
                yield head + struct.pack(order + "H", 1) + _entry(order, tag, kind, count, value) + rest
        yield head + struct.pack(order + "H", 0xFFFF) + _entry(order, 0x0100, 4, 1, 1) * 4000
        yield head + struct.pack(order + "H", 0)
        two = struct.pack(order + "HI", 0, 14) + struct.pack(order + "HI", 0, 8)
        yield head + two
        yield mark + struct.pack(order + "HHHQ", 43, 8, 0, 16) + struct.pack(order + "Q", 2**63)
        yield mark + struct.pack(order + "HHHQ", 43, 8, 0, 2**64 - 1)


def _gif() -> Iterator[bytes]:
    for width, height in ((0, 0), (0, 1), (65535, 65535), (1, 65535)):
        head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
        for code in (0, 1, 8, 12, 255):
            image = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + bytes([code])
            yield head + image + b"\xff" + bytes(255) + b"\0;"
            yield head + image + b"\0" * 3 + image * 300 + b";"
    yield b"GIF89a" + bytes(7) + b"!\xff" + b"\0" * 5000
    yield b"GIF89a" + bytes(7) + b"!\xfe" + b"\1a" * 50_000
    yield b"GIF87a"


def _webp() -> Iterator[bytes]:
    wide = b"VP8X" + struct.pack("<IB3x", 10, 0x3E) + b"\xff" * 6
    for size in (0, 1, 4, 0x7FFFFFFF, _ALL, 0xFFFFFFFE):
        for chunk in (
            wide,
            b"VP8 " + struct.pack("<I", _ALL),
            b"VP8L" + struct.pack("<I", 0),
            b"VP8 \0\0\0\0" * 5000,
        ):
            yield b"RIFF" + struct.pack("<I", size) + b"WEBP" + chunk
    yield (
        b"RIFF"
        + struct.pack("<I", 5000)
        + b"WEBP"
        + wide
        + (b"ANMF" + struct.pack("<I", 24) + b"\xff" * 24) * 2000
    )
    yield (
        b"RIFF" + struct.pack("<I", 5000) + b"WEBP" + wide + b"EXIF" + struct.pack("<I", _ALL) + b"II*\0\x08\0\0\0"
    )


def _box(kind: bytes, data: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I4s", len(data) + 8 if size is None else size, kind) + data


def _bmff() -> Iterator[bytes]:
    for brand in (b"heic", b"avif", b"mif1", b"isom", b"crx ", b"jxl "):
        head = _box(b"ftyp", brand + bytes(4) + brand)
        for size in (0, 1, 2, 7, 8, _ALL, 0x7FFFFFFF):
            yield head + _box(b"meta", bytes(4) + _box(b"hdlr", bytes(8) + b"pict" + bytes(13)), size)
        yield head + struct.pack(">I4sQ", 1, b"meta", 2**64 - 1) + bytes(64)
        many = struct.pack(">II", 0, 0xFFFF) + b"".join(struct.pack(">HBH", n, 1, 1) for n in range(3000))
        own = _box(b"ipco", _box(b"ispe", bytes(4) + struct.pack(">II", _ALL, _ALL)) * 50) + _box(b"ipma", many)
        places = struct.pack(">IBBH", 0, 0x44, 0x40, 2) + struct.pack(">HHIHII", 1, 0, 0, 1, 0, _ALL) * 2
        loop = _box(b"dimg", struct.pack(">HHH", 1, 1, 1)) + _box(b"thmb", struct.pack(">HHH", 1, 1, 1))
        item = _box(b"infe", struct.pack(">IHH4s", 2 << 24, 1, 0, b"grid") + b"\0")
        whole = _box(b"pitm", struct.pack(">IH", 0, 1)) + _box(b"iinf", struct.pack(">IH", 0, 1) + item)
        whole += _box(b"iref", bytes(4) + loop) + _box(b"iprp", own) + _box(b"iloc", places)
        yield head + _box(b"meta", bytes(4) + _box(b"hdlr", bytes(8) + b"pict" + bytes(13)) + whole)
        deep = b""
        for _ in range(3000):
            deep = _box(b"moov", deep)
        yield head + deep
        yield head + _box(b"free", b"") * 20_000


def _squeezed(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _zip() -> Iterator[bytes]:
    good = zipped({"a.jpg": jpeg(2, side=32), "b.txt": b"note"})
    data = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = data.compress(bytes(8 * MIB)) + data.flush()
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, 0, len(packed), 8 * MIB, 1, 0) + b"a" + packed
    central = struct.pack(
        *("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, 0, len(packed), 8 * MIB, 1, 0, 0, 0, 0, 0, 0)
    )
    for count in (2, 300, 5000):
        folder = b"".join(central + bytes([97 + n % 26]) for n in range(count))
        yield local + folder + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(folder), len(local), 0)
    for at, value in (
        (-22 + 10, b"\xff\xff"),
        (-22 + 12, b"\xff" * 4),
        (-22 + 16, b"\xff" * 4),
        (-22 + 20, b"\xff\xff"),
    ):
        changed = bytearray(good)
        changed[len(good) + at : len(good) + at + len(value)] = value
        yield bytes(changed)
    yield good[:-22] + good[-22:] * 100
    yield good * 3
    yield zipped({"../../../outside.txt": b"x", "/absolute.txt": b"x", "a\0b.txt": b"x", "\u202egpj.exe": b"x"})
    inner = _squeezed({"zero": bytes(10 * MIB)})
    yield inner
    for _ in range(3):
        inner = _squeezed({f"n{n}.zip": inner for n in range(4)})
        yield inner
    deep = b"end"
    for _ in range(40):
        deep = _squeezed({"d.zip": deep})
    yield deep
    yield zipped({f"{n}": b"" for n in range(5_000)})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(zipfile.ZipInfo("zero"), bytes(10 * MIB), zipfile.ZIP_BZIP2)
    yield out.getvalue()


def _tar() -> Iterator[bytes]:
    info = tarfile.TarInfo("a")
    info.size = 4
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    for size in (b"\xff" * 12, b"\x80" + b"\xff" * 11, b"77777777777\0", b"-0000000001\0", b"garbage....\0"):
        changed = bytearray(block)
        changed[124:136] = size
        changed[148:156] = b" " * 8
        changed[148:156] = b"%06o\0 " % sum(changed)
        yield bytes(changed) + b"data" + bytes(508)
    for kind in b"LKxgSDNVM1256":
        changed = bytearray(block)
        changed[156] = kind
        changed[148:156] = b" " * 8
        changed[148:156] = b"%06o\0 " % sum(changed)
        yield (bytes(changed) + b"9 a" + bytes(509)) * 50
    yield gzip.compress(bytes(60 * MIB))
    yield gzip.compress(b"") * 20_000
    yield tarred({"a": tarred({"b": gzip.compress(bytes(20 * MIB))})})
    yield tarred({f"{n}/" * 30 + "x": b"" for n in range(500)})
    yield gzip.compress(b"data")[:-4] + b"\0" * 100


def _others() -> Iterator[bytes]:
    for offset, size in ((0, 0), (2**63, 1), (32, 2**62), (_ALL, _ALL)):
        head = struct.pack("<QQI", offset, size, 0)
        yield b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(head)) + head
    yield b"Rar!\x1a\7\1\0" + b"\xff" * 400
    yield b"Rar!\x1a\7\0" + b"\xcf\x90\x73\0\0\x0d" * 100
    for width, height in ((0, 0), (2**31 - 1, -(2**31)), (1, 2**31 - 1), (-1, 1)):
        yield b"BM" + struct.pack("<IIIIiiHHIIiiII", 100, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    yield struct.pack("<HHH", 0, 1, 0xFFFF) + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, _ALL, 22) * 4000
    yield (
        struct.pack("<HHH", 0, 1, 300)
        + struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(png(1)), 4806) * 300
        + png(1)
    )
    yield b"\0\0\0\x0cJXL \r\n\x87\n" + b"\xff" * 200
    yield b"\xff\x0a" + b"\xff" * 200
    yield b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\1jp2c" + b"\xff" * 64
    yield b"8BPS\0\1" + b"\xff" * 64
    yield b"<svg xmlns='http://www.w3.org/2000/svg'>" + b"<g>" * 50_000
    yield b"%PDF-1.7\n" + b"1 0 obj << /Kids [1 0 R] >> endobj\n" * 3000
    yield b"SQLite format 3\0" + b"\xff" * 4096
    yield b"{" * 100_000
    yield b"[" * 100_000
    yield bytes(5 * MIB)
    yield b"\xd4\xc3\xb2\xa1" + b"\xff" * 100
    yield b"BZh9" + b"\x31\x41\x59\x26\x53\x59" + b"\xff" * 500
    yield b"\xfd7zXZ\0" + b"\xff" * 500
    yield b"\x28\xb5\x2f\xfd" + b"\xff" * 500
    yield b"fLaC" + b"\x7f\xff\xff\xff" * 100
    yield b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xff" + b"movi" * 100
    yield b"OggS" + b"\xff" * 1000
