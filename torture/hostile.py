"""Files that mean harm: every format that is read, mutated, and crash shapes built by hand; in the cage."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import random
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import py7zr
import zstandard
from PIL import Image
from tests.evidence import jpeg, png, tarred, zipped

from leadlight.demo import build as build_demo
from leadlight.plugins import registry
from torture.outcome import Outcome
from torture.scans import Bench, Ended, queue_of, record_faults, wait
from torture.shapes import shapes

SECONDS = 20
"""Silence of a worker on one file before it is stopped."""
LARGEST = 400_000
"""Bytes of a seed."""


def seeds(folder: Path | None) -> list[tuple[str, bytes]]:
    """Neutral files of every format built here: name and bytes. Those of the demo are built in `folder`."""
    found: dict[str, bytes] = {}
    for analyser in registry().analysers:
        for number, example in enumerate(analyser.examples()):
            found[f"{analyser.name}-{number}{Path(example.name).suffix}"] = example.build()
    if folder is not None:
        build_demo(folder)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            found[f"demo-{path.name}"] = path.read_bytes()
    small = jpeg(3, side=40, exif=True)
    found["nested.zip"] = zipped({"a.jpg": small, "b.zip": zipped({"c.tgz": tarred({"d.png": png(4)})})})
    found["nested.tgz"] = tarred({"a.jpg": small, "b.zip": zipped({"c.jpg": small})})
    found |= {f"other.{ending}": data for ending, data in _others()}
    return [(name, data) for name, data in found.items() if 0 < len(data) <= LARGEST]


def _others() -> Iterator[tuple[str, bytes]]:
    picture = Image.open(io.BytesIO(png(5)))
    for form in (
        "GIF",
        "BMP",
        "TIFF",
        "WEBP",
        "ICO",
        "PPM",
        "TGA",
        "PCX",
        "AVIF",
        "JPEG2000",
        "ICNS",
        "DDS",
        "SGI",
    ):
        out = io.BytesIO()
        try:
            picture.save(out, form)
        except (KeyError, OSError, ValueError):
            continue
        yield form.lower(), out.getvalue()
    pages = [picture.copy() for _ in range(3)]
    for form in ("GIF", "TIFF", "WEBP", "PNG"):
        out = io.BytesIO()
        pages[0].save(out, form, save_all=True, append_images=pages[1:])
        yield f"pages.{form.lower()}", out.getvalue()
    tar = tarred({"a.jpg": jpeg(6, side=40)})
    plain = gzip.decompress(tar)
    yield "tar", plain
    yield "tar.bz2", bz2.compress(plain)
    yield "tar.xz", lzma.compress(plain)
    yield "tar.zst", zstandard.compress(plain)
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writef(io.BytesIO(jpeg(7, side=40)), "a.jpg")
        archive.writef(io.BytesIO(b"note" * 100), "b.txt")
    yield "7z", out.getvalue()


_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to four changes: bits, lengths, cuts, repetitions, parts of another file."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not changed:
            break
        at = rng.randrange(min(len(changed), rng.choice((64, 1024, len(changed)))))
        way = rng.randrange(9)
        if way < 2:
            for _ in range(rng.choice((1, 3, 30))):
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        elif way < 5:
            form = rng.choice((">I", "<I", ">H", "<H", ">Q"))
            size = struct.calcsize(form)
            changed[at : at + size] = struct.pack(form, rng.choice(_EXTREMES) & ((1 << 8 * size) - 1))
        elif way == 5:
            del changed[at:]
        elif way == 6:
            del changed[at : at + rng.choice((1, 2, 16, 300))]
        elif way == 7:
            part = bytes(changed[at : at + rng.choice((4, 40, 400))])
            changed[at:at] = part * rng.choice((1, 2, 100))
        else:
            start = rng.randrange(len(other))
            changed[at : at + rng.choice((0, 8, 500))] = other[start : start + rng.choice((8, 500, 20_000))]
    return bytes(changed)


def corpus(folder: Path, count: int, rng: random.Random, work: Path) -> Counter[str]:
    """Shapes, and mutations up to `count` files in all, below `folder`; how many of each."""
    folder.mkdir(parents=True)
    counts: Counter[str] = Counter()
    built = list(shapes())
    if count < 1000:
        light = [b for b in built if not b[0].startswith(("shape-zip", "shape-tar"))]
        built = rng.sample(light, min(len(light), count // 3))
    for name, data in built:
        (folder / name).write_bytes(data)
        counts["shapes"] += 1
    some = seeds(work if count >= 1000 else None)
    counts["seeds"] = len(some)
    for number in range(count - counts["shapes"]):
        name, data = some[number % len(some)]
        path = folder / f"{number % 37:02d}" / f"{number:05d}-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mutated(data, rng.choice(some)[1], rng))
        counts["mutations"] += 1
    return counts


def hostile(bench: Bench, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """Scan the corpus in the cage, and see that none is lost, none hangs, nothing is written elsewhere."""
    home = bench.home / "hostile"
    evidence = home / "evidence"
    counts = corpus(evidence, count, rng, bench.home / "demo")
    mine = replace(bench, home=home, evidence=evidence, listing=None)
    account = home / "account"
    account.mkdir()
    (account / "note.txt").write_text("stays as it is", "ascii")
    files = sorted(str(p) for p in evidence.rglob("*") if p.is_file())
    before = tree(evidence), tree(account)
    watch = home / "watch.log"
    environment = mine.environment({"watch": watch}, limits__seconds=SECONDS, cage="required")
    began = time.monotonic()
    ended: Ended = wait(mine.start(home / "case", environment), 3600)
    seconds = time.monotonic() - began
    reach = (
        f"{counts['mutations']:,} mutations of {counts['seeds']} files, {counts['shapes']} shapes; {seconds:.0f} s"
    )
    queue = queue_of(home / "case")
    lost, trace, hung, wrote, holds = (
        Outcome("hostile files, in the cage: each has its place in the queue", reach),
        Outcome("... no trace on standard error, and the scan ends in words", "one scan"),
        Outcome(f"... none keeps a worker beyond the limit ({SECONDS} s of silence, twice at most)", ""),
        Outcome("... nothing written outside of scratch folder and case; evidence and account as before", ""),
        Outcome("... and the case verifies", "one scan"),
    )
    there = {p["path"] for e in queue for p in e["places"]}
    for path in files:
        lost.note([] if path in there else ["is not in the queue"], path)
    trace.note(ended.faults(0, 1))
    reasons = Counter(f["reason"] for e in queue for f in e["failures"])
    hung.reach = "failures: " + ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    bound = (2 * SECONDS + 10) * (reasons["timeout"] + 1) + count
    hung.note([] if not ended.hung and seconds < bound else [f"{seconds:.0f} s"])
    outside = [
        x
        for x in _written(watch)
        if not x.startswith((str(home / "scratch"), str(home / "case"), str(home / ".case")))
    ]
    outside = [x for x in outside if x not in ("/dev/null",) and not x.endswith("/oom_score_adj")]
    wrote.reach = f"{sum(1 for _ in _written(watch)):,} changes of files seen"
    wrote.note([f"wrote {sorted(set(outside))[:5]}"] if outside else [])
    wrote.note([] if (tree(evidence), tree(account)) == before else ["evidence or account changed"])
    holds.note(record_faults(home / "case"))
    return lost, trace, hung, wrote, holds


def _written(watch: Path) -> Iterator[str]:
    with watch.open("r", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            yield line.rstrip("\n").split(" ", 2)[2]


def tree(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Names, kinds, modes, times and bytes of all below a folder."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(folder.rglob("*")):
        at = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (at.st_mode, at.st_size, at.st_mtime_ns, digest)
    return found
