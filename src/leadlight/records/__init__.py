"""What flows through Leadlight: frozen records, standard library only."""

from leadlight.records.custody import GENESIS, Act, Grade, Look
from leadlight.records.finding import (
    Basis,
    Filed,
    Finding,
    Proposition,
    Weight,
    WeightSource,
    failure,
)
from leadlight.records.hashlist import ListEntry, ListInfo
from leadlight.records.item import Item, Place, Times, display_name, display_text
from leadlight.records.link import Link, LinkKind
from leadlight.records.verdict import (
    Answer,
    Assessment,
    Entry,
    FailureNote,
    ListKind,
    Match,
    Origin,
    Reason,
    Standing,
    Term,
    Tier,
)

__all__ = [
    "GENESIS",
    "Act",
    "Answer",
    "Assessment",
    "Basis",
    "Entry",
    "FailureNote",
    "Filed",
    "Finding",
    "Grade",
    "Item",
    "Link",
    "LinkKind",
    "ListEntry",
    "ListInfo",
    "ListKind",
    "Look",
    "Match",
    "Origin",
    "Place",
    "Proposition",
    "Reason",
    "Standing",
    "Term",
    "Tier",
    "Times",
    "Weight",
    "WeightSource",
    "display_name",
    "display_text",
    "failure",
]
