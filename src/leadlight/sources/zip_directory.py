"""The directory of a ZIP archive, and the headers before its members (PKWARE APPNOTE 6.3.10, clauses 4.3 to 4.5).

Read here rather than by the standard library, which cuts names at a zero byte, refuses archives whose names
are no text, and gives up where the directory at the end is lost.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

from leadlight.errors import Undecodable
from leadlight.records import Times
from leadlight.sources.stream import REPAIR, dos_time, unix_time, windows_time

LOCAL = b"PK\x03\x04"
CENTRAL = b"PK\x01\x02"
DESCRIPTOR = b"PK\x07\x08"
_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"

_CENTRAL = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_TAIL = struct.Struct("<4s4H2IH")
_TAIL64 = struct.Struct("<4sQ2H2I4Q")
_UNKNOWN = 0xFFFFFFFF

ENCRYPTED = 0x0001
STREAMED = 0x0008
"""Sizes and checksum follow the data, in a descriptor."""
STRONG = 0x0040
MASKED = 0x2000

AES = 99
LOOSE = 64
"""Bytes in one stretch that no member needs and that are no matter."""
_SIGNING_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """What the archive states of one member."""

    name: bytes
    flags: int
    method: int
    crc: int | None
    packed: int | None
    """Bytes in the archive; None where a local header leaves them to the descriptor."""
    size: int | None
    offset: int
    """Of the local header, from the start of the file."""
    folder: bool
    times: Times

    @property
    def encrypted(self) -> bool:
        """Whether a password is needed, by the traditional cipher, the strong one or AES."""
        return bool(self.flags & (ENCRYPTED | STRONG | MASKED)) or self.method == AES


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory lies."""

    start: int
    end: int
    count: int
    shift: int
    """Bytes before the archive (a program that unpacks itself): added to every offset."""
    record: int
    """Where the record lies that ends the archive."""
    after: int
    """Where the archive ends, its comment included."""


def locate(file: BinaryIO, size: int) -> Directory | None:
    """The directory, from the record at the end; None where there is none that holds together."""
    length = min(size, _TAIL.size + 0xFFFF)
    tail = _at(file, size - length, length)
    found = len(tail)
    while (found := tail.rfind(_END, 0, found)) >= 0:
        if len(tail) - found < _TAIL.size:
            continue
        _, disk, first, _, count, span, offset, comment = _TAIL.unpack_from(tail, found)
        position = size - length + found
        if found + _TAIL.size + comment > len(tail):
            continue
        after = position + _TAIL.size + comment
        end = position
        if wide := _wide(file, position):
            end, count, span, offset = wide
        elif disk or first:
            continue
        for shift in (end - span - offset, 0):
            start = offset + shift
            if shift < 0 or start + span > end:
                continue
            if count == 0 or _at(file, start, 4) == CENTRAL:
                return Directory(start, start + span, count, shift, position, after)
    return None


def _wide(file: BinaryIO, position: int) -> tuple[int, int, int, int] | None:
    """ZIP64: where its end record lies, and the count, span and offset it states."""
    locator = _at(file, position - 20, 20)
    if len(locator) < 20 or not locator.startswith(_LOCATOR64):
        return None
    for at in (int.from_bytes(locator[8:16], "little"), position - 20 - _TAIL64.size):
        record = _at(file, at, _TAIL64.size)
        if len(record) == _TAIL64.size and record.startswith(_END64):
            *_, count, span, offset = _TAIL64.unpack(record)
            return at, count, span, offset
    return None


def entries(file: BinaryIO, directory: Directory) -> Iterator[Entry]:
    """What the directory lists, in its order. Raises Undecodable where it breaks off."""
    at = directory.start
    seen = 0
    while at < directory.end:
        fixed = _at(file, at, _CENTRAL.size)
        if len(fixed) < _CENTRAL.size or not fixed.startswith(CENTRAL):
            break
        (_, made, _, flags, method, time, date, crc, packed, size, *lengths, _, _, attributes, offset) = (
            _CENTRAL.unpack(fixed)
        )
        names, extras, comments = lengths
        rest = _at(file, at + _CENTRAL.size, names + extras)
        if len(rest) < names + extras:
            break
        name, extra = rest[:names], rest[names:]
        wide = _wide_sizes(extra, (size, packed, offset))
        at += _CENTRAL.size + names + extras + comments
        seen += 1
        yield Entry(
            name=name,
            flags=flags,
            method=method,
            crc=None if method == AES else crc,
            packed=wide[1],
            size=wide[0],
            offset=wide[2] + directory.shift,
            folder=wide[0] == 0 and _folder(name, made >> 8, attributes),
            times=_times(extra, date, time),
        )
    if seen & 0xFFFF != directory.count & 0xFFFF:
        raise Undecodable(
            f"its directory states {directory.count} members and lists {seen}: it is damaged", advice=REPAIR
        )


