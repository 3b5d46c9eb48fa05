"""Entries of a list in the order of the table they go into, however many, in little memory.

A table filled in order of its key is written once, page after page; filled in the order of a list, which is
random, each entry reads and writes a page of its own. Few entries are sorted in memory, many by SQLite in a file
without a name, in the folder for temporary files, which the system removes with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from operator import itemgetter

from leadlight.errors import CaseFull
from leadlight.records import ListEntry

ROW = tuple[str, bytes, str]
"""Algorithm, value, label."""
HELD = 200_000
"""Entries sorted in memory: some 60 MB."""
_KEY = itemgetter(0, 1)
_CACHE = "PRAGMA cache_size = -32768"


def in_order(entries: Iterable[ListEntry]) -> Iterator[ROW]:
    """By algorithm and value; of entries with the same value the first of the list, once.

    Raises CaseFull where there is no room for temporary files, and what `entries` raises, before the first row.
    """
    rows = ((e.algorithm, e.value, e.label) for e in entries)
    first = list(islice(rows, HELD))
    if len(first) < HELD:
        first.sort(key=_KEY)
        yield from _once(first)
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
        raise CaseFull(
            f"sorting the list failed ({e})",
            subject="the folder for temporary files",
            advice="Free some space there, or name another with TMPDIR, and add the list again.",
        ) from e


def _once(rows: Iterable[ROW]) -> Iterator[ROW]:
    before: tuple[str, bytes] | None = None
    for row in rows:
        key = row[:2]
        if key != before:
            before = key
            yield row
