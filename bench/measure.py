"""Running a command and watching it: time, processor time, memory of the parent and of its workers."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil  # type: ignore[import-untyped]

MIB = 1024 * 1024
SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""One thread for linear algebra, as in a worker: all that is measured runs on as many cores as it says."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one command."""

    output: dict[str, Any]
    wall: float
    """Seconds from start to end, the interpreter's start included."""
    cpu: float
    """Processor seconds of all its processes."""
    parent_cpu: float
    """Of the parent alone, as last sampled; 0 where not watched."""
    parent: int
    """Peak resident bytes of the parent."""
    worker: int
    """Peak resident bytes of the largest worker."""
    together: int
    """Peak of the sum of proportional shares (PSS) of all processes."""


def triage(
    evidence: Path, *, jobs: int, case_root: Path, lists: Sequence[Path] = (), watch: bool = False
) -> Measured:
    """`leadlight triage` as a person would run it, into a new case that is removed afterwards."""
    case = Path(tempfile.mkdtemp(prefix="case-", dir=case_root))
    command = [
        *(sys.executable, "-c", "from leadlight.cli.app import main; main()", "triage", str(evidence)),
        *("--case", str(case), "--jobs", str(jobs), "--json"),
    ]
    for path in lists:
        command += ["--list", f"known={path}"]
    try:
        return run(command, watch=watch, allowed=(0, 1))
    finally:
        shutil.rmtree(case, ignore_errors=True)


def run(command: Sequence[str], *, watch: bool = False, allowed: Sequence[int] = (0,)) -> Measured:
    """Run `command`, which prints one JSON object. Raises RuntimeError where it fails."""
    environment = {**os.environ, **dict.fromkeys(SINGLE, "1")}
    before = _children_seconds()
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, env=environment, cwd=Path(__file__).parents[1])
        try:
            peaks = _watched(process) if watch else (0, 0, 0, 0.0)
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - began
        out.seek(0)
        text = out.read()
    if code not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {code}")
    parent, worker, together, parent_cpu = peaks
    return Measured(json.loads(text), wall, _children_seconds() - before, parent_cpu, parent, worker, together)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watched(process: subprocess.Popen[bytes]) -> tuple[int, int, int, float]:
    """Peaks of resident memory every quarter of a second, of proportional shares every second."""
    root = psutil.Process(process.pid)
    parent = worker = together = 0
    cpu, round_ = 0.0, 0
    while process.poll() is None:
        try:
            times = root.cpu_times()
            cpu = times.user + times.system
            children = root.children(recursive=True)
            parent = max(parent, root.memory_info().rss)
            worker = max([worker, *(c.memory_info().rss for c in children)])
            if round_ % 4 == 0 and sys.platform == "linux":
                together = max(together, sum(p.memory_full_info().pss for p in (root, *children)))
        except psutil.Error:
            pass
        round_ += 1
        time.sleep(0.25)
    return parent, worker, together, cpu


def worker_start() -> float:
    """Seconds from starting a worker process until it is ready for files."""
    from leadlight.config import Settings
    from leadlight.engine.channel import Inbox, send

    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "leadlight.engine.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("pipes were asked for")
        send(process.stdin.fileno(), {"settings": Settings().to_plain()})
        inbox = Inbox()
        while data := os.read(process.stdout.fileno(), 1 << 16):
            if any("ready" in m for m in inbox.feed(data)):
                break
        taken = time.perf_counter() - began
        process.stdin.close()
    return taken


def spread(values: Sequence[float], digits: int = 1) -> str:
    """The median, and the least and the greatest where there are several."""
    if len(values) < 2:
        return f"{values[0]:,.{digits}f}"
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table in Markdown."""
    widths = [max(len(str(r[i])) for r in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"

    print(f"\n{title}\n\n{line(head)}\n|{'|'.join('-' * (w + 2) for w in widths)}|")
    for row in rows:
        print(line(row))
    sys.stdout.flush()


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
