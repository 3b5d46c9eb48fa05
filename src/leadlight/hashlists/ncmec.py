"""The XML of NCMEC's hash sharing API, version 2, as saved to a file; read for `threatexchange`.

queryResult holds images and videos; each image or video names a member, a time, an id, a classification and
fingerprints. deletedImage and deletedVideo take an entry back. Entries are not in order of time, so what was taken
back is gathered first, in a read of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from leadlight.hashlists.reading import (
    algorithm_named,
    bad_value,
    fault,
    label_of,
    unreadable,
    value_of,
)
from leadlight.records import ListEntry

OWNER = "NCMEC"
_ROOT = re.compile(rb"<(?:\w+:)?queryResult[\s>]")
_SPACE = b"hashsharing.ncmec.org/"
_LIVE = {"image": "deletedImage", "video": "deletedVideo"}
_GONE = frozenset(_LIVE.values())
_DEPTH = 16
_CHILDREN = 200


def detect(start: bytes) -> bool:
    """Whether the first bytes are those of such a file."""
    return _SPACE in start and _ROOT.search(start) is not None


def entries(path: Path, skipped: Counter[str]) -> Iterator[ListEntry]:
    """Entries that were not taken back; other kinds of fingerprint are counted in `skipped`.

    Raises HashListError naming the entry's number and field.
    """
    gone: dict[tuple[str, str, str], str] = {}
    for _, name, element in _records(path):
        if name in _GONE:
            key = (name, _text(element, "member", "id"), _text(element, "id"))
            gone[key] = max(gone.get(key, ""), _text(element, "timestamp"))
    for number, name, element in _records(path):
        if name in _GONE:
            skipped["deleted"] += 1
            continue
        taken_back = gone.get((_LIVE[name], _text(element, "member", "id"), _text(element, "id")))
        if taken_back is not None and taken_back >= _text(element, "timestamp"):
            skipped["deleted"] += 1
            continue
        yield from _fingerprints(path, element, skipped, number)


def _fingerprints(path: Path, element: Any, skipped: Counter[str], number: int) -> Iterator[ListEntry]:
    label = label_of(_text(element, "classification"), _text(element, "member"))
    for child in element:
        if _local(child.tag) != "fingerprints":
            continue
        for fingerprint in child:
            kind = _local(fingerprint.tag)
            algorithm = algorithm_named(kind)
            if algorithm is None:
                skipped[kind] += 1
                continue
            text = (fingerprint.text or "").strip()
            value = value_of(text, algorithm)
            if value is None:
                raise bad_value(path, text, algorithm, at=f"entry {number}, field '{kind}'")
            yield ListEntry(algorithm, value, label)


def _records(path: Path) -> Iterator[tuple[int, str, Any]]:
    """Number, local name and element of each entry, live or deleted; only one is held at a time."""
    number = 0
    stack: list[Any] = []
    try:
        with path.open("rb") as stream:
            for event, element in iterparse(stream, events=("start", "end"), forbid_dtd=True):
                if event == "start":
                    if len(stack) >= _DEPTH or (stack and len(stack[-1]) > _CHILDREN):
                        raise fault(
                            path,
                            "is nested too deep, or holds too much in one entry",
                            at=f"after entry {number}",
                            advice="Check that this is a query result of the hash sharing API.",
                        )
                    stack.append(element)
                    continue
                stack.pop()
                name = _local(element.tag)
                if name in _LIVE or name in _GONE:
                    number += 1
                    yield number, name, element
                    if stack:
                        stack[-1].remove(element)
    except OSError as e:
        raise unreadable(path, e) from e
    except (ParseError, DefusedXmlException, ValueError, LookupError) as e:
        raise fault(
            path,
            f"is not sound XML ({type(e).__name__})"
            if isinstance(e, DefusedXmlException)
            else f"is not XML ({e})",
            at=f"after entry {number}",
            advice="Save the answer of the hash sharing API again, complete.",
        ) from e


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]


def _text(element: Any, name: str, attribute: str = "") -> str:
    for child in element:
        if _local(child.tag) == name:
            return str(child.get(attribute, "") if attribute else (child.text or "")).strip()
    return ""
