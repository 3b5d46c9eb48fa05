"""Messages between the scan and its workers: JSON behind a length, over pipes. Never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from leadlight.records import Finding
from leadlight.records.codec import dumps, finding_in, finding_out, item_in, item_out
from leadlight.records.examined import Examined

LONGEST = 256 * 1024 * 1024
"""Bytes of one message: more than any honest one, so that a broken stream can't ask for all memory."""

Message = dict[str, Any]


def send(descriptor: int, message: Message) -> None:
    """Write one message. Blocks until the other side takes it."""
    body = dumps(message).encode("ascii")
    view = memoryview(len(body).to_bytes(4, "big") + body)
    while view:
        view = view[os.write(descriptor, view) :]


class Inbox:
    """Bytes as they come, messages as they are whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Messages completed by `data`. Raises ValueError for a stream that is not ours."""
        self._bytes += data
        while len(self._bytes) >= 4:
            length = int.from_bytes(self._bytes[:4], "big")
            if length > LONGEST:
                raise ValueError(f"a message of {length} bytes")
            if len(self._bytes) < 4 + length:
                return
            body = bytes(self._bytes[4 : 4 + length])
            del self._bytes[: 4 + length]
            message = json.loads(body)
            if not isinstance(message, dict):
                raise ValueError("a message that is no object")
            yield message


def examined_out(examined: Examined) -> Message:
    """An Examined as JSON values."""
    return {
        "item": item_out(examined.item),
        "sha256": examined.sha256,
        "size": examined.size,
        "of_place": [finding_out(f) for f in examined.of_place],
        "of_content": None if examined.of_content is None else [finding_out(f) for f in examined.of_content],
        "container": examined.container,
    }


def examined_in(value: Message) -> Examined:
    """The inverse of `examined_out`."""
    content = value["of_content"]
    return Examined(
        item=item_in(value["item"]),
        sha256=value["sha256"],
        size=value["size"],
        of_place=_findings(value["of_place"]),
        of_content=None if content is None else _findings(content),
        container=value["container"],
    )


def _findings(values: list[Message]) -> tuple[Finding, ...]:
    return tuple(finding_in(v) for v in values)
