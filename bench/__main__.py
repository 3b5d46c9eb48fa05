"""``python -m bench``: all that is measured, as tables in Markdown.

Triage beside its peers (`speed`), where the time goes (`profile`), memory and growth (`memory`), and a section for
each further module of this folder that is named in `MORE`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.measure import SINGLE, say

OWN = ("speed", "profile", "memory")
MORE: dict[str, tuple[str, ...]] = {
    "fingerprint": ("--files", "6", "--runs", "1"),
    "radius": ("--size", "100000", "--runs", "1", "--group", "100000"),
    "edits": ("--quick",),
    "features": ("--quick",),
    "grouping": ("--quick",),
    "sensor": ("--quick",),
    "cage": ("--pictures", "6", "--small", "60", "--rounds", "1"),
    "encryption": ("--quick",),
}
"""Modules with a `main` of their own, and what makes each quick."""


def main(arguments: list[str] | None = None) -> int:
    """Run the sections asked for; 1 where memory is not flat or a section failed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--section", choices=(*OWN, *MORE), action="append")
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

    quick, failed = given.quick, False
    sections = given.section or [*OWN, *MORE]
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
            failed |= not memory(cache, counts=counts, runs=runs)
        for name in (n for n in MORE if n in sections):
            failed |= further(name, MORE[name] if quick else ())
    finally:
        if temporary:
            say(f"removing {cache}")
            shutil.rmtree(cache, ignore_errors=True)
    return int(failed)


def further(name: str, arguments: Sequence[str]) -> bool:
    """Run a module of its own; True where it failed. One that is not there, or has no `main`, is passed over."""
    if importlib.util.find_spec(f"bench.{name}") is None:
        return False
    run = getattr(importlib.import_module(f"bench.{name}"), "main", None)
    if run is None:
        return False
    say(f"section {name}")
    try:
        return bool(run(list(arguments)))
    except (SystemExit, Exception) as e:
        say(f"section {name} ended: {type(e).__name__}: {e}")
        return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
