"""The index in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leadlight.radius.kernel import kernel
from leadlight.radius.reference import ReferenceIndex
from leadlight.radius.tables import MOST, Tables
from leadlight.radius.words import COUNTING, HITS, RADII, WORDS, blocks


class RadiusIndex:
    """Finds all hashes within a radius, by the kernel or, where there is none, by the reference. Immutable."""

    def __init__(self, hashes: WORDS, *, lanes: int = 1) -> None:
        """`hashes` has shape (n, 4) and is not copied; `lanes` threads build. Raises ValueError for more than
        MOST.
        """
        if len(hashes) > MOST:
            raise ValueError(f"an index holds at most {MOST:,} hashes: build one for each part")
        self.hashes = hashes
        compiled = kernel()
        self._index = ReferenceIndex(hashes) if compiled is None else Tables.of(compiled, hashes, lanes=lanes)

    def __len__(self) -> int:
        return len(self.hashes)

    def search(self, queries: WORDS, radius: RADII, *, lanes: int = 1) -> Iterator[HITS]:
        """Blocks of (query index, hash index, distance) with distance <= radius; each pair once, blocks in the
        order of the queries, pairs within a block in order of query and hash.

        `queries` has shape (m, 4); `radius` is one number or one for each query. Raises ValueError where one is
        not in 0 to 63. With `lanes` above one, so many threads search at the same time.
        """
        return blocks(self._index.hits, np.ascontiguousarray(queries, dtype=np.uint64), radius, lanes=lanes)

    def among(self, queries: WORDS, radius: int, counting: COUNTING, *, most: int = 1 << 40) -> HITS | None:
        """Hits, in any order, among those hashes that count for each query; None where they are more than `most`.

        A bucket full of hashes that are much alike is gone through to the bound and no further: so the search for
        the first of each group does not cost the square of the group.
        """
        below, skip = counting
        asked = np.ascontiguousarray(queries, dtype=np.uint64)
        return self._index.hits(asked, radius, most, (np.ascontiguousarray(below, dtype=np.uint32), skip))
