"""What is derived for triage: floods, company, as-of; and that the schema is fit for PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from leadlight.config import Settings
from leadlight.records import Finding, Item, ListInfo, ListKind, Place, Times
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.store import schema
from leadlight.store.database import Database
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.create(tmp_path / "case.db")
    yield made
    made.close()


def put(recorder: Recorder, n: int, *findings: Finding, folder: str = "a", days: float = 10) -> str:
    sha256 = f"{n:064x}"
    times = Times(modified=NOW - timedelta(days=days))
    item = Item(Place(b"/ev", (f"{folder}/{n}.jpg".encode(),)), "folder", 1, times)
    print_ = Finding("p", "1", kinds.PDQ, "s", {"value": sha256, "quality": 100, "frame": 0})
    recorder.examined([Examined(item, sha256, 1, (), (print_, *findings))], [])
    return sha256


def hit(list_id: int, entry: str, kind: str = "known", algorithm: str = "pdq", distance: int = 4) -> Finding:
    payload = {"list_id": list_id, "list": "R", "list_kind": kind, "algorithm": algorithm}
    return Finding(
        "match.near", "1", kinds.MATCH, f"near {entry}", {**payload, "distance": distance, "entry": entry}
    )


def test_floods_are_entries_that_match_too_much_and_give_no_company(database: Database) -> None:
    recorder = Recorder(database, "t")
    info = recorder.add_list(ListInfo("R", ListKind.KNOWN, "csv"), [])
    number = info.number or 0
    matches = []
    for n in range(30):
        sha256 = put(recorder, n, folder="flooded" if n < 20 else "other")
        if n < 20:
            matches.append((sha256, hit(number, "aa")))
    matches.append((f"{25:064x}", hit(number, "bb")))
    recorder.matches("match.near", matches)
    settings = Settings(flood_least=5, flood_share=0.5)
    context = Ranking(database).context(settings, NOW)
    assert context.floods == {(number, "aa"): 20}
    assert dict(context.folders) == {"/ev/other": 10}
    assert not Ranking(database).context(Settings(flood_least=50), NOW).floods
    recorder.remove_list(info)
    empty = Ranking(database).context(settings, NOW)
    assert (empty.floods, dict(empty.folders), empty.active_lists) == ({}, {}, frozenset())


def test_as_of_is_the_newest_file_time_that_is_not_in_the_future(database: Database) -> None:
    recorder = Recorder(database, "t")
    put(recorder, 1, days=10)
    put(recorder, 2, days=-400)
    assert Ranking(database).context(Settings(), NOW).as_of == NOW - timedelta(days=10)


def test_devices_and_moments_of_matches_are_company_benign_ones_are_not(database: Database) -> None:
    recorder = Recorder(database, "t")
    camera = Finding("c", "1", kinds.CAMERA, "s", {"make": "Example", "model": "EX-1", "serial": "S1"})
    number = recorder.add_list(ListInfo("R", ListKind.KNOWN, "csv"), []).number or 0
    benign = recorder.add_list(ListInfo("B", ListKind.BENIGN, "csv"), []).number or 0
    first = put(recorder, 1, camera)
    second = put(recorder, 2, folder="b")
    recorder.matches(
        "match.near", [(first, hit(number, "aa")), (second, hit(benign, "cc", "benign", "sha256", 0))]
    )
    context = Ranking(database).context(Settings(), NOW)
    assert context.devices == {"example|ex-1|s1"}
    assert context.moments == ((NOW - timedelta(days=10)).timestamp(),)
    assert set(context.folders) == {"/ev/a"}


def test_the_schema_compiles_for_postgresql() -> None:
    dialect = postgresql.dialect()
    for table in schema.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE" in str(CreateIndex(index).compile(dialect=dialect))
