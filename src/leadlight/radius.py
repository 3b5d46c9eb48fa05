"""Exact radius search over 256-bit hashes, in NumPy.

Multi-index hashing (Norouzi, Punjani and Fleet, CVPR 2012): 256 bits in 16 chunks of 16. By the pigeonhole
principle two hashes at distance 31 or less agree in one chunk up to one bit, so probing each chunk's buckets
at radius 0 and 1 misses nothing. Greater radii fall back to comparing with all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

WORDS = npt.NDArray[np.uint64]
CHUNKS = 16
PROBED = 31
"""The greatest radius that probing serves: 16 chunks at radius 1 each cover 16 * 2 - 1 bits."""
_FLIPS = np.array([0, *(1 << b for b in range(16))], dtype=np.uint16)
_BLOCK = 1 << 21


def pack(values: list[bytes]) -> WORDS:
    """Hashes of 32 bytes as an array of shape (n, 4)."""
    return np.frombuffer(b"".join(values), dtype=">u8").astype(np.uint64).reshape(-1, 4)


def distances(a: WORDS, b: WORDS) -> npt.NDArray[np.uint16]:
    """Hamming distances of broadcastable arrays of shape (..., 4)."""
    return np.asarray(np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.uint16))


class RadiusIndex:
    """Finds all hashes within a radius. Immutable; built in one sort a chunk."""

    def __init__(self, hashes: WORDS) -> None:
        self.hashes = hashes
        chunks = _chunks(hashes)
        self._order = [np.argsort(chunks[:, c], kind="stable").astype(np.int64) for c in range(CHUNKS)]
        self._sorted = [chunks[order, c] for c, order in enumerate(self._order)]

    def __len__(self) -> int:
        return len(self.hashes)

    def search(
        self, queries: WORDS, radius: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint16]]]:
        """Blocks of (query index, hash index, distance) with distance <= radius; each pair once.

        `queries` has shape (m, 4). Raises ValueError where `radius` is not in 0 to 63.
        """
        if not 0 <= radius <= 63:
            raise ValueError(f"radius must lie in 0 to 63, not {radius}")
        if not len(self.hashes) or not len(queries):
            return
        step = self._step(radius)
        for start in range(0, len(queries), step):
            block = queries[start : start + step]
            if radius > PROBED:
                q, h = (x.ravel() for x in np.indices((len(block), len(self.hashes))))
            else:
                q, h = self._candidates(block, radius)
            d = distances(block[q], self.hashes[h])
            near = d <= radius
            yield q[near] + start, h[near], d[near]

    def _step(self, radius: int) -> int:
        load = len(self.hashes) if radius > PROBED else len(self.hashes) * CHUNKS * 17 / 65536 + 1
        return int(max(1, min(65536, _BLOCK / load)))

    def _candidates(self, block: WORDS, radius: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        flips = _FLIPS if radius >= CHUNKS else _FLIPS[:1]
        chunks = _chunks(block)
        pairs: list[npt.NDArray[np.int64]] = []
        size = len(self.hashes)
        for c in range(CHUNKS):
            probes = (chunks[:, c : c + 1] ^ flips[None, :]).ravel()
            low = np.searchsorted(self._sorted[c], probes, "left")
            high = np.searchsorted(self._sorted[c], probes, "right")
            counts = high - low
            total = int(counts.sum())
            if not total:
                continue
            source = np.repeat(np.arange(len(probes), dtype=np.int64) // len(flips), counts)
            offset = np.arange(total, dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
            pairs.append(source * size + self._order[c][np.repeat(low, counts) + offset])
        if not pairs:
            none = np.empty(0, dtype=np.int64)
            return none, none
        unique = np.unique(np.concatenate(pairs))
        return unique // size, unique % size


def _chunks(hashes: WORDS) -> npt.NDArray[np.uint16]:
    shifts = np.array([48, 32, 16, 0], dtype=np.uint64)
    return ((hashes[:, :, None] >> shifts) & np.uint64(0xFFFF)).astype(np.uint16).reshape(-1, CHUNKS)
