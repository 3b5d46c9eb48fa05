"""Where a picture ends by its own structure, and what lies after or beside it. No PLUGIN here.

A viewer stops at the end of the picture; whole files can lie behind it, or in boxes and segments that
no viewer shows.

Sources: ITU-T T.81 and CIPA DC-007 (MPF), ISO/IEC 15948, GIF89a, RFC 9649, the BMP headers of Windows,
ISO/IEC 14496-12.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from leadlight.content import Content

SLACK = 1024
"""Bytes of a box or segment beside the picture that are no matter."""
_PARTS = 20_000
"""Segments, chunks or boxes walked."""
_BLOCKS = 4_000_000
_IN_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ends:
    """Stretches of a picture file, as (start, end)."""

    after: tuple[Range, ...] = ()
    """After the logical end, or in boxes that belong to no picture; zeros left out."""
    beside: tuple[Range, ...] = ()
    """Large metadata of no kind that pictures usually carry."""

    @property
    def extra(self) -> int:
        """Bytes that lie after."""
        return sum(end - start for start, end in self.after)


def ends_of(content: Content) -> Ends:
    """What lies after and beside; nothing where the format has no end, the file none, or it is larger than memory.

    Never raises on any bytes.
    """
    walk = _WALKS.get(content.filetype.media_type)
    if walk is None or content.size > content.limits.memory_bytes:
        return Ends()
    data = content.data()
    after, beside = walk(data)
    return Ends(
        tuple((a, b) for a, b in after if b > a and data[a:b].strip(b"\0")),
        tuple((a, b) for a, b in beside if b - a > SLACK),
    )


def _be(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _le(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")


Walk = Callable[[bytes], tuple[list[Range], list[Range]]]

_USUAL = {
    0xE0: (b"JFIF", b"JFXX"),
    0xE1: (b"Exif", b"http"),
    0xE2: (b"ICC_", b"MPF\0", b"FPXR"),
    0xEB: (b"JP",),
    0xED: (b"Phot",),
}


def _jpeg(data: bytes) -> tuple[list[Range], list[Range]]:
    beside: list[Range] = []
    pictures: list[Range] = []
    at = 2
    for _ in range(_PARTS):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if len(data) < at + 2 or data[at] != 0xFF:
            return [], beside
        marker = data[at + 1]
        if marker == 0xD9:
            break
        if marker == 1 or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        length = _be(data, at + 2, 2)
        start, end = at + 4, at + 2 + length
        if length < 2 or end > len(data):
            return [], beside
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            name = data[start : start + 4]
            if marker == 0xE2 and name == b"MPF\0":
                pictures = _mpf(data, start + 4, end)
            if not name.startswith(_USUAL.get(marker, ())):
                beside.append((start, end))
        at = end
        if marker == 0xDA:
            found = _IN_SCAN.search(data, at)
            if found is None:
                return [], beside
            at = found.start()
    else:
        return [], beside
    after: list[Range] = []
    at += 2
    for start, end in sorted(pictures):
        after.append((at, start))
        at = max(at, end)
    return [*after, (at, len(data))], beside


def _mpf(data: bytes, start: int, end: int) -> list[Range]:
    """The further pictures that an MPF index names, where a JPEG begins there (clause 5.2)."""
    order = "little" if data[start : start + 2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if order == "little" else "big")

    at = start + number(start + 4, 4)
    found: list[Range] = []
    for n in range(min(number(at, 2), 64)):
        entry = at + 2 + 12 * n
        if entry + 12 > end or number(entry, 2) != 0xB002:
            continue
        table = start + number(entry + 8, 4)
        for record in range(table, min(table + number(entry + 4, 4), end - 15, table + 16 * 256), 16):
            size, offset = number(record + 4, 4), number(record + 8, 4)
            first = start + offset
            if offset and data[first : first + 2] == b"\xff\xd8":
                found.append((first, min(len(data), first + size)))
    return found


_CHUNKS = frozenset(
    b"IHDR PLTE IDAT fdAT fcTL acTL iCCP caBX eXIf tRNS gAMA cHRM sRGB sBIT bKGD hIST pHYs tIME sPLT cICP".split()
)


def _png(data: bytes) -> tuple[list[Range], list[Range]]:
    beside: list[Range] = []
    at = 8
    for _ in range(_BLOCKS):
        kind = data[at + 4 : at + 8]
        if len(kind) < 4:
            break
        end = at + 12 + _be(data, at)
        if kind == b"IEND":
            return [(at + 8, min(end - 4, len(data))), (end, len(data))], beside
        if kind not in _CHUNKS and len(beside) < _PARTS:
            beside.append((at + 8, min(end - 4, len(data))))
        at = end
    return [], beside


def _gif(data: bytes) -> tuple[list[Range], list[Range]]:
    beside: list[Range] = []
    at = 13 + (3 << (data[10] & 7) + 1 if data[10:11] and data[10] & 0x80 else 0)
    steps = 0
    while steps < _BLOCKS:
        steps += 1
        mark = data[at : at + 1]
        if mark == b";":
            return [(at + 1, len(data))], beside
        if mark == b"!":
            at += 2
        elif mark == b"," and len(data) > at + 9:
            flags = data[at + 9]
            at += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            break
        start = at
        while steps < _BLOCKS and at < len(data) and data[at]:
            steps += 1
            at += 1 + data[at]
        at += 1
        if mark == b"!" and len(beside) < _PARTS:
            beside.append((start, min(at, len(data))))
    return [], beside


def _webp(data: bytes) -> tuple[list[Range], list[Range]]:
    size = _le(data, 4)
    return [(8 + size + size % 2, len(data))], []


def _bmp(data: bytes) -> tuple[list[Range], list[Range]]:
    stated, start, header = _le(data, 2), _le(data, 10), _le(data, 14)
    if header < 40:
        return [(stated, len(data))] if 26 < stated < len(data) else [], []
    width, height = abs(int.from_bytes(data[18:22], "little", signed=True)), _le(data, 22)
    height = min(height, (1 << 32) - height)
    depth, packing = _le(data, 28, 2), _le(data, 30)
    if packing in (0, 3, 6):
        end = start + (width * depth + 31) // 32 * 4 * height
    else:
        end = start + _le(data, 34) if _le(data, 34) else stated
    if header >= 124 and _le(data, 14 + 112):
        end = max(end, 14 + _le(data, 14 + 112) + _le(data, 14 + 116))
    return [(end, len(data))] if 26 < end < len(data) else [], []


_BELONGS = frozenset({b"ftyp", b"meta", b"moov", b"moof", b"jumb", b"uuid", b"sidx", b"styp", b"pdin"})


def _bmff(data: bytes) -> tuple[list[Range], list[Range]]:
    after: list[Range] = []
    beside: list[Range] = []
    at = stores = 0
    film = False
    for _ in range(_PARTS):
        size, kind, head = _be(data, at), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = _be(data, at + 8, 8), 16
        end = len(data) if size == 0 else at + size
        if len(kind) < 4 or end > len(data) or (size and size < head):
            break
        film = film or kind in (b"moov", b"moof")
        stores += kind == b"mdat"
        if kind == b"uuid":
            beside.append((at + head, end))
        elif end - at - head > SLACK and (stores > 1 and not film if kind == b"mdat" else kind not in _BELONGS):
            after.append((at + head, end))
        at = end
    if at < len(data):
        after.append((at, len(data)))
    return after, beside


_WALKS: dict[str, Walk] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/gif": _gif,
    "image/webp": _webp,
    "image/bmp": _bmp,
    "image/avif": _bmff,
    "image/heic": _bmff,
    "image/heif": _bmff,
}
