"""``python -m bench.sensor``: how often sensor noise names the right camera, and how often a wrong one.

    python -m bench.sensor --cameras FOLDER --pictures FOLDER [--each N] [--edited N]

`--cameras` holds NAME.camera as `leadlight camera enrol` wrote them; `--pictures` a folder NAME for each, with
pictures of that camera that it was not enrolled from (other folders: pictures of cameras that are not enrolled).
Each is compared with its own camera and with the others of its size, as it is and edited; and the pictures of
one size are linked as a case would link them. Without folders, made-up sensors are taken: that shows that the code
runs, no more.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image as Pil
from PIL.Image import Image

from leadlight.sensornoise import camerafile, specimen
from leadlight.sensornoise.camerafile import Described
from leadlight.sensornoise.cluster import figures, groups
from leadlight.sensornoise.compact import Compact, compacted
from leadlight.sensornoise.compare import Frame, query_from
from leadlight.sensornoise.estimate import Estimate
from leadlight.sensornoise.likelihood import best, log10_lr
from leadlight.sensornoise.residue import LEAST, luma_of, residue_of, sound

NAMED = 1.0
"""The log10 likelihood ratio from which on a scan names a camera."""
COPY = 100_000.0
"""A PCE beyond this is that of a picture, or a copy of one, that the camera was enrolled from: left out."""


def packed(picture: Image, quality: int) -> Image:
    """Written as JPEG and read again."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return Pil.open(out).convert("RGB")


