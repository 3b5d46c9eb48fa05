"""JSON of any size as a stream of its objects, each with the plain values it holds itself.

Only one object and its ancestors are held at a time, whatever the document's size: a hash set of several
gigabytes needs no more memory than a small one.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from leadlight.hashlists.reading import fault, unreadable

DEPTH = 32
"""Objects and arrays within one another."""
KEYS = 1000
"""Keys of one object, and plain values of one array, that are kept."""
_SCALARS = frozenset({"string", "number", "boolean", "null"})


@dataclass(slots=True)
class Thing:
    """One object of the document, complete but for the objects within it, which came before."""

    path: str
    """Where it stands: keys joined by dots, 'item' for a place in an array; '' for the document itself."""
    values: dict[str, Any] = field(default_factory=dict)
    """Its plain values, and its arrays of plain values as lists."""


def start_of(path: Path, size: int = 64 * 1024) -> bytes:
    """The first bytes without a byte order mark and leading space. Raises HashListError."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(size)
    except OSError as e:
        raise unreadable(path, e) from e
    return raw.removeprefix(codecs.BOM_UTF8).lstrip()


def things(path: Path) -> Iterator[Thing]:
    """Every object of the document, or of several documents in one file, inner ones first.

    Raises HashListError where the file is not JSON, or is nested deeper than DEPTH.
    """
    try:
        with path.open("rb") as stream:
            _skip_mark(path, stream)
            yield from _walk(path, stream)
    except OSError as e:
        raise unreadable(path, e) from e


def _skip_mark(path: Path, stream: BinaryIO) -> None:
    mark = stream.read(3)
    if mark[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise fault(path, "is UTF-16 text", advice="Save it as UTF-8 and add it again.")
    if mark != codecs.BOM_UTF8:
        stream.seek(0)


def _walk(path: Path, stream: BinaryIO) -> Iterator[Thing]:
    objects: list[Thing] = []
    frames: list[tuple[str, Thing | None, list[Any] | None]] = []
    key = ""
    finished = 0
    try:
        for event, value in ijson.basic_parse(stream, multiple_values=True, use_float=True):
            if event == "map_key":
                key = value
            elif event in _SCALARS:
                if frames:
                    _, thing, items = frames[-1]
                    if thing is not None:
                        if len(thing.values) < KEYS:
                            thing.values[key] = value
                    elif items is not None and len(items) < KEYS:
                        items.append(value)
            elif event in ("start_map", "start_array"):
                if len(frames) >= DEPTH:
                    raise fault(
                        path,
                        f"is nested more than {DEPTH} deep",
                        at=f"after record {finished}",
                        advice="Check that this is a hash list.",
                    )
                place = _place(frames, key)
                if event == "start_map":
                    thing = Thing(place)
                    objects.append(thing)
                    frames.append((place, thing, None))
                else:
                    held: list[Any] = []
                    parent = frames[-1][1] if frames else None
                    if parent is not None and len(parent.values) < KEYS:
                        parent.values[key] = held
                    frames.append((place, None, held))
            else:
                frames.pop()
                if event == "end_map":
                    finished += 1
                    yield objects.pop()
    except (ijson.JSONError, UnicodeDecodeError, ValueError, OverflowError) as e:
        raise fault(
            path,
            f"is not sound JSON ({str(e).splitlines()[0][:120] if str(e) else type(e).__name__})",
            at=f"after record {finished}",
            advice="The file may be cut short: fetch it again and compare its size.",
        ) from e


def _place(frames: list[tuple[str, Thing | None, list[Any] | None]], key: str) -> str:
    if not frames:
        return ""
    parent, thing, _ = frames[-1]
    own = key if thing is not None else "item"
    return f"{parent}.{own}" if parent else own
