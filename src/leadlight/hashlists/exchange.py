"""Lists as exchanges give them: ThreatExchange and its kin (JSON, NDJSON, CSV) and NCMEC's hash sharing XML.

Each value comes with the name of its kind. Kinds that are not matched here (PhotoDNA, TMK, vPDQ, text, URLs)
are left out; a list that holds nothing else is refused, and the fault names them. What an exchange itself marks
as not matching, or as deleted, is left out too. Keys of JSON and CSV: those of the public
python-threatexchange (`dataset --csv`) and of the Graph API; XML: namespace .../hashsharing/v2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadlight.errors import HashListError
from leadlight.hashlists import jsonstream, ncmec, table
from leadlight.hashlists.reading import (
    TYPE_COLUMNS,
    VALUE_COLUMNS,
    algorithm_by_length,
    algorithm_named,
    bad_value,
    fault,
    file_digest,
    label_of,
    normal,
    title,
    value_of,
)
from leadlight.records import ListEntry, ListInfo, ListKind, display_text

_TAGS = ("category", "tags", "tag", "labels", "label", "status")
_NEGATIVE = frozenset({"non_malicious", "negative_class", "false_positive"})
"""What an exchange says of a value that it does not hold to match."""
_QUOTED_TYPES = tuple(f'"{t}"'.encode() for t in (*sorted(TYPE_COLUMNS), "indicator type"))
_QUOTED_VALUES = tuple(f'"{v}"'.encode() for v in VALUE_COLUMNS)


class ExchangeList:
    """Signals of the ThreatExchange family."""

    name = "threatexchange"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    allowed_kinds = frozenset({ListKind.KNOWN, ListKind.GENERATED})

    def detect(self, path: Path) -> bool:
        try:
            start = jsonstream.start_of(path)
            if start.startswith(b"<"):
                return ncmec.detect(start)
            if start.startswith((b"{", b"[")):
                return (
                    any(t in start for t in _QUOTED_TYPES)
                    and any(v in start for v in _QUOTED_VALUES)
                    and b'"MediaID"' not in start
                )
            return _columns(path) is not None
        except HashListError:
            return False

    def describe(self, path: Path) -> ListInfo:
        xml = jsonstream.start_of(path).startswith(b"<")
        owner = ncmec.OWNER if xml else ""
        return ListInfo(title(path), ListKind.KNOWN, self.name, owner=owner, digest=file_digest(path))

    def entries(self, path: Path) -> Iterator[ListEntry]:
        start = jsonstream.start_of(path)
        skipped: Counter[str] = Counter()
        if start.startswith(b"<"):
            found = ncmec.entries(path, skipped)
        elif start.startswith((b"{", b"[")):
            found = _of_json(path, skipped)
        else:
            found = _of_table(path, skipped)
        empty = True
        for entry in found:
            empty = False
            yield entry
        if empty:
            left = ", ".join(f"{n} of {display_text(k, 40)}" for k, n in skipped.most_common(5))
            raise fault(
                path,
                f"holds no entry that can be matched here ({f'left out: {left}' if left else 'none found'})",
                advice="Kinds that are matched: md5, sha1, sha256, blake3 and pdq.",
            )


def _of_json(path: Path, skipped: Counter[str]) -> Iterator[ListEntry]:
    record = 0
    inner: list[str] = []
    for thing in jsonstream.things(path):
        values = {normal(k): v for k, v in thing.values.items()}
        kind = next((values[k] for k in sorted(TYPE_COLUMNS) if isinstance(values.get(k), str)), None)
        field = next((k for k in VALUE_COLUMNS if isinstance(values.get(k), str)), None)
        if kind is None or field is None:
            # the Graph API writes tags as objects within: {"tags": {"data": [{"text": ...}]}}
            if ".tags." in f".{thing.path}." and isinstance(values.get("text"), str) and len(inner) < 10:
                inner.append(values["text"])
            continue
        record += 1
        tags = [t for key in _TAGS for t in _texts(values.get(key))]
        at = f"record {record}, field '{field}'"
        yield from _entry(path, kind, values[field].strip(), [*tags, *inner], skipped, at=at)
        inner = []


def _of_table(path: Path, skipped: Counter[str]) -> Iterator[ListEntry]:
    start = table.head(path)
    columns = _columns(path)
    if start is None or columns is None:
        raise fault(
            path,
            "has no columns that name a signal and its type",
            at=f"line {start.line if start else 1}",
            advice="Columns are signal_type and signal_str, or type and indicator or value.",
        )
    kind, value, tags, header = columns
    for line, cells in table.rows(path, start):
        if header and line <= start.line:
            continue
        at = f"line {line}, field {value + 1}"
        if max(kind, value) >= len(cells):
            raise fault(path, "has too few fields", at=at, advice="Mend the line and add the list again.")
        labels = [cells[i] for i in tags if i < len(cells)]
        yield from _entry(path, cells[kind], cells[value], labels, skipped, at=at)


def _columns(path: Path) -> tuple[int, int, list[int], bool] | None:
    """Columns of type, value and tags, and whether there is a header; None where it is no such table."""
    start = table.head(path)
    if start is None:
        return None
    names = [normal(c) for c in start.first]
    kind = next((i for i, n in enumerate(names) if n in TYPE_COLUMNS), None)
    value = next((names.index(v) for v in VALUE_COLUMNS if v in names), None)
    if kind is not None and value is not None:
        return kind, value, [i for i, n in enumerate(names) if n in _TAGS], True
    hexed = next((i for i, c in enumerate(start.first) if algorithm_by_length(c)), None)
    named = next((i for i, c in enumerate(start.first) if algorithm_named(c)), None)
    if hexed is None or named is None:
        return None
    return named, hexed, [], False


def _entry(
    path: Path, kind: str, text: str, tags: list[str], skipped: Counter[str], *, at: str
) -> Iterator[ListEntry]:
    algorithm = algorithm_named(kind)
    if algorithm is None:
        skipped[normal(kind) or "no type"] += 1
        return
    if any(normal(t) in _NEGATIVE for t in tags):
        skipped["marked as not matching"] += 1
        return
    value = value_of(text, algorithm)
    if value is None:
        raise bad_value(path, text, algorithm, at=at)
    yield ListEntry(algorithm, value, label_of(*dict.fromkeys(tags)))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [v for v in value[:10] if isinstance(v, str)]
    return []


PLUGIN = ExchangeList()
