"""What is derived from the record: links, standings, the queue. Rebuilt as a whole, in one transaction each."""

from __future__ import annotations

import json
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import delete, exists, func, insert, select

from leadlight.config import Settings
from leadlight.records import Filed, Link, LinkKind, ListKind, Standing
from leadlight.records import finding as kinds
from leadlight.records.codec import dumps, standing_out
from leadlight.records.hashlist import CRYPTOGRAPHIC
from leadlight.store import schema
from leadlight.store.database import Database
from leadlight.store.hashes import FAST
from leadlight.store.rows import finding_of, item_of
from leadlight.store.superseding import current, family_now
from leadlight.store.view import Aligned, View
from leadlight.subject import Context, FloodKey, Subject, device_of

_CHUNK = 400
_QUIET = (kinds.DIGEST, kinds.PDQ, kinds.REGIONS, kinds.FEATURES, kinds.RESIDUE)
"""Kinds that triage does not read: most of the rows."""


class Ranking:
    """Derived tables of one case."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._view = View(database)

    def replace_links(self, links: Iterable[Link]) -> dict[str, int]:
        """Links as found now, in place of those before; returns how many of each kind."""
        counts: Counter[str] = Counter()
        with self._database.writing() as connection:
            connection.execute(delete(schema.link_member))
            connection.execute(delete(schema.link))
            for number, link in enumerate(links, start=1):
                counts[str(link.kind)] += 1
                connection.execute(
                    insert(schema.link),
                    [
                        {
                            "number": number,
                            "kind": str(link.kind),
                            "key": link.key,
                            "size": len(link.members),
                            "statement": link.statement,
                            "facts": dumps(dict(link.facts)),
                        }
                    ],
                )
                connection.execute(
                    insert(schema.link_member), [{"sha256": m, "link": number} for m in link.members]
                )
        return dict(counts)

    def context(self, settings: Settings, now: datetime) -> Context:
        """What triage must know of the whole case, as of the newest file time that is not after `now`."""
        lists = {info.number: info.kind for info in self._view.lists() if info.number is not None}
        floods = self._floods(lists, settings)
        matched = self._matched(lists, floods)
        folders, archives, moments, devices = self._company(sorted(matched))
        listed_groups = self._groups_of(sorted(matched))
        newest = self._view.one(
            select(func.max(schema.item.c.modified).label("at")).where(schema.item.c.modified <= now.timestamp())
        )
        as_of = datetime.fromtimestamp(newest.at, UTC) if newest and newest.at else now
        return Context(
            as_of=as_of,
            active_lists=frozenset(lists),
            floods=floods,
            folders=self._sizes(schema.item.c.folder, folders),
            archives=self._sizes(schema.item.c.within, archives),
            devices=frozenset(devices),
            moments=tuple(moments),
            known_groups=frozenset(listed_groups),
        )

    def _match_rows(self, lists: dict[int, ListKind]) -> Iterator[tuple[str, dict[str, Any]]]:
        t = schema.finding.c
        for row in self._view.stream(select(t.sha256, t.record).where(t.kind == kinds.MATCH, current())):
            payload = json.loads(row.record)["payload"]
            if payload["list_id"] in lists:
                yield row.sha256, payload

    def _floods(self, lists: dict[int, ListKind], settings: Settings) -> dict[FloodKey, int]:
        near: Counter[FloodKey] = Counter()
        for _, payload in self._match_rows(lists):
            if payload["algorithm"] not in CRYPTOGRAPHIC:
                near[payload["list_id"], payload["entry"]] += 1
        prints = self._view.one(
            select(func.count(func.distinct(schema.perceptual.c.sha256)).label("n")).where(
                schema.perceptual.c.algorithm.in_(("pdq", FAST["pdq"]))
            )
        )
        most = max(settings.flood_least, settings.flood_share * (prints.n if prints else 0))
        return {key: n for key, n in near.items() if n > most}

    def _matched(self, lists: dict[int, ListKind], floods: dict[FloodKey, int]) -> set[str]:
        return {
            sha256
            for sha256, payload in self._match_rows(lists)
            if lists[payload["list_id"]] is not ListKind.BENIGN
            and (payload["list_id"], payload["entry"]) not in floods
        }

    def _company(self, matched: Sequence[str]) -> tuple[set[str], set[str], list[float], set[str]]:
        folders: set[str] = set()
        archives: set[str] = set()
        moments: list[float] = []
        devices: set[str] = set()
        t, f = schema.item.c, schema.finding.c
        for start in range(0, len(matched), _CHUNK):
            some = matched[start : start + _CHUNK]
            for row in self._view.stream(select(t.folder, t.within, t.modified).where(t.sha256.in_(some))):
                folders.add(row.folder)
                if row.within:
                    archives.add(row.within)
                if row.modified is not None:
                    insort(moments, row.modified)
            query = select(f.record).where(f.kind == kinds.CAMERA, f.sha256.in_(some), current())
            for row in self._view.stream(query):
                device = device_of(json.loads(row.record)["payload"])
                if device:
                    devices.add(device)
        return folders, archives, moments, devices

    def _groups_of(self, matched: Sequence[str]) -> set[str]:
        groups: set[str] = set()
        m, k = schema.link_member.c, schema.link.c
        for start in range(0, len(matched), _CHUNK):
            query = (
                select(k.key)
                .join_from(schema.link_member, schema.link, m.link == k.number)
                .where(k.kind == str(LinkKind.NEAR_COPY), m.sha256.in_(matched[start : start + _CHUNK]))
            )
            groups.update(r.key for r in self._view.stream(query))
        return groups

    def _sizes(self, column: Any, wanted: set[str]) -> dict[str, int]:
        if not wanted:
            return {}
        query = select(column.label("name"), func.count().label("n")).group_by(column)
        return {r.name: r.n for r in self._view.stream(query) if r.name in wanted}

    def subjects(self) -> Iterator[Subject]:
        """Every content in order of SHA-256, then every file whose bytes could not be read."""
        i, f, c = schema.item.c, schema.finding.c, schema.content.c
        item_rows = groupby(
            self._view.stream(
                select(i.sha256, i.container, i.record)
                .where(i.sha256.is_not(None))
                .order_by(i.sha256, i.path, i.place_key)
            ),
            key=lambda r: r.sha256,
        )
        finding_rows = Aligned(
            self._view.stream(
                select(f.sha256, f.key, f.record)
                .where(f.sha256.is_not(None), f.kind.not_in(_QUIET), current())
                .order_by(f.sha256, f.key)
            )
        )
        family_rows = Aligned(
            self._view.stream(select(c.sha256, family_now().label("family"), c.size).order_by(c.sha256))
        )
        group_rows = Aligned(self._group_rows())
        for sha256, rows in item_rows:
            held = list(rows)
            content = next(iter(family_rows.at(sha256)), None)
            group = next(iter(group_rows.at(sha256)), None)
            yield Subject(
                sha256=sha256,
                family=content.family if content else "unknown",
                size=content.size if content else 0,
                container=any(r.container for r in held),
                places=tuple(item_of(r.record) for r in held),
                findings=tuple(Filed(r.key[:12], finding_of(r.record, None)) for r in finding_rows.at(sha256)),
                group=group.key if group else None,
                group_size=group.size if group else 1,
            )
        yield from self._unread()

    def _group_rows(self) -> Iterator[Any]:
        m, k = schema.link_member.c, schema.link.c
        return self._view.stream(
            select(m.sha256, k.key, k.size)
            .join_from(schema.link_member, schema.link, m.link == k.number)
            .where(k.kind == str(LinkKind.NEAR_COPY))
            .order_by(m.sha256, k.key)
        )

    def _unread(self) -> Iterator[Subject]:
        """Files whose bytes could not be read, but for those that a later scan could read."""
        i, later = schema.item.c, schema.item.alias("later")
        read_later = exists().where(later.c.place_key == i.place_key, later.c.sha256.is_not(None))
        query = select(i.place_key, i.record).where(i.sha256.is_(None), ~read_later)
        for row in self._view.stream(query.order_by(i.place_key)):
            yield Subject(
                sha256=None,
                family="",
                container=False,
                places=(item_of(row.record),),
                findings=self._view.findings_of(row.place_key),
            )

    def replace_queue(
        self, place: Callable[[Subject], Standing], tier_rank: Callable[[Standing], int]
    ) -> dict[str, int]:
        """Place every subject and rank all; returns how many stand in each tier."""
        counts: Counter[str] = Counter()
        with self._database.writing() as connection:
            connection.execute(delete(schema.queue))
            connection.execute(delete(schema.standing))
            batch: list[dict[str, Any]] = []
            for subject in self.subjects():
                standing = place(subject)
                counts[str(standing.tier)] += 1
                batch.append(_standing_row(subject, standing, tier_rank(standing)))
                if len(batch) >= 1000:
                    connection.execute(insert(schema.standing), batch)
                    batch = []
            if batch:
                connection.execute(insert(schema.standing), batch)
            s = schema.standing.c
            ordered = (s.tier, s.first, s.second, s.third, s.fourth, s.fifth, s.subject)
            connection.execute(
                insert(schema.queue).from_select(
                    ["rank", "subject"],
                    select(func.row_number().over(order_by=ordered), s.subject).order_by(*ordered),
                )
            )
        return dict(counts)


def _standing_row(subject: Subject, standing: Standing, rank: int) -> dict[str, Any]:
    keys = [*standing.order, *[0.0] * 5][:5]
    names = ("first", "second", "third", "fourth", "fifth")
    return {
        "subject": subject.sha256 or subject.places[0].place.key,
        "sha256": subject.sha256,
        "tier": rank,
        "tier_name": str(standing.tier),
        "answer": str(standing.origin.answer),
        "failed": bool(standing.failures),
        **dict(zip(names, keys, strict=True)),
        "group": subject.group,
        "record": dumps(standing_out(standing)),
    }
