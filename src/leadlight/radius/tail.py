"""What was added and removed since the last merge: a file of records that only grows.

Layout, all little-endian: a header of 64 bytes (magic, version, the number of the first hash, a CRC-32 of
these; from byte 32 how many bytes of records count, and a CRC-32 of that), then records: kind, count, first
number, a CRC-32 of these and of the content; then the content, hashes or numbers. A record counts when the
header says so, which is written last: a reader sees all of a record or nothing, and what a crash left behind is
written over.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from leadlight.radius.segment import MOST_NUMBERS, damaged
from leadlight.radius.words import INDICES, WORDS

MAGIC = b"LLRADTAL"
VERSION = 1
HEADER = 64
ADDED, REMOVED = 1, 2
_FIXED = struct.Struct("<8sIIQ")
_STATE = struct.Struct("<QI")
_STATE_AT = 32
_RECORD = struct.Struct("<IIQ")
_CRC = struct.Struct("<I")
_OVERHEAD = _RECORD.size + _CRC.size + 4
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Record:
    """Hashes added, numbered from `first` on, or numbers removed."""

    first: int
    added: WORDS | None = None
    removed: INDICES | None = None


def create(path: Path, first: int) -> None:
    """An empty tail whose first hash will have the number `first`."""
    fixed = _FIXED.pack(MAGIC, VERSION, 0, first)
    head = (fixed + _CRC.pack(crc32(fixed))).ljust(_STATE_AT, b"\0") + _state(0)
    with path.open("xb") as out:
        out.write(head.ljust(HEADER, b"\0"))
        out.flush()
        os.fsync(out.fileno())


def _state(length: int) -> bytes:
    raw = struct.pack("<Q", length)
    return raw + _CRC.pack(crc32(raw))


class Tail:
    """The tail, read from where the last look ended."""

    def __init__(self, path: Path, *, write: bool) -> None:
        """Raises IndexDamaged, or FileNotFoundError where there is none."""
        self.path = path
        self._file = path.open("r+b" if write else "rb", buffering=0)
        self._seen = 0
        try:
            head = os.pread(self._file.fileno(), HEADER, 0)
            if len(head) < HEADER or head[:8] != MAGIC:
                raise damaged(path, "not the tail of a radius index, or cut off")
            _, version, _, self.first = _FIXED.unpack_from(head)
            if version != VERSION:
                raise damaged(path, f"written in version {version}; this reads {VERSION}")
            if self.first > MOST_NUMBERS:
                raise damaged(path, "numbers its hashes beyond what can be counted")
            good = _CRC.pack(crc32(head[: _FIXED.size])).ljust(_STATE_AT - _FIXED.size, b"\0")
            if head[_FIXED.size : _STATE_AT] != good or head[_STATE_AT + _STATE.size :].strip(b"\0"):
                raise damaged(path, "the header does not match its checksum")
        except BaseException:
            self._file.close()
            raise
        self.next = self.first

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _length(self) -> int:
        for _ in range(_TRIES):
            raw = os.pread(self._file.fileno(), _STATE.size, _STATE_AT)
            if len(raw) == _STATE.size:
                length, crc = _STATE.unpack(raw)
                if crc32(raw[:8]) == crc:
                    return int(length)
            time.sleep(0.002)
        raise damaged(self.path, "the number of bytes that count does not match its checksum")

    def news(self) -> Iterator[Record]:
        """The records that came since the last call. Raises IndexDamaged."""
        length = self._length()
        if length < self._seen:
            raise damaged(self.path, "fewer records count than before")
        if length == self._seen:
            return
        raw = b""
        if HEADER + length <= os.fstat(self._file.fileno()).st_size:
            raw = os.pread(self._file.fileno(), length - self._seen, HEADER + self._seen)
        if len(raw) < length - self._seen:
            raise damaged(self.path, f"is cut off: {length:,} bytes of records should be there")
        at = 0
        while at < len(raw):
            record, used = self._record(raw, at)
            at += used
            self._seen += used
            if record.added is not None:
                self.next += len(record.added)
            yield record

    def _record(self, raw: bytes, at: int) -> tuple[Record, int]:
        bad = damaged(self.path, f"the record at byte {HEADER + self._seen:,} does not match its checksum")
        if at + _OVERHEAD > len(raw):
            raise bad
        kind, count, first = _RECORD.unpack_from(raw, at)
        crc, spare = struct.unpack_from("<II", raw, at + _RECORD.size)
        body = raw[at + _OVERHEAD : at + _OVERHEAD + count * (32 if kind == ADDED else 8)]
        if crc32(body, crc32(raw[at : at + _RECORD.size])) != crc or spare or kind not in (ADDED, REMOVED):
            raise bad
        used = _OVERHEAD + len(body)
        if len(body) != count * (32 if kind == ADDED else 8) or (kind == ADDED and first != self.next):
            raise bad
        if kind == REMOVED:
            return Record(first, removed=np.frombuffer(body, dtype="<i8").astype(np.int64)), used
        return Record(first, added=np.frombuffer(body, dtype="<u8").astype(np.uint64).reshape(-1, 4)), used

    def add(self, hashes: WORDS) -> None:
        """Append hashes; they count when this returns."""
        self._append(ADDED, len(hashes), self.next, np.ascontiguousarray(hashes, dtype="<u8").tobytes())

    def remove(self, ids: INDICES) -> None:
        """Append the numbers of removed hashes; they count when this returns."""
        self._append(REMOVED, len(ids), 0, np.ascontiguousarray(ids, dtype="<i8").tobytes())

    def _append(self, kind: int, count: int, first: int, body: bytes) -> None:
        head = _RECORD.pack(kind, count, first)
        raw = head + _CRC.pack(crc32(body, crc32(head))) + bytes(4) + body
        _write(self._file.fileno(), raw, HEADER + self._seen)
        os.fsync(self._file.fileno())
        _write(self._file.fileno(), _state(self._seen + len(raw)), _STATE_AT)
        os.fsync(self._file.fileno())


def _write(file: int, raw: bytes, at: int) -> None:
    while raw:
        done = os.pwrite(file, raw, at)
        raw, at = raw[done:], at + done
