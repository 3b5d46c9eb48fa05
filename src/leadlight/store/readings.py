"""What a file on the medium held, each time that it was read."""

from __future__ import annotations

from dataclasses import dataclass

from leadlight.records import Item


@dataclass(frozen=True, slots=True)
class Reading:
    """One content that a file on the medium held."""

    item: Item
    sha256: str
    date: str
    """When that was recorded first: date, hour and minute, in UTC."""
    read_since: bool
    """Whether a later scan read the file too: it may then have held an older content again."""
    part: int | None = None
    """How many bytes could be read, where the medium failed before the end; None where all were."""
