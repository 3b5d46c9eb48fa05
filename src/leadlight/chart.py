"""A drawn landscape for examples and tests: neutral, made of arithmetic, the same on every machine.

Stage folders may not import one another, yet all need a picture that their readers can work on. This one is
smooth enough to survive JPEG and rich enough for a perceptual hash of full quality. NumPy and zlib only, so
that listing the plugins loads no picture library.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

_OCTAVES = ((5, 60.0), (11, 44.0), (23, 34.0), (41, 22.0))
"""Cells across the picture, and how far each layer of texture reaches in grey levels."""


def _stretch(cells: int, length: int) -> npt.NDArray[np.float64]:
    """The matrix that interpolates `cells` + 1 knots smoothly over `length` pixels."""
    at = (np.arange(length) + 0.5) * cells / length
    knot = np.minimum(at.astype(np.intp), cells - 1)
    part = at - knot
    part = part * part * (3 - 2 * part)
    out = np.zeros((length, cells + 1))
    rows = np.arange(length)
    out[rows, knot] = 1 - part
    out[rows, knot + 1] = part
    return out


def chart_pixels(width: int, height: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A hilly landscape under a sky, shape (height, width, 3), RGB, 8 bits; another `seed`, another landscape."""
    rng = np.random.default_rng(seed)
    texture = np.zeros((height, width))
    for cells, reach in _OCTAVES:
        knots = rng.uniform(-1, 1, (cells + 1, cells + 1))
        texture += reach * (_stretch(cells, height) @ knots @ _stretch(cells, width).T)
    ridge = 0.45 + 0.2 * (_stretch(6, width) @ rng.uniform(-1, 1, 7))
    depth = (np.arange(height)[:, None] + 0.5) / height
    land = np.clip((depth - ridge[None, :]) * 24 + 0.5, 0, 1)[..., None]
    sky = np.array([110.0, 160.0, 215.0]) + (40 * depth)[..., None] + 0.55 * texture[..., None]
    soil = np.array([105.0, 125.0, 60.0]) - (30 * depth)[..., None] + texture[..., None] * (1.0, 0.9, 0.6)
    return np.clip(np.rint(sky * (1 - land) + soil * land), 0, 255).astype(np.uint8)


def png(pixels: npt.NDArray[np.uint8], *, extra: bytes = b"") -> bytes:
    """A PNG of `pixels`, shape (h, w) or (h, w, 2 to 4); `extra` chunks go before the picture data."""
    height, width = pixels.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes((8, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6))
        + chunk(b"IEND", b"")
    )


def chunk(name: bytes, data: bytes) -> bytes:
    """One PNG chunk, its checksum right."""
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def chart_png(width: int = 256, height: int = 192, seed: int = 0) -> bytes:
    """`chart_pixels` as a PNG file."""
    return png(chart_pixels(width, height, seed))
