"""Text hidden in the lowest bits of pixels: 'stealth PNG info', all four variants.

Two lie in the alpha channel (``stealth_pnginfo``, ``stealth_pngcomp``), two in red, green and blue
(``stealth_rgbinfo``, ``stealth_rgbcomp``). Columns first, one bit a sample: 15 bytes of name, a 32-bit
big-endian length in bits, then UTF-8, packed with gzip in the 'comp' ones. A picture without the name costs a
look at its first columns only.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from leadlight.config import Limits
from leadlight.content import Pixels
from leadlight.errors import LimitReached, Undecodable

NAME_BYTES: Final = 15
HEAD_BITS: Final = 8 * NAME_BYTES + 32
ALPHA: Final = {b"stealth_pnginfo": False, b"stealth_pngcomp": True}
COLOURS: Final = {b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}
"""Name to whether it is packed."""
_ADVICE: Final = "Look at the lowest bits by hand; the picture may have been edited after it was made."


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was hidden."""

    variant: str
    """One of the four names."""
    text: str


def bits(samples: Pixels, start: int, count: int) -> Pixels:
    """Lowest bits `start` to `start + count`, column by column; fewer where the picture ends.

    `samples` has the shape (height, width) or (height, width, 3).
    """
    height, width = samples.shape[:2]
    column = height * (samples.shape[2] if samples.ndim == 3 else 1)
    if column == 0 or width == 0:
        return np.zeros(0, np.uint8)
    first, last = start // column, min(width, -(-(start + count) // column))
    part = samples[:, first:last]
    line = np.ascontiguousarray(part.swapaxes(0, 1)).reshape(-1)
    skipped = start - first * column
    return line[skipped : skipped + count] & np.uint8(1)


def read(samples: Pixels, names: dict[bytes, bool], limits: Limits) -> Hidden | None:
    """What these samples hide under one of `names`, or None.

    Raises Undecodable where a name is there and no text follows, LimitReached over ``limits.metadata_bytes``.
    """
    head = np.packbits(bits(samples, 0, HEAD_BITS)).tobytes()
    name = head[:NAME_BYTES]
    if name not in names or len(head) < HEAD_BITS // 8:
        return None
    variant = name.decode("ascii")
    length = int.from_bytes(head[NAME_BYTES:], "big")
    if length > samples.size - HEAD_BITS or length == 0 or length % 8:
        raise Undecodable(
            f"the lowest bits begin with the name '{variant}', but the length that follows can't be",
            advice=_ADVICE,
        )
    if length > 8 * limits.metadata_bytes:
        raise _too_long(variant, length // 8, limits)
    payload = np.packbits(bits(samples, HEAD_BITS, length)).tobytes()
    if names[name]:
        payload = _inflated(payload, variant, limits)
    try:
        return Hidden(variant, payload.decode("utf-8"))
    except UnicodeDecodeError as e:
        raise Undecodable(
            f"the lowest bits begin with the name '{variant}', but what follows is not text", advice=_ADVICE
        ) from e


def _inflated(packed: bytes, variant: str, limits: Limits) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        out = stream.decompress(packed, limits.metadata_bytes + 1)
    except zlib.error as e:
        raise Undecodable(
            f"the lowest bits begin with the name '{variant}', but what follows can't be unpacked", advice=_ADVICE
        ) from e
    if len(out) > limits.metadata_bytes:
        raise _too_long(variant, len(out), limits)
    if not stream.eof:
        raise Undecodable(f"the text hidden as '{variant}' is cut short", advice=_ADVICE)
    return out


def _too_long(variant: str, size: int, limits: Limits) -> LimitReached:
    return LimitReached(
        f"the text hidden as '{variant}' is too long to be read",
        limit="limits.metadata_bytes",
        allowed=limits.metadata_bytes,
        met=size,
    )
