"""PDQ, the perceptual hash of 256 bits, with its quality and its eight turned and mirrored forms.

Source: 'The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm' (Facebook, 2019) and its
reference implementation. The reference filters the whole plane twice with a box along rows and columns and keeps
64 by 64 samples. That is linear and separable, so here the samples are taken directly: A = R Y C^T, where row i of
R (64 by height) and of C (64 by width) holds the weights of all pixels in sample i. Then a DCT, a median, and
256 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from leadlight.chart import chart_png
from leadlight.content import Content, Pixels
from leadlight.records import Finding, Item, finding
from leadlight.seams import Cost, Example, Known

SIDE = 64
BITS = 16
LEAST = 5
"""Pixels a side below which the reference gives all zero bits and quality 0."""
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_BLOCK_BYTES = 3 << 20
_Plane = npt.NDArray[np.float32]


def pdq(pixels: Pixels) -> tuple[bytes, int]:
    """The hash (32 bytes, as the reference prints it in hex) and the quality (0 to 100) of an RGB picture.

    `pixels` has shape (height, width, 3). The quality is low for flat pictures, whose bits mean little.
    """
    samples = sample(pixels)
    return _bits(_transform(samples)), _quality(samples)


def dihedral(pixels: Pixels) -> tuple[bytes, ...]:
    """The hashes of the picture as stored, turned and mirrored: eight, the first as stored.

    A mirrored axis negates every second coefficient of the DCT; a quarter turn transposes it as well.
    """
    return _turned(_transform(sample(pixels)))


def sample(pixels: Pixels) -> _Plane:
    """The 64 by 64 luma samples after both filter passes."""
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST:
        return np.zeros((SIDE, SIDE), dtype=np.float32)
    rows, columns = _weights(height), _weights(width)
    flat = pixels.reshape(height, width * 3)
    sums = np.zeros((SIDE, width * 3), dtype=np.float32)
    step = max(1, _BLOCK_BYTES // (width * 3))
    for start in range(0, height, step):
        part = rows[:, start : start + step]
        used = np.flatnonzero(part.any(axis=1))
        if used.size:
            low, high = int(used[0]), int(used[-1]) + 1
            sums[low:high] += part[low:high] @ flat[start : start + step].astype(np.float32)
    luma = sums.reshape(SIDE, width, 3) @ _LUMA
    return np.asarray(luma @ columns.T, dtype=np.float32)


@lru_cache(maxsize=64)
def _weights(length: int) -> _Plane:
    """Row i holds the weights of `length` pixels in sample i of 64: two box passes, then every n-th."""
    window = (length + 127) // 128
    half = (window + 2) // 2
    at = np.arange(length)
    low = np.maximum(0, at + half - window)
    high = np.minimum(length, at + half)
    taken = ((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.intp)
    steps = np.zeros((SIDE, length + 1))
    for i, o in enumerate(taken):
        inner = np.arange(low[o], high[o])
        share = 1.0 / (inner.size * (high[inner] - low[inner]))
        np.add.at(steps[i], low[inner], share)
        np.subtract.at(steps[i], high[inner], share)
    return np.cumsum(steps, axis=1)[:, :length].astype(np.float32)


_ANGLES = np.pi / 2 / SIDE * np.outer(np.arange(1, BITS + 1), 2 * np.arange(SIDE) + 1)
_DCT = (np.sqrt(2 / SIDE) * np.cos(_ANGLES)).astype(np.float32)
_SIGNS = np.where(np.arange(1, BITS + 1) % 2, -1.0, 1.0).astype(np.float32)


def _transform(samples: _Plane) -> _Plane:
    return np.asarray(_DCT @ samples @ _DCT.T, dtype=np.float32)


def _bits(coefficients: _Plane) -> bytes:
    values = coefficients.ravel()
    middle = np.partition(values, values.size // 2 - 1)[values.size // 2 - 1]
    return np.packbits(values > middle, bitorder="little")[::-1].tobytes()


def _turned(c: _Plane) -> tuple[bytes, ...]:
    across, down = c * _SIGNS[None, :], c * _SIGNS[:, None]
    both = across * _SIGNS[:, None]
    return tuple(_bits(np.ascontiguousarray(x)) for x in (c, across, down, both, c.T, across.T, down.T, both.T))


def _quality(samples: _Plane) -> int:
    steps = 0
    for change in (samples[:-1] - samples[1:], samples[:, :-1] - samples[:, 1:]):
        steps += int(np.abs(np.trunc(change * 100 / 255)).sum())
    return min(100, steps // 90)


class Pdq:
    """PDQ of each frame that is decoded; turned and mirrored forms of the first."""

    name = "fingerprint.pdq"
    version = "1"
    extra = None
    requires: tuple[str, ...] = ()
    needs = frozenset({finding.PICTURE})
    gives = frozenset({finding.PDQ})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        seen: set[bytes] = set()
        for frame in content.frames():
            samples = sample(frame.pixels)
            coefficients = _transform(samples)
            value = _bits(coefficients)
            if value in seen:
                continue
            seen.add(value)
            quality = _quality(samples)
            payload: dict[str, object] = {
                "algorithm": "pdq",
                "value": value.hex(),
                "quality": quality,
                "method": "exact" if frame.method == "full" else f"exact, of the {frame.method}",
                "frame": frame.index,
            }
            if frame.index == 0:
                payload["dihedral"] = [h.hex() for h in _turned(coefficients)]
            flat = "; too flat to match near" if quality < 50 else ""
            where = f" of frame {frame.index}" if frame.frames > 1 else ""
            yield Finding(
                self.name, self.version, finding.PDQ, f"PDQ hash{where}, quality {quality}{flat}.", payload
            )

    def examples(self) -> tuple[Example, ...]:
        return (
            Example("landscape", lambda: chart_png(200, 150, 1), (finding.PDQ,), {"quality": 100, "frame": 0}),
            Example("one pixel", lambda: chart_png(1, 1, 1), (finding.PDQ,), {"quality": 0}),
            Example("text", lambda: b"A plain line of text.\n", ()),
        )


PLUGIN = Pdq()
