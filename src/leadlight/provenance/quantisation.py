"""Quantisation tables of JPEG: the example tables of ITU-T T.81, annex K.1, as libjpeg scales them by 'quality'.

Every encoder built on libjpeg (and many that imitate it) writes these: they name a family of programs and a
setting, never one program, and never a camera or a generator.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Table = tuple[int, ...]
"""64 divisors in zigzag order, as the file holds them."""

_LUMA: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA: Final = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32,
)  # fmt: skip


def _zigzag() -> list[int]:
    """Natural index of each place in zigzag order (T.81, figure A.6)."""
    cells = [(row, column) for row in range(8) for column in range(8)]
    cells.sort(key=lambda c: (c[0] + c[1], c[0] if (c[0] + c[1]) % 2 else c[1]))
    return [8 * row + column for row, column in cells]


def _scaled(base: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """The table at each quality 1 to 100, one a row, in zigzag order (jpeg_quality_scaling of libjpeg)."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    table = (np.array(base)[None, :] * scale[:, None] + 50) // 100
    return np.asarray(np.clip(table, 1, 255)[:, _zigzag()], dtype=np.int64)


LUMA: Final = _scaled(_LUMA)
CHROMA: Final = _scaled(_CHROMA)


def quality_of(table: Table) -> int:
    """The quality, 1 to 100, whose luma table lies nearest."""
    return int(np.abs(LUMA - np.array(table)).sum(axis=1).argmin()) + 1


def is_ijg(tables: tuple[Table, ...]) -> bool:
    """Whether all tables are exactly those of one quality: luma first, then chroma (or luma again) for the others.

    At quality 100 all divisors are 1, whoever wrote the file: that counts as well.
    """
    if not tables:
        return False
    at = quality_of(tables[0]) - 1
    luma, chroma = tuple(LUMA[at].tolist()), tuple(CHROMA[at].tolist())
    return tables[0] == luma and all(t in (luma, chroma) for t in tables[1:])
