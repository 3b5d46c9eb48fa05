"""What the matchers by perceptual hash say alike of a list and its entry. No PLUGIN here."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from leadlight.records import ListEntry, ListInfo, display_text
from leadlight.seams import CaseView, NearEntries


def opened(view: CaseView, held: ExitStack) -> list[tuple[ListInfo, NearEntries]]:
    """The lists in use that have PDQ entries, each with these, open until `held` closes."""
    found = [(i, held.enter_context(view.near(i.number))) for i in view.lists() if i.number is not None]
    return [(info, entries) for info, entries in found if len(entries)]


def apart(distance: int) -> str:
    """A distance in words."""
    return f"{distance} of 256 bits differ" if distance else "the same perceptual hash"


def facts(info: ListInfo, entry: ListEntry, distance: int, *, quality: int, exact: bool) -> dict[str, Any]:
    """The payload of a match by PDQ, but for what only one matcher knows."""
    return {
        "list_id": info.number,
        "list": display_text(info.name, 200),
        "list_kind": str(info.kind),
        "algorithm": "pdq",
        "distance": distance,
        "entry": entry.value.hex(),
        "label": display_text(entry.label, 200),
        "quality": quality,
        "exact": exact,
    }
