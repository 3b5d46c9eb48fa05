"""Checking the record: the audit chain, and every row of the case against the act that covers it.

A case comes from anywhere, so nothing here trusts a row: what can't be read is a fault like any other.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import groupby, zip_longest
from typing import Any, BinaryIO

from sqlalchemy import Boolean, Column, ColumnElement, Integer, Table, exists, func, select, type_coerce

from leadlight.audit import Fault, Line, check_chain
from leadlight.errors import CaseDamaged
from leadlight.records import Act, Finding
from leadlight.records import finding as kinds
from leadlight.store import schema
from leadlight.store.database import Database, understood
from leadlight.store.features import check_features
from leadlight.store.hashes import digest_rows, print_rows
from leadlight.store.lists import added_details
from leadlight.store.readings import Reading
from leadlight.store.record import batch_digest
from leadlight.store.rows import act_of, finding_key, finding_of, item_columns, item_of
from leadlight.store.superseding import searched
from leadlight.store.view import View

_COVERED = (
    schema.item,
    schema.content,
    schema.finding,
    schema.finished,
    schema.superseded,
    schema.examination,
)
_CHUNK = 1 << 20
_DERIVED = (schema.link, schema.link_member, schema.standing, schema.queue)


def check_record(database: Database) -> Iterator[Fault]:
    """Faults of the record, in order: the chain first, then rows, then batches. None where it holds."""
    view = View(database)
    for where, faults in (
        ("acts", _check_acts(view)),
        ("findings", _check_findings(view)),
        ("items", _check_items(view)),
        ("hashes", _check_prints(view)),
        ("hash lists", _check_lists(database, view)),
        ("local features", check_features(database)),
        ("grades", _check_said(view, schema.grade, "grade", ("sha256", "grade", "note", "at"))),
        ("looks", _check_said(view, schema.look, "look", ("sha256", "form", "at"))),
        ("queue", _check_derived(database, view)),
        ("batches", _check_batches(view)),
        ("pages", _check_pages(database)),
    ):
        yield from _faults(where, faults)


def _check_pages(database: Database) -> Iterator[Fault]:
    """Pages of an encrypted database that are not as they were written, used or not. Not asked while part of the
    record stands in the log beside it: the file's own pages may then be half-written, and are of no account.
    """
    if database.lock is not None and database.settled():
        with database.reading() as connection:
            found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA cipher_integrity_check")]
        if found:
            yield Fault("pages", f"{len(found):,} of the database were altered or are damaged: {found[0]}")


def _faults(where: str, faults: Iterator[Fault]) -> Iterator[Fault]:
    """The faults; where a row can't even be read, that one and no more."""
    try:
        with understood(where):
            yield from faults
    except CaseDamaged as e:
        yield Fault(e.subject, e.what)


def lines(database: Database) -> Iterator[Line]:
    """The acts as they are written, in order. Raises CaseDamaged where they can't be read at all."""
    with understood("acts"):
        for row in View(database).stream(select(schema.act).order_by(schema.act.c.number)):
            yield Line(*row)


def _check_acts(view: View) -> Iterator[Fault]:
    rows = select(schema.act).order_by(schema.act.c.number)
    yield from check_chain(Line(*row) for row in view.stream(rows))
    for row in view.stream(rows):
        try:
            act_of(row)
        except CaseDamaged as e:
            yield Fault(e.subject, e.what)


def _acts(view: View, *actions: str) -> Iterator[Act]:
    """Acts that can be read, in order; the others are faults of the chain."""
    rows = select(schema.act).order_by(schema.act.c.number)
    for row in view.stream(rows.where(schema.act.c.action.in_(actions)) if actions else rows):
        try:
            act = act_of(row)
        except CaseDamaged:
            continue
        yield act


