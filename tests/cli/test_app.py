"""The commands as a newcomer types them: output, JSON, exit codes, and never a traceback."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leadlight.cli.app import run
from tests.evidence import jpeg, png, zipped

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "camera.jpg").write_bytes(jpeg(1, side=128, exif=True))
    (folder / "plain.png").write_bytes(png(2))
    (folder / "notes.txt").write_bytes(png(3))
    (folder / "pictures.zip").write_bytes(zipped({"in/one.jpg": jpeg(4)}))
    return folder


ENTRY = {
    "rank",
    "tier",
    "sha256",
    "places",
    "relevance",
    "origin",
    "matches",
    "group",
    "reasons",
    "failures",
}


def test_a_case_that_another_process_made_meanwhile_is_told_as_that(
    cli: Cli, evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to be between the look for it and the making."""
    from leadlight.case import Case
    from leadlight.cli import app

    def meanwhile(*arguments: Any, **how: Any) -> Any:
        Case.create(tmp_path / "evidence.leadlight").close()
        return real(*arguments, **how)

    real = app.new_case_key
    monkeypatch.setattr(app, "new_case_key", meanwhile)
    code, _, err = cli("triage", evidence)
    assert code == 3
    assert "another process made this case" in err
    assert (tmp_path / "evidence.leadlight" / "case.toml").exists()
    monkeypatch.undo()
    assert cli("triage", evidence, "--case", tmp_path / "evidence.leadlight")[0] == 0


def test_triage_then_queue_show_report_verify(cli: Cli, evidence: Path, tmp_path: Path) -> None:
    code, out, err = cli("triage", evidence, "--json")
    assert (code, err) == (0, "")
    counts = json.loads(out)
    assert counts["items"] == counts["contents"] == 5
    assert counts["case"] == "evidence.leadlight"
    assert sum(counts["tiers"].values()) == 5
    assert set(counts) >= {"tiers", "failures", "items", "contents", "bytes", "seconds"}

    code, out, _ = cli("queue", "evidence.leadlight", "--json")
    entries: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    assert [e["rank"] for e in entries] == [1, 2, 3, 4, 5]
    for e in entries:
        assert set(e) == ENTRY
        assert set(e["origin"]) == {"answer", "log10_lr", "verbal", "for", "against"}
        assert e["reasons"]
    inner = next(e for e in entries if e["places"][0]["path"] == "in/one.jpg")
    assert inner["places"][0]["within"] == str(evidence / "pictures.zip")
    code, out, _ = cli("queue", "evidence.leadlight", "--tier", "possible-victim", "--top", 1)
    assert "camera.jpg" in out
    assert "plain.png" not in out

    code, out, _ = cli("show", "evidence.leadlight", entries[0]["sha256"][:12], "--json")
    shown = json.loads(out)
    assert set(shown) == ENTRY | {"fingerprints", "findings", "links", "grades", "looks", "superseded"}
    assert {f["algorithm"] for f in shown["fingerprints"]} == {"md5", "sha1", "sha256", "blake3", "pdq"}
    keys = {"analyser", "version", "kind", "statement", "proposition", "log10_lr", "payload"}
    assert all(keys <= set(f) for f in shown["findings"])
    assert cli("show", "evidence.leadlight", "evidence/camera.jpg")[0] == 0

    code, out, _ = cli("report", "evidence.leadlight", "--out", "r.html")
    assert code == 0
    assert "<html" in (tmp_path / "r.html").read_text("utf-8")
    code, out, _ = cli("verify", "evidence.leadlight", "--json")
    assert (code, json.loads(out)) == (0, {"holds": True, "faults": [], "notes": []})


def test_failures_give_exit_code_1(cli: Cli, evidence: Path) -> None:
    (evidence / "cut.jpg").write_bytes(jpeg(9)[:700])
    code, out, _ = cli("triage", evidence, "--case", "c", "--json")
    assert code == 1
    assert json.loads(out)["failures"] == {"undecodable": 1}
    assert cli("triage", evidence, "--case", "c")[0] == 1
    code, out, _ = cli("origin", evidence / "cut.jpg")
    assert code == 1
    assert "cut short" in out


