"""The audit chain: each act's digest covers its own fields and the digest of the act before it.

Whoever alters, removes or reorders an act breaks every digest after it. A chain alone can't show a tail
that was cut off: that takes a seal kept elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadlight.records import GENESIS, Act
from leadlight.records.codec import dumps, when_out


def act_digest(number: int, when: str, actor: str, action: str, details: str, previous: str) -> str:
    """SHA-256, in hex, over the canonical JSON array of an act's fields."""
    fields = dumps([number, when, actor, action, details, previous])
    return hashlib.sha256(fields.encode("ascii")).hexdigest()


def next_act(last: Act | None, *, when: datetime, actor: str, action: str, details: Mapping[str, Any]) -> Act:
    """The act that follows `last` (None for the first). A clock that went back does not break the chain."""
    number = last.number + 1 if last else 1
    previous = last.digest if last else GENESIS
    digest = act_digest(number, when_out(when) or "", actor, action, dumps(dict(details)), previous)
    return Act(number, when, actor, action, dict(details), previous, digest)


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where the record does not hold."""

    where: str
    """'act 12', 'finding 7', or a path."""
    what: str
    expected: bool = False
    """True for what is told and is no fault: the record says itself that a newer reading took its place."""


@dataclass(frozen=True, slots=True)
class Line:
    """An act as it is written in the record, whatever its text says: the digest rests on that very text."""

    number: int
    at: str
    actor: str
    action: str
    details: str
    previous: str
    digest: str

    @classmethod
    def of(cls, act: Act) -> Line:
        """The line of an act."""
        when, details = when_out(act.when) or "", dumps(dict(act.details))
        return cls(act.number, when, act.actor, act.action, details, act.previous, act.digest)

    def holds(self) -> bool:
        """Whether the digest fits the text."""
        try:
            fits = act_digest(self.number, self.at, self.actor, self.action, self.details, self.previous)
        except (TypeError, ValueError):
            return False
        return fits == self.digest


def check_chain(lines: Iterable[Line]) -> Iterator[Fault]:
    """Faults of a chain, in order; none where it holds."""
    expected, previous = 1, GENESIS
    for act in lines:
        if act.number != expected:
            yield Fault(f"act {expected}", f"is missing; act {act.number} follows")
        elif act.previous != previous:
            yield Fault(f"act {act.number}", "does not follow from the act before it")
        if not act.holds():
            yield Fault(f"act {act.number}", "was altered: its digest does not fit its text")
        expected, previous = act.number + 1, act.digest
