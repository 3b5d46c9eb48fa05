"""What triage is measured beside, each alone in a process on one core.

``python -m bench.peers KIND FOLDER EVERY LIST`` takes each n-th file of a folder; the clock starts when all is
imported. KIND: `match` is threatexchange's own command, ``threatexchange match photo FILES...``, against the PDQ
hashes of a CSV list, which it was given and has indexed before; `threatexchange` hashes files by its PDQ path;
`decode` decodes by Pillow in full; `read` reads and takes the SHA-256.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.material import files_of


def _threatexchange() -> Callable[[Path], object]:
    from threatexchange.signal_type.pdq.signal import PdqSignal

    return PdqSignal.hash_from_file


def _decode() -> Callable[[Path], object]:
    from PIL import Image

    def decode(path: Path) -> None:
        with Image.open(path) as picture:
            picture.load()

    return decode


def _read() -> Callable[[Path], object]:
    return lambda path: hashlib.sha256(path.read_bytes()).digest()


KINDS = {"threatexchange": _threatexchange, "decode": _decode, "read": _read}


def each(kind: str, files: Sequence[Path]) -> dict[str, float]:
    """Seconds for `files`, one after the other."""
    work = KINDS[kind]()
    began, used = time.perf_counter(), time.process_time()
    for path in files:
        work(path)
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - used,
        "items": len(files),
        "bytes": sum(p.stat().st_size for p in files),
    }


def state_of(listed: Path) -> Path:
    """Where threatexchange keeps what it was told of a list."""
    return listed.with_suffix(".threatexchange")


def command(state: Path, *arguments: str) -> str:
    """What ``threatexchange ARGUMENTS`` prints. Nothing is fetched but from a file on this machine."""
    from threatexchange.cli.main import inner_main

    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        inner_main(list(arguments), state)
    return out.getvalue()


def told(listed: Path) -> Path:
    """Give threatexchange the PDQ hashes of a CSV list and let it build its index; done once."""
    state = state_of(listed)
    hashes = state / "hashes.txt"
    if not hashes.is_file():
        state.mkdir(exist_ok=True)
        with listed.open(encoding="ascii") as rows:
            lines = [row["pdq"] for row in csv.DictReader(rows)]
        options = ("--create", "--filename", str(hashes), "--signal-type", "pdq", "bench")
        hashes.write_text("".join(f"{line}\n" for line in lines), "ascii")
        command(state, "config", "collab", "edit", "local_file", *options)
        command(state, "fetch")
    return state


def match(files: Sequence[Path], listed: Path) -> dict[str, float]:
    """Seconds for `files`. A run over the first alone is taken off: it loads the same index.

    Pictures of low quality are left out beforehand: the first such ends its whole run.
    """
    state = told(listed)
    hashed = _threatexchange()
    files = [path for path in files if hashed(path)]
    taken = []
    for some in (files[:1], files[:1], files):  # the first run of all imports what it needs
        began, used = time.perf_counter(), time.process_time()
        command(state, "match", "photo", *map(str, some))
        taken.append((time.perf_counter() - began, time.process_time() - used))
    share = len(files) / max(len(files) - 1, 1)
    (_, one, all_) = taken
    return {
        "seconds": max(all_[0] - one[0], 1e-6) * share,
        "cpu": max(all_[1] - one[1], 1e-6) * share,
        "items": len(files),
        "bytes": sum(p.stat().st_size for p in files),
    }


def main() -> None:
    """Print one JSON object: seconds, files, bytes."""
    kind, folder, every = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    files = files_of(folder)[::every]
    taken = match(files, Path(sys.argv[4])) if kind == "match" else each(kind, files)
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
