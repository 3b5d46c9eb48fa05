"""Checking the record: the audit chain, and every batch of findings against the act that covers it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import select

from leadlight.audit import Fault, check_chain
from leadlight.records import Item
from leadlight.store import schema
from leadlight.store.database import Database
from leadlight.store.record import batch_digest, finding_key, item_of
from leadlight.store.view import View


def check_record(database: Database) -> Iterator[Fault]:
    """Faults of the record, in order: the chain first, then findings, then batches. None where it holds."""
    view = View(database)
    yield from check_chain(view.acts())
    f = schema.finding.c
    rows = select(f.number, f.act, f.sha256, f.place_key, f.record, f.sealed, f.key)
    for row in view.stream(rows.order_by(f.number)):
        if finding_key(row.place_key or row.sha256 or "", row.record, row.sealed) != row.key:
            yield Fault(f"finding {row.number}", "was altered: its digest does not fit its text")
    covered: set[int] = set()
    for act in view.acts():
        if "digest" not in act.details:
            continue
        covered.add(act.number)
        yield from _check_batch(view, act.number, act.details)
    for table in (schema.item, schema.content, schema.finding):
        for row in view.stream(select(table.c.act).distinct().order_by(table.c.act)):
            if row.act not in covered:
                yield Fault(f"act {row.act}", f"rows of '{table.name}' name it, but it covers none")


def _check_batch(view: View, number: int, details: object) -> Iterator[Fault]:
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
    expected = details if isinstance(details, dict) else {}
    for name, rows in (("items", items), ("contents", contents), ("findings", keys)):
        if len(rows) != expected.get(name):
            yield Fault(f"act {number}", f"{expected.get(name)} {name} were recorded, {len(rows)} are there")
            return
    if batch_digest(items, contents, keys) != expected.get("digest"):
        yield Fault(f"act {number}", "an item, content or finding of this batch was altered or exchanged")


def evidence(database: Database) -> Iterator[tuple[Item, str]]:
    """Every file on the medium whose bytes were read, with the SHA-256 recorded then."""
    i = schema.item.c
    query = select(i.record, i.sha256).where(i.depth == 0, i.sha256.is_not(None)).order_by(i.number)
    for row in View(database).stream(query):
        yield item_of(row.record), row.sha256


def digest_of(stream: object) -> str:
    """SHA-256, in hex, of an open stream."""
    digest = hashlib.sha256()
    read = stream.read  # type: ignore[attr-defined]
    while chunk := read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
