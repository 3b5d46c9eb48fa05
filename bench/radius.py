"""``python -m bench.radius``: the radius search beside faiss, on one core, as tables in Markdown.

Every peer and every size runs in a process of its own, several times, so that memory and caches are its own. The
hashes are random; a tenth of the queries are copies with up to 31 bits changed. Recall is against comparing all in
NumPy. faiss is in the extra `bench`: without it its rows are left out. `--quick` takes some seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.measure import say

SINGLE = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
RADIUS = 31
OURS = "leadlight"
PEERS = ("faiss flat", "faiss multihash 16x16", "faiss multihash 12x21")
ASKED = {OURS: 100_000, "leadlight, no kernel": 2_000}
"""Queries a run; the peers are given what they answer in some seconds."""


def hashes(count: int) -> Any:
    return np.random.default_rng(7).integers(0, 1 << 64, size=(count, 4), dtype=np.uint64)


def queries(held: Any, count: int, seed: int) -> Any:
    """Every tenth a copy with 0 to 31 bits changed, the others unlike all."""
    rng = np.random.default_rng(seed)
    made = rng.integers(0, 1 << 64, size=(count, 4), dtype=np.uint64)
    for n in range(0, count, 10):
        bits = np.zeros(256, dtype=np.uint8)
        bits[rng.choice(256, n // 10 % 32, replace=False)] = 1
        made[n] = held[rng.integers(len(held))] ^ np.packbits(bits).view(np.uint64)
    return made


def brute(held: Any, asked: Any) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for n, query in enumerate(asked):
        for at in range(0, len(held), 1 << 20):
            apart = np.bitwise_count(held[at : at + (1 << 20)] ^ query).sum(axis=1, dtype=np.uint16)
            found |= {(n, int(h) + at) for h in np.flatnonzero(apart <= RADIUS)}
    return found


def resident() -> int:
    fields = Path("/proc/self/status").read_text("ascii").split()
    return int(fields[fields.index("VmRSS:") + 1]) * 1024


def timed(ask: Callable[[Any], object], held: Any, count: int, runs: int) -> list[float]:
    """Queries a second of each run, by processor time: of one core, whoever else is at work."""
    rates = []
    for run in range(runs):
        asked = queries(held, count, 100 + run)
        start = time.process_time()
        ask(asked)
        rates.append(count / (time.process_time() - start))
    return rates


def one_ours(count: int, runs: int, folder: Path) -> dict[str, Any]:
    from leadlight.radius import IndexFile

    held = hashes(count)
    path = folder / f"index-{count}"
    shutil.rmtree(path, ignore_errors=True)
    start = time.perf_counter(), time.process_time()
    IndexFile.create(path, held).close()
    build = time.perf_counter() - start[0], time.process_time() - start[1]
    start = time.perf_counter(), 0.0
    index = IndexFile.open(path)
    opened = time.perf_counter() - start[0]
    kernel = os.environ.get("LEADLIGHT_TEST_NO_KERNEL") != "1"
    rates = timed(
        lambda q: list(index.search(q, RADIUS)), held, ASKED[OURS if kernel else "leadlight, no kernel"], runs
    )
    single = timed(lambda q: [list(index.search(q[n : n + 1], RADIUS)) for n in range(len(q))], held, 50, runs)
    sample = queries(held, min(200, 2_000_000_000 // count), 5)
    got = {(int(a), int(b)) for q, h, _ in index.search(sample, RADIUS) for a, b in zip(q, h, strict=True)}
    expected = brute(held, sample)
    stored = sum(p.stat().st_size for p in path.iterdir())
    check = time.perf_counter()
    index.check()
    check = time.perf_counter() - check
    index.close()
    shutil.rmtree(path)
    return {
        "rates": rates,
        "single": single,
        "recall": len(got & expected) / len(expected),
        "false": len(got - expected),
        "build": build,
        "open": opened,
        "bytes": stored,
        "check": check,
    }


def one_peer(name: str, count: int, runs: int) -> dict[str, Any]:
    import faiss  # type: ignore[import-untyped]

    faiss.omp_set_num_threads(1)
    held = hashes(count)
    before = resident()
    start = time.process_time()
    if name == "faiss flat":
        index = faiss.IndexBinaryFlat(256)
    else:
        tables, bits = (int(n) for n in name.split()[-1].split("x"))
        index = faiss.IndexBinaryMultiHash(256, tables, bits)
        index.nflip = 1 if tables == 16 else 2
    index.add(held.view(np.uint8))
    build = time.process_time() - start
    size = resident() - before

    def ask(asked: Any) -> Any:
        return index.range_search(asked.view(np.uint8), RADIUS + 1)  # faiss: less than

    rates = timed(ask, held, max(20, 200_000_000 // count), runs)
    sample = queries(held, 20 if count > 1 << 21 else 200, 5)
    ends, _, found = ask(sample)
    got = {(n, int(h)) for n in range(len(sample)) for h in found[int(ends[n]) : int(ends[n + 1])]}
    expected = brute(held, sample)
    return {"rates": rates, "recall": len(got & expected) / len(expected), "build": (build, build), "bytes": size}


def one_group(count: int) -> dict[str, Any]:
    """A self-join: each hash asks for all within the radius. A fifth of the hashes are near-copies."""
    from leadlight.radius import RadiusIndex

    held = hashes(count)
    held[::5] = held[1::5][: len(held[::5])] ^ np.array([1, 1 << 40, 7, 0], dtype=np.uint64)
    start = time.perf_counter(), time.process_time()
    index = RadiusIndex(held)
    pairs = sum(len(q) for q, _, _ in index.search(held, RADIUS))
    return {"wall": time.perf_counter() - start[0], "cpu": time.process_time() - start[1], "pairs": pairs}


def child(*arguments: str, kernel: bool = True) -> dict[str, Any]:
    say(" ".join(arguments))
    environment = {**os.environ, **dict.fromkeys(SINGLE, "1")}
    environment["LEADLIGHT_TEST_NO_KERNEL"] = "0" if kernel else "1"
    command = [sys.executable, "-m", "bench.radius", "--one", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def spread(values: list[float], digits: int = 0) -> str:
    return f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(count: int, runs: int, folder: Path, *, reference: bool, peers: tuple[str, ...]) -> None:
    print(f"\n## {count:,} hashes, distance <= {RADIUS}, one core, {runs} runs\n")
    print("| index | queries/s, median (range) | recall | build, s | open, s | MB | times the best peer |")
    print("|---|---|---|---|---|---|---|")
    rows: dict[str, dict[str, Any]] = {}
    if find_spec("faiss") is not None:
        for name in peers:
            rows[name] = child(name, str(count), str(runs))
    if reference:
        rows["leadlight, no kernel"] = child(OURS, str(count), str(runs), str(folder), kernel=False)
    rows[OURS] = child(OURS, str(count), str(runs), str(folder))
    best = max((median(r["rates"]) for n, r in rows.items() if n.startswith("faiss")), default=None)
    for name, row in rows.items():
        ratio = f"{median(row['rates']) / best:,.1f}" if best else ""
        opened = f"{row['open']:.4f}" if "open" in row else ""
        print(
            f"| {name} | {spread(row['rates'])} | {row['recall']:.3f} | {row['build'][1]:.1f} | {opened} "
            f"| {row['bytes'] / 1e6:,.0f} | {ratio} |"
        )
    ours = rows[OURS]
    print(
        f"\nOurs, one query at a time: {spread(ours['single'])} queries/s. False hits: {ours['false']}. "
        f"Build by the clock: {ours['build'][0]:.1f} s. Full check: {ours['check']:.1f} s. Peak memory of "
        f"build and search, the list of hashes and the mapped file included: {ours['peak'] / 1e6:,.0f} MB."
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.radius", description=__doc__)
    parser.add_argument("--size", type=int, action="append", help="hashes [1000000 10000000]")
    parser.add_argument("--quick", action="store_true", help="20,000 hashes, one run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer", action="append", choices=PEERS, help="which peers [all]")
    parser.add_argument("--group", type=int, default=1_000_000, help="hashes of the self-join; 0 leaves it out")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.quick:
        given.size, given.runs, given.group = given.size or [20_000], 1, min(given.group, 20_000)
    if given.one:
        name, *rest = given.one
        if name == "group":
            made = one_group(int(rest[0]))
        elif name == OURS:
            made = one_ours(int(rest[0]), int(rest[1]), Path(rest[2]))
        else:
            made = one_peer(name, int(rest[0]), int(rest[1]))
        made["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        json.dump(made, sys.stdout)
        return 0
    if find_spec("faiss") is None:
        say("faiss is not installed: its rows are left out")
    folder = Path(tempfile.mkdtemp(prefix="leadlight-radius-"))
    try:
        for count in given.size or [1_000_000, 10_000_000]:
            peers = tuple(given.peer) if given.peer else PEERS
            table(count, given.runs, folder, reference=count <= 1_000_000, peers=peers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.group:
        found = [child("group", str(given.group)) for _ in range(given.runs)]
        print(f"\n## Self-join of {given.group:,} hashes, index included\n")
        print(f"{spread([f['cpu'] for f in found], 1)} s of one core, {found[0]['pairs']:,} pairs.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
