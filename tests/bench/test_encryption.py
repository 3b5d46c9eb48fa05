"""The bench of encrypted cases runs on a handful of files. Nothing here asserts a time."""

from __future__ import annotations

import pytest

pytest.importorskip("psutil")
pytest.importorskip("sqlcipher3")
from bench.encryption import main


def test_every_step_is_measured_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--files", "12", "--hashes", "300", "--runs", "1"]) == 0
    said = capsys.readouterr().out
    for step in ("scan and rank", "queue, all", "verify", "load the list", "make the index"):
        assert step in said
