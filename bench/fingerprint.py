"""From a file to its PDQ hash, beside what others do: ``python -m bench.fingerprint [--files N] [--runs R]``.

All ways take turns on each picture, in one process of one thread, and its processor time is counted, so that a
busy machine slows them alike; the order changes from picture to picture. The pictures are drawn
(`material.pictures`, and larger ones made from them, up to 24 megapixels), and the photographs below
LEADLIGHT_TEST_DATA where that is set.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.measure import SINGLE, say, table

LARGE = 12e6
"""Pixels from which on a picture counts as large."""
BIGGER = (12.0, 24.0)
SHARE = 0.12
"""Of the files, how many are larger than 12 megapixels."""
NAMES = {
    "threatexchange": "threatexchange, PdqSignal.hash_from_file",
    "pdqhash": "pdqhash on Pillow's full decode",
    "exact": "leadlight, exact",
    "fast": "leadlight, fast",
    "pillow": "floor: Pillow's full decode",
    "read": "floor: read",
}


@dataclass(frozen=True, slots=True)
class Hashed:
    """What one way gave for one picture."""

    value: bytes
    quality: int
    method: str = ""


@dataclass(slots=True)
class Case:
    """One picture: processor seconds of each way, a list per run, and what it gave."""

    path: Path
    pixels: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    hashed: dict[str, Hashed] = field(default_factory=dict)

    def best(self, way: str) -> float:
        return max(1e-6, min(self.seconds[way]))


def larger(folder: Path, count: int, sources: Sequence[Path]) -> list[Path]:
    """`count` JPEGs of 12 to 24 megapixels, each enlarged from one of `sources`, with fresh noise; built once."""
    import numpy as np
    from PIL import Image

    from bench import material

    target = folder / f"larger-{count}"
    wanted: dict[str, object] = {"count": count, "seed": material.SEED, "version": 1}
    if not material._built(target, wanted):
        target.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            rng = np.random.default_rng([material.SEED, 24, number])
            low, high = BIGGER
            width = round((1e6 * low * (high / low) ** rng.random() * 4 / 3) ** 0.5)
            with Image.open(sources[number % len(sources)]) as source:
                turned = source.height > source.width
                size = (width, -(-width * 3 // 4))
                picture = source.convert("RGB").resize(size[::-1] if turned else size, Image.Resampling.BICUBIC)
            pixels = np.array(picture)
            grain = rng.normal(0, 6.0, (512, 512, 3)).astype(np.int16)
            for top in range(0, pixels.shape[0], 512):
                for left in range(0, pixels.shape[1], 512):
                    part = pixels[top : top + 512, left : left + 512]
                    part[:] = np.clip(part + grain[: part.shape[0], : part.shape[1]], 0, 255)
            options = {"quality": int(rng.integers(75, 96)), "progressive": rng.random() < material.PROGRESSIVE}
            Image.fromarray(pixels).save(target / f"larger-{number:04d}.jpg", "JPEG", **options)
        material._done(target, wanted)
    return material.files_of(target)


def pictures(folder: Path, count: int) -> list[Path]:
    """Drawn pictures of 0.5 to 24 megapixels, sizes spread evenly over the logarithm up to 12."""
    from bench import material

    many = max(1, round(count * SHARE)) if count > 1 else 0
    drawn = material.files_of(material.pictures(folder, count - many))
    return drawn + larger(folder, many, drawn)


def photographs() -> list[Path]:
    """JPEGs of half a megapixel and more below LEADLIGHT_TEST_DATA."""
    from PIL import Image

    named = os.environ.get("LEADLIGHT_TEST_DATA")
    found = []
    for path in sorted(Path(named).rglob("*")) if named else ():
        if path.suffix.lower() not in (".jpg", ".jpeg"):
            continue
        try:
            with Image.open(path) as image:
                sound = image.mode == "RGB" and image.width * image.height >= 500_000
        except Exception:
            continue
        if sound:
            found.append(path)
    return found


def ways() -> dict[str, Callable[[Path], Hashed | None]]:
    """All that is measured, by name."""
    import numpy as np
    import pdqhash
    from PIL import Image
    from threatexchange.signal_type.pdq.signal import PdqSignal

    from leadlight.content import content_of
    from leadlight.identify.filetype import PLUGIN as FILETYPE
    from leadlight.plugins import registry
    from leadlight.records import Item, Place
    from leadlight.seams import Known

    pdq = next(a for a in registry().analysers if a.name == "fingerprint.pdq")
    decoder = registry().decoder

    def threatexchange(path: Path) -> None:
        PdqSignal.hash_from_file(path)

    def reference(path: Path) -> Hashed:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        bits, quality = pdqhash.compute(pixels)
        return Hashed(np.packbits(bits.astype(np.uint8)).tobytes(), int(quality))

    def ours(path: Path, *, exact: bool) -> Hashed:
        content = content_of(path.read_bytes(), {})
        content.filetype, content.decoder, content.exact = FILETYPE.identify(content), decoder, exact
        item = Item(Place(b"/evidence", (b"picture.jpg",)), source="bench", size=content.size)
        try:
            found = next(iter(pdq.analyse(item, content, Known()))).payload
        finally:
            content.close()
        return Hashed(bytes.fromhex(found["value"]), found["quality"], found["method"])

    def pillow(path: Path) -> None:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.load()

    def read(path: Path) -> None:
        path.read_bytes()

    return {
        "threatexchange": threatexchange,
        "pdqhash": reference,
        "exact": lambda path: ours(path, exact=True),
        "fast": lambda path: ours(path, exact=False),
        "pillow": pillow,
        "read": read,
    }


def measured(files: Sequence[Path], runs: int) -> list[Case]:
    """Each way on each file, `runs` times; files that a way refuses are left out and said."""
    from PIL import Image

    every = list(ways().items())
    cases = []
    for _, way in every:
        way(files[0])  # imports and first use are not measured
    for number, path in enumerate(files):
        with Image.open(path) as image:
            case = Case(path, image.width * image.height)
        try:
            for run in range(runs):
                at = (number + run) % len(every)
                for name, way in every[at:] + every[:at]:
                    began = time.process_time()
                    found = way(path)
                    case.seconds.setdefault(name, []).append(time.process_time() - began)
                    if found is not None:
                        case.hashed[name] = found
        except Exception as e:
            say(f"left out: {path.name} ({type(e).__name__})")
            continue
        cases.append(case)
        if number % 50 == 49:
            say(f"{number + 1} of {len(files)}")
    return cases


def speeds(cases: Sequence[Case], runs: int, title: str) -> None:
    """Milliseconds, and how many times as fast as threatexchange: in sum, by run, and picture by picture."""
    if not cases:
        return
    rows = []
    for way, name in NAMES.items():
        total = sum(c.best(way) for c in cases)
        ratios = sorted(c.best("threatexchange") / c.best(way) for c in cases)
        by_run = [
            sum(c.seconds["threatexchange"][r] for c in cases) / max(1e-6, sum(c.seconds[way][r] for c in cases))
            for r in range(runs)
        ]
        tenth = len(ratios) // 10
        rows.append(
            (
                name,
                f"{1000 * total / len(cases):,.1f}",
                f"{sum(c.best('threatexchange') for c in cases) / total:,.1f}",
                f"{min(by_run):,.1f} to {max(by_run):,.1f}",
                f"{median(ratios):,.1f}",
                f"{ratios[tenth]:,.1f} to {ratios[-1 - tenth]:,.1f}",
            )
        )
    size = sum(c.pixels for c in cases) / len(cases) / 1e6
    table(
        f"{title}: {len(cases)} pictures, {size:.1f} megapixels in the mean.",
        ("way", "ms", "times as fast, in sum", "over the runs", "median picture", "80 % of pictures"),
        rows,
    )


def methods(cases: Sequence[Case], title: str) -> None:
    """What the fast hashes were made from, how many, and what share of the time they took.

    'exact' are those decoded in full: too small or of a kind that is not read scaled, and those whose quality lies
    too near the threshold, which are decoded twice.
    """
    found: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        size = "12 megapixels and more" if case.pixels >= LARGE else "smaller"
        found.setdefault((size, case.hashed["fast"].method), []).append(case.best("fast"))
    total = sum(sum(seconds) for seconds in found.values())
    table(
        f"{title}: what the fast hashes were made from.",
        ("size", "from", "pictures", "ms", "share of the time"),
        [
            (*key, str(len(s)), f"{1000 * sum(s) / len(s):,.1f}", f"{sum(s) / total:.0%}")
            for key, s in sorted(found.items())
        ],
    )


def distances(cases: Sequence[Case], title: str) -> None:
    """Bits from the reference, of pictures of quality 50 and more; and how the fast quality differs."""
    import numpy as np

    rows = []
    for way in ("exact", "fast"):
        methods = sorted({c.hashed[way].method for c in cases})
        for method in ("", *(methods if len(methods) > 1 else ())):
            some = [c for c in cases if method in ("", c.hashed[way].method) and c.hashed["pdqhash"].quality >= 50]
            if not some:
                continue
            bits = np.array(
                [
                    (
                        int.from_bytes(c.hashed[way].value, "big")
                        ^ int.from_bytes(c.hashed["pdqhash"].value, "big")
                    ).bit_count()
                    for c in some
                ]
            )
            off = np.array([c.hashed[way].quality - c.hashed["pdqhash"].quality for c in some])
            rows.append(
                (
                    NAMES[way] + (f", {method}" if method else ""),
                    str(len(some)),
                    f"{bits.mean():.2f}",
                    *(f"{np.percentile(bits, p):.0f}" for p in (95, 99)),
                    str(bits.max()),
                    f"{int((bits == 0).sum())}",
                    f"{off.min()} to {off.max()}",
                )
            )
    table(
        f"{title}: bits from the reference (pdqhash on Pillow's full decode), quality 50 and more.",
        ("way", "pictures", "mean", "p95", "p99", "max", "bit-equal", "quality off by"),
        rows,
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bench.fingerprint", description=__doc__)
    parser.add_argument("--files", type=int, default=340, help="drawn pictures [340]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way on each picture [3]")
    parser.add_argument("--cache", type=Path, help="where to build and keep the pictures; removed if not given")
    given = parser.parse_args(arguments)
    os.environ.update(dict.fromkeys(SINGLE, "1"))  # before NumPy is loaded
    from bench import material

    with tempfile.TemporaryDirectory(prefix="leadlight-bench-") as temporary:
        folder = given.cache.resolve() if given.cache else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for title, files in (("Drawn", pictures(folder, given.files)), ("Photographs", photographs())):
            if not files:
                continue
            print(f"\n{title}: {material.describe(files)}.")
            cases = measured(files, given.runs)
            speeds(cases, given.runs, f"{title}, all")
            large = [c for c in cases if c.pixels >= LARGE]
            speeds(large, given.runs, f"{title}, 12 megapixels and more")
            methods(cases, title)
            distances(cases, title)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
