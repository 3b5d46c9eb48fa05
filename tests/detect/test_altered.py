"""A camera picture with a part replaced by a generated one has a real subject: nothing calls it generated."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from leadlight.assess import assess
from leadlight.config import load
from leadlight.plugins import registry
from leadlight.records import Answer

pytest.importorskip("onnxruntime")


def test_a_part_replaced_by_a_generated_one_is_not_called_generated(public_files: Path, tmp_path: Path) -> None:
    dev = public_files / "origin" / "dev"
    captures, generated = (sorted((dev / kind).rglob("*.*")) for kind in ("camera", "generated"))
    with Image.open(generated[0]) as image:
        part = image.convert("RGB")
    paths: list[Path] = []
    stamp = PngInfo()
    stamp.add_text(
        "parameters", "a red apple\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 12345, Size: 512x512"
    )
    for n, capture in enumerate(captures[::4]):
        with Image.open(capture) as image:
            picture = image.convert("RGB")
        picture.thumbnail((2000, 2000))
        side = min(picture.size) // 2
        picture.paste(part.resize((side, side)), (picture.width // 4, picture.height // 4))
        paths += [tmp_path / f"{n}.jpg", tmp_path / f"{n}-stamped.png"]
        picture.save(paths[-2], quality=90)
        picture.save(paths[-1], pnginfo=stamp)
    told = list(assess(paths, load({"detect": "on", "jobs": 1}), registry()))
    assert len(told) == len(paths) > 6
    scored = [f for a in told for f in a.findings if f.kind == "score"]
    assert len(scored) == len(paths), "the shipped detector looked at each"
    assert sum(any(f.kind == "provenance.generator" for f in a.findings) for a in told) == len(paths) // 2
    assert not [a.path for a in told if a.origin.answer is Answer.GENERATED]
