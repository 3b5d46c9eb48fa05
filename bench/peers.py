"""What triage is measured beside, each alone in a process on one core: ``python -m bench.peers KIND FOLDER``.

The clock starts when all is imported. KIND: `threatexchange` hashes files by its PDQ path from a file, as its
command line does; `decode` decodes by Pillow in full; `read` reads and takes the SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
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


def main() -> None:
    """Print one JSON object: seconds, files, bytes."""
    kind, folder, every = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    work = KINDS[kind]()
    files = files_of(folder)[::every]
    size = sum(p.stat().st_size for p in files)
    began, used = time.perf_counter(), time.process_time()
    for path in files:
        work(path)
    taken = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - used}
    print(json.dumps({**taken, "items": len(files), "bytes": size}))


if __name__ == "__main__":
    main()
