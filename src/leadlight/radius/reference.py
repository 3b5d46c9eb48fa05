"""The reference: the search in NumPy alone, for machines without the kernel and for tests to compare with.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): 256 bits in 16 chunks of 16. By the pigeonhole
principle two hashes at distance 31 or less agree in one chunk up to one bit (at 15 or less exactly, at 47 or
less up to two bits), so probing the buckets of each chunk within that many bits misses nothing. Greater radii
compare with all.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from leadlight.radius.words import BITS, COUNTING, HITS, INDICES, WORDS, distances, joined

CHUNKS = 16
PROBED = 47
"""The greatest radius that probing serves: 16 chunks, each within two bits, cover 16 * 3 - 1 bits."""
_BUCKETS = 1 << 16
_CROWDED = 32
_WORK = 1 << 21
"""Candidate pairs held at a time: about 100 MB."""


def _flips(bits: int) -> npt.NDArray[np.uint16]:
    masks = [sum(1 << b for b in chosen) for n in range(bits + 1) for chosen in combinations(range(16), n)]
    return np.array(masks, dtype=np.uint16)


_FLIPS = tuple(_flips(bits) for bits in range(3))


class ReferenceIndex:
    """Finds all hashes within a radius. Immutable; built in one sort a chunk; about 128 bytes a hash."""

    def __init__(self, hashes: WORDS) -> None:
        """`hashes` has shape (n, 4) and is not copied. Raises ValueError for more than 2**31 - 1."""
        if len(hashes) >= 1 << 31:
            raise ValueError("an index holds at most 2**31 - 1 hashes: build one for each part")
        self.hashes = hashes
        self._halves = np.ascontiguousarray(hashes[:, :2])
        chunks = _chunks(hashes)
        self._order = [np.argsort(chunks[:, c], kind="stable").astype(np.int32) for c in range(CHUNKS)]
        self._starts = [
            np.concatenate(([0], np.cumsum(np.bincount(chunks[:, c], minlength=_BUCKETS)))).astype(np.int32)
            for c in range(CHUNKS)
        ]

    def __len__(self) -> int:
        return len(self.hashes)

    def search(self, queries: WORDS, radius: int, counting: COUNTING | None = None) -> Iterator[HITS]:
        """Blocks of hits of some queries, in order of query and hash. `radius` lies in 0 to 63."""
        if not len(self.hashes) or not len(queries):
            return
        if radius > PROBED:
            for q, h, d in compare(self.hashes, queries, radius):
                counts = _counting(q, h, counting)
                yield q[counts], h[counts], d[counts]
            return
        flips = _FLIPS[radius // CHUNKS]
        step = max(1, _WORK // (CHUNKS * len(flips)))
        for start in range(0, len(queries), step):
            part = queries[start : start + step]
            chunks = _chunks(part)
            below = None if counting is None else counting[0][start : start + step].astype(np.int64)
            ends = np.cumsum(self._loads(chunks, flips, below))
            low = 0
            while low < len(part):
                done = int(ends[low - 1]) if low else 0
                high = max(low + 1, int(np.searchsorted(ends, done + _WORK, "right")))
                here = None if below is None or counting is None else (below[low:high], counting[1])
                q, h, d = self._probe(part[low:high], chunks[low:high], flips, radius, here)
                if len(q):
                    yield q + (start + low), h, d
                low = high

    def hits(self, queries: WORDS, radius: int, most: int, counting: COUNTING | None = None) -> HITS | None:
        """All hits, None where there are more than `most`."""
        return _bounded(self.search(queries, radius, counting), most)

    def _buckets(
        self, chunk: int, probes: npt.NDArray[np.int32], below: INDICES | None
    ) -> tuple[INDICES, INDICES]:
        """Where each bucket starts and how many of its hashes come before the bound: its places ascend."""
        low = self._starts[chunk][probes].astype(np.int64)
        counts = self._starts[chunk][probes + 1] - low
        crowded = np.flatnonzero(counts.ravel() > _CROWDED)
        if below is not None and len(crowded):
            first, end = low.ravel()[crowded], (low + counts).ravel()[crowded]
            bound = below[crowded // (probes.size // len(below))]
            start = first.copy()
            while (first < end).any():
                middle = (first + end) // 2
                less = (first < end) & (self._order[chunk][np.minimum(middle, len(self.hashes) - 1)] < bound)
                first, end = np.where(less, middle + 1, first), np.where(less, end, np.maximum(middle, first))
            counts.ravel()[crowded] = first - start
        return low, counts

    def _loads(
        self, chunks: npt.NDArray[np.uint16], flips: npt.NDArray[np.uint16], below: INDICES | None
    ) -> INDICES:
        """How many candidates each query has, so that crowded buckets can't exhaust the memory."""
        total = np.zeros(len(chunks), dtype=np.int64)
        for c in range(CHUNKS):
            probes = (chunks[:, c : c + 1] ^ flips[None, :]).astype(np.int32)
            total += self._buckets(c, probes, below)[1].sum(axis=1, dtype=np.int64)
        return total

    def _probe(
        self,
        part: WORDS,
        chunks: npt.NDArray[np.uint16],
        flips: npt.NDArray[np.uint16],
        radius: int,
        counting: tuple[INDICES, npt.NDArray[np.uint8]] | None,
    ) -> tuple[INDICES, INDICES, BITS]:
        halves = np.ascontiguousarray(part[:, :2])
        size = len(self.hashes)
        kept: list[INDICES] = []
        for c in range(CHUNKS):
            probes = (chunks[:, c : c + 1] ^ flips[None, :]).astype(np.int32).ravel()
            low, counts = self._buckets(c, probes, None if counting is None else counting[0])
            total = int(counts.sum(dtype=np.int64))
            if not total:
                continue
            source = np.repeat(np.arange(len(probes), dtype=np.int64) // len(flips), counts)
            firsts = np.cumsum(counts, dtype=np.int64) - counts
            found = self._order[c][np.arange(total, dtype=np.int64) + np.repeat(low - firsts, counts)]
            counts_here = _counting(source, found, counting)
            source, found = source[counts_here], found[counts_here]
            # half of the bits rules out nearly all that is unlike; what is left is counted in full below
            near = np.bitwise_count(halves[source] ^ self._halves[found]).sum(axis=1, dtype=np.uint16) <= radius
            kept.append(source[near] * size + found[near])
        pairs = np.unique(np.concatenate(kept)) if kept else np.empty(0, dtype=np.int64)
        q, h = pairs // size, pairs % size
        d = distances(part[q], self.hashes[h])
        near = d <= radius
        return q[near], h[near], d[near]


def _counting(
    q: INDICES, h: INDICES, counting: tuple[npt.NDArray[Any], npt.NDArray[np.uint8]] | None
) -> npt.NDArray[np.bool_] | slice:
    """Which hits count: all, or those before the bound that are not skipped."""
    return slice(None) if counting is None else (h < counting[0][q]) & (counting[1][h] == 0)


def compare(hashes: WORDS, queries: WORDS, radius: int) -> Iterator[HITS]:
    """The same by comparing with every hash: the first half of the bits rules out nearly all, and loses none."""
    if not len(hashes):
        return
    step = max(1, _WORK // len(hashes))
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        found: list[HITS] = []
        for left in range(0, len(hashes), _WORK):
            others = hashes[left : left + _WORK]
            half = np.bitwise_count(part[:, 0, None] ^ others[None, :, 0])
            half += np.bitwise_count(part[:, 1, None] ^ others[None, :, 1])
            q, h = np.nonzero(half <= radius)
            d = distances(part[q], others[h])
            near = d <= radius
            found.append((q[near] + start, h[near] + left, d[near]))
        q, h, bits = joined(found)
        if len(q):
            yield q, h, bits


def compared(hashes: WORDS, queries: WORDS, radius: int, most: int) -> HITS | None:
    """What `compare` finds, None where it is more than `most`."""
    return _bounded(compare(hashes, queries, radius), most)


def _bounded(blocks: Iterator[HITS], most: int) -> HITS | None:
    found: list[HITS] = []
    for block in blocks:
        found.append(block)
        most -= len(block[0])
        if most < 0:
            return None
    return joined(found)


def _chunks(hashes: WORDS) -> npt.NDArray[np.uint16]:
    shifts = np.array([48, 32, 16, 0], dtype=np.uint64)
    return ((hashes[:, :, None] >> shifts) & np.uint64(0xFFFF)).astype(np.uint16).reshape(-1, CHUNKS)
