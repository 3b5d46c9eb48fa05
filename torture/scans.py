"""Scans run as an examiner runs them, under the shim where asked, and what must hold of a case afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadlight import Case, Settings
from leadlight.casekey import CaseKey
from leadlight.errors import LeadlightError
from leadlight.records.codec import entry_out

ROOT = Path(__file__).parent
KEY = "case.key"
"""The key file of encrypted cases, in the folder where all is done: they are encrypted where it is there."""
PATIENCE = 300.0
"""Seconds after which a scan counts as one that hangs: many times what it takes on a busy machine."""


class NoCompiler(RuntimeError):
    """The shim can't be built here."""


def shim(folder: Path) -> Path:
    """Build the shim in `folder`, once. Raises NoCompiler."""
    made = folder / "shim.so"
    if made.exists():
        return made
    compiler = shutil.which("gcc") or shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        raise NoCompiler("the shim needs Linux and a C compiler")
    command = [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    command += [str(ROOT / "shim.c"), "-o", str(made), "-ldl", "-lpthread"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise NoCompiler(built.stderr)
    return made


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: bytes
    hung: bool = False

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL and not self.hung

    def faults(self, *codes: int) -> list[str]:
        """What is wrong with how it ended, where it should have with one of `codes`."""
        found = []
        if self.hung:
            found.append(f"did not end in {PATIENCE:g} seconds")
        elif self.code not in codes:
            found.append(f"ended with {self.code}, not {codes}: {self.err[-300:]!r}")
        if b"Traceback" in self.err or b"unexpected fault" in self.err:
            found.append(f"a trace on standard error: {self.err[-300:]!r}")
        return found


@dataclass(frozen=True)
class Whole:
    """A scan that nothing disturbed."""

    queue: list[dict[str, Any]]
    steps: int
    """Changes of files of the case that it made."""
    seconds: float
    code: int


@dataclass(frozen=True)
class Bench:
    """A place to work in: evidence, a list, and the environment of each command."""

    home: Path
    evidence: Path
    listing: Path | None = None
    jobs: int = 2

    @property
    def scratch(self) -> Path:
        return self.home / "scratch"

    def environment(self, faults: Mapping[str, object] | None = None, **settings: object) -> dict[str, str]:
        """With `faults` for the shim, and settings of Leadlight."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("LEADLIGHT_", "TORTURE_"))}
        plain |= {"TMPDIR": str(self.scratch), "HOME": str(self.home / "account"), "XDG_CONFIG_HOME": ""}
        plain |= {f"LEADLIGHT_{k.upper()}": str(v) for k, v in settings.items()}
        if (self.home / KEY).exists():
            plain["LEADLIGHT_CASE_KEY_FILE"] = str(self.home / KEY)
        plain["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        if faults:
            plain["LD_PRELOAD"] = str(shim(self.home))
            plain |= {f"TORTURE_{k.upper()}": str(v) for k, v in faults.items()}
        return plain

    def start(self, case: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Begin a scan, in a session of its own."""
        lists = ["--list", f"known={self.listing}"] if self.listing else []
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "leadlight", "triage", str(self.evidence), "--case", str(case)),
                *("--jobs", str(self.jobs), "--json", *lists),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment or self.environment()),
            start_new_session=True,
        )

    def scan(self, case: Path, environment: Mapping[str, str] | None = None) -> Ended:
        """A scan to its end."""
        return wait(self.start(case, environment))


def wait(process: subprocess.Popen[bytes], patience: float = PATIENCE) -> Ended:
    """Wait for the end; what does not end is killed, with all it started, and said to hang."""
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return Ended(process.returncode, out, err, hung=True)
    return Ended(process.returncode, out, err)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Without warning; its workers are left to themselves."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)


def workers(pid: int) -> list[int]:
    """The processes that a scan started."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text("ascii").split())
    return found


def left_over(session: int, seconds: float = 20.0) -> list[int]:
    """Processes of a session that still live after a while; they are ended."""
    until = time.monotonic() + seconds
    while (there := _of_session(session)) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in there:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return there


def _of_session(session: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append(int(folder.name))
    return found


def opened(case: Path) -> Case:
    """A case, with the key where there is one."""
    key = next((folder / KEY for folder in case.parents if (folder / KEY).exists()), None)
    return Case.open(case, settings=Settings(), key=CaseKey.from_file(key) if key else None)


def queue_of(case: Path) -> list[dict[str, Any]]:
    """The whole queue, as `queue --json` gives it."""
    with opened(case) as there:
        return [entry_out(e) for e in there.queue()]


def record_faults(case: Path) -> list[str]:
    """What `leadlight verify` finds, or why the case can't be read at all."""
    try:
        with opened(case) as there:
            return [f"{f.where}: {f.what}" for f in there.verify() if not f.expected]
    except LeadlightError as e:
        return [str(e)]


def acts_of(case: Path) -> list[str]:
    """The digests of all acts, in order."""
    with opened(case) as there:
        return [a.digest for a in there._view.acts()]


def differences(expected: list[dict[str, Any]], case: Path) -> list[str]:
    """Where the queue of a case is not as expected, and the faults of its record."""
    faults = record_faults(case)
    try:
        found = queue_of(case)
    except LeadlightError as e:
        return [*faults, str(e)]
    if found == expected:
        return faults
    names = [{e["sha256"] or e["places"][0]["path"] for e in queue} for queue in (expected, found)]
    faults.append(
        f"another queue: {len(expected)} entries expected, {len(found)} there; "
        f"missing {sorted(names[0] - names[1])[:3]}, more {sorted(names[1] - names[0])[:3]}"
    )
    for one, two in zip(expected, found, strict=False):
        if one != two:
            keys = [k for k in one if one[k] != two.get(k)]
            faults.append(
                f"first difference at rank {one['rank']} in {keys}: {_short(one, keys)} / {_short(two, keys)}"
            )
            break
    return faults


def _short(entry: Mapping[str, Any], keys: list[str]) -> str:
    return json.dumps({k: entry.get(k) for k in keys})[:300]
