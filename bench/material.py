"""What is measured on: neutral pictures drawn by program, small files, a hash list. The same on every machine."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from leadlight.chart import chart_pixels, png

SEED = 20261101
BASES = 60
FULL = (4000, 3000)
PROGRESSIVE = 0.12
EXIF = 0.4
LIST_ROWS = 100_000
_A_FOLDER = 500
_TILE = 768


def pictures(folder: Path, count: int, megapixels: tuple[float, float] = (0.5, 12.0)) -> Path:
    """`count` JPEGs below `folder`, sizes spread evenly over the logarithm of `megapixels`; built once.

    Each comes from one of 60 drawn landscapes with film-like noise, by crop, scale and brightness, at quality 75
    to 95; 12 % are progressive and 40 % carry EXIF.
    """
    wanted = {"count": count, "megapixels": megapixels, "seed": SEED, "version": 1}
    target = folder / f"pictures-{count}"
    if _built(target, wanted):
        return target
    bases = min(BASES, count)
    for base in range(bases):
        rng = np.random.default_rng([SEED, base])
        whole = _landscape(base, rng)
        for number in range(base, count, bases):
            path = target / f"{number % 20:02d}" / f"picture-{number:05d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_jpeg(whole, rng, megapixels))
    return _done(target, wanted)


def _landscape(seed: int, rng: np.random.Generator) -> Image.Image:
    """12 megapixels: drawn at a sixteenth of that, then enlarged, with noise of two grain sizes."""
    width, height = FULL
    drawn = Image.fromarray(chart_pixels(width // 4, height // 4, seed)).resize(FULL, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 3.0, (_TILE, _TILE, 3)) + rng.normal(0, 9.0, (_TILE, _TILE, 1))
    noise = np.rint(grain).astype(np.int16)
    pixels = np.array(drawn)
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            part = pixels[top : top + _TILE, left : left + _TILE]
            part[:] = np.clip(part + noise[: part.shape[0], : part.shape[1]], 0, 255)
    return Image.fromarray(pixels)


def _jpeg(whole: Image.Image, rng: np.random.Generator, megapixels: tuple[float, float]) -> bytes:
    low, high = megapixels
    pixels = 1e6 * low * (high / low) ** rng.random()
    width = min(FULL[0], round((pixels * 4 / 3) ** 0.5))
    height = min(FULL[1], round(width * 3 / 4))
    zoom = rng.uniform(1.0, min(1.6, FULL[0] / width, FULL[1] / height))
    span = (round(width * zoom), round(height * zoom))
    left, top = (int(rng.integers(0, whole_side - side + 1)) for whole_side, side in zip(FULL, span, strict=True))
    picture = whole.crop((left, top, left + span[0], top + span[1]))
    if zoom > 1.05:
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    gain = rng.uniform(0.8, 1.15)
    picture = picture.point([min(255, round(v * gain)) for v in range(256)] * 3)
    if rng.random() < 0.2:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    options: dict[str, object] = {"quality": int(rng.integers(75, 96)), "progressive": rng.random() < PROGRESSIVE}
    if rng.random() < EXIF:
        options["exif"] = _exif(rng)
    out = io.BytesIO()
    picture.save(out, "JPEG", **options)
    return out.getvalue()


def _exif(rng: np.random.Generator) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Example"
    exif[0x0110] = f"Model {int(rng.integers(1, 9))}"
    exif[0x0132] = f"2026:{int(rng.integers(1, 11)):02d}:{int(rng.integers(1, 28)):02d} 12:00:00"
    return bytes(exif.tobytes())


def small_files(folder: Path, count: int) -> Path:
    """`count` distinct files of 2 to 4 kB below `folder`: PNG, JPEG and text in turn; built once."""
    wanted: dict[str, object] = {"count": count, "seed": SEED, "version": 1}
    target = folder / f"small-{count}"
    if _built(target, wanted):
        return target
    rng = np.random.default_rng(SEED)
    for number in range(count):
        path = target / f"{number // _A_FOLDER:04d}"
        path.mkdir(parents=True, exist_ok=True)
        name, data = _small(number, rng)
        (path / name).write_bytes(data)
    return _done(target, wanted)


def _small(number: int, rng: np.random.Generator) -> tuple[str, bytes]:
    if number % 3 == 2:
        return f"note-{number:06d}.txt", (f"note {number}\n" + "a plain line of text\n" * 120).encode("ascii")
    pixels = rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    if number % 3:
        return f"drawing-{number:06d}.png", png(pixels)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((80, 60)).save(out, "JPEG", quality=90)
    return f"drawing-{number:06d}.jpg", out.getvalue()


def hash_list(folder: Path, rows: int, planted: Iterator[Path]) -> Path:
    """A CSV of `rows` rows, each a random SHA-256 and a random PDQ; the first rows list the `planted` files."""
    target = folder / f"list-{rows}.csv"
    rng = np.random.default_rng(SEED)
    with target.open("w", encoding="ascii") as out:
        out.write("sha256,pdq\n")
        for _ in range(rows):
            path = next(planted, None)
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest() if path else rng.bytes(32).hex()
            out.write(f"{sha256},{rng.bytes(32).hex()}\n")
    return target


def files_of(folder: Path) -> list[Path]:
    """All files below `folder`, in order."""
    return sorted(p for p in folder.rglob("*") if p.is_file())


def describe(files: list[Path]) -> str:
    """One line: how many, how large, how many pixels."""
    sizes = [p.stat().st_size for p in files]
    pixels, progressive = [], 0
    for path in files:
        with Image.open(path) as picture:
            pixels.append(picture.width * picture.height)
            progressive += bool(picture.info.get("progressive"))
    return (
        f"{len(files):,} JPEGs, {sum(sizes) / 1e6:,.0f} MB, {sum(pixels) / 1e6:,.0f} megapixels "
        f"(mean {np.mean(pixels) / 1e6:.1f}, {min(pixels) / 1e6:.1f} to {max(pixels) / 1e6:.1f}), "
        f"{8 * sum(sizes) / sum(pixels):.1f} bits a pixel, {100 * progressive / len(files):.0f} % progressive"
    )


def _note(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _built(target: Path, wanted: dict[str, object]) -> bool:
    note = _note(target)
    return note.is_file() and note.read_text("ascii") == json.dumps(wanted)


def _done(target: Path, wanted: dict[str, object]) -> Path:
    _note(target).write_text(json.dumps(wanted), "ascii")
    return target
