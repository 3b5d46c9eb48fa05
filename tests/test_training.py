"""The manifest of what the shipped model was trained and measured on, and that model itself."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MANIFESTS = sorted((ROOT / "training" / "manifest").glob("*.csv"))
RESERVED = re.compile(
    r"drewnoakes/metadata-extractor-images|ianare/exif-samples|MikeKovarik/exifr|polimi-ispl/prnu-python"
    r"|openMVG/ImageDataset_SceauxCastle|ByronOMC/ai-vs-real-images-arcade|kagura-agent/flux-prompt-gallery"
    r"|Evolink-AI/awesome-seedream-|songguoxs/gpt4o-image-prompts|leejet/stable-diffusion.cpp"
    r"|minsuhaha/DALLE3_Image_Test|d3x-at/sd-parsers",
    re.IGNORECASE,
)
"""Kept for acceptance."""


def rows() -> list[dict[str, str]]:
    found = []
    for path in MANIFESTS:
        with path.open(newline="", encoding="utf-8") as lines:
            found += [{**row, "origin": path.stem} for row in csv.DictReader(lines)]
    return found


ROWS = rows()


def test_both_kinds_are_listed():
    assert {r["origin"] for r in ROWS} == {"camera", "generated"}
    assert all(
        sum(r["origin"] == kind and r["split"] == "train" for r in ROWS) >= 300 for kind in ("camera", "generated")
    )


def test_there_are_many_pictures_of_many_sources_and_generators():
    held = {kind: [r for r in ROWS if r["origin"] == kind] for kind in ("camera", "generated")}
    assert len(held["camera"]) >= 8000
    assert len({r["source"] for r in held["camera"]}) >= 30
    assert len(held["generated"]) >= 1500
    assert len({r["generator_or_camera"] for r in held["generated"] if r["split"] == "train"}) >= 12
    for kind in held:
        assert len({r["source"] for r in held[kind] if r["split"] == "test"}) >= 20


def test_each_picture_has_a_licence_a_digest_a_place_and_a_split():
    for row in ROWS:
        assert row["licence"], row
        assert re.fullmatch(r"[0-9a-f]{64}", row["sha256"]), row
        assert row["path"], row
        assert row["split"] in ("train", "dev", "test"), row
        assert re.fullmatch(r"[0-9a-f]{7,40}", row["commit"]) or row["source"].startswith(("deb:", "npm:")), row


def test_what_trains_has_a_licence_that_covers_it():
    assert not [
        r for r in ROWS if r["split"] == "train" and r["licence"].lower().startswith(("none", "unknown", "?"))
    ]


def test_no_reserved_source():
    assert not {r["source"] for r in ROWS if RESERVED.search(r["source"])}


def test_no_source_in_two_splits():
    splits = defaultdict(set)
    for row in ROWS:
        splits[row["source"].lower()].add(row["split"])
    assert not {source for source, found in splits.items() if len(found) > 1}


def test_no_picture_twice():
    digests = [r["sha256"] for r in ROWS]
    assert len(digests) == len(set(digests))


def shipped() -> Path:
    folders = [p.parent for p in (ROOT / "src" / "leadlight" / "data" / "models").glob("*/model.onnx")]
    assert len(folders) == 1
    return folders[0]


def test_the_card_names_each_source_that_trained_the_shipped_model():
    from leadlight.scoring.card import read

    card = read(shipped() / "card.toml", "card")
    said = "\n".join(card.training.data)
    assert card.training.text
    assert not {r["source"] for r in ROWS if r["split"] == "train" and r["source"] not in said}


def test_the_shipped_model_is_small_and_gives_what_its_card_says():
    pytest.importorskip("onnxruntime")
    from leadlight.scoring.detector import Detector
    from leadlight.scoring.selftest import run

    folder = shipped()
    assert (folder / "model.onnx").stat().st_size <= 8_000_000
    detector = Detector.load(folder)
    outcomes = run(detector)
    assert detector.card.selftest
    assert all(o.test.raw is not None and o.passed for o in outcomes)


def test_the_shipped_model_states_a_bounded_ratio_for_pictures_of_every_state():
    from leadlight.scoring.card import read

    card = read(shipped() / "card.toml", "card")
    general = [c for c in card.calibration if c.state == "any"]
    assert general
    assert all(c.lower >= -3 and c.upper <= 3 for c in general)
    assert card.abstain.least_side >= card.input.side
    assert card.shift
    assert card.unseen
