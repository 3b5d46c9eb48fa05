"""What a case hands back: of a run, and of one content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leadlight.records import Entry, Filed, Grade, Link, Look
from leadlight.records.dossier import Counts


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did."""

    counts: Counts
    skipped: int
    """Files on the medium that an earlier run had done."""


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one content."""

    entry: Entry
    findings: tuple[Filed, ...]
    links: tuple[Link, ...]
    """Why it belongs with others; members left out."""
    grades: tuple[Grade, ...]
    looks: tuple[Look, ...]
    superseded: tuple[tuple[datetime, Filed], ...] = ()
    """Findings that no longer stand, with when a newer one took their place."""