def _check_findings(view: View) -> Iterator[Fault]:
    f = schema.finding.c
    rows = select(f.number, f.sha256, f.place_key, f.kind, f.record, f.sealed, f.key)
    for row in view.stream(rows.order_by(f.number)):
        where = f"finding {row.number}"
        try:
            with understood(where):
                if finding_key(row.sha256, row.place_key, row.record, row.sealed) != row.key:
                    yield Fault(where, "was altered: its digest does not fit its text")
                elif finding_of(row.record, row.sealed, where).kind != row.kind:
                    yield Fault(where, "its kind was altered")
        except CaseDamaged as e:
            yield Fault(where, e.what)


def _check_items(view: View) -> Iterator[Fault]:
    for row in view.stream(select(schema.item).order_by(schema.item.c.number)):
        where = f"item {row.number}"
        try:
            with understood(where):
                columns = item_columns(item_of(row.record, where))
                if any(getattr(row, name) != value for name, value in columns.items()):
                    yield Fault(where, "was altered: its columns do not fit its record")
        except CaseDamaged as e:
            yield Fault(where, e.what)


def _check_prints(view: View) -> Iterator[Fault]:
    """Digests and perceptual hashes, as they are searched, against the findings they were taken from."""
    f, d, p = schema.finding.c, schema.digest.c, schema.perceptual.c
    found = (
        (r.sha256, True, r)
        for r in view.stream(
            select(f.sha256, f.number, f.kind, f.record)
            .where(f.sha256.is_not(None), *searched())
            .order_by(f.sha256, f.number)
        )
    )
    there_now = (
        ((r[0], False, tuple(r[1:])) for r in view.stream(query))
        for query in (
            select(d.sha256, d.algorithm, d.value).order_by(d.sha256),
            select(p.sha256, p.algorithm, p.ordinal, p.value, p.quality).order_by(p.sha256),
        )
    )
    merged = heapq.merge(found, *there_now, key=lambda r: r[0])
    for sha256, rows in groupby(merged, key=lambda r: r[0]):
        said: list[Finding] = []
        there: set[tuple[object, ...]] = set()
        for _, is_finding, row in rows:
            if not is_finding:
                there.add(row)
                continue
            where = f"finding {row.number}"
            try:
                stated = finding_of(row.record, None, where)
                with understood(where):
                    _hashes(sha256, [stated])
                said.append(stated)
            except CaseDamaged as e:
                yield Fault(e.subject, e.what)
        expected = _hashes(sha256, said)
        if there != expected:
            what = "its searchable hashes do not fit its findings" if expected else "no finding gave its hashes"
            yield Fault(f"content {sha256[:16]}…", what)


def _hashes(sha256: str, said: list[Finding]) -> set[tuple[object, ...]]:
    """The rows that a content is searched by."""
    digests = {(r["algorithm"], r["value"]) for r in digest_rows(sha256, said)}
    prints = {(r["algorithm"], r["ordinal"], r["value"], r["quality"]) for r in print_rows(sha256, said)}
    return digests | prints


def _check_lists(database: Database, view: View) -> Iterator[Fault]:
    added: dict[object, tuple[int, Mapping[str, Any]]] = {}
    removed: dict[object, object] = {}
    for act in _acts(view, "list.add", "list.remove"):
        number = act.details.get("list")
        if not isinstance(number, int):
            yield Fault(f"act {act.number}", "names no hash list")
        elif act.action == "list.add":
            added[number] = act.number, act.details
        else:
            removed[number] = act.details.get("removed")
    t = schema.hash_list.c
    there = [(r.number, r.removed) for r in view.stream(select(t.number, t.removed).order_by(t.number))]
    for number, gone in there:
        where = f"hash list {number}"
        by, details = added.pop(number, (0, None))
        if details is None:
            yield Fault(where, "no act added it")
            continue
        yield from _faults(where, _check_list(database, number, where, by, details))
        if gone != removed.get(number):
            yield Fault(where, "its removal does not fit the acts: it was put out of use, or back, by no act")
    for by, _ in added.values():
        yield Fault(f"act {by}", "the hash list that it added is gone")
    known = {number for number, _ in there}
    e = schema.entry.c
    for row in view.stream(select(e.list).distinct().order_by(e.list)):
        if row.list not in known:
            yield Fault(f"hash list {row.list}", "has entries, but there is no such list")


