"""Hash lists in a case: loaded once into its index, never read from their file again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from sqlalchemy import Connection, insert, select, update

from leadlight.records import ListEntry, ListInfo, ListKind
from leadlight.records.codec import when_in, when_out
from leadlight.store import cipher, schema
from leadlight.store.database import Database, understood
from leadlight.store.sorting import in_order

_BATCH = 20_000
_SQLITE = f"INSERT INTO {schema.entry.name} (algorithm, value, list, label) VALUES (?, ?, ?, ?)"  # noqa: S608
_FIELDS = ("name", "kind", "format", "owner", "version", "dated", "entries", "added")


def info_of(row: Any) -> ListInfo:
    """A list from its row. Raises CaseDamaged."""
    with understood(f"hash list {row.number}"):
        return ListInfo(
            name=row.name,
            kind=ListKind(row.kind),
            format=row.format,
            owner=row.owner,
            version=row.version,
            date=row.dated,
            digest=row.digest,
            number=row.number,
            entries=row.entries,
            added=when_in(row.added),
            removed=when_in(row.removed),
        )


def added_details(connection: Connection, number: int, digest: str = "") -> dict[str, Any]:
    """What the act of loading a list records: every field of its row but its removal, and its entries, of which
    `insert_list` told the digest; without it they are read.
    """
    t = schema.hash_list
    row = connection.execute(select(t).where(t.c.number == number)).one()
    fields = {k: getattr(row, k) for k in _FIELDS}
    entries = digest or entries_digest(connection, number)
    return {"list": number, **fields, "sha256": row.digest, "entries_digest": entries}


class Lists:
    """The lists of one case."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, *, removed: bool = False) -> tuple[ListInfo, ...]:
        """Lists in the order they were added; with `removed`, those no longer used too."""
        query = select(schema.hash_list).order_by(schema.hash_list.c.number)
        if not removed:
            query = query.where(schema.hash_list.c.removed.is_(None))
        with self._database.reading() as connection:
            return tuple(info_of(row) for row in connection.execute(query))

    def entries(self, number: int, algorithm: str) -> Iterator[ListEntry]:
        """Entries of one algorithm in order of value, streamed."""
        t = schema.entry.c
        query = (
            select(t.algorithm, t.value, t.label)
            .where(t.list == number, t.algorithm == algorithm)
            .order_by(t.value)
        )
        with self._database.reading() as connection:
            for row in connection.execution_options(yield_per=5000).execute(query):
                yield ListEntry(row.algorithm, row.value, row.label)


def insert_list(connection: Connection, info: ListInfo, entries: Iterable[ListEntry]) -> tuple[ListInfo, str]:
    """Load a list within a transaction: a broken one leaves no trace. Returns it with its number and size, and the
    digest of its entries as `entries_digest` gives it.
    """
    number = connection.execute(
        insert(schema.hash_list).returning(schema.hash_list.c.number),
        [
            {
                "name": info.name,
                "kind": str(info.kind),
                "format": info.format,
                "owner": info.owner,
                "version": info.version,
                "dated": info.date,
                "digest": info.digest,
                "entries": 0,
                "added": when_out(datetime.now(UTC)),
                "removed": None,
            }
        ],
    ).scalar_one()
    count, digest = 0, hashlib.sha256(str(info.kind).encode())
    rows = in_order(entries, cipher.driver_of(connection))
    while some := list(islice(rows, _BATCH)):
        _insert(connection, [(algorithm, value, number, label) for algorithm, value, label in some])
        digest.update(_lines(some))
        count += len(some)
    t = schema.hash_list
    connection.execute(update(t).where(t.c.number == number).values(entries=count))
    loaded = info_of(connection.execute(select(t).where(t.c.number == number)).one())
    return loaded, digest.hexdigest()


def retire_list(connection: Connection, number: int) -> str:
    """Take a list out of use; returns when. Its past hits stay in the record and no longer count."""
    t = schema.hash_list
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    connection.execute(update(t).where(t.c.number == number).values(removed=now))
    return now


def entries_digest(connection: Connection, number: int) -> str:
    """SHA-256 over a list's kind and entries in order of algorithm and value."""
    t = schema.entry.c
    kind = connection.execute(select(schema.hash_list.c.kind).where(schema.hash_list.c.number == number)).scalar()
    digest = hashlib.sha256(str(kind).encode())
    query = select(t.algorithm, t.value, t.label).where(t.list == number).order_by(t.algorithm, t.value)
    rows = connection.execution_options(yield_per=_BATCH).execute(query)
    for part in rows.partitions(_BATCH):
        digest.update(_lines(part))
    return digest.hexdigest()


def _lines(rows: Iterable[Any]) -> bytes:
    """dumps([algorithm, value in hex, label]) of each, made at once: there may be tens of millions."""
    text = "".join([f'[{_quoted(a)},"{value.hex()}",{_quoted(label)}]' for a, value, label in rows])
    return text.encode("ascii")


def _insert(connection: Connection, rows: list[tuple[str, bytes, int, str]]) -> None:
    if connection.dialect.name == "sqlite":  # rows that are named and bound one by one take three times as long
        connection.exec_driver_sql(_SQLITE, rows)
    else:
        names = ("algorithm", "value", "list", "label")
        connection.execute(insert(schema.entry), [dict(zip(names, row, strict=True)) for row in rows])
