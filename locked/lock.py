"""Locks what is installed, with the digest of every file that may be: ``make lock``, with UPGRADE=--upgrade for
newer versions. Five sets, each for all systems and Pythons that Leadlight runs on.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SETS = {
    "dev": ("--extra", "dev"),
    "run": (),
    "bench": ("--extra", "bench", "--extra", "dev"),
    "fuzz": ("--extra", "fuzz", "--extra", "dev"),
    "release": (),
}
"""What each set takes from pyproject.toml (demo and tests, a user, measuring, fuzzing) and of release.in."""


def main() -> int:
    """Write each set; those after the first agree with it on every version."""
    for name, extras in SETS.items():
        source = "release.in" if name == "release" else "../pyproject.toml"
        out = f"{name}.txt"
        command = [sys.executable, "-m", "uv", "pip", "compile", source, "--output-file", out, "--quiet"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"]
        command += extras
        command += ["--constraint", "dev.txt"] if name not in ("dev", "release") else []
        subprocess.run([*command, *sys.argv[1:]], cwd=HERE, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
