"""IPTC-IIM records (IPTC-NAA Information Interchange Model 4.2), the older carrier of captions and credits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from leadlight.provenance.tiff import decode

MAX_DATASETS: Final = 4096

SOURCE_PROGRAM: Final = (2, 65)
DATE_CREATED: Final = (2, 55)
TIME_CREATED: Final = (2, 60)
BYLINE: Final = (2, 80)
CREDIT: Final = (2, 110)
SOURCE: Final = (2, 115)
COPYRIGHT: Final = (2, 116)
CAPTION: Final = (2, 120)


def read_iptc(records: bytes) -> Mapping[tuple[int, int], tuple[str, ...]]:
    """Values by (record, dataset), of record 2 (application). Stops where the records break. Never raises."""
    found: dict[tuple[int, int], list[str]] = {}
    at = 0
    for _ in range(MAX_DATASETS):
        if at + 5 > len(records) or records[at] != 0x1C:
            break
        key = (records[at + 1], records[at + 2])
        length = int.from_bytes(records[at + 3 : at + 5], "big")
        at += 5
        if length & 0x8000:
            width = length & 0x7FFF
            if width > 8:
                break
            length = int.from_bytes(records[at : at + width], "big")
            at += width
        if at + length > len(records):
            break
        if key[0] == 2:
            found.setdefault(key, []).append(decode(records[at : at + length]).strip("\0 "))
        at += length
    return {k: tuple(v) for k, v in found.items()}
