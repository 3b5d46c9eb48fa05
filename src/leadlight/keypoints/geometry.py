"""Whether two pictures show the same thing: local features that look alike and agree in position.

Each feature of one picture is paired with the one of the other that looks most alike, where that is mutual and no
other place there looks nearly as alike (Lowe, IJCV 2004). Two such pairs give a similarity: shift, turn, scale.
All that the best pairs give are tried, none by chance, so the answer is the same on every machine; the one that
most pairs agree with, in place, size and direction, is refined to an affine map by least squares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadlight.keypoints.record import Keypoints
from leadlight.radius import distances

FARTHEST = 64
"""Bits of 256 by which two features of a pair may differ."""
RATIO = 0.86
"""... and the share of the distance to the next best elsewhere in the picture."""
ELSEWHERE = 0.03
"""Shares of the longer side: places nearer than that are one place."""
TRIED = 48
"""The best pairs, of which each two give a similarity: at most 1,128."""
APART = 0.04
"""Shares of the longer side between two pairs that give one."""
SCALES = (1 / 6, 6.0)
TOLERANCE = 0.012
"""Shares of the longer side by which places may miss, at scale 1."""
TURN = math.radians(28)
"""By which directions may miss."""
SIZE = math.log(1.75)
"""By which the logarithms of sizes may miss."""
SKEW = 1.35
"""The affine map may stretch one way by so much more than the other."""
FEWEST = 4
"""Pairs that must agree before anything is said."""
GRID = 4
"""Cells a side, over the part that both show, of `Agreement.cover`."""
FINE = 8
"""... and of `Agreement.scatter`."""

POINTS = npt.NDArray[np.complex128]
INDICES = npt.NDArray[np.int64]
REALS = npt.NDArray[np.float64]
TRUTHS = npt.NDArray[np.bool_]
Map = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the features of one picture agree with those of another."""

    pairs: int
    """Features that look alike, one to one."""
    agreeing: int
    """... of these, those that agree in position."""
    distance: int
    """The median of their distances, in bits of 256."""
    map: Map
    """(a, b, c, d, e, f): x' = ax + by + c, y' = dx + ey + f, from shares of the longer side of the first picture
    to those of the second.
    """
    cover: float
    """Of the cells of a grid over the part that both show, the share that holds an agreeing feature, among those
    that hold any; the lesser of the two pictures.
    """
    scatter: float
    """Cells of a finer grid that hold an agreeing feature, as a share of those that would if any of the features
    there could agree: near 1 where the same is shown all over, low where a frame, a letterhead or an axis is what
    two pictures share. The lesser of the two.
    """
    shared: float
    """How much of the second picture the first shows, by area."""
    filled: float
    """How much of the first picture the second fills, by area."""

    @property
    def turn(self) -> float:
        """By how many degrees the first is turned against the second, -180 to 180, anticlockwise."""
        a, b, _, d, e, _ = self.map
        return math.degrees(math.atan2(d - b, a + e))

    @property
    def scale(self) -> float:
        """Of the second's longer side, what one longer side of the first spans."""
        a, b, _, d, e, _ = self.map
        return math.sqrt(abs(a * e - b * d))


def agreement(first: Keypoints, second: Keypoints) -> Agreement | None:
    """The map that most pairs of features agree with; None where fewer than FEWEST do. Some 3 ms for 240 each."""
    left, right, apart = _pairs(first, second)
    pairs = _Pairs(
        a=first.places[left].astype(np.complex128),
        b=second.places[right].astype(np.complex128),
        turn=(second.angles[right] - first.angles[left]).astype(np.float64),
        size=np.log(second.sizes[right] / first.sizes[left]).astype(np.float64),
    )
    found = pairs.similar()
    if found is None:
        return None
    matrix, agrees = pairs.refined(*found)
    if agrees.sum() < FEWEST:
        return None
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    in_first, in_second = _seen(first, second, matrix), _seen(second, first, inverse)
    spreads = (
        _spread(first.places, in_first, pairs.a[agrees]),
        _spread(second.places, in_second, pairs.b[agrees]),
    )
    a, b, c, d, e, f = (float(v) for v in matrix.ravel())
    return Agreement(
        pairs=len(left),
        agreeing=int(agrees.sum()),
        distance=int(np.median(apart[agrees])),
        map=(a, b, c, d, e, f),
        cover=min(s[0] for s in spreads),
        scatter=min(s[1] for s in spreads),
        shared=_share(second, first, inverse),
        filled=_share(first, second, matrix),
    )


def _pairs(first: Keypoints, second: Keypoints) -> tuple[INDICES, INDICES, INDICES]:
    """Features of both that look alike, and their distances, the most alike first."""
    if not len(first) or not len(second):
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    d = distances(first.words[:, None], second.words[None, :])
    right = d.argmin(axis=1)
    left = np.flatnonzero((d.argmin(axis=0)[right] == np.arange(len(d))) & (d.min(axis=1) <= FARTHEST))
    right = right[left]
    least = d[left, right].astype(np.int64)
    next_right = np.where(_near(second.places, right), 999, d[left]).min(axis=1)
    next_left = np.where(_near(first.places, left), 999, d[:, right].T).min(axis=1)
    sure = least < RATIO * np.minimum(next_left, next_right)
    left, right, least = left[sure], right[sure], least[sure]
    order = np.argsort(least, kind="stable")
    return left[order], right[order], least[order]


