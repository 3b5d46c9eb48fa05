"""Groups of near-copies within a case, so that one look serves a whole group.

Contents are taken in order of their digests. One that belongs to no group yet leads a new one, and every later
content within the radius that belongs to none joins it. So each member is within the radius of its leader, no
chain of small steps ties unlike pictures together, and the groups are the same on every machine. (Linking all that
are near to one another, and those near to these, would let two unlike pictures meet through a row of others.)

Memory: about 350 bytes for each stored hash of the case; hashes of the turned and mirrored forms are streamed.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.radius import WORDS, RadiusIndex, distances, pack
from leadlight.records import Link, LinkKind
from leadlight.seams import CaseView, Print

_LEAST, _MOST = 16, 4096
"""Contents asked about at a time. Few where groups are large, so that little is asked about in vain."""
EXACT = 2000
"""Members up to which the greatest distance is measured; beyond, twice the greatest distance to the leader."""


@dataclass(slots=True)
class _Stored:
    """The stored hashes of the case, by content, in order of digest."""

    contents: list[str]
    hashes: WORDS
    owners: npt.NDArray[np.int64]


@dataclass(slots=True)
class _Group:
    """A leader's members: for each its place, the distance, the form of the leader that it met, and its hash."""

    leader: int
    members: list[tuple[int, int, int, int]] = field(default_factory=list)


class SimilarLinker:
    """Near-copies by PDQ, turned and mirrored included."""

    name = "link.similar"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def link(self, view: CaseView, settings: Settings) -> Iterator[Link]:
        stored = _stored(view, settings.near_quality)
        if len(stored.contents) < 2:
            return
        index = RadiusIndex(stored.hashes)
        for group in _groups(view, stored, index, settings):
            members = sorted(stored.contents[m[0]] for m in group.members)
            diameter = _diameter(group, stored.hashes)
            apart = f"at most {diameter} bits apart" if diameter else "the same perceptual hash"
            yield Link(
                kind=LinkKind.NEAR_COPY,
                key=members[0],
                members=tuple(members),
                statement=f"{len(members)} near-copies; {apart}",
                facts={"diameter": diameter},
            )


def _sound(prints: Iterator[Print], least: int) -> Iterator[Print]:
    return (p for p in prints if p.quality >= least and len(p.value) == 32)


def _stored(view: CaseView, least: int) -> _Stored:
    contents: list[str] = []
    owners: list[int] = []
    raw = bytearray()
    for p in _sound(view.prints("pdq"), least):
        if not contents or contents[-1] != p.sha256:
            contents.append(p.sha256)
        owners.append(len(contents) - 1)
        raw += p.value
    return _Stored(contents, pack([bytes(raw)]), np.array(owners, dtype=np.int64))


def _forms(view: CaseView, least: int) -> Iterator[tuple[str, list[bytes]]]:
    """For each content the forms to ask with: as stored first, then turned and mirrored."""
    merged = heapq.merge(
        _sound(view.prints("pdq"), least), _sound(view.prints("pdq.dihedral"), least), key=lambda p: p.sha256
    )
    for sha256, prints in groupby(merged, key=lambda p: p.sha256):
        yield sha256, list(dict.fromkeys(p.value for p in prints))


def _groups(view: CaseView, stored: _Stored, index: RadiusIndex, settings: Settings) -> Iterator[_Group]:
    taken = np.zeros(len(stored.contents), dtype=np.bool_)
    forms = _forms(view, settings.near_quality)
    place = -1
    size = _LEAST
    while True:
        asked: list[tuple[int, list[bytes]]] = []
        for sha256, values in forms:
            if place + 1 < len(stored.contents) and stored.contents[place + 1] == sha256:
                place += 1
                if not taken[place]:
                    asked.append((place, values))
                    if len(asked) >= size:
                        break
        if not asked:
            return
        led = 0
        for group in _lead(asked, stored, index, settings.near_radius, taken):
            led += 1
            if len(group.members) > 1:
                yield group
        size = min(_MOST, size * 2) if led > len(asked) // 2 else max(_LEAST, size // 2)


def _lead(
    asked: list[tuple[int, list[bytes]]],
    stored: _Stored,
    index: RadiusIndex,
    radius: int,
    taken: npt.NDArray[np.bool_],
) -> Iterator[_Group]:
    """The groups that the contents asked about lead, in order; marks their members as taken."""
    queries = pack(v for _, values in asked for v in values)
    owner = np.array([n for n, (_, values) in enumerate(asked) for _ in values], dtype=np.int64)
    group = _Group(-1)
    current = -1
    for number, q, h, d in _by_owner(index, queries, owner, radius):
        for skipped in range(current + 1, number + 1):
            if group.members:
                yield group
            current = skipped
            leader = asked[skipped][0]
            group = _Group(leader)
            if not taken[leader]:
                taken[leader] = True
                group.members.append((leader, 0, -1, -1))
        if not group.members:
            continue
        members = stored.owners[h]
        free = ~taken[members]
        members, q, h, d = members[free], q[free], h[free], d[free]
        order = np.lexsort((h, q, d, members))
        _, first = np.unique(members[order], return_index=True)
        for at in order[first]:
            group.members.append((int(members[at]), int(d[at]), int(q[at]), int(h[at])))
        taken[members] = True
    if group.members:
        yield group


def _by_owner(
    index: RadiusIndex, queries: WORDS, owner: npt.NDArray[np.int64], radius: int
) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]]:
    """What the search finds, gathered for each content asked about: it always finds itself."""
    held: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]] = []
    number = 0
    for q, h, d in index.search(queries, radius):
        edges = np.flatnonzero(np.diff(owner[q])) + 1
        for part in zip(np.split(q, edges), np.split(h, edges), np.split(d, edges), strict=True):
            mine = int(owner[part[0][0]])
            if held and mine != number:
                yield number, *_joined(held)
                held = []
            number = mine
            held.append(part)
    if held:
        yield number, *_joined(held)


def _joined(
    held: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    return (
        np.concatenate([p[0] for p in held]),
        np.concatenate([p[1] for p in held]),
        np.concatenate([p[2] for p in held]),
    )


def _diameter(group: _Group, hashes: WORDS) -> int:
    """The greatest distance within a group, in bits.

    Members that met one form of the leader are compared with each other; members that met different forms, or a
    group of more than EXACT, by way of the leader, which is never less than the true distance.
    """
    others = [m for m in group.members if m[3] >= 0]
    by_form: dict[int, list[tuple[int, int]]] = {}
    for _, distance, form, place in others:
        by_form.setdefault(form, []).append((distance, place))
    reach = sorted((max(d for d, _ in found) for found in by_form.values()), reverse=True)
    widest = sum(reach[:2])
    for found in by_form.values():
        distinct = np.unique(hashes[[place for _, place in found]], axis=0)
        if len(distinct) > EXACT:
            widest = max(widest, *(a + b for a, b in [sorted(d for d, _ in found)[-2:]]))
            continue
        for start in range(0, len(distinct), 256):
            widest = max(widest, int(distances(distinct[start : start + 256, None], distinct[None, :]).max()))
    return widest


PLUGIN = SimilarLinker()
