"""Drawn scenes and the metadata of invented cameras: nothing here was photographed, nobody is in it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from PIL import Image, ImageDraw

from leadlight.chart import chart_pixels
from leadlight.content import Pixels
from leadlight.provenance.specimen import Value, exif_block

LIGHT: Mapping[str, tuple[float, float, float]] = {
    "noon": (1.0, 1.0, 1.0),
    "dusk": (1.08, 0.86, 0.78),
    "mist": (0.95, 1.0, 1.06),
    "autumn": (1.12, 0.96, 0.74),
}
OPEN_SEA: Mapping[int, Value] = {
    1: "N",
    2: ((36, 1), (12, 1), (0, 1)),
    3: "W",
    4: ((38, 1), (24, 1), (0, 1)),
}
"""EXIF GPS of a point in the Atlantic, far from any shore."""


@dataclass(frozen=True, slots=True)
class Maker:
    """An invented camera, by what it writes."""

    make: str
    model: str
    serial: str | None
    software: str
    aperture: tuple[int, int]
    focal: tuple[int, int]


EX1 = Maker("Example Optics", "EX-1", "EX1-0001", "EX-1 firmware 1.2", (56, 10), (35, 1))
S2 = Maker("Sample Phone", "S2", None, "S2 system 14.1", (18, 10), (24, 1))


def scene(seed: int, *, water: bool = False, light: str = "noon", width: int = 960, height: int = 720) -> Pixels:
    """A landscape under a sun, mirrored in water where asked; another `seed`, another place."""
    pixels = chart_pixels(width, height, seed).astype(np.float64)
    y, x = np.mgrid[0:height, 0:width]
    rng = np.random.default_rng([seed, 7])
    at_x, at_y, radius = rng.uniform(0.15, 0.85) * width, rng.uniform(0.08, 0.2) * height, 0.055 * width
    sun = np.clip((radius - np.hypot(x - at_x, y - at_y)) / 6 + 0.5, 0, 1)[..., None]
    pixels = pixels * (1 - sun) + np.array([255.0, 236.0, 170.0]) * sun
    if water:
        shore = int(height * 0.62)
        rows = np.clip(2 * shore - np.arange(shore, height), 0, shore)
        shift = (6 * np.sin(np.arange(shore, height) * 0.35)).astype(np.intp)
        across = np.clip(np.arange(width)[None, :] + shift[:, None], 0, width - 1)
        pixels[shore:] = pixels[rows[:, None], across] * (0.62, 0.72, 0.82)
    lit: Pixels = np.clip(np.rint(pixels * LIGHT[light]), 0, 255).astype(np.uint8)
    return lit


def resized(pixels: Pixels, width: int) -> Pixels:
    """`pixels` at `width`, its shape kept."""
    height = round(pixels.shape[0] * width / pixels.shape[1])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def jpeg(pixels: Pixels, *, quality: int = 88, exif: bytes = b"", comment: bytes = b"") -> bytes:
    """`pixels` as a JPEG file; `exif` without its marker."""
    out = io.BytesIO()
    extra = {"exif": b"Exif\0\0" + exif} if exif else {}
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, comment=comment or None, **extra)
    return out.getvalue()


def exif(
    maker: Maker,
    taken: datetime,
    *,
    size: tuple[int, int],
    gps: Mapping[int, Value] | None = None,
    thumbnail: Pixels | None = None,
) -> bytes:
    """What `maker` writes of a picture of `size` (width, height) taken at `taken`, which names its zone."""
    clock, zone = taken.strftime("%Y:%m:%d %H:%M:%S"), taken.strftime("%z")
    offset = f"{zone[:3]}:{zone[3:5]}"
    main: dict[int, Value] = {0x010F: maker.make, 0x0110: maker.model, 0x0131: maker.software, 0x0132: clock}
    capture: dict[int, Value] = {
        0x829A: ((1, 250),),
        0x829D: (maker.aperture,),
        0x8827: 100,
        0x9000: b"0232",
        0x9003: clock,
        0x9004: clock,
        0x9010: offset,
        0x9011: offset,
        0x9012: offset,
        0x920A: (maker.focal,),
        0x927C: b"EXAMPLE MAKER NOTE\0" + bytes(range(64)),
        0xA002: size[0],
        0xA003: size[1],
    }
    if maker.serial:
        capture[0xA431] = maker.serial
    small = jpeg(resized(thumbnail, 160), quality=75) if thumbnail is not None else b""
    return exif_block(main, capture, gps, thumbnail=small)


def screenshot() -> Pixels:
    """A window of an imaginary program over a drawn landscape."""
    image = Image.fromarray(chart_pixels(1280, 720, 90))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 684, 1280, 720), fill=(38, 42, 52))
    for n in range(8):
        draw.rounded_rectangle((16 + 44 * n, 690, 44 + 44 * n, 714), 5, fill=(60 + 20 * n, 120, 200 - 15 * n))
    draw.rounded_rectangle((180, 90, 1040, 610), 12, fill=(248, 248, 246))
    draw.rounded_rectangle((180, 90, 1040, 132), 12, fill=(70, 84, 112))
    draw.text((204, 104), "Weather notes", fill=(255, 255, 255), font_size=16)
    lines = ("Monday: clouds from the west.", "Tuesday: rain until noon.", "Wednesday: clear, light wind.")
    for n, line in enumerate(lines):
        draw.text((224, 170 + 44 * n), line, fill=(40, 40, 44), font_size=20)
    for n, tall in enumerate((40, 90, 60, 130, 110, 70, 150, 95)):
        draw.rectangle((224 + 90 * n, 560 - tall, 284 + 90 * n, 560), fill=(80, 130, 180))
    return np.asarray(image)


def icon(side: int, colour: tuple[int, int, int]) -> Pixels:
    """A disc on white."""
    image = Image.new("RGB", (side, side), (255, 255, 255))
    ImageDraw.Draw(image).ellipse((2, 2, side - 3, side - 3), fill=colour)
    return np.asarray(image)
