"""Opening a picture under the limits: every error as one of our own, no warning, no size beyond them.

No PLUGIN here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, PngImagePlugin, TiffImagePlugin

from leadlight.content import Content
from leadlight.errors import ContentError, LimitReached, Undecodable

TEXTS = 16
"""Times ``limits.metadata_bytes`` that all text of a PNG may have: a generator's workflow in a chunk must not make
the picture undecodable."""
_TILE_SIDES = (0x0142, 0x0143)


@contextmanager
def guarded(content: Content) -> Iterator[None]:
    """Errors as our own; no warning leaves; no picture within the picture passes the pixel limit either."""
    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    texts = content.limits.metadata_bytes
    PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = texts, TEXTS * texts
    Image.MAX_IMAGE_PIXELS = max(1, content.limits.pixels // 2)  # Pillow refuses what is more than twice this
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MemoryError:
        raise
    except Image.DecompressionBombError as e:
        met = re.search(r"\((\d+) pixels\)", str(e))
        raise _too_large("the picture", int(met[1]) if met else content.limits.pixels + 1, content) from None
    except Exception as e:
        raise broken(e, content) from e
    finally:
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before


def opened(stream: BinaryIO, formats: tuple[str, ...], content: Content) -> Image.Image:
    """The picture, of one of Pillow's `formats`, whose header was read and whose size is within the limits."""
    with guarded(content):
        image = Image.open(stream, formats=formats)
        check_pixels(image.size, content)
        check_tile(image, content)
    return image


def broken(error: Exception, content: Content) -> ContentError:
    """What a decoder raised, as an error of our own."""
    if isinstance(error, ContentError):
        return error
    return Undecodable(
        f"{content.filetype.label} that can't be decoded ({type(error).__name__})",
        subject=content.subject,
        advice="It is broken, cut short or crafted. Look for a whole copy.",
    )


def check_pixels(size: tuple[int, int], content: Content) -> None:
    """Raise LimitReached where a picture of this width and height is not decoded."""
    if size[0] * size[1] > content.limits.pixels:
        raise _too_large(f"the picture of {size[0]} by {size[1]}", size[0] * size[1], content)
    if max(size) > content.limits.side:
        raise LimitReached(
            f"the picture of {size[0]} by {size[1]} is too long to be decoded",
            subject=content.subject,
            limit="limits.side",
            allowed=content.limits.side,
            met=max(size),
        )


def check_tile(image: Image.Image, content: Content) -> None:
    """A TIFF decodes whole tiles, and a small picture may lie in one that is huge."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        sides = [image.tag_v2.get(tag, 0) for tag in _TILE_SIDES]
        if all(isinstance(side, int) for side in sides) and sides[0] * sides[1] > content.limits.pixels:
            raise _too_large(f"a tile of {sides[0]} by {sides[1]}", sides[0] * sides[1], content)


def _too_large(what: str, met: int, content: Content) -> LimitReached:
    return LimitReached(
        f"{what} has too many pixels to be decoded",
        subject=content.subject,
        limit="limits.pixels",
        allowed=content.limits.pixels,
        met=met,
    )
