"""Near matches: a PDQ hash of the content is within a few bits of a listed one, turned and mirrored included.

PDQ: Facebook, 'The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm', 2019; its authors
advise a distance of 31 of 256 bits and to leave out hashes of quality below 50, which are of pictures too flat
to tell apart. Whether one entry matches so much that it should be doubted is judged later, over these findings.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from leadlight.config import Settings
from leadlight.radius import WORDS, RadiusIndex, pack, unpack
from leadlight.records import Finding, ListEntry, ListInfo, display_text
from leadlight.records.finding import MATCH
from leadlight.seams import CaseView, Print

BLOCK = 200_000
"""Hashes of either side held at a time: what bounds the memory, whatever the case and the lists hold."""
STORED = "as stored"
TURNED = "turned or mirrored"


@dataclass(slots=True)
class _Block:
    """All hashes of some contents, and an index over them that is made when first needed."""

    contents: list[str]
    hashes: WORDS
    owners: npt.NDArray[np.int64]
    """For each hash its content, as a place in `contents`."""
    turned: npt.NDArray[np.bool_]
    qualities: npt.NDArray[np.int16]
    index: RadiusIndex | None = None

    def pairs(self, entries: WORDS, radius: int) -> Iterator[tuple[npt.NDArray[np.int64], ...]]:
        """Blocks of (entry, hash, distance); the larger side is indexed."""
        if len(entries) > len(self.hashes):
            for h, e, d in RadiusIndex(entries).search(self.hashes, radius):
                yield e, h, d.astype(np.int64)
            return
        if self.index is None:
            self.index = RadiusIndex(self.hashes)
        for e, h, d in self.index.search(entries, radius):
            yield e, h, d.astype(np.int64)


@dataclass(frozen=True, slots=True, order=True)
class _Best:
    """The nearest entry of a list to a content; the smallest wins."""

    distance: int
    entry: bytes
    turned: bool
    label: str
    quality: int


class NearMatcher:
    """One finding for a content and a list: the nearest entry within the radius."""

    name = "match.near"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()

    def match(self, view: CaseView, settings: Settings) -> Iterator[tuple[str, Finding]]:
        lists = [i for i in view.lists() if i.number is not None and _any(view.entries(i.number, "pdq"))]
        if not lists:
            return
        for block in _blocks(view, settings.near_quality):
            for info in lists:
                best: dict[int, _Best] = {}
                for entries in _chunks(view.entries(info.number or 0, "pdq")):
                    for place, found in _nearest(block, entries, settings.near_radius):
                        old = best.get(place)
                        best[place] = found if old is None or found < old else old
                for place, found in sorted(best.items()):
                    yield block.contents[place], self._finding(info, found)

    def _finding(self, info: ListInfo, found: _Best) -> Finding:
        name = display_text(info.name, 200)
        bits = "the same perceptual hash" if not found.distance else f"{found.distance} of 256 bits differ"
        how = ", turned or mirrored" if found.turned else ""
        return Finding(
            analyser=self.name,
            version=self.version,
            kind=MATCH,
            statement=f'Near-copy of an entry of the list "{name}": {bits}{how}.',
            payload={
                "list_id": info.number,
                "list": name,
                "list_kind": str(info.kind),
                "algorithm": "pdq",
                "distance": found.distance,
                "entry": found.entry.hex(),
                "label": display_text(found.label, 200),
                "quality": found.quality,
                "orientation": TURNED if found.turned else STORED,
            },
        )


def _any(entries: Iterator[ListEntry]) -> bool:
    return next(iter(entries), None) is not None


def _chunks(entries: Iterator[ListEntry]) -> Iterator[list[ListEntry]]:
    held: list[ListEntry] = []
    for entry in entries:
        held.append(entry)
        if len(held) >= BLOCK:
            yield held
            held = []
    if held:
        yield held


def _blocks(view: CaseView, least: int) -> Iterator[_Block]:
    """Contents with all their hashes, about BLOCK hashes at a time, in order of SHA-256."""
    merged: Iterator[tuple[bool, Print]] = heapq.merge(
        ((False, p) for p in view.prints("pdq")),
        ((True, p) for p in view.prints("pdq.dihedral")),
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
        qualities=np.array([p.quality for _, _, p in prints], dtype=np.int16),
    )


def _nearest(block: _Block, entries: list[ListEntry], radius: int) -> Iterator[tuple[int, _Best]]:
    """The nearest of `entries` for each content of the block that has one within the radius."""
    hashes = pack(e.value for e in entries)
    for e, h, d in block.pairs(hashes, radius):
        owners = block.owners[h]
        value = hashes[e]
        order = np.lexsort((block.turned[h], value[:, 3], value[:, 2], value[:, 1], value[:, 0], d, owners))
        _, first = np.unique(owners[order], return_index=True)
        chosen = order[first]
        for at, raw in zip(chosen, unpack(value[chosen]), strict=True):
            yield (
                int(owners[at]),
                _Best(
                    int(d[at]),
                    raw,
                    bool(block.turned[h[at]]),
                    entries[int(e[at])].label,
                    int(block.qualities[h[at]]),
                ),
            )


PLUGIN = NearMatcher()
