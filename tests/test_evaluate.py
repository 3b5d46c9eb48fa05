"""Evaluating on drawn pictures: figures that are right, of pixels alone, told by source and state."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from leadlight import evaluate as evaluating
from leadlight.config import Settings
from leadlight.errors import UnknownName, UsageError
from leadlight.evaluate import FIGURES, REPORT, Options, document, evaluate
from leadlight.raster import Picture
from leadlight.scoring.calibration import Calibration
from leadlight.scoring.corpus import Found
from leadlight.scoring.detector import Reading
from leadlight.scoring.laundering import STATES
from leadlight.trial import AS_IS, STRIPPED, Outcome, Scored, Weighed
from tests import known
from tests.scoring import cards

CALIBRATION = Calibration(
    **{**cards.CALIBRATION.plain(), "knots": ((-11.0, -2.0), (-1.0, 2.0)), "lower": -1.5, "upper": 1.5}
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("known")
    known.make(folder, {"c0": 4.0, "c1": 8.0, "c2": 10.0}, {"g0": 0.0, "g1": 0.2}, each=4)
    (folder / "generated" / "g0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    rows = [
        f"{kind}/{s}/{n}.png,{kind},{s},Maker {s[0]} (v1),dev"
        for kind, sources in (("camera", ("c0", "c1", "c2")), ("generated", ("g0", "g1")))
        for s in sources
        for n in range(4)
    ]
    rows.append("generated/g0/broken.png,generated,g0,Maker g,dev")
    (folder / "manifest.csv").write_text("path,origin,source,generator_or_camera,split\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def done(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("out") / "evaluated"
    scorer = known.Smooth(cards.card(calibration=(CALIBRATION,)))
    return evaluate(pictures, out, settings=Settings(jobs=1), options=Options(split="dev"), scorer=scorer), out


def test_each_state_source_and_family_is_told(done: tuple[dict[str, Any], Path]) -> None:
    made, _ = done
    assert made["pictures"] == {
        "camera": {"pictures": 12, "sources": 3},
        "generated": {"pictures": 8, "sources": 2},
    }
    assert list(made["laundering"]) == list(STATES)
    assert [g["name"] for g in made["sources"]] == ["c0", "c1", "c2", "g0", "g1"]
    assert [g["name"] for g in made["families"]] == ["Maker g"]
    for state in made["laundering"].values():
        assert state["figures"]["auc"]["value"] > 0.9
        assert state["figures"]["auc"]["interval"] is not None
    assert made["left_out"]
    assert made["failed"] == 1


def test_all_of_it_is_written(done: tuple[dict[str, Any], Path]) -> None:
    made, out = done
    assert json.loads((out / FIGURES).read_text("utf-8")) == json.loads(json.dumps(made))
    text = (out / REPORT).read_text("utf-8")
    for words in (
        "By laundering",
        "By source",
        "By family",
        "screenshot",
        "Maker g",
        "called generated",
        "Speed",
        "no",
    ):
        assert words in text
    plots = {p.stem for p in out.glob("*.svg")}
    assert {"by-laundering", "by-source", "by-family", "tippett-clean"} <= plots
    for plot in out.glob("*.svg"):
        ET.fromstring(plot.read_text("utf-8"))


def test_the_whole_weighing_is_asked_of_the_file_and_of_its_pixels(done: tuple[dict[str, Any], Path]) -> None:
    made, _ = done
    for how in (AS_IS, STRIPPED):
        told = made["policy"][how]
        assert sum(told["answers"]["camera"].values()) == 12
        assert told["camera_called_generated"]["value"] == 0.0


class Format:
    """Cheats: scores a picture by whether its pixels bear the marks of JPEG's blocks, that is, by its file."""

    def __init__(self) -> None:
        self.card = cards.card(calibration=())

    def read(self, picture: Picture) -> Reading:
        grey = picture.pixels.astype(float).mean(axis=2)
        steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
        edges = np.arange(len(steps)) % 8 == 7
        return Reading(float(steps[~edges].mean() - steps[edges].mean()), 4, 0, 0.1, None, False, 1.0, False)


def test_a_model_that_reads_the_file_and_not_the_picture_gets_nothing(tmp_path: Path) -> None:
    """All camera pictures are coarse JPEGs, all generated ones PNGs: as they are, that alone tells them apart."""
    for n in range(24):
        for kind, form in (("camera", "jpg"), ("generated", "png")):
            path = tmp_path / "set" / kind / f"s{n % 3}" / f"{n}.{form}"
            path.parent.mkdir(parents=True, exist_ok=True)
            how: dict[str, Any] = {"quality": 88} if form == "jpg" else {}
            Image.fromarray(known.drawn(3.0, 2 * n + (kind == "camera"))).save(path, **how)
    raw = {"camera": [], "generated": []}  # type: ignore[var-annotated]
    for path in (tmp_path / "set").rglob("*.*"):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        raw[path.parts[-3]].append(Format().read(Picture(pixels, None, "RGB")).raw)
    apart = np.mean([g > c for g in raw["generated"] for c in raw["camera"]])
    assert apart > 0.95
    made = evaluate(
        tmp_path / "set",
        tmp_path / "out",
        settings=Settings(jobs=1),
        options=Options(states=("clean",), weighed=False),
        scorer=Format(),
    )
    assert 0.2 < made["laundering"]["clean"]["figures"]["auc"]["value"] < 0.8


