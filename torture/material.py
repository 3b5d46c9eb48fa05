"""What is scanned: small, drawn, mixed, the same on every machine."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from tests.evidence import build, jpeg, png

from torture.scans import Bench


def bench(home: Path, files: int) -> Bench:
    """Mixed files, archives nested in archives, broken ones, copies; and a list that names some of them."""
    home = home.resolve()
    evidence = home / "evidence"
    build(evidence, files)
    (evidence / "large.bin").write_bytes(random.Random(files).randbytes(3_300_000))
    listing = home / "list.csv"
    names = [hashlib.sha256(made(n, side=side)).hexdigest() for n, made, side in ((0, jpeg, 64), (100, png, 48))]
    first = sorted(p for p in evidence.rglob("*.jpg"))[:10]
    names += [hashlib.sha256(p.read_bytes()).hexdigest() for p in first]
    listing.write_text("sha256\n" + "\n".join(names) + "\n", "ascii")
    return Bench(home, evidence, listing)
