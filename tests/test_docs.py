"""What the docs say is run: commands as written, code as written, links that lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[pytest.param]:
    return [
        pytest.param(code, id=f"{page.name}-{n}")
        for page in PAGES
        for n, (kind, code) in enumerate(BLOCK.findall(page.read_text("utf-8")))
        if kind == language
    ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `leadlight demo demo` was run, as the README says."""
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run(
        [sys.executable, "-m", "leadlight", "demo", "demo"], cwd=folder, check=True, capture_output=True
    )
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("code", blocks("sh"))
def test_commands_run_as_written(code: str, demo: Path) -> None:
    for line in code.replace("\\\n", " ").splitlines():
        command = line.split(" #")[0].strip()
        if not command:
            continue
        done = subprocess.run(
            ["bash", "-c", command], cwd=demo, env=environment(), capture_output=True, timeout=120
        )
        assert done.returncode in (0, 1), (command, done.stderr.decode())
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("code", blocks("python"))
def test_code_runs_as_written(code: str, demo: Path) -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=demo, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_command_and_setting_is_documented() -> None:
    from dataclasses import fields

    from leadlight.cli.app import app
    from leadlight.config import Limits, Settings

    text = (ROOT / "docs" / "cases.md").read_text("utf-8")
    for name in app.commands:
        assert f"leadlight {name}" in text, name
    for setting in fields(Settings):
        assert setting.name == "limits" or f"`{setting.name}`" in text, setting.name
    for limit in fields(Limits):
        assert f"`limits.{limit.name}`" in text, limit.name


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a machine in what is shipped or read."""
    foreign = re.compile(r"/(?:home|root|Users|work)/\w")
    for path in [*PAGES, *(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.toml")]:
        assert not foreign.search(path.read_text("utf-8")), path


def test_exit_codes_in_the_readme_are_those_of_the_program() -> None:
    from leadlight.cli.app import Exit

    text = (ROOT / "README.md").read_text("utf-8")
    for code in Exit:
        assert re.search(rf"\b{code.value} \w+", text), code
