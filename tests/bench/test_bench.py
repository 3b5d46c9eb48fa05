"""The bench runs on a handful of files. Nothing here asserts a time: that is for `make bench`."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("psutil")
pytest.importorskip("PIL")

from bench.__main__ import further, main
from bench.stages import counted

from bench import material, peers


def test_pictures_are_the_same_each_time_and_of_the_sizes_asked_for(tmp_path: Path) -> None:
    first = material.files_of(material.pictures(tmp_path / "a", 3, (0.1, 0.3)))
    second = material.files_of(material.pictures(tmp_path / "b", 3, (0.1, 0.3)))
    assert len(first) == 3
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert material.describe(first).startswith("3 JPEGs")


def test_what_was_built_is_not_built_again(tmp_path: Path) -> None:
    folder = material.small_files(tmp_path, 7)
    before = {p: p.stat().st_mtime_ns for p in material.files_of(folder)}
    assert {p: p.stat().st_mtime_ns for p in material.files_of(material.small_files(tmp_path, 7))} == before
    assert len({p.read_bytes() for p in before}) == 7


def test_every_content_is_read_once_for_each_place_and_decoded_once(tmp_path: Path) -> None:
    said = counted(material.files_of(material.small_files(tmp_path, 6)))
    assert said == (
        "Counted: 12 files, 6 contents, 4 of them pictures: 12 reads of 1.00 times their bytes; "
        "4 decodes of 1.00 times their pixels."
    )


def test_a_quick_speed_run_prints_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--quick", "--section", "speed", "--files", "2", "--list-rows", "20", "--peer-every", "1"]
    assert main([*options, "--cache", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "| leadlight triage, 1 job, list " in out
    assert "| floor: full decode by Pillow " in out
    assert "start of one worker until it is ready" in out
    if importlib.util.find_spec("threatexchange"):
        assert "| threatexchange match, list " in out
    assert not list(tmp_path.glob("case-*"))


def test_a_quick_memory_run_prints_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--quick", "--section", "memory", "--small", "6", "--small", "12"]
    main([*options, "--cache", str(tmp_path)])
    out = capsys.readouterr().out
    assert "From 6 to 12 files: parent x " in out
    assert "| 12 " in out


def test_a_quick_profile_names_the_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--section", "profile", "--cache", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for stage in ("decode (once)", "fingerprint.pdq", "digest sha256", "store", "message to the parent"):
        assert f"| {stage} " in out


def test_threatexchange_itself_finds_what_the_list_holds(tmp_path: Path) -> None:
    """Else its time would be that of an index which holds nothing."""
    signal = pytest.importorskip("threatexchange.signal_type.pdq.signal")
    files = material.files_of(material.pictures(tmp_path, 2, (0.5, 1.0)))
    listed = tmp_path / "list.csv"
    hashes = [*(f"{n}{n + 1}" * 32 for n in range(1, 5)), signal.PdqSignal.hash_from_file(files[0])]
    listed.write_text("sha256,pdq\n" + "".join(f"{'0' * 64},{value}\n" for value in hashes))
    assert "pdq" in peers.command(peers.told(listed), "match", "photo", str(files[0]))
    assert not peers.command(peers.told(listed), "match", "photo", str(files[1]))
    arguments = ["match", str(tmp_path / "pictures-2"), "1", str(listed)]
    done = subprocess.run([sys.executable, "-m", "bench.peers", *arguments], stdout=subprocess.PIPE, check=True)
    assert json.loads(done.stdout)["items"] == 2


def test_sections_of_other_modules_are_run_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[list[str]] = []

    def fake(arguments: list[str]) -> int:
        given.append(arguments)
        return 1

    monkeypatch.setattr("bench.radius.main", fake)
    assert main(["--quick", "--section", "radius"]) == 1
    assert given == [["--size", "100000", "--runs", "1", "--group", "100000"]]
    assert not further("no_such_section", ())
