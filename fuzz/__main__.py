"""Runs all targets, or those named, each for a bounded time, and says what it reached.

`python -m fuzz [--seconds N] [--native] [TARGET...]`. What is found grows a corpus in `.fuzz/`, which is kept
between runs; an input that breaks something lies in `.fuzz/TARGET/found/`. The exit code is 1 where there is one.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".fuzz"
CORPUS = ROOT / "tests" / "corpus"
SLOW = 30
"""Seconds that one input may take."""
MEMORY = 4096
"""MiB that a process may take."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What one run of one target did."""

    executions: int
    seconds: float
    coverage: str
    """Edges, and features (how often each) as the fuzzer counts them."""
    found: tuple[Path, ...]


def prepared(name: str) -> tuple[Path, Path]:
    """The growing corpus of a target, its seeds written into it, and where what is found goes."""
    from fuzz.targets import TARGETS

    corpus, found = WORK / name / "corpus", WORK / name / "found"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(exist_ok=True)
    kept = [p.read_bytes() for p in sorted((CORPUS / name).glob("*"))] if (CORPUS / name).is_dir() else []
    for data in (*TARGETS[name].seeds(), *kept):
        (corpus / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    return corpus, found


def words(name: str) -> list[str]:
    """The option for a file with the words of a format; none where it has none, for an empty file is refused."""
    from fuzz.targets import TARGETS

    file = WORK / name / "words"
    escaped = ("".join(f"\\x{b:02x}" for b in token) for token in TARGETS[name].tokens)
    file.write_text("".join(f'"{token}"\n' for token in escaped), "ascii")
    return [f"-dict={file}"] if TARGETS[name].tokens else []


def guided(name: str, seconds: float, seed: int) -> Reached:
    """Coverage-guided, by atheris."""
    from fuzz.targets import TARGETS

    corpus, found = prepared(name)
    before = set(found.iterdir())
    options = [
        f"-max_total_time={max(1, int(seconds))}", f"-timeout={SLOW}", f"-rss_limit_mb={MEMORY}", f"-seed={seed}",
        f"-max_len={TARGETS[name].longest}", f"-artifact_prefix={found}/",
        *words(name), "-len_control=20", "-print_final_stats=1",
    ]  # fmt: skip
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.guided", name, *options, str(corpus)],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    log = done.stdout.decode("utf-8", "replace")
    (corpus.parent / "log").write_text(log, "utf-8")
    runs = (
        re.findall(r"number_of_executed_units: (\d+)", log) or re.findall(r"^#(\d+)", log, re.MULTILINE) or ["0"]
    )
    spent = re.findall(r"^Done \d+ runs? in (\d+) second", log, re.MULTILINE)
    cover = re.findall(r"cov: (\d+) ft: (\d+)", log) or [("0", "0")]
    made = tuple(sorted(set(found.iterdir()) - before))
    if done.returncode and not made:
        made = (corpus.parent / "log",)
    seconds = float(spent[-1]) if spent else time.monotonic() - started
    return Reached(int(runs[-1]), seconds, f"{cover[-1][0]} edges, {cover[-1][1]} features", made)


def main() -> int:
    asked = argparse.ArgumentParser(
        prog="python -m fuzz", description=__doc__.splitlines()[0] if __doc__ else None
    )
    asked.add_argument("--seconds", type=float, default=90, help="for each target (default: %(default)s)")
    asked.add_argument("--seed", type=int, default=1, help="of the random choices (default: %(default)s)")
    asked.add_argument(
        "--native", action="store_true", help="compiled code under AddressSanitizer, by our own mutator"
    )
    asked.add_argument("targets", nargs="*", metavar="TARGET")
    given = asked.parse_args()
    from fuzz import native
    from fuzz.targets import TARGETS

    names = given.targets or [n for n, t in TARGETS.items() if t.native or not given.native]
    if unknown := set(names) - set(TARGETS):
        asked.error(f"no such target: {', '.join(sorted(unknown))}; there are: {', '.join(TARGETS)}")
    run = native.sanitized if given.native else guided
    if given.native:
        native.build()
    print(f"{len(names)} targets, {given.seconds:g} s each, seed {given.seed}", flush=True)
    print(f"{'target':<16} {'executions':>11} {'per second':>11}  {'reached':<30} found", flush=True)
    total, broken = 0, 0
    for name in names:
        reached = run(name, given.seconds, given.seed)
        total, broken = total + reached.executions, broken + len(reached.found)
        rate = reached.executions / max(reached.seconds, 0.001)
        print(
            f"{name:<16} {reached.executions:>11,} {rate:>11,.0f}  {reached.coverage:<30} {len(reached.found)}",
            flush=True,
        )
        for path in reached.found:
            print(f"    {path.relative_to(ROOT)}", flush=True)
    print(f"{total:,} executions, {broken} inputs that break something", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
