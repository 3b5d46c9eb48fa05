"""One segment of an index file: hashes, their tables and their numbers, written once, then only mapped and read.

Layout, all little-endian: a header of 4,096 bytes, then sections that start at multiples of 4,096: the hashes
(four 64-bit words each, the first byte of a hash is the highest of the first word), their numbers (none where
they run on from the first), and for each chunk the groups, prints and rows of native/radius.h. The header holds
for each section its place, length and BLAKE2b-128, and ends with the BLAKE2b-256 of itself.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leadlight.errors import IndexDamaged
from leadlight.radius.kernel import kernel
from leadlight.radius.reference import ReferenceIndex, compared
from leadlight.radius.tables import LEAST, ORDER, Tables, build, mixed_order, shapes, widths_for
from leadlight.radius.words import HITS, INDICES, WORDS

MAGIC = b"LLRADSEG"
VERSION = 2
HEADER = 4096
_FIXED = struct.Struct("<8sIIQQQQII16s")
_SECTION = struct.Struct("<QQ16s")
_SECTIONS = 2 + 3 * 16
_DIGEST = 32
MOST_NUMBERS = 1 << 48
"""Numbers of hashes that an index can have given: far more than any will, and small enough to reckon with."""
_FEW = 64
"""Without the kernel: from so many queries on it pays to index the segment in memory."""


def damaged(path: Path, what: str) -> IndexDamaged:
    """The error for a file of an index that can't be trusted."""
    return IndexDamaged(
        what,
        subject=str(path),
        advice="Restore it from a copy, or build it again from its list; the evidence is not touched.",
    )


@dataclass(frozen=True, slots=True)
class _Section:
    start: int
    length: int
    digest: bytes


def write(path: Path, hashes: WORDS, ids: INDICES | None, first: int) -> str:
    """Write a segment, whole or not at all; the digest of its header, which covers all. `ids` ascend; None where
    they are first, first + 1 and so on.
    """
    part = path.with_name(path.name + ".part")
    compiled = kernel()
    widths = widths_for(len(hashes)) if compiled is not None and len(hashes) >= LEAST else b""
    last = first + len(hashes) - 1 if ids is None else int(ids[-1])
    sections: list[_Section] = []
    try:
        with part.open("wb") as out:
            out.write(bytes(HEADER))
            for section in _sections(hashes, ids, widths):
                start = out.tell()
                view = section.view(np.uint8).reshape(-1).data
                out.write(view)
                sections.append(_Section(start, view.nbytes, blake2b(view, digest_size=16).digest()))
                out.write(bytes(-out.tell() % HEADER))
            length = out.tell()
            fixed = _FIXED.pack(
                *(MAGIC, VERSION, ORDER, len(hashes), first, last, length),
                *(len(widths), int(ids is not None), widths.ljust(16, b"\0")),
            )
            table = b"".join(_SECTION.pack(s.start, s.length, s.digest) for s in sections)
            head = (fixed + table).ljust(HEADER - _DIGEST, b"\0")
            digest = blake2b(head, digest_size=_DIGEST)
            out.seek(0)
            out.write(head + digest.digest())
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
        return digest.hexdigest()
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def _sections(hashes: WORDS, ids: INDICES | None, widths: bytes) -> Iterator[npt.NDArray[Any]]:
    hashes = np.ascontiguousarray(hashes, dtype="<u8")
    yield hashes
    yield np.empty(0, dtype="<i8") if ids is None else np.ascontiguousarray(ids, dtype="<i8")
    compiled = kernel()
    if widths and compiled is not None:
        for groups, prints, rows in build(compiled, hashes, widths):
            yield groups.view(np.uint8)
            yield prints
            yield rows


