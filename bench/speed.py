"""Triage beside threatexchange and beside the floor, over the same pictures."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import material
from bench.measure import Measured, run, say, spread, table, triage, worker_start


@dataclass(slots=True)
class _Row:
    name: str
    cores: int
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    def add(self, measured: Measured, *, cold: float = 0.0, cold_cpu: float = 0.0) -> None:
        self.files = measured.output["items"]
        self.bytes = measured.output["bytes"]
        seconds = measured.output["seconds"]
        self.seconds.append(max(seconds - cold, seconds / 10))
        self.cpu.append(measured.output.get("cpu", measured.cpu - cold_cpu))

    def rate(self) -> float:
        """Bytes a second and core."""
        return self.bytes / median(self.seconds) / self.cores

    def thrift(self) -> float:
        """Bytes a processor second: hardly moved by what else the machine does."""
        return self.bytes / max(median(self.cpu), 1e-9)


def speed(cache: Path, *, files: int, runs: int, rows: int, every: int) -> None:
    """Print the table; `every` takes each n-th file for the peers."""
    say(f"building {files} pictures below {cache}")
    evidence = material.pictures(cache, files)
    all_files = material.files_of(evidence)
    listed = material.hash_list(cache, rows, iter(all_files[:20]))
    empty = cache / "empty"
    empty.mkdir(exist_ok=True)
    print(f"\nMaterial: {material.describe(all_files)}.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = sorted({1, cores})

    peers = ["read", "decode"]
    if importlib.util.find_spec("threatexchange") is not None:
        peers += ["threatexchange", "match"]
    else:
        say("threatexchange is not installed: pip install '.[bench]'")
    named = {
        "read": "floor: read and SHA-256",
        "decode": "floor: full decode by Pillow",
        "threatexchange": "threatexchange: PDQ from a file, no list",
        "match": "threatexchange match, list",
    }
    table_rows = {p: _Row(named[p], 1) for p in peers}
    for n in jobs:
        table_rows[f"plain {n}"] = _Row(f"leadlight triage, {n} job{'s' * (n > 1)}", n)
        table_rows[f"list {n}"] = _Row(f"leadlight triage, {n} job{'s' * (n > 1)}, list", n)
    cold: dict[int, list[float]] = {n: [] for n in jobs}
    loading: list[float] = []
    starts: list[float] = []
    walls: list[float] = []
    spent: dict[int, float] = {}

    def report(done: int) -> None:
        reference = table_rows.get("match")
        table(
            f"Speed over {done} run{'s' * (done > 1)}: median (least to greatest). Files in the system's cache.",
            (
                "what",
                "files/s",
                "MB/s per core",
                "processor ms/file",
                "times threatexchange match",
                "of full decode",
            ),
            [
                (
                    row.name,
                    spread([row.files / s for s in row.seconds]),
                    spread([row.bytes / 1e6 / s / row.cores for s in row.seconds], 2),
                    spread([1000 * c / row.files for c in row.cpu], 1),
                    _ratios(row, reference),
                    _ratios(row, table_rows["decode"]),
                )
                for row in table_rows.values()
            ],
        )
        print("\nRatios: by MB/s per core; in brackets by MB per processor second, which other load hardly moves.")
        print("Start-up is taken off and stands below; loading the list is not." + _sampled(every))
        table(
            "Counted apart, in seconds",
            ("what", "seconds"),
            [
                ("start of the interpreter and the command", spread(walls, 2)),
                ("start of one worker until it is ready", spread(starts, 2)),
                *((f"triage of an empty folder, {n} job{'s' * (n > 1)}", spread(cold[n], 2)) for n in jobs),
                (f"loading a CSV of {rows:,} rows, each SHA-256 and PDQ", spread(loading, 2)),
            ],
        )

    for path in all_files:
        path.read_bytes()
    for number in range(runs):
        say(f"round {number + 1} of {runs}")
        starts.append(worker_start())
        for n in jobs:
            measured = triage(empty, jobs=n, case_root=cache)
            cold[n].append(measured.output["seconds"])
            spent[n] = measured.cpu
            walls.append(measured.wall - measured.output["seconds"])
        measured = triage(empty, jobs=1, case_root=cache, lists=[listed])
        loading.append(measured.output["seconds"] - cold[1][-1])
        for peer in peers:
            command = [sys.executable, "-m", "bench.peers", peer, str(evidence), str(every), str(listed)]
            table_rows[peer].add(run(command))
            say(f"  {table_rows[peer].name}: {table_rows[peer].seconds[-1]:.1f} s")
        for n in jobs:
            for kind, lists in (("plain", []), ("list", [listed])):
                row = table_rows[f"{kind} {n}"]
                measured = triage(evidence, jobs=n, case_root=cache, lists=lists)
                row.add(measured, cold=cold[n][-1], cold_cpu=spent[n])
                say(f"  {row.name}: {row.seconds[-1]:.1f} s")

        done = number + 1
        with contextlib.redirect_stdout(sys.stdout if done == runs else sys.stderr):
            report(done)


def _ratios(row: _Row, other: _Row | None) -> str:
    return f"{row.rate() / other.rate():.2f} ({row.thrift() / other.thrift():.2f})" if other else ""


def _sampled(every: int) -> str:
    return f" The peers took one file in {every}, triage all." if every > 1 else ""
