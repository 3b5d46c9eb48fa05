"""``python -m bench.cage``: what the cage costs, the same scan with and without, in turn."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.measure import SINGLE, say, spread, table, triage


def main(arguments: list[str] | None = None) -> int:
    """Print the table. Each round runs both, in an order that turns; ratios are of one round."""
    parser = argparse.ArgumentParser(prog="bench.cage", description=__doc__)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--small", type=int, default=2000, help="small files")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args(arguments)
    os.environ.update(dict.fromkeys(SINGLE, "1"))
    from bench import material

    cache = Path(tempfile.mkdtemp(prefix="leadlight-bench-"))
    print(f"Python {platform.python_version()} on {platform.system()} {platform.release()} {platform.machine()}.")
    try:
        rows = []
        for name, evidence in (
            ("pictures", material.pictures(cache, given.pictures)),
            ("small files", material.small_files(cache, given.small)),
        ):
            rows += _measured(name, evidence, rounds=given.rounds, jobs=given.jobs, cache=cache)
        head = ("what", "without, s", "with, s", "wall: with / without", "processor: with / without")
        table(f"Cage: {given.rounds} rounds in turn, median (least to greatest).", head, rows)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    return 0


def _measured(name: str, evidence: Path, *, rounds: int, jobs: int, cache: Path) -> list[tuple[str, ...]]:
    wall: dict[str, list[float]] = {"off": [], "on": []}
    cpu: dict[str, list[float]] = {"off": [], "on": []}
    for n in range(rounds + 1):
        say(f"{name}: round {n} of {rounds}")
        for mode in ("off", "on") if n % 2 else ("on", "off"):
            os.environ["LEADLIGHT_CAGE"] = mode
            measured = triage(evidence, jobs=jobs, case_root=cache)
            if n:  # the first round fills the system's caches
                wall[mode].append(measured.output["seconds"])
                cpu[mode].append(measured.cpu)
    del os.environ["LEADLIGHT_CAGE"]
    walls = [a / b for a, b in zip(wall["on"], wall["off"], strict=True)]
    cpus = [a / b for a, b in zip(cpu["on"], cpu["off"], strict=True)]
    say(f"{name}: {median(walls):.3f} wall, {median(cpus):.3f} processor")
    return [(name, spread(wall["off"], 2), spread(wall["on"], 2), spread(walls, 3), spread(cpus, 3))]


if __name__ == "__main__":
    sys.exit(main())
