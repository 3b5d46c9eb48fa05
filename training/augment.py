"""What happens to a picture before anyone looks at it: drawn the same way for both classes.

Format, size and JPEG quality must not tell the class. So every picture, whatever it came as, is scaled by a drawn
factor, perhaps compressed before, perhaps blurred or sharpened or given noise, and compressed at last by a draw
that does not know its class. A picture without loss is first compressed once, as a camera's file has been.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from pictures import Pixels
from PIL import Image, ImageFilter

WINDOW = 512
"""Pixels a side of the part that is carried through the chain, before the last scaling."""
NATIVE = 0.4
"""Share of draws at native resolution."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One draw, so that both halves of a pair can go through the same."""

    native: bool
    long_side: float
    """Pixels of the long side where it is scaled."""
    first_quality: int
    """Of the compression that a picture without loss gets first; 0 for none."""
    blur: float
    noise: float
    sharpen: bool
    middle_quality: int
    """Of a compression between; 0 for none."""
    second_scale: float
    last: str
    """'jpeg', 'webp' or 'none'."""
    quality: int
    subsampling: int
    """0 for 4:4:4, 2 for 4:2:0."""
    resampling: Image.Resampling
    at: tuple[float, float]
    """Where the window lies, as shares of the room there is."""
    seed: int


def quality(rng: np.random.Generator) -> int:
    """50 to 98, more often high."""
    return int(rng.integers(50, 99)) if rng.random() < 0.35 else int(rng.integers(72, 97))


def drawn(rng: np.random.Generator) -> Chain:
    kinds = (Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BOX)
    return Chain(
        native=bool(rng.random() < NATIVE),
        long_side=float(np.exp(rng.uniform(np.log(420), np.log(2200)))),
        first_quality=int(rng.integers(80, 99)) if rng.random() < 0.85 else 0,
        blur=float(rng.uniform(0.3, 1.2)) if rng.random() < 0.12 else 0.0,
        noise=float(rng.uniform(0.7, 5.0)) if rng.random() < 0.15 else 0.0,
        sharpen=bool(rng.random() < 0.12),
        middle_quality=quality(rng) if rng.random() < 0.3 else 0,
        second_scale=float(rng.uniform(0.6, 1.5)) if rng.random() < 0.2 else 1.0,
        last=str(rng.choice(["jpeg", "webp", "none"], p=[0.8, 0.12, 0.08])),
        quality=quality(rng),
        subsampling=2 if rng.random() < 0.65 else 0,
        resampling=kinds[int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))],
        at=(float(rng.random()), float(rng.random())),
        seed=int(rng.integers(2**31)),
    )


def encoded(image: Image.Image, kind: str, q: int, subsampling: int) -> Image.Image:
    data = io.BytesIO()
    if kind == "jpeg":
        image.save(data, "JPEG", quality=q, subsampling=subsampling)
    else:
        image.save(data, "WEBP", quality=q, method=2)
    return Image.open(data).convert("RGB")


def carried(pixels: Pixels, chain: Chain, *, lossless: bool, window: int = WINDOW) -> Pixels:
    """A part of the picture after the chain, at most `window` pixels a side before the second scaling."""
    image = Image.fromarray(pixels)
    scale = 1.0
    if not chain.native:
        scale = float(np.clip(chain.long_side / max(image.size), 0.22, 1.5))
    if scale != 1.0 and not (lossless and chain.first_quality):
        wide = round(image.width * scale), round(image.height * scale)
        box, size = _part(image.size, scale, wide, chain.at, window)
        image = image.resize(size, chain.resampling, box=box, reducing_gap=3.0 if scale < 0.3 else None)
    else:
        if lossless and chain.first_quality:
            box, _ = _part(
                image.size, scale, image.size, chain.at, round(window / min(scale, 1)) if scale < 1 else window
            )
            image = encoded(image.crop(tuple(int(b) for b in box)), "jpeg", chain.first_quality, chain.subsampling)
        else:
            box, _ = _part(image.size, 1.0, image.size, chain.at, window)
            image = image.crop(tuple(int(b) for b in box))
        if scale != 1.0:
            image = image.resize((round(image.width * scale), round(image.height * scale)), chain.resampling)
    if chain.blur:
        image = image.filter(ImageFilter.GaussianBlur(chain.blur))
    if chain.sharpen:
        image = image.filter(ImageFilter.UnsharpMask(1.0, 60, 2))
    if chain.noise:
        rng = np.random.default_rng(chain.seed)
        noisy = np.asarray(image, np.float32) + rng.normal(0, chain.noise, (image.height, image.width, 1))
        image = Image.fromarray(np.clip(noisy + 0.5, 0, 255).astype(np.uint8))
    if chain.middle_quality:
        image = encoded(image, "jpeg", chain.middle_quality, chain.subsampling)
    if chain.second_scale != 1.0:
        size = (
            max(136, round(image.width * chain.second_scale)),
            max(136, round(image.height * chain.second_scale)),
        )
        image = image.resize(size, chain.resampling)
    if chain.last != "none":
        image = encoded(image, chain.last, chain.quality, chain.subsampling)
    return np.asarray(image)


def _part(
    size: tuple[int, int], scale: float, scaled: tuple[int, int], at: tuple[float, float], window: int
) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """The box of the source, from multiples of 16 pixels on, that gives at most `window` pixels a side."""
    width, height = min(window, scaled[0]), min(window, scaled[1])
    across, down = min(size[0], width / scale), min(size[1], height / scale)
    left = int(at[0] * (size[0] - across)) // 16 * 16
    top = int(at[1] * (size[1] - down)) // 16 * 16
    return (left, top, left + across, top + down), (width, height)
