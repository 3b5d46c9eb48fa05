"""Memory and time per file as the number of files grows: both should stay as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench import material
from bench.measure import MIB, Measured, say, spread, table, triage

FLAT = 1.2


def memory(cache: Path, *, counts: Sequence[int], runs: int) -> bool:
    """Print the table; says whether all stays within 20 % of the first row. The greatest count runs once."""
    jobs = min(2, os.cpu_count() or 1)
    found: list[tuple[int, list[Measured]]] = []
    for count in counts:
        say(f"building {count:,} small files below {cache}")
        evidence = material.small_files(cache, count)
        repeats = runs if count < 50_000 else 1
        measured = []
        for number in range(repeats):
            measured.append(triage(evidence, jobs=jobs, case_root=cache, watch=True))
            say(f"  {count:,} files, run {number + 1} of {repeats}: {measured[-1].output['seconds']:.1f} s")
        found.append((count, measured))
    table(
        f"Memory and growth: small files, {jobs} jobs. Peaks in MiB; median (least to greatest) of the runs.",
        (
            "files",
            "runs",
            "ms/file",
            "processor ms/file",
            "parent's share",
            "parent",
            "largest worker",
            "all (PSS)",
        ),
        [
            (
                f"{count:,}",
                str(len(runs_)),
                spread([1000 * m.output["seconds"] / count for m in runs_], 2),
                spread([1000 * m.cpu / count for m in runs_], 2),
                spread([1000 * m.parent_cpu / count for m in runs_], 2),
                spread([m.parent / MIB for m in runs_], 0),
                spread([m.worker / MIB for m in runs_], 0),
                spread([m.together / MIB for m in runs_], 0),
            )
            for count, runs_ in found
        ],
    )
    first, last = found[0][1], found[-1][1]
    peaks: dict[str, Callable[[Measured], int]] = {
        "parent": lambda m: m.parent,
        "largest worker": lambda m: m.worker,
        "all": lambda m: m.together,
    }
    growth = {
        name: median(of(m) for m in last) / max(median(of(m) for m in first), 1) for name, of in peaks.items()
    }
    flat = all(value <= FLAT for value in growth.values())
    said = ", ".join(f"{name} x {value:.2f}" for name, value in growth.items())
    print(
        f"\nFrom {found[0][0]:,} to {found[-1][0]:,} files: {said}: {'flat' if flat else 'NOT flat'} within 20 %."
    )
    return flat
