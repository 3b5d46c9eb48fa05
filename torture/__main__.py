"""``python -m torture``: what a case is promised to live through, done to it; prints a table in Markdown.

Exits with 1 where anything did not hold. The seed is printed: the same seed makes the same choices, though what
rests on time does not come out the same twice.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from leadlight.casekey import new_key_file
from torture.disks import FAULTS
from torture.hostile import hostile
from torture.kills import kills, undisturbed
from torture.material import bench
from torture.outcome import Outcome, say, table
from torture.planted import planted
from torture.power import power
from torture.scans import KEY, NoCompiler, shim

SECTIONS = ("kills", "power", *FAULTS, "planted", "hostile")


def main(arguments: list[str] | None = None) -> int:
    """Run the sections asked for; 1 where one failed, 2 where the shim can't be built here."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--section", choices=SECTIONS, action="append")
    parser.add_argument("--quick", action="store_true", help="a tenth of each")
    parser.add_argument("--seed", type=int, help="of all choices [by chance]")
    parser.add_argument("--kills", type=int, help="[300]")
    parser.add_argument("--moments", type=int, help="moments at which power is lost [400]")
    parser.add_argument("--rounds", type=int, help="of each fault of disks, evidence and clocks [20]")
    parser.add_argument("--changes", type=int, help="planted in the record [500]")
    parser.add_argument("--hostile", type=int, help="hostile files [2500]")
    parser.add_argument("--files", type=int, help="files of the evidence [80]")
    parser.add_argument("--encrypted", action="store_true", help="encrypted cases; without changes in the record")
    parser.add_argument("--keep", type=Path, help="where to work, and leave what failed; removed if not given")
    given = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    part = 10 if given.quick else 1

    def rng(name: str) -> random.Random:
        return random.Random(f"{seed} {name}")

    home = Path(tempfile.mkdtemp(prefix="leadlight-torture-")) if given.keep is None else given.keep
    home.mkdir(parents=True, exist_ok=True)
    say(f"seed {seed}, in {home}")
    outcomes: list[Outcome] = []
    sections = given.section or SECTIONS
    if given.encrypted:
        sections = [s for s in sections if s != "planted"]
        new_key_file(home / KEY)
    try:
        shim(home.resolve())
        on = bench(home, given.files or 80)
        whole = undisturbed(on)
        runs: dict[str, Callable[[], Sequence[Outcome]]] = {
            "kills": lambda: kills(on, whole, count=given.kills or 300 // part, rng=rng("kills")),
            "power": lambda: power(
                on,
                whole,
                count=given.moments or 400 // part,
                resumed=(given.moments or 400 // part) // 10,
                rng=rng("power"),
            ),
            **{
                name: (lambda run=run, name=name: run(on, whole, count=given.rounds or 20 // part, rng=rng(name)))
                for name, run in FAULTS.items()
            },
            "planted": lambda: planted(on, count=given.changes or 500 // part, rng=rng("planted")),
            "hostile": lambda: hostile(on, count=given.hostile or 2500 // part, rng=rng("hostile")),
        }
        for name in SECTIONS:
            if name in sections:
                began = time.monotonic()
                made = runs[name]()
                outcomes += made
                ended = "held" if all(o.whole for o in made) else "FAILED"
                say(f"{name}: {time.monotonic() - began:.0f} s, {ended}")
    except NoCompiler as e:
        say(str(e))
        return 2
    finally:
        if outcomes:
            print(table(outcomes, seed), flush=True)
        if given.keep is None:
            shutil.rmtree(home, ignore_errors=True)
    return int(not all(o.whole for o in outcomes))


if __name__ == "__main__":
    sys.exit(main())
