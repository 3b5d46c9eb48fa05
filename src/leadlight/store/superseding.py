"""Which findings stand: a newer examination or match puts its findings in the place of older ones.

No row of evidence is changed or taken out for that. A row of `superseded` says that a finding no longer stands, a
later one that the same finding was made again and stands again. The act that appends them covers them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, select

from leadlight.records import Finding
from leadlight.records import finding as kinds
from leadlight.records.codec import finding_record
from leadlight.records.examined import Examined
from leadlight.store import schema
from leadlight.store.hashes import PRINTED, digest_rows, print_rows
from leadlight.store.rows import finding_key, finding_of

_CHUNK = 400
ENGINE = "engine"
"""What failures of a lost worker go by."""
OWN = frozenset({ENGINE, "read", "unpack"})
"""What failures go by that are no plugin's."""


def current() -> ColumnElement[bool]:
    """The condition that a row of `finding` stands."""
    s, later = schema.superseded.alias("gone"), schema.superseded.alias("later")
    newest = ~exists().where(later.c.finding == s.c.finding, later.c.act > s.c.act)
    return ~exists().where(s.c.finding == schema.finding.c.number, s.c.stands.is_(False), newest)


def family_now() -> ColumnElement[str]:
    """The family of a row of `content`: as it was found last."""
    x = schema.examination
    newest = (
        select(x.c.family)
        .where(x.c.subject == schema.content.c.sha256, x.c.family.is_not(None))
        .order_by(x.c.act.desc())
        .limit(1)
    )
    return func.coalesce(newest.correlate(schema.content).scalar_subquery(), schema.content.c.family)


def searched() -> tuple[ColumnElement[bool], ...]:
    """The conditions that a finding gives rows that contents are searched by."""
    f = schema.finding.c
    return f.kind.startswith(PRINTED), f.place_key.is_(None), current()


@dataclass(frozen=True, slots=True)
class Replacing:
    """What a batch that was examined again may put in place of older findings."""

    contents: Collection[str] = frozenset()
    """Contents, by SHA-256, whose findings are replaced where the batch holds their examination."""
    places: Mapping[str, tuple[str | None, Sequence[Finding]]] = field(default_factory=dict)
    """Places that were examined to their end, by key: the content there, and what was said of the place."""
    tried: Collection[str] = frozenset()
    """Subjects that this try was for, whether it gave anything or not."""
    able: Collection[str] = frozenset()
    """Names of the plugins that could run. What another one found stays as it is."""


@dataclass(frozen=True, slots=True)
class Change:
    """One finding that no longer stands, or stands again."""

    finding: int
    key: str
    stands: bool


def gives_way(old: Sequence[Finding], new: Sequence[Finding], able: Collection[str]) -> Iterator[bool]:
    """For each of `old`, all that stand, whether it gives way to the findings `new` of a newer examination.

    What a plugin found that is not `able` to run now stays.
    Where the newer one failed in a way that the older did not, what it could not look at stays as it was: only a
    finding of the same analyser and kind is put in place of an older one.
    """
    before = {(f.analyser, f.statement) for f in old if f.kind == kinds.FAILURE}
    failed = any(f.kind == kinds.FAILURE and (f.analyser, f.statement) not in before for f in new)
    answered = {(f.analyser, f.kind) for f in new if f.kind != kinds.FAILURE}
    spoke = {f.analyser for f in new}
    for finding in old:
        if finding.analyser not in able and finding.analyser not in OWN:
            yield False
        elif not failed:
            yield True
        elif finding.kind != kinds.FAILURE:
            yield (finding.analyser, finding.kind) in answered
        else:
            yield finding.analyser in spoke or (finding.analyser == ENGINE and ENGINE not in spoke)


def made_again(connection: Connection, keys: Iterable[str]) -> list[Change]:
    """Those of the findings with these keys that were superseded before: they stand again."""
    f, wanted = schema.finding.c, sorted(keys)
    changes: list[Change] = []
    for start in range(0, len(wanted), _CHUNK):
        query = select(f.number, f.key).where(f.key.in_(wanted[start : start + _CHUNK]), ~current())
        changes += [Change(r.number, r.key, True) for r in connection.execute(query.order_by(f.number))]
    return changes


