"""Hashes of 256 bits as arrays, and the distance between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

WORDS = npt.NDArray[np.uint64]
INDICES = npt.NDArray[np.int64]
BITS = npt.NDArray[np.uint16]
RADII = int | npt.NDArray[np.integer]
"""One radius for all queries, or one for each."""
HITS = tuple[INDICES, INDICES, BITS]
"""Query, hash and distance, side by side."""
MOST = 63
"""The greatest radius."""
ASKED = 16384
"""Queries asked at a time: more share the reading of a table, and hold more hits in memory."""
HELD = 1 << 21
"""Hits held at a time, unless one query alone has more: about 100 MB."""


def pack(values: Iterable[bytes]) -> WORDS:
    """Hashes of 32 bytes as an array of shape (n, 4)."""
    return np.frombuffer(b"".join(values), dtype=">u8").astype(np.uint64).reshape(-1, 4)


def unpack(hashes: WORDS) -> list[bytes]:
    """The inverse of `pack`."""
    raw = hashes.astype(">u8").tobytes()
    return [raw[i : i + 32] for i in range(0, len(raw), 32)]


def distances(a: WORDS, b: WORDS) -> BITS:
    """Hamming distances of broadcastable arrays of shape (..., 4)."""
    return np.asarray(np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.uint16))


def none() -> HITS:
    """No hits."""
    return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint16)


def joined(parts: list[HITS]) -> HITS:
    """Hits of several parts in order of query and hash."""
    if not parts:
        return none()
    q, h, d = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((h, q))
    return q[order], h[order], d[order]


def blocks(ask: Callable[[WORDS, int, int], HITS | None], queries: WORDS, radius: RADII) -> Iterator[HITS]:
    """Hits of all queries, some queries at a time, in order of query and hash; each block has at least one.

    `ask` gives the hits of some queries at one radius in any order, or None where there are more than its third
    argument allows: then fewer are asked at a time. Raises ValueError where a radius is not in 0 to 63.
    """
    given = np.asarray(radius, dtype=np.int64)
    wrong = given[(given < 0) | (given > MOST)]
    if wrong.size:
        raise ValueError(f"radius must lie in 0 to {MOST}, not {wrong.flat[0]}")
    radii = np.broadcast_to(given, (len(queries),))
    low, size = 0, ASKED
    while low < len(queries):
        part, asked = queries[low : low + size], radii[low : low + size]
        most = HELD if len(part) > 1 else 1 << 40
        found: list[HITS] = []
        for one in np.unique(asked):
            at = np.flatnonzero(asked == one)
            hits = ask(np.ascontiguousarray(part[at]), int(one), most)
            if hits is None:
                break
            found.append((at[hits[0]] + low, hits[1], hits[2]))
        else:
            block = joined(found)
            if len(block[0]):
                yield block
            low += len(part)
            size = min(ASKED, size * 2)
            continue
        size = max(1, len(part) // 2)
