"""Builds the wheel twice, in two folders, from the last commit; refuses where the bytes differ; writes its SBOM.

The second build has another path, so that nothing of a machine gets into the wheel; times are the commit's.
The bill of materials is CycloneDX, of what a user installs with the wheel, with digests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "dist"


def main() -> int:
    """Exit status 1 where the two builds differ."""
    when = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        built = [_wheel(Path(folder) / name, when) for name in ("a", "b/of-another-length")]
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in built]
        if digests[0] != digests[1]:
            print(f"two builds of the same commit differ: {digests[0]} and {digests[1]}", file=sys.stderr)
            return 1
        OUT.mkdir(exist_ok=True)
        wheel = OUT / built[0].name
        shutil.copy(built[0], wheel)
    bill = wheel.with_suffix(".cdx.json")
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        "locked/run.txt",
        "--pyproject",
        "pyproject.toml",
    ]
    command += ["--output-reproducible", "--output-format", "JSON", "--output-file", str(bill)]
    subprocess.run(command, cwd=ROOT, check=True)
    print(f"{wheel.name}: SHA-256 {digests[0]}, the same from two builds; bill of materials in {bill.name}")
    return 0


def _wheel(folder: Path, when: str) -> Path:
    """The wheel of the last commit, built in `folder`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": when, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "out"]
    subprocess.run(command, cwd=folder, check=True, env=environment, stdout=subprocess.DEVNULL)
    return next((folder / "out").glob("*.whl"))


if __name__ == "__main__":
    sys.exit(main())
