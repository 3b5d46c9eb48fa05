"""`leadlight models`, and `--detect` of triage and origin, as typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from leadlight.chart import chart_pixels, png
from leadlight.cli.app import run
from leadlight.config import Settings
from leadlight.engine import cage
from tests.scoring.cards import CALIBRATION, card
from tests.scoring.graphs import detector

Cli = Callable[..., tuple[int, str, str]]
STEEP = replace(CALIBRATION, knots=((-3.0, -1.5), (3.0, 1.5)))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADLIGHT_MODELS", str(tmp_path / "models"))

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture
def brought(tmp_path: Path) -> tuple[Path, Path]:
    """An ONNX file and its card."""
    (tmp_path / "net.onnx").write_bytes(detector())
    (tmp_path / "card.toml").write_text(card(calibration=(STEEP,)).text(), "utf-8")
    return tmp_path / "net.onnx", tmp_path / "card.toml"


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.png").write_bytes(png(chart_pixels(320, 256, n)))
    (folder / "small.png").write_bytes(png(chart_pixels(60, 60, 9)))
    return folder


def test_add_list_test_remove(cli: Cli, brought: tuple[Path, Path]) -> None:
    file, stated = brought
    code, out, _ = cli("models", "add", file, "--card", stated)
    assert code == 0
    assert "made-up 1 is installed" in out
    assert "licence CC0-1.0" in out
    assert out.count("holds") == 2
    code, out, _ = cli("models", "list")
    assert code == 0
    assert "made-up" in out
    assert "ready" in out
    code, out, _ = cli("models", "list", "--json")
    (facts,) = [m for m in json.loads(out) if not m["shipped"]]
    assert facts["licence"] == "CC0-1.0"
    assert facts["calibrations"][0]["sources"] == 20
    code, out, _ = cli("models", "test", "made-up", "--json")
    assert code == 0
    assert [t["holds"] for t in json.loads(out)] == [True, True]
    code, out, _ = cli("plugins", "--json")
    shown = {p["name"]: p for p in json.loads(out)}
    assert shown["detect.neural"]["available"]
    assert shown["made-up"]["kind"] == "model"
    assert cli("models", "remove", "made-up")[0] == 0
    assert cli("models", "remove", "made-up")[0] == 2


def test_a_model_that_no_longer_holds_is_shown(cli: Cli, brought: tuple[Path, Path], tmp_path: Path) -> None:
    file, stated = brought
    cli("models", "add", file, "--card", stated)
    there = tmp_path / "models" / "made-up" / "card.toml"
    there.write_text(there.read_text("utf-8").replace('colours = "RGB"', 'colours = "BGR"'), "utf-8")
    code, out, _ = cli("models", "test", "made-up")
    assert code == 1
    assert "does not hold" in out
    (tmp_path / "models" / "made-up" / "model.onnx").write_bytes(b"x")
    code, out, _ = cli("models", "list")
    assert code == 1
    assert "another one" in out
    assert cli("models", "test", "made-up")[0] == 2
    (tmp_path / "evidence").mkdir()
    code, _, err = cli("triage", tmp_path / "evidence", "--case", "c", "--detect", "on")
    assert code == 2
    assert "models remove made-up" in err
    assert not (tmp_path / "c").exists()


def test_refusals_are_of_wrong_use_and_say_what_to_do(cli: Cli, brought: tuple[Path, Path]) -> None:
    file, stated = brought
    code, _, err = cli("models", "add", file, "--card", "nobody")
    assert code == 2
    assert "community-forensics-vit-s-384" in err
    code, _, err = cli("models", "add", file, "--card", "community-forensics-vit-s-384")
    assert code == 2
    assert "384" in err
    stated.write_text(stated.read_text("utf-8").replace("CC0-1.0", " "), "utf-8")
    code, _, err = cli("models", "add", file, "--card", stated)
    assert code == 2
    assert "states no licence" in err


def test_shipped_cards_are_shown_in_full(cli: Cli) -> None:
    code, out, _ = cli("models", "cards")
    assert code == 0
    assert "community-forensics-vit-s-384 (MIT)" in out
    found = json.loads(cli("models", "cards", "--json")[1])
    assert all(c["licence"] and not c["digest"] for c in found)


def test_a_model_without_calibration_says_that_it_will_abstain(cli: Cli, brought: tuple[Path, Path]) -> None:
    file, stated = brought
    stated.write_text(card(calibration=()).text(), "utf-8")
    _, _, err = cli("models", "add", file, "--card", stated)
    assert "abstain" in err
    assert "leadlight calibrate" in err


def scores(assessed: dict) -> list[dict]:
    return [f for f in assessed["findings"] if f["kind"] == "score" and f["payload"]["detector"] == "made-up"]


def test_origin_asks_detectors_unless_told_not_to(cli: Cli, brought: tuple[Path, Path], evidence: Path) -> None:
    file, stated = brought
    cli("models", "add", file, "--card", stated)
    code, out, _ = cli("origin", evidence / "0.png", evidence / "small.png", "--json")
    assert code == 0
    first, second = json.loads(out)
    (found,) = scores(first)
    assert found["basis"] == "pixels"
    assert found["source"] == "measured"
    assert any(found["statement"] == t["text"] for t in (*first["origin"]["for"], *first["origin"]["against"]))
    (found,) = scores(second)
    assert found["payload"]["abstained"] == "size"
    assert found["log10_lr"] is None
    assert not any(
        found["statement"] == t["text"] for t in (*second["origin"]["for"], *second["origin"]["against"])
    )
    out = cli("origin", evidence / "0.png")[1]
    assert "The detector 'A network with made-up weights'" in out
    assert "likelihood ratio" in out
    out = cli("origin", evidence / "0.png", "--detect", "off", "--json")[1]
    assert scores(json.loads(out)[0]) == []


def test_a_scan_asks_where_told_to_in_a_whole_cage(
    cli: Cli, brought: tuple[Path, Path], evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers read the models before the cage closes; under it no file of theirs can be opened."""
    file, stated = brought
    cli("models", "add", file, "--card", stated)
    if all(layer.active for layer in cage.layers(Settings())):
        monkeypatch.setenv("LEADLIGHT_CAGE", "required")
    assert cli("triage", evidence, "--case", "off")[0] == 0
    assert cli("triage", evidence, "--case", "on", "--detect", "on", "--jobs", "2")[0] == 0
    for case, count in (("off", 0), ("on", 1)):
        out = cli("show", case, evidence / "1.png", "--json")[1]
        assert len(scores(json.loads(out))) == count, case
    assert cli("verify", "on")[0] == 0
    report = tmp_path / "report.html"
    assert cli("report", "on", "--out", report)[0] == 0
    text = report.read_text("utf-8")
    assert "made-up" in text
    assert "The detector" in text


def test_a_scan_is_refused_where_nothing_can_answer(evidence: Path, tmp_path: Path) -> None:
    """In an installation without ONNX Runtime: said, with the cure, before anything is written."""
    (tmp_path / "hidden").mkdir()
    code = (
        "import sys\n"
        "from importlib import util\n"
        "real = util.find_spec\n"
        "util.find_spec = lambda name, *a: None if name == 'onnxruntime' else real(name, *a)\n"
        "from leadlight.cli.app import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    environment = {**os.environ, "LEADLIGHT_MODELS": str(tmp_path / "models")}

    def call(*arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True)

    done = call("triage", evidence, "--case", "c", "--detect", "on")
    assert done.returncode == 2
    assert b"leadlight[detect]" in done.stderr
    assert not (tmp_path / "c").exists()
    assert call("origin", evidence / "0.png", "--detect", "on").returncode == 2
    shown = {p["name"]: p for p in json.loads(call("plugins", "--json").stdout)}
    assert not shown["detect.neural"]["available"]
    assert "leadlight[detect]" in shown["detect.neural"]["missing"]
