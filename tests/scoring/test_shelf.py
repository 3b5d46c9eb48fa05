"""Where models lie, and the cards that are shipped without weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leadlight.chart import chart_pixels
from leadlight.config import Settings
from leadlight.errors import ConfigError, UnknownName
from leadlight.scoring.card import Card, parse
from leadlight.scoring.detector import Detector
from leadlight.scoring.inputs import patches, values
from leadlight.scoring.selftest import run
from leadlight.scoring.shelf import Kept, folder_of, kept, one, shipped_card, shipped_cards
from tests.scoring.cards import install
from tests.scoring.graphs import detector, vit

CARDS = shipped_cards()


def test_models_are_found_by_setting_or_by_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder_of(Settings(models="/srv/models")) == Path("/srv/models")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert folder_of(Settings()) == tmp_path / "leadlight" / "models"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_of(Settings()) == tmp_path / ".local" / "share" / "leadlight" / "models"
    monkeypatch.delenv("HOME")
    with pytest.raises(ConfigError, match="nowhere to keep models"):
        folder_of(Settings())
    assert kept(Settings(), shipped=tmp_path) == ()


def test_an_added_model_stands_for_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    shipped, added = tmp_path / "shipped", tmp_path / "added"
    install(shipped, {"name": "b"})
    install(shipped, {"name": "c"})
    install(added, {"name": "a"})
    install(added, {"name": "b"})
    (added / ".half-made").mkdir()
    (added / "no-card").mkdir()
    (added / "note.txt").write_text("")
    found = kept(Settings(models=str(added)), shipped=shipped)
    assert found == (
        Kept("a", added / "a", False),
        Kept("b", added / "b", False),
        Kept("c", shipped / "c", True),
    )
    assert one(Settings(models=str(added)), "a") == found[0]
    with pytest.raises(UnknownName, match="There are: "):
        one(Settings(models=str(added)), "../added/a")


def test_a_folder_that_is_named_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="Mend the setting 'models'"):
        kept(Settings(models=str(tmp_path / "file")), shipped=tmp_path)
    assert kept(Settings(models=str(tmp_path / "nothing")), shipped=tmp_path / "none") == ()


def test_cards_are_shipped_and_found_by_name() -> None:
    names = [c.name for c in CARDS]
    assert "community-forensics-vit-s-384" in names
    assert shipped_card(names[0]) == CARDS[0]
    with pytest.raises(UnknownName, match="no such card"):
        shipped_card("../models")


@pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)
def test_a_shipped_card_states_its_ground_and_no_more(card: Card) -> None:
    assert card.licence in ("MIT", "Apache-2.0", "BSD-3-Clause")
    assert "https://" in card.source
    assert "commit" in card.preprocessing
    assert not card.digest, "the operator brings the weights"
    assert not card.calibration, "nobody calibrated them here: they must abstain"
    assert card.unseen
    assert card.training.data
    assert card.selftest
    assert card.abstain.least_side >= card.input.side


@pytest.mark.parametrize("card", CARDS, ids=lambda c: c.name)
def test_a_model_of_the_same_shape_runs_with_the_card(card: Card) -> None:
    """Random weights: the values mean nothing, but the way of a picture into the model is the card's."""
    import hashlib

    classes = 2 if card.output.meaning == "logits" else 1
    data = detector(side=card.input.side, classes=classes)
    stated = replace(card, digest=hashlib.sha256(data).hexdigest())
    loaded = Detector.of(parse(stated.text(), "card"), data)
    first, second = run(loaded)
    assert first.passed
    assert second.passed
    assert first.raw != second.raw
    other = replace(card.input, side=card.input.side + 8, resize=card.input.resize and card.input.resize + 8)
    with pytest.raises(ConfigError, match="its card asks for"):
        Detector.of(replace(stated, input=other), data)
    pixels = chart_pixels(640, 480, 1)
    ready = values(patches(pixels, card.input).pixels, card.input)
    assert ready.shape == (1, 3, card.input.side, card.input.side)
    assert np.abs(ready).max() < 4  # normalised, not 0 to 255


@pytest.mark.parametrize("side", [224, 384])
def test_a_vision_transformer_of_that_architecture_runs_with_the_card(side: int) -> None:
    """ViT-S/16 as in Community Forensics, random weights: 22 million, as timm's has."""
    import hashlib

    data = vit(side=side)
    assert 21.5e6 < len(data) / 4 < 22.5e6
    stated = shipped_card(f"community-forensics-vit-s-{side}")
    loaded = Detector.of(replace(stated, digest=hashlib.sha256(data).hexdigest()), data)
    first, second = (loaded.read_pixels(chart_pixels(600, 500, n)) for n in (1, 2))
    assert first.patches == 1
    assert first.raw != second.raw
    assert np.isfinite([first.raw, second.raw]).all()
    again = loaded.read_pixels(chart_pixels(600, 500, 1))
    assert again.raw == first.raw
    other = replace(shipped_card(f"community-forensics-vit-s-{608 - side}"), digest=loaded.card.digest)
    with pytest.raises(ConfigError, match="its card asks for"):
        Detector.of(other, data)


def test_community_forensics_is_given_what_its_makers_give_it() -> None:
    """Resize(440), CenterCrop(384), 0 to 1, ImageNet's mean and std, on a landscape of 1000 by 600 pixels."""
    from PIL import Image

    card = shipped_card("community-forensics-vit-s-384")
    pixels = chart_pixels(1000, 600, 3)
    scaled = Image.fromarray(pixels).resize((733, 440), Image.Resampling.BILINEAR)
    cropped = np.asarray(scaled.crop((174, 28, 174 + 384, 28 + 384)), dtype=np.float32) / 255
    wanted = (cropped - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    ready = values(patches(pixels, card.input).pixels, card.input)
    assert np.allclose(ready[0].transpose(1, 2, 0), wanted, atol=1e-5)
