"""A case finds an edited copy by the hash of the original alone, and what it recorded of it holds."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadlight import Case, ListFile, Settings
from leadlight.chart import chart_pixels
from leadlight.fingerprint.pdq import pdq
from leadlight.records import ListKind, Tier
from leadlight.records import finding as kinds

ORIGINAL = chart_pixels(640, 480, 7)


def saved(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=75)
    return out.getvalue()


@pytest.mark.parametrize("hashing", ["fast", "exact"])
def test_a_letterboxed_copy_is_near_known_and_the_record_holds(tmp_path: Path, hashing: str) -> None:
    boxed = np.full((600, 640, 3), 255, dtype=np.uint8)
    boxed[60:540] = ORIGINAL
    evidence = tmp_path / "ev"
    evidence.mkdir()
    (evidence / "boxed.jpg").write_bytes(saved(boxed))
    (evidence / "plain.jpg").write_bytes(saved(ORIGINAL))
    (evidence / "other.jpg").write_bytes(saved(chart_pixels(640, 480, 90)))
    near = tmp_path / "near.csv"
    near.write_text(f"pdq\n{pdq(ORIGINAL)[0].hex()}\n")
    settings = Settings(jobs=1, actor="tester", hashing=hashing)
    with Case.create(tmp_path / "case", settings=settings) as case:
        case.run([evidence], lists=[ListFile(near, name="Series", kind=ListKind.KNOWN)])
        tiers = {Path(str(e.places[0].place.name, "ascii")).name: e.standing.tier for e in case.queue()}
        assert tiers["boxed.jpg"] == tiers["plain.jpg"] == Tier.NEAR_KNOWN
        assert tiers["other.jpg"] != Tier.NEAR_KNOWN
        found = {
            name: [f.finding for f in case.show(str(evidence / name)).findings if f.finding.kind == kinds.MATCH]
            for name in ("boxed.jpg", "plain.jpg")
        }
        assert [f.analyser for f in found["plain.jpg"]] == ["match.near"]
        (boxed_match,) = found["boxed.jpg"]
        assert boxed_match.analyser == "match.edited"
        assert boxed_match.payload["edited"] == "bars"
        assert boxed_match.payload["distance"] <= 20
        assert len(list(case._view.prints("pdq.region"))) >= 1
        assert not list(case.verify())
