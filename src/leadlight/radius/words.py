"""Hashes of 256 bits as arrays, and the distance between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

WORDS = npt.NDArray[np.uint64]
INDICES = npt.NDArray[np.int64]
BITS = npt.NDArray[np.uint16]
RADII = int | npt.NDArray[np.integer]
"""One radius for all queries, or one for each."""
COUNTING = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]
"""Which hashes count: for each query those at places before a bound, and of them those that are marked with 0."""
HITS = tuple[INDICES, INDICES, BITS]
"""Query, hash and distance, side by side."""
MOST = 63
"""The greatest radius."""
ASKED = 16384
"""Queries asked at a time: more share the reading of a table, and hold more hits in memory."""
HELD = 1 << 21
"""Hits held at a time, unless one query alone has more: about 100 MB."""


def pack(values: Iterable[bytes | bytearray]) -> WORDS:
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


ONE = TypeVar("ONE")
OTHER = TypeVar("OTHER")


def in_order(work: Callable[[ONE], OTHER], parts: Iterable[ONE], lanes: int) -> Iterator[OTHER]:
    """What `work` makes of each part, in the order of the parts, `lanes` of them at work at the same time.

    One result for each lane waits at most. With one lane nothing runs beside the caller.
    """
    if lanes < 2:
        yield from map(work, parts)
        return
    with ThreadPoolExecutor(lanes, "radius") as pool:
        waiting: deque[Future[OTHER]] = deque()
        try:
            for part in parts:
                waiting.append(pool.submit(work, part))
                if len(waiting) > lanes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()


ASK = Callable[[WORDS, int, int], HITS | None]
"""Gives the hits of some queries at one radius in any order, or None where there are more than its third argument
allows."""


def blocks(ask: ASK, queries: WORDS, radius: RADII, *, lanes: int = 1) -> Iterator[HITS]:
    """Hits of all queries, some queries at a time, in order of query and hash; each block has at least one.

    Where `ask` refuses, fewer are asked at a time. `lanes` are asked at the same time, in threads; what comes is
    the same. Raises ValueError where a radius is not in 0 to 63.
    """
    given = np.asarray(radius, dtype=np.int64)
    wrong = given[(given < 0) | (given > MOST)]
    if wrong.size:
        raise ValueError(f"radius must lie in 0 to {MOST}, not {wrong.flat[0]}")
    radii = np.broadcast_to(given, (len(queries),))

    def whole(low: int) -> tuple[int, HITS | None]:
        return low, _asked(ask, queries, radii, low, low + ASKED)

    for low, block in in_order(whole, range(0, len(queries), ASKED), lanes):
        if block is None:
            yield from _by_halves(ask, queries, radii, low, min(low + ASKED, len(queries)))
        elif len(block[0]):
            yield block


def _by_halves(ask: ASK, queries: WORDS, radii: npt.NDArray[np.int64], start: int, end: int) -> Iterator[HITS]:
    low, size = start, max(1, (end - start) // 2)
    while low < end:
        high = min(end, low + size)
        block = _asked(ask, queries, radii, low, high)
        if block is None:
            size = max(1, (high - low) // 2)
            continue
        if len(block[0]):
            yield block
        low, size = high, min(ASKED, size * 2)


def _asked(ask: ASK, queries: WORDS, radii: npt.NDArray[np.int64], low: int, high: int) -> HITS | None:
    """The hits of the queries from `low` on; None where they are more than can be held. One alone always is."""
    part, asked = queries[low:high], radii[low:high]
    most = HELD if len(part) > 1 else 1 << 40
    found: list[HITS] = []
    for one in np.unique(asked):
        at = np.flatnonzero(asked == one)
        hits = ask(np.ascontiguousarray(part[at]), int(one), most)
        if hits is None:
            return None
        found.append((at[hits[0]] + low, hits[1], hits[2]))
    return joined(found)