# The figures themselves, from outcomes that are made up


def outcomes(number: int = 60) -> list[Outcome]:
    """Camera: three sources; the first source's pictures are half called generated, stated with a ratio of 30."""
    out = []
    for n in range(number):
        for flag in (False, True):
            source = f"{'g' if flag else 'c'}{n % 3}"
            odd = not flag and n % 3 == 0 and n % 2 == 0
            raw = (2.0 if flag or odd else -2.0) + n * 1e-4
            abstains = n % 5 == 4
            lr = None if abstains else (1.48 if raw > 0 else -1.2)
            out.append(
                Outcome(
                    Found(Path(f"{source}/{n}"), f"{source}/{n}", flag, source, f"Maker {source}"),
                    scored=(Scored("clean", raw, lr, "disagreement" if abstains else "", 800, 600, 0.05),),
                    weighed=(
                        Weighed(AS_IS, "generated" if odd else "camera" if not flag else "undetermined", 1.0, ()),
                        Weighed(STRIPPED, "undetermined", None, ("disagreement",) if abstains else ()),
                    ),
                    decode_seconds=0.02,
                )
            )
    return out


def test_figures_by_hand() -> None:
    made = document(outcomes(), cards.card(), Options(states=("clean",)))
    clean = made["laundering"]["clean"]
    assert clean["answered"]["camera"]["value"] == pytest.approx(0.8)
    assert clean["abstained"] == {"camera": {"disagreement": 12}, "generated": {"disagreement": 12}}
    odd = [n for n in range(60) if n % 6 == 0]
    wrong = sum(1 for n in odd if n % 5 != 4) / 48
    assert clean["misleading"]["camera"]["value"] == pytest.approx(wrong, abs=1e-5)
    assert clean["misleading"]["generated"]["value"] == 0.0
    first = next(g for g in made["sources"] if g["name"] == "c0")
    assert first["states"]["clean"]["misleading_ten"] == pytest.approx(8 / 20)
    assert first["states"]["clean"]["median_log10_lr"] == pytest.approx(0.14, abs=1.4)
    assert made["seconds"] == {"decode_median": 0.02, "model_median": 0.05, "model_slowest_of_twenty": 0.05}


def test_camera_pictures_called_generated_come_first() -> None:
    made = document(outcomes(180), cards.card(), Options(states=("clean",)))
    as_is, stripped = made["policy"][AS_IS], made["policy"][STRIPPED]
    assert as_is["camera_called_generated"]["value"] == pytest.approx(30 / 180, abs=1e-5)
    assert as_is["camera_called_generated"]["interval"][1] > 0.3
    assert as_is["by_large_source"] == {"c0": 0.5, "c1": 0.0, "c2": 0.0}
    assert as_is["answered"]["camera"]["value"] == 1.0
    assert as_is["wrong"]["camera"]["value"] == pytest.approx(30 / 180, abs=1e-5)
    assert stripped["answered"]["generated"]["value"] == 0.0
    assert stripped["wrong"]["generated"]["value"] is None
    assert stripped["abstained"]["camera"] == {"disagreement": 36}


def test_few_pictures_of_a_source_are_no_large_source() -> None:
    made = document(outcomes(60), cards.card(), Options(states=("clean",)))
    assert made["policy"][AS_IS]["by_large_source"] == {}


def test_the_threshold_is_that_of_one_in_a_hundred() -> None:
    many = [
        replace(o, scored=(replace(o.scored[0], raw=float(n)),)) if not o.found.generated else o
        for n, o in enumerate(outcomes(300))
    ]
    made = document(many, cards.card(), Options(states=("clean",)))
    above = sum(
        g["states"]["clean"]["above_threshold"] * g["pictures"] for g in made["sources"] if g["kind"] == "camera"
    )
    assert above <= 3


# What is refused


def test_one_kind_alone_is_no_test(pictures: Path, tmp_path: Path) -> None:
    known.make(tmp_path / "set", {"c0": 4.0}, {}, each=2)
    with pytest.raises(UsageError, match="no pictures of the kind generated"):
        evaluate(tmp_path / "set", tmp_path / "out", settings=Settings(jobs=1), scorer=known.Smooth())


def test_out_is_never_among_the_pictures_nor_overwritten(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="within"):
        evaluate(pictures, pictures / "out", settings=Settings(jobs=1), scorer=known.Smooth())
    with pytest.raises(UsageError, match="already"):
        evaluate(pictures, tmp_path, settings=Settings(jobs=1), scorer=known.Smooth())
    with pytest.raises(UsageError, match="no such state"):
        evaluate(pictures, tmp_path / "o", settings=Settings(), options=Options(states=("washed",)))
    with pytest.raises(UnknownName):
        evaluate(pictures, tmp_path / "o", settings=Settings(models=str(tmp_path)), model="absent")


def test_without_a_model_the_weighing_is_told_alone(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "kept", lambda settings: ())
    settings = Settings(jobs=1, models=str(tmp_path))
    made = evaluate(pictures, tmp_path / "out", settings=settings, options=Options(most=1))
    assert made["model"] is None
    assert made["laundering"] == {}
    assert sum(made["policy"][AS_IS]["answers"]["camera"].values()) == 3
    assert "none is installed" in (tmp_path / "out" / REPORT).read_text("utf-8")
