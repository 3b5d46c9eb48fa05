"""The local features of one picture, and how they are kept: 38 bytes each, at most 240 a picture.

A feature is a corner with its place, its size, its direction and 256 bits that say which of 256 pairs of points
around it have the darker first (ORB: Rublee, Rabaud, Konolige and Bradski, ICCV 2011). Places and sizes are kept
in shares of the longer side, so that a picture and its reduced copy have the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leadlight.radius import WORDS

MOST = 240
"""Features of one picture: with 240 its record is 9,134 bytes, 12,180 as text."""
FEWEST = 12
"""With fewer, a picture is too flat to be told by them, and none are kept."""
PATCH = 31.0
"""Samples across what one feature describes, at the finest octave."""
STEP = 1.2
"""From one octave to the next."""
OCTAVES = 8
VERSION = 1
LONGEST = 65_535
"""Pixels a side that a record can state."""
_HEAD = struct.Struct("<BBHIIH")
_ROW = np.dtype(
    [("x", "<u2"), ("y", "<u2"), ("octave", "u1"), ("angle", "u1"), ("words", ">u8", (4,))],
)
"""38 bytes."""

COMPLEX = npt.NDArray[np.complex64]
SINGLE = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """The local features of one picture, the strongest of each part of it first."""

    width: int
    """Of the picture, in pixels, as stored."""
    height: int
    places: COMPLEX
    """Shape (n,): x + iy, in shares of the longer side."""
    sizes: SINGLE
    """Shape (n,): what each describes is so large, in shares of the longer side."""
    angles: SINGLE
    """Shape (n,): the direction of each, in radians, 0 to 2 pi."""
    words: WORDS
    """Shape (n, 4): the 256 bits of each."""

    def __len__(self) -> int:
        return len(self.words)

    @property
    def frame(self) -> tuple[float, float]:
        """Width and height in shares of the longer side."""
        longer = max(self.width, self.height)
        return self.width / longer, self.height / longer


def packed(
    picture: tuple[int, int], samples: int, rows: npt.NDArray[np.float32], bits: npt.NDArray[np.uint8]
) -> bytes:
    """The record of a picture's features.

    `picture` is its width and height in pixels; `samples` the longer side of the plane that features were found
    on; `rows` has shape (n, 4): x and y in samples of that plane, octave, angle in degrees; `bits` has shape
    (n, 32). At most MOST are kept.
    """
    rows, bits = rows[:MOST], bits[:MOST]
    out = np.zeros(len(rows), dtype=_ROW)
    out["x"], out["y"] = (np.rint(np.clip(rows[:, n] / samples, 0, 1) * 65_535) for n in (0, 1))
    out["octave"] = np.clip(rows[:, 2], 0, OCTAVES - 1)
    out["angle"] = np.rint(rows[:, 3] * (256 / 360)).astype(np.int64) % 256
    out["words"] = np.ascontiguousarray(bits, dtype=np.uint8).view(">u8")
    return _HEAD.pack(VERSION, 0, len(rows), *picture, samples) + out.tobytes()


def unpacked(record: bytes) -> Keypoints:
    """The inverse of `packed`, but for rounding. Raises ValueError for what `packed` can't have written."""
    if len(record) < _HEAD.size:
        raise ValueError("local features: cut off")
    version, flags, count, width, height, samples = _HEAD.unpack_from(record)
    if (version, flags) != (VERSION, 0):
        raise ValueError(f"local features: version {version}, not {VERSION}")
    if count > MOST or len(record) != _HEAD.size + count * _ROW.itemsize:
        raise ValueError("local features: their number does not fit their length")
    if not (0 < width <= LONGEST and 0 < height <= LONGEST and samples >= PATCH):
        raise ValueError("local features: of a picture that can't be")
    rows = np.frombuffer(record, dtype=_ROW, offset=_HEAD.size)
    if count and int(rows["octave"].max()) >= OCTAVES:
        raise ValueError("local features: one is larger than any can be")
    places = rows["x"].astype(np.float32) + 1j * rows["y"].astype(np.float32)
    return Keypoints(
        width=width,
        height=height,
        places=(places / 65_535).astype(np.complex64),
        sizes=(PATCH / samples * STEP ** rows["octave"].astype(np.float32)).astype(np.float32),
        angles=(rows["angle"].astype(np.float32) * np.float32(2 * np.pi / 256)),
        words=rows["words"].astype(np.uint64),
    )
