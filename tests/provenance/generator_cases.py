"""Neutral records and the harness that runs one analyser over bytes, shared by the tests of generators."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator

import numpy as np
from PIL import Image

from leadlight.content import Content, Picture, content_of
from leadlight.provenance.generator import PLUGIN
from leadlight.records import Finding, Item, Place
from leadlight.records import finding as kinds
from leadlight.records.codec import dumps, finding_in, finding_out
from leadlight.seams import Analyser, Known

PROMPT = "a red apple on a table, soft light from the left"
NEGATIVE = "blurry, low quality, text"


class Opener:
    """A plain decoder, so that these tests rest on no other analyser."""

    def decode(self, content: Content) -> Iterator[Picture]:
        with Image.open(io.BytesIO(content.data())) as image:
            alpha = np.asarray(image.getchannel("A")) if image.mode == "RGBA" else None
            yield Picture(np.asarray(image.convert("RGB")), alpha, image.mode)


def run(data: bytes, analyser: Analyser = PLUGIN) -> list[Finding]:
    content = content_of(data, {"sha256": hashlib.sha256(data)})
    content.decoder = Opener()
    made = list(analyser.analyse(Item(Place(b"/evidence", (b"x",)), "test"), content, Known()))
    for finding in made:
        again = finding_in(json.loads(dumps(finding_out(finding))))
        assert again == finding
        assert finding.statement.isprintable()
    return made


def said(data: bytes, analyser: Analyser = PLUGIN) -> list[Finding]:
    return [f for f in run(data, analyser) if f.kind == kinds.GENERATOR]


def names_in(finding: Finding) -> list[str]:
    """File names of models and LoRAs, which may be shown."""
    payload = finding.payload
    return [n for n in (payload["model"], payload["vae"], *payload["models"]) if n] + [
        lora["name"] for lora in payload["loras"]
    ]


def leaks(finding: Finding) -> str:
    """A run of twelve characters of a prompt that stands in statement or payload; '' where none."""
    shown = finding.statement + json.dumps(dict(finding.payload), ensure_ascii=False)
    for name in names_in(finding):
        shown = shown.replace(name, "")
    for part in ("prompt", "negative_prompt"):
        text = finding.sealed.get(part, "")
        for at in range(len(text) - 11):
            if text[at : at + 12] in shown:
                return text[at : at + 12]
    return ""
