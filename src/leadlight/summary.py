"""A case summed up: counts, and the dossier that exporters see."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from leadlight.config import Settings
from leadlight.records import Act
from leadlight.records.dossier import CaseInfo, Counts, Dossier, PluginInfo, TimelineBin
from leadlight.seal.check import SEAL
from leadlight.seal.signed import signed_in
from leadlight.store.database import Database
from leadlight.store.lists import Lists
from leadlight.store.queue import Queue
from leadlight.store.view import View
from leadlight.version import __version__

LINKS = 50
"""The most links in a dossier, the largest first."""


def count(database: Database, seconds: float) -> Counts:
    """What there is and how it was placed; `seconds` is what it took."""
    found, queue = View(database).counts(), Queue(database)
    return Counts(
        items=found["items"],
        contents=found["contents"],
        bytes=found["bytes"],
        seconds=round(seconds, 3),
        tiers=queue.tier_counts(),
        answers=queue.answer_counts(),
        families=found["families"],
        failures=View(database).failure_counts(),
        looked_at=queue.looked_at(),
    )


def summarise(
    facts: Mapping[str, str],
    settings: Settings,
    database: Database,
    plugins: tuple[PluginInfo, ...],
    *,
    top: int,
) -> Dossier:
    """The frozen result: `facts` of `case.toml`, and the first `top` entries of the queue."""
    queue = Queue(database)
    acts = list(View(database).acts())
    roots = dict.fromkeys(r for a in acts if a.action == "scan.start" for r in a.details.get("evidence", ()))
    return Dossier(
        case=CaseInfo(
            name=facts["name"],
            number=facts["number"],
            created=datetime.fromisoformat(facts["created"]),
            evidence=tuple(roots),
            profile=settings.profile,
            software=__version__,
            python=platform.python_version(),
            system=platform.platform(),
            actor=settings.actor_name(),
            made=datetime.now(UTC),
            audit_head=acts[-1].digest if acts else "",
            acts=len(acts),
            newest_seal=_newest_seal(acts),
            encrypted=database.lock is not None,
        ),
        counts=count(database, _scan_seconds(acts)),
        entries=tuple(queue.entries(top=top)),
        failures=tuple(queue.entries(top=top, failed=True)),
        lists=Lists(database).all(removed=True),
        plugins=plugins,
        timeline=tuple(TimelineBin(m, c, f) for m, (c, f) in queue.months().items()),
        sources=queue.stated_sources(),
        links=queue.links(LINKS),
        settings=settings.to_plain(),
    )


def _newest_seal(acts: Sequence[Act]) -> str:
    """The newest seal that can be read, as it states itself; whether it holds is for `leadlight verify`."""
    for act in reversed(acts):
        if act.action == SEAL:
            with suppress(ValueError):
                seal = signed_in(act.details).seal
                return f"act {seal.act} of the record, on {seal.date}, by the key {seal.key[:16]}…"
    return ""


def _scan_seconds(acts: Iterable[Act]) -> float:
    """Time between the start and the end of each scan that ended, in all."""
    total, began = 0.0, None
    for act in acts:
        if act.action == "scan.start":
            began = act.when
        elif act.action == "scan.finish" and began is not None:
            total += (act.when - began).total_seconds()
            began = None
    return total
