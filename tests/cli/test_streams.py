"""Odd names, odd outputs, odd settings: an answer and an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leadlight.cli import render
from leadlight.cli.app import run
from leadlight.records import Tier
from tests.evidence import jpeg, png


def leadlight(
    *arguments: str | bytes, cwd: Path, shell: str = '"$@"', **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run as a program, through a shell that may redirect it; never a traceback."""
    done = subprocess.run(
        ["bash", "-c", shell, "-", sys.executable, "-m", "leadlight", *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    assert b"Exception" not in done.stderr, done.stderr
    return done


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ev").mkdir()
    (tmp_path / "ev" / "bild-ä-画.png").write_bytes(png(1))
    (tmp_path / "ev" / "camera.jpg").write_bytes(jpeg(2, exif=True))
    with open(os.fsencode(tmp_path) + b"/ev/bad\xff\x1b[2J.png", "wb") as file:  # noqa: PTH123
        file.write(png(3))
    monkeypatch.chdir(tmp_path)
    assert run(["triage", "ev", "--case", "c", "--jobs", "1"]) == 0
    capsys.readouterr()
    return tmp_path


@pytest.mark.parametrize(
    "environ",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["C", "ascii"],
)
def test_names_outside_the_encoding_are_escaped(there: Path, environ: dict[str, str]) -> None:
    for command in (
        ("queue", "c"),
        ("show", "c", "ev/bild-ä-画.png"),
        ("origin", "ev/bild-ä-画.png", b"ev/bad\xff\x1b[2J.png"),
        ("triage", "ev", "--case", b"c\xff\xc3\xa4", "--jobs", "1"),
        ("report", "c", "--out", b"r\xff.html"),
    ):
        done = leadlight(*command, cwd=there, **environ)
        assert done.returncode == 0, (command, done.stderr)
        assert b"\x1b[2J" not in done.stdout
        assert done.stdout


def test_an_output_that_is_closed_full_or_left_early(there: Path) -> None:
    for command in (("queue", "c"), ("queue", "c", "--json"), ("triage", "ev", "--case", "c", "--jobs", "1")):
        for shell in ('"$@" >&-', '"$@" >&- 2>&-', '"$@" <&- >&-'):
            assert leadlight(*command, cwd=there, shell=shell).returncode == 0, (command, shell)
    for command in (("queue", "c"), ("queue", "c", "--json"), ("plugins",), ("show", "c", "ev/camera.jpg")):
        shell = 'set -o pipefail; "$@" | head -c 1'
        assert leadlight(*command, cwd=there, shell=shell).returncode == 0, command
        shell = 'exec 3> >(:); sleep 0.2; "$@" >&3'
        done = leadlight(*command, cwd=there, shell=shell)
        assert (done.returncode, done.stderr) == (0, b""), command
    if Path("/dev/full").exists():
        done = leadlight("queue", "c", cwd=there, shell='"$@" >/dev/full')
        assert done.returncode == 3
        assert b"No space left" in done.stderr


def test_a_reader_that_leaves_does_not_change_the_exit_code(there: Path) -> None:
    (there / "ev" / "camera.jpg").unlink()
    done = leadlight("verify", "c", cwd=there, shell='exec 3> >(:); sleep 0.2; "$@" >&3')
    assert done.returncode == 3


def test_odd_arguments_and_settings(there: Path) -> None:
    for code, command, words in (
        (2, ("queue", "c", "--top", "9" * 30), b"--top"),
        (2, ("show", "c", b"\xff\xfe"), b"\\xff\\xfe: no such item"),
        (2, ("show", "c", b"\x1b[2J\nx"), b"\\x1b[2J\\nx"),
        (2, ("queue", "c", b"--\x1b[2J"), b"\\x1b"),
        (3, (b"queue", b"no\x1b[2J\n"), b"no\\x1b[2J\\n: holds no case"),
        (2, ("origin", ""), b"empty path"),
        (2, ("triage", ""), b"empty path"),
        (3, ("origin", "ev"), b"is a folder"),
        (3, ("origin", "/dev/zero"), b"device"),
        (2, ("lists", "add", "c", "ev"), b"is a folder"),
        (2, ("lists", "add", "c", "/dev/zero"), b"device"),
    ):
        done = leadlight(*command, cwd=there)
        assert (done.returncode, words in done.stderr) == (code, True), (command, done.stderr)
        assert b"\x1b[2J" not in done.stderr
    for more in ({"LEADLIGHT_LIMITS": "5", "LEADLIGHT_LIMITS__DEPTH": "1"}, {"LEADLIGHT_ACTOR": "\udcff"}):
        assert leadlight("origin", "ev/camera.jpg", cwd=there, **more).returncode == 2


def test_an_unexpected_fault_is_one_calm_line(
    there: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret of the evidence")

    monkeypatch.setattr(render, "entries", broken)
    assert run(["queue", "c"]) == 3
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1
    monkeypatch.setenv("LEADLIGHT_TEST_TRACE", "1")
    with pytest.raises(ZeroDivisionError):
        run(["queue", "c"])


def test_nothing_is_written_before_the_paths_and_lists_hold(
    there: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (there / "bad.csv").write_text("md5\n" + "0" * 32 + "\nnot a digest\n")
    (there / "good.csv").write_text("md5\n" + "0" * 32 + "\n")
    (there / "empty").mkdir()

    def listing() -> list[Path]:
        return sorted(there.rglob("*"))

    before = listing()
    for code, arguments in (
        (3, ["ev", "mistyped"]),
        (3, ["mistyped"]),
        (2, ["ev", "--case", "ev/mycase"]),
        (2, ["ev", "--case", "n", "--list", "known=good.csv", "--list", "known=bad.csv"]),
        (2, ["ev", "--case", "n", "--list", "none.csv"]),
        (2, ["ev", "--case", "empty/deeper", "--list", "empty"]),
        (2, ["ev", "--case", "n", "--profile", "none"]),
    ):
        assert run(["triage", *arguments]) == code, arguments
        assert capsys.readouterr().err
        assert listing() == before, arguments
    monkeypatch.chdir(there / "ev")
    assert run(["triage", "."]) == 2
    assert listing() == before
    monkeypatch.chdir(there)
    assert run(["triage", "ev", "--case", "c", "--list", "known=bad.csv"]) == 2
    assert run(["queue", "c"]) == 0, "a case that was there stays"


def test_force_is_asked_for(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (there / "notes.html").write_text("notes")
    assert run(["report", "c", "--out", "notes.html"]) == 2
    assert "--force" in capsys.readouterr().err
    assert run(["export", "c", "--as", "report", "--out", "notes.html"]) == 2
    assert run(["report", "c", "--out", "c/case.db", "--force"]) == 2
    assert run(["report", "c", "--out", "ev/camera.jpg", "--force"]) == 2
    assert run(["export", "c", "--as", "report", "--out", "notes.html", "--force"]) == 0
    assert run(["report", "c"]) == run(["report", "c"]) == 0
    assert run(["verify", "c"]) == 0


def test_words_for_people_fit(there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(render.MEANING) == set(Tier)
    assert all(len(m) <= 52 for m in render.MEANING.values())
    (there / "ev" / "camera.jpg").unlink()
    assert run(["verify", "c"]) == 3
    assert "1 fault. Keep" in capsys.readouterr().out
