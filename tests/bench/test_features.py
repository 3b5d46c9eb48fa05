"""The bench of local features runs on a handful of pictures, and counts as it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.features import _upper, main

from bench import documents
from tests.scenes import jpeg, scene


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for folder, seeds in (("one", (1, 2)), ("two", (3, 4, 5))):
        (tmp_path / folder).mkdir()
        for n in seeds:
            (tmp_path / folder / f"{n}.jpg").write_bytes(jpeg(scene(n)))
    return tmp_path


def test_recall_and_false_matches(pictures: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(documents, "KINDS", {"charts": documents.chart})
    folders = ["--strangers", str(pictures / "one"), "--strangers", str(pictures / "two")]
    arguments = ["--pictures", str(pictures / "one"), *folders, "--edit", "crop 10 %", "--drawn", "2"]
    assert main([*arguments, "--only", "recall", "--only", "false"]) == 0
    said = capsys.readouterr().out
    assert "| crop 10 % | 100 % |" in said
    assert "| `one`, `two` | 6 |" in said
    assert "| **all of these** | 16 | | | 0 |" in said


def test_the_bound_on_a_rate() -> None:
    assert _upper(0) == pytest.approx(2.9957, abs=1e-3)
    assert _upper(3) == pytest.approx(7.7537, abs=1e-3)
