"""A scan killed without warning, again and again: before any step on the disk of the case, in the middle of a
write, at any moment, or one of its workers; then resumed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from torture.outcome import Outcome, say
from torture.power import steps_in
from torture.scans import Bench, Whole, differences, kill, left_over, queue_of, record_faults, wait, workers

EACH_CASE = 5
"""Kills of one case, at most, before it is resumed to the end."""


def undisturbed(bench: Bench) -> Whole:
    """Scan with nothing in the way, and count."""
    folder = bench.home / "whole"
    log = bench.home / "whole.log"
    folder.mkdir()
    began = time.monotonic()
    ended = bench.scan(folder / "case", bench.environment({"under": folder, "log": log}))
    seconds = time.monotonic() - began
    if ended.code not in (0, 1):
        raise RuntimeError(f"the undisturbed scan failed: {ended}")
    whole = Whole(queue_of(folder / "case"), steps_in(log), seconds, ended.code)
    if faults := record_faults(folder / "case"):
        raise RuntimeError(f"the undisturbed case does not hold: {faults}")
    log.unlink()
    say(f"undisturbed: {len(whole.queue)} entries, {whole.steps} steps, {seconds:.1f} s")
    return whole


def kills(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """`count` kills, spread over cases; each case is verified after each kill and compared at its end."""
    held = Outcome("killed without warning: the case verifies at once", "parent by step, torn write, time; worker")
    same = Outcome("... and resumed: the same queue, and it verifies", f"up to {EACH_CASE} kills of one case")
    done = 0
    number = 0
    while done < count:
        number += 1
        folder = bench.home / f"killed-{number}"
        folder.mkdir()
        case = folder / "case"
        how: list[str] = []
        for _ in range(min(rng.randint(1, EACH_CASE * 2 - 1), count - done)):
            words, struck = _one(bench, whole, folder, case, rng)
            how.append(words)
            done += struck
            if struck:
                held.note(record_faults(case) if case.exists() else (), words)
        ended = bench.scan(case)
        problems = ended.faults(whole.code) or differences(whole.queue, case)
        if same.note(problems, ", then ".join(how)):
            shutil.rmtree(folder)
        if number % 10 == 0:
            say(f"{done} kills, {number} cases")
    held.reach = f"{done} kills: parent by step, in a write, by time; worker"
    same.reach = f"{number} cases, {done / number:.1f} kills each"
    return held, same


def _one(bench: Bench, whole: Whole, folder: Path, case: Path, rng: random.Random) -> tuple[str, bool]:
    """One scan that is killed; what was done, and whether it came to be."""
    way = rng.random()
    if way < 0.6:
        at = rng.randint(1, whole.steps)
        faults: dict[str, object] = {"under": folder, "kill": at}
        if way < 0.3:
            faults["torn"] = 1
        process = bench.start(case, bench.environment(faults))
        ended = wait(process)
        words = f"{'in' if way < 0.3 else 'before'} step {at}"
        if ended.hung:
            raise RuntimeError(f"hangs where killed {words}")
    elif way < 0.8:
        after = whole.seconds * rng.uniform(0.05, 1.0)
        process = bench.start(case)
        time.sleep(after)
        kill(process)
        ended = wait(process)
        words = f"after {after:.2f} s"
    else:
        after = whole.seconds * rng.uniform(0.3, 0.8)
        process = bench.start(case)
        time.sleep(after)
        some = workers(process.pid)
        struck = bool(some)
        if some:
            with suppress(ProcessLookupError):
                os.kill(rng.choice(some), signal.SIGKILL)
        ended = wait(process)
        words = f"a worker after {after:.2f} s"
        if ended.code != whole.code:
            raise RuntimeError(f"{words}: {ended}")
        return words, struck
    if lasting := left_over(process.pid):
        raise RuntimeError(f"{len(lasting)} workers outlived their scan, killed {words}")
    return words, ended.killed
