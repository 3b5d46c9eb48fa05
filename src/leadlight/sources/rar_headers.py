"""The headers of RAR archives, versions 4 and 5 (RARLAB, 'RAR 5.0 archive format' and technote.txt of RAR 4).

Read here rather than by a library, because the one in use starts outside programs for what it can't read itself.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from leadlight.errors import Encrypted, Undecodable
from leadlight.records import Times
from leadlight.sources.stream import REPAIR, UNLOCK, dos_time, unix_time, windows_time

SIGNATURE4 = b"Rar!\x1a\x07\x00"
SIGNATURE5 = b"Rar!\x1a\x07\x01\x00"

_LARGEST = 2 * 1024 * 1024
"""Bytes of one header: the format's own limit in version 5."""
_LINKS = {1: "a symbolic link", 2: "a symbolic link", 3: "a junction", 4: "a hard link", 5: "a reference"}
HARD_LINKS = frozenset({"a hard link", "a reference"})
"""Those that name another member of the same archive."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the archive states of one member."""

    name: bytes
    data: int
    """Where its packed bytes start."""
    packed: int
    size: int | None
    crc: int | None
    stored: bool
    """True where the bytes lie there as they are."""
    encrypted: bool
    folder: bool
    split: bool
    """True where a part lies in another volume."""
    link: str | None = None
    """What kind of link it is, in words."""
    target: bytes = b""
    times: Times = field(default_factory=Times)


@dataclass(slots=True)
class Ending:
    """How the archive ended, filled in by `entries`."""

    after: int = 0
    """Where the last header's data ends."""
    marked: bool = False
    """An end mark was there."""
    goes_on: bool = False
    """It states that other volumes follow."""


def entries(file: BinaryIO, size: int, ending: Ending) -> Iterator[Entry]:
    """What the headers list, in their order. Raises Undecodable where one is broken, Encrypted where all are."""
    file.seek(0)
    head = file.read(8)
    if head.startswith(SIGNATURE5):
        yield from _version5(file, size, ending)
    elif head.startswith(SIGNATURE4):
        yield from _version4(file, size, ending)
    else:
        raise Undecodable("does not start as a RAR archive of version 4 or 5", advice=REPAIR)


def _version4(file: BinaryIO, size: int, ending: Ending) -> Iterator[Entry]:
    at = ending.after = len(SIGNATURE4)
    while at < size and not ending.marked:
        file.seek(at)
        fixed = file.read(7)
        if len(fixed) < 7:
            raise _broken(at)
        crc, kind, flags, length = struct.unpack("<HBHH", fixed)
        head = fixed + file.read(max(0, length - 7))
        if (
            len(head) != length
            or length < 7
            or (kind != 0x7A and zlib.crc32(_checked4(head, kind)) & 0xFFFF != crc)
        ):
            raise _broken(at)
        added = 0
        try:
            if flags & 0x8000 or kind in (0x74, 0x7A):
                added = int(struct.unpack_from("<I", head, 7)[0])
            if kind in (0x74, 0x7A):
                if flags & 0x100:
                    added += int(struct.unpack_from("<I", head, 32)[0]) << 32
                if kind == 0x74:
                    yield _file4(head, flags, at + length, added)
        except (struct.error, IndexError) as e:
            raise _broken(at) from e
        if kind == 0x73 and flags & 0x80:
            raise Encrypted("is encrypted, the names in it too", advice=UNLOCK)
        if kind == 0x7B:
            ending.marked, ending.goes_on = True, bool(flags & 1)
        at = ending.after = at + length + added


def _checked4(head: bytes, kind: int) -> bytes:
    """What the checksum of a header covers: an old comment inside the main or file header is left out."""
    if kind == 0x73 and len(head) > 13 and struct.unpack_from("<H", head, 3)[0] & 2:
        return head[2:13]
    return head[2:]


def _file4(head: bytes, flags: int, data: int, packed: int) -> Entry:
    _, size, host, crc, moment, _, method, names, attributes = struct.unpack_from("<IIBIIBBHI", head, 7)
    at = 32
    if flags & 0x100:
        size |= struct.unpack_from("<I", head, at + 4)[0] << 32
        at += 8
    unix = host == 3
    is_link = unix and attributes & 0o170000 == 0o120000
    return Entry(
        name=_name4(head[at : at + names], wide=bool(flags & 0x200)),
        data=data,
        packed=packed,
        size=None if size in (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF) else size,
        crc=crc,
        stored=method == 0x30,
        encrypted=bool(flags & 0x04),
        folder=flags & 0xE0 == 0xE0,
        split=bool(flags & 0x03),
        link="a symbolic link" if is_link else None,
        times=Times(modified=dos_time(moment >> 16, moment & 0xFFFF)),
    )


def _name4(raw: bytes, *, wide: bool) -> bytes:
    """A name: bytes as they are, or both forms of it, the second packed against the first."""
    if not wide or b"\0" not in raw:
        return raw
    plain, packed = raw.split(b"\0", 1)
    try:
        return (_unpacked_name(plain, packed) or raw) if packed else plain
    except IndexError:
        return raw


