"""Writes JPEGs from coefficients, in every layout a test asks for: any sampling, ids, codes, scans and markers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
AC = (0x00, 0xF0, *(run << 4 | size for run in range(16) for size in range(1, 11)))
_AT = np.arange(8)
BASIS = np.array(
    [[(0.5**0.5 if u == 0 else 1.0) / 2 * np.cos((2 * x + 1) * u * np.pi / 16) for x in _AT] for u in _AT]
)


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


@dataclass(frozen=True)
class Layout:
    """How a file is written; the luma's coefficients are what is tested, the chroma's are there to be passed."""

    width: int
    height: int
    sampling: tuple[tuple[int, int], ...] = ((1, 1),)
    quant: int = 3
    length: int = 8
    """Bits of every AC code; all DC codes have half of them."""
    restart: int = 0
    ids: Sequence[int] = (1, 2, 3)
    sof: int = 0xC0
    one_scan: bool = True

    def blocks(self, n: int) -> tuple[int, int]:
        """Across and down, of component n, with those that fill the last MCU."""
        h, v = self.sampling[n]
        most_h, most_v = (max(s[k] for s in self.sampling) for k in (0, 1))
        if len(self.sampling) == 1:
            return -(-self.width // 8), -(-self.height // 8)
        return -(-self.width // (8 * most_h)) * h, -(-self.height // (8 * most_v)) * v


class Bits:
    def __init__(self) -> None:
        self.text: list[str] = []

    def put(self, value: int, size: int) -> None:
        if size:
            self.text.append(f"{value:0{size}b}")

    def stuffed(self) -> bytes:
        joined = "".join(self.text)
        joined += "1" * (-len(joined) % 8)
        raw = int("1" + joined, 2).to_bytes(len(joined) // 8 + 1, "big")[1:] if joined else b""
        return raw.replace(b"\xff", b"\xff\x00")


def block(bits: Bits, zigzagged: Sequence[int], before: int, length: int) -> None:
    def number(value: int) -> None:
        size = abs(value).bit_length()
        bits.put(value if value >= 0 else value + (1 << size) - 1, size)

    change = zigzagged[0] - before
    bits.put(abs(change).bit_length(), length // 2)
    number(change)
    run = 0
    last = max((k for k in range(1, 64) if zigzagged[k]), default=0)
    for k in range(1, last + 1):
        if not zigzagged[k]:
            run += 1
            continue
        while run > 15:
            bits.put(AC.index(0xF0), length)
            run -= 16
        bits.put(AC.index(run << 4 | abs(zigzagged[k]).bit_length()), length)
        number(zigzagged[k])
        run = 0
    if last < 63:
        bits.put(AC.index(0), length)


def scan(layout: Layout, planes: Sequence[np.ndarray], parts: Sequence[int]) -> Iterator[bytes]:
    """`planes`: of each component, blocks of shape (down, across, 64), in zigzag order."""
    sizes = [layout.sampling[n] if len(parts) > 1 else (1, 1) for n in parts]
    across, down = ((layout.blocks(parts[0])[k] + sizes[0][k] - 1) // sizes[0][k] for k in (0, 1))
    bits, before, done = Bits(), dict.fromkeys(parts, 0), 0
    for y in range(down):
        for x in range(across):
            if layout.restart and done and done % layout.restart == 0:
                yield bits.stuffed() + bytes((0xFF, 0xD0 + (done // layout.restart - 1) % 8))
                bits, before = Bits(), dict.fromkeys(parts, 0)
            for n, (h, v) in zip(parts, sizes, strict=True):
                for j in range(v):
                    for i in range(h):
                        values = [int(c) for c in planes[n][y * v + j, x * h + i]]
                        block(bits, values, before[n], layout.length)
                        before[n] = values[0]
            done += 1
    yield bits.stuffed()


def written(layout: Layout, planes: Sequence[np.ndarray], extra: bytes = b"") -> bytes:
    """The file; `extra` is put before the frame."""
    count = len(layout.sampling)
    half = layout.length // 2
    counts = [bytes(12 if n == half else 0 for n in range(1, 17))]
    counts.append(bytes(len(AC) if n == layout.length else 0 for n in range(1, 17)))
    out = [b"\xff\xd8", extra, segment(0xDB, bytes([0]) + bytes([layout.quant] * 64))]
    frame = b"\x08" + layout.height.to_bytes(2, "big") + layout.width.to_bytes(2, "big") + bytes([count])
    for n, (h, v) in enumerate(layout.sampling):
        frame += bytes((layout.ids[n], h << 4 | v, 0))
    out.append(segment(layout.sof, frame))
    out.append(segment(0xC4, b"\x00" + counts[0] + bytes(range(12)) + b"\x10" + counts[1] + bytes(AC)))
    if layout.restart:
        out.append(segment(0xDD, layout.restart.to_bytes(2, "big")))
    for parts in [list(range(count))] if layout.one_scan else [[n] for n in range(count)]:
        listed = b"".join(bytes((layout.ids[n], 0)) for n in parts)
        out.append(segment(0xDA, bytes([len(parts)]) + listed + b"\x00\x3f\x00"))
        out.extend(scan(layout, planes, parts))
    return b"".join(out) + b"\xff\xd9"


def planes_of(layout: Layout, seed: int, kept: int = 15) -> list[np.ndarray]:
    """Random coefficients, so small that no pixel is clipped: of frequencies that add up to less than `kept`,
    and for 2 of both being 1.
    """
    rng = np.random.default_rng(seed)
    made = []
    for n in range(len(layout.sampling)):
        across, down = layout.blocks(n)
        grid = rng.integers(-4, 5, (down, across, 8, 8)) * (rng.random((down, across, 8, 8)) < 0.3)
        beyond = _AT[:, None] + _AT >= kept
        if kept == 2:
            beyond[1, 1] = False
        grid[..., beyond] = 0
        grid[..., 0, 0] = rng.integers(-60, 61, (down, across))
        made.append(grid.reshape(down, across, 64)[..., ZIGZAG])
    return made


def luma_of(layout: Layout, planes: Sequence[np.ndarray]) -> np.ndarray:
    """The luma of all whole blocks, by the formula of T.81 A.3.3, neither rounded nor clipped."""
    down, across = planes[0].shape[:2]
    natural = np.zeros((down, across, 64))
    natural[..., ZIGZAG] = planes[0] * layout.quant
    grid = natural.reshape(down, across, 8, 8)
    pixels = np.einsum("vy,abvu,ux->aybx", BASIS, grid, BASIS) + 128
    return np.asarray(pixels.reshape(down * 8, across * 8))


def means(luma: np.ndarray, step: int, width: int, height: int) -> np.ndarray:
    """Of squares of step by step; those at the edges reach into what fills the last blocks."""
    rows, columns = luma.shape
    squares = luma.reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))
    return np.asarray(squares[: -(-height // step), : -(-width // step)])
