"""Checking the record: the audit chain, and every batch of findings against the act that covers it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, BinaryIO

from sqlalchemy import select

from leadlight.audit import Fault, check_chain
from leadlight.records import Item
from leadlight.records import finding as kinds
from leadlight.store import schema
from leadlight.store.database import Database
from leadlight.store.lists import entries_digest
from leadlight.store.record import batch_digest, finding_key, item_columns, item_of, print_rows
from leadlight.store.view import Aligned, View


def check_record(database: Database) -> Iterator[Fault]:
    """Faults of the record, in order: the chain first, then findings, then batches. None where it holds."""
    view = View(database)
    yield from check_chain(view.acts())
    yield from _check_findings(view)
    yield from _check_items(view)
    yield from _check_prints(view)
    yield from _check_grades(view)
    covered: set[int] = set()
    for act in view.acts():
        if act.action == "list.add":
            yield from _check_list(database, act.number, act.details)
        if "digest" in act.details:
            covered.add(act.number)
            yield from _check_batch(view, act.number, act.details)
    for table in (schema.item, schema.content, schema.finding):
        for row in view.stream(select(table.c.act).distinct().order_by(table.c.act)):
            if row.act not in covered:
                yield Fault(f"act {row.act}", f"rows of '{table.name}' name it, but it covers none")


def _check_findings(view: View) -> Iterator[Fault]:
    f = schema.finding.c
    rows = select(f.number, f.sha256, f.place_key, f.kind, f.record, f.sealed, f.key)
    for row in view.stream(rows.order_by(f.number)):
        if finding_key(row.sha256, row.place_key, row.record, row.sealed) != row.key:
            yield Fault(f"finding {row.number}", "was altered: its digest does not fit its text")
        elif json.loads(row.record)["kind"] != row.kind:
            yield Fault(f"finding {row.number}", "its kind was altered")


def _check_items(view: View) -> Iterator[Fault]:
    i = schema.item.c
    for row in view.stream(select(schema.item).order_by(i.number)):
        columns = item_columns(item_of(row.record))
        if any(getattr(row, name) != value for name, value in columns.items()):
            yield Fault(f"item {row.number}", "was altered: its columns do not fit its record")


def _check_prints(view: View) -> Iterator[Fault]:
    """Digests and perceptual hashes, as they are searched, against the findings they were taken from."""
    f, d, p = schema.finding.c, schema.digest.c, schema.perceptual.c
    found = view.stream(
        select(f.sha256, f.kind, f.record)
        .where(f.kind.in_((kinds.DIGEST, kinds.PDQ)), f.sha256.is_not(None))
        .order_by(f.sha256)
    )
    digests = Aligned(view.stream(select(d.sha256, d.algorithm, d.value).order_by(d.sha256)))
    prints = Aligned(view.stream(select(p.sha256, p.algorithm, p.ordinal, p.value, p.quality).order_by(p.sha256)))
    for sha256, rows in groupby(found, key=lambda r: r.sha256):
        expected: set[tuple[object, ...]] = set()
        for row in rows:
            payload = json.loads(row.record)["payload"]
            if row.kind == kinds.DIGEST:
                expected.add((payload["algorithm"], bytes.fromhex(payload["value"])))
            else:
                expected.update(
                    (r["algorithm"], r["ordinal"], r["value"], r["quality"]) for r in print_rows(sha256, payload)
                )
        there = {(r.algorithm, r.value) for r in digests.at(sha256)} | {
            (r.algorithm, r.ordinal, r.value, r.quality) for r in prints.at(sha256)
        }
        if there != expected:
            yield Fault(f"content {sha256[:16]}…", "its searchable hashes do not fit its findings")


def _check_list(database: Database, number: int, details: Mapping[str, Any]) -> Iterator[Fault]:
    with database.reading() as connection:
        if entries_digest(connection, details["list"]) != details["entries_digest"]:
            yield Fault(f"act {number}", f"the hash list '{details['name']}' loaded then was altered")


def _check_grades(view: View) -> Iterator[Fault]:
    g = schema.grade.c
    rows = [(r.sha256, r.grade, r.note, r.actor) for r in view.stream(select(schema.grade).order_by(g.number))]
    said = [
        tuple(act.details[k] for k in ("sha256", "grade", "note", "by"))
        for act in view.acts()
        if act.action == "grade"
    ]
    if rows != said:
        yield Fault("grades", "the grades do not fit the acts that gave them")


def _check_batch(view: View, number: int, details: Mapping[str, Any]) -> Iterator[Fault]:
    i, c, f = schema.item.c, schema.content.c, schema.finding.c
    items = [
        (r.place_key, r.sha256, r.record)
        for r in view.stream(select(i.place_key, i.sha256, i.record).where(i.act == number).order_by(i.number))
    ]
    contents = [
        (r.sha256, r.size, r.media_type, r.family)
        for r in view.stream(
            select(c.sha256, c.size, c.media_type, c.family).where(c.act == number).order_by(c.sha256)
        )
    ]
    keys = [r.key for r in view.stream(select(f.key).where(f.act == number).order_by(f.number))]
    for name, rows in (("items", items), ("contents", contents), ("findings", keys)):
        if len(rows) != details.get(name):
            yield Fault(f"act {number}", f"{details.get(name)} {name} were recorded, {len(rows)} are there")
            return
    if batch_digest(items, contents, keys) != details.get("digest"):
        yield Fault(f"act {number}", "an item, content or finding of this batch was altered or exchanged")


def evidence(database: Database) -> Iterator[tuple[Item, str]]:
    """Every file on the medium whose bytes were read, with the SHA-256 recorded then."""
    i = schema.item.c
    query = select(i.record, i.sha256).where(i.depth == 0, i.sha256.is_not(None)).order_by(i.number)
    for row in View(database).stream(query):
        yield item_of(row.record), row.sha256


def digest_of(stream: BinaryIO) -> str:
    """SHA-256, in hex, of an open stream."""
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
