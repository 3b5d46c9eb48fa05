"""The segments of a JPEG stream (ITU-T T.81, annex B), walked without trusting a length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_SEGMENTS: Final = 20_000

SOI: Final = 0xD8
EOI: Final = 0xD9
SOS: Final = 0xDA
DQT: Final = 0xDB
DHT: Final = 0xC4
DRI: Final = 0xDD
COM: Final = 0xFE
APP0: Final = 0xE0
APP1: Final = 0xE1
APP2: Final = 0xE2
APP13: Final = 0xED
APP14: Final = 0xEE
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF markers."""
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_IN_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker with what it carries."""

    marker: int
    """The second byte of the marker: 0xE1 for APP1."""
    at: int
    """Where its 0xFF lies."""
    start: int
    """Where its content begins, after the length."""
    end: int
    """Where its content ends."""


def segments(data: bytes, *, start: int = 0, scans: bool = False) -> Iterator[Segment]:
    """The segments of the stream that begins at `start` with SOI, through EOI.

    Without `scans` it ends with the first SOS: all that headers hold. Ends early, silently, where the
    stream breaks; the last segment is then neither SOS nor EOI. Never raises on any bytes.
    """
    if data[start : start + 2] != b"\xff\xd8":
        return
    yield Segment(SOI, start, start + 2, start + 2)
    at = start + 2
    for _ in range(MAX_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if len(data) < at + 2 or data[at] != 0xFF or data[at + 1] == 0:
            return
        marker = data[at + 1]
        if marker == EOI or marker in _BARE:
            yield Segment(marker, at, at + 2, at + 2)
            if marker == EOI:
                return
            at += 2
            continue
        if marker == SOI or len(data) < at + 4:
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            return
        yield Segment(marker, at, at + 4, end)
        at = end
        if marker == SOS:
            if not scans:
                return
            found = _IN_SCAN.search(data, at)
            if found is None:
                return
            at = found.start()
