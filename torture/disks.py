"""Disks that are full or fail, evidence that changes or goes while it is read, workers that hang, two scans of one
case at once, and a clock that jumps.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from torture.outcome import Outcome
from torture.scans import Bench, Whole, differences, opened, queue_of, record_faults, wait, workers


def full(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """No room from some step on: said in words, nothing damaged, and it goes on once there is room."""
    said = Outcome("disk full from some step on: said so, exit code 3, the case verifies", "")
    same = Outcome("... and resumed with room: the same queue, and it verifies", "")
    for number in range(count):
        folder = bench.home / f"full-{number}"
        folder.mkdir()
        case, at = folder / "case", rng.randint(1, whole.steps)
        where = f"full from step {at}"
        ended = bench.scan(case, bench.environment({"under": folder, "full": at}))
        problems = ended.faults(3, whole.code)
        if ended.code == 3 and b"no room" not in ended.err:
            problems.append(f"not in words: {ended.err[-200:]!r}")
        said.note(problems or (record_faults(case) if case.exists() else []), where)
        if left := [p.name for p in folder.iterdir() if p.name != "case"]:
            said.note([f"left beside the case: {left}"], where)
        ended = bench.scan(case)
        if same.note(ended.faults(whole.code) or differences(whole.queue, case), where):
            shutil.rmtree(folder)
    said.reach = f"{count} scans, the step by chance"
    same.reach = f"{count} scans"
    return said, same


def failing(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """Files that can't be read past some byte, then a medium that is sound again."""
    kept = Outcome("read error amid files: each file is in the queue, the failure said, the record holds", "")
    mended = Outcome("... and scanned again from a sound medium: all is read, and it verifies", "")
    wanted = places(whole.queue)
    for number in range(count):
        case = bench.home / f"failing-{number}"
        where = f"seed {number}"
        faults = {"eio": bench.evidence, "share": rng.choice((5, 30, 100)), "seed": rng.randrange(10**6)}
        ended = bench.scan(case, bench.environment(faults))
        found = queue_of(case)
        problems = ended.faults(1) + record_faults(case)
        problems += _absent({p for p in wanted if "!/" not in p[0]}, places(found), content=False)
        kept.note(problems, where)
        ended = bench.scan(case)
        problems = ended.faults(whole.code) + record_faults(case)
        problems += _absent(wanted, places(queue_of(case)))
        if mended.note(problems, where):
            shutil.rmtree(case)
    kept.reach = f"{count} scans; 5, 30 or 100 percent of the files, at a byte by chance"
    mended.reach = f"{count} scans"
    return kept, mended


Place = tuple[str, str | None]


def places(queue: Sequence[dict[str, Any]]) -> set[Place]:
    """Each place in a queue, with the content found there."""
    return {
        (f"{p['path']}!/{p['within']}" if p["within"] else p["path"], e["sha256"])
        for e in queue
        for p in e["places"]
    }


def _absent(wanted: set[Place], found: set[Place], *, content: bool = True) -> list[str]:
    there: set[Any] = found if content else {path for path, _ in found}
    lost = sorted(str(p) for p in wanted if (p if content else p[0]) not in there)
    return [f"{len(lost)} files lost, as {lost[:2]}"] if lost else []


