"""The perceptual hashes of a case's lists, searched by nearness: an index for each list, beside the database.

The database is the truth. An index is made of it, opened in milliseconds by every later run, read through once
and compared with its checksums before anything is concluded from it, and made again where it is missing, broken
or of another state of the list. Without room or leave to write, and for an encrypted case, whose hashes are not to
lie beside it in plain, the index is in memory: findings are the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path

import numpy as np
from sqlalchemy import select

from leadlight.errors import CaseDamaged, CaseError, UsageError
from leadlight.radius import HITS, INDICES, WORDS, IndexFile, RadiusIndex, pack, unpack
from leadlight.records import ListEntry
from leadlight.records.codec import dumps
from leadlight.store import schema
from leadlight.store.database import Database, understood

FOLDER = "lists"
"""In the folder of the case; within it one folder for each list, by number."""
FEW = 20_000
"""Up to so many hashes an index is made in memory each time: in less than it takes to look at a file."""
LAYOUT = 1
"""Raised with every change of what is put into an index, or of how it is numbered."""
ALGORITHM = "pdq"
_CHUNK = 400
_READ = 1 << 16


class NearList:
    """One list's PDQ entries (`seams.NearEntries`), numbered from 0 in order of value."""

    def __init__(self, database: Database, number: int, index: IndexFile | RadiusIndex) -> None:
        self._database = database
        self._number = number
        self._index = index

    def __len__(self) -> int:
        return len(self._index)

    def search(self, hashes: WORDS, radius: int, *, lanes: int = 1) -> Iterator[HITS]:
        return self._index.search(hashes, radius, lanes=lanes)

    def entries(self, numbers: Sequence[int]) -> list[ListEntry]:
        ids = np.array(numbers, dtype=np.int64)
        values = unpack(_hashes(self._index, ids))
        t = schema.entry.c
        labels: dict[bytes, str] = {}
        with self._database.reading() as connection:
            for start in range(0, len(values), _CHUNK):
                query = select(t.value, t.label).where(
                    t.algorithm == ALGORITHM, t.list == self._number, t.value.in_(values[start : start + _CHUNK])
                )
                labels.update((bytes(r.value), r.label) for r in connection.execute(query))
        absent = [v for v in values if v not in labels]
        if absent:
            raise CaseDamaged(
                f"lacks the entry {absent[0].hex()[:16]}…, which was there when it was loaded",
                subject=f"hash list {self._number}",
                advice="Run 'leadlight verify' on the case, then restore it from a copy.",
            )
        return [ListEntry(ALGORITHM, v, labels[v]) for v in values]


@contextmanager
def near_list(database: Database, number: int) -> Iterator[NearList]:
    """The PDQ entries of a list, for as long as the context lasts. Raises CaseDamaged."""
    index = _index(database, number)
    try:
        yield NearList(database, number, index)
    finally:
        if isinstance(index, IndexFile):
            index.close()


def forget(database: Database, number: int) -> None:
    """Take away the index of a list that is used no more."""
    _clear(_place(database, number))
    with suppress(OSError):
        _place(database, number).parent.rmdir()


def _index(database: Database, number: int) -> IndexFile | RadiusIndex:
    note = "" if database.lock else _state(database, number)
    path = _place(database, number)
    if note and (found := _sound(path, note)):
        return found
    values = _values(database, number)
    first = list(islice(values, FEW + 1))
    if len(first) <= FEW or not note:
        return RadiusIndex(_packed(chain(first, values)))
    hashes = _packed(chain(first, values))
    try:
        return _made(path, hashes, note)
    except (OSError, CaseError, UsageError):
        return RadiusIndex(hashes)


def _sound(path: Path, note: str) -> IndexFile | None:
    """The index at `path`, where it was made of this state of the list and every byte of it is as written."""
    try:
        index = IndexFile.open(path)
    except (CaseError, OSError):
        return None
    try:
        if index.note == note:
            index.check()
            return index
    except (CaseError, OSError):
        pass
    index.close()
    return None


def _made(path: Path, hashes: WORDS, note: str) -> IndexFile:
    """A new index, which becomes `path` at the end, whole or not at all."""
    making = path.with_name(f".{path.name}.making")
    _clear(making)
    try:
        making.mkdir(parents=True, mode=0o700)
        making.rmdir()
        IndexFile.create(making, hashes, note=note).close()
        _clear(path)
        making.rename(path)
        return IndexFile.open(path)
    except BaseException:
        _clear(making)
        raise


def _clear(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink()


def _place(database: Database, number: int) -> Path:
    return Path(database.subject).parent / FOLDER / str(number)


def _state(database: Database, number: int) -> str:
    """What an index of this list must say it was made of; '' where no act says that it was loaded."""
    t = schema.act
    query = select(t.c.number, t.c.details).where(t.c.action == "list.add").order_by(t.c.number)
    with database.reading() as connection:
        for row in connection.execute(query):
            with understood(f"act {row.number}"):
                details = dict(json.loads(row.details))
                facts = [LAYOUT, number, details["entries"], details["entries_digest"]]
            if details.get("list") == number:
                return sha256(dumps(facts).encode("ascii")).hexdigest()
    return ""


def _values(database: Database, number: int) -> Iterator[bytes]:
    """In order, as `_packed` numbers them."""
    t = schema.entry.c
    query = select(t.value).where(t.list == number, t.algorithm == ALGORITHM).order_by(t.value)
    with database.reading() as connection:
        for part in connection.execution_options(yield_per=_READ).execute(query).scalars().partitions(_READ):
            yield from part


def _packed(values: Iterator[bytes]) -> WORDS:
    parts: list[WORDS] = []
    with understood("hash entries"):
        while some := list(islice(values, _READ)):
            if any(len(v) != 32 for v in some):
                raise ValueError("length")
            parts.append(pack(some))
    return np.concatenate(parts) if parts else np.empty((0, 4), dtype=np.uint64)


def _hashes(index: IndexFile | RadiusIndex, ids: INDICES) -> WORDS:
    return index.hashes(ids) if isinstance(index, IndexFile) else index.hashes[ids]