class Segment:
    """A segment, mapped. Opening reads the header alone; `check` reads all."""

    def __init__(self, path: Path) -> None:
        """Raises IndexDamaged, or FileNotFoundError where there is none."""
        self.path = path
        with path.open("rb") as file:
            head = file.read(HEADER)
            size = os.fstat(file.fileno()).st_size
            if len(head) < HEADER or head[:8] != MAGIC:
                raise damaged(path, "not a segment of a radius index, or cut off")
            fields = _FIXED.unpack_from(head)
            _, version, order, self.rows, self.first, self.last, length, chunks, listed, widths = fields
            if version != VERSION or order != ORDER:
                raise damaged(path, f"written in version {version}, order {order}; this reads {VERSION}, {ORDER}")
            if blake2b(head[:-_DIGEST], digest_size=_DIGEST).digest() != head[-_DIGEST:]:
                raise damaged(path, "the header does not match its checksum")
            if size != length:
                raise damaged(path, f"has {size:,} bytes, not {length:,}")
            whole = np.memmap(file, dtype=np.uint8, mode="r")
        if chunks > 16 or max(self.first, self.last) + self.rows > MOST_NUMBERS:
            raise damaged(path, "the header contradicts itself")
        self.head = head[-_DIGEST:].hex()
        self._widths = widths[:chunks]
        self._sections = [
            _Section(*_SECTION.unpack_from(head, _FIXED.size + _SECTION.size * n)) for n in range(2 + 3 * chunks)
        ]
        self._whole = whole
        kinds: list[tuple[np.dtype[Any], int]] = [(np.dtype("<u8"), self.rows * 4)]
        kinds.append((np.dtype("<i8"), self.rows if listed else 0))
        kinds += [part for table in shapes(self._widths, self.rows) for part in table]
        if [k.itemsize * n for k, n in kinds] != [s.length for s in self._sections]:
            raise damaged(path, "the header contradicts itself")
        parts = [self._part(s, kind) for s, (kind, _) in zip(self._sections, kinds, strict=True)]
        self.hashes: WORDS = parts[0].reshape(-1, 4)
        self._ids: INDICES | None = parts[1] if listed else None
        self._tables = tuple((parts[n], parts[n + 1], parts[n + 2]) for n in range(2, len(parts), 3))
        self._reference: ReferenceIndex | None = None

    def _part(self, section: _Section, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        if section.start + section.length > len(self._whole):
            raise damaged(self.path, "the header contradicts itself")
        return np.asarray(self._whole[section.start : section.start + section.length]).view(kind)

    def ids(self, rows: INDICES | slice = slice(None)) -> INDICES:
        """The numbers of some rows, or of all."""
        if self._ids is not None:
            return np.asarray(self._ids[rows], dtype=np.int64)
        if isinstance(rows, slice):
            return np.arange(self.first, self.first + self.rows, dtype=np.int64)[rows]
        return np.asarray(rows + self.first)

    def rows_of(self, ids: INDICES) -> tuple[INDICES, npt.NDArray[np.bool_]]:
        """For each number its row, and whether it is one of this segment's at all."""
        if self._ids is None:
            rows = ids - self.first
            return rows, (rows >= 0) & (rows < self.rows)
        rows = np.searchsorted(self._ids, ids)
        inside = rows < self.rows
        inside[inside] = self._ids[rows[inside]] == ids[inside]
        return rows, inside

    def hits(self, queries: WORDS, radius: int, most: int) -> HITS | None:
        """Hits by row, None where there are more than `most`. Raises IndexDamaged where a table is broken."""
        compiled = kernel()
        if compiled is not None:
            try:
                tables = Tables(compiled, self.hashes, self._widths, self._tables, mixed_order())
                return tables.hits(queries, radius, most)
            except ValueError as e:
                raise damaged(self.path, str(e)) from e
        if len(queries) < _FEW:
            return compared(self.hashes, queries, radius, most)
        if self._reference is None:
            self._reference = ReferenceIndex(np.array(self.hashes, dtype=np.uint64))
        return self._reference.hits(queries, radius, most)

    def check(self) -> None:
        """Compare every byte with the checksums. Raises IndexDamaged."""
        end = HEADER
        for section in self._sections:
            if bytes(self._whole[end : section.start]).strip(b"\0"):
                raise damaged(self.path, "bytes between two sections")
            end = section.start + section.length
            if blake2b(self._whole[section.start : end].data, digest_size=16).digest() != section.digest:
                raise damaged(self.path, f"the bytes from {section.start:,} on do not match their checksum")
        if bytes(self._whole[end:]).strip(b"\0"):
            raise damaged(self.path, "bytes after the last section")