def part(picture: Image, share: float) -> Image:
    """The middle, of this share of each side, at an offset that is no multiple of 8."""
    width, height = (round(side * share) for side in picture.size)
    left, top = ((a - b) // 2 + 3 for a, b in zip(picture.size, (width, height), strict=True))
    return picture.crop((left, top, left + width, top + height))


def reduced(picture: Image, longest: float) -> Image:
    """With a long side of so many pixels."""
    scale = longest / max(picture.size)
    width, height = (round(side * scale) for side in picture.size)
    return picture.resize((width, height), Pil.Resampling.LANCZOS) if scale < 1 else picture


EDITS: dict[str, Callable[[Image], Image]] = {
    "JPEG q75": lambda p: packed(p, 75),
    "half of each side cut out": lambda p: packed(part(p, 0.5), 95),
    "a quarter of each side cut out": lambda p: packed(part(p, 0.25), 95),
    "half the size": lambda p: packed(reduced(p, max(p.size) / 2), 90),
    "long side 1600, q75": lambda p: packed(reduced(p, 1600), 75),
    "long side 1080, q75": lambda p: packed(reduced(p, 1080), 75),
}


@dataclass
class Row:
    """One comparison."""

    edit: str
    picture: str
    own: str
    camera: str
    pce: float
    excess: float
    log10_lr: float
    way: str


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.sensor", description=__doc__)
    parser.add_argument("--cameras", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--each", type=int, default=20, help="pictures of each camera")
    parser.add_argument("--edited", type=int, default=3, help="pictures of each camera that are edited too")
    parser.add_argument(
        "--strangers", type=int, default=2, help="other cameras each edited picture is compared with"
    )
    parser.add_argument("--rows", type=Path, help="where to write all comparisons, as JSON lines")
    parser.add_argument("--quick", action="store_true", help="made-up sensors alone, few pictures")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="leadlight-bench-") as temporary:
        if given.quick or given.cameras is None or given.pictures is None:
            print("\nMade-up sensors: 3 of 480 by 320 pixels.\n")
            given.edited = 1
            given.cameras = given.pictures = made_up(Path(temporary), 3)
        compared = list(rows(given))
    if given.rows:
        given.rows.write_text("".join(json.dumps(vars(r)) + "\n" for r in compared), "utf-8")
    told(compared)
    return 0


def made_up(folder: Path, count: int) -> Path:
    """Enrolled made-up sensors, and pictures of each."""
    for seed in range(count):
        sensor = specimen.pattern(480, 320, seed)
        estimate = Estimate(320, 480)
        for number in range(10):
            estimate.add(luma_of(specimen.taken(sensor, 1000 * seed + number, strength=0.006)))
        described = Described(f"made up {seed}", 480, 320, ("0" * 64,), 1.0)
        camerafile.write(folder / f"{seed}.camera", described, estimate.pattern())
        (folder / str(seed)).mkdir()
        for number in range(20, 23):
            pixels = specimen.taken(sensor, 1000 * seed + number, strength=0.006)
            Pil.fromarray(pixels).save(folder / str(seed) / f"{number}.png")
    return folder


def rows(given: argparse.Namespace) -> Iterator[Row]:
    """All comparisons; prints what speed and links there are."""
    cameras = {c.path.stem: c for c in camerafile.found(str(given.cameras))}
    frames: dict[str, Frame] = {}
    kept: dict[tuple[int, int], list[tuple[str, Compact]]] = {}
    spent = {"pixels": 0, "noise": 0.0, "compared": 0, "comparing": 0.0}
    for folder in sorted(p for p in given.pictures.iterdir() if p.is_dir()):
        paths = spread(
            sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png")), given.each
        )
        for number, path in enumerate(paths):
            with Pil.open(path) as file:
                picture = file.convert("RGB")
            edits = {"as it is": lambda p: p, **(EDITS if number < given.edited else {})}
            for edit, change in edits.items():
                pixels = np.asarray(change(picture))
                if min(pixels.shape[:2]) < LEAST:
                    continue
                start = time.process_time()
                luma = luma_of(pixels)
                shows = sound(luma)
                residue = residue_of(luma)
                query = query_from(residue, luma, shows)
                spent["noise"] += time.process_time() - start
                spent["pixels"] += luma.size
                if edit == "as it is":
                    kept.setdefault(pixels.shape[:2], []).append((folder.name, compacted(residue)))
                strangers = 0
                for name, camera in cameras.items():
                    own, size = name == folder.name, (camera.described.height, camera.described.width)
                    alike = sorted(size) == sorted(np.asarray(picture).shape[:2])
                    if not own and (not alike or (edit != "as it is" and strangers >= given.strangers)):
                        continue
                    strangers += not own
                    if name not in frames:
                        frames[name] = Frame(camera.pattern())
                    start = time.process_time()
                    found = best(frames[name].matches(query))
                    spent["comparing"] += time.process_time() - start
                    spent["compared"] += 1
                    if found is None or (own and edit == "as it is" and found.pce > COPY):
                        continue
                    yield Row(
                        edit, path.name, folder.name, name, found.pce, found.excess, log10_lr(found), found.way
                    )
    megapixels = spent["pixels"] / 1e6
    print(
        f"Noise: {spent['noise'] / megapixels:.3f} s of processor time a megapixel; a comparison: "
        f"{spent['comparing'] / max(1, spent['compared']):.2f} s; peak memory "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB with {len(frames)} cameras open.\n"
    )
    linked(kept)


def spread(paths: list[Path], count: int) -> list[Path]:
    """An even choice of at most so many."""
    return (
        paths if len(paths) <= count else [paths[round(n * (len(paths) - 1) / (count - 1))] for n in range(count)]
    )


def told(compared: list[Row]) -> None:
    """The table: for each edit, how many are found at 1 % false, and at the ratio that names a camera."""
    print(
        "| picture | own camera | other cameras | true at 1 % false | named, own | named, other | "
        "median PCE, own |\n|---|---|---|---|---|---|---|"
    )
    for edit in dict.fromkeys(r.edit for r in compared):
        some = [r for r in compared if r.edit == edit]
        own = np.array([r.excess for r in some if r.own == r.camera])
        other = np.array([r.excess for r in some if r.own != r.camera])
        if not len(own) or not len(other):
            continue
        at = np.quantile(other, 0.99)
        ratio = {o: [r.log10_lr >= NAMED for r in some if (r.own == r.camera) == o] for o in (True, False)}
        pce = np.median([r.pce for r in some if r.own == r.camera])
        print(
            f"| {edit} | {len(own)} | {len(other)} | {100 * (own > at).mean():.0f} % | "
            f"{100 * np.mean(ratio[True]):.0f} % | {100 * np.mean(ratio[False]):.1f} % | {pce:,.0f} |"
        )


def linked(kept: dict[tuple[int, int], list[tuple[str, Compact]]]) -> None:
    """For each size: how many pairs of one camera are linked, and of two."""
    print("| size | pictures | cameras | pairs of one camera linked | pairs of two cameras linked |")
    print("|---|---|---|---|---|")
    for size, pictures in sorted(kept.items()):
        names = [n for n, _ in pictures]
        samples = pictures[0][1].samples
        found = groups(figures([c.bits for _, c in pictures], samples), samples)
        together = {pair for members, _ in found for pair in combinations(members, 2)}
        same = [p in together for p in combinations(range(len(names)), 2) if names[p[0]] == names[p[1]]]
        two = [p in together for p in combinations(range(len(names)), 2) if names[p[0]] != names[p[1]]]
        print(
            f"| {size[1]} × {size[0]} | {len(names)} | {len(set(names))} | {sum(same):,} of {len(same):,} | "
            f"{sum(two):,} of {len(two):,} |"
        )
    print()


if __name__ == "__main__":
    raise SystemExit(main())
