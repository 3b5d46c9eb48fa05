"""What was tried on what, and with what: failures that stand, and the acts that state the conditions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from leadlight.records import Finding
from leadlight.records import finding as kinds
from leadlight.store import schema
from leadlight.store.rows import act_of, finding_of
from leadlight.store.superseding import current, family_now
from leadlight.store.view import View

STARTS = ("scan.start", "scan.again")
"""Acts that state what the acts after them were done with."""
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure that stands."""

    subject: str
    """The key of the place that it was said of, or the SHA-256 of the content."""
    of_place: bool
    act: int
    finding: Finding


class Tries:
    """Reads what was tried in one case; the acts as they were when it was made."""

    def __init__(self, view: View) -> None:
        self._view = view
        a = schema.act
        query = select(a).where(a.c.action.in_(STARTS)).order_by(a.c.number)
        self._starts: list[tuple[int, Mapping[str, Any]]] = [
            (act.number, act.details) for act in map(act_of, view.stream(query))
        ]

    def start_of(self, act: int) -> int:
        """The number of the act that states what `act` was done with; 0 where none does."""
        at = bisect_right(self._starts, act, key=lambda s: s[0])
        return self._starts[at - 1][0] if at else 0

    def conditions_at(self, act: int) -> Mapping[str, Any] | None:
        """What `act` was done with, as stated; None where nothing says."""
        at = bisect_right(self._starts, act, key=lambda s: s[0])
        return self._starts[at - 1][1] if at else None

    def failed(self) -> Iterator[Failed]:
        """Failures that stand, in the order they were recorded."""
        f = schema.finding.c
        query = select(f.number, f.act, f.sha256, f.place_key, f.record).where(f.kind == kinds.FAILURE, current())
        for r in self._view.stream(query.order_by(f.number)):
            found = finding_of(r.record, None, f"finding {r.number}")
            yield Failed(r.place_key or r.sha256, r.place_key is not None, r.act, found)

    def last(self, subjects: Iterable[str]) -> dict[str, int]:
        """The newest act that examined each of `subjects` again; those that none did are left out."""
        x, wanted = schema.examination.c, sorted(set(subjects))
        acts: dict[str, int] = {}
        for start in range(0, len(wanted), _CHUNK):
            some = wanted[start : start + _CHUNK]
            query = select(x.subject, func.max(x.act).label("act")).where(x.subject.in_(some)).group_by(x.subject)
            acts.update((r.subject, r.act) for r in self._view.stream(query))
        return acts

    def examined(self) -> Iterator[tuple[str, str, int]]:
        """Every content in order of SHA-256: its digest, its family, and the newest act that examined it."""
        c, x = schema.content.c, schema.examination.c
        again = select(func.max(x.act)).where(x.subject == c.sha256).scalar_subquery()
        query = select(c.sha256, family_now().label("family"), func.coalesce(again, c.act).label("act"))
        for r in self._view.stream(query.order_by(c.sha256)):
            yield r.sha256, r.family, r.act