def change_rows(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Rows of `superseded`, but for their act."""
    return [{"finding": c.finding, "stands": c.stands} for c in changes]


def given_way(
    connection: Connection,
    replaced: Mapping[str, Examined],
    again: Replacing,
    made: Mapping[str, Mapping[str, Any]],
) -> list[Change]:
    """What no longer stands once `replaced` contents and the places of `again` were examined again.

    `made` holds the rows of all findings of the batch by key.
    """
    f = schema.finding.c
    changes: list[Change] = []
    for sha256, examined in sorted(replaced.items()):
        rows = _standing(connection, (f.sha256 == sha256) & f.place_key.is_(None))
        keys = {key for key, row in made.items() if row["sha256"] == sha256 and row["place_key"] is None}
        changes += _gone(rows, keys, examined.of_content or (), again.able)
    for place_key, (sha256_now, found) in sorted(again.places.items()):
        rows = _standing(connection, (f.place_key == place_key) & (f.sha256.is_(None) | (f.sha256 == sha256_now)))
        keys = {finding_key(sha256_now, place_key, *finding_record(x)) for x in found}
        changes += _gone(rows, keys, found, again.able)
    return list({c.finding: c for c in changes}.values())


def _standing(connection: Connection, condition: ColumnElement[bool]) -> list[Row[Any]]:
    """Findings that stand and fit `condition`, but for matches, in the order they were made."""
    f = schema.finding.c
    query = select(f.number, f.key, f.record).where(condition, f.kind != kinds.MATCH, current())
    return list(connection.execute(query.order_by(f.number)))


def _gone(
    rows: Sequence[Row[Any]], keys: Collection[str], new: Sequence[Finding], able: Collection[str]
) -> Iterator[Change]:
    """Of the `rows` that stand, those that give way to `new`, whose keys are `keys`."""
    found = [finding_of(r.record, None, f"finding {r.number}") for r in rows]
    for row, gives in zip(rows, gives_way(found, new, able), strict=True):
        if gives and row.key not in keys:
            yield Change(row.number, row.key, False)


def restate(connection: Connection, contents: Iterable[str]) -> None:
    """Make the digests and perceptual hashes of `contents` anew, as derived from the findings that stand."""
    f = schema.finding.c
    for sha256 in sorted(contents):
        query = select(f.number, f.record).where(f.sha256 == sha256, *searched())
        rows = connection.execute(query.order_by(f.number))
        findings = [finding_of(r.record, None, f"finding {r.number}") for r in rows]
        for table, new in (
            (schema.digest, digest_rows(sha256, findings)),
            (schema.perceptual, print_rows(sha256, findings)),
        ):
            connection.execute(delete(table).where(table.c.sha256 == sha256))
            if new:
                connection.execute(insert(table), new)


def examination_rows(tried: Iterable[str], replaced: Mapping[str, Examined]) -> list[dict[str, Any]]:
    """Rows of `examination`, but for their act, in order of subject."""
    rows: dict[str, dict[str, Any]] = {s: {"subject": s, "media_type": None, "family": None} for s in tried}
    for sha256, examined in replaced.items():
        found = next((f.payload for f in examined.of_content or () if f.kind == kinds.FILETYPE), {})
        rows[sha256] = {
            "subject": sha256,
            "media_type": found.get("media_type"),
            "family": found.get("family"),
        }
    return [rows[k] for k in sorted(rows)]


def matches_gone(connection: Connection, matcher: str, made: array[int]) -> list[Change]:
    """Matches that stand, by `matcher` with a list in use, whose key begins as none of `made` (64 bits)."""
    keys = np.sort(np.frombuffer(made, dtype=np.uint64)) if made else np.empty(0, dtype=np.uint64)
    lists = set(
        connection.execute(select(schema.hash_list.c.number).where(schema.hash_list.c.removed.is_(None))).scalars()
    )
    f = schema.finding.c
    query = select(f.number, f.key, f.record).where(f.kind == kinds.MATCH, current()).order_by(f.number)
    gone: list[Change] = []
    for row in connection.execution_options(yield_per=1000).execute(query):
        value = np.uint64(int(row.key[:16], 16))
        at = int(np.searchsorted(keys, value))
        if at < len(keys) and keys[at] == value:
            continue
        finding = finding_of(row.record, None, f"finding {row.number}")
        if finding.analyser == matcher and finding.payload.get("list_id") in lists:
            gone.append(Change(row.number, row.key, False))
    return gone
