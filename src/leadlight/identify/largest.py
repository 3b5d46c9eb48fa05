"""The largest picture in a picture file, by what headers state: pages, frames, sizes, previews. No PLUGIN here.

A tiny first page or frame must not stand for a large one behind it. Nothing is decoded, and all walks are bounded.

Sources: TIFF 6.0 and its technical note 1 (SubIFDs), GIF89a, ISO/IEC 15948 (IHDR), ITU-T T.81 (SOF),
ISO/IEC 23008-12 (ispe), the icon format of Windows.
"""

from __future__ import annotations

from collections.abc import Iterator

from leadlight.config import MIB
from leadlight.content import Content
from leadlight.identify import carving

_PAGES = 4096
_MOST_TAGS = 250_000
_FOUND = 256
"""Embedded pictures of one kind looked at."""
_STEPS = 1_000_000
_HEAD = 64 * MIB
"""Bytes of a content too large for memory that are looked at."""
_SIDE = (1 << 31) - 1

Size = tuple[int, int]


def largest(content: Content, first: Size) -> Size:
    """Width and height of the largest by area, at least `first`. Never raises on any bytes."""
    data = content.data() if content.size <= content.limits.memory_bytes else content.head(_HEAD)
    best = first
    for width, height in _sizes(data):
        if 0 < width <= _SIDE and 0 < height <= _SIDE and width * height > best[0] * best[1]:
            best = (width, height)
    return best


def _sizes(data: bytes) -> Iterator[Size]:
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        yield from _tiff(data)
    elif data[:4] == b"GIF8":
        yield from _gif(data)
    elif data[:4] in (b"\0\0\1\0", b"\0\0\2\0"):
        yield from _icon(data)
    elif data[:4] == b"8BPS":
        yield _be(data, 18), _be(data, 14)
    elif data[4:8] == b"ftyp":
        for at in _each(data, b"ispe"):
            yield _be(data, at + 8), _be(data, at + 12)
    for _, at in zip(range(_FOUND), carving.jpegs(data), strict=False):
        yield _frame(data, at)
    for at in _each(data, b"\x89PNG\r\n\x1a\n"):
        yield _be(data, at + 16), _be(data, at + 20)


def _be(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _le(data: bytes, at: int, size: int = 4) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _each(data: bytes, mark: bytes) -> Iterator[int]:
    at = -1
    for _ in range(_FOUND):
        at = data.find(mark, at + 1)
        if at < 0:
            return
        yield at


def _frame(data: bytes, start: int) -> Size:
    """The size in the frame header of the JPEG at `start`."""
    at = start + 2
    for _ in range(1000):
        if data[at : at + 1] != b"\xff" or len(data) < at + 9:
            break
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _be(data, at + 7, 2), _be(data, at + 5, 2)
        if marker == 0xFF:
            at += 1
            continue
        if marker in (0xD9, 0xDA):
            break
        at += 2 + max(2, _be(data, at + 2, 2))
    return 0, 0


def _gif(data: bytes) -> Iterator[Size]:
    yield _le(data, 6, 2), _le(data, 8, 2)
    at = 13 + (3 << (data[10] & 7) + 1 if data[10:11] and data[10] & 0x80 else 0)
    for _ in range(_STEPS):
        mark = data[at : at + 1]
        if mark == b"!":
            at += 2
        elif mark == b"," and len(data) > at + 9:
            yield _le(data, at + 5, 2), _le(data, at + 7, 2)
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        else:
            return
        for _ in range(_STEPS):
            if at >= len(data) or not data[at]:
                break
            at += 1 + data[at]
        at += 1


def _icon(data: bytes) -> Iterator[Size]:
    """The directory's sizes, and those of the bitmaps themselves; PNG entries are found by their own header."""
    for n in range(min(_le(data, 4, 2), _FOUND)):
        entry = data[6 + 16 * n : 22 + 16 * n]
        if len(entry) < 16:
            return
        yield entry[0] or 256, entry[1] or 256
        at = _le(entry, 12)
        if _le(data, at) in (40, 108, 124):
            yield _le(data, at + 4), _le(data, at + 8) // 2


def _tiff(data: bytes) -> Iterator[Size]:
    little = data[:2] == b"II"
    big = 43 in data[2:4]

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if little else "big")

    counts, entry, pointer, inline = (8, 20, 8, 12) if big else (2, 12, 4, 8)
    waiting = [number(8 if big else 4, pointer)]
    seen: set[int] = set()
    tags = 0
    while waiting and len(seen) < _PAGES and tags < _MOST_TAGS:
        at = waiting.pop()
        if not 0 < at < len(data) or at in seen:
            continue
        seen.add(at)
        count = min(number(at, counts), (len(data) - at) // entry, _MOST_TAGS - tags)
        tags += count
        width = height = 0
        for n in range(count):
            where = at + counts + entry * n
            tag, kind, values = number(where, 2), number(where + 2, 2), number(where + 4, pointer)
            held = where + inline
            if tag in (0x100, 0x101):
                value = number(held, 2 if kind == 3 else 4)
                width, height = (value, height) if tag == 0x100 else (width, value)
            elif tag == 0x14A:
                size = 8 if kind in (16, 18) else 4
                table = held if values * size <= pointer else number(held, pointer)
                waiting += [number(table + size * i, size) for i in range(min(values, _FOUND))]
        yield width, height
        waiting.append(number(at + counts + entry * count, pointer))
