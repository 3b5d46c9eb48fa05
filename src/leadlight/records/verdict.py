"""What triage says: Tier, Answer, Origin, Entry of the queue. None of it is a grade."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leadlight.records.finding import Finding
from leadlight.records.item import Item


class Answer(StrEnum):
    """The four answers to the question of origin."""

    CAMERA = "camera"
    GENERATED = "generated"
    ALTERED = "altered"
    UNDETERMINED = "undetermined"


class Tier(StrEnum):
    """The places in the queue, from the top. Their rules are policy; their names are fixed."""

    URGENT = "urgent"
    NEAR_KNOWN = "near-known"
    POSSIBLE_VICTIM = "possible-victim"
    UNDETERMINED = "undetermined"
    KNOWN = "known"
    GENERATED = "generated"
    SET_ASIDE = "set-aside"


class ListKind(StrEnum):
    """What a hash list is of."""

    KNOWN = "known"
    """Known material that was confirmed by people."""
    GENERATED = "generated"
    """Known material that was confirmed to be generated."""
    BENIGN = "benign"
    """Known to be of no interest: operating systems, programs."""


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the account for an answer: what was found and how much it speaks."""

    text: str
    finding: str | None
    """What names the finding in the record, or None outside a case."""
    log10_lr: float
    counted: bool
    """False where it depends on another finding that was counted instead, or contradicts one of its kind."""
    why: str = ""
    """Why it is not counted, or what it is held to; '' where it counts in full."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The answer to 'where does it come from', with its doubt."""

    answer: Answer
    log10_lr: float | None
    """For 'generated' (positive) against 'camera' (negative), capped; None where nothing speaks."""
    verbal: str
    """The ENFSI verbal scale with both propositions, and why the figure leads to no answer where it does not."""
    supporting: tuple[Term, ...]
    """What speaks for 'generated' or 'altered'."""
    opposing: tuple[Term, ...]
    """What speaks for 'camera'."""


@dataclass(frozen=True, slots=True)
class Match:
    """A hit on a list. Shown with its list, always."""

    list: str
    kind: ListKind
    algorithm: str
    distance: int
    """0 for an exact match; bits of difference for a near one."""
    finding: str | None
    edited: str = ""
    """How the copy was edited, where only that explains the match: the payload's word, 'bars' or 'overlaid'."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a content stands where it stands, in plain words."""

    text: str
    finding: str | None


@dataclass(frozen=True, slots=True)
class FailureNote:
    """Something that could not be read or done, as shown in the queue."""

    analyser: str
    reason: str
    text: str
    advice: str
    finding: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where triage puts one content, and why. The queue sorts these."""

    tier: Tier
    order: tuple[float, ...]
    """Within the tier, smaller first; as the policy's `order` says. The digest breaks ties."""
    relevance: float
    """0 to 1: an ordering by policy, not a probability."""
    origin: Origin
    matches: tuple[Match, ...]
    reasons: tuple[Reason, ...]
    failures: tuple[FailureNote, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One content in the queue: its rank, its standing, its places."""

    rank: int
    sha256: str | None
    """None for a file whose bytes could not be read."""
    places: tuple[Item, ...]
    group: str | None
    """The digest that names its group of near-copies, or None if it has none."""
    standing: Standing


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one file says of its origin, without a case."""

    path: str
    sha256: str | None
    origin: Origin
    findings: tuple[Finding, ...]
