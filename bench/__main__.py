"""``python -m bench``: speed, memory and where the time goes, as tables in Markdown."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.measure import SINGLE, say


def main(arguments: list[str] | None = None) -> int:
    """Run the sections asked for; 1 where memory is not flat."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--section", choices=("speed", "memory", "profile"), action="append")
    parser.add_argument(
        "--cache", type=Path, help="where to build and keep what is measured; removed if not given"
    )
    parser.add_argument("--quick", action="store_true", help="about a minute: few files, one run")
    parser.add_argument("--files", type=int, help="pictures of the speed section [1000]")
    parser.add_argument("--small", type=int, action="append", help="numbers of small files [1000 10000 100000]")
    parser.add_argument("--runs", type=int, help="runs of each measurement [3]")
    parser.add_argument("--peer-every", type=int, help="the peers take each n-th picture [1; with --quick 4]")
    parser.add_argument("--list-rows", type=int, help="rows of the hash list [100000]")
    given = parser.parse_args(arguments)

    os.environ.update(dict.fromkeys(SINGLE, "1"))  # before NumPy is loaded
    from bench import material
    from bench.memory import memory
    from bench.speed import speed
    from bench.stages import profile

    quick = given.quick
    sections = given.section or ["speed", "memory", "profile"]
    runs = given.runs or (1 if quick else 3)
    temporary = given.cache is None
    cache = Path(tempfile.mkdtemp(prefix="leadlight-bench-")) if temporary else given.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    print(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}.")
    try:
        if "speed" in sections:
            speed(
                cache,
                files=given.files or (40 if quick else 1000),
                runs=runs,
                rows=given.list_rows or (10_000 if quick else material.LIST_ROWS),
                every=given.peer_every or (4 if quick else 1),
            )
        if "profile" in sections:
            profile(cache, runs=runs, pictures=2 if quick else 6)
        if "memory" in sections:
            counts = given.small or ([500, 2000] if quick else [1000, 10_000, 100_000])
            if not memory(cache, counts=counts, runs=runs):
                return 1
    finally:
        if temporary:
            say(f"removing {cache}")
            shutil.rmtree(cache, ignore_errors=True)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
