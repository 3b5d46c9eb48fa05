"""Pictures of one camera, by the noise that its sensor left: of an enrolled camera, or of one that nobody knows.

Enrolled cameras are linked by what `detect.sensor` found. For the others the noise of pictures of one size is
compared two by two and brought into groups. That is a lead and no more: pictures from one generator, or put
through one program that leaves a pattern of its own, can share noise too; and a camera whose noise is weak in
its pictures is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from leadlight.config import Settings
from leadlight.errors import CaseDamaged
from leadlight.records import Finding, Link, LinkKind, display_text
from leadlight.records.finding import RESIDUE, SENSOR
from leadlight.seams import CaseView
from leadlight.sensornoise.cluster import figures, groups
from leadlight.sensornoise.compact import Compact, compact_in

MOST: Final = 1000
"""Pictures of one size that are compared with one another, the first in order of digest: about 200 MB and two
minutes on one core at 12 megapixels. Those beyond are still compared with enrolled cameras.
"""
HELD: Final = 3000
"""Pictures in all whose noise is held at a time: about 500 MB."""


class SensorLinker:
    """Links by the noise of a sensor."""

    name = "link.sensor"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def link(self, view: CaseView, settings: Settings) -> Iterator[Link]:
        named: list[frozenset[str]] = []
        for link in _enrolled(view):
            named.append(frozenset(link.members))
            yield link
        for link in _unknown(view):
            if not any(known.issuperset(link.members) for known in named):
                yield link


def _enrolled(view: CaseView) -> Iterator[Link]:
    members: dict[tuple[str, str], list[str]] = {}
    for sha256, found in view.findings(SENSOR):
        name, digest = (found.payload.get(k) for k in ("camera", "camera_file"))
        if isinstance(name, str) and isinstance(digest, str):
            members.setdefault((display_text(name), display_text(digest, 64)), []).append(sha256)
    for (name, digest), contents in sorted(members.items()):
        held = tuple(sorted(set(contents)))
        if len(held) > 1:
            yield Link(
                LinkKind.SENSOR,
                f"{name} / {digest[:16]}",
                held,
                f"{len(held)} pictures show the sensor pattern of the enrolled camera {name}",
                {"camera": name, "camera_file": digest},
            )


def _unknown(view: CaseView) -> Iterator[Link]:
    sizes: dict[tuple[int, int], list[tuple[str, Compact]]] = {}
    held = 0
    for sha256, found in view.findings(RESIDUE):
        size = _size(found.payload)
        of_size = sizes.setdefault(size, [])
        if held < HELD and len(of_size) < MOST and (not of_size or of_size[-1][0] != sha256):
            of_size.append((sha256, _compact(sha256, found)))
            held += 1
    for size in sorted(sizes):
        pictures = sizes.pop(size)
        if len(pictures) > 1:
            yield from _groups(pictures)


def _groups(pictures: list[tuple[str, Compact]]) -> Iterator[Link]:
    first = pictures[0][1]
    pairs = figures([c.bits for _, c in pictures], first.samples)
    for numbers, mean in groups(pairs, first.samples):
        members = tuple(sorted(pictures[n][0] for n in numbers))
        yield Link(
            LinkKind.SENSOR,
            members[0],
            members,
            f"{len(members)} pictures of {first.width} × {first.height} pixels share a pattern of noise, as those "
            "of one camera do; pictures of one generator or program can too",
            {"mean": round(mean, 2), "width": first.width, "height": first.height},
        )


def _size(payload: Mapping[str, Any]) -> tuple[int, int]:
    width, height = payload.get("width"), payload.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)


def _compact(sha256: str, found: Finding) -> Compact:
    try:
        return compact_in(found.payload)
    except ValueError as e:
        raise CaseDamaged(
            "its noise can't be read: no Leadlight wrote it so",
            subject=f"content {sha256[:16]}…",
            advice="Run 'leadlight verify' on the case, then restore it from a copy.",
        ) from e


PLUGIN = SensorLinker()
