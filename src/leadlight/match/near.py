"""Near matches: a PDQ hash of the content is within a few bits of a listed one, turned and mirrored included.

PDQ: Facebook, 'The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm', 2019; its authors
advise a distance of 31 of 256 bits and to leave out hashes of quality below 50, which are of pictures too flat
to tell apart. Whether one entry matches so much that it should be doubted is judged later, over these findings.

Hashes of the case are taken in blocks and looked for in the index of each list: the time depends on the hashes
of the case, and hardly on the length of the lists.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.match.listed import apart, facts, opened
from leadlight.radius import WORDS, pack
from leadlight.records import Finding, ListEntry, ListInfo, display_text
from leadlight.records.finding import MATCH
from leadlight.seams import CaseView, NearEntries, Print

BLOCK = 200_000
"""Hashes of the case held at a time: what bounds the memory, whatever the case and the lists hold."""
SLACK = 12
"""Bits by which a hash of a scaled decode may miss the exact one and still be doubted: the most that was seen on
750 photographs and 100 drawn pictures (mean 0.7, at most 4; of progressive files 1.7, at most 12). Each bit more
makes the search dearer: at 16 it takes three times as long.
"""
QUALITY_SLACK = 10
"""By how much its quality may lie below the least that is matched."""
MOST = 63
"""The greatest radius that can be asked for."""
STORED = "as stored"
TURNED = "turned or mirrored"


@dataclass(slots=True)
class _Block:
    """All hashes of some contents, in order of content."""

    contents: list[str]
    hashes: WORDS
    owners: npt.NDArray[np.int64]
    """For each hash its content, as a place in `contents`."""
    turned: npt.NDArray[np.bool_]
    exact: npt.NDArray[np.bool_]
    qualities: npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class _Best:
    """The nearest entry of a list to a content."""

    place: int
    """The hash of the content that met it, as a place in the block."""
    number: int
    distance: int


class NearMatcher:
    """One finding for a content and a list: by an exact hash where one is near, for the nearest entry, of equals
    the smallest value.
    """

    name = "match.near"
    version = "2"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def match(self, view: CaseView, settings: Settings) -> Iterator[tuple[str, Finding]]:
        with ExitStack() as held:
            lists = opened(view, held)
            if not lists:
                return
            for block in _blocks(view, settings.near_quality):
                for info, entries in lists:
                    best = _nearest(block, entries, settings)
                    listed = entries.entries([b.number for b in best])
                    for found, entry in zip(best, listed, strict=True):
                        yield block.contents[block.owners[found.place]], self._finding(info, block, found, entry)

    def doubtful(self, view: CaseView, settings: Settings) -> Iterator[str]:
        """Contents whose fast hash lies within the radius and SLACK of an entry: to be hashed exactly first."""
        radius = min(settings.near_radius + SLACK, MOST)
        with ExitStack() as held:
            lists = opened(view, held)
            if not lists:
                return
            for block in _blocks(view, settings.near_quality - QUALITY_SLACK, fast=True):
                doubted = np.zeros(len(block.contents), dtype=np.bool_)
                for _, entries in lists:
                    asked = np.flatnonzero(~doubted[block.owners])
                    for q, _, _ in entries.search(block.hashes[asked], radius, lanes=settings.worker_count()):
                        doubted[block.owners[asked[q]]] = True
                yield from (block.contents[n] for n in np.flatnonzero(doubted))

    def _finding(self, info: ListInfo, block: _Block, found: _Best, entry: ListEntry) -> Finding:
        name = display_text(info.name, 200)
        turned, exact = bool(block.turned[found.place]), bool(block.exact[found.place])
        how = ", turned or mirrored" if turned else ""
        doubt = "" if exact else ", by a fast hash that could not be confirmed"
        return Finding(
            analyser=self.name,
            version=self.version,
            kind=MATCH,
            statement=f'Near-copy of an entry of the list "{name}": {apart(found.distance)}{how}{doubt}.',
            payload={
                **facts(info, entry, found.distance, quality=int(block.qualities[found.place]), exact=exact),
                "orientation": TURNED if turned else STORED,
            },
        )


def _blocks(view: CaseView, least: int, *, fast: bool = False) -> Iterator[_Block]:
    """Contents with all their hashes, about BLOCK hashes at a time, in order of SHA-256; with `fast` those hashes
    alone that are not exact.
    """
    merged: Iterator[tuple[bool, Print]] = heapq.merge(
        ((False, p) for p in view.prints("pdq") if not (fast and p.exact)),
        ((True, p) for p in view.prints("pdq.dihedral") if not (fast and p.exact)),
        key=lambda pair: pair[1].sha256,
    )
    contents: list[str] = []
    prints: list[tuple[int, bool, Print]] = []
    for sha256, group in groupby(merged, key=lambda pair: pair[1].sha256):
        own = [(turned, p) for turned, p in group if p.quality >= least and len(p.value) == 32]
        if not own:
            continue
        stored = {p.value for turned, p in own if not turned}
        prints += [(len(contents), t, p) for t, p in own if not (t and p.value in stored)]
        contents.append(sha256)
        if len(prints) >= BLOCK:
            yield _block(contents, prints)
            contents, prints = [], []
    if prints:
        yield _block(contents, prints)


def _block(contents: list[str], prints: list[tuple[int, bool, Print]]) -> _Block:
    return _Block(
        contents=contents,
        hashes=pack(p.value for _, _, p in prints),
        owners=np.array([c for c, _, _ in prints], dtype=np.int64),
        turned=np.array([t for _, t, _ in prints], dtype=np.bool_),
        exact=np.array([p.exact for _, _, p in prints], dtype=np.bool_),
        qualities=np.array([p.quality for _, _, p in prints], dtype=np.int16),
    )


def _nearest(block: _Block, entries: NearEntries, settings: Settings) -> list[_Best]:
    """The nearest entry for each content of the block that has one within the radius, in order of content."""
    best: dict[int, tuple[tuple[int, ...], _Best]] = {}
    for q, h, d in entries.search(block.hashes, settings.near_radius, lanes=settings.worker_count()):
        owners, fast = block.owners[q], ~block.exact[q]
        order = np.lexsort((q, block.turned[q], h, d, fast, owners))
        _, first = np.unique(owners[order], return_index=True)
        for at in order[first]:
            place, number, distance = int(q[at]), int(h[at]), int(d[at])
            key = (int(fast[at]), distance, number, int(block.turned[place]), place)
            owner = int(owners[at])
            if owner not in best or key < best[owner][0]:
                best[owner] = key, _Best(place, number, distance)
    return [found for _, (_, found) in sorted(best.items())]


PLUGIN = NearMatcher()
