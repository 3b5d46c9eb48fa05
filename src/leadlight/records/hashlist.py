"""A hash list and its entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from leadlight.records.verdict import ListKind

DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "blake3": 32, "pdq": 32}
"""The algorithms that lists are matched on, and the length of a value in bytes."""
CRYPTOGRAPHIC = frozenset({"md5", "sha1", "sha256", "blake3"})
"""Those whose equality means equal bytes."""


@dataclass(frozen=True, slots=True)
class ListInfo:
    """What is known of a list: a hit always carries its list."""

    name: str
    kind: ListKind
    format: str
    """csv, nsrl, vics, threatexchange."""
    owner: str = ""
    version: str = ""
    date: str = ""
    """As the list states it, ISO 8601 where it does."""
    digest: str = ""
    """SHA-256 of the file it was read from."""
    number: int | None = None
    """Its number in the case."""
    entries: int = 0
    added: datetime | None = None
    removed: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One value on a list."""

    algorithm: str
    """A key of DIGEST_BYTES."""
    value: bytes
    """Exactly DIGEST_BYTES[algorithm] bytes."""
    label: str = ""
    """What the list says of it: a category, series or tag; short; never harmful text shown unasked."""
