"""Changes planted in the record by someone who may write to its file: each must be named by verify."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from leadlight import Case, Settings
from leadlight.errors import CaseError
from leadlight.store.check import check_record
from leadlight.store.database import Database
from torture.outcome import Outcome
from torture.scans import Bench

UNSAID = {("grade", "number")}
"""It says no more than the order of grades."""
WAYS = ("altered", "removed", "inserted", "exchanged")


def planted(bench: Bench, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """`count` changes, each alone, in copies of one case."""
    home = bench.home / "planted"
    home.mkdir()
    ended = bench.scan(home / "case")
    if ended.code not in (0, 1):
        raise RuntimeError(str(ended))
    with Case.open(home / "case", settings=Settings()) as case:
        first = [e.sha256 for e in case.queue(top=3) if e.sha256]
        for sha256 in first:
            case.grade(sha256, "reviewed")
        case.rank()
    source = home / "case" / "case.db"
    with closing(sqlite3.connect(source)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    named = Outcome("changes planted in the record: verify names each", "")
    quiet = Outcome("... and none in an untouched case", "before each tenth change")
    ways: Counter[str] = Counter()
    tables: set[str] = set()
    copy = home / "copy.db"
    number = 0
    while number < count:
        shutil.copyfile(source, copy)
        if number % 10 == 0:
            quiet.note(_faults(copy))
        done = _change(copy, rng)
        if done is None:
            continue
        number += 1
        way, table, words = done
        ways[way] += 1
        tables.add(table)
        named.note([] if _faults(copy) else ["not named"], words)
    named.reach = f"{len(tables)} tables; " + ", ".join(f"{ways[w]} {w}" for w in WAYS)
    return named, quiet


def _faults(path: Path) -> list[str]:
    try:
        database = Database.open(path)
    except CaseError as e:
        return [str(e)]
    try:
        return [f"{f.where}: {f.what}" for f in check_record(database)]
    finally:
        database.close()


def _change(path: Path, rng: random.Random) -> tuple[str, str, str] | None:
    with closing(sqlite3.connect(path)) as raw:
        tables = [t for (t,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        filled = [t for t in tables if t != "meta" and raw.execute(f'SELECT 1 FROM "{t}" LIMIT 1').fetchone()]
        table, way = rng.choice(filled), rng.choice(WAYS)
        names = [r[1] for r in raw.execute(f'PRAGMA table_info("{table}")')]
        free = [n for n in names if (table, n) not in UNSAID]
        dump = f'SELECT * FROM "{table}" ORDER BY {", ".join(str(n + 1) for n in range(len(names)))}'
        before = list(raw.execute(dump))
        column = rng.choice(free)
        one, other = rng.choice(before), rng.choice(before)
        if table == "act" and way == "removed" and one == before[-1]:
            return None  # a tail that was cut off: a chain can't show it, a seal does
        try:
            if way == "removed":
                _delete(raw, table, names, one)
            elif way == "inserted":
                new = list(one)
                for n, value in enumerate(new):
                    if names[n] == column or rng.random() < 0.3:
                        new[n] = _other(value, rng)
                raw.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(new))})', new)
            elif way == "altered":
                new = list(one)
                new[names.index(column)] = _other(one[names.index(column)], rng)
                _delete(raw, table, names, one)
                raw.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(new))})', new)
            else:
                at = names.index(column)
                _delete(raw, table, names, one)
                if other != one:
                    _delete(raw, table, names, other)
                for row, value in ((one, other[at]), *(((other, one[at]),) if other != one else ())):
                    new = list(row)
                    new[at] = value
                    raw.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(new))})', new)
        except sqlite3.Error:
            return None
        after = list(raw.execute(dump))
        raw.commit()
    if repr(after) == repr(before):
        return None
    return way, table, f"{way} in {table}.{column}: {one!r}"[:300]


def _delete(raw: sqlite3.Connection, table: str, names: list[str], row: Sequence[object]) -> None:
    where = " AND ".join(f'"{n}" IS ?' for n in names)
    raw.execute(f'DELETE FROM "{table}" WHERE {where}', tuple(row))


def _other(value: object, rng: random.Random) -> object:
    if isinstance(value, int):
        return value + rng.choice((1, -1, 7, 1000))
    if isinstance(value, float):
        return value + rng.choice((0.5, -1.0, 1e6))
    if isinstance(value, bytes):
        return rng.choice((b"", value[:-1], bytes([value[0] ^ 1]) + value[1:] if value else b"x"))
    if isinstance(value, str):
        if value and rng.random() < 0.7:
            at = rng.randrange(len(value))
            return value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
        return rng.choice(("", value + " ", value[:-1], None))
    return rng.choice((0, "x"))
