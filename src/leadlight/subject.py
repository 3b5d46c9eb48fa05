"""What triage is told: a subject with its findings, and what must be known of the whole case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from leadlight.policy import NearPlace
from leadlight.records import Filed, Item
from leadlight.records import finding as kinds
from leadlight.records.codec import when_in

FloodKey = tuple[int, str]
"""A list's number and an entry's value in hex."""


@dataclass(frozen=True, slots=True)
class Subject:
    """All that is known of one content, or of one file whose bytes could not be read."""

    sha256: str | None
    family: str
    """Of its file type; '' where it could not be read."""
    container: bool
    """Its members were looked for and stand on their own."""
    places: tuple[Item, ...]
    findings: tuple[Filed, ...]
    """Of the content and of its places."""
    size: int = 0
    """Bytes of the content."""
    group: str | None = None
    """Names its group of near-copies."""
    group_size: int = 1


@dataclass(frozen=True, slots=True)
class Context:
    """What triage must know of the whole case to place one content."""

    as_of: datetime
    """The newest file time of the evidence that is not in the future of the scan."""
    active_lists: frozenset[int] = frozenset()
    """Numbers of the lists that are not removed."""
    floods: Mapping[FloodKey, int] = field(default_factory=dict)
    """Entries that match too much of the case, with the number of contents: shown, not counted."""
    folders: Mapping[str, int] = field(default_factory=dict)
    """Folders that hold a match, with their number of files."""
    archives: Mapping[str, int] = field(default_factory=dict)
    """The same for containers."""
    devices: frozenset[str] = frozenset()
    """Stated camera serial numbers of matches."""
    moments: tuple[float, ...] = ()
    """File times of matches, in seconds since 1970, sorted."""
    known_groups: frozenset[str] = frozenset()
    """Groups of near-copies that hold a listed content."""


def device_of(payload: Mapping[str, Any]) -> str | None:
    """The stated camera as one key: make, model and serial number; None without a serial number."""
    serial = payload.get("serial")
    if not isinstance(serial, str) or not serial.strip():
        return None
    return "|".join(str(payload.get(k) or "").strip().casefold() for k in ("make", "model", "serial"))


def times_of(subject: Subject) -> list[datetime]:
    """Times that say when it came to be: stated capture times and file times, in UTC."""
    times = [i.times.modified for i in subject.places if i.times.modified]
    for filed in subject.findings:
        stated = filed.finding.payload.get("captured_utc") or filed.finding.payload.get("captured")
        if filed.finding.kind == kinds.CAMERA and isinstance(stated, str):
            try:
                moment = when_in(stated if "T" in stated else stated.replace(" ", "T"))
            except (ValueError, OverflowError):
                continue
            if moment is not None:
                times.append(moment)
    return times


def kilometres(lat: float, lon: float, near: NearPlace) -> float:
    """Great-circle distance (haversine, mean Earth radius 6,371 km)."""
    a, b = math.radians(lat), math.radians(near.lat)
    h = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(near.lon - lon) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(h)))
