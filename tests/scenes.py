"""Drawn scenes with corners all over, no two alike: what local features are tested on."""

from __future__ import annotations

import io
import random

import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw, ImageFilter
from PIL.Image import Image

from leadlight.fingerprint.features import features
from leadlight.keypoints.record import Keypoints, unpacked
from leadlight.raster import Picture, reduce


def scene(seed: int, size: tuple[int, int] = (640, 480)) -> Image:
    """Overlapping shapes of many sizes, a little softened."""
    choose = random.Random(seed)
    width, height = size
    out = Pil.new("RGB", size, tuple(choose.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(out)
    for _ in range(260):
        x, y, reach = choose.uniform(0, width), choose.uniform(0, height), choose.uniform(8, 70)
        colour = tuple(choose.randrange(256) for _ in range(3))
        points = [(x + choose.uniform(-reach, reach), y + choose.uniform(-reach, reach)) for _ in range(4)]
        draw.polygon(points, fill=colour)
    return out.filter(ImageFilter.GaussianBlur(0.8))


def jpeg(picture: Image, quality: int = 80) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def record_of(picture: Image) -> bytes:
    return features(reduce(Picture(np.asarray(picture.convert("RGB")), None, "RGB")))


def keypoints(picture: Image) -> Keypoints:
    return unpacked(record_of(picture))