def test_lists(cli: Cli, evidence: Path, tmp_path: Path) -> None:
    import hashlib

    digest = hashlib.sha256((evidence / "plain.png").read_bytes()).hexdigest()
    (tmp_path / "reference.csv").write_text(f"sha256\n{digest}\n")
    code, out, _ = cli("triage", evidence, "--case", "c", "--list", "generated=reference.csv", "--json")
    assert json.loads(out)["tiers"]["known"] == 1
    code, out, _ = cli("lists", "list", "c", "--json")
    assert [(x["name"], x["kind"], x["entries"]) for x in json.loads(out)] == [("reference", "generated", 1)]
    assert cli("lists", "remove", "c", "reference")[0] == 0
    code, out, _ = cli("queue", "c", "--tier", "known", "--json")
    assert json.loads(out) == []
    code, out, _ = cli(
        "lists", "add", "c", "reference.csv", "--kind", "benign", "--name", "Noise", "--format", "csv"
    )
    assert code == 0
    assert "Noise" in out
    (tmp_path / "bad.csv").write_text("sha256\nnonsense\n")
    code, out, err = cli("lists", "add", "c", "bad.csv", "--kind", "known")
    assert code == 2
    assert "bad.csv" in err
    assert "line" in err
    code, _, err = cli("lists", "add", "c", "reference.csv", "--format", "nsrl")
    assert code == 2
    assert "reference.csv" in err


def test_origin_explains_one_file_without_a_case(cli: Cli, evidence: Path) -> None:
    code, out, _ = cli("origin", evidence / "camera.jpg", evidence / "plain.png", "--json")
    camera, plain = json.loads(out)
    assert code == 0
    assert set(camera) == {"path", "sha256", "origin", "findings"}
    assert camera["origin"]["log10_lr"] < 0
    assert camera["origin"]["answer"] == "undetermined"
    assert plain["origin"]["log10_lr"] is None
    code, out, _ = cli("origin", evidence / "camera.jpg")
    assert "rather than" in out
    assert "no probability" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["triage", "missing"], 3, "missing"),
        (["triage"], 2, "PATHS"),
        (["triage", "evidence", "--profile", "none"], 2, "victim-first"),
        (["triage", "evidence", "--jobs", "-1"], 2, "jobs"),
        (["triage", "evidence", "--list", "none.csv"], 2, "none.csv"),
        (["triage", "evidence", "--case", "evidence/case"], 2, "never written to"),
        (["queue", "nowhere"], 3, "nowhere"),
        (["show", "nowhere", "x"], 3, "nowhere"),
        (["origin", "evidence"], 3, "folder"),
        (["origin", "missing.jpg"], 3, "missing.jpg"),
        (["verify", "nowhere"], 3, "nowhere"),
        (["nonsense"], 2, "nonsense"),
        ([], 2, "Usage"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_bad_use_is_said_plainly(cli: Cli, evidence: Path, arguments: list[str], code: int, words: str) -> None:
    got, out, err = cli(*arguments)
    assert got == code, err
    assert words in err
    assert out == ""


def test_bad_use_leaves_no_half_made_case_with_findings(cli: Cli, evidence: Path, tmp_path: Path) -> None:
    cli("triage", evidence, "--list", "none.csv", "--case", "c")
    assert cli("triage", evidence, "--case", "c")[0] == 0


def test_a_case_of_a_newer_version_and_a_broken_one(cli: Cli, evidence: Path, tmp_path: Path) -> None:
    cli("triage", evidence, "--case", "c", "--json")
    with sqlite3.connect(tmp_path / "c" / "case.db") as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE name = 'schema_version'")
    raw.close()
    code, _, err = cli("queue", "c")
    assert code == 3
    assert "newer Leadlight" in err
    (tmp_path / "c" / "case.db").write_bytes(b"not a database at all" * 500)
    for name in ("case.db-wal", "case.db-shm"):
        (tmp_path / "c" / name).unlink(missing_ok=True)
    code, _, err = cli("verify", "c")
    assert code == 3
    assert "case.db" in err


def test_a_changed_record_fails_verify(cli: Cli, evidence: Path, tmp_path: Path) -> None:
    cli("triage", evidence, "--case", "c", "--json")
    with sqlite3.connect(tmp_path / "c" / "case.db") as raw:
        raw.execute("UPDATE finding SET record = replace(record, 'EX-1', 'EX-2') WHERE kind = 'provenance.camera'")
    raw.close()
    code, out, _ = cli("verify", "c")
    assert code == 3
    assert "was altered" in out


def test_prompts_stay_sealed_unless_asked_for(cli: Cli, tmp_path: Path) -> None:
    from PIL import Image, PngImagePlugin

    text = "a red apple on a wooden table\nSteps: 20, Sampler: Euler, Seed: 7, Model: demo"
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text)
    (tmp_path / "ev").mkdir()
    Image.new("RGB", (64, 64), "red").save(tmp_path / "ev" / "stamped.png", pnginfo=info)
    cli("triage", "ev", "--case", "c")
    for call in (
        ("show", "c", "ev/stamped.png", "--json"),
        ("show", "c", "ev/stamped.png"),
        ("queue", "c", "--json"),
        ("origin", "ev/stamped.png", "--json"),
        ("origin", "ev/stamped.png"),
    ):
        assert "red apple" not in cli(*call)[1], call
    cli("report", "c", "--out", "r.html")
    assert "red apple" not in (tmp_path / "r.html").read_text("utf-8")
    assert "red apple" in cli("show", "c", "ev/stamped.png", "--unseal", "--json")[1]
    assert "red apple" in cli("origin", "ev/stamped.png", "--unseal")[1]
    with sqlite3.connect(tmp_path / "c" / "case.db") as raw:
        assert raw.execute("SELECT count(*) FROM act WHERE action = 'unseal'").fetchone() == (1,)
    raw.close()


