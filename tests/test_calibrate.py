"""Calibrating on drawn pictures, from folders to a card: nothing is stated that they do not bear out."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from leadlight import calibrate as calibrating
from leadlight.calibrate import FIGURES, REPORT, SCORES, Calibrated, Options, calibrate, plain
from leadlight.config import Settings
from leadlight.errors import ConfigError, EvidenceError, UnknownName, UsageError
from leadlight.scoring.calibration import Calibration
from leadlight.scoring.card import Card, parse
from tests import known
from tests.scoring import cards

pytest.importorskip("lir")

CAMERA = {f"c{n}": 2.0 + n for n in range(6)}
GENERATED = {f"g{n}": 0.1 * n for n in range(5)}
EACH = 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("known")
    known.make(folder, CAMERA, GENERATED, each=EACH)
    (folder / "camera" / "c0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def run(pictures: Path, out: Path, options: Options | None = None, card: Card | None = None) -> Calibrated:
    return calibrate(
        "made-up",
        out,
        camera=[pictures / "camera"],
        generated=[pictures / "generated"],
        settings=Settings(jobs=1),
        options=options or Options(),
        scorer=known.Smooth(card),
    )


@pytest.fixture(scope="module")
def done(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Calibrated, Path]:
    out = tmp_path_factory.mktemp("out") / "calibrated"
    return run(pictures, out), out


def test_the_card_is_the_models_own_with_the_calibration(done: tuple[Calibrated, Path]) -> None:
    made, out = done
    card = parse((out / "card.toml").read_text("utf-8"), "card")
    assert card == made.card
    (calibration,) = card.calibration
    assert (calibration.size, calibration.sources, calibration.state) == (220, 11, "any")
    assert calibration.name == "camera, generated"
    assert calibration.upper > 0.5
    noisy, smooth = (known.Smooth().read(_picture(noise)).raw or 0.0 for noise in (6.0, 0.0))
    assert calibration.log10_lr(noisy) < 0 < calibration.log10_lr(smooth)


def _picture(noise: float) -> object:
    from leadlight.raster import Picture

    return Picture(known.drawn(noise, 3), None, "RGB")


def test_what_is_written_can_be_read(done: tuple[Calibrated, Path]) -> None:
    made, out = done
    text = (out / REPORT).read_text("utf-8")
    for words in ("Cllr", "AUC", "Bounds", "c0", "g4", "left out", "no probability", "ELUB"):
        assert words in text, words
    figures = json.loads((out / FIGURES).read_text("utf-8"))
    assert figures == json.loads(json.dumps(plain(made)))
    assert figures["figures"]["auc"]["value"] > 0.9
    assert figures["figures"]["auc"]["interval"][0] <= figures["figures"]["auc"]["value"]
    assert len(figures["sources"]) == 11
    for name in ("tippett", "pav", "reliability", "cross-entropy"):
        ET.fromstring((out / f"{name}.svg").read_text("utf-8"))
        assert f"({name}.svg)" in text


def test_the_scores_are_written_so_that_all_can_be_worked_out_again(done: tuple[Calibrated, Path]) -> None:
    made, out = done
    rows = list(csv.DictReader(io.StringIO((out / SCORES).read_text("utf-8"))))
    assert len(rows) == 220
    assert {r["kind"] for r in rows} == {"camera", "generated"}
    llrs = np.array([float(r["log10_lr"]) for r in rows])
    assert llrs == pytest.approx(made.fit.llrs, abs=1e-4)


def test_what_could_not_be_used_is_told(done: tuple[Calibrated, Path]) -> None:
    made, out = done
    assert sum(made.left_out.values()) == 1
    assert "## Left out" in (out / REPORT).read_text("utf-8")


def test_the_same_again(done: tuple[Calibrated, Path], pictures: Path, tmp_path: Path) -> None:
    again = run(pictures, tmp_path / "again")
    assert again.fit.calibration == done[0].fit.calibration
    assert again.figures == done[0].figures


def test_only_the_calibration_of_that_state_is_replaced(pictures: Path, tmp_path: Path) -> None:
    before = [Calibration(**{**cards.CALIBRATION.plain(), "state": s}) for s in ("any", "resized")]
    made = run(pictures, tmp_path / "out", Options(state="resized"), cards.card(calibration=tuple(before)))
    assert [c.state for c in made.card.calibration] == ["any", "resized"]
    assert made.card.calibration[0] == before[0]
    assert made.card.calibration[1].least_quality == 75


def test_one_of_small_pictures_stands_beside_the_one_of_all(pictures: Path, tmp_path: Path) -> None:
    before = replace(cards.CALIBRATION, name="all")
    small = Options(most_side=2 * known.WIDTH, name="small")
    made = run(pictures, tmp_path / "out", small, cards.card(calibration=(before,)))
    assert [c.name for c in made.card.calibration] == ["all", "small"]
    assert made.card.calibration[0] == before
    assert 0 < made.card.calibration[1].most_side <= 2 * known.WIDTH
    again = run(pictures, tmp_path / "again", small, made.card)
    assert [c.name for c in again.card.calibration] == ["all", "small"]
    alone = run(pictures, tmp_path / "alone", Options(name="new"), made.card)
    assert [c.name for c in alone.card.calibration] == ["new"]


def test_larger_pictures_than_asked_for_calibrate_nothing(pictures: Path, tmp_path: Path) -> None:
    """Some of these are larger on a screen: then too few are left."""
    with pytest.raises(UsageError, match="too small a set"):
        run(pictures, tmp_path / "out", Options(most_side=known.WIDTH))


def test_pictures_of_which_the_model_abstains_calibrate_nothing(pictures: Path, tmp_path: Path) -> None:
    from leadlight.scoring.card import Abstain

    with pytest.raises(UsageError, match="too small a set: 0 camera"):
        run(pictures, tmp_path / "out", card=cards.card(calibration=(), abstain=Abstain(least_side=500)))
    assert not (tmp_path / "out").exists()


def test_too_small_a_set_is_refused_before_any_picture_is_read(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too small a set") as caught:
        run(pictures, tmp_path / "out", Options(most=10))
    assert "100 pictures" in caught.value.advice
    assert not (tmp_path / "out").exists()


def test_swapped_folders_are_noticed(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no higher"):
        calibrate(
            "made-up",
            tmp_path / "out",
            camera=[pictures / "generated"],
            generated=[pictures / "camera"],
            settings=Settings(jobs=1),
            scorer=known.Smooth(),
        )


def test_out_is_never_among_the_pictures_nor_overwritten(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="within"):
        run(pictures, pictures / "camera" / "out")
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="already"):
        run(pictures, tmp_path / "there")


def test_what_is_not_there_is_told(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EvidenceError):
        run(tmp_path / "absent", tmp_path / "out")
    there = {"camera": [pictures / "camera"], "generated": [pictures / "generated"]}
    with pytest.raises(UnknownName):
        calibrate("absent", tmp_path / "out", settings=Settings(jobs=1, models=str(tmp_path)), **there)
    monkeypatch.setattr(calibrating.bounds, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="calibrate"):
        run(pictures, tmp_path / "out")
