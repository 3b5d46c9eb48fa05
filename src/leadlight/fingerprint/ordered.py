"""PDQ's samples and DCT in the very order of the reference's float32 operations. No PLUGIN here.

The reference adds and subtracts in running sums, and each addition rounds. For nearly all pictures the rounding
changes no bit; for gradients, drawings and other pictures whose coefficients tie it decides, and a hash that
other programs have listed can only be met by rounding as they do. `fingerprint.pdq` asks here when its own,
faster sums are too close to call. The compiled kernel makes the samples, where there is one; what is here in NumPy
makes the same to the last digit, at twenty times the cost. Memory stays within some tens of MiB either way,
whatever the picture's size and shape.

Source: the PDQ reference implementation, its steps boxAlongRows, boxAlongCols, decimate and DCT.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from leadlight.scaled import ordered as compiled

Plane = npt.NDArray[np.float32]
SIDE = 64
BITS = 16
_ROWS = 128
"""Rows filtered at a time, at most."""
_AT_ONCE = 1 << 19
"""Pixels filtered at a time where a single row has no more."""
_TOGETHER = 8
"""Columns of samples filtered at a time."""
_SCALE = float(np.float32(np.sqrt(2 / SIDE)))
_ANGLES = np.pi / 2 / SIDE * np.outer(np.arange(1, BITS + 1), 2 * np.arange(SIDE) + 1)
DCT: Plane = (_SCALE * np.cos(_ANGLES)).astype(np.float32)


def window_of(length: int) -> tuple[int, int]:
    """The box's width for a side of `length` pixels, and how many of them lie at or after its centre."""
    window = (length + 127) // 128
    return window, (window + 2) // 2


def taken(length: int) -> npt.NDArray[np.intp]:
    """Which of `length` pixels the 64 samples are."""
    return ((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.intp)


def luma(pixels: npt.NDArray[np.uint8]) -> Plane:
    """Luma as the reference's Python binding computes it: in double precision, then rounded."""
    red, green, blue = (pixels[..., n].astype(np.float64) for n in range(3))
    return (red * 0.299 + green * 0.587 + blue * 0.114).astype(np.float32)


def samples(pixels: npt.NDArray[np.uint8]) -> Plane:
    """The 64 by 64 samples of an RGB picture of 5 by 5 pixels or more: by the kernel, where there is one."""
    found = compiled(pixels)
    return _plain_samples(pixels) if found is None else found


def _plain_samples(pixels: npt.NDArray[np.uint8]) -> Plane:
    """The same in NumPy."""
    height, width = pixels.shape[:2]
    narrow = np.empty((height, SIDE), dtype=np.float32)
    columns = taken(width)
    filled = 0
    step = max(1, min(_ROWS, _AT_ONCE // width))
    rows = (_box(luma(pixels[at : at + step])) for at in range(0, height, step))
    for block in _box_down(rows, height):
        narrow[filled : filled + len(block)] = _box(block)[:, columns]
        filled += len(block)
    lines = taken(height)
    parts = [
        _box(np.ascontiguousarray(narrow[:, at : at + _TOGETHER].T))[:, lines] for at in range(0, SIDE, _TOGETHER)
    ]
    return np.ascontiguousarray(np.concatenate(parts).T)


def transform(square: Plane) -> Plane:
    """The 16 by 16 coefficients, each a sum in order of the samples."""
    half = np.zeros((BITS, SIDE), dtype=np.float32)
    for k in range(SIDE):
        half += DCT[:, k, None] * square[k]
    out = np.zeros((BITS, BITS), dtype=np.float32)
    for k in range(SIDE):
        out += half[:, k, None] * DCT[None, :, k]
    return out


def _box(values: Plane) -> Plane:
    """Running means along the last axis: each step adds what enters the box, then subtracts what leaves it."""
    count, length = values.shape
    window, half = window_of(length)
    steps = length + half - 1
    changes = np.zeros((count, 2 * steps), dtype=np.float32)
    changes[:, 0 : 2 * length : 2] = values
    changes[:, 2 * window + 1 :: 2] = -values[:, : steps - window]
    sums = np.add.accumulate(changes, axis=1, out=changes)[:, 2 * half - 1 :: 2]
    return np.asarray(sums / counts(length), dtype=np.float32)


def _box_down(blocks: Iterator[Plane], height: int) -> Iterator[Plane]:
    """The same down the columns, row by row as they come."""
    window, half = window_of(height)
    holds = counts(height)
    held: deque[Plane] = deque()
    running: Plane | None = None
    seen = made = 0
    out: list[Plane] = []
    for block in blocks:
        for row in block:
            running = row.copy() if running is None else np.add(running, row, out=running)
            held.append(row)
            seen += 1
            if seen > window:
                running -= held.popleft()
            if seen >= half:
                out.append(running / holds[made])
                made += 1
        if out:
            yield np.stack(out)
            out = []
    while running is not None and made < height:
        running -= held.popleft()
        out.append(running / holds[made])
        made += 1
    if out:
        yield np.stack(out)


def counts(length: int) -> Plane:
    """How many pixels the box holds at each place: fewer at the edges."""
    window, half = window_of(length)
    at = np.arange(length)
    return (np.minimum(length, at + half) - np.maximum(0, at + half - window)).astype(np.float32)
