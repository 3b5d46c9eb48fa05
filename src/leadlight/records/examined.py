"""What the pipeline hands to the record for one file found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from leadlight.records.codec import finding_record
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
    written: tuple[tuple[str, str | None], ...] = field(default=(), compare=False, repr=False)
    """The canonical JSON of each finding, of the place and then of the content, as `codec.finding_record` gives
    it: encoded once, where it was found. Empty where nobody did; then `records` encodes.
    """

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that was said, of the place first."""
        return (*self.of_place, *(self.of_content or ()))

    def records(self) -> Iterator[tuple[str, str | None]]:
        """The canonical JSON of all `findings`, in their order, each with that of its sealed text."""
        return iter(self.written) if self.written else (finding_record(f) for f in self.findings)
