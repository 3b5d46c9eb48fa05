"""Metadata items of ISO base media files: HEIC, AVIF (ISO/IEC 14496-12, 23008-12) and JPEG XL (18181-2).

A small reader of its own: boxes are walked to a fixed depth and number, no stated length is trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_BOXES: Final = 4096
MAX_ITEMS: Final = 4096
MAX_EXTENTS: Final = 64
XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its type and where its content lies."""

    kind: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """EXIF and XMP as the file holds them."""

    exif: tuple[bytes, ...]
    xmp: tuple[bytes, ...]
    notes: tuple[str, ...]


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets; ends where one states to be longer than its parent."""
    at = start
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size = int.from_bytes(data[at : at + 4], "big")
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            return
        yield Box(data[at + 4 : at + 8], at + head, at + size)
        at += size


def read_bmff(data: bytes, limit: int) -> Metadata:
    """EXIF (from its TIFF header on) and XMP, each at most `limit` bytes. Never raises on any bytes."""
    exif: list[bytes] = []
    xmp: list[bytes] = []
    notes: list[str] = []

    def keep(into: list[bytes], value: bytes, what: str) -> None:
        if len(value) > limit:
            notes.append(f"{what} of {len(value)} bytes is over the limit and was not read")
        elif value:
            into.append(value)

    for box in boxes(data, 0, len(data)):
        if box.kind == b"meta":
            for kind, value in _items(data, box, limit, notes):
                keep(
                    exif if kind == b"Exif" else xmp, _after_offset(value) if kind == b"Exif" else value, "an item"
                )
        elif box.kind == b"Exif":
            keep(exif, _after_offset(data[box.start : box.end]), "EXIF")
        elif box.kind == b"xml ":
            keep(xmp, data[box.start : box.end], "XMP")
        elif box.kind == b"uuid" and data[box.start : box.start + 16] == XMP_UUID:
            keep(xmp, data[box.start + 16 : box.end], "XMP")
        elif box.kind == b"brob":
            inner = data[box.start : box.start + 4].decode("latin-1").strip()
            if inner in ("Exif", "xml", "jumb"):
                notes.append(f"a metadata box ({inner}) is packed with Brotli and was not read")
    return Metadata(tuple(exif), tuple(xmp), tuple(notes))


def _after_offset(value: bytes) -> bytes:
    """EXIF as items and JPEG XL boxes hold it: four bytes say where the TIFF header lies."""
    skip = int.from_bytes(value[:4], "big")
    body = value[4 + skip :] if skip < len(value) else b""
    if body[:2] not in (b"II", b"MM"):
        at = min((n for n in (value.find(b"II*\0", 0, 64), value.find(b"MM\0*", 0, 64)) if n >= 0), default=-1)
        return value[at:] if at >= 0 else b""
    return body


def _items(data: bytes, meta: Box, limit: int, notes: list[str]) -> Iterator[tuple[bytes, bytes]]:
    wanted: dict[int, bytes] = {}
    where: dict[int, list[tuple[int, int, int]]] = {}
    idat = Box(b"", 0, 0)
    for box in boxes(data, meta.start + 4, meta.end):
        if box.kind == b"iinf":
            wanted = _infos(data, box)
        elif box.kind == b"iloc":
            where = _locations(data, box)
        elif box.kind == b"idat":
            idat = box
    for number, kind in wanted.items():
        parts: list[bytes] = []
        left = limit
        for method, offset, length in where.get(number, ()):
            if method > 1:
                notes.append("a metadata item lies in another item and was not read")
                continue
            start, end = (offset, len(data)) if method == 0 else (idat.start + offset, idat.end)
            stop = min(end, start + length if length else end)
            if stop - start > left:
                notes.append("a metadata item is over the limit and was not read")
                parts = []
                break
            if length and start + length > end:
                notes.append("a metadata item is stated to lie outside the file")
            parts.append(data[start:stop])
            left -= max(0, stop - start)
        if parts:
            yield kind, b"".join(parts)


def _infos(data: bytes, box: Box) -> dict[int, bytes]:
    """Numbers of the items that hold EXIF or XMP."""
    version = data[box.start] if box.start < box.end else 0
    found: dict[int, bytes] = {}
    for entry in boxes(data, box.start + (6 if version == 0 else 8), box.end):
        body = data[entry.start : min(entry.end, entry.start + 1024)]
        if entry.kind != b"infe" or len(body) < 12 or body[0] not in (2, 3):
            continue
        width = 2 if body[0] == 2 else 4
        number = int.from_bytes(body[4 : 4 + width], "big")
        kind = body[6 + width : 10 + width]
        if kind == b"Exif" or (kind == b"mime" and b"application/rdf+xml" in body[10 + width :]):
            found[number] = kind
    return found


def _locations(data: bytes, box: Box) -> dict[int, list[tuple[int, int, int]]]:
    """For each item: (method, offset, length) of its extents."""
    at = box.start

    def take(width: int) -> int:
        nonlocal at
        value = int.from_bytes(data[at : min(at + width, box.end)], "big")
        at += width
        return value

    version = take(1)
    take(3)
    sizes, more = take(1), take(1)
    base_width, index_width = more >> 4, (more & 15) if version in (1, 2) else 0
    count = take(2 if version < 2 else 4)
    found: dict[int, list[tuple[int, int, int]]] = {}
    for _ in range(min(count, MAX_ITEMS)):
        if at >= box.end:
            break
        number = take(2 if version < 2 else 4)
        method = take(2) & 15 if version in (1, 2) else 0
        take(2)
        base = take(base_width)
        extents: list[tuple[int, int, int]] = []
        for _ in range(take(2)):
            if at >= box.end or len(extents) >= MAX_EXTENTS:
                break
            take(index_width)
            offset = take(sizes >> 4)
            extents.append((method, base + offset, take(sizes & 15)))
        found[number] = extents
    return found
