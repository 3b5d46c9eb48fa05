"""Copies made by program: the same each time, and the bench counts what is found of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("PIL")

from bench.edits import EDITS, Copies, examined, main, passed_on, tables
from PIL import Image

from leadlight.chart import chart_pixels


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(chart_pixels(480, 360, 5))


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_gives_the_same_copy_each_time_and_another_than_the_original(name: str, picture) -> None:
    before = picture.tobytes()
    first = EDITS[name](picture)
    assert first.tobytes() == EDITS[name](picture).tobytes()
    assert picture.tobytes() == before
    assert (first.size, first.tobytes()) != (picture.size, before)
    assert passed_on(first).startswith(b"\xff\xd8")


def test_what_was_found_is_counted(picture, tmp_path: Path, capsys) -> None:
    said: dict[str, Copies] = {}
    examined(picture, {"none": lambda p: p, "box": EDITS["letterbox 12 % white"]}, said)
    assert said["none"].share(31) == 100
    assert said["box"].share(31) == 0
    assert said["box"].share(-1, 44) == 100
    assert "| box | 0 |" in tables(said, [])
    for folder, seed in (("a", 5), ("b", 90)):
        (tmp_path / folder).mkdir()
        Image.fromarray(chart_pixels(240, 180, seed)).save(tmp_path / folder / "p.png")
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    out = capsys.readouterr().out
    assert all(f"| {name} |" in out for name in EDITS)
    assert "pairs with strangers: 0 within 44" in out
