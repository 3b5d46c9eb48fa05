"""Entries of a list in the order of the table they go into, however many, in little memory.

A table filled in order of its key is written once, page after page; filled in the order of a list, which is
random, each entry reads and writes a page of its own. Few entries are sorted in memory, many by SQLite in a file
without a name, in the folder for temporary files, which the system removes with the process. The list of an
encrypted case is sorted in an encrypted file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from heapq import merge
from itertools import chain, islice, pairwise
from operator import itemgetter
from typing import Any

from leadlight.errors import CaseFull
from leadlight.records import ListEntry
from leadlight.store import cipher

ROW = tuple[str, bytes, str]
"""Algorithm, value, label."""
HELD = 200_000
"""Entries sorted in memory: some 60 MB."""
_KEY = itemgetter(0, 1)
_CACHE = "PRAGMA cache_size = -32768"


def in_order(entries: Iterable[ListEntry], encrypted: Any = None) -> Iterator[ROW]:
    """By algorithm and value; of entries with the same value the first of the list, once.

    `encrypted` is the DB-API module of an encrypted case.

    Raises CaseFull where there is no room for temporary files, and what `entries` raises, before the first row.
    """
    rows = ((e.algorithm, e.value, e.label) for e in entries)
    first = list(islice(rows, HELD))
    if len(first) < HELD:
        first.sort(key=_KEY)
        yield from _once(first)
        return
    if encrypted is not None:
        yield from _once(_merged(encrypted, first, rows))
        return
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as kept:
            for pragma in (
                "PRAGMA journal_mode = OFF",
                "PRAGMA synchronous = OFF",
                _CACHE,
                "PRAGMA temp_store = FILE",
            ):
                kept.execute(pragma)
            kept.execute("CREATE TABLE entry (algorithm TEXT, value BLOB, label TEXT)")
            kept.execute("BEGIN")
            kept.executemany("INSERT INTO entry VALUES (?, ?, ?)", chain(first, rows))
            first.clear()
            yield from _once(kept.execute("SELECT * FROM entry ORDER BY algorithm, value, rowid"))
    except sqlite3.Error as e:
        raise _full(e) from e


def _merged(driver: Any, first: list[ROW], rows: Iterator[ROW]) -> Iterator[ROW]:
    """Sorted runs in an encrypted file, merged: what SQLite spills of a sort of its own is never encrypted."""
    try:
        with closing(cipher.scratch(driver)) as kept:
            kept.execute("CREATE TABLE entry (algorithm TEXT, value BLOB, label TEXT)")
            kept.execute("BEGIN")
            ends = [0]
            while first:
                first.sort(key=_KEY)
                kept.executemany("INSERT INTO entry VALUES (?, ?, ?)", first)
                ends.append(ends[-1] + len(first))
                first[:] = islice(rows, HELD)
            query = "SELECT algorithm, value, label FROM entry WHERE rowid > ? AND rowid <= ? ORDER BY rowid"
            runs = [kept.execute(query, pair) for pair in pairwise(ends)]
            yield from merge(*runs, key=_KEY)
    except driver.Error as e:
        raise _full(e) from e


def _full(error: Exception) -> CaseFull:
    return CaseFull(
        f"sorting the list failed ({error})",
        subject="the folder for temporary files",
        advice="Free some space there, or name another with TMPDIR, and add the list again.",
    )


def _once(rows: Iterable[ROW]) -> Iterator[ROW]:
    before: tuple[str, bytes] | None = None
    for row in rows:
        key = row[:2]
        if key != before:
            before = key
            yield row
