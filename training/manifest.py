"""The manifest that is kept with the project, from those of the folders that the pictures were gathered in.

One line a picture: where it can be fetched again (repository, commit, path), its licence, digest and split. The
pictures themselves are not kept.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

FIELDS = (
    "source",
    "commit",
    "path",
    "generator_or_camera",
    "phone_year",
    "licence",
    "width",
    "height",
    "sha256",
    "split",
)
RESERVED = (
    "drewnoakes/metadata-extractor-images",
    "ianare/exif-samples",
    "mikekovarik/exifr",
    "polimi-ispl/prnu-python",
    "openmvg/imagedataset_sceauxcastle",
    "byronomc/ai-vs-real-images-arcade",
    "kagura-agent/flux-prompt-gallery",
    "evolink-ai/awesome-seedream",
    "songguoxs/gpt4o-image-prompts",
    "leejet/stable-diffusion.cpp",
    "minsuhaha/dalle3_image_test",
    "d3x-at/sd-parsers",
)
"""Beginnings of the names of sources kept for acceptance: nothing here may be fitted on them."""
SPLITS = ("train", "dev", "test")
"""What fits the model; what recipes are chosen and likelihood ratios calibrated on; what does neither and only
measures.
"""
UNLICENSED = ("none", "no ", "unknown", "?")
"""How a licence begins that covers no training: such pictures may measure, but train nothing that is shipped."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("manifests", nargs="+", type=Path, help="later ones win")
    ask.add_argument("--out", type=Path, default=Path(__file__).parent / "manifest")
    told = ask.parse_args()
    found: dict[str, dict[str, str]] = {}
    for manifest in told.manifests:
        with manifest.open(newline="", encoding="utf-8") as lines:
            for line in csv.DictReader(lines):
                if line["origin"] not in ("camera", "generated") or line["split"] not in SPLITS:
                    continue
                if line["source"].lower().startswith(RESERVED) or not (manifest.parent / line["path"]).is_file():
                    continue
                if line["split"] == "train" and line["licence"].lower().startswith(UNLICENSED):
                    continue
                path = line.get("source_path") or Path(line["path"]).name
                found[line["sha256"]] = {**line, "path": path, "phone_year": line.get("phone_year") or ""}
    told.out.mkdir(exist_ok=True)
    for origin in ("camera", "generated"):
        own = sorted((r for r in found.values() if r["origin"] == origin), key=lambda r: (r["source"], r["path"]))
        with (told.out / f"{origin}.csv").open("w", newline="", encoding="utf-8") as lines:
            table = csv.DictWriter(lines, FIELDS, extrasaction="ignore", lineterminator="\n")
            table.writeheader()
            table.writerows(own)
        print(origin, len(own), "pictures of", len({r["source"] for r in own}), "sources")


if __name__ == "__main__":
    main()