def local(file: BinaryIO, offset: int) -> tuple[Entry, int] | None:
    """The header before a member, and where its data starts; None where there is none."""
    fixed = _at(file, offset, _LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(LOCAL):
        return None
    _, _, flags, method, time, date, crc, packed, size, names, extras = _LOCAL.unpack(fixed)
    rest = _at(file, offset + _LOCAL.size, names + extras)
    if len(rest) < names + extras:
        return None
    name, extra = rest[:names], rest[names:]
    entry = Entry(
        name=name,
        flags=flags,
        method=method,
        crc=crc,
        packed=packed,
        size=size,
        offset=offset,
        folder=name.endswith(b"/"),
        times=_times(extra, date, time),
    )
    wide = _wide_sizes(extra, (size, packed, 0))
    entry = replace(entry, size=wide[0], packed=wide[1])
    if flags & STREAMED and not packed:
        entry = replace(entry, crc=None, packed=None, size=None)
    return entry, offset + _LOCAL.size + names + extras


def gaps(file: BinaryIO, directory: Directory, covered: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Stretches of more than 64 bytes, not all zeros, that no member (`covered`) and not the directory needs.

    A data descriptor (at most 24 bytes), the records of ZIP64 and a signing block of Android of up to 64 KiB are
    no gaps; the archive's comment is one.
    """
    known = [(directory.start, directory.end), (directory.record, directory.record + _TAIL.size)]
    if _at(file, directory.end, 4) == _END64 and directory.record - directory.end <= _TAIL64.size + 20 + LOOSE:
        known.append((directory.end, directory.record))
    at = 0
    for start, end in sorted((*covered, *known, (directory.after, directory.after))):
        if start - at > LOOSE and not _of_no_matter(file, at, start):
            yield at, start
        at = max(at, end)


def _of_no_matter(file: BinaryIO, start: int, end: int) -> bool:
    if end - start <= _SIGNING_BLOCK and _at(file, end - 16, 16) == b"APK Sig Block 42":
        return True
    step = 1 << 20
    return not any(_at(file, at, min(step, end - at)).strip(b"\0") for at in range(start, end, step))


def find(file: BinaryIO, signatures: tuple[bytes, ...], start: int, size: int) -> int | None:
    """The first place at or after `start` where one of the 4-byte `signatures` stands."""
    step = 1 << 20
    while start < size:
        block = _at(file, start, min(step + 3, size - start))
        hits = [hit for s in signatures if (hit := block.find(s)) >= 0]
        if hits:
            return start + min(hits)
        start += step
    return None


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    if offset < 0 or offset >= 1 << 62:
        return b""
    file.seek(offset)
    return file.read(length)


def _folder(name: bytes, host: int, attributes: int) -> bool:
    if name.endswith(b"/"):
        return True
    if host == 3:
        return attributes >> 16 & 0o170000 == 0o040000
    return bool(attributes & 0x10)


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        yield kind, extra[at + 4 : at + 4 + length]
        at += 4 + length


def _wide_sizes(extra: bytes, stated: tuple[int, int, int]) -> list[int]:
    """Size, packed size and offset, with ZIP64's in place of those that are all ones (clause 4.5.3)."""
    values = list(stated)
    for kind, data in _fields(extra):
        if kind != 0x0001:
            continue
        at = 0
        for n, value in enumerate(stated):
            if value == _UNKNOWN and at + 8 <= len(data):
                values[n] = int.from_bytes(data[at : at + 8], "little")
                at += 8
        break
    return values


def _times(extra: bytes, date: int, time: int) -> Times:
    """From the NTFS field, else the Unix one, else the DOS time."""
    unix: Times | None = None
    for kind, data in _fields(extra):
        if kind == 0x000A and len(data) >= 32 and data[4:8] == b"\x01\x00\x18\x00":
            modified, accessed, created = (windows_time(t) for t in struct.unpack_from("<3Q", data, 8))
            return Times(modified=modified, accessed=accessed, created=created)
        if kind == 0x5455 and len(data) >= 5 and data[0] & 1:
            unix = Times(modified=unix_time(struct.unpack_from("<i", data, 1)[0]))
    return unix or Times(modified=dos_time(date, time))
