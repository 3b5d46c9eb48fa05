"""``python -m bench.features``: what local features find, what they find falsely, and what they cost.

    python -m bench.features --pictures FOLDER [--strangers FOLDER]... [--count N]

Recall: each picture of `--pictures` (an evenly spread choice of `--count`) is listed, and its edited copies are
looked for among all of them. False matches: every picture of a folder of `--strangers` is compared, by the whole
path, with every one of the other folders and with drawn documents; and drawn documents with their own kind. Cost:
what one picture takes, and queries against lists of 10,000 and 100,000 pictures, which are those of `--strangers`
again and again, each time with a few of their bits turned over at random.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pil
from PIL.Image import Image

from bench import documents
from bench.edits import BLACK, EDITS, bars, cropped, passed_on, rotated
from leadlight.fingerprint.features import features
from leadlight.keypoints import judge
from leadlight.keypoints.geometry import agreement
from leadlight.keypoints.record import Keypoints, unpacked
from leadlight.keypoints.search import ASKED, Gallery
from leadlight.raster import Picture, reduce

LARGEST = 1200
"""Pixels a side to which pictures are made smaller first, to save time."""
MORE: dict[str, Callable[[Image], Image]] = {
    "crop 40 %": lambda p: cropped(p, 0.40),
    "rotation 20 degrees": lambda p: rotated(p, 20),
    "rotation 90 degrees": lambda p: p.transpose(Pil.Transpose.ROTATE_90),
    "crop 10 %, rotation 5 degrees": lambda p: rotated(cropped(p, 0.10), 5),
    "side bars and logo": lambda p: EDITS["logo 8 %"](bars(p, 0.15, 0, BLACK)),
    "mirrored": lambda p: p.transpose(Pil.Transpose.FLIP_LEFT_RIGHT),
}


def taken(picture: Image) -> Keypoints | None:
    """The features of a picture, as a scan takes them."""
    pixels = np.asarray(picture.convert("RGB"))
    record = features(reduce(Picture(pixels, None, "RGB")))
    return unpacked(record) if record else None


def opened(path: Path) -> Image:
    """A picture in RGB, its longer side at most LARGEST."""
    with Pil.open(path) as file:
        picture = file.convert("RGB")
    picture.thumbnail((LARGEST, LARGEST))
    return picture


def pictures_in(folder: Path, count: int | None = None) -> list[Path]:
    """Pictures below a folder; of more than `count`, an even choice."""
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if count is None or len(found) <= count:
        return found
    return [found[round(n * (len(found) - 1) / (count - 1))] for n in range(count)]


def collage(pictures: Sequence[Image], at: int, across: int, down: int) -> Image:
    """Some pictures side by side and below one another, each as large as its cell allows."""
    wide, high = 1600 // across, 1200 // down
    out = Pil.new("RGB", (1600, 1200))
    for n in range(across * down):
        small = pictures[(at + n * 7) % len(pictures)].copy()
        small.thumbnail((wide, high))
        out.paste(small, (wide * (n % across), high * (n // across)))
    return out


def recall(paths: Sequence[Path], wanted: str = "") -> None:
    """A row for each edit whose name holds `wanted`."""
    pictures = [opened(p) for p in paths]
    listed = [taken(p) for p in pictures]
    held = [(n, k) for n, k in enumerate(listed) if k is not None]
    gallery = Gallery([k for _, k in held])
    place = {n: at for at, (n, _) in enumerate(held)}
    print(f"\n{len(pictures)} pictures, {len(pictures) - len(held)} of them too flat for features\n")
    print("| edit, then 60 % of the size and JPEG quality 75 | found | of the features, median |\n|---|---|---|")
    edits = {**EDITS, **MORE}
    for name, edit in edits.items():
        if wanted not in name:
            continue
        found = [_found(gallery, place.get(n), edit(p)) for n, p in enumerate(pictures)]
        _row(name, found)
    if wanted not in "collage":
        return
    for name, across, down in (("one of two in a collage", 2, 1), ("one of four in a collage", 2, 2)):
        _row(
            name, [_found(gallery, place.get(n), collage(pictures, n, across, down)) for n in range(len(pictures))]
        )


def _row(name: str, found: Sequence[int]) -> None:
    agreeing = [f for f in found if f]
    print(f"| {name} | {100 * len(agreeing) / len(found):.0f} % | {np.median(agreeing) if agreeing else 0:.0f} |")


def _found(gallery: Gallery, place: int | None, edited: Image) -> int:
    """How many features agree with the listed picture at `place`; 0 where it is not found."""
    with Pil.open(io.BytesIO(passed_on(edited))) as copy:
        own = taken(copy)
    if own is None or place is None:
        return 0
    for _, candidates in gallery.candidates([own]):
        if place in candidates:
            found = agreement(own, gallery.pictures[place])
            return found.agreeing if found is not None and judge.matches(found) else 0
    return 0


def false_matches(folders: Sequence[Path], each: int, drawn: int) -> None:
    """Rows of pairs compared, candidates, matches."""
    print("\n| pairs of | pairs | candidates | most features that agree | matches |\n|---|---|---|---|---|")
    kinds = {k: _all(draw(n) for n in range(drawn)) for k, draw in documents.KINDS.items()}
    strangers = {f.name: _all(opened(p) for p in pictures_in(f, each)) for f in folders}
    names = list(strangers)
    total = wrong = 0
    for n, one in enumerate(names):
        for other in names[n + 1 :]:
            pairs, matches = _compared(f"`{one}`, `{other}`", strangers[one], strangers[other])
            total, wrong = total + pairs, wrong + matches
        every = [k for some in kinds.values() for k in some]
        pairs, matches = _compared(f"`{one}`, documents", strangers[one], every)
        total, wrong = total + pairs, wrong + matches
    if total:
        print(f"| **all of these** | {total:,} | | | {wrong} |")
    print(f"\nShare of false matches: at most {_upper(wrong) / max(total, 1):.1e} (95 %, Poisson).\n")
    print(
        "| documents among their own kind | pairs | candidates | most that agree | matches |\n"
        "|---|---|---|---|---|"
    )
    for kind, some in kinds.items():
        _compared(kind, some, some)
    for kind, some in kinds.items():
        _compared(f"{kind}, with all other kinds", some, [k for o, x in kinds.items() if o != kind for k in x])


def _upper(count: int) -> float:
    """The mean of a Poisson count that is exceeded by at most `count` in 5 % of cases."""
    low, high = 0.0, 20.0 + 3 * count
    for _ in range(60):
        middle = (low + high) / 2
        term = share = np.exp(-middle)
        for k in range(1, count + 1):
            term *= middle / k
            share += term
        low, high = (middle, high) if share > 0.05 else (low, middle)
    return high


def _all(pictures: Iterator[Image]) -> list[Keypoints]:
    return [k for p in pictures if (k := taken(p)) is not None]


def _compared(name: str, ones: Sequence[Keypoints], others: Sequence[Keypoints]) -> tuple[int, int]:
    """Every pair by the whole path, but for the bound on candidates."""
    same = ones is others
    gallery = Gallery(others)
    pairs = len(ones) * (len(ones) - 1) // 2 if same else len(ones) * len(others)
    tried = most = matches = 0
    for start in range(0, len(ones), ASKED):
        asked = ones[start : start + ASKED]
        for place, candidates in gallery.candidates(asked, most=len(others)):
            for c in candidates:
                if same and c <= start + place:
                    continue
                tried += 1
                found = agreement(asked[place], others[c])
                if found is not None:
                    most = max(most, found.agreeing)
                    matches += judge.matches(found)
    print(f"| {name} | {pairs:,} | {tried:,} | {most} | {matches} |", flush=True)
    return pairs, matches


def cost(paths: Sequence[Path], strangers: Sequence[Path], sizes: Sequence[int]) -> None:
    """Milliseconds and bytes a picture; queries against long lists. Times are of the processor, on one core."""
    planes = [reduce(Picture(np.asarray(opened(p)), None, "RGB")) for p in paths]
    took, records = [], []
    for plane in planes:
        began = time.process_time()
        records.append(features(plane))
        took.append(time.process_time() - began)
    kept = [unpacked(r) for r in records if r]
    print(
        f"\nFeatures of one picture: {1000 * np.median(took):.1f} ms (median of {len(took)}; decoding aside), ",
        end="",
    )
    print(f"{np.mean([len(r) for r in records]):,.0f} bytes; a third more as stored.")
    began = time.process_time()
    for n in range(100):
        agreement(kept[n % len(kept)], kept[(n * 7 + 1) % len(kept)])
    print(f"Comparing two pictures by position: {10 * (time.process_time() - began):.1f} ms.\n")
    print(
        "| listed pictures | features | index made in | pictures asked a second | candidates each |\n"
        "|---|---|---|---|---|"
    )
    rng = np.random.default_rng(1)
    base = _all(opened(p) for folder in strangers for p in pictures_in(folder, 500)) or kept
    for size in sizes:
        listed = [_other(base[n % len(base)], rng) for n in range(size)]
        began = time.process_time()
        gallery = Gallery(listed)
        made = time.process_time() - began
        asked = kept[:ASKED]
        rates, candidates = [], 0
        for _ in range(3):
            began = time.process_time()
            candidates = sum(len(c) for _, c in gallery.candidates(asked))
            rates.append(len(asked) / (time.process_time() - began))
        features_all = sum(len(k) for k in listed)
        print(f"| {size:,} | {features_all:,} | {made:.1f} s | {max(rates):.1f} | {candidates / len(asked):.1f} |")


def _other(picture: Keypoints, rng: np.random.Generator) -> Keypoints:
    """A picture as another might be: one in 32 of its bits turned over at random."""
    noise = np.full((len(picture), 4), (1 << 64) - 1, dtype=np.uint64)
    for _ in range(5):
        noise &= rng.integers(0, (1 << 64) - 1, noise.shape, dtype=np.uint64, endpoint=True)
    words = picture.words ^ noise
    return Keypoints(picture.width, picture.height, picture.places, picture.sizes, picture.angles, words)


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments name."""
    parser = argparse.ArgumentParser(prog="bench.features", description=__doc__)
    parser.add_argument("--pictures", type=Path, required=True, help="neutral pictures: recall and cost")
    parser.add_argument(
        "--strangers", type=Path, action="append", default=[], help="folders without a common picture"
    )
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--edit", default="", help="only edits whose name holds this")
    parser.add_argument("--each", type=int, default=1500, help="pictures of each folder of strangers")
    parser.add_argument("--drawn", type=int, default=100, help="documents of each kind")
    parser.add_argument("--sizes", type=int, action="append", help="lengths of lists [10000 100000]")
    parser.add_argument("--only", choices=("recall", "false", "cost"), action="append")
    given = parser.parse_args(arguments)
    only = given.only or ["recall", "false", "cost"]
    paths = pictures_in(given.pictures, given.count)
    if "recall" in only:
        recall(paths, given.edit)
    if "false" in only:
        false_matches(given.strangers, given.each, given.drawn)
    if "cost" in only:
        cost(paths, given.strangers, given.sizes or [10_000, 100_000])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
