"""What is installed is locked: each requirement, in a version that it allows, with the digests of its files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
SETS = {
    "run": PROJECT["dependencies"],
    "dev": [*PROJECT["dependencies"], *EXTRAS["dev"]],
    "bench": [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["bench"]],
}


def pins(name: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Each package of a set with the digests behind it."""
    text = (ROOT / "locked" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *digests = line.split(" --hash=")
            yield Requirement(requirement.strip()), [d.strip() for d in digests]


@pytest.mark.parametrize("name", [*SETS, "release"])
def test_each_package_has_one_version_and_the_digests_of_its_files(name: str) -> None:
    found = list(pins(name))
    assert found
    for requirement, digests in found:
        assert re.fullmatch(r"==[0-9][^,*]*", str(requirement.specifier)), requirement
        assert digests, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", d) for d in digests), requirement


@pytest.mark.parametrize("name", SETS)
def test_what_the_project_asks_for_is_locked_in_a_version_it_allows(name: str) -> None:
    locked: dict[str, list[str]] = {}
    for pin, _ in pins(name):
        locked.setdefault(canonicalize_name(pin.name), []).append(str(pin.specifier).removeprefix("=="))
    for text in SETS[name]:
        wanted = Requirement(text)
        versions = locked.get(canonicalize_name(wanted.name), [])
        assert versions, f"{wanted} is not locked: make lock"
        assert all(wanted.specifier.contains(v, prereleases=True) for v in versions), wanted


def test_the_sets_agree_on_every_version() -> None:
    dev = {(canonicalize_name(p.name), str(p.marker)): str(p.specifier) for p, _ in pins("dev")}
    for name in ("run", "bench"):
        for pin, _ in pins(name):
            versions = {v for (n, _), v in dev.items() if n == canonicalize_name(pin.name)}
            assert not versions or str(pin.specifier) in versions, (name, pin)
