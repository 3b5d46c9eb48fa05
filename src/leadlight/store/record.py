"""Appending to the record: acts, what was examined, what matched. Nothing here changes or removes a row."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from leadlight import audit
from leadlight.records import Act, Finding, Grade, ListEntry, ListInfo
from leadlight.records import finding as kinds
from leadlight.records.codec import dumps, finding_record, item_out, when_out
from leadlight.records.examined import Examined
from leadlight.store import schema
from leadlight.store.database import Database, append_rows
from leadlight.store.hashes import digest_rows, print_rows
from leadlight.store.lists import added_details, insert_list, retire_list
from leadlight.store.nearness import forget
from leadlight.store.rows import act_of, finding_key, item_columns
from leadlight.store.superseding import (
    Change,
    Replacing,
    change_rows,
    examination_rows,
    given_way,
    made_again,
    matches_gone,
    restate,
)

_CHUNK = 400
_MATCHES = 5000
_FINISHED = (
    select(schema.finished.c.place_key, schema.finished.c.stamp)
    .where(schema.finished.c.place_key.in_(bindparam("keys", expanding=True)))
    .order_by(schema.finished.c.place_key, schema.finished.c.act)
)
"""Asked for every file: building a statement anew would cost more than running it."""


def batch_digest(
    items: Iterable[Sequence[Any]],
    contents: Iterable[Sequence[Any]],
    keys: Iterable[str],
    finished: Iterable[Sequence[Any]] = (),
    changes: Iterable[Sequence[Any]] = (),
    examined: Iterable[Sequence[Any]] = (),
) -> str:
    """SHA-256 over a batch.

    Items as (place key, sha256, container as 0 or 1, record), contents as (sha256, size, type, family), the
    keys of findings, files that are done as (place key, stamp), findings that no longer stand or stand again as
    (key, 0 or 1), and what was examined again as (subject, type, family).
    """
    digest = hashlib.sha256()
    for part in (*items, *contents, *finished, *changes, *examined):
        digest.update(dumps(list(part)).encode("ascii"))
    for key in keys:
        digest.update(key.encode("ascii"))
    return digest.hexdigest()


def append_act(connection: Connection, actor: str, action: str, details: Mapping[str, Any]) -> Act:
    """Append one act to the chain, within a transaction. Raises CaseDamaged where the last one can't be read."""
    row = connection.execute(select(schema.act).order_by(schema.act.c.number.desc()).limit(1)).first()
    last = act_of(row) if row else None
    act = audit.next_act(last, when=datetime.now(UTC), actor=actor, action=action, details=details)
    written = {"at": when_out(act.when), "details": dumps(dict(act.details))}
    same = {k: getattr(act, k) for k in ("number", "actor", "action", "previous", "digest")}
    connection.execute(insert(schema.act), [{**same, **written}])
    return act


@dataclass(frozen=True, slots=True)
class Appended:
    """How much a batch added."""

    items: int
    contents: int
    findings: int
    failures: int