def _check_list(
    database: Database, number: int, where: str, by: int, details: Mapping[str, Any]
) -> Iterator[Fault]:
    with database.reading() as connection:
        now = added_details(connection, number)
    names = {"sha256": "digest", "entries_digest": "its entries"}
    altered = [names.get(k, k) for k, value in now.items() if details.get(k) != value]
    if altered:
        yield Fault(where, f"was altered since act {by}: {', '.join(altered)}")


def _check_said(view: View, table: Table, action: str, fields: tuple[str, ...]) -> Iterator[Fault]:
    """What people did, row by row, against the acts that record it."""
    rows = view.stream(select(table).order_by(table.c.number))
    for row, act in zip_longest(rows, list(_acts(view, action))):
        if row is None:
            yield Fault(f"act {act.number}", f"the {action} that it records is gone")
            return
        if act is None:
            yield Fault(f"{action} {row.number}", "no act records it")
            return
        if [*(getattr(row, k) for k in fields), row.actor] != [act.details.get(k) for k in (*fields, "by")]:
            yield Fault(f"{action} {row.number}", f"does not fit act {act.number}")
            return


def _stored(column: Column[Any]) -> ColumnElement[Any]:
    """A column as it is stored: a truth value may be spelt in ways that Python and SQL take differently."""
    return type_coerce(column, Integer()) if isinstance(column.type, Boolean) else column


def derived_digest(database: Database) -> str:
    """SHA-256 over all that is derived: links, standings, the queue. An act 'rank' records it as `derived`."""
    digest = hashlib.sha256()
    with database.reading() as connection:
        for table in _DERIVED:
            digest.update(table.name.encode("ascii"))
            rows = connection.execution_options(yield_per=1000).execute(
                select(*map(_stored, table.columns)).order_by(*table.primary_key.columns)
            )
            for row in rows:
                digest.update(json.dumps(list(row), separators=(",", ":"), default=repr).encode("ascii"))
    return digest.hexdigest()


def _check_derived(database: Database, view: View) -> Iterator[Fault]:
    """Where a ranking was begun and not ended, the derived tables are not judged: the next scan rebuilds them."""
    for last in deque(_acts(view, "rank", "rank.start"), maxlen=1):
        if "derived" in last.details and last.details["derived"] != derived_digest(database):
            yield Fault("queue", f"the queue, a standing or a link is not as act {last.number} left it")


def _check_batches(view: View) -> Iterator[Fault]:
    covered: set[int] = set()
    for act in _acts(view):
        if "digest" in act.details:
            covered.add(act.number)
            yield from _faults(f"act {act.number}", _check_batch(view, act.number, act.details))
    for table in _COVERED:
        for row in view.stream(select(table.c.act).distinct().order_by(table.c.act)):
            if row.act not in covered:
                yield Fault(f"act {row.act}", f"rows of '{table.name}' name it, but it covers none")


def _check_batch(view: View, number: int, details: Mapping[str, Any]) -> Iterator[Fault]:
    i, c, f, d = schema.item.c, schema.content.c, schema.finding.c, schema.finished.c
    s, x = schema.superseded.c, schema.examination.c
    items, contents, keys, finished, changes, examined = (
        [tuple(row) for row in view.stream(query)]
        for query in (
            select(i.place_key, i.sha256, _stored(i.container), i.record)
            .where(i.act == number)
            .order_by(i.number),
            select(c.sha256, c.size, c.media_type, c.family).where(c.act == number).order_by(c.sha256),
            select(f.key).where(f.act == number).order_by(f.number),
            select(d.place_key, d.stamp).where(d.act == number).order_by(d.place_key),
            select(f.key, _stored(s.stands))
            .join_from(schema.superseded, schema.finding, s.finding == f.number, isouter=True)
            .where(s.act == number)
            .order_by(s.finding),
            select(x.subject, x.media_type, x.family).where(x.act == number).order_by(x.subject),
        )
    )
    counted = {"items": items, "contents": contents, "findings": keys, "finished": finished}
    for name, rows in {**counted, "superseded": changes, "examined": examined}.items():
        said = details.get(name, None if name in counted else 0)
        if len(rows) != said:
            yield Fault(f"act {number}", f"{said} {_ROWS.get(name, name)} were recorded, {len(rows)} are there")
            return
    made = batch_digest(items, contents, [key for (key,) in keys], finished, changes, examined)
    if made != details.get("digest"):
        yield Fault(f"act {number}", "a row of this batch was altered or exchanged")


