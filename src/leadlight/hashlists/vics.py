"""Project VIC's VICS 2.0: hash sets and case exports, as OData JSON of any size.

What the field has learned is built in: booleans may be text, category 0 is a category, IsPrecategorized and
TotalMediaFiles are not to be relied on, several Media may name one file, and a set of this kind is never
a list of harmless files. Categories differ from country to country, so they are labels here and nothing more.
PhotoDNA values are not matched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from leadlight.errors import HashListError
from leadlight.hashlists import jsonstream
from leadlight.hashlists.reading import (
    algorithm_named,
    bad_value,
    fault,
    file_digest,
    label_of,
    title,
    value_of,
)
from leadlight.records import ListEntry, ListInfo, ListKind

_CONTEXT = re.compile(rb'"@odata\.context"\s*:\s*("(?:[^"\\]|\\.)*")')
_OWNER = re.compile(rb'"ContactOrganization"\s*:\s*("(?:[^"\\]|\\.)*")')
_MODEL = re.compile(r"DataModels/([\d.]+?)\.xml/(\w+)/\$metadata#(\w+)", re.IGNORECASE)
_MEDIA = frozenset({"value.item", "value.item.Media.item", "Media.item", "item", "item.Media.item"})
_ALTERNATIVE = ".AlternativeHashes.item"
_ALTERNATIVES = 100
"""Alternative hashes taken of one Media."""


class VicsList:
    """Hash sets and case exports of Project VIC."""

    name = "vics"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    allowed_kinds = frozenset({ListKind.KNOWN, ListKind.GENERATED})

    def detect(self, path: Path) -> bool:
        try:
            start = jsonstream.start_of(path)
        except HashListError:
            return False
        if not start.startswith((b"{", b"[")):
            return False
        context = _quoted(_CONTEXT, start)
        return "projectvic" in context.lower() or (b'"MediaID"' in start and b'"MD5"' in start)

    def describe(self, path: Path) -> ListInfo:
        start = jsonstream.start_of(path)
        if not start.startswith((b"{", b"[")):
            raise fault(path, "is not JSON", advice="Add a VICS 2.0 hash set or case export.")
        model = _MODEL.search(_quoted(_CONTEXT, start))
        return ListInfo(
            title(path),
            ListKind.KNOWN,
            self.name,
            owner=label_of(_quoted(_OWNER, start)),
            version=f"{model[1]} {model[2]}" if model else "",
            digest=file_digest(path),
        )

    def entries(self, path: Path) -> Iterator[ListEntry]:
        record = 0
        found = False
        others: list[Mapping[str, Any]] = []
        for thing in jsonstream.things(path):
            if thing.path.endswith(_ALTERNATIVE):
                if len(others) < _ALTERNATIVES:
                    others.append(thing.values)
            elif thing.path in _MEDIA:
                if "MD5" not in thing.values and "SHA1" not in thing.values and not others:
                    continue  # a Case, whose Media came before it
                record += 1
                for entry in _entries(path, thing.values, others, record):
                    found = True
                    yield entry
                others = []
        if not found:
            raise fault(path, "holds no Media with a digest", advice="Add a VICS 2.0 hash set or case export.")


def _entries(
    path: Path, media: Mapping[str, Any], others: list[Mapping[str, Any]], record: int
) -> Iterator[ListEntry]:
    label = _label(media)
    at = f"Media {record} (MediaID {_number(media.get('MediaID')) or 'none'})"
    stated: list[tuple[str, str, Any]] = [("MD5", "md5", media.get("MD5")), ("SHA1", "sha1", media.get("SHA1"))]
    for other in others:
        algorithm = algorithm_named(str(other.get("HashName") or ""))
        if algorithm:
            stated.append(("HashValue", algorithm, other.get("HashValue")))
    taken: set[tuple[str, bytes]] = set()
    for name, algorithm, text in stated:
        if text is None or text == "":
            continue
        value = value_of(text.strip(), algorithm) if isinstance(text, str) else None
        if value is None:
            raise bad_value(path, str(text), algorithm, at=f"{at}, field '{name}'")
        if (algorithm, value) not in taken:
            taken.add((algorithm, value))
            yield ListEntry(algorithm, value, label)


def _label(media: Mapping[str, Any]) -> str:
    category = _number(media.get("Category"))
    return label_of(
        f"category {category}" if category else "",
        _text(media.get("Series")),
        _text(media.get("Tags")),
        "victim identified" if _true(media.get("VictimIdentified")) else "",
    )


def _number(value: Any) -> str:
    """A whole number as text, '' where there is none: 0 is a number."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float):
        return f"{value:.0f}" if value == value and abs(value) < 1e15 else ""
    return value.strip() if isinstance(value, str) and value.strip().isdecimal() else ""


def _true(value: Any) -> bool:
    """A boolean that may have been written as text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(v for v in value if isinstance(v, str))
    return value if isinstance(value, str) else ""


def _quoted(pattern: re.Pattern[bytes], start: bytes) -> str:
    found = pattern.search(start)
    if not found:
        return ""
    try:
        return str(json.loads(found[1]))
    except (ValueError, UnicodeDecodeError):
        return ""


PLUGIN = VicsList()
