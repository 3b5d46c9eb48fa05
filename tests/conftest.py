"""Shared fixtures: neutral bytes, the pipeline over them, and where the public test files lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from leadlight.config import Settings
from leadlight.pipeline import Pipeline
from leadlight.plugins import registry
from leadlight.records import Finding, Item, Place
from leadlight.records.examined import Examined


def data_folder() -> Path | None:
    """The public test files: LEADLIGHT_TEST_DATA, or shared/data beside the project; None where neither is."""
    named = os.environ.get("LEADLIGHT_TEST_DATA")
    path = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return path if (path / "formats").is_dir() else None


@pytest.fixture(scope="session")
def public_files() -> Path:
    """Skips where the public test files are not there; the built corpus covers the same readers."""
    path = data_folder()
    if path is None:
        pytest.skip("public test files not found: set LEADLIGHT_TEST_DATA")
    return path


def examine_bytes(data: bytes, name: str = "example", settings: Settings | None = None) -> list[Examined]:
    """The whole pipeline over bytes, as if found under `name`."""
    import io

    item = Item(Place(b"/evidence", (os.fsencode(name),)), source="test", size=len(data))
    return list(Pipeline(registry(), settings or Settings()).examine(item, lambda: io.BytesIO(data)))


@pytest.fixture
def examine() -> Callable[..., list[Finding]]:
    """All findings of the pipeline on bytes: of the place and of the content."""

    def run(data: bytes, name: str = "example", settings: Settings | None = None) -> list[Finding]:
        first = examine_bytes(data, name, settings)[0]
        return [*first.of_place, *(first.of_content or ())]

    return run
