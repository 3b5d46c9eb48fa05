"""Records to JSON and back. The only place that knows the schema version of what is stored or sent.

No pickle anywhere: case bytes are data, never code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from leadlight.records.finding import Basis, Finding, Proposition, Weight, WeightSource
from leadlight.records.item import Item, Place, Times
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

SCHEMA_VERSION = 1
"""Of records as stored; a case written with a greater one is refused."""


def _plain(value: Any) -> Any:
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't be written as JSON")


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_plain
)


def dumps(value: Any) -> str:
    """JSON in one canonical form: sorted keys, no spaces, no NaN. Digests of records rest on it."""
    return _ENCODER.encode(value)


def when_out(value: datetime | None) -> str | None:
    """ISO 8601 in UTC with microseconds, or None."""
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")


def when_in(value: str | None) -> datetime | None:
    """The inverse of `when_out`. Raises ValueError, also for a moment that lies beyond the calendar in UTC."""
    try:
        return None if value is None else datetime.fromisoformat(value).astimezone(UTC)
    except OverflowError as e:
        raise ValueError("a time that no calendar holds") from e


def place_out(place: Place) -> list[str]:
    """The chain as base64, exact for any bytes."""
    return [base64.b64encode(p).decode("ascii") for p in (place.root, *place.steps)]


def place_in(value: list[str]) -> Place:
    """The inverse of `place_out`."""
    root, *steps = (base64.b64decode(p) for p in value)
    return Place(root, tuple(steps))


def item_out(item: Item) -> dict[str, Any]:
    """An item as JSON values."""
    times = {name: when_out(getattr(item.times, name)) for name in Times.__dataclass_fields__}
    return {
        "place": place_out(item.place),
        "source": item.source,
        "size": item.size,
        "times": {k: v for k, v in times.items() if v is not None},
    }


def item_in(value: Mapping[str, Any]) -> Item:
    """The inverse of `item_out`."""
    return Item(
        place=place_in(value["place"]),
        source=value["source"],
        size=value["size"],
        times=Times(**{k: when_in(v) for k, v in value["times"].items()}),
    )


def weight_out(weight: Weight | None) -> dict[str, Any] | None:
    """A weight as JSON values."""
    if weight is None:
        return None
    return {
        "proposition": str(weight.proposition),
        "log10_lr": weight.log10_lr,
        "basis": str(weight.basis),
        "source": str(weight.source),
        "note": weight.note,
    }


def weight_in(value: Mapping[str, Any] | None) -> Weight | None:
    """The inverse of `weight_out`."""
    if value is None:
        return None
    return Weight(
        proposition=Proposition(value["proposition"]),
        log10_lr=value["log10_lr"],
        basis=Basis(value["basis"]),
        source=WeightSource(value["source"]),
        note=value["note"],
    )


def finding_out(finding: Finding) -> dict[str, Any]:
    """A finding as JSON values, sealed text included: for the record, not for display."""
    return {
        "analyser": finding.analyser,
        "version": finding.version,
        "kind": finding.kind,
        "statement": finding.statement,
        "payload": dict(finding.payload),
        "weight": weight_out(finding.weight),
        "sealed": dict(finding.sealed),
    }


def finding_record(finding: Finding) -> tuple[str, str | None]:
    """A finding's canonical JSON without sealed text, and the sealed text's (None where there is none)."""
    plain = finding_out(finding)
    sealed = plain.pop("sealed")
    return dumps(plain), dumps(sealed) if sealed else None


def finding_in(value: Mapping[str, Any]) -> Finding:
    """The inverse of `finding_out`."""
    return Finding(
        analyser=value["analyser"],
        version=value["version"],
        kind=value["kind"],
        statement=value["statement"],
        payload=value["payload"],
        weight=weight_in(value["weight"]),
        sealed=value["sealed"],
    )


def plain(value: Any, *, longest: int = 2000) -> Any:
    """Evidence values as JSON values that survive a round trip: for payloads.

    Bytes become ``{"hex": ...}``, lone surrogates are escaped, NaN and infinities become null, other
    numbers floats, text over `longest` characters is cut with its full length stated.
    """
    if value is None or isinstance(value, int):  # truth values are integers too
        return value
    if isinstance(value, list | tuple) and all(type(v) is int for v in value):
        return list(value)
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        return {"hex": raw[: longest // 2].hex(), "bytes": len(raw)}
    if isinstance(value, str):
        text = value.encode("utf-8", "backslashreplace").decode("utf-8")
        return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(plain(str(k), longest=longest)): plain(v, longest=longest) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v, longest=longest) for v in value]
    try:
        return plain(float(value), longest=longest)
    except (TypeError, ValueError, ArithmeticError):
        return plain(str(value), longest=longest)


def origin_out(origin: Origin) -> dict[str, Any]:
    """An origin in the shape that `queue --json` promises."""
    return {
        "answer": str(origin.answer),
        "log10_lr": origin.log10_lr,
        "verbal": origin.verbal,
        "for": [_fields(t) for t in origin.supporting],
        "against": [_fields(t) for t in origin.opposing],
    }


def origin_in(value: Mapping[str, Any]) -> Origin:
    """The inverse of `origin_out`."""
    return Origin(
        answer=Answer(value["answer"]),
        log10_lr=value["log10_lr"],
        verbal=value["verbal"],
        supporting=tuple(Term(**t) for t in value["for"]),
        opposing=tuple(Term(**t) for t in value["against"]),
    )


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def standing_out(standing: Standing) -> dict[str, Any]:
    """A standing as JSON values, in the shapes that `queue --json` promises."""
    return {
        "tier": str(standing.tier),
        "order": list(standing.order),
        "relevance": standing.relevance,
        "origin": origin_out(standing.origin),
        "matches": [{**_fields(m), "kind": str(m.kind)} for m in standing.matches],
        "reasons": [_fields(r) for r in standing.reasons],
        "failures": [_fields(f) for f in standing.failures],
    }


def standing_in(value: Mapping[str, Any]) -> Standing:
    """The inverse of `standing_out`."""
    return Standing(
        tier=Tier(value["tier"]),
        order=tuple(value["order"]),
        relevance=value["relevance"],
        origin=origin_in(value["origin"]),
        matches=tuple(Match(**{**m, "kind": ListKind(m["kind"])}) for m in value["matches"]),
        reasons=tuple(Reason(**r) for r in value["reasons"]),
        failures=tuple(FailureNote(**f) for f in value["failures"]),
    )


def entry_out(entry: Entry) -> dict[str, Any]:
    """An entry of the queue in the shape that `queue --json` promises."""
    standing = standing_out(entry.standing)
    del standing["order"]
    return {
        "rank": entry.rank,
        "tier": standing.pop("tier"),
        "sha256": entry.sha256,
        "places": [{"path": i.place.path, "within": i.place.within} for i in entry.places],
        "group": entry.group,
        **standing,
    }


def statement_out(finding: Finding) -> dict[str, Any]:
    """A finding in the shape that `show --json` and `origin --json` promise: nothing sealed."""
    weight = finding.weight
    return {
        "analyser": finding.analyser,
        "version": finding.version,
        "kind": finding.kind,
        "statement": finding.statement,
        "proposition": str(weight.proposition) if weight else None,
        "log10_lr": weight.log10_lr if weight else None,
        "basis": str(weight.basis) if weight else None,
        "source": str(weight.source) if weight else None,
        "payload": dict(finding.payload),
    }


def assessment_out(assessment: Assessment) -> dict[str, Any]:
    """What `origin --json` promises for one file."""
    return {
        "path": assessment.path,
        "sha256": assessment.sha256,
        "origin": origin_out(assessment.origin),
        "findings": [statement_out(f) for f in assessment.findings],
    }
