"""Near copies across the line between training and measuring, found with the project's own hash and index.

Writes the digests of training pictures that are to be left out to `copies.txt` in the cache.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cache import known
from pictures import copies_across, rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("manifests", nargs="+", type=Path)
    ask.add_argument("--cache", type=Path, required=True)
    told = ask.parse_args()
    used = set(known(told.cache, "train")) | set(known(told.cache, "dev"))
    found = [r for r in rows(*told.manifests) if r.sha256 in used or r.split == "test"]
    copies = copies_across(found, told.cache / "hashes.csv")
    (told.cache / "copies.txt").write_text("".join(f"{digest}\n" for digest in sorted(copies)))
    print(len(found), "pictures compared,", len(copies), "to be left out")


if __name__ == "__main__":
    main()
