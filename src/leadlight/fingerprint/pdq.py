"""PDQ, the perceptual hash of 256 bits, with its quality and its eight turned and mirrored forms.

Source: 'The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm' (Facebook, 2019) and its
reference implementation. The reference filters the whole plane twice with a box along rows and columns and keeps
64 by 64 samples. That is linear and separable, so here the samples are taken directly: A = R Y C^T, where row i of
R (64 by height) and of C (64 by width) holds the weights of all pixels in sample i. Then a DCT, a median, and
256 bits. Where a coefficient lies so near the median, or a gradient so near a step, that rounding would decide,
the sums are made again in the reference's own order (`ordered`): the hash is the reference's, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from leadlight.chart import chart_png
from leadlight.config import Settings
from leadlight.content import Content, Pixels, Reduced
from leadlight.fingerprint import ordered
from leadlight.fingerprint.ordered import BITS, DCT, SIDE, Plane
from leadlight.records import Finding, Item, finding
from leadlight.scaled import rows as fused
from leadlight.seams import Cost, Example, Known

LEAST = 5
"""Pixels a side below which the reference gives all zero bits and quality 0."""
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_BLOCK_BYTES = 3 << 20
_ACROSS = 16_384
"""Columns filtered at a time, so that a long picture takes no more memory than a square one."""
_KEPT = 8192
"""Pixels a side up to which the weights are kept for the next picture: at most 2 MiB a side, 64 MiB in all."""
_COEFFICIENT_MARGIN = 5e-4
"""Times the root of the longer side: 2.4 times the greatest difference of a coefficient from the reference's over
652 photographs and generated pictures, and 7 times that of all but one in a hundred.
"""
_CHANGE_MARGIN = 1.5e-4
"""The same for the difference of two neighbouring samples, in hundredths of the range: 2.7 times the greatest."""
_SAMPLED = 1 << 20
"""Pixels up to which mirrored forms are sampled themselves."""
QUALITY_MARGIN = 3
"""Steps of quality by which a scaled decode may differ from the full one: three times the greatest difference over
750 photographs.
"""


def pdq(pixels: Pixels) -> tuple[bytes, int]:
    """The hash (32 bytes, as the reference prints it in hex) and the quality (0 to 100) of an RGB picture.

    `pixels` has shape (height, width, 3). The quality is low for flat pictures, whose bits mean little.
    """
    samples, coefficients = _computed(pixels)
    return _bits(coefficients), _quality(samples)


def dihedral(pixels: Pixels) -> tuple[bytes, ...]:
    """The hashes of the picture as stored, turned and mirrored: eight, the first as stored.

    A mirrored axis negates every second coefficient of the DCT; a quarter turn transposes it as well. That holds
    but for the pixel by which the reference's samples lie aside: a few bits in a large picture, up to 56 in one of
    some 150 pixels a side. So mirrored pictures of up to a million pixels are sampled themselves.
    """
    return _forms(pixels, _computed(pixels)[1])


def hashed(samples: Plane) -> tuple[bytes, int]:
    """The hash and the quality of 64 by 64 samples of luma, however they were taken."""
    return _bits(_transformed(samples)), _quality(samples)


def scaled(reduced: Reduced) -> tuple[Plane, Plane]:
    """The samples and coefficients of the full picture, as near as its reduced luma gives them.

    Sampling is linear, so each value of the small plane stands for its square of pixels with the sum of their
    weights: the hash is that of the full picture and not of a small one.
    """
    rows, columns = (_weights(n, reduced.step) for n in (reduced.height, reduced.width))
    samples = np.asarray(rows @ reduced.luma @ columns.T, dtype=np.float32)
    return samples, _transformed(samples)


def _transformed(samples: Plane) -> Plane:
    return np.asarray(DCT @ samples @ DCT.T, dtype=np.float32)


def _scaled_forms(reduced: Reduced, coefficients: Plane) -> tuple[bytes, ...]:
    """The eight forms, the mirrored ones sampled where `_forms` does so."""
    if reduced.height * reduced.width > _SAMPLED:
        return _turned(coefficients)
    rows, upended, columns, back = (
        _weights(n, reduced.step, mirrored=mirrored)
        for n in (reduced.height, reduced.width)
        for mirrored in (False, True)
    )
    upright, turned = rows @ reduced.luma, upended @ reduced.luma
    mirrored = (
        _transformed(np.asarray(half @ across.T, dtype=np.float32))
        for half, across in ((upright, back), (turned, columns), (turned, back))
    )
    return _eight((coefficients, *mirrored))


def _forms(pixels: Pixels, coefficients: Plane) -> tuple[bytes, ...]:
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST or height == width == SIDE or height * width > _SAMPLED:
        return _turned(coefficients)
    rows, columns = _weights(height), _weights(width)
    upright, upended = _rows(pixels, rows), _rows(pixels, np.ascontiguousarray(rows[:, ::-1]))
    back = columns[:, ::-1].T
    planes: list[Plane] = [coefficients]
    for samples in (upright @ back, upended @ columns.T, upended @ back):
        planes.append(_transformed(samples))
    return _eight(planes)


def _eight(planes: Sequence[Plane]) -> tuple[bytes, ...]:
    """The hashes of four planes of coefficients and of the four transposed."""
    return tuple(_bits(np.ascontiguousarray(c)) for c in (*planes, *(c.T for c in planes)))


def _computed(pixels: Pixels) -> tuple[Plane, Plane]:
    """The 64 by 64 samples and the 16 by 16 coefficients."""
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST:
        return np.zeros((SIDE, SIDE), dtype=np.float32), np.zeros((BITS, BITS), dtype=np.float32)
    if height == width == SIDE:
        samples = ordered.luma(pixels)  # the reference filters nothing at this very size
    else:
        samples = sample(pixels)
        coefficients = _transformed(samples)
        if _decided(samples, coefficients, max(height, width) ** 0.5):
            return samples, coefficients
        samples = ordered.samples(pixels)
    return samples, ordered.transform(samples)


def _decided(samples: Plane, coefficients: Plane, spread: float) -> bool:
    """Whether no rounding, within the margins, could change a bit of the hash or the quality."""
    half = coefficients.size // 2
    values = np.partition(coefficients.ravel(), (half - 1, half))
    if values[half] - values[half - 1] <= 2 * _COEFFICIENT_MARGIN * spread:
        return False
    sure = unsure = 0
    for change in _changes(samples):
        size = np.abs(change)
        near = np.rint(size)
        close = (np.abs(size - near) <= _CHANGE_MARGIN * spread) & (near > 0)
        unsure += int(close.sum())
        sure += int(np.where(close, near - 1, np.trunc(size)).sum())
    return _capped(sure) == _capped(sure + unsure)


def sample(pixels: Pixels) -> Plane:
    """The 64 by 64 luma samples after both filter passes, of a picture of 5 by 5 pixels or more."""
    height, width = pixels.shape[:2]
    return np.asarray(_rows(pixels, _weights(height)) @ _weights(width).T, dtype=np.float32)


def _rows(pixels: Pixels, rows: Plane) -> Plane:
    """Luma in 64 rows, each of the rows of pixels that `rows` weighs: by the kernel, where there is one."""
    found = fused(pixels, rows)
    return _plain_rows(pixels, rows) if found is None else found


def _plain_rows(pixels: Pixels, rows: Plane) -> Plane:
    """The same in NumPy; a few rows at a time."""
    width = pixels.shape[1]
    if width > _ACROSS:
        parts = [_narrow_rows(pixels[:, at : at + _ACROSS], rows) for at in range(0, width, _ACROSS)]
        return np.concatenate(parts, axis=1)
    return _narrow_rows(pixels, rows)


def _narrow_rows(pixels: Pixels, rows: Plane) -> Plane:
    height, width = pixels.shape[:2]
    sums = np.zeros((SIDE, width * 3), dtype=np.float32)
    step = max(1, _BLOCK_BYTES // (width * 3))
    for start in range(0, height, step):
        part = rows[:, start : start + step]
        used = np.flatnonzero(part.any(axis=1))
        if used.size:
            low, high = int(used[0]), int(used[-1]) + 1
            block = pixels[start : start + step].astype(np.float32)
            sums[low:high] += part[low:high] @ block.reshape(len(block), width * 3)
    return np.asarray(sums.reshape(SIDE, width, 3) @ _LUMA, dtype=np.float32)


def _weights(length: int, step: int = 1, *, mirrored: bool = False) -> Plane:
    """The weights for a side of `length` pixels: kept for ordinary sides, made each time for long ones."""
    return (_kept_weights if length <= _KEPT else _made_weights)(length, step, mirrored)


@lru_cache(maxsize=32)
def _kept_weights(length: int, step: int, mirrored: bool) -> Plane:
    return _made_weights(length, step, mirrored)


def _made_weights(length: int, step: int, mirrored: bool) -> Plane:
    """Row i holds the weights of `length` pixels in sample i of 64: two box passes, then every n-th.

    With `step` they are weights of the means of so many pixels each, shape (64, ceil(length / step)): what lies
    between is taken as a straight line through each mean, as steep as from the mean before to the one behind. That
    halves what a scaled hash differs. `mirrored` begins at the other end of the side.
    """
    window, half = ordered.window_of(length)
    shares = 1.0 / ordered.counts(length).astype(np.float64)
    until = np.concatenate(([0.0], np.cumsum(shares)))
    middles = ordered.taken(length)[:, None]
    first = middles + 2 * (half - window)
    where = first + np.arange(2 * window - 1)
    low = np.maximum(np.maximum(where - half + 1, middles + half - window), 0)
    high = np.minimum(np.minimum(where - half + window + 1, middles + half), length)
    inside = (where >= 0) & (where < length) & (low < high)
    rows, n = np.nonzero(inside)
    values = (until[high[inside]] - until[low[inside]]) * shares[middles[rows, 0]]
    pixels = length - 1 - where[rows, n] if mirrored else where[rows, n]
    across = -(-length // step)
    if step == 1:
        weights = np.zeros((SIDE, length), dtype=np.float32)
        weights[rows, pixels] = values
        return weights
    square, within = np.divmod(pixels, step)
    place, room = rows * across + square, SIDE * across
    summed = np.bincount(place, values, room).reshape(SIDE, across)
    tilts = np.bincount(place, values * (within - (step - 1) / 2) / (2 * step), room).reshape(SIDE, across)
    summed[:, 1:] += tilts[:, :-1]
    summed[:, -1] += tilts[:, -1]
    summed[:, :-1] -= tilts[:, 1:]
    summed[:, 0] -= tilts[:, 0]
    return summed.astype(np.float32)


_SIGNS = np.where(np.arange(1, BITS + 1) % 2, -1.0, 1.0).astype(np.float32)


def _bits(coefficients: Plane) -> bytes:
    values = coefficients.ravel()
    middle = np.partition(values, values.size // 2 - 1)[values.size // 2 - 1]
    return np.packbits(values > middle, bitorder="little")[::-1].tobytes()


def _turned(c: Plane) -> tuple[bytes, ...]:
    across, down = c * _SIGNS[None, :], c * _SIGNS[:, None]
    both = across * _SIGNS[:, None]
    return tuple(_bits(np.ascontiguousarray(x)) for x in (c, across, down, both, c.T, across.T, down.T, both.T))


def _changes(samples: Plane) -> Iterator[npt.NDArray[np.float32]]:
    """Differences of neighbours, in hundredths of the full range."""
    for change in (samples[:-1] - samples[1:], samples[:, :-1] - samples[:, 1:]):
        yield np.asarray(change * 100 / 255, dtype=np.float32)


def _capped(steps: int) -> int:
    return min(100, steps // 90)


def _quality(samples: Plane) -> int:
    return _capped(sum(int(np.abs(np.trunc(change)).sum()) for change in _changes(samples)))


class Pdq:
    """PDQ of each frame that is decoded; turned and mirrored forms of the first."""

    name = "fingerprint.pdq"
    version = "2"
    extra = None
    requires: tuple[str, ...] = ()
    needs = frozenset({finding.PICTURE})
    gives = frozenset({finding.PDQ})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def __init__(self, near_quality: int = 50) -> None:
        self._near_quality = near_quality

    def configure(self, settings: Settings) -> Pdq:
        """With the operator's quality below which nothing is matched near."""
        return Pdq(settings.near_quality)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        reduced = content.scaled()
        if reduced is not None and reduced.frames == 1:
            samples, coefficients = scaled(reduced)
            quality = _quality(samples)
            if abs(quality - self._near_quality) > QUALITY_MARGIN:
                forms = _scaled_forms(reduced, coefficients)
                yield self._finding(_Made(forms[0], quality, f"scaled 1/{reduced.step}", forms, exact=False))
                return
        seen: set[bytes] = set()
        for frame in content.frames():
            samples, coefficients = _computed(frame.pixels)
            value = _bits(coefficients)
            if value in seen:
                continue
            seen.add(value)
            forms = _forms(frame.pixels, coefficients) if frame.index == 0 else ()
            method = "exact" if frame.method == "full" else f"exact, of the {frame.method}"
            yield self._finding(
                _Made(value, _quality(samples), method, forms, frame=frame.index, frames=frame.frames)
            )

    def _finding(self, made: _Made) -> Finding:
        flat = "; too flat to match near" if made.quality < self._near_quality else ""
        where = f" of frame {made.frame}" if made.frames > 1 else ""
        how = "" if made.exact else ", from a scaled decode"
        payload: dict[str, object] = {
            "algorithm": "pdq",
            "value": made.value.hex(),
            "quality": made.quality,
            "method": made.method,
            "exact": made.exact,
            "frame": made.frame,
        }
        if made.forms:
            payload["dihedral"] = [h.hex() for h in made.forms]
        statement = f"PDQ hash{where}{how}, quality {made.quality}{flat}."
        return Finding(self.name, self.version, finding.PDQ, statement, payload)

    def examples(self) -> tuple[Example, ...]:
        return (
            Example("landscape", lambda: chart_png(200, 150, 1), (finding.PDQ,), {"quality": 100, "frame": 0}),
            Example("one pixel", lambda: chart_png(1, 1, 1), (finding.PDQ,), {"quality": 0, "exact": True}),
            Example("text", lambda: b"A plain line of text.\n", ()),
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """One hash, and how it was come by."""

    value: bytes
    quality: int
    method: str
    forms: tuple[bytes, ...] = ()
    exact: bool = True
    frame: int = 0
    frames: int = 1


PLUGIN = Pdq()