class Recorder:
    """The one writer of a case."""

    def __init__(self, database: Database, actor: str) -> None:
        self._database = database
        self._actor = actor

    def act(self, action: str, details: Mapping[str, Any]) -> Act:
        """Append one act on its own."""
        with self._database.writing() as connection:
            return self._append(connection, action, details)

    def _append(self, connection: Connection, action: str, details: Mapping[str, Any]) -> Act:
        return append_act(connection, self._actor, action, details)

    def examined(
        self, batch: Sequence[Examined], done: Sequence[tuple[str, str]], again: Replacing | None = None
    ) -> Appended:
        """Append what was examined, and which files on the medium are `done` (place key, stamp), as one act.

        With `again`, findings of what it names give way to those of the batch.
        """
        if not batch and not done and not (again and (again.places or again.tried)):
            return Appended(0, 0, 0, 0)
        with self._database.writing() as connection:
            items = self._new_items(connection, batch)
            contents = self._new_contents(connection, batch)
            fresh = {c["sha256"] for c in contents}
            replaced = {e.sha256: e for e in batch if e.of_content is not None and e.sha256 is not None}
            replaced = {k: e for k, e in replaced.items() if again and k in again.contents and k not in fresh}
            made = self._made(batch, {*fresh, *replaced})
            findings = _absent(connection, made)
            finished = self._new_finished(connection, done)
            changes = made_again(connection, made.keys() - {f["key"] for f in findings})
            if again:
                changes += given_way(connection, replaced, again, made)
            changes.sort(key=lambda c: c.finding)
            tried = examination_rows(again.tried if again else (), replaced)
            digest = batch_digest(
                [(i["place_key"], i["sha256"], int(i["container"]), i["record"]) for i in items],
                [(c["sha256"], c["size"], c["media_type"], c["family"]) for c in contents],
                [f["key"] for f in findings],
                [(f["place_key"], f["stamp"]) for f in finished],
                [(c.key, int(c.stands)) for c in changes],
                [(t["subject"], t["media_type"], t["family"]) for t in tried],
            )
            act = self._append(
                connection,
                "again.record" if again else "scan.record",
                {
                    "items": len(items),
                    "contents": len(contents),
                    "findings": len(findings),
                    "finished": len(finished),
                    **({"superseded": len(changes)} if changes else {}),
                    **({"examined": len(tried)} if tried else {}),
                    "digest": digest,
                },
            )
            for table, rows in (
                (schema.item, items),
                (schema.content, contents),
                (schema.finding, findings),
                (schema.finished, finished),
                (schema.superseded, change_rows(changes)),
                (schema.examination, tried),
            ):
                append_rows(connection, table, [{**row, "act": act.number} for row in rows])
            self._search_rows(connection, batch, fresh)
            restate(connection, replaced)
        failures = sum(1 for f in findings if f["kind"] == kinds.FAILURE)
        return Appended(len(items), len(contents), len(findings), failures)

    def _new_finished(self, connection: Connection, done: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        latest = dict(sorted(done, key=lambda d: d[0]))
        there = finished_stamps(connection, tuple(latest))
        return [{"place_key": k, "stamp": s} for k, s in latest.items() if there.get(k) != s]

    def _new_items(self, connection: Connection, batch: Sequence[Examined]) -> list[dict[str, Any]]:
        rows: dict[tuple[str, str | None], dict[str, Any]] = {}
        for e in batch:
            row = {**item_columns(e.item), "sha256": e.sha256, "container": e.container}
            rows.setdefault((row["place_key"], e.sha256), {**row, "record": dumps(item_out(e.item))})
        there: set[tuple[str, str | None]] = set()
        keys = [k for k, _ in rows]
        for start in range(0, len(keys), _CHUNK):
            found = connection.execute(
                select(schema.item.c.place_key, schema.item.c.sha256).where(
                    schema.item.c.place_key.in_(keys[start : start + _CHUNK])
                )
            )
            there.update((r.place_key, r.sha256) for r in found)
        return [row for key, row in rows.items() if key not in there]

    def _new_contents(self, connection: Connection, batch: Sequence[Examined]) -> list[dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = {}
        for e in batch:
            if e.sha256 is None or e.of_content is None:
                continue
            filetype = next((f.payload for f in e.of_content if f.kind == kinds.FILETYPE), {})
            rows[e.sha256] = {
                "sha256": e.sha256,
                "size": e.size,
                "media_type": filetype.get("media_type", "application/octet-stream"),
                "family": filetype.get("family", "unknown"),
            }
        there = _existing(connection, schema.content.c.sha256, rows)
        return sorted((r for k, r in rows.items() if k not in there), key=lambda r: str(r["sha256"]))

    def _made(self, batch: Sequence[Examined], wanted: set[str]) -> dict[str, dict[str, Any]]:
        """Rows of all findings of places, and of the `wanted` contents, by key."""
        rows: dict[str, dict[str, Any]] = {}
        for e in batch:
            place_keys = [e.item.place.key] * len(e.of_place) if e.of_place else []
            more = len(e.of_content) if e.of_content is not None and e.sha256 in wanted else 0
            for place_key, finding, text in zip(
                [*place_keys, *[None] * more], e.findings, e.records(), strict=False
            ):
                row = _finding_row(finding.kind, text, e.sha256, place_key)
                rows.setdefault(row["key"], row)
        return rows

    def _search_rows(self, connection: Connection, batch: Sequence[Examined], fresh: set[str]) -> None:
        digests: list[dict[str, Any]] = []
        prints: list[dict[str, Any]] = []
        seen: set[str] = set()
        for e in batch:
            if e.sha256 is None or e.of_content is None or e.sha256 not in fresh or e.sha256 in seen:
                continue
            digests += digest_rows(e.sha256, e.of_content)
            prints += print_rows(e.sha256, e.of_content)
            seen.add(e.sha256)
        append_rows(connection, schema.digest, sorted(digests, key=itemgetter("sha256")))
        append_rows(connection, schema.perceptual, sorted(prints, key=itemgetter("algorithm", "sha256")))

    def matches(self, matcher: str, pairs: Iterable[tuple[str, Finding]]) -> int:
        """Append matches as they are now, in batches; returns how many are new.

        Matches that this matcher made before with a list still in use, and makes no more, give way at the end: the
        hash that they rested on was replaced, or what counts as near was changed.
        """
        total, made = 0, array("Q")
        batch: dict[str, dict[str, Any]] = {}
        for sha256, finding in pairs:
            row = _finding_row(finding.kind, finding_record(finding), sha256, None)
            if row["key"] not in batch:
                made.append(int(row["key"][:16], 16))
            batch.setdefault(row["key"], row)
            if len(batch) >= _MATCHES:
                total += self._write_matches(matcher, batch)
                batch = {}
        total += self._write_matches(matcher, batch)
        with self._database.reading() as connection:
            gone = matches_gone(connection, matcher, made)
        for start in range(0, len(gone), _MATCHES):
            self._write_matches(matcher, {}, gone[start : start + _MATCHES])
        return total

    def _write_matches(self, matcher: str, batch: dict[str, dict[str, Any]], gone: Sequence[Change] = ()) -> int:
        if not batch and not gone:
            return 0
        with self._database.writing() as connection:
            rows = _absent(connection, batch)
            changes = [*made_again(connection, batch.keys() - {r["key"] for r in rows}), *gone]
            changes.sort(key=lambda c: c.finding)
            if not rows and not changes:
                return 0
            digest = batch_digest(
                (), (), [r["key"] for r in rows], changes=[(c.key, int(c.stands)) for c in changes]
            )
            counts = {"items": 0, "contents": 0, "findings": len(rows), "finished": 0, "digest": digest}
            more = {"superseded": len(changes)} if changes else {}
            act = self._append(connection, "match.record", {"matcher": matcher, **counts, **more})
            for table, new in ((schema.finding, rows), (schema.superseded, change_rows(changes))):
                append_rows(connection, table, [{**row, "act": act.number} for row in new])
        return len(rows)

    def add_list(self, info: ListInfo, entries: Iterable[ListEntry]) -> ListInfo:
        """Load a hash list as one act; a broken one leaves no trace. Returns it with its number and size."""
        with self._database.writing() as connection:
            loaded, digest = insert_list(connection, info, entries)
            if loaded.number is None:
                raise AssertionError("a loaded list has a number")
            self._append(connection, "list.add", added_details(connection, loaded.number, digest))
        return loaded

    def remove_list(self, info: ListInfo) -> None:
        """Take a hash list out of use, as one act."""
        if info.number is None:
            raise ValueError(info.name)
        with self._database.writing() as connection:
            removed = retire_list(connection, info.number)
            self._append(connection, "list.remove", {"list": info.number, "name": info.name, "removed": removed})
        forget(self._database, info.number)

    def grade(self, grade: Grade) -> None:
        """Append a person's grade, as an act."""
        said = {"sha256": grade.sha256, "grade": grade.grade, "note": grade.note, "at": when_out(grade.when)}
        with self._database.writing() as connection:
            self._append(connection, "grade", {**said, "by": grade.actor})
            connection.execute(insert(schema.grade), [{**said, "actor": grade.actor}])


def _finding_row(
    kind: str, text: tuple[str, str | None], sha256: str | None, place_key: str | None
) -> dict[str, Any]:
    record, sealed = text
    return {
        "sha256": sha256,
        "place_key": place_key,
        "kind": kind,
        "record": record,
        "sealed": sealed,
        "key": finding_key(sha256, place_key, record, sealed),
    }


def _existing(connection: Connection, column: Any, keys: Iterable[str]) -> set[str]:
    wanted = list(keys)
    there: set[str] = set()
    for start in range(0, len(wanted), _CHUNK):
        found = connection.execute(select(column).where(column.in_(wanted[start : start + _CHUNK])))
        there.update(found.scalars())
    return there


def finished_stamps(connection: Connection, place_keys: Sequence[str]) -> dict[str, str]:
    """The newest stamps of those files on the medium that are done, by place key."""
    stamps: dict[str, str] = {}
    for start in range(0, len(place_keys), _CHUNK):
        found = connection.execute(_FINISHED, {"keys": place_keys[start : start + _CHUNK]})
        stamps.update((r.place_key, r.stamp) for r in found)
    return stamps


def _absent(connection: Connection, rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    there = _existing(connection, schema.finding.c.key, rows)
    return [row for key, row in rows.items() if key not in there]
