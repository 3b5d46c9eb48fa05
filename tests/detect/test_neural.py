"""The detector plugin: silent unless asked, one score a model, abstaining in words."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image

from leadlight.chart import chart_pixels, chart_png, png
from leadlight.config import Settings
from leadlight.content import Content, content_of
from leadlight.detect.neural import PLUGIN, Neural
from leadlight.errors import ConfigError
from leadlight.plugins import registry
from leadlight.records import Basis, Finding, Item, Place, Proposition, WeightSource
from leadlight.records import finding as kinds
from leadlight.records.codec import dumps, finding_in, finding_out
from leadlight.scoring import shelf
from leadlight.scoring.card import Abstain, Card, Output, Shift
from leadlight.scoring.detector import MODEL_FILE, Detector
from leadlight.seams import Analyser, Configurable, Known, Lacking
from tests.scoring.cards import CALIBRATION, install, made

ITEM = Item(Place(b"/evidence", (b"x",)), source="test")
STEEP = replace(CALIBRATION, knots=((-3.0, -1.5), (3.0, 1.5)))


def jpeg(pixels: np.ndarray, quality: int = 85, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def opened(data: bytes) -> Content:
    content = content_of(data, registry().hashers.hashers())
    content.decoder = registry().decoder
    content.filetype = registry().identifier.identify(content)
    return content


def said(data: bytes, *detectors: Detector, known: Known | None = None) -> list[Finding]:
    content = opened(data)
    known = known or Known(
        f for a in registry().analysers if kinds.STRUCTURE in a.gives for f in a.analyse(ITEM, content, Known())
    )
    found = list(Neural(detectors).analyse(ITEM, content, known))
    assert content.decodes <= 1
    for finding in found:
        assert finding_in(finding_out(finding)) == finding
        assert dumps(finding_out(finding))
        assert finding.statement.isprintable()
    return found


def test_it_fills_its_seams() -> None:
    assert isinstance(PLUGIN, Analyser)
    assert isinstance(PLUGIN, Configurable)
    assert isinstance(PLUGIN, Lacking)
    assert PLUGIN.extra == "detect"


def test_it_runs_after_what_tells_the_quality() -> None:
    names = [a.name for a in registry().analysers]
    assert names.index("provenance.structure") < names.index("detect.neural")


def test_nothing_is_said_or_decoded_where_nobody_asks() -> None:
    content = opened(chart_png(200, 200))
    assert list(PLUGIN.analyse(ITEM, content, Known())) == []
    assert content.decodes == 0


def test_models_are_loaded_only_where_asked(tmp_path: Path) -> None:
    there = install(tmp_path)
    settings = Settings(models=str(tmp_path))
    assert PLUGIN.configure(settings)._detectors == ()
    loaded = PLUGIN.configure(replace(settings, detect="on"))
    assert "made-up" in [d.card.name for d in loaded._detectors]
    (there / MODEL_FILE).write_bytes(b"another")
    with pytest.raises(ConfigError, match="another one than its card says"):
        PLUGIN.configure(replace(settings, detect="on"))
    assert PLUGIN.configure(settings)._detectors == ()


def test_what_is_lacking_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path)
    assert PLUGIN.lacks(Settings(models=str(tmp_path))) == ""
    monkeypatch.setattr(shelf, "kept", lambda settings: ())
    assert "leadlight models add" in PLUGIN.lacks(Settings())


@pytest.mark.parametrize(("speaks_for", "proposition"), [("generated", "camera"), ("camera", "generated")])
def test_a_score_is_a_likelihood_ratio_with_its_ground(speaks_for: str, proposition: str) -> None:
    output = Output("logits", features="features", speaks_for=speaks_for)
    (found,) = said(jpeg(chart_pixels(400, 300, 1)), made({"calibration": (STEEP,), "output": output}))
    assert found.kind == kinds.SCORE
    raw, ratio = found.payload["raw"], found.payload["log10_lr"]
    assert (raw > 0) == (ratio > 0) == (proposition == "generated")
    assert ratio == pytest.approx(STEEP.log10_lr(raw), abs=1e-5)
    assert abs(ratio) > 0.3
    weight = found.weight
    assert weight is not None
    assert weight.proposition is Proposition(proposition)
    assert weight.log10_lr == pytest.approx(abs(ratio))
    assert (weight.basis, weight.source) == (Basis.PIXELS, WeightSource.MEASURED)
    assert "400 pictures of 20 sources" in weight.note
    assert "likelihood ratio" in found.statement
    assert "a camera capture" in found.statement
    assert "the output of a generative model" in found.statement
    assert "probab" not in found.statement
    assert set(found.payload) >= {
        "detector",
        "detector_version",
        "card",
        "raw",
        "calibration",
        "unseen",
        "patches",
    }
    assert dict(found.payload["calibration"]) == {
        "name": "drawn charts",
        "size": 400,
        "sources": 20,
        "date": "2026-11-22",
        "state": "any",
    }
    assert found.payload["abstained"] is None
    assert found.payload["detector"] == "made-up"
    assert len(found.payload["card"]) == 64
    assert found.payload["patches"] == 9
    assert any("% of its area" in u for u in found.payload["unseen"])
    assert "pictures of anything" in found.payload["unseen"]


def grey_png() -> bytes:
    return png(chart_pixels(300, 300)[..., 1])


def flat_png() -> bytes:
    return png(np.full((300, 300, 3), 90, np.uint8) + np.arange(3, dtype=np.uint8) * 20)


def palette_png() -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(300, 300)).quantize(32).save(out, "PNG")
    return out.getvalue()


def cmyk_jpeg() -> bytes:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(300, 300)).convert("CMYK").save(out, "JPEG")
    return out.getvalue()


LEAST_50 = {"calibration": (replace(CALIBRATION, least_quality=50),)}
CASES = [
    ("size", {}, lambda: chart_png(63, 300), False),
    ("size", {"abstain": Abstain(least_side=301)}, lambda: chart_png(300, 400), True),
    ("patches", {"abstain": Abstain(least_patches=9)}, lambda: chart_png(100, 64), True),
    ("plain", {}, flat_png, True),
    ("colour", {}, grey_png, True),
    ("colour", {}, palette_png, True),
    ("colour", {}, cmyk_jpeg, True),
    ("disagreement", {"abstain": Abstain(most_disagreement=1e-3)}, lambda: chart_png(300, 300), True),
    ("shift", {"shift": (Shift((100.0,) * 8, (1.0,) * 8, 3.0),)}, lambda: chart_png(300, 300), True),
    ("calibration", {"calibration": ()}, lambda: chart_png(300, 300), True),
    ("calibration", LEAST_50, lambda: jpeg(chart_pixels(300, 300), 40), True),
    ("incomplete", {}, lambda: jpeg(chart_pixels(600, 600))[:20000], True),
]


@pytest.mark.parametrize(("word", "stated", "build", "raw"), CASES)
def test_it_abstains_in_words_and_weighs_nothing(word: str, stated: dict, build, raw: bool) -> None:
    (found,) = said(build(), made(stated))
    assert found.payload["abstained"] == word, found.statement
    assert found.weight is None
    assert found.payload["log10_lr"] is None
    assert found.payload["calibration"] is None
    assert (found.payload["raw"] is not None) == raw
    assert "abstains: " in found.statement
    assert "likelihood" not in found.statement or word == "calibration"


def test_the_quality_is_that_of_tables_or_quantisers() -> None:
    pixels = chart_pixels(300, 300)
    detector = made(LEAST_50)
    for data, covered in [
        (jpeg(pixels, 60), True),
        (jpeg(pixels, 40), False),
        (chart_png(300, 300), True),
    ]:
        (found,) = said(data, detector)
        assert (found.weight is not None) == covered, found.statement
    for how, covered in (({"lossless": True}, True), ({"quality": 70}, True), ({"quality": 30}, False)):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "WEBP", **how)
        (found,) = said(out.getvalue(), detector)
        assert (found.weight is not None) == covered, found.statement
    (found,) = said(jpeg(pixels, 60), detector, known=Known())
    assert "is not known" in found.statement


def test_of_an_animation_the_first_frame_alone_is_looked_at() -> None:
    out = io.BytesIO()
    frames = [Image.fromarray(chart_pixels(200, 200, n)) for n in range(3)]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    (found,) = said(out.getvalue(), made())
    assert "all but the first of its 3 frames" in found.payload["unseen"]


def test_transparency_is_not_looked_at_and_that_is_said() -> None:
    pixels = np.dstack([chart_pixels(200, 200), np.full((200, 200), 128, np.uint8)])
    (found,) = said(png(pixels), made())
    assert "its transparency" in found.payload["unseen"]
    assert found.weight is not None


def test_each_model_says_its_own_and_one_that_fails_costs_no_other() -> None:
    broken = made({"output": Output("logits", "probability")}, gain=40.0)
    first, second = said(chart_png(300, 300), broken, made({"name": "other"}))
    assert first.kind == kinds.FAILURE
    assert first.payload["reason"] == "unsupported"
    assert "probabilities" in first.statement
    assert second.payload["detector"] == "other"


def test_two_runs_agree() -> None:
    data = jpeg(chart_pixels(500, 400, 7))
    assert said(data, made()) == said(data, made())


def test_a_card_is_told_by_its_digest() -> None:
    one, other = (said(chart_png(300, 300), made({"version": v}))[0].payload["card"] for v in "12")
    assert one != other


def test_payloads_are_frozen_facts() -> None:
    (found,) = said(chart_png(300, 300), made())
    assert isinstance(found.payload, MappingProxyType)
    assert all(len(str(v).split(".")[-1]) <= 9 for v in found.payload.values() if isinstance(v, float))


def test_cards_shipped_with_weights_load_and_hold_their_selftest() -> None:
    """What ships must work as it is, on any machine that the tests run on."""
    from leadlight.scoring.selftest import run
    from leadlight.scoring.shelf import kept

    for model in kept(Settings(models="/nowhere")):
        detector = Detector.load(model.folder)
        assert isinstance(detector.card, Card)
        assert detector.card.selftest, "a shipped model has known values"
        assert all(o.test.raw is not None and o.passed for o in run(detector)), model.name
        assert detector.card.unseen
        assert any(c.state == "any" for c in detector.card.calibration)


def test_a_scan_with_detectors_decodes_each_picture_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a full decode is needed anyway, the hash is made from it: exact, and no scaled decode beside it."""
    from tests.conftest import examine_bytes

    install(tmp_path)
    counts: list[int] = []
    close = Content.close
    monkeypatch.setattr(Content, "close", lambda self: (counts.append(self.decodes), close(self))[1])
    data = jpeg(chart_pixels(1600, 1200, 3))
    settings = Settings(detect="on", models=str(tmp_path))
    (examined,) = examine_bytes(data, settings=settings)
    of_content = examined.of_content or ()
    assert counts == [1]
    assert next(f for f in of_content if f.kind == kinds.PDQ).payload["exact"] is True
    assert [f.payload["detector"] for f in of_content if f.kind == kinds.SCORE and "detector" in f.payload].count(
        "made-up"
    ) == 1
