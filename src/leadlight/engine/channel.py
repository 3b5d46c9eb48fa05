"""Messages between the scan and its workers: JSON behind a length, over pipes. Never pickle.

To a worker: ``settings`` first, with the terms of its cage and whether ``members`` of files count; ``batch``
gives it files, ``alone`` one that ended a worker before; ``claimed`` answers its claims, in order. From it:
``ready`` or ``refused`` once; ``reading`` before it opens, or goes on with, a file that it was given (they are
counted from 0); ``claims`` when it stops reading, each the SHA-256 of a content, the number of the file, and the
item where that lies within the file; ``examined`` for one result, ``finish`` with the last of a file; ``tick``
to show life.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from leadlight.records import Item
from leadlight.records.codec import dumps, finding_in, item_in, item_out
from leadlight.records.examined import Examined

LONGEST = 256 * 1024 * 1024
"""Bytes of one message: more than any honest one, so that a broken stream can't ask for all memory."""

Message = dict[str, Any]

_DECODER = json.JSONDecoder()
_DIGEST = re.compile(r"[0-9a-f]{64}")


def packed(message: Message) -> bytes:
    """One message as it goes over a pipe."""
    body = dumps(message).encode("ascii")
    return len(body).to_bytes(4, "big") + body


def send(descriptor: int, message: Message) -> None:
    """Write one message. Blocks until the other side takes it."""
    view = memoryview(packed(message))
    while view:
        view = view[os.write(descriptor, view) :]


class Inbox:
    """Bytes as they come, messages as they are whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages completed by `data`. Raises ValueError for a stream that is not ours."""
        self._bytes += data
        at = 0
        try:
            while len(self._bytes) - at >= 4:
                length = int.from_bytes(self._bytes[at : at + 4], "big")
                if length > LONGEST:
                    raise ValueError(f"a message of {length} bytes")
                if len(self._bytes) - at - 4 < length:
                    return
                body = bytes(self._bytes[at + 4 : at + 4 + length])
                at += 4 + length
                message = json.loads(body)
                if not isinstance(message, dict):
                    raise ValueError("a message that is no object")
                yield message
        finally:
            del self._bytes[:at]


def examined_out(examined: Examined, *, known: bool = False) -> Message:
    """An Examined as JSON values; without its item where that is `known` to the other side."""
    return {
        "item": None if known else item_out(examined.item),
        "sha256": examined.sha256,
        "size": examined.size,
        "of_place": len(examined.of_place),
        "of_content": examined.of_content is not None,
        "written": list(examined.records()),
        "container": examined.container,
    }


def examined_in(value: Message, item: Item | None = None) -> Examined:
    """The inverse of `examined_out`; `item` where it was left out.

    Each finding is decoded, so that what is no finding goes no further, and its text is kept as it came. Raises
    ValueError, KeyError, TypeError or AttributeError for what no Examined gives: it comes from a process that read
    hostile bytes.
    """
    written = tuple((record, sealed) for record, sealed in value["written"])
    findings = tuple(
        finding_in({**_decoded(record), "sealed": {} if sealed is None else _decoded(sealed)})
        for record, sealed in written
    )
    of_place, sha256 = value["of_place"], value["sha256"]
    found_as = item if item is not None and value["item"] is None else item_in(value["item"])
    if not (
        _count(value["size"])
        and _count(of_place)
        and (of_place <= len(findings) if value["of_content"] else of_place == len(findings))
        and all(isinstance(t, str) for f in findings for t in (f.analyser, f.version, f.kind, f.statement))
        and (sha256 is None or _DIGEST.fullmatch(sha256))
        and (found_as.size is None or _count(found_as.size))
        and isinstance(found_as.source, str)
    ):
        raise ValueError("a result that no file gives")
    return Examined(
        item=found_as,
        sha256=sha256,
        size=value["size"],
        of_place=findings[:of_place],
        of_content=findings[of_place:] if value["of_content"] else None,
        container=bool(value["container"]),
        written=written,
    )


def _count(value: object) -> bool:
    """Whether it is a number that a database holds."""
    return type(value) is int and 0 <= value < 1 << 63


def _decoded(text: str) -> Message:
    """An object from exactly this text: `json.loads`, without what that adds to each of many short texts."""
    value, end = _DECODER.raw_decode(text)
    if end != len(text) or not isinstance(value, dict):
        raise ValueError("a record that is no object")
    return value
