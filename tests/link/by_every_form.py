"""The rule of `link.similar` as it reads: each leader asks by all its forms. Slow, and what groups must be."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.link.similar import _diameter, _Group
from leadlight.radius import WORDS, RadiusIndex, pack
from leadlight.seams import CaseView, Print

_LEAST, _MOST = 16, 4096


@dataclass(slots=True)
class _Stored:
    contents: list[str]
    hashes: WORDS
    owners: npt.NDArray[np.int64]


def groups(view: CaseView, settings: Settings) -> list[tuple[tuple[str, ...], int]]:
    """Members and diameter of each group."""
    stored = _stored(view, settings.near_quality)
    if len(stored.contents) < 2:
        return []
    index = RadiusIndex(stored.hashes)
    return [
        (tuple(sorted(stored.contents[m[0]] for m in group.members)), _diameter(group, stored.hashes))
        for group in _groups(view, stored, index, settings)
    ]


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