_ROWS = {"superseded": "findings that no longer stand or stand again", "examined": "subjects examined again"}
"""What verify calls rows whose count's name would not explain them."""


def evidence(database: Database) -> Iterator[list[Reading]]:
    """Every file on the medium whose bytes were read, with each content that it held, the newest at the end.

    Items that can't be read, or name what no file system can hold, are left out: they are faults of the record.
    """
    view, i, d, later = View(database), schema.item.c, schema.finished.c, schema.item.alias("later")
    scans = [a.number for a in _acts(view, "scan.start")]
    done = select(func.max(d.act)).where(d.place_key == i.place_key).scalar_subquery()
    query = (
        select(i.number, i.record, i.sha256, i.place_key, i.act, schema.act.c.at, done.label("done"))
        .join_from(schema.item, schema.act, schema.act.c.number == i.act, isouter=True)
        .where(i.depth == 0, i.sha256.is_not(None))
        .order_by(i.number)
    )
    newer = exists().where(
        later.c.place_key == i.place_key, later.c.number > i.number, later.c.sha256.is_not(None)
    )
    older = exists().where(
        later.c.place_key == i.place_key, later.c.number < i.number, later.c.sha256.is_not(None)
    )
    parts = _read_in_part(view)
    for row in view.stream(query.where(~newer).add_columns(older.label("older"))):
        rows = view.stream(query.where(i.place_key == row.place_key)) if row.older else iter((row,))
        if readings := list(_readings(rows, scans, parts)):
            yield readings


def _read_in_part(view: View) -> dict[tuple[str, str], int]:
    """Bytes that could be read of files of which the rest could not, by place key and SHA-256."""
    f = schema.finding.c
    query = select(f.number, f.place_key, f.sha256, f.record).where(
        f.kind == kinds.FAILURE, f.place_key.is_not(None), f.sha256.is_not(None), f.record.contains('"bytes_read"')
    )
    parts: dict[tuple[str, str], int] = {}
    for row in view.stream(query.order_by(f.number)):
        try:
            size = finding_of(row.record, None, f"finding {row.number}").payload.get("bytes_read")
        except CaseDamaged:
            continue
        if isinstance(size, int) and size > 0:
            parts[row.place_key, row.sha256] = size
    return parts


def _readings(rows: Iterator[Any], scans: list[int], parts: Mapping[tuple[str, str], int]) -> Iterator[Reading]:
    for row in rows:
        try:
            item = item_of(row.record, f"item {row.number}")
        except CaseDamaged:
            continue
        if b"\0" not in item.place.outer and isinstance(row.sha256, str):
            since = bisect_right(scans, row.done or 0) > bisect_right(scans, row.act)
            date = str(row.at or "")[:16].replace("T", " ") + " UTC"
            yield Reading(item, row.sha256, date, since, parts.get((row.place_key, row.sha256)))


def digest_of(stream: BinaryIO, size: int | None = None) -> str:
    """SHA-256, in hex, of an open stream; of its first `size` bytes where that is given."""
    digest, left = hashlib.sha256(), size
    while chunk := stream.read(_CHUNK if left is None else min(_CHUNK, left)):
        digest.update(chunk)
        left = None if left is None else left - len(chunk)
    return digest.hexdigest()
