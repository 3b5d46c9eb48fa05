"""What happens to pictures on their way: both kinds of known pictures go through the same, so that no file format,
no metadata and no quality of compression gives away which is which.

Each state starts from pixels alone and ends in the bytes of a file that holds nothing but the picture. `clean` is
the common ground of all: moved by a few pixels, then JPEG at quality 90. Were it not moved, the blocks of an
earlier JPEG would fall on those of the new one, and a file that was a JPEG before could be told from one that was
not by these blocks alone. Some traces of what a picture went through before are left all the same: only making it
smaller takes them, as `1080q75` does where the picture is large.
"""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image

from leadlight.raster import Pixels

STATES: Final = {
    "clean": "moved by 3 by 5 pixels; JPEG, quality 90, 4:2:0",
    "q90": "clean, then moved and saved so again",
    "1080q75": "clean, then made smaller to a long side of 1080 where it is longer: JPEG, quality 75, 4:2:0",
    "webp80": "clean, then WebP, quality 80",
    "screenshot": "clean, then at 0.8 or 1.25 times its size on a screen with bars: PNG",
}
"""Each state, and what it does."""

QUALITY: Final = {"clean": 90, "q90": 90, "1080q75": 75, "webp80": 80, "screenshot": 100}
"""The least quality (0 to 100) of the encodings of each state's file itself."""

OF: Final = {
    "any": ("clean", "q90", "1080q75", "webp80", "screenshot"),
    "original": ("clean",),
    "recompressed": ("q90", "webp80"),
    "resized": ("1080q75", "screenshot"),
}
"""What is done to the pictures of a calibration for each of its states (`calibration.STATES`); where there are
several, each picture goes through one of them.
"""

MOVED: Final = (3, 5)
"""Pixels across and down."""
LONG_SIDE: Final = 1080
SHRINK, GROW = 0.8, 1.25
LARGEST_GROWN: Final = 1600
"""Pixels of the long side above which a picture on a screen is never shown larger than it is."""
_BAR, _INK, _PAPER = 0.05, (96, 96, 104), (242, 242, 244)


def launder(pixels: Pixels, state: str, *, seed: int = 0) -> bytes:
    """A file of `pixels` (height, width, 3; RGB, 8 bits) that went through `state`, without metadata.

    The same input and `seed` give the same bytes: the seed chooses the size on a screen. Raises KeyError for an
    unknown state, and ValueError for pixels of another shape.
    """
    return Laundry(pixels, seed=seed).file(state)


class Laundry:
    """One picture on its way through several states; what they have in common is done once."""

    def __init__(self, pixels: Pixels, *, seed: int = 0) -> None:
        """Make it clean. Raises ValueError for pixels of another shape than (height, width, 3), 8 bits."""
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or 0 in pixels.shape:
            raise ValueError("pixels must be of shape (height, width, 3), 8 bits")
        self._grows = seed % 2 == 1
        self.clean = _jpeg(_moved(Image.fromarray(np.ascontiguousarray(pixels))), 90)
        """The file of the state `clean`."""
        self._picture = Image.open(io.BytesIO(self.clean)).convert("RGB")

    def file(self, state: str) -> bytes:
        """The file of a state, as `launder` gives it. Raises KeyError for an unknown one."""
        STATES[state]
        if state == "clean":
            return self.clean
        if state == "q90":
            return _jpeg(_moved(self._picture), 90)
        if state == "1080q75":
            return _jpeg(_scaled(self._picture, min(1.0, LONG_SIDE / max(self._picture.size))), 75)
        if state == "webp80":
            return _saved(self._picture, "WEBP", quality=80, method=2)
        return _saved(self._screen(), "PNG", compress_level=1)

    def pixels(self, state: str) -> Pixels:
        """What the file of a state holds: shape (height, width, 3), RGB, 8 bits. Raises KeyError."""
        if state == "clean":
            return np.asarray(self._picture)
        return np.asarray(self._screen()) if state == "screenshot" else decoded(self.file(state))

    def _screen(self) -> Image.Image:
        grown = self._grows and max(self._picture.size) <= LARGEST_GROWN
        return _on_screen(_scaled(self._picture, GROW if grown else SHRINK))


def decoded(data: bytes) -> Pixels:
    """The pixels of a file that `launder` made: shape (height, width, 3), RGB, 8 bits."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def _moved(picture: Image.Image) -> Image.Image:
    """Without its first columns and rows, so that the blocks of an earlier JPEG lie across those of the next."""
    left, top = min(MOVED[0], picture.width - 1), min(MOVED[1], picture.height - 1)
    return picture.crop((left, top, picture.width, picture.height))


def _scaled(picture: Image.Image, factor: float) -> Image.Image:
    if factor == 1.0:
        return picture
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _on_screen(picture: Image.Image) -> Image.Image:
    """Between a bar above and one below, each with a plain mark, as screens show."""
    bar = max(8, round(picture.height * _BAR))
    screen = Image.new("RGB", (picture.width, picture.height + 2 * bar), _PAPER)
    for top in (0, picture.height + bar):
        mark = (picture.width // 20, top + bar // 3, max(1, picture.width // 4), top + max(1, bar * 2 // 3))
        screen.paste(_INK, mark)
    screen.paste(picture, (0, bar))
    return screen


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    return _saved(picture, "JPEG", quality=quality, subsampling="4:2:0")


def _saved(picture: Image.Image, form: str, **how: int | str) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()
