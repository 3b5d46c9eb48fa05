"""The chunks of a WebP file (RFC 9649), one after the other, whatever they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

FIRST: Final = 12
"""Where the first chunk begins."""


def is_webp(head: bytes) -> bool:
    """Whether a file that begins with these 12 bytes or more calls itself WebP."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def chunks(data: bytes, at: int, end: int, *, most: int) -> Iterator[tuple[bytes, int, int]]:
    """Of at most `most` chunks between `at` and `end`: name, where its bytes begin, and where they end by what it
    states, which may lie behind `end`.
    """
    for _ in range(most):
        if at + 8 > end:
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, at + 8 + length
        at += 8 + length + length % 2