def changing(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """Evidence cut, grown, exchanged, removed, folders and all, while it is scanned."""
    lived = Outcome("evidence changed and removed while it is read: the scan ends, no trace", "")
    caught = Outcome(
        "... and scanned again: all that is there now is in the queue; verify names what is gone and no more", ""
    )
    for number in range(count):
        home = bench.home / f"changing-{number}"
        home.mkdir()
        mine = replace(bench, home=home, evidence=home / "evidence")
        shutil.copytree(bench.evidence, mine.evidence)
        case, where = home / "case", f"round {number}"
        process = mine.start(case, bench.environment())
        until = threading.Event()
        thread = threading.Thread(target=_disturb, args=(mine.evidence, rng.random(), until, whole.seconds / 40))
        thread.start()
        ended = wait(process)
        until.set()
        thread.join()
        lived.note(ended.faults(0, 1), where)
        ended = mine.scan(case, bench.environment())
        fresh = mine.scan(home / "fresh", bench.environment())
        problems = ended.faults(0, 1) + fresh.faults(0, 1)
        problems += [f for f in record_faults(case) if not _gone(f)]
        found = places(queue_of(case))
        now = places(queue_of(home / "fresh"))
        problems += _absent({p for p in now if p[1]}, found) + _absent(now, found, content=False)
        problems += unexamined(case)
        if caught.note(problems, where):
            shutil.rmtree(home)
    lived.reach = f"{count} scans, a file changed about 40 times a scan"
    caught.reach = f"{count} scans, beside a fresh case of what is there"
    return lived, caught


def _gone(fault: str) -> bool:
    """Whether verify rightly says that a file which was read is no file any more."""
    path, _, what = fault.partition(": ")
    return what.startswith("can't be read any more") and not Path(path).is_file()


def unexamined(case: Path) -> list[str]:
    """Contents that were found and never examined, of those that are there."""
    with opened(case) as there:
        lacking = there._view.unexamined()
    return [f"{len(lacking)} contents were found and never examined"] if lacking else []


def _disturb(evidence: Path, seed: float, until: threading.Event, pause: float) -> None:
    rng = random.Random(seed)
    while not until.is_set():
        files = sorted(p for p in evidence.rglob("*") if p.is_file())
        if len(files) < 10:
            return
        path = rng.choice(files)
        with suppress(OSError):
            way = rng.randrange(7)
            if way == 0:
                os.truncate(path, path.stat().st_size // 2)
            elif way == 1:
                with path.open("ab") as out:
                    out.write(rng.randbytes(5000))
            elif way == 2:
                new = path.with_name("new")
                shutil.copy(rng.choice(files), new)
                new.replace(path)
            elif way == 3:
                path.unlink()
                path.mkdir()
            elif way == 4:
                path.unlink()
                os.mkfifo(path)
            elif way == 5 and rng.random() < 0.2:
                shutil.rmtree(path.parent)
            else:
                path.unlink()
        until.wait(pause * rng.random() * 2)


def hanging(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """A worker that is stopped: noticed after `limits.seconds`, its file tried again, the scan ends."""
    outcome = Outcome("a worker stopped (SIGSTOP): the scan goes on without it, the same queue", f"{count} scans")
    for number in range(count):
        case = bench.home / f"hanging-{number}"
        process = bench.start(case, bench.environment(limits__seconds=3))
        time.sleep(whole.seconds * rng.uniform(0.35, 0.7))
        for pid in workers(process.pid)[:1]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        ended = wait(process)
        if outcome.note(ended.faults(whole.code) or differences(whole.queue, case), f"round {number}"):
            shutil.rmtree(case)
    return (outcome,)


def together(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """Two scans of one case: one goes through, the other says why not; of a new case too."""
    outcome = Outcome("two scans of one case at once: one is refused in words, the same queue", f"{count} pairs")
    for number in range(count):
        folder = bench.home / f"together-{number}"
        folder.mkdir()
        case = folder / "case"
        one = bench.start(case)
        time.sleep(rng.choice((0.0, 0.0, rng.uniform(0, whole.seconds / 2))))
        other = bench.start(case)
        ended = [wait(one), wait(other)]
        problems = [f for e in ended for f in e.faults(3, whole.code)]
        through = [e for e in ended if e.code == whole.code]
        refused = [e for e in ended if e.code == 3]
        if not through or any(b"another process" not in e.err for e in refused):
            problems.append(f"{[e.code for e in ended]}: {[e.err[-200:] for e in ended]}")
        problems += differences(whole.queue, case)
        if left := [p.name for p in folder.iterdir() if p.name != "case"]:
            problems.append(f"left beside the case: {left}")
        if outcome.note(problems, f"round {number}"):
            shutil.rmtree(folder)
    return (outcome,)


def clocks(bench: Bench, whole: Whole, *, count: int, rng: random.Random) -> Sequence[Outcome]:
    """A clock that jumps by years, back and forth, while a case is killed and resumed."""
    outcome = Outcome(
        "the clock jumps by years: acts in order, the same contents, and it verifies", f"{count} cases"
    )
    for number in range(count):
        folder = bench.home / f"clock-{number}"
        folder.mkdir()
        case = folder / "case"
        for at in (rng.randint(1, whole.steps), None):
            faults: dict[str, object] = {"clock": 1, "seed": rng.randrange(10**6), "under": folder}
            ended = bench.scan(case, bench.environment({**faults, **({"kill": at} if at else {})}))
        problems = ended.faults(whole.code) + record_faults(case)
        problems += _absent(places(whole.queue), places(queue_of(case)))
        if outcome.note(problems, f"round {number}"):
            shutil.rmtree(folder)
    return (outcome,)


FAULTS: dict[str, Callable[..., Sequence[Outcome]]] = {
    "full": full,
    "failing": failing,
    "changing": changing,
    "hanging": hanging,
    "together": together,
    "clocks": clocks,
}
