"""Which of many pictures may show what another shows: each of its features asks for those that look alike.

A pair of features that look alike is one vote for the two pictures. Votes of one picture for another count where
they also agree on how far the one is turned against the other (weak geometric consistency: Jegou, Douze and
Schmid, ECCV 2008). A feature that looks like one in very many pictures says nothing and does not vote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from leadlight.keypoints.record import Keypoints
from leadlight.radius import RadiusIndex

RADIUS = 24
"""Bits of 256 within which a feature looks alike. In copies cropped by a quarter, 32 of 240 features of the middle
picture lie so near their own; of unrelated pictures three in a hundred have one such pair.
"""
VOTES = 4
"""The fewest that make a candidate."""
CANDIDATES = 8
"""The most that one picture has, those with most votes first."""
COMMON = 0.02
"""A feature found in more than this share of the pictures does not vote."""
COMMON_LEAST = 12
"""... but never one found in so few."""
ASKED = 64
"""Pictures asked about at a time."""
_SECTORS = 12
"""Of the full turn; votes agree where they lie in one or in two neighbours."""

INDICES = npt.NDArray[np.int64]


class Gallery:
    """An index over the features of pictures, in memory: about 35 kB a picture of 240 features."""

    def __init__(self, pictures: Sequence[Keypoints]) -> None:
        self.pictures = pictures
        counts = [len(p) for p in pictures]
        self._index = RadiusIndex(np.concatenate([p.words for p in pictures])) if sum(counts) else None
        self._owners = np.repeat(np.arange(len(pictures), dtype=np.int64), counts)
        self._angles = np.concatenate([p.angles for p in pictures]) if sum(counts) else np.empty(0)
        self._common = max(COMMON_LEAST, round(COMMON * len(pictures)))

    def candidates(
        self, asked: Sequence[Keypoints], *, least: int = VOTES, most: int = CANDIDATES, lanes: int = 1
    ) -> Iterator[tuple[int, list[int]]]:
        """For each picture asked about that has any, by its place in `asked`: places in `pictures`, best first.

        `lanes` threads search at the same time.
        """
        if self._index is None or not asked:
            return
        words = np.concatenate([p.words for p in asked])
        angles = np.concatenate([p.angles for p in asked])
        asking = np.repeat(np.arange(len(asked), dtype=np.int64), [len(p) for p in asked])
        found: list[INDICES] = []
        for q, h, _ in self._index.search(words, RADIUS, lanes=lanes):
            owners = self._owners[h]
            pairs = np.unique(q * len(self.pictures) + owners)
            common = np.bincount(pairs // len(self.pictures), minlength=len(words)) > self._common
            keep = ~common[q]
            turn = (self._angles[h[keep]] - angles[q[keep]]) * (_SECTORS / (2 * np.pi))
            sector = np.floor(turn).astype(np.int64) % _SECTORS
            pair = q[keep] * len(self.pictures) + owners[keep]
            both = [pair * _SECTORS + sector, pair * _SECTORS + (sector - 1) % _SECTORS]
            found.append(np.unique(np.concatenate(both)))
        yield from _ranked(found, asking, len(self.pictures), least, most)


def _ranked(
    found: list[INDICES], asking: INDICES, pictures: int, least: int, most: int
) -> Iterator[tuple[int, list[int]]]:
    """`found` holds (feature asked, picture, sector) as one number each."""
    if not found:
        return
    each = np.concatenate(found)
    feature, rest = np.divmod(each, pictures * _SECTORS)
    sectors, votes = np.unique(asking[feature] * (pictures * _SECTORS) + rest, return_counts=True)
    pairs, first = np.unique(sectors // _SECTORS, return_index=True)
    score = np.maximum.reduceat(votes, first)
    strong = score >= least
    pairs, score = pairs[strong], score[strong]
    order = np.lexsort((pairs, -score, pairs // pictures))
    pairs = pairs[order]
    owners = pairs // pictures
    edges = np.flatnonzero(np.diff(owners)) + 1
    for part in np.split(pairs, edges):
        if len(part):
            yield int(part[0] // pictures), [int(p % pictures) for p in part[:most]]
