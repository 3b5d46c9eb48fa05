"""Made-up sensors and what they take: what sensor noise is tested on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from leadlight.chart import png
from leadlight.raster import Pixels
from leadlight.sensornoise.compare import Frame, query_of
from leadlight.sensornoise.estimate import Estimate
from leadlight.sensornoise.residue import luma_of
from leadlight.sensornoise.specimen import pattern, taken
from leadlight.sensornoise.wavelet import Plane

SIZE = (400, 300)
STRENGTH = 0.006
ENROLLED = 20


def sensor(seed: int, size: tuple[int, int] = SIZE) -> Plane:
    return pattern(*size, seed)


def shot_by(seed: int, number: int, size: tuple[int, int] = SIZE, strength: float = STRENGTH) -> Pixels:
    """The picture of that number by the sensor of that seed."""
    return taken(sensor(seed, size), 1000 * seed + number, strength=strength)


@cache
def enrolled_pattern(seed: int) -> Plane:
    estimate = Estimate(SIZE[1], SIZE[0])
    for number in range(ENROLLED):
        estimate.add(luma_of(shot_by(seed, number)))
    return estimate.pattern()


@cache
def frame(seed: int) -> Frame:
    return Frame(enrolled_pattern(seed))


def query(pixels: Pixels) -> Plane:
    return query_of(luma_of(pixels))


def pictures_by(folder: Path, seed: int, numbers: range) -> list[Path]:
    """Files of pictures by one sensor, as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}-{number:03}.png" for number in numbers]
    for path, number in zip(paths, numbers, strict=True):
        path.write_bytes(png(shot_by(seed, number)))
    return paths
