"""How large a picture states it is, and how many frames it holds, read from its structure with bounded work.

No PLUGIN here. A picture library counts frames by walking all of them, and one walks JPEG XL by decoding it: a
crafted file of some megabytes then takes minutes or all memory. So the count, and for JPEG XL the size, is read
here first, each walk bounded.

Sources: GIF89a specification (CompuServe, 1990), PNG Third Edition (W3C, 2025; fcTL), TIFF 6.0 and BigTIFF,
ISO/IEC 18181-1 (JPEG XL, SizeHeader) and 18181-2 (its boxes).
"""

from __future__ import annotations

import io
from typing import BinaryIO

FRAMES = 4096
"""Frames that are walked through; further ones are not looked at."""
_STEPS = 4_000_000
"""Blocks or chunks that one count may pass."""
_MOST_TAGS = 250_000
"""Tags of all pages of a TIFF that are walked: each is parsed when its page is looked for."""


def frames(format_: str | None, stream: BinaryIO, stated: int) -> int:
    """How many frames can be reached, at least 1: by a walk for GIF, PNG and TIFF, else as the library `stated`.

    `format_` is Pillow's name. The stream's position is left anywhere.
    """
    if format_ == "GIF":
        found = _gif(stream)
    elif format_ == "PNG":
        found = min(stated, _png(stream)) if stated > 1 else 1
    elif format_ == "TIFF":
        found = _tiff(stream)
    else:
        found = stated
    return max(1, min(found, FRAMES))


def _gif(stream: BinaryIO) -> int:
    stream.seek(0)
    screen = stream.read(13)
    if len(screen) == 13 and screen[10] & 0x80:
        stream.seek(3 << (screen[10] & 7) + 1, io.SEEK_CUR)
    count = steps = 0
    while steps < _STEPS and count < FRAMES:
        steps += 1
        mark = stream.read(1)
        if mark == b"!":
            stream.seek(1, io.SEEK_CUR)
        elif mark == b",":
            flags = stream.read(9)[8:]
            if not flags:
                break
            skipped = 3 << (flags[0] & 7) + 1 if flags[0] & 0x80 else 0
            stream.seek(skipped + 1, io.SEEK_CUR)
            count += 1
        elif not mark or mark == b";":
            break
        else:
            continue
        while steps < _STEPS and (length := stream.read(1)) and length[0]:
            steps += 1
            stream.seek(length[0], io.SEEK_CUR)
    return count


def _png(stream: BinaryIO) -> int:
    stream.seek(8)
    controls = 0
    apart = False
    for _ in range(_STEPS):
        header = stream.read(8)
        if len(header) < 8 or header[4:] == b"IEND" or controls >= FRAMES:
            break
        if header[4:] == b"fcTL":
            controls += 1
        elif header[4:] == b"IDAT" and not controls:
            apart = True
        stream.seek(int.from_bytes(header[:4], "big") + 4, io.SEEK_CUR)
    return controls + apart


def _tiff(stream: BinaryIO) -> int:
    stream.seek(0)
    head = stream.read(16)
    order = "little" if head[:2] == b"II" else "big"
    big = 43 in head[2:4]
    counts, entry, pointer = (8, 20, 8) if big else (2, 12, 4)

    def number(data: bytes) -> int:
        return int.from_bytes(data, "little" if order == "little" else "big")

    at = number(head[8:16] if big else head[4:8])
    seen: set[int] = set()
    steps = 0
    while 0 < at < 1 << 62 and at not in seen and len(seen) < FRAMES:
        stream.seek(at)
        stated = stream.read(counts)
        tags = number(stated)
        steps += tags
        if len(stated) < counts or steps > _MOST_TAGS:
            break
        seen.add(at)
        stream.seek(tags * entry, io.SEEK_CUR)
        at = number(stream.read(pointer))
    return len(seen)


_RATIOS = ((0, 0), (1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def jxl_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG XL file states, or None where they can't be read."""
    start = _codestream(data)
    if start is None or data[start : start + 2] != b"\xff\x0a":
        return None
    bits = int.from_bytes(data[start + 2 : start + 14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    def side(small: int) -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    height = side(small)
    across, down = _RATIOS[take(3)]
    return (height * across // down if down else side(small)), height


def _codestream(data: bytes) -> int | None:
    """Where the codestream begins: at once, or in the first box that holds it."""
    if data[:2] == b"\xff\x0a":
        return 0
    at = 0
    for _ in range(1000):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        header = 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if kind == b"jxlc":
            return at + header
        if kind == b"jxlp":
            return at + header + 4
        if size < header:
            return None
        at += size
    return None
