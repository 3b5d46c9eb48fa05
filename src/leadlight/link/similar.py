"""Groups of near-copies within a case, so that one look serves a whole group.

Contents are taken in order of their digests. One that belongs to no group yet leads a new one, and every later
content within the radius that belongs to none joins it. So each member is within the radius of its leader, no
chain of small steps ties unlike pictures together, and the groups are the same on every machine. (Linking all that
are near to one another, and those near to these, would let two unlike pictures meet through a row of others.)

A leader is met in any of its forms, as stored, turned or mirrored. Forms are indexed some at a time, and
every content that is in no group yet asks once, by its stored hash, for the first leader that it is near to: an
eighth of the questions that asking by every form would take. All cores ask ahead, and are judged in order.

Memory: about 250 bytes for each content, and 180 for each form that is indexed at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.radius import HITS, INDICES, WORDS, RadiusIndex, distances, in_order, pack
from leadlight.records import Link, LinkKind
from leadlight.seams import CaseView, Print

FORMS = 1 << 22
"""Hashes of leaders indexed at a time at most: more cost memory, fewer time."""
_FEWEST, _SPARED = 1 << 17, 62_500
"""... and at least; between, the square of the contents by the second. So memory hardly grows as long as the time
that more searches take is some seconds: each content asks once for each part of the forms.
"""
_BLOCK = 1 << 16
"""Turned forms kept together until they are put in their place."""
_LEAST, _MOST = 256, 16384
"""Contents asked about at a time. Few where groups are large: within a block all meet all."""
_HITS = 1 << 21
"""Hits of a block beyond which it is asked again in small parts."""
_GREAT = 256
"""Members from which on a group is looked for first: who belongs to it need not meet all the others."""
EXACT = 2000
"""Members up to which the greatest distance is measured; beyond, twice the greatest distance to the leader."""


@dataclass(slots=True)
class _Stored:
    """The stored hashes of the case in order of digest; those of content n from `firsts[n]` to `firsts[n + 1]`."""

    contents: list[str]
    hashes: WORDS
    firsts: INDICES


@dataclass(slots=True)
class _Joined:
    """For each content the leader it joined (-1: none), how far it is, and by which form and stored hash."""

    leader: INDICES
    distance: npt.NDArray[np.uint16]
    form: INDICES
    place: INDICES

    @classmethod
    def none(cls, count: int) -> _Joined:
        """Of so many contents none has joined yet."""
        far = np.zeros(count, dtype=np.uint16)
        return cls(np.full(count, -1), far, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64))


@dataclass(slots=True)
class _Group:
    """A leader's members: for each its place, the distance, the form of the leader that it met, and its hash."""

    leader: int
    members: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A block of contents, the rows of their stored hashes, and for each row where the forms that count end."""

    contents: INDICES
    rows: INDICES
    below: INDICES


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
        for group in _groups(view, stored, settings):
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
    firsts: list[int] = []
    raw = bytearray()
    last = ""
    for p in _sound(view.prints("pdq"), least):
        if p.sha256 != last:
            last = p.sha256
            contents.append(last)
            firsts.append(len(raw) // 32)
        raw += p.value
    return _Stored(contents, pack([raw]), np.array([*firsts, len(raw) // 32], dtype=np.int64))


def _groups(view: CaseView, stored: _Stored, settings: Settings) -> Iterator[_Group]:
    found = _Joined.none(len(stored.contents))
    for forms in _forms(view, stored, found.leader, settings):
        forms.settle(found)
        del forms  # else it stays while the next ones are indexed
    members = np.flatnonzero(found.leader >= 0)
    members = members[np.argsort(found.leader[members], kind="stable")]
    edges = np.flatnonzero(np.diff(found.leader[members], prepend=-1, append=-1))
    for start, end in pairwise(edges.tolist()):
        part = members[start:end]
        group = _Group(int(found.leader[part[0]]))
        group.members.append((group.leader, 0, -1, -1))
        columns = (part, found.distance[part], found.form[part], found.place[part])
        group.members.extend(zip(*(c.tolist() for c in columns), strict=True))
        yield group


def _forms(view: CaseView, stored: _Stored, leader: INDICES, settings: Settings) -> Iterator[_Forms]:
    """The forms of all contents that may lead, some contents at a time, in order."""
    turned = _turned(view, stored, settings.near_quality)
    most = min(FORMS, max(_FEWEST, len(stored.contents) ** 2 // _SPARED))
    first, held = 0, next(turned, None)
    while first < len(stored.contents):
        owners, blocks, raw, end = array("q"), [], bytearray(), first
        while end < len(stored.contents) and (
            end == first or len(owners) + stored.firsts[end] - stored.firsts[first] < most
        ):
            while held is not None and held[0] == end:
                if leader[end] < 0:
                    owners.append(end)
                    raw += held[1]
                    if len(raw) == 32 * _BLOCK:
                        blocks.append(pack([raw]))
                        raw.clear()
                held = next(turned, None)
            end += 1
        blocks.append(pack([raw]))
        hashes, owner = _laid_out(stored, (first, end), blocks, np.array(owners, dtype=np.int64))
        # before the index is built: it alone takes more than all that it is made of
        del owners, blocks, raw
        yield _Forms(stored, first, end, hashes, owner, settings)
        del hashes, owner
        first = end


def _laid_out(
    stored: _Stored, span: tuple[int, int], blocks: list[WORDS], owners: INDICES
) -> tuple[WORDS, INDICES]:
    """All forms of a span of contents in order, the stored ones of each first, and the content of each form.

    `blocks` are turned forms, _BLOCK in each but the last, of contents that `owners` states. A picture's first
    form is mostly the stored one again, and left out.
    """
    first, end = span
    parts = [owners[n * _BLOCK : n * _BLOCK + len(block)] for n, block in enumerate(blocks)]
    new = [
        (block != stored.hashes[stored.firsts[part]]).any(axis=1)
        for block, part in zip(blocks, parts, strict=True)
    ]
    more = np.bincount(owners[np.concatenate(new)] - first, minlength=end - first)
    own = np.diff(stored.firsts[first : end + 1])
    owner = np.repeat(np.arange(first, end), own + more)
    hashes = np.empty((len(owner), 4), dtype=np.uint64)
    low, stored_until, turned_before = int(stored.firsts[first]), np.cumsum(own), np.cumsum(more) - more
    for start in range(0, int(own.sum()), _BLOCK):
        some = np.arange(start, min(start + _BLOCK, int(own.sum())))
        hashes[some + turned_before[np.searchsorted(stored_until, some, "right")]] = stored.hashes[low + some]
    done = 0
    for block, part, kept in zip(blocks, parts, new, strict=True):
        some = np.arange(done, done + int(kept.sum()))
        hashes[some + stored_until[part[kept] - first]] = block[kept]
        done += len(some)
    return hashes, owner


def _turned(view: CaseView, stored: _Stored, least: int) -> Iterator[tuple[int, bytes]]:
    """Content and hash of each turned and mirrored form of those contents that have a stored one."""
    place, contents, last = 0, stored.contents, len(stored.contents) - 1
    for p in _sound(view.prints("pdq.dihedral"), least):
        sha256 = p.sha256
        while place < last and contents[place] < sha256:
            place += 1
        if contents[place] == sha256:
            yield place, p.value


class _Forms:
    """The forms of the contents from `first` to `end` that lead or may lead, indexed."""

    def __init__(
        self, stored: _Stored, first: int, end: int, hashes: WORDS, owner: INDICES, settings: Settings
    ) -> None:
        self._stored, self._first, self._end = stored, first, end
        self._radius, self._lanes = settings.near_radius, settings.worker_count()
        self._owner = owner
        self._index = RadiusIndex(hashes, lanes=self._lanes)
        self._firsts = np.searchsorted(self._owner, np.arange(first, end + 1))
        self._skip = np.zeros(len(owner), dtype=np.uint8)
        self._great: tuple[RadiusIndex, INDICES] | None = None
        self._size = _LEAST

    def settle(self, found: _Joined) -> None:
        """Let each content join the first leader of these that it is near to, if it has joined none yet."""
        members = np.zeros(self._end - self._first, dtype=np.int64)
        self._leave_out(np.flatnonzero(found.leader[self._first : self._end] >= 0) + self._first)
        for asked, hits in in_order(lambda a: (a, self._hits(a, _HITS)), self._asked(found), self._lanes):
            if hits is not None:
                self._judge(asked.contents, hits, found, members)
                fewer = len(hits[0]) > 4 * len(asked.contents)
                self._size = max(_LEAST, self._size // 2) if fewer else min(_MOST, self._size * 2)
                continue
            self._size = _LEAST
            for start in range(0, len(asked.contents), _LEAST):
                part = self._block(asked.contents[start : start + _LEAST])
                self._judge(part.contents, self._hits(part, 1 << 40), found, members)

    def _asked(self, found: _Joined) -> Iterator[_Asked]:
        start = self._first
        while start < len(self._stored.contents):
            end = min(len(self._stored.contents), start + self._size)
            free = np.flatnonzero(found.leader[start:end] < 0) + start
            if len(free):
                yield self._block(free)
            start = end

    def _block(self, contents: INDICES) -> _Asked:
        firsts = self._stored.firsts
        counts = firsts[contents + 1] - firsts[contents]
        rows = np.repeat(firsts[contents] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        below = self._firsts[np.minimum(contents, self._end) - self._first]
        return _Asked(contents, rows, np.repeat(below, counts))

    def _hits(self, asked: _Asked, most: int) -> HITS | None:
        """(row, form, distance) of what they are near to, as far as it may be the first that leads."""
        hashes, below, parts = self._stored.hashes[asked.rows], asked.below.copy(), []
        if self._great is not None:
            index, forms = self._great
            each = np.full(len(hashes), len(forms), dtype=np.uint32), np.zeros(len(forms), dtype=np.uint8)
            met = index.among(hashes, self._radius, each)
            assert met is not None
            q, form = met[0], forms[met[1]]
            np.minimum.at(below, q, self._firsts[self._owner[form] - self._first])
            parts.append((q, form, met[2]))
        near = self._index.among(hashes, self._radius, (below.astype(np.uint32), self._skip), most=most)
        if near is None:
            return None
        q, form, d = (np.concatenate(column) for column in zip(*parts, near, strict=True))
        return asked.rows[q], form, d

    def _judge(self, contents: INDICES, hits: HITS | None, found: _Joined, members: INDICES) -> None:
        assert hits is not None
        row, form, d = hits
        if not len(row):
            return
        member, leader = np.searchsorted(self._stored.firsts, row, "right") - 1, self._owner[form]
        earlier = leader < member
        row, form, d, member, leader = row[earlier], form[earlier], d[earlier], member[earlier], leader[earlier]
        order = np.lexsort((row, form, d, leader, member))
        first = np.flatnonzero(np.diff(member[order], prepend=-1) | np.diff(leader[order], prepend=-1))
        best = order[first]
        joining: list[int] = []
        joins = found.leader
        for m, leads, at in zip(member[best].tolist(), leader[best].tolist(), best.tolist(), strict=True):
            if joins[m] < 0 and joins[leads] < 0:
                joins[m] = leads
                joining.append(at)
        if not joining:
            return
        who = member[joining]
        found.distance[who], found.form[who], found.place[who] = d[joining], form[joining], row[joining]
        self._leave_out(who[who < self._end])
        np.add.at(members, leader[joining] - self._first, 1)
        grown = np.unique(leader[joining])
        if (members[grown - self._first] >= _GREAT).any():
            self._lay_out_great(np.flatnonzero(members >= _GREAT) + self._first)

    def _leave_out(self, contents: INDICES) -> None:
        """The forms of those who joined a group lead none."""
        for place in (contents - self._first).tolist():
            self._skip[self._firsts[place] : self._firsts[place + 1]] = 1

    def _lay_out_great(self, leaders: INDICES) -> None:
        places = leaders - self._first
        forms = np.concatenate([np.arange(self._firsts[p], self._firsts[p + 1]) for p in places])
        if self._great is None or len(self._great[1]) != len(forms):
            self._great = RadiusIndex(self._index.hashes[forms]), forms


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
