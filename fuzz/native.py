"""The compiled kernels under AddressSanitizer and UndefinedBehaviorSanitizer, guided by what they reach.

gcc has no libFuzzer, so the kernels are built with its `trace-pc`, and our own mutator keeps what reaches new
places. The sanitizers end the process at the first fault; the input was written before it was run, and is kept.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.__main__ import Reached

ROOT = Path(__file__).parents[1]
BUILT = ROOT / ".fuzz" / "native"
KERNELS = ("leadlight.scaled", "leadlight.radius")
"""The packages whose kernels are looked at; each kernel's sources are what setup.py says."""
FLAGS = [
    "-std=c11",
    "-O1",
    "-g",
    "-fPIC",
    "-shared",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-DPy_LIMITED_API=0x030b0000",
]


def _sources(package: str) -> list[Path]:
    stated = re.search(
        rf'"{re.escape(package)}\._kernel",\s*sources=\[(.*?)\]', (ROOT / "setup.py").read_text(), re.DOTALL
    )
    assert stated is not None, f"setup.py builds no kernel of {package}"
    return [ROOT / name for name in re.findall(r'"(.*?)"', stated[1])]


def build() -> dict[str, Path]:
    """Both kernels, instrumented, beside the tree: the installed ones stay as they are."""
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None:
        sys.exit("make fuzz-native needs gcc")
    BUILT.mkdir(parents=True, exist_ok=True)
    include = f"-I{sysconfig.get_path('include')}"
    made = {}
    for package in KERNELS:
        objects = [str(BUILT / f"{package}.coverage.o")]
        subprocess.run(
            [compiler, "-O2", "-fPIC", "-c", str(ROOT / "fuzz" / "coverage.c"), "-o", objects[0]], check=True
        )
        out = made[package] = BUILT / f"{package}._kernel.so"
        files = [str(path) for path in _sources(package)]
        traced = "-fsanitize-coverage=trace-pc"
        subprocess.run([compiler, *FLAGS, traced, include, *files, *objects, "-o", str(out)], check=True)
    return made


def sanitized(name: str, seconds: float, seed: int) -> Reached:
    """One target in a process with the sanitizers, for some seconds."""
    from fuzz.__main__ import WORK, Reached, prepared

    _, found = prepared(name)
    # The sanitizer looks for C++'s throw at its start; where there is none then, a decoder's own throw ends all.
    preloaded = [
        subprocess.run(
            ["gcc", f"-print-file-name={library}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for library in ("libasan.so", "libstdc++.so.6")
    ]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(preloaded),
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=99:allocator_may_return_null=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
        "PYTHONMALLOC": "malloc",
        "PYCRYPTODOME_DISABLE_DEEPBIND": "1",
    }
    started = time.monotonic()
    last = WORK / name / "last"
    last.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.native", name, str(seconds), str(seed)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    log = done.stdout.decode("utf-8", "replace")
    (WORK / name / "native.log").write_text(log, "utf-8")
    numbers = re.findall(r"^(\d+) executions, (\d+) places", log, re.MULTILINE) or [("0", "0")]
    made: tuple[Path, ...] = ()
    if done.returncode:
        kept = found / f"native-{sha1(log.encode(), usedforsecurity=False).hexdigest()[:12]}"
        kept.write_bytes(last.read_bytes() if last.is_file() else b"")
        made = (kept, WORK / name / "native.log")
    return Reached(int(numbers[-1][0]), time.monotonic() - started, f"{numbers[-1][1]} places", made)


def _loaded() -> list[ctypes.Array[ctypes.c_uint8]]:
    """Put the instrumented kernels where the program looks for its own; the maps of what they reach."""
    maps = []
    for package, path in ((p, BUILT / f"{p}._kernel.so") for p in KERNELS):
        spec = importlib.util.spec_from_file_location(f"{package}._kernel", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[f"{package}._kernel"] = module
        setattr(importlib.import_module(package), "_kernel", module)  # noqa: B010 (a name of another module)
        library = ctypes.CDLL(str(path))
        maps.append((ctypes.c_uint8 * (1 << 14)).in_dll(library, "lf_reached"))
    return maps


def drive(name: str, seconds: float, seed: int) -> None:
    """Mutate, run, keep what reaches places, or reaches them more often, than anything before."""
    maps = _loaded()
    import numpy as np

    from fuzz.__main__ import WORK
    from fuzz.mutator import Mutator
    from fuzz.targets import TARGETS
    from leadlight.radius import kernel as radius_kernel
    from leadlight.scaled import kernel as scaled_kernel

    for kernel in (radius_kernel.kernel(), scaled_kernel.kernel()):
        assert kernel is not None
        assert str(BUILT) in str(kernel.__file__), "not the instrumented kernel"
    target = TARGETS[name]
    mutator = Mutator(f"{name} {seed}", target.tokens, target.longest)
    corpus = [p.read_bytes() for p in sorted((WORK / name / "corpus").iterdir())]
    views = [np.frombuffer(m, dtype=np.uint8) for m in maps]
    reached = [np.zeros(len(v), dtype=np.uint8) for v in views]
    last = WORK / name / "last"
    count, end = 0, time.monotonic() + seconds
    pending = list(corpus)
    while time.monotonic() < end:
        if pending:
            data = pending.pop()
        else:
            recent = corpus[-20:] if mutator.random.random() < 0.5 else corpus
            data = mutator.mutated(mutator.random.choice(recent), mutator.random.choice(corpus))
        last.write_bytes(data)
        for m in maps:
            ctypes.memset(m, 0, len(m))
        try:
            target(data)
        except BaseException:
            print(f"{count} executions, {sum(int((r > 0).sum()) for r in reached)} places", flush=True)
            raise
        count += 1
        new = False
        for view, before in zip(views, reached, strict=True):
            # how often, as a power of two: a loop that runs longer counts as new, one step more does not
            classed = np.where(view > 0, 1 + np.log2(np.maximum(view, 1)).astype(np.uint8), 0).astype(np.uint8)
            if bool((classed > before).any()):
                new = True
                np.maximum(before, classed, out=before)
        if new:
            corpus.append(data)
            (WORK / name / "corpus" / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    print(f"{count} executions, {sum(int((r > 0).sum()) for r in reached)} places", flush=True)


if __name__ == "__main__":
    random.seed(0)
    drive(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
