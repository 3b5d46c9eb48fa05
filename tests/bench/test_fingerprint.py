"""The bench from file to hash runs on one file. Nothing here asserts a time."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("psutil")
pytest.importorskip("threatexchange")

from bench.fingerprint import larger, main
from PIL import Image

from leadlight.chart import chart_pixels


def test_all_ways_are_measured_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEADLIGHT_TEST_DATA", raising=False)
    assert main(["--files", "1", "--runs", "1", "--cache", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for way in (
        "threatexchange",
        "pdqhash",
        "leadlight, exact",
        "leadlight, fast",
        "floor: Pillow",
        "floor: read",
    ):
        assert f"| {way}" in out
    (made,) = (line for line in out.splitlines() if line.startswith("| smaller"))
    assert [cell.strip() for cell in made.split("|")[3:6:2]] == ["1", "100%"]
    (exact,) = (line for line in out.splitlines() if line.startswith("| leadlight, exact") and "0 to 0" in line)
    assert [cell.strip() for cell in exact.split("|")[2:8]] == ["1", "0.00", "0", "0", "0", "1"]


def test_larger_pictures_are_of_twelve_megapixels_and_more(tmp_path: Path) -> None:
    source = tmp_path / "source.jpg"
    Image.fromarray(chart_pixels(400, 300)).save(source)
    (path,) = larger(tmp_path, 1, [source])
    with Image.open(path) as image:
        assert 11.9e6 <= image.width * image.height <= 24.1e6