def test_names_can_not_rewrite_the_terminal(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "ev").mkdir()
    (tmp_path / "ev" / "a\x1b[2J\u202egpj.png").write_bytes(png(1))
    (tmp_path / "ev" / "[red]b[bold].png").write_bytes(png(2))
    code, out, _ = cli("triage", "ev", "--case", "c")
    assert code == 0
    assert "\x1b[2J" not in out
    assert "\u202e" not in out
    assert "[red]b[bold].png" in out


def test_plugins_are_listed_in_the_order_they_run(cli: Cli) -> None:
    code, out, _ = cli("plugins", "--json")
    infos = json.loads(out)
    assert code == 0
    names = [i["name"] for i in infos if i["kind"] == "analyser"]
    assert names.index("identify.preview") < names.index("fingerprint.pdq")
    assert all(i["available"] for i in infos if i["kind"] != "kernel"), "a kernel needs a compiler"
    assert "ready" in cli("plugins")[1]


def test_a_full_disk_is_named_and_nothing_is_lost(
    cli: Cli, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    from leadlight.store.record import Recorder

    real = Recorder.examined

    def full(self: Recorder, batch: Any, done: Any) -> Any:
        with self._database.writing():
            raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(Recorder, "examined", full)
    code, out, err = cli("triage", evidence, "--case", "c")
    assert code == 3
    assert "no room left" in err
    assert "goes on where it was" in err
    monkeypatch.setattr(Recorder, "examined", real)
    code, out, _ = cli("triage", evidence, "--case", "c", "--json")
    assert (code, json.loads(out)["items"]) == (0, 5)


def test_help_and_version_run_as_a_program() -> None:
    for arguments in (["--help"], ["--version"], ["triage", "--help"], ["lists", "--help"]):
        done = subprocess.run([sys.executable, "-m", "leadlight", *arguments], capture_output=True, check=True)
        assert done.stdout