def _near(places: npt.NDArray[np.complex64], chosen: INDICES) -> TRUTHS:
    return np.asarray(np.abs(places[chosen][:, None] - places[None, :]) < ELSEWHERE)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Places of paired features in both pictures, and by how much each is turned and larger in the second."""

    a: POINTS
    b: POINTS
    turn: REALS
    size: REALS

    def similar(self) -> tuple[REALS, TRUTHS] | None:
        """The similarity that most pairs agree with, as a map of shape (2, 3), and who agrees."""
        i, j = np.triu_indices(min(TRIED, len(self.a)), 1)
        far = (np.abs(self.a[i] - self.a[j]) > APART) & (np.abs(self.b[i] - self.b[j]) > APART)
        i, j = i[far], j[far]
        s = (self.b[j] - self.b[i]) / (self.a[j] - self.a[i])
        scale, angle = np.abs(s), np.angle(s)
        sound = (scale > SCALES[0]) & (scale < SCALES[1])
        for k in (i, j):
            sound &= _turned(angle - self.turn[k]) & (np.abs(np.log(scale) - self.size[k]) < SIZE)
        if not sound.any():
            return None
        s, i, scale, angle = s[sound], i[sound], scale[sound], angle[sound]
        t = self.b[i] - s * self.a[i]
        agrees = np.abs(s[:, None] * self.a + t[:, None] - self.b) < TOLERANCE * np.maximum(1, scale)[:, None]
        agrees &= _turned(angle[:, None] - self.turn) & (np.abs(np.log(scale)[:, None] - self.size) < SIZE)
        best = int(agrees.sum(axis=1).argmax())
        turn, shift = s[best], t[best]
        matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
        return matrix, agrees[best]

    def refined(self, matrix: REALS, agrees: TRUTHS) -> tuple[REALS, TRUTHS]:
        """The affine map of those that agree, made again from those that agree with it, while no fewer do."""
        design = np.column_stack([self.a.real, self.a.imag, np.ones(len(self.a))])
        aim = np.column_stack([self.b.real, self.b.imag])
        for _ in range(3):
            if agrees.sum() < FEWEST:
                break
            new = np.linalg.lstsq(design[agrees], aim[agrees], rcond=None)[0].T
            wide, narrow = np.linalg.svd(new[:, :2], compute_uv=False)
            if np.linalg.det(new[:, :2]) <= 0 or wide > SKEW * narrow:
                break
            scale = math.sqrt(wide * narrow)
            angle = math.atan2(new[1, 0] - new[0, 1], new[0, 0] + new[1, 1])
            close = np.hypot(*(design @ new.T - aim).T) < TOLERANCE * max(1.0, scale)
            close &= _turned(angle - self.turn) & (np.abs(math.log(scale) - self.size) < SIZE)
            if close.sum() < agrees.sum():
                break
            matrix, agrees = np.asarray(new, dtype=np.float64), close
        return matrix, agrees


def _turned(angle: REALS) -> TRUTHS:
    return np.asarray(np.abs((angle + np.pi) % (2 * np.pi) - np.pi) < TURN)


def _mapped(places: npt.NDArray[np.complexfloating], matrix: REALS) -> tuple[REALS, REALS]:
    (a, b, c), (d, e, f) = matrix
    return a * places.real + b * places.imag + c, d * places.real + e * places.imag + f


def _inside(places: npt.NDArray[np.complexfloating], matrix: REALS, frame: tuple[float, float]) -> TRUTHS:
    x, y = _mapped(places, matrix)
    return np.asarray((x >= 0) & (x <= frame[0]) & (y >= 0) & (y <= frame[1]))


def _seen(one: Keypoints, other: Keypoints, matrix: REALS) -> TRUTHS:
    """Which features of `one` lie, by the map from `one`, within `other`."""
    return _inside(one.places, matrix, other.frame)


def _spread(places: npt.NDArray[np.complexfloating], seen: TRUTHS, agreeing: POINTS) -> tuple[float, float]:
    """`Agreement.cover` and `Agreement.scatter` as one of the two pictures has them."""
    if not seen.any():
        return 0.0, 0.0
    corner = complex(places[seen].real.min(), places[seen].imag.min())
    span = places[seen] - corner
    wide, high = max(float(span.real.max()), 1e-6), max(float(span.imag.max()), 1e-6)

    def cells(some: npt.NDArray[np.complexfloating], grid: int) -> INDICES:
        x, y = (some - corner).real / wide * grid, (some - corner).imag / high * grid
        column, row = (np.clip(v, 0, grid - 1).astype(np.int64) for v in (x, y))
        return np.bincount(column * grid + row, minlength=grid * grid)

    speaking, held = cells(places[seen], GRID) > 0, cells(agreeing, GRID) > 0
    cover = float((held & speaking).sum() / speaking.sum())
    shares = cells(places[seen], FINE) / seen.sum()
    expected = float((1 - (1 - shares) ** len(agreeing)).sum())
    return cover, float(((cells(agreeing, FINE) > 0) & (shares > 0)).sum() / expected)


def _share(one: Keypoints, other: Keypoints, matrix: REALS) -> float:
    """The share of `one` that lies, by the map from `one`, within `other`: of 64 by 64 samples."""
    width, height = one.frame
    x, y = np.meshgrid((np.arange(64) + 0.5) / 64 * width, (np.arange(64) + 0.5) / 64 * height)
    return float(_inside(x + 1j * y, matrix, other.frame).mean())
