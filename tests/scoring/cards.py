"""Cards and detectors for tests, over networks with made-up weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadlight.scoring.calibration import Calibration
from leadlight.scoring.card import Abstain, Card, Input, Output
from leadlight.scoring.detector import CARD_FILE, MODEL_FILE, Detector
from tests.scoring.graphs import detector

CALIBRATION = Calibration(
    name="drawn charts",
    size=400,
    sources=20,
    date="2026-11-22",
    state="any",
    method="logistic",
    knots=((-60.0, -2.0), (60.0, 2.0)),
    lower=-1.5,
    upper=1.25,
)


def card(data: bytes = b"", **changes: Any) -> Card:
    made = Card(
        name="made-up",
        version="1",
        title="A network with made-up weights",
        licence="CC0-1.0",
        source="drawn for tests",
        summary="Says nothing of any picture.",
        digest=hashlib.sha256(data).hexdigest() if data else "",
        input=Input(side=64, count=9),
        output=Output(name="logits", features="features"),
        abstain=Abstain(least_side=64, least_patches=2),
        calibration=(CALIBRATION,),
        unseen=("pictures of anything",),
    )
    return replace(made, **changes)


def made(changes: dict[str, Any] | None = None, **network: Any) -> Detector:
    data = detector(**network)
    return Detector.of(card(data, **(changes or {})), data)


def install(folder: Path, changes: dict[str, Any] | None = None, **network: Any) -> Path:
    """A detector's folder below `folder`, as it is installed."""
    data = detector(**network)
    stated = card(data, **(changes or {}))
    there = folder / stated.name
    there.mkdir(parents=True)
    (there / MODEL_FILE).write_bytes(data)
    (there / CARD_FILE).write_text(stated.text(), "utf-8")
    return there
