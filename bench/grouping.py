"""``python -m bench.grouping``: groups of near-copies of a made-up case, by size and share of copies.

Random hashes; a share of the contents are copies of others, turned or not, with some 16 bits changed, or half of
all are one picture. Each row runs in a process of its own. Time is by the clock and of all cores, reading hashes
included, from memory or (`--stored`) from a database. `--check` compares with asking by every form.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import say
from leadlight.config import Settings
from leadlight.link.similar import PLUGIN
from leadlight.seams import Print


class Made:
    """`count` contents of `forms` hashes: `copies` in a hundred are copies, `great` are one picture."""

    def __init__(self, count: int, forms: int, copies: int, great: int) -> None:
        rng = np.random.default_rng(3)
        self.hashes = rng.integers(0, 1 << 64, size=(count, max(1, forms), 4), dtype=np.uint64)
        some = rng.choice(count, count * copies // 100, replace=False)
        noise = rng.integers(0, 1 << 64, size=(len(some), 4), dtype=np.uint64)
        for _ in range(4):  # one bit of sixteen: sixteen bits changed, give or take
            noise &= rng.integers(0, 1 << 64, size=noise.shape, dtype=np.uint64)
        form = rng.integers(0, max(1, forms), len(some))
        self.hashes[some, 0] = self.hashes[rng.integers(0, count, len(some)), form] ^ noise
        if great:
            many = rng.choice(count, great, replace=False)
            flips = np.uint64(1) << rng.integers(0, 64, size=(great, 4), dtype=np.uint64)
            self.hashes[many, 0] = self.hashes[many[0], 0] ^ flips
        self.count, self.forms = count, forms

    def prints(self, algorithm: str) -> Iterator[Print]:
        turned = algorithm != "pdq"
        for n in range(self.count if self.forms > 1 or not turned else 0):
            sha256 = f"{n:064x}"
            raw = self.hashes[n].astype(">u8").tobytes()
            for at in range(0, 32 * self.forms if turned else 32, 32):
                yield Print(sha256, raw[at : at + 32], 90)

    def stored(self, folder: Path) -> Any:
        """The same in a case's database."""
        from sqlalchemy import insert

        from leadlight.store import schema
        from leadlight.store.database import Database
        from leadlight.store.view import View

        database = Database.create(folder / "case.db")
        with database.writing() as connection:
            for algorithm in ("pdq", "pdq.dihedral"):
                held: list[dict[str, Any]] = []
                last, ordinal = "", 0
                for p in self.prints(algorithm):
                    ordinal = ordinal + 1 if p.sha256 == last else 0
                    last = p.sha256
                    row = {"algorithm": algorithm, "sha256": last, "ordinal": ordinal, "value": p.value}
                    held.append({**row, "quality": 90})
                    if len(held) >= 50_000:
                        connection.execute(insert(schema.perceptual), held)
                        held = []
                if held:
                    connection.execute(insert(schema.perceptual), held)
        return View(database)


def one(count: int, forms: int, copies: int, great: int, stored: bool, check: bool) -> dict[str, Any]:
    made = Made(count, forms, copies, great)
    with tempfile.TemporaryDirectory(prefix="leadlight-grouping-") as folder:
        view: Any = made.stored(Path(folder)) if stored else made
        start = time.perf_counter(), time.process_time()
        for algorithm in ("pdq", "pdq.dihedral"):
            for _ in view.prints(algorithm):
                pass
        reading = time.perf_counter() - start[0]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter(), time.process_time()
        links = list(PLUGIN.link(view, Settings()))
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if check:
            from tests.link.by_every_form import groups

            assert [(x.members, x.facts["diameter"]) for x in links] == groups(view, Settings())
    found = {"wall": wall, "cpu": cpu, "reading": reading, "more": (peak - before) * 1024, "groups": len(links)}
    return {**found, "grouped": sum(len(x.members) for x in links)}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.grouping", description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="contents [100000 1000000]")
    parser.add_argument("--quick", action="store_true", help="20,000 contents only")
    parser.add_argument("--stored", action="store_true", help="read from a case's database too")
    parser.add_argument("--check", action="store_true", help="compare with asking by every form (slow)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.one:
        json.dump(one(*json.loads(given.one)), sys.stdout)
        return 0
    sizes = given.size or ([20_000] if given.quick else [100_000, 1_000_000])
    print(f"\n## Groups of near-copies, {os.cpu_count()} cores\n")
    print("| contents | forms | of which copies | s by the clock | s of all cores | reading | MB more | groups |")
    print("|---|---|---|---|---|---|---|---|")
    for size in sizes:
        for forms, copies, great in ((1, 20, 0), (8, 20, 0), (8, 0, size // 2)):
            for stored in (False, True) if given.stored else (False,):
                case = json.dumps([size, forms, copies, great, stored, given.check])
                say(case)
                command = [sys.executable, "-m", "bench.grouping", "--one", case]
                row = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
                how = "one picture, half" if great else f"{copies} %"
                print(
                    f"| {size:,}{', in a database' if stored else ''} | {forms} | {how} | {row['wall']:.1f} "
                    f"| {row['cpu']:.1f} | {row['reading']:.1f} | {row['more'] / 1e6:,.0f} "
                    f"| {row['groups']:,} of {row['grouped']:,} |"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
