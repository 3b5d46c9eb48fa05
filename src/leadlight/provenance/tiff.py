"""Directories of a TIFF structure (TIFF 6.0, BigTIFF, EXIF 3.0 clause 4), read without trusting a length.

A field keeps where its value lies and reads it when asked: a block that states many great values costs nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_FIELDS: Final = 2048
"""Fields read of one directory."""
MAX_DIRECTORIES: Final = 64
"""Directories followed from one to the next."""
MAX_VALUES: Final = 256
"""Numbers read of one field."""
MAX_TEXT: Final = 64 * 1024
"""Bytes read of one text."""

_SIZES: Final = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_SIZES_UTF8: Final = 129
_CODES: Final = {
    1: "B",
    3: "H",
    4: "I",
    6: "b",
    7: "B",
    8: "h",
    9: "i",
    11: "f",
    12: "d",
    13: "I",
    16: "Q",
    17: "q",
    18: "Q",
}
_MAGICS: Final = (42, 43, 0x4F52, 0x5352, 0x55)
"""TIFF, BigTIFF, and the raw formats of Olympus and Panasonic that change the number only."""

EXIF_POINTER: Final = 0x8769
GPS_POINTER: Final = 0x8825


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a directory."""

    data: bytes = field(repr=False)
    order: str
    kind: int
    count: int
    start: int
    """Where the value lies in `data`; it may be stated beyond the end."""

    @property
    def length(self) -> int:
        """Bytes the value is stated to take."""
        return self.count * (1 if self.kind == _SIZES_UTF8 else _SIZES.get(self.kind, 1))

    @property
    def whole(self) -> bool:
        """Whether the value lies within the data."""
        return 0 <= self.start <= self.start + self.length <= len(self.data)

    def raw(self, longest: int = MAX_TEXT) -> bytes:
        """The value's bytes, as many as there are, at most `longest`."""
        return self.data[self.start : self.start + max(0, min(self.length, longest))]

    def text(self) -> str:
        """The value as text up to the first NUL, UTF-8 where it is valid, else Latin-1; spaces stripped."""
        return decode(self.raw().split(b"\0", 1)[0]).strip()

    def numbers(self) -> tuple[float, ...]:
        """The values as numbers, at most MAX_VALUES; a rational with denominator 0 is left out."""
        size = _SIZES.get(self.kind)
        if size is None or self.kind == 2:
            return ()
        raw = self.raw(size * min(self.count, MAX_VALUES))
        count = len(raw) // size
        if self.kind in (5, 10):
            code = "I" if self.kind == 5 else "i"
            parts = struct.unpack_from(f"{self.order}{2 * count}{code}", raw)
            return tuple(a / b for a, b in zip(parts[::2], parts[1::2], strict=True) if b)
        return struct.unpack_from(f"{self.order}{count}{_CODES[self.kind]}", raw)

    def number(self) -> float | None:
        """The first value, finite, or None."""
        for value in self.numbers()[:1]:
            if value == value and abs(value) != float("inf"):
                return value
        return None


Directory = Mapping[int, Field]


@dataclass(frozen=True, slots=True)
class Tiff:
    """The directories that matter for provenance; empty ones where absent."""

    main: Directory
    """IFD0: of the picture."""
    thumbnail: Directory
    """IFD1: of the thumbnail, in EXIF."""
    exif: Directory
    gps: Directory
    damage: tuple[str, ...]


def decode(raw: bytes) -> str:
    """Text whose encoding is not stated: UTF-8 where it is valid, else Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def read_tiff(data: bytes) -> Tiff | None:
    """The directories, or None where `data` does not begin as TIFF. Never raises on any bytes."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    (magic,) = struct.unpack_from(f"{order}H", data, 2)
    if magic not in _MAGICS:
        return None
    big = magic == 43
    if big and len(data) < 16:
        return None
    (at,) = struct.unpack_from(f"{order}Q", data, 8) if big else struct.unpack_from(f"{order}I", data, 4)
    damage: list[str] = []
    main, after = _directory(data, order, at, big, damage)
    thumbnail, _ = _directory(data, order, after, big, damage) if after else ({}, 0)
    return Tiff(
        main=main,
        thumbnail=thumbnail,
        exif=_pointed(data, order, main.get(EXIF_POINTER), big, damage),
        gps=_pointed(data, order, main.get(GPS_POINTER), big, damage),
        damage=tuple(dict.fromkeys(damage)),
    )


def _pointed(data: bytes, order: str, pointer: Field | None, big: bool, damage: list[str]) -> Directory:
    at = pointer.number() if pointer is not None else None
    return {} if at is None else _directory(data, order, int(at), big, damage)[0]


def _directory(data: bytes, order: str, at: int, big: bool, damage: list[str]) -> tuple[dict[int, Field], int]:
    """The fields of the directory at `at`, and where the next one lies (0 for none)."""
    head, entry = ("Q", 20) if big else ("H", 12)
    width = 8 if big else 2
    if not 8 <= at <= len(data) - width:
        damage.append("a directory is stated to lie outside the block")
        return {}, 0
    (count,) = struct.unpack_from(f"{order}{head}", data, at)
    fields: dict[int, Field] = {}
    start = at + width
    held = min(count, MAX_FIELDS, (len(data) - start) // entry)
    if held < count:
        damage.append("a directory states more fields than are there")
    for n in range(held):
        where = start + n * entry
        if big:
            tag, kind, values = struct.unpack_from(f"{order}HHQ", data, where)
            inline, pointer, room = where + 12, f"{order}Q", 8
        else:
            tag, kind, values = struct.unpack_from(f"{order}HHI", data, where)
            inline, pointer, room = where + 8, f"{order}I", 4
        found = Field(data, order, kind, values, inline)
        if found.length > room:
            found = Field(data, order, kind, values, struct.unpack_from(pointer, data, inline)[0])
        if not found.whole:
            damage.append("a value is stated to lie outside the block")
        fields.setdefault(tag, found)
    end = start + held * entry
    step = 8 if big else 4
    if held < count or end + step > len(data):
        return fields, 0
    (after,) = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, end)
    return fields, int(after)
