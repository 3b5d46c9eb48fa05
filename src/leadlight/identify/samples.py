"""The samples of an opened picture as arrays: RGB of 8 bits, and alpha. No PLUGIN here."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms

from leadlight.content import Pixels


class Own:
    """Memory of our own for Pillow to decode a JPEG into: from its own, samples would be copied twice on their way
    into an array, and both copies and the fresh pages for them cost as much as the decode.

    Pillow lays colours out as four bytes a pixel, so the array is a view that leaves every fourth out. Where this
    Pillow doesn't take the memory, nothing is lost: `pixels` gives None, and `samples` copies.
    """

    def __init__(self, image: Image.Image) -> None:
        self._memory: Pixels | None = None
        self._taken: object = None
        if image.format not in ("JPEG", "MPO") or image.mode != "RGB":
            return
        memory = np.zeros((image.height, image.width, 4), dtype=np.uint8)
        try:
            map_buffer = Image.core.map_buffer  # type: ignore[attr-defined]
            self._taken = image.im = map_buffer(memory, image.size, "raw", 0, (image.mode, 0, 1))
        except (AttributeError, TypeError, ValueError):
            return
        self._memory = memory

    def pixels(self, image: Image.Image) -> tuple[Pixels, None] | None:
        """What was decoded into it; None where it was not used."""
        if self._memory is None or image.im is not self._taken:
            return None
        return self._memory[:, :, :3], None


def samples(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """RGB of 8 bits, and alpha of 8 bits where it is stored."""
    mode = image.mode
    if mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), None
    if mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        top = float(values.max(initial=0.0))
        scale = 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 1 / 257.0 if top <= 65535.0 else 255.0 / top
        grey = np.clip(values * scale, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), None
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return np.array(turned, dtype=np.uint8), None
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or (mode == "P" and "transparency" in image.info):
        both = np.array(image if mode == "RGBA" else image.convert("RGBA"), dtype=np.uint8)
        return np.ascontiguousarray(both[:, :, :3]), np.ascontiguousarray(both[:, :, 3])
    return np.array(image if mode == "RGB" else image.convert("RGB"), dtype=np.uint8), None
