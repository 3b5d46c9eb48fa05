"""What the pipeline hands to the record for one file found."""

from __future__ import annotations

from dataclasses import dataclass

from leadlight.records.finding import Finding
from leadlight.records.item import Item


@dataclass(frozen=True, slots=True)
class Examined:
    """One file as found, with what was said of it."""

    item: Item
    sha256: str | None
    """None where its bytes could not be read."""
    size: int
    """Bytes read."""
    of_place: tuple[Finding, ...]
    """Said of this place: a name that contradicts the bytes, a failure to read."""
    of_content: tuple[Finding, ...] | None
    """Said of the content; None where the content was examined before and nothing is new."""
    container: bool = False
    """Its members follow, each as an Examined of its own."""
