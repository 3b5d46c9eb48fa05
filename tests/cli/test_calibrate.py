"""`leadlight calibrate` and `leadlight evaluate` as typed, in worker processes, over made-up weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from leadlight.cli.app import run
from leadlight.scoring.card import Output, parse
from tests import known
from tests.scoring import cards

pytest.importorskip("onnxruntime")
pytest.importorskip("lir")

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADLIGHT_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("LEADLIGHT_JOBS", "2")

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    camera = {f"c{n}": 20.0 + n for n in range(5)}
    return known.make(tmp_path_factory.mktemp("known"), camera, {f"g{n}": 0.0 for n in range(5)}, each=20)


def test_from_a_model_to_a_calibrated_one(cli: Cli, pictures: Path, tmp_path: Path) -> None:
    turned = Output(name="logits", features="features", speaks_for="camera")
    cards.install(tmp_path / "models", {"calibration": (), "output": turned}, gain=20.0)
    both = ("--camera", pictures / "camera", "--generated", pictures / "generated")
    code, out, err = cli("calibrate", "made-up", *both, "--out", "made", "--name", "drawn", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["calibration"]["name"] == "drawn"
    assert told["calibration"]["size"] == 200
    card = parse((tmp_path / "made" / "card.toml").read_text("utf-8"), "card")
    assert len(card.calibration) == 1
    assert card.digest

    (tmp_path / "models" / "made-up" / "card.toml").write_text(card.text(), "utf-8")
    few = ("--most", "3", "--state", "clean", "--state", "webp80")
    code, out, err = cli("evaluate", pictures, "--model", "made-up", "--out", "judged", *few, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert list(told["laundering"]) == ["clean", "webp80"]
    assert told["laundering"]["clean"]["figures"]["auc"]["value"] > 0.5
    assert told["laundering"]["clean"]["answered"]["camera"]["value"] > 0
    assert sum(told["policy"]["stripped"]["answers"]["camera"].values()) == 15
    assert (tmp_path / "judged" / "evaluation.md").is_file()

    code, out, err = cli("calibrate", "made-up", *both, "--out", "made")
    assert (code, out) == (2, "")
    assert "already" in err


def test_too_small_a_set_is_wrong_use(cli: Cli, pictures: Path, tmp_path: Path) -> None:
    cards.install(tmp_path / "models")
    both = ("--camera", pictures / "camera", "--generated", pictures / "generated", "--most", "4")
    code, out, err = cli("calibrate", "made-up", *both, "--out", "made")
    assert (code, out) == (2, "")
    assert "too small a set" in err
    assert "100 pictures" in err
    assert not (tmp_path / "made").exists()


def test_what_can_not_be_read_is_told_by_the_exit_code(cli: Cli, tmp_path: Path) -> None:
    known.make(tmp_path / "set", {"a": 5.0}, {"b": 0.0}, each=2)
    (tmp_path / "set" / "camera" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    cards.install(tmp_path / "models")
    code, out, _ = cli(
        "evaluate", "set", "--model", "made-up", "--out", "judged", "--state", "clean", "--no-weighing"
    )
    assert code == 1
    assert "2 camera pictures" in out


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("evaluate", "absent", "--out", "o"), "can't be read"),
        (("evaluate", "set", "--out", "o", "--state", "washed"), "no such state"),
        (("evaluate", "set", "--out", "o", "--model", "nobody"), "no such model"),
        (("calibrate", "nobody", "--camera", "set", "--generated", "set", "--out", "o"), "no such model"),
    ],
)
def test_wrong_use_is_told_in_words(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    known.make(tmp_path / "set", {"a": 5.0}, {"b": 0.0}, each=1)
    code, out, err = cli(*arguments)
    assert code in (2, 3)
    assert out == ""
    assert words in err
