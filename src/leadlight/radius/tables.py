"""The kernel's tables: how many there are, how near a query probes in each, when comparing with all is cheaper.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012) with the second filter of native/radius.h.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from math import comb
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from leadlight.radius.words import COUNTING, HITS, WORDS, in_order

TABLE = tuple[npt.NDArray[Any], npt.NDArray[np.uint16], npt.NDArray[np.uint8]]
"""Groups of buckets, prints, rows: lr_table of native/radius.h."""
LEAST = 2048
"""Fewer hashes than this are compared with all: quicker than any table."""
ORDER = 1
"""The number of the order below, as index files state it."""
MOST = (1 << 26) - 1
"""Hashes of one set of tables: their rows have 26 bits."""
_PRINT = 14
_PAD = 8
_GROUP = np.dtype([("base", "<u4"), ("rel", "u1", 33), ("crowded", "u1"), ("unused", "u1", 2)])
_PROBE, _CANDIDATE, _LOOK, _COMPARED, _HALF = 5.0, 1.0, 30.0, 0.7, 6.0
"""Nanoseconds of a probe, a candidate's print, a look at a hash, a comparison in a scan and one that needs the
second half of the bits: only their ratios matter."""


@cache
def mixed_order() -> bytes:
    """The 256 bits in an order that has no regard for their place: neighbouring bits of a PDQ hash go together,
    and chunks of neighbours would crowd a few buckets. Fixed by SHA-256, so the same everywhere.
    """
    return bytes(sorted(range(256), key=lambda bit: sha256(b"leadlight radius 1 " + bytes([bit])).digest()))


def widths_for(count: int) -> bytes:
    """Bits of each chunk for so many hashes: about log2 of their number, so that a bucket holds about one."""
    chunks = 16 if count < 1 << 17 else 14 if count < 1 << 19 else 12 if count < 1 << 22 else 11
    width, wider = divmod(256, chunks)
    return bytes([width] * (chunks - wider) + [width + 1] * wider)


def limits_for(widths: bytes, radius: int) -> list[int]:
    """How many bits may differ in each chunk: what exceeds them by one in every chunk exceeds `radius`; -1 where a
    chunk need not be probed. Narrow chunks take the greater limits.
    """
    each, more = divmod(radius + 1, len(widths))
    return [each - (i >= more) for i in range(len(widths))]


@lru_cache(maxsize=1024)
def worth_probing(widths: bytes, radius: int, count: int) -> bool:
    """Whether probing costs less than comparing with all `count` hashes, by counting what each would do."""
    limits = limits_for(widths, radius)
    cost = 0.0
    for i, (width, limit) in enumerate(zip(widths, limits, strict=True)):
        joint = limit + limits[(i + 1) % len(widths)] + 1
        for k in range(min(limit, joint) + 1):
            share = sum(comb(_PRINT, n) for n in range(min(_PRINT, joint - k) + 1)) / 2**_PRINT
            cost += comb(width, k) * (_PROBE + count / 2**width * (_CANDIDATE + share * _LOOK))
    half = sum(comb(128, n) for n in range(radius + 1)) / 2**128
    return cost < count * (_COMPARED + half * _HALF)


def least_probed(widths: bytes, radius: int, count: int) -> int:
    """Up to how many of `count` hashes comparing with all that count costs less than probing. A crowded bucket is
    far dearer than `worth_probing` reckons: queries that only the first hashes count for never meet one.
    """
    return bisect_left(range(count), True, key=lambda few: worth_probing(widths, radius, few))


def shapes(widths: bytes, count: int) -> list[tuple[tuple[np.dtype[Any], int], ...]]:
    """Type and length of the three parts of each table."""
    return [
        ((_GROUP, (1 << w) // 32 + 1), (np.dtype("<u2"), count + _PAD), (np.dtype("u1"), 3 * count + _PAD))
        for w in widths
    ]


def build(kernel: ModuleType, hashes: WORDS, widths: bytes, *, lanes: int = 1) -> Iterator[TABLE]:
    """The tables one by one, so that a file can be written without holding them all."""
    order = mixed_order()
    every = shapes(widths, len(hashes))

    def one(number: int) -> TABLE:
        groups, prints, rows = (np.empty(length, dtype=kind) for kind, length in every[number])
        kernel.build(hashes, order, widths, number, groups.view(np.uint8), prints, rows)
        return groups, prints, rows

    return in_order(one, range(len(every)), lanes)


@dataclass(frozen=True, slots=True)
class Tables:
    """Hashes with their tables, in memory or mapped from a file; no tables where comparing with all is quicker."""

    kernel: ModuleType
    hashes: WORDS
    widths: bytes
    tables: tuple[TABLE, ...]
    order: bytes

    @classmethod
    def of(cls, kernel: ModuleType, hashes: WORDS, *, lanes: int = 1) -> Tables:
        """Build all tables in memory, `lanes` at a time: about 100 bytes a hash at ten million."""
        hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
        widths = widths_for(len(hashes)) if len(hashes) >= LEAST else b""
        return cls(kernel, hashes, widths, tuple(build(kernel, hashes, widths, lanes=lanes)), mixed_order())

    def hits(self, queries: WORDS, radius: int, most: int, counting: COUNTING | None = None) -> HITS | None:
        """All hits in any order, None where there are more than `most`. Raises ValueError for broken tables."""
        if not self.widths or not worth_probing(self.widths, radius, len(self.hashes)):
            return self._scanned(queries, radius, most, counting)
        if counting is None:
            return self._probed(queries, radius, most, None)
        below, skip = counting
        few = below <= least_probed(self.widths, radius, len(self.hashes))
        if not few.any():
            return self._probed(queries, radius, most, counting)
        parts: list[HITS] = []
        for way, which in ((self._scanned, few), (self._probed, ~few)):
            places = np.flatnonzero(which)
            met = way(queries[places], radius, most, (below[places], skip)) if len(places) else None
            if met is None and len(places):
                return None
            if met is not None:
                parts.append((places[met[0]], met[1], met[2]))
                most -= len(met[0])
        q, h, d = (np.concatenate(column) for column in zip(*parts, strict=True))
        return q, h, d

    def _scanned(self, queries: WORDS, radius: int, most: int, counting: COUNTING | None) -> HITS | None:
        if counting is None:
            raw = self.kernel.scan(self.hashes, queries, radius, most, b"", b"")
        else:
            below, skip = counting
            end = min(len(self.hashes), int(below.max(initial=0)))
            raw = self.kernel.scan(self.hashes[:end], queries, radius, most, below, skip[:end])
        return None if raw is None else unpacked(raw)

    def _probed(self, queries: WORDS, radius: int, most: int, counting: COUNTING | None) -> HITS | None:
        below, skip = (b"", b"") if counting is None else counting
        limits = np.array(limits_for(self.widths, radius), dtype=np.int8).tobytes()
        tables = tuple((g.view(np.uint8), p, r) for g, p, r in self.tables)
        raw = self.kernel.search(
            *(self.hashes, self.order, self.widths, tables, limits, queries, radius, most, below, skip)
        )
        return None if raw is None else unpacked(raw)


def unpacked(raw: bytes) -> HITS:
    """The kernel's hits as columns."""
    found = np.frombuffer(raw, dtype="<u4").reshape(-1, 3)
    return found[:, 0].astype(np.int64), found[:, 1].astype(np.int64), found[:, 2].astype(np.uint16)
