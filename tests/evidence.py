"""Neutral evidence, built: drawn pictures, texts, archives nested, broken files, copies."""

from __future__ import annotations

import io
import os
import random
import tarfile
import zipfile
from pathlib import Path

from PIL import Image

from leadlight.chart import chart_pixels

WHEN = 1_760_000_000


def jpeg(seed: int, *, side: int = 96, quality: int = 85, exif: bool = False) -> bytes:
    """A drawn landscape as JPEG; with `exif`, as an invented camera would write it."""
    out = io.BytesIO()
    image = Image.fromarray(chart_pixels(side * 4 // 3, side, seed))
    if exif:
        data = Image.Exif()
        data[0x010F], data[0x0110] = "Example Optics", "EX-1"
        inner = data.get_ifd(0x8769)
        inner[0x9003], inner[0x829A], inner[0x829D], inner[0x8827] = "2026:05:01 10:00:00", 0.01, 2.8, 100
        inner[0xA431] = "EX1-0001"
        image.save(out, "JPEG", quality=quality, exif=data)
    else:
        image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(seed: int, *, side: int = 48) -> bytes:
    """A drawn landscape as PNG."""
    out = io.BytesIO()
    Image.fromarray(chart_pixels(side * 4 // 3, side, seed)).save(out, "PNG")
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """A ZIP archive, the same on every run."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 5, 1, 10, 0, 0)), data)
    return out.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    """A tar archive with gzip."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), WHEN
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def build(folder: Path, count: int, *, seed: int = 1) -> int:
    """About `count` mixed files below `folder`; returns how many leaves there are, archive members included."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    pool = [jpeg(n, side=64, exif=n % 3 == 0) for n in range(12)] + [png(n) for n in range(100, 106)]
    leaves = 0
    made = 0
    while made < count:
        sub = folder / f"d{made // 50:03d}"
        sub.mkdir(exist_ok=True)
        kind = rng.randrange(20)
        data = rng.choice(pool)
        name = f"{made:05d}"
        if kind < 9:
            data, name = data + b"\0" * rng.randrange(4) + made.to_bytes(3, "big"), name + ".jpg"
        elif kind < 12:
            name += ".jpg"
        elif kind < 14:
            data, name = f"note {made}\n".encode() * 20, name + ".txt"
        elif kind < 15:
            data, name = data[: len(data) // 2], name + ".cut.jpg"
        elif kind < 16:
            data, name = rng.randbytes(300), name + ".jpg"
        elif kind < 17:
            data, name = b"", name + ".empty"
        elif kind < 18:
            data = bytearray(data)
            for _ in range(20):
                data[rng.randrange(len(data))] = rng.randrange(256)
            data, name = bytes(data), name + ".bad.png"
        else:
            members = {f"m{n}-{made}.jpg": rng.choice(pool) + bytes([n]) for n in range(rng.randrange(1, 6))}
            leaves += len(members)
            made += len(members)
            if rng.random() < 0.4:
                inner = tarred({f"deep-{made}.png": rng.choice(pool), "note.txt": b"inner note"})
                members["inner.tar.gz"] = inner
                leaves += 3
                made += 3
            data, name = (
                (zipped(members), name + ".zip") if rng.random() < 0.6 else (tarred(members), name + ".tgz")
            )
            if rng.random() < 0.1:
                data, name = data[: len(data) * 2 // 3], name + ".cut"
        path = sub / name
        path.write_bytes(data)
        os.utime(path, (WHEN, WHEN + made))
        leaves += 1
        made += 1
    return leaves
