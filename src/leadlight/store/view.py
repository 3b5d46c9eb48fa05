"""Reading a case: streams in order of SHA-256, for matchers, linkers, triage and display."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, select

from leadlight.records import Act, Filed, Finding, Grade, Item, ListEntry, ListInfo, Look, display_name
from leadlight.records import finding as kinds
from leadlight.records.codec import when_in
from leadlight.seams import Hit, ListedPicture, Print
from leadlight.store import schema
from leadlight.store.database import Database, understood
from leadlight.store.features import listed
from leadlight.store.hashes import FAST
from leadlight.store.lists import Lists
from leadlight.store.nearness import NearList, near_list
from leadlight.store.record import finished_stamps
from leadlight.store.rows import act_of, finding_of, item_of
from leadlight.store.superseding import current, family_now

_CONTENTS = select(schema.content.c.sha256).where(
    schema.content.c.sha256.in_(bindparam("sha256s", expanding=True))
)
"""Asked for every file: building a statement anew would cost more than running it."""
_CHUNK = 400
_STRENGTH = {"sha256": 0, "blake3": 1, "sha1": 2, "md5": 3}


class Aligned:
    """Rows in order of SHA-256, taken in step with another such stream."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def at(self, sha256: str) -> list[Any]:
        """The rows of `sha256`; those of lower digests are passed over."""
        while self._next is not None and self._next.sha256 < sha256:
            self._next = next(self._rows, None)
        held = []
        while self._next is not None and self._next.sha256 == sha256:
            held.append(self._next)
            self._next = next(self._rows, None)
        return held


