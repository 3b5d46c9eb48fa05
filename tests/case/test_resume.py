"""A scan that is killed at any moment goes on where it was, and ends with the same queue."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadlight import Case, Settings
from leadlight.records.codec import entry_out
from tests.evidence import build

COMMAND = [sys.executable, "-m", "leadlight"]


def triage(evidence: Path, case: Path, *, after: float | None = None) -> subprocess.CompletedProcess[bytes] | None:
    """Run the command; with `after`, kill it and its workers without warning after so many seconds."""
    process = subprocess.Popen(
        [*COMMAND, "triage", str(evidence), "--case", str(case), "--jobs", "2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=after if after is not None else 600)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        return None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def queue_of(case: Path) -> list[dict[str, Any]]:
    with Case.open(case, settings=Settings()) as there:
        assert not list(there.verify())
        return [entry_out(e) for e in there.queue()]


def test_killed_again_and_again_it_ends_with_the_same_queue(tmp_path: Path) -> None:
    leaves = build(tmp_path / "ev", 600)
    began = time.monotonic()
    whole = triage(tmp_path / "ev", tmp_path / "whole")
    seconds = time.monotonic() - began
    assert whole is not None
    assert whole.returncode == 1, whole.stderr
    expected = queue_of(tmp_path / "whole")
    assert sum(len(e["places"]) for e in expected) >= leaves * 0.9
    seed = int(os.environ.get("LEADLIGHT_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    case = tmp_path / "killed"
    kills = 0
    for _ in range(5):
        if triage(tmp_path / "ev", case, after=seconds * rng.uniform(0.1, 0.8)) is not None:
            break
        kills += 1
    assert kills, "the evidence is too small to be killed in the middle"
    last = triage(tmp_path / "ev", case)
    assert last is not None
    assert last.returncode == 1, last.stderr
    assert queue_of(case) == expected
    counts = json.loads(last.stdout)
    assert counts["items"] == json.loads(whole.stdout)["items"]
    assert counts["tiers"] == json.loads(whole.stdout)["tiers"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A command that is started ignores SIGINT where these tests do, as they do behind `&` in a script."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_interrupted_politely_it_says_so(tmp_path: Path) -> None:
    build(tmp_path / "ev", 1500)
    process = subprocess.Popen(
        [*COMMAND, "triage", str(tmp_path / "ev"), "--case", str(tmp_path / "case"), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while not (tmp_path / "case" / "case.db").exists() and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == b""
    assert b"goes on where it was" in err
    assert b"Traceback" not in err


@pytest.mark.slow
@pytest.mark.skipif(
    "LEADLIGHT_TEST_LARGE" not in os.environ, reason="ten thousand files: set LEADLIGHT_TEST_LARGE"
)
@pytest.mark.timeout(1800)
def test_ten_thousand_mixed_files_killed_three_times(tmp_path: Path) -> None:
    build(tmp_path / "ev", 10_000)
    whole = triage(tmp_path / "ev", tmp_path / "whole")
    assert whole is not None
    assert whole.returncode == 1, whole.stderr.decode()
    seconds = json.loads(whole.stdout)["seconds"]
    case = tmp_path / "killed"
    for part in (0.2, 0.3, 0.3):
        assert triage(tmp_path / "ev", case, after=1.0 + seconds * part) is None
    assert triage(tmp_path / "ev", case) is not None
    assert queue_of(case) == queue_of(tmp_path / "whole")
