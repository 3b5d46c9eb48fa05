"""The manifest's pictures: which may train, which measure, and which are copies across that line."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pi_heif
from manifest import SPLITS, UNLICENSED
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.uint8]
NEAR = 48
"""Bits of 256 by which the hashes of two pictures may differ and still count as copies of each other."""
pi_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of the manifest."""

    path: Path
    origin: str
    """'camera' or 'generated'."""
    source: str
    maker: str
    """Generator or camera, in the source's words; may be empty."""
    licence: str
    sha256: str
    split: str
    """One of `manifest.SPLITS`."""
    phone_year: str = ""
    """Year of the phone where it is one of 2018 or later and known."""

    @property
    def may_train(self) -> bool:
        """Whether it may train a shipped model: for that it needs a licence that covers pictures."""
        return self.split == "train" and not self.licence.lower().startswith(UNLICENSED) and bool(self.licence)

    @property
    def label(self) -> int:
        """1 for a generator's output, 0 for a camera's."""
        return int(self.origin == "generated")


def rows(*manifests: Path) -> list[Row]:
    """All rows of the manifests whose file is there, each content once; paths are relative to their manifest."""
    found: dict[str, Row] = {}
    for manifest in manifests:
        if not manifest.exists():
            continue
        with manifest.open(newline="", encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                path = manifest.parent / line["path"]
                if line["origin"] in ("camera", "generated") and line["split"] in SPLITS and path.is_file():
                    found.setdefault(
                        line["sha256"],
                        Row(
                            path,
                            line["origin"],
                            line["source"],
                            line["generator_or_camera"],
                            line["licence"],
                            line["sha256"],
                            line["split"],
                            line.get("phone_year") or "",
                        ),
                    )
    return list(found.values())


def decoded(path: Path, *, most_side: int = 6000) -> tuple[Pixels, dict[int, list[int]] | None]:
    """The picture as RGB with nothing of its metadata, and its JPEG quantisation tables where it has any.

    Kept in its stored orientation, so that the grid of JPEG blocks keeps its phase.
    """
    with Image.open(path) as image:
        tables = getattr(image, "quantization", None) if image.format == "JPEG" else None
        if max(image.size) > most_side:
            image.draft("RGB", (image.width // 2, image.height // 2))
        if image.mode in ("RGBA", "LA", "P"):
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        return np.asarray(image.convert("RGB")), tables


def capped(found: Iterable[Row], most: int) -> list[Row]:
    """At most `most` pictures of each source and maker, chosen by their digest: no source outweighs the rest."""
    by: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in sorted(found, key=lambda r: hashlib.sha256(b"draw" + r.sha256.encode()).digest()):
        by[row.source, row.maker if row.label else ""].append(row)
    return [row for group in by.values() for row in group[:most]]


def hashes(found: Iterable[Row], store: Path) -> Iterator[tuple[Row, bytes, int]]:
    """PDQ hash and quality of each picture that can be read, from at most 1024 pixels a side; kept in `store`."""
    from leadlight.fingerprint.pdq import pdq

    known: dict[str, tuple[bytes, int]] = {}
    if store.exists():
        with store.open(newline="", encoding="utf-8") as lines:
            known = {sha: (bytes.fromhex(bits), int(quality)) for sha, bits, quality in csv.reader(lines)}
    with store.open("a", newline="", encoding="utf-8") as lines:
        table = csv.writer(lines)
        for row in found:
            if row.sha256 not in known:
                try:
                    with Image.open(row.path) as image:
                        image.draft("RGB", (1024, 1024))
                        small = ImageOps.contain(image.convert("RGB"), (1024, 1024))
                except (OSError, ValueError):
                    continue
                bits, quality = known[row.sha256] = pdq(np.asarray(small))
                table.writerow([row.sha256, bits.hex(), quality])
            yield (row, *known[row.sha256])


def copies_across(given: Iterable[Row], store: Path) -> set[str]:
    """Digests of the training pictures that are near copies of a picture that measures: they train nothing."""
    from leadlight.radius import RadiusIndex, pack

    measured = [(row, bits) for row, bits, quality in hashes(given, store) if quality >= 40]
    held = [bits for row, bits in measured if row.split != "train"]
    train = [(row, bits) for row, bits in measured if row.split == "train"]
    if not held or not train:
        return set()
    index = RadiusIndex(pack(held))
    found = index.search(pack([bits for _, bits in train]), NEAR)
    return {train[query][0].sha256 for queries, _, _ in found for query in queries.tolist()}
