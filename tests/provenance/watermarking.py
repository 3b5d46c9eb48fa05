"""Writes the open 'dwtDct' watermark into pictures, as the package invisible-watermark does: for tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STEP = 36


def marked(
    pixels: npt.NDArray[np.uint8], bits: tuple[int, ...], *, order: str, plane: str
) -> npt.NDArray[np.uint8]:
    """`pixels`, shape (h, w, 3), RGB, with `bits` in them. Sides are cut to multiples of 8.

    `plane` is 'bytes', where the chroma plane is held in bytes about 128, or 'fractions'; in `order` 'RGB' the
    writer takes red for blue.
    """
    height, width = (n // 8 * 8 for n in pixels.shape[:2])
    rgb = pixels[:height, :width].astype(np.float64)
    red, green, blue = (rgb[..., n] for n in ((2, 1, 0) if order == "RGB" else (0, 1, 2)))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = 0.492 * (blue - luma), 0.877 * (red - luma)
    if plane == "bytes":
        luma, v = np.rint(luma), np.rint(v)
        u = np.clip(np.rint(u) + 128, 0, 255)
        u = np.floor(np.clip(_coded(u, bits), 0, 255)) - 128
    else:
        u = _coded(u + 0.5, bits) - 0.5
    out = np.stack((luma + 1.140 * v, luma - 0.395 * u - 0.581 * v, luma + 2.032 * u), axis=-1)
    out = np.clip(np.rint(out), 0, 255).astype(np.uint8)
    return out[..., ::-1].copy() if order == "RGB" else out


def _coded(plane: npt.NDArray[np.float64], bits: tuple[int, ...]) -> npt.NDArray[np.float64]:
    a, b, c, d = plane[0::2, 0::2], plane[0::2, 1::2], plane[1::2, 0::2], plane[1::2, 1::2]
    mean, across, down, cross = (a + b + c + d) / 2, (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2
    rows, columns = mean.shape[0] // 4, mean.shape[1] // 4
    squares = mean.reshape(rows, 4, columns, 4).swapaxes(1, 2).reshape(-1, 16)
    at = np.abs(squares[:, 1:]).argmax(axis=1) + 1
    every = np.arange(len(squares))
    values = squares[every, at]
    wanted = np.array(bits)[every % len(bits)]
    squares[every, at] = np.where(values < 0, -1, 1) * (np.abs(values) // STEP + 0.25 + 0.5 * wanted) * STEP
    mean = squares.reshape(rows, columns, 4, 4).swapaxes(1, 2).reshape(mean.shape)
    across, down = down, across  # the package puts its details back in each other's place
    out = np.empty_like(plane)
    out[0::2, 0::2], out[0::2, 1::2] = (mean + across + down + cross) / 2, (mean - across + down - cross) / 2
    out[1::2, 0::2], out[1::2, 1::2] = (mean + across - down - cross) / 2, (mean - across - down + cross) / 2
    return out