def _unpacked_name(plain: bytes, packed: bytes) -> bytes:
    """UTF-16 units, each by two bits: a low byte, one with the common high byte, a pair, or a run of `plain`."""
    units: list[int] = []
    high, at, bits, flags = packed[0], 1, 0, 0
    while at < len(packed):
        if not bits:
            flags, bits, at = packed[at], 8, at + 1
            continue
        bits -= 2
        way = flags >> bits & 3
        if way == 3:
            count, at = packed[at], at + 1
            shift = None
            if count & 0x80:
                shift, at = packed[at], at + 1
            for _ in range((count & 0x7F) + 2):
                if len(units) >= len(plain):
                    break
                unit = plain[len(units)]
                units.append(unit if shift is None else (unit + shift & 0xFF) | high << 8)
            continue
        unit, at = packed[at], at + 1
        if way == 1:
            unit |= high << 8
        elif way == 2:
            unit, at = unit | packed[at] << 8, at + 1
        units.append(unit)
    return (
        struct.pack(f"<{len(units)}H", *units)
        .decode("utf-16-le", "surrogatepass")
        .encode("utf-8", "surrogatepass")
    )


def _version5(file: BinaryIO, size: int, ending: Ending) -> Iterator[Entry]:
    at = ending.after = len(SIGNATURE5)
    while at < size and not ending.marked:
        file.seek(at)
        start = file.read(7)
        try:
            length, used = _vint(start, 4)
            if not 0 < length <= _LARGEST:
                raise _broken(at)
            file.seek(at + 4)
            covered = file.read(used - 4 + length)
            if len(covered) != used - 4 + length or zlib.crc32(covered) != int.from_bytes(start[:4], "little"):
                raise _broken(at)
            head = covered[used - 4 :]
            kind, pos = _vint(head, 0)
            flags, pos = _vint(head, pos)
            extra = packed = 0
            if flags & 1:
                extra, pos = _vint(head, pos)
            if flags & 2:
                packed, pos = _vint(head, pos)
            data = at + used + length
            if extra > len(head) - pos:
                raise _broken(at)
            if kind == 2:
                yield _file5(head[: len(head) - extra], pos, head[len(head) - extra :], flags, data, packed)
            elif kind == 5:
                ending.marked, ending.goes_on = True, bool(_vint(head, pos)[0] & 1)
        except (struct.error, IndexError) as e:
            raise _broken(at) from e
        if kind == 4:
            raise Encrypted("is encrypted, the names in it too", advice=UNLOCK)
        at = ending.after = data + packed


def _file5(head: bytes, pos: int, extra: bytes, flags: int, data: int, packed: int) -> Entry:
    kind, pos = _vint(head, pos)
    size, pos = _vint(head, pos)
    _, pos = _vint(head, pos)
    modified = crc = None
    if kind & 2:
        modified = unix_time(struct.unpack_from("<I", head, pos)[0])
        pos += 4
    if kind & 4:
        crc = struct.unpack_from("<I", head, pos)[0]
        pos += 4
    method, pos = _vint(head, pos)
    _, pos = _vint(head, pos)
    names, pos = _vint(head, pos)
    times = Times(modified=modified)
    encrypted, link, target = False, None, b""
    for what, record in _records(extra):
        if what == 1:
            encrypted = True
        elif what == 3:
            times = _times5(record, times)
        elif what == 5:
            way, at = _vint(record, 0)
            _, at = _vint(record, at)
            length, at = _vint(record, at)
            link, target = _LINKS.get(way, "a link"), record[at : at + length]
    return Entry(
        name=head[pos : pos + names],
        data=data,
        packed=packed,
        size=None if kind & 8 else size,
        crc=crc,
        stored=method >> 7 & 7 == 0,
        encrypted=encrypted,
        folder=bool(kind & 1),
        split=bool(flags & 0x18),
        link=link,
        target=target,
        times=times,
    )


def _records(extra: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(extra):
        length, start = _vint(extra, at)
        what, pos = _vint(extra, start)
        yield what, extra[pos : start + length]
        at = start + max(1, length)


def _times5(record: bytes, times: Times) -> Times:
    flags, at = _vint(record, 0)
    found = {}
    for bit, key in ((2, "modified"), (4, "created"), (8, "accessed")):
        if not flags & bit:
            continue
        if flags & 1:
            found[key] = unix_time(struct.unpack_from("<I", record, at)[0])
            at += 4
        else:
            found[key] = windows_time(struct.unpack_from("<Q", record, at)[0])
            at += 8
    return Times(
        modified=found.get("modified", times.modified),
        created=found.get("created"),
        accessed=found.get("accessed"),
    )


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """A number of up to ten bytes, seven bits each, the lowest first. Raises IndexError."""
    value = 0
    for n in range(10):
        byte = data[at + n]
        value |= (byte & 0x7F) << 7 * n
        if not byte & 0x80:
            return value, at + n + 1
    raise IndexError


def _broken(at: int) -> Undecodable:
    return Undecodable(f"the header at byte {at} is broken: what follows it can't be listed", advice=REPAIR)
