"""Whether the pattern of a sensor is in a picture: unchanged, turned, made smaller, or cut out.

The figure is the peak-to-correlation energy (PCE): the square of the correlation at its peak, with its sign, over
the mean square of the correlation elsewhere. Goljan, Fridrich and Filler, 'Large scale test of sensor fingerprint
camera identification', SPIE 7254 (2009); for parts and reduced copies: Goljan and Fridrich, 'Camera
identification from cropped and scaled images', SPIE 6819 (2008). Where no pattern is, the PCE at one position has
a mean of 1, and its greatest over n positions is near 2 ln n, so `Found.excess` takes that off: figures from
searches of any width compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.sensornoise.resample import resampled
from leadlight.sensornoise.residue import LEAST, residue_of, sound
from leadlight.sensornoise.wavelet import Plane

Spectrum = npt.NDArray[np.complex64]

UNCHANGED: Final = "unchanged"
RESIZED: Final = "resized"
CROPPED: Final = "cropped"
CROPPED_RESIZED: Final = "cropped and resized"
WAYS: Final = (UNCHANGED, RESIZED, CROPPED, CROPPED_RESIZED)
STEP: Final = 0.005
"""From one scale of the ladder to the next."""
_CLIP: Final = 2.0
_ASIDE: Final = 5
_NEARBY: Final = 32
_NEAR: Final = 2
_SAME_SHAPE: Final = 0.01
_WORTH: Final = 4.0
_GREATEST: Final = 1e6


@dataclass(frozen=True, slots=True)
class Found:
    """The best position of a picture in the frame of a camera, by one way of looking."""

    pce: float
    """Peak-to-correlation energy, with the sign of the peak; at most a million."""
    way: str
    """One of WAYS."""
    turn: int
    """How the picture was turned to lie as the camera's do, as an EXIF orientation, 1 to 8."""
    scale: float
    """Pixels of the picture for one of the camera."""
    left: int
    """Where its left edge lies in the camera's frame, in pixels of the picture."""
    top: int
    tried: int
    """Positions among which this is the best."""

    @property
    def excess(self) -> float:
        """The PCE above what the best of so many positions has by chance."""
        return self.pce - 2 * math.log(self.tried)


def turned(plane: Plane, turn: int) -> Plane:
    """A view of `plane` brought upright from an EXIF orientation, 1 to 8."""
    if turn >= 5:
        plane = plane.T
    if turn in (2, 3, 6, 7):
        plane = plane[:, ::-1]
    if turn in (3, 4, 7, 8):
        plane = plane[::-1]
    return plane


def query_of(luma: Plane) -> Plane:
    """What of a picture is compared: its noise, cut off at two standard deviations, times its light.

    Sides are LEAST or more. Cutting off what stands out (edges that the denoiser left) raised the correlation of
    12 of 17 natural pictures measured, by up to a half.
    """
    return query_from(residue_of(luma), luma, sound(luma))


def query_from(residue: Plane, luma: Plane, shows: npt.NDArray[np.bool_]) -> Plane:
    """As `query_of`, of what is there already: all of one shape."""
    most = _CLIP * float(residue.std(dtype=np.float64))
    query = np.clip(residue, -most, most)
    query *= luma
    query *= shows
    return query


def correlation(one: Plane, other: Plane) -> float:
    """The correlation of two planes of one shape, in standard deviations of what chance gives; 0 for a flat
    one.
    """
    count = one.size
    a, b = (p.astype(np.float32, copy=False) - np.float32(p.mean(dtype=np.float64)) for p in (one, other))
    spread = float(np.einsum("ij,ij->", a, a)) * float(np.einsum("ij,ij->", b, b))
    return float(np.einsum("ij,ij->", a, b)) / math.sqrt(spread) * math.sqrt(count) if spread > 0 else 0.0


