"""Parts of one picture within a case, by local features: crops and turned copies.

Near-copies by PDQ are linked by `link.similar` already, so only the first of those that lie near one another is
asked about. Contents are taken in order of their digests: each that belongs to no group yet leads one, which those
join whose features agree with its own in position. No row of small steps ties unlike pictures together.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from leadlight.config import Settings
from leadlight.keypoints import judge
from leadlight.keypoints.geometry import Agreement, agreement
from leadlight.keypoints.payload import keypoints_of
from leadlight.keypoints.search import ASKED, Gallery
from leadlight.radius import RadiusIndex, pack
from leadlight.records import Link, LinkKind
from leadlight.records.finding import FEATURES
from leadlight.seams import CaseView

MOST = 50_000
"""Contents that are compared with one another, the first in order of digest: what bounds time and memory (about
1.5 GB). Those beyond are still matched with lists.
"""


class PartLinker:
    """Groups of contents that show parts of one picture."""

    name = "link.features"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def link(self, view: CaseView, settings: Settings) -> Iterator[Link]:
        first = next(view.findings(FEATURES), None)
        if first is None:
            return
        copies = _copies(view, settings)
        own = ((s, keypoints_of(s, f)) for s, f in view.findings(FEATURES) if s not in copies)
        held = list(islice(own, MOST))
        if len(held) < 2:
            return
        names = [s for s, _ in held]
        gallery = Gallery([k for _, k in held])
        taken: set[int] = set()
        for start in range(0, len(held), ASKED):
            asked = gallery.pictures[start : start + ASKED]
            for place, candidates in gallery.candidates(asked, lanes=settings.worker_count()):
                leader = start + place
                if leader in taken:
                    continue
                found = {
                    c: a for c in candidates if c > leader and c not in taken and (a := _same(gallery, c, leader))
                }
                if found:
                    taken |= {leader, *found}
                    yield _link(names, leader, found)


def _same(gallery: Gallery, one: int, other: int) -> Agreement | None:
    found = agreement(gallery.pictures[one], gallery.pictures[other])
    return found if found is not None and judge.matches(found) else None


def _link(names: list[str], leader: int, found: dict[int, Agreement]) -> Link:
    members = sorted([names[leader], *(names[c] for c in found)])
    fewest = min(a.agreeing for a in found.values())
    return Link(
        kind=LinkKind.PART,
        key=names[leader],
        members=tuple(members),
        statement=f"{len(members)} show the same picture or parts of it: {fewest} or more local features agree in "
        "position",
        facts={names[c]: judge.facts(a) for c, a in sorted(found.items())},
    )


def _copies(view: CaseView, settings: Settings) -> set[str]:
    """Contents that are near-copies, by PDQ, of one with a smaller digest."""
    prints = [p for p in view.prints("pdq") if p.quality >= settings.near_quality and len(p.value) == 32]
    copies: set[str] = set()
    first: dict[bytes, str] = {}
    for p in prints:
        if first.setdefault(p.value, p.sha256) != p.sha256:
            copies.add(p.sha256)
    names = list(first.values())
    hashes = pack(first)
    if not len(hashes):
        return copies
    for q, h, _ in RadiusIndex(hashes).search(hashes, settings.near_radius):
        copies.update(names[n] for n in np.unique(np.maximum(q, h)[q != h]) if names[n] not in copies)
    return copies


PLUGIN = PartLinker()
