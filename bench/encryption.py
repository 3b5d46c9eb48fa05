"""What an encrypted case costs beside a plain one: scan, rank, queue and a long hash list, measured in turn."""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from bench import material
from bench.measure import say, table
from leadlight import Case, Settings
from leadlight.case import ListFile
from leadlight.casekey import CaseKey
from leadlight.store.nearness import near_list


def main(arguments: list[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench.encryption", description=__doc__)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--hashes", type=int, default=1_000_000, help="PDQ entries of the long list")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="few files, a short list, one run")
    given = parser.parse_args(arguments)
    if given.quick:
        given.files, given.hashes, given.runs = 200, 30_000, 1
    folder = Path(tempfile.mkdtemp(prefix="leadlight-bench-"))
    try:
        _measure(folder, files=given.files, hashes=given.hashes, runs=given.runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _measure(folder: Path, *, files: int, hashes: int, runs: int) -> None:
    say(f"building {files:,} small files and a list of {hashes:,}")
    evidence = material.small_files(folder, files)
    listed = folder / "list.csv"
    rng = np.random.default_rng(3)
    with listed.open("w", encoding="ascii") as out:
        out.write("algorithm,value,label\n")
        for _ in range(hashes):
            out.write(f"pdq,{rng.bytes(32).hex()},\n")
    keys = {"plain": None, "encrypted": CaseKey.from_passphrase("a passphrase of the bench")}
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    sizes: dict[str, int] = {}
    for turn in range(runs):
        for kind in sorted(keys, reverse=turn % 2 == 0):
            say(f"run {turn + 1} of {runs}: {kind}")
            path = folder / f"case-{kind}"
            for step, seconds in _steps(path, evidence, listed, keys[kind]):
                found.setdefault(step, {}).setdefault(kind, []).append(seconds)
            sizes[kind] = (path / "case.db").stat().st_size
            shutil.rmtree(path)
    rows = []
    for step, measured in found.items():
        (plain, plain_cpu), (locked, locked_cpu) = (
            [median(column) for column in zip(*measured[k], strict=True)] for k in ("plain", "encrypted")
        )
        rows.append(
            (
                step,
                f"{plain:.2f}",
                f"{locked:.2f}",
                f"{locked / plain:.2f}",
                f"{locked_cpu / max(plain_cpu, 0.001):.2f}",
            )
        )
    table(
        f"Encrypted beside plain: {files:,} small files, one worker, a list of {hashes:,} PDQ hashes; "
        f"medians of {runs} runs. case.db {sizes['encrypted'] / max(sizes['plain'], 1):.3f} times as large.",
        ("step", "plain, s", "encrypted, s", "ratio", "ratio of processor time"),
        rows,
    )


def _steps(path: Path, evidence: Path, listed: Path, key: CaseKey | None) -> list[tuple[str, tuple[float, float]]]:
    settings = Settings(jobs=1)
    made: list[tuple[str, tuple[float, float]]] = []
    case = Case.create(path, settings=settings, key=key)
    made.append(("scan and rank", _timed(lambda: case.run([evidence]))))
    made.append(("rank again", _timed(case.rank)))
    case.close()
    made.append(("open", _timed(lambda: Case.open(path, settings=settings, key=key).close())))
    case = Case.open(path, settings=settings, key=key)
    made.append(("queue, all", _timed(lambda: sum(1 for _ in case.queue()))))
    made.append(("queue, top 10", _timed(lambda: list(case.queue(top=10)))))
    made.append(("verify", _timed(lambda: list(case.verify()))))
    made.append(("load the list and match", _timed(lambda: case.add_lists([ListFile(listed)]))))
    made.append(("open or make the index", _timed(lambda: _index(case))))
    case.close()
    return made


def _index(case: Case) -> None:
    """What each later run does of a list: open its index, or make it in memory."""
    with near_list(case._database, 1) as index:
        assert len(index)


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and processor seconds of this process and of its children that ended."""
    before, began = _processor(), time.perf_counter()
    run()
    return time.perf_counter() - began, _processor() - before


def _processor() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, who))


if __name__ == "__main__":
    raise SystemExit(main())