class Frame:
    """The pattern of a camera, to be looked for in pictures."""

    def __init__(self, pattern: Plane) -> None:
        self._pattern = pattern
        self._spectrum: Spectrum | None = None

    def matches(self, query: Plane, *, ladder: bool = False, least_share: float = 0.0) -> Iterator[Found]:
        """The best position by each way of looking that the picture's size allows; none where none is.

        `query` is what `query_of` gives. Parts are looked for only where the picture has more than `least_share`
        of the camera's pixels; with `ladder`, at all scales too (minutes, where both are large).
        """
        height, width = self._pattern.shape
        shapes = {t: (query.shape if t < 5 else query.shape[::-1]) for t in range(1, 9)}
        same = [t for t, shape in shapes.items() if shape == self._pattern.shape]
        if same:
            yield self._unchanged(query, same)
            return
        alike = [t for t, s in shapes.items() if abs(s[1] * height / (s[0] * width) - 1) <= _SAME_SHAPE]
        if alike:
            yield self._resized(query, alike)
        # a part that was mirrored too is not looked for: half the time
        fitting = [t for t in (1, 3, 6, 8) if shapes[t][0] <= height and shapes[t][1] <= width]
        if fitting and query.size > least_share * height * width:
            yield self._part(query, fitting, 1.0, CROPPED)
        if ladder:
            yield from self._ladder(query, fitting or alike)

    def _unchanged(self, query: Plane, turns: list[int]) -> Found:
        figures = {t: correlation(self._pattern, turned(query, t)) for t in turns}
        turn = max(figures, key=lambda t: figures[t])
        z = figures[turn]
        pce = math.copysign(z * z, z)
        if z > _WORTH:
            pce = _pce(_correlated(_spectrum(self._pattern), turned(query, turn), self._pattern.shape), 0, 0)
        return Found(_bounded(pce), UNCHANGED, turn, 1.0, 0, 0, len(turns))

    def _resized(self, query: Plane, turns: list[int]) -> Found:
        best: Found | None = None
        shape = query.shape if turns[0] < 5 else query.shape[::-1]
        pattern = resampled(self._pattern, *shape)
        spectrum = _spectrum(pattern)
        for turn in turns:
            plane = _correlated(spectrum, turned(query, turn), pattern.shape)
            near = {(y, x): float(plane[y, x]) for y in range(-_NEAR, _NEAR + 1) for x in range(-_NEAR, _NEAR + 1)}
            y, x = max(near, key=lambda at: near[at])
            tried = len(near) * len(turns)
            scale = shape[0] / self._pattern.shape[0]
            found = Found(_bounded(_pce(plane, y, x)), RESIZED, turn, scale, x, y, tried)
            best = found if best is None or found.pce > best.pce else best
        assert best is not None
        return best

    def _part(self, query: Plane, turns: list[int], scale: float, way: str) -> Found:
        best: Found | None = None
        pattern = self._pattern
        if scale != 1:
            pattern = resampled(pattern, *(round(side * scale) for side in pattern.shape))
            spectrum = _spectrum(pattern)
        else:
            spectrum = self._spectrum = _spectrum(pattern) if self._spectrum is None else self._spectrum
        room = {t: tuple(p - q for p, q in zip(pattern.shape, turned(query, t).shape, strict=True)) for t in turns}
        tried = sum((down + 1) * (across + 1) for down, across in room.values())
        for turn in turns:
            plane = _correlated(spectrum, turned(query, turn), pattern.shape)
            down, across = room[turn]
            y, x = divmod(int(plane[: down + 1, : across + 1].argmax()), across + 1)
            found = Found(_bounded(_pce(plane, y, x)), way, turn, scale, x, y, tried)
            best = found if best is None or found.pce > best.pce else best
        assert best is not None
        return best

    def _ladder(self, query: Plane, turns: list[int]) -> Iterator[Found]:
        """The best of all scales at which the picture can be a part; positions of all scales count as tried."""
        best: Found | None = None
        tried, step = 0, 1
        while turns:
            scale = 1 / (1 + STEP * step)
            height, width = (round(side * scale) for side in self._pattern.shape)
            fitting = [t for t in turns if (s := turned(query, t).shape)[0] <= height and s[1] <= width]
            if not fitting or min(height, width) < LEAST:
                break
            found = self._part(query, fitting, scale, CROPPED_RESIZED)
            tried += found.tried
            best = found if best is None or found.pce > best.pce else best
            step += 1
        if best is not None:
            yield Found(best.pce, best.way, best.turn, best.scale, best.left, best.top, tried)


def _spectrum(plane: Plane) -> Spectrum:
    return np.asarray(np.fft.rfft2(plane - np.float32(plane.mean(dtype=np.float64))), dtype=np.complex64)


def _correlated(spectrum: Spectrum, query: Plane, shape: tuple[int, ...]) -> Plane:
    """The correlation at all shifts: at (y, x) with the query's corner at row y and column x of the pattern."""
    centred = np.zeros(shape, dtype=np.float32)
    centred[: query.shape[0], : query.shape[1]] = query - np.float32(query.mean(dtype=np.float64))
    product = np.fft.rfft2(centred)
    np.conjugate(product, out=product)
    product *= spectrum
    out: Plane = np.fft.irfft2(product, s=shape).astype(np.float32, copy=False)
    return out


def _pce(plane: Plane, y: int, x: int) -> float:
    """The PCE of a correlation's value at (y, x). What lies within five of it is no part of the energy.

    The energy is the mean over the whole plane or that within 32 of the peak, whichever is more: a pattern is
    noisier in some parts of a frame than in others, and a small part of a picture meets more chance there.
    """
    peak = float(plane[y, x])
    near, around = (_around(plane, y, x, reach) for reach in (_NEARBY, _ASIDE))
    whole = float(np.einsum("ij,ij->", plane, plane, dtype=np.float64))
    means = [(total - around[1]) / max(1, count - around[0]) for count, total in ((plane.size, whole), near)]
    mean = max(means)
    return math.copysign(peak * peak / mean, peak) if mean > 0 else 0.0


def _around(plane: Plane, y: int, x: int, reach: int) -> tuple[int, float]:
    """How many values lie within `reach` of a place, on a periodic plane, and the sum of their squares."""
    rows, columns = (np.arange(at - reach, at + reach + 1) for at in (y, x))
    part = plane.take(rows, axis=0, mode="wrap").take(columns, axis=1, mode="wrap").astype(np.float64)
    return part.size, float((part**2).sum())


def _bounded(pce: float) -> float:
    return max(-_GREATEST, min(_GREATEST, pce)) if math.isfinite(pce) else 0.0