class View:
    """The reading half of the store: `seams.CaseView` and what display needs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lists = Lists(database)

    def stream(self, query: Select[Any]) -> Iterator[Any]:
        """Rows of a query, a thousand at a time."""
        with self._database.reading() as connection:
            yield from connection.execution_options(yield_per=1000).execute(query)

    def one(self, query: Select[Any]) -> Any:
        """The first row of a query, or None."""
        with self._database.reading() as connection:
            return connection.execute(query).first()

    # -- seams.CaseView

    def prints(self, algorithm: str) -> Iterator[Print]:
        """Each hash in its exact form where there is one, else as made from a scaled decode."""
        exact = self._print_rows(algorithm, True)
        fast = self._print_rows(FAST.get(algorithm, f"{algorithm}.fast"), False)
        last = None
        for sha256, ordinal, _, found in heapq.merge(exact, fast, key=lambda r: r[:3]):
            if (sha256, ordinal) != last:
                yield found
            last = sha256, ordinal

    def _print_rows(self, algorithm: str, exact: bool) -> Iterator[tuple[str, int, bool, Print]]:
        t = schema.perceptual.c
        query = select(t.sha256, t.ordinal, t.value, t.quality).where(t.algorithm == algorithm)
        for row in self.stream(query.order_by(t.sha256, t.ordinal)):
            yield row.sha256, row.ordinal, not exact, Print(row.sha256, row.value, row.quality, exact)

    def findings(self, kind: str) -> Iterator[tuple[str, Finding]]:
        t = schema.finding.c
        query = (
            select(t.number, t.sha256, t.record)
            .where(t.kind == kind, t.sha256.is_not(None), current())
            .order_by(t.sha256, t.number)
        )
        for row in self.stream(query):
            yield row.sha256, finding_of(row.record, None, f"finding {row.number}")

    def items(self) -> Iterator[tuple[str, Item]]:
        t = schema.item.c
        query = select(t.number, t.sha256, t.record).where(t.sha256.is_not(None))
        for row in self.stream(query.order_by(t.sha256, t.place_key)):
            yield row.sha256, item_of(row.record, f"item {row.number}")

    def lists(self) -> tuple[ListInfo, ...]:
        return self._lists.all()

    def entries(self, list_number: int, algorithm: str) -> Iterator[ListEntry]:
        return self._lists.entries(list_number, algorithm)

    def near(self, list_number: int) -> AbstractContextManager[NearList]:
        return near_list(self._database, list_number)

    def features(self, list_number: int) -> Iterator[ListedPicture]:
        return listed(self._database, list_number)

    def hits(self, list_number: int) -> Iterator[Hit]:
        d, e = schema.digest.c, schema.entry.c
        query = (
            select(d.sha256, e.algorithm, e.value, e.label)
            .join_from(schema.digest, schema.entry, (e.algorithm == d.algorithm) & (e.value == d.value))
            .where(e.list == list_number)
            .order_by(d.sha256)
        )
        held: list[Hit] = []
        for row in self.stream(query):
            hit = Hit(row.sha256, row.algorithm, row.value, row.label)
            if held and held[0].sha256 != hit.sha256:
                yield from sorted(held, key=lambda h: _STRENGTH[h.algorithm])
                held = []
            held.append(hit)
        yield from sorted(held, key=lambda h: _STRENGTH[h.algorithm])

    # -- for display

    def acts(self) -> Iterator[Act]:
        """All acts in order."""
        for row in self.stream(select(schema.act).order_by(schema.act.c.number)):
            yield act_of(row)

    def last_act(self) -> Act | None:
        """The newest act."""
        row = self.one(select(schema.act).order_by(schema.act.c.number.desc()).limit(1))
        return act_of(row) if row else None

    def findings_of(self, subject: str, *, sealed: bool = False) -> tuple[Filed, ...]:
        """All findings that stand, of a content and its places or of a place whose bytes could not be read.

        Sealed text comes with `sealed` only.
        """
        t = schema.finding.c
        query = select(t.number, t.key, t.record, t.sealed)
        query = query.where((t.sha256 == subject) | (t.place_key == subject), current())
        return tuple(
            Filed(r.key[:12], finding_of(r.record, r.sealed if sealed else None, f"finding {r.number}"))
            for r in self.stream(query.order_by(t.number))
        )

    def superseded_of(self, subject: str) -> tuple[tuple[datetime, Filed], ...]:
        """Findings that no longer stand, each with when a newer examination or match took its place."""
        t, s = schema.finding.c, schema.superseded.c
        latest = select(func.max(s.act)).where(s.finding == t.number).scalar_subquery()
        query = select(t.number, t.key, t.record, schema.act.c.at).join_from(
            schema.finding, schema.act, schema.act.c.number == latest
        )
        query = query.where((t.sha256 == subject) | (t.place_key == subject), ~current()).order_by(t.number)
        return tuple(
            (_when(r.at, f"finding {r.number}"), Filed(r.key[:12], finding_of(r.record, None)))
            for r in self.stream(query)
        )

    def items_of(self, subject: str) -> tuple[Item, ...]:
        """Places of a content, or the one place whose bytes could not be read, in a fixed order."""
        t = schema.item.c
        query = select(t.number, t.record)
        query = query.where((t.sha256 == subject) | ((t.place_key == subject) & t.sha256.is_(None)))
        rows = self.stream(query.order_by(t.path, t.place_key))
        return tuple(item_of(r.record, f"item {r.number}") for r in rows)

    def items_at(self, place_key: str) -> tuple[Item, ...]:
        """What was found at a place, the newest first: one for each content it ever held."""
        t = schema.item.c
        query = select(t.number, t.record).where(t.place_key == place_key).order_by(t.number.desc())
        return tuple(item_of(r.record, f"item {r.number}") for r in self.stream(query))

    def read_item(self, place_key: str) -> Item | None:
        """The file at a place as it was read last; None where its bytes never could be."""
        t = schema.item.c
        query = select(t.number, t.record).where(t.place_key == place_key, t.sha256.is_not(None))
        row = self.one(query.order_by(t.number.desc()).limit(1))
        return item_of(row.record, f"item {row.number}") if row else None

    def places_of(self, contents: Iterable[str]) -> Iterator[tuple[str, list[Item]]]:
        """The places of each of `contents` that has any, in order of SHA-256."""
        t, wanted = schema.item.c, sorted(contents)
        for start in range(0, len(wanted), _CHUNK):
            query = select(t.sha256, t.number, t.record).where(t.sha256.in_(wanted[start : start + _CHUNK]))
            rows = self.stream(query.order_by(t.sha256, t.path, t.place_key))
            for sha256, some in groupby(rows, key=lambda r: r.sha256):
                yield sha256, [item_of(r.record, f"item {r.number}") for r in some]

    def unexamined(self) -> frozenset[str]:
        """Contents that were found at a place and of which nothing was said: whoever was to examine them was
        ended, and another place of theirs was done by then.
        """
        t, c = schema.item.c, schema.content.c
        query = select(t.sha256).where(t.sha256.is_not(None), ~exists().where(c.sha256 == t.sha256)).distinct()
        return frozenset(r.sha256 for r in self.stream(query.order_by(t.sha256)))

    def said_of_place(self, place_key: str) -> bool:
        """Whether any finding that stands was said of a place rather than of a content."""
        t = schema.finding.c
        return self.one(select(t.number).where(t.place_key == place_key, current()).limit(1)) is not None

    def grades_of(self, sha256: str) -> tuple[Grade, ...]:
        """Grades by people, oldest first."""
        t = schema.grade.c
        rows = self.stream(select(schema.grade).where(t.sha256 == sha256).order_by(t.number))
        return tuple(Grade(r.sha256, r.grade, r.actor, _when(r.at, f"grade {r.number}"), r.note) for r in rows)

    def looks_of(self, sha256: str) -> tuple[Look, ...]:
        """Looks by people, oldest first."""
        t = schema.look.c
        rows = self.stream(select(schema.look).where(t.sha256 == sha256).order_by(t.number))
        return tuple(Look(r.sha256, r.actor, _when(r.at, f"look {r.number}"), r.form) for r in rows)

    def resolve(self, name: str, paths: tuple[str, ...]) -> list[str]:
        """Subjects that `name` may mean: a digest of four or more characters, a place key, or a path.

        Paths are recorded as safe text, so a path is looked for as it is and as that text.
        """
        lowered = name.lower()
        found: set[str] = set()
        if len(lowered) >= 4 and all(c in "0123456789abcdef" for c in lowered):
            query = select(schema.queue.c.subject).where(
                schema.queue.c.subject >= lowered, schema.queue.c.subject < lowered + "g"
            )
            found.update(r.subject for r in self.stream(query.limit(3)))
        t = schema.item.c
        texts = {text for path in paths for text in _texts(path)}
        rows = self.stream(select(t.sha256, t.place_key).where(t.path.in_(sorted(texts))))
        found.update(r.sha256 or r.place_key for r in rows)
        return sorted(found)

    def counts(self) -> dict[str, Any]:
        """Items, contents, bytes, and contents by family."""
        with self._database.reading() as connection:
            family = family_now().label("family")
            rows = connection.execute(select(family, func.count().label("n")).group_by(family))
            families = {r.family: r.n for r in rows}
            size = connection.execute(select(func.coalesce(func.sum(schema.content.c.size), 0))).scalar_one()
            items = connection.execute(select(func.count(func.distinct(schema.item.c.place_key)))).scalar_one()
        with understood("sizes of contents"):
            return {"items": items, "contents": sum(families.values()), "bytes": int(size), "families": families}

    def failure_counts(self) -> dict[str, int]:
        """Failures by reason."""
        counts: dict[str, int] = {}
        t = schema.finding.c
        for row in self.stream(select(t.number, t.record).where(t.kind == kinds.FAILURE, current())):
            found = finding_of(row.record, None, f"finding {row.number}")
            reason = str(found.payload.get("reason", "failed"))
            counts[reason] = counts.get(reason, 0) + 1
        return dict(sorted(counts.items()))

    def finished(self, place_keys: Sequence[str]) -> dict[str, str]:
        """The stamps of those files on the medium that are done, by place key; a few hundred keys at a time."""
        with self._database.reading() as connection:
            return finished_stamps(connection, place_keys)

    def contents_of(self, sha256s: Sequence[str]) -> set[str]:
        """Those of these contents that were examined; a few hundred at a time."""
        with self._database.reading() as connection:
            return set(connection.execute(_CONTENTS, {"sha256s": list(sha256s)}).scalars())


def _texts(path: str) -> Iterator[str]:
    """A path as its row may spell it; never a lone surrogate, which no database takes."""
    if path.isascii() or not any("\ud800" <= c <= "\udfff" for c in path):
        yield path
    with suppress(UnicodeEncodeError):
        yield display_name(path.encode("utf-8", "surrogateescape"))


def at_most(rows: int) -> int:
    """A limit that a database takes: 0 to 2**62."""
    return min(max(rows, 0), 1 << 62)


def _when(text: str, where: str) -> datetime:
    with understood(where):
        when = when_in(text)
        if when is None:
            raise ValueError(where)
        return when
