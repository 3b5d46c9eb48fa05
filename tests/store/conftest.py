"""A case's database, new for each test, and who writes to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leadlight.store.database import Database
from leadlight.store.record import Recorder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.create(tmp_path / "case.db")
    yield made
    made.close()


@pytest.fixture
def recorder(database: Database) -> Recorder:
    made = Recorder(database, "tester")
    made.act("case.create", {})
    return made
