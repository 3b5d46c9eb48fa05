"""Reading the queue as it was last ranked, and what summaries need."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, func, select

from leadlight.records import Entry, Link, LinkKind, Tier
from leadlight.records import finding as kinds
from leadlight.records.codec import standing_in
from leadlight.store import schema
from leadlight.store.database import Database, understood
from leadlight.store.view import View, at_most


class Queue:
    """The queue of one case."""

    def __init__(self, database: Database) -> None:
        self._view = View(database)

    def entries(
        self, *, tier: Tier | None = None, top: int | None = None, failed: bool = False
    ) -> Iterator[Entry]:
        """Entries in order of rank; only of one tier, only the first `top`, only those with failures."""
        query = self._query()
        if tier is not None:
            query = query.where(schema.standing.c.tier_name == str(tier))
        if failed:
            query = query.where(schema.standing.c.failed)
        if top is not None:
            query = query.limit(at_most(top))
        for row in self._view.stream(query):
            yield self._entry(row)

    def entry(self, subject: str) -> Entry | None:
        """The entry of one subject, or None."""
        row = self._view.one(self._query().where(schema.queue.c.subject == subject))
        return self._entry(row) if row else None

    def tier_counts(self) -> dict[str, int]:
        """How many stand in each tier; every tier is named."""
        return self._counts(schema.standing.c.tier_name, [str(t) for t in Tier])

    def answer_counts(self) -> dict[str, int]:
        """How many have each answer of origin."""
        return self._counts(schema.standing.c.answer, ["camera", "generated", "altered", "undetermined"])

    def _counts(self, column: Any, names: list[str]) -> dict[str, int]:
        rows = self._view.stream(select(column.label("name"), func.count().label("n")).group_by(column))
        found = {r.name: r.n for r in rows}
        return {name: found.get(name, 0) for name in names}

    def _query(self) -> Select[Any]:
        q, s = schema.queue.c, schema.standing.c
        return (
            select(q.rank, q.subject, s.sha256, s.group, s.record)
            .join_from(schema.queue, schema.standing, q.subject == s.subject)
            .order_by(q.rank)
        )

    def _entry(self, row: Any) -> Entry:
        with understood(f"standing of {str(row.subject)[:16]}…"):
            standing = standing_in(json.loads(row.record))
        return Entry(
            rank=row.rank,
            sha256=row.sha256,
            places=self._view.items_of(row.subject),
            group=row.group,
            standing=standing,
        )

    def months(self) -> dict[str, tuple[int, int]]:
        """By month: contents by stated capture time, and places by file time."""
        captured: Counter[str] = Counter()
        modified: Counter[str] = Counter()
        for _, finding in self._view.findings(kinds.CAMERA):
            stated = finding.payload.get("captured")
            if isinstance(stated, str) and len(stated) >= 7 and stated[4] == "-":
                captured[stated[:7]] += 1
        i = schema.item.c
        for row in self._view.stream(select(i.number, i.modified).where(i.modified.is_not(None))):
            with understood(f"item {row.number}"):
                modified[datetime.fromtimestamp(row.modified, UTC).strftime("%Y-%m")] += 1
        return {m: (captured[m], modified[m]) for m in sorted({*captured, *modified})}

    def stated_sources(self) -> dict[str, int]:
        """Contents by the camera or generator that they state, most first."""
        counts: Counter[str] = Counter()
        for _, finding in self._view.findings(kinds.CAMERA):
            words = [str(finding.payload.get(k) or "").strip() for k in ("make", "model")]
            if name := " ".join(w for w in words if w):
                counts[f"camera: {name}"] += 1
        for _, finding in self._view.findings(kinds.GENERATOR):
            if name := str(finding.payload.get("generator") or "").strip():
                counts[f"generator: {name}"] += 1
        return dict(sorted(counts.items(), key=lambda p: (-p[1], p[0])))

    def links(self, most: int) -> tuple[Link, ...]:
        """The largest links."""
        k, m = schema.link.c, schema.link_member.c
        rows = list(
            self._view.stream(select(schema.link).order_by(k.size.desc(), k.kind, k.key).limit(at_most(most)))
        )
        return tuple(
            _link(
                r,
                tuple(
                    x.sha256
                    for x in self._view.stream(select(m.sha256).where(m.link == r.number).order_by(m.sha256))
                ),
            )
            for r in rows
        )

    def links_of(self, sha256: str) -> tuple[Link, ...]:
        """The links that a content is in, without their members."""
        k, m = schema.link.c, schema.link_member.c
        query = (
            select(k.number, k.kind, k.key, k.statement, k.facts)
            .join_from(schema.link_member, schema.link, m.link == k.number)
            .where(m.sha256 == sha256)
            .order_by(k.kind, k.key)
        )
        return tuple(_link(r, ()) for r in self._view.stream(query))

    def looked_at(self) -> int:
        """Contents that a person has looked at."""
        row = self._view.one(select(func.count(func.distinct(schema.look.c.sha256)).label("n")))
        return int(row.n)


def _link(row: Any, members: tuple[str, ...]) -> Link:
    with understood(f"link {row.number}"):
        return Link(LinkKind(row.kind), row.key, members, row.statement, json.loads(row.facts))
