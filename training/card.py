"""The card of the shipped model: what trained it, counted from the cache, and when it abstains.

Calibrations are put in by `leadlight calibrate`, which leaves the rest as it is.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from cache import known, read

from leadlight.scoring.card import Abstain, Card, Input, Output, SelfTest, Shift, Training
from leadlight.scoring.detector import Detector
from leadlight.scoring.selftest import recorded, run

TESTS = (SelfTest(640, 480, 1), SelfTest(1024, 1536, 2), SelfTest(400, 400, 3))


def lines(manifest: Path, used: set[str]) -> list[str]:
    """One line a source that trained: how many pictures, of what, under which licence."""
    out = []
    for origin in ("camera", "generated"):
        by: dict[str, list[dict[str, str]]] = defaultdict(list)
        with (manifest / f"{origin}.csv").open(newline="", encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                if row["split"] == "train":
                    by[row["source"]].append(row)
        for source, rows_ in sorted(by.items()):
            count = sum(r["sha256"] in used for r in rows_)
            makers = [m for m, _ in Counter(r["generator_or_camera"] for r in rows_).most_common(4) if m]
            licences = ", ".join(sorted({r["licence"] for r in rows_}))
            said = f" ({'; '.join(makers)})" if makers else ""
            out.append(f"{origin}: {source}{said}, {count} of {len(rows_)} gathered; {licences}")
    return out


def counted(manifest: Path, used: set[str]) -> str:
    parts = []
    for origin, word in (("camera", "captures"), ("generated", "generated pictures")):
        with (manifest / f"{origin}.csv").open(newline="", encoding="utf-8") as rows:
            own = [r for r in csv.DictReader(rows) if r["split"] == "train" and r["sha256"] in used]
        makers = len({r["generator_or_camera"] for r in own})
        of = f"of {len({r['source'] for r in own})} sources"
        parts.append(
            f"{len(own):,} {word} {of}" + (f" and {makers} named generators" if origin == "generated" else "")
        )
    return " and ".join(parts)


def shift(detector: Detector, crops: Path, most: int = 500) -> Shift:
    """Where the features of measured pictures lie; the threshold leaves one in a hundred of them outside."""
    pixels, told = read(crops, "dev")
    groups: dict[str, list[int]] = defaultdict(list)
    for i, line in enumerate(told):
        groups[line.picture].append(i)
    means = []
    for at in list(groups.values())[:: max(1, len(groups) // most)]:
        found = detector.read_patches(pixels[at]).features
        if found is not None:
            means.append(found)
    features = np.array(means)
    mean, scale = features.mean(0), np.maximum(features.std(0), 0.05)
    off = np.sqrt(np.square((features - mean) / scale).mean(1))
    return Shift(
        tuple(round(float(v), 5) for v in mean),
        tuple(round(float(v), 5) for v in scale),
        round(float(np.quantile(off, 0.99)), 4),
    )


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("folder", type=Path, help="that holds model.onnx; card.toml is written there")
    ask.add_argument("--cache", type=Path, required=True)
    ask.add_argument("--text", type=Path, required=True, help="recipe and figures in words")
    ask.add_argument("--pairs", type=int, default=0, help="how many pairs with reconstructions trained too")
    ask.add_argument("--least-side", type=int, default=256)
    ask.add_argument("--most-disagreement", type=float, default=0.0)
    ask.add_argument("--no-shift", action="store_true")
    ask.add_argument("--version", default="2.0")
    told = ask.parse_args()
    manifest = Path(__file__).parent / "manifest"
    copies = told.cache / "copies.txt"
    used = set(known(told.cache, "train")) - set(copies.read_text().split() if copies.exists() else ())
    model = (told.folder / "model.onnx").read_bytes()
    card = Card(
        name=told.folder.name,
        version=told.version,
        title="Traces of capture and of generation in crops of a picture",
        licence="Apache-2.0",
        source="training/ of this project; its frozen layers are those of EfficientNet-Lite0 (Apache-2.0)",
        summary="Small: statistics of noise, spectrum and sampling of twelve crops at native resolution, and what "
        "a small network sees in them. Made for plain processors. Alone it decides nothing.",
        digest=hashlib.sha256(model).hexdigest(),
        architecture="545 fixed statistics, 1,184 pooled values of six blocks of EfficientNet-Lite0, frozen, then "
        "a logistic regression and four small perceptrons whose logits are averaged",
        preprocessing="Stated by training/export.py: RGB of 0 to 1, all else is inside the model.",
        unseen=(
            "edited captures, composites, inpainting",
            "captures that software made larger or freed of noise",
            "scans, screens photographed, drawings, renderings without a generator",
            "video frames, HEIC and RAW developed otherwise than by the phone",
            "many phones since 2020 and most generators since 2026",
            "pictures without colour",
        ),
        training=Training(
            f"{told.text.read_text('utf-8').strip()}\n\nTrained on {counted(manifest, used)}"
            f", and {told.pairs} pairs of a capture's patch and its reconstruction.",
            tuple(lines(manifest, used)),
        ),
        input=Input(kind="crops", side=128, count=12, name="pixels"),
        output=Output(name="logit", meaning="logit", features="features"),
        abstain=Abstain(
            least_side=told.least_side, least_patches=3, most_disagreement=told.most_disagreement, grey=False
        ),
        selftest=TESTS,
    )
    detector = Detector.of(card, model)
    if not told.no_shift:
        card = Card(
            **{f: getattr(card, f) for f in Card.__dataclass_fields__} | {"shift": (shift(detector, told.cache),)}
        )
    card = recorded(card, run(Detector.of(card, model)))
    (told.folder / "card.toml").write_text(card.text(), "utf-8")
    print(card.selftest, [s.threshold for s in card.shift])


if __name__ == "__main__":
    main()
