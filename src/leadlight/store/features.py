"""Lists of local features, kept with the case: a copy of each file, named by the SHA-256 that its act records.

The copy lies beside the database; that of an encrypted case lies in the database.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, delete, func, inspect, select

from leadlight.audit import Fault
from leadlight.durable import settle
from leadlight.errors import CaseDamaged, CaseError, CaseFull, HashListError
from leadlight.keypoints import listing
from leadlight.records import ListInfo
from leadlight.seams import ListedPicture
from leadlight.store.database import Database
from leadlight.store.lists import Lists

_CHUNK = 1 << 20
_PART = 1 << 18
_KEPT = Table(
    "kept_features",
    MetaData(),
    Column("digest", String(64), primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
"""Made where an encrypted case keeps its first list: no other case has it."""


def keep(database: Database, source: Path, digest: str) -> None:
    """Copy a list of local features into the folder of the case, whole or not at all; other lists are left alone.

    Raises CaseError where it can't be written, and HashListError where the file is not of that SHA-256 any more.
    """
    target = _place(database, digest)
    if not listing.is_listing(source) or target.is_file():
        return
    if database.lock is not None:
        _keep_inside(database, source, digest)
        return
    part = target.with_suffix(".part")
    try:
        target.parent.mkdir(mode=0o700, exist_ok=True)
        running = hashlib.sha256()
        with source.open("rb") as taken, part.open("wb") as kept:
            while chunk := taken.read(_CHUNK):
                running.update(chunk)
                kept.write(chunk)
            kept.flush()
            os.fsync(kept.fileno())
        if running.hexdigest() != digest:
            raise _changed(source)
        part.replace(target)
        settle(target.parent)
        settle(target.parent.parent)
    except OSError as e:
        if e.errno == errno.ENOSPC:
            raise CaseFull(
                "there is no room left on its disk",
                subject=str(target.parent),
                advice="Free some space and run the same command again: it goes on where it was.",
            ) from e
        raise CaseError(
            f"can't keep a list of local features ({e.strerror or type(e).__name__})",
            subject=str(target.parent),
            advice="Check that there is room on the disk of the case and that it may be written to.",
        ) from e
    finally:
        with suppress(OSError):
            part.unlink()


def listed(database: Database, number: int) -> Iterator[ListedPicture]:
    """The pictures of a list that have features, in its file's order; none for a list of another format.

    Raises CaseDamaged where the copy is gone or was altered.
    """
    for info in Lists(database).all():
        if info.number == number and info.format == listing.FORMAT:
            path = _place(database, info.digest)
            fault = _fault(database, info)
            try:
                if fault:
                    raise _damaged(path, fault)
                for picture in listing.read(path, _opened(database, info.digest)):
                    if picture.record:
                        yield ListedPicture(picture.sha256.hex(), picture.record)
            except HashListError as e:
                raise _damaged(path, e.what) from e


def check_features(database: Database) -> Iterator[Fault]:
    """Faults of the copies that are kept."""
    for info in Lists(database).all():
        if info.format == listing.FORMAT:
            fault = _fault(database, info)
            if fault:
                yield Fault(f"hash list {info.number}", fault)


def _place(database: Database, digest: str) -> Path:
    return Path(database.subject).parent / listing.FOLDER / f"{digest}.features"


def take_in(database: Database) -> None:
    """Put the copies that lie beside an encrypted database into it; who calls removes them."""
    for info in Lists(database).all(removed=True):
        path = _place(database, info.digest)
        if info.format == listing.FORMAT and path.is_file():
            _keep_inside(database, path, info.digest)


def _keep_inside(database: Database, source: Path, digest: str) -> None:
    with database.writing() as connection:
        _KEPT.create(connection, checkfirst=True)
        connection.execute(delete(_KEPT).where(_KEPT.c.digest == digest))
        running = hashlib.sha256()
        with source.open("rb") as taken:
            number = 0
            while chunk := taken.read(_PART):
                running.update(chunk)
                connection.execute(_KEPT.insert(), [{"digest": digest, "part": number, "data": chunk}])
                number += 1
        if running.hexdigest() != digest:
            raise _changed(source)


class _Inside(io.RawIOBase):
    """A copy in the database, read part by part."""

    def __init__(self, database: Database, digest: str) -> None:
        self._database = database
        self._digest = digest
        self._at = 0
        self._size = self._one(select(func.sum(func.length(_KEPT.c.data))).where(_KEPT.c.digest == digest)) or 0

    def _one(self, query: Any) -> Any:
        with self._database.reading() as connection:
            return connection.execute(query).scalar()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, within = divmod(self._at, _PART)
        query = select(_KEPT.c.data).where(_KEPT.c.digest == self._digest, _KEPT.c.part == number)
        some = (self._one(query) or b"")[within : within + len(buffer)]
        buffer[: len(some)] = some
        self._at += len(some)
        return len(some)


def _opened(database: Database, digest: str) -> io.BufferedReader:
    """The copy. Raises OSError where there is none."""
    if database.lock is None:
        return _place(database, digest).open("rb")
    with database.reading() as connection:
        there = inspect(connection).has_table(_KEPT.name)
    if not there:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return io.BufferedReader(_Inside(database, digest), _PART)


def _changed(source: Path) -> HashListError:
    return HashListError(
        "changed while it was read", subject=source.name, advice="Wait until it is whole, and add it again."
    )


def _fault(database: Database, info: ListInfo) -> str:
    """What is wrong with a copy; '' where it is the file that was loaded."""
    try:
        with _opened(database, info.digest) as stream:
            now = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        return f"its local features can't be read ({e.strerror or type(e).__name__})"
    return "" if now == info.digest else "its local features were altered: their SHA-256 is another"


def _damaged(path: Path, what: str) -> CaseDamaged:
    return CaseDamaged(
        what, subject=str(path), advice="Add the list's file again, or restore the case from a copy."
    )
