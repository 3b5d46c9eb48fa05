"""The NSRL Reference Data Set, version 3: an SQLite database by NIST, full or minimal.

Read through FILE, a table in the minimal sets and a view in the full ones, with the columns sha256, sha1, md5,
crc32 (in the older sets), file_name, file_size and package_id (NIST, 'RDSv3', 2022). One entry is taken a row,
the strongest digest it has: two files with one MD5 can be made on purpose, and what is on a benign list is
set aside, so the weaker digests would only open a door.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from leadlight.errors import HashListError
from leadlight.hashlists.reading import (
    bad_value,
    fault,
    file_digest,
    label_of,
    title,
    unreadable,
    value_of,
)
from leadlight.records import ListEntry, ListInfo, ListKind, display_text

_MAGIC = b"SQLite format 3\0"
_STRENGTH = ("sha256", "sha1", "md5")
_ROWS = 10_000
_FAULTS = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""What a damaged database raises."""


class NsrlList:
    """NIST's list of the files of known software."""

    name = "nsrl"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    allowed_kinds = frozenset({ListKind.BENIGN})

    def detect(self, path: Path) -> bool:
        try:
            with path.open("rb") as stream:
                if stream.read(len(_MAGIC)) != _MAGIC:
                    return False
            with closing(_open(path)) as db:
                return bool(_digest_columns(path, db))
        except (OSError, HashListError):
            return False

    def describe(self, path: Path) -> ListInfo:
        with closing(_open(path)) as db:
            _digest_columns(path, db)
            stated = _version(db)
        return ListInfo(
            title(path),
            ListKind.BENIGN,
            self.name,
            owner="NIST NSRL",
            version=label_of(stated.get("version", ""), stated.get("build_set", "")),
            date=label_of(stated.get("release_date", "") or stated.get("build_date", "")),
            digest=file_digest(path),
        )

    def entries(self, path: Path) -> Iterator[ListEntry]:
        with closing(_open(path)) as db:
            columns = _digest_columns(path, db)
            record = 0
            try:
                cursor = db.execute(f"SELECT {', '.join(columns)} FROM FILE")  # noqa: S608
                while rows := cursor.fetchmany(_ROWS):
                    for row in rows:
                        record += 1
                        yield _entry(path, columns, row, record)
            except _FAULTS as e:
                raise _broken(path, e) from e
        if not record:
            raise fault(path, "holds no file", advice="Add the full or minimal set, not a delta.")


def _entry(path: Path, columns: tuple[str, ...], row: tuple[object, ...], record: int) -> ListEntry:
    for algorithm, text in zip(columns, row, strict=True):
        if text is None or text == "":
            continue
        value = value_of(text, algorithm) if isinstance(text, str) else None
        if value is None:
            raise bad_value(path, str(text), algorithm, at=f"record {record}, field '{algorithm}'")
        return ListEntry(algorithm, value)
    raise fault(
        path,
        "holds no digest",
        at=f"record {record}, field '{columns[0]}'",
        advice="Compare the file with the digest that NIST publishes, and fetch it again.",
    )


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.stat()
        uri = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        db = sqlite3.connect(uri, uri=True)
        db.execute("PRAGMA trusted_schema = OFF")
    except OSError as e:
        raise unreadable(path, e) from e
    except _FAULTS as e:
        raise _broken(path, e) from e
    db.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
    return db


def _digest_columns(path: Path, db: sqlite3.Connection) -> tuple[str, ...]:
    try:
        cursor = db.execute("SELECT * FROM FILE LIMIT 0")
        present = {str(column[0]).lower() for column in cursor.description}
    except _FAULTS as e:
        raise _broken(path, e) from e
    columns = tuple(c for c in _STRENGTH if c in present)
    if not columns:
        raise fault(
            path,
            "its table FILE has no column sha256, sha1 or md5",
            at="field 'sha256'",
            advice="Add an RDS version 3 database of the NSRL.",
        )
    return columns


def _version(db: sqlite3.Connection) -> dict[str, str]:
    """The newest row of VERSION; nothing where there is none: a list is still a list without it."""
    try:
        cursor = db.execute("SELECT * FROM VERSION")
        names = [str(column[0]).lower() for column in cursor.description]
        rows = [dict(zip(names, map(str, row), strict=True)) for row in cursor.fetchmany(100)]
    except _FAULTS:
        return {}
    return max(rows, key=lambda r: r.get("version", ""), default={})


def _broken(path: Path, error: Exception) -> HashListError:
    return fault(
        path,
        f"is not an RDS version 3 database ({display_text(str(error), 200)})",
        advice="Compare the file with the digest that NIST publishes, and fetch it again.",
    )


PLUGIN = NsrlList()
