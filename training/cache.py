"""Crops of the pictures, drawn once and kept as arrays: training reads those, and no picture twice.

Shards `NAME-000.npy` of shape (n, 128, 128, 3), 8 bits, with `NAME-000.csv` of one line a crop. What is there
already is not made again, so the cache grows with the manifest.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import numpy.typing as npt
from augment import carried, drawn
from pictures import Pixels, Row, capped, decoded, rows
from PIL import Image

from leadlight.scoring.crops import crops, cut, places
from leadlight.scoring.laundering import launder

SIDE, COUNT = 128, 12
TAKEN = 4
"""Crops of one variant."""
OTHERS = ("q90", "webp80", "screenshot")
VARIANTS = {0: 2, 1: 6}
"""Draws a picture, by label: fewer generated pictures are there than captures."""
MORE = {0: 2, 1: 4}
"""Further draws of pictures from sources of at most FEW: `--more`."""
FEW = 100
FIELDS = ("sha256", "label", "source", "maker", "phone_year", "group", "picture")


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of one crop."""

    sha256: str
    label: int
    source: str
    maker: str
    phone_year: str
    group: str
    """'picture', 'pair', or the name of the laundering."""
    picture: str
    """The same for crops that are judged together."""


def seed(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def some(window: Pixels, rng: np.random.Generator, taken: int = TAKEN) -> Pixels:
    found = [p for p in places(window, side=SIDE, count=8) if not p.plain]
    picked = [found[i] for i in rng.permutation(len(found))[:taken]]
    return cut(window, tuple(picked), side=SIDE)


def of_row(told: tuple[Row, range]) -> list[tuple[Pixels, Line]]:
    row, draws = told
    pixels, tables = decoded(row.path)
    out = []
    for n in draws:
        rng = seed(f"{row.sha256} {n}")
        window = carried(pixels, drawn(rng), lossless=tables is None)
        line = Line(row.sha256, row.label, row.source, row.maker, row.phone_year, "picture", f"{row.sha256}-{n}")
        out.append((some(window, rng), line))
    return out


def pair_side(rng: np.random.Generator) -> float:
    """Pixels a side that a patch of 256 is scaled to."""
    return 256 * float(np.exp(rng.uniform(np.log(0.55), np.log(1.4))))


def of_pair(stem: Path) -> list[tuple[Pixels, Line]]:
    """Both halves through the same chain, cut at the same places."""
    digest = stem.name.split("_")[1]
    out = []
    for n in range(2):
        rng = seed(f"pair {digest} {n}")
        chain = replace(drawn(rng), long_side=pair_side(rng))
        chosen: tuple[object, ...] | None = None
        for label, half in enumerate(("real", "fake")):
            pixels, _ = decoded(stem.with_name(f"{stem.name}_{half}.png"))
            window = carried(pixels, chain, lossless=False)
            if chosen is None:
                if min(window.shape[:2]) < SIDE:
                    break
                found = [p for p in places(window, side=SIDE, count=4) if not p.plain]
                chosen = tuple(found[i] for i in rng.permutation(len(found))[:2])
            line = Line(digest, label, "pairs", "taef2" if label else "", "", "pair", f"{digest}-{n}-{half}")
            out.append((cut(window, chosen, side=SIDE), line))  # type: ignore[arg-type]
    return out


def of_dev(told: tuple[Row, tuple[str, ...]]) -> list[tuple[Pixels, Line]]:
    row, states = told
    pixels, _ = decoded(row.path)
    out = []
    for state in states:
        with Image.open(io.BytesIO(launder(pixels, state, seed=int(row.sha256[:8], 16)))) as image:
            found = crops(np.asarray(image.convert("RGB")), side=SIDE, count=COUNT)
        line = Line(row.sha256, row.label, row.source, row.maker, row.phone_year, state, f"{row.sha256}-{state}")
        out.append((found, line))
    return out


def states(row: Row) -> tuple[str, ...]:
    """The launderings that a measuring picture goes through: two, and for two of five one of the others."""
    draw = int(row.sha256[8:16], 16)
    return ("clean", "1080q75", *((OTHERS[draw // 5 % 3],) if draw % 5 < 2 else ()))


def safely(job: tuple[str, object]) -> list[tuple[Pixels, Line]]:
    """Nothing where the picture can't be read."""
    try:
        return {"row": of_row, "pair": of_pair, "dev": of_dev}[job[0]](job[1])  # type: ignore[operator]
    except (OSError, ValueError) as e:
        print(
            "left out:",
            getattr(job[1][0] if isinstance(job[1], tuple) else job[1], "path", job[1]),
            e,
            file=sys.stderr,
        )
        return []


def write(jobs: list[tuple[str, object]], out: Path, name: str, workers: int) -> int:
    """One new shard. Returns its crops."""
    out.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(p.stem[-3:]) for p in out.glob(f"{name}-[0-9][0-9][0-9].npy")), default=-1)
    kept: list[Pixels] = []
    lines: list[Line] = []
    with Pool(workers) as pool:
        for parts in pool.imap_unordered(safely, jobs, chunksize=8):
            for found, line in parts:
                kept.append(found)
                lines += [line] * len(found)
    if not lines:
        return 0
    with (out / f"{name}-{number:03d}.csv").open("w", newline="", encoding="utf-8") as f:
        table = csv.writer(f)
        table.writerow(FIELDS)
        table.writerows([getattr(line, field) for field in FIELDS] for line in lines)
    part = out / f"{name}-{number:03d}.part.npy"
    np.save(part, np.concatenate(kept))
    part.rename(out / f"{name}-{number:03d}.npy")
    return len(lines)


def lines_of(path: Path) -> list[Line]:
    """What is known of the crops of one shard."""
    with path.open(newline="", encoding="utf-8") as f:
        return [Line(**{**r, "label": int(r["label"])}) for r in csv.DictReader(f)]  # type: ignore[arg-type]


def read(out: Path, name: str) -> tuple[npt.NDArray[np.uint8], list[Line]]:
    """All shards of that name, joined."""
    arrays, lines = [], []
    for path in sorted(out.glob(f"{name}-[0-9][0-9][0-9].npy")):
        arrays.append(np.load(path))
        lines += lines_of(path.with_suffix(".csv"))
    return np.concatenate(arrays), lines


def known(out: Path, name: str) -> Iterator[str]:
    for path in out.glob(f"{name}-*.csv"):
        with path.open(newline="", encoding="utf-8") as f:
            yield from (f"{r['sha256']}" for r in csv.DictReader(f))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("manifests", nargs="+", type=Path)
    ask.add_argument("--pairs", type=Path)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--most", type=int, default=400, help="pictures of one source")
    ask.add_argument("--most-dev", type=int, default=30, help="measuring pictures of one source")
    ask.add_argument("--limit", type=int, help="measuring pictures in this run")
    ask.add_argument(
        "--more", action="store_true", help="further draws, once, of the sources that hold few pictures"
    )
    ask.add_argument("--only", choices=("train", "pairs", "dev"))
    ask.add_argument("--workers", type=int, default=2)
    told = ask.parse_args()
    found = rows(*told.manifests)
    if told.only in (None, "train"):
        there = set(known(told.out, "train"))
        train = capped((r for r in found if r.may_train), told.most)
        if told.more:
            held = Counter((r.label, r.source) for r in train)
            few = [r for r in train if held[r.label, r.source] <= FEW]
            draws = {label: range(n, n + MORE[label]) for label, n in VARIANTS.items()}
            jobs: list[tuple[str, object]] = [("row", (r, draws[r.label])) for r in few]
        else:
            jobs = [("row", (r, range(VARIANTS[r.label]))) for r in train if r.sha256 not in there]
        print("train", len(jobs), write(jobs, told.out, "train", told.workers))
    if told.only in (None, "pairs") and told.pairs:
        there = set(known(told.out, "pairs"))
        stems = sorted(p.with_name(p.name.removesuffix("_fake.png")) for p in told.pairs.glob("*_fake.png"))
        jobs = [("pair", s) for s in stems if s.name.split("_")[1] not in there]
        print("pairs", len(jobs), write(jobs, told.out, "pairs", told.workers))
    if told.only in (None, "dev"):
        there = {(r.sha256, r.group) for path in told.out.glob("dev-*.csv") for r in lines_of(path)}
        dev = capped((r for r in found if r.split == "dev"), told.most_dev)
        asked = [(r, tuple(s for s in states(r) if (r.sha256, s) not in there)) for r in dev]
        jobs = [("dev", one) for one in asked if one[1]][: told.limit]
        print("dev", len(jobs), write(jobs, told.out, "dev", told.workers))


if __name__ == "__main__":
    main()
