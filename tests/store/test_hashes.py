"""Hashes as they are searched: exact ones before fast ones, and never one taken for the other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadlight.config import Settings
from leadlight.records import Finding, Item, ListInfo, ListKind, Place
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.store.check import check_record
from leadlight.store.database import Database
from leadlight.store.hashes import print_rows
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder
from leadlight.store.view import View


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.create(tmp_path / "case.db")
    yield made
    made.close()


def pdq(value: int, *, exact: bool = True, frame: int = 0, turned: int = 0) -> Finding:
    payload: dict[str, Any] = {"algorithm": "pdq", "value": f"{value:064x}", "quality": 90, "frame": frame}
    if not exact:
        payload["exact"] = False
    if turned:
        payload["dihedral"] = [f"{value + n:064x}" for n in range(turned)]
    return Finding("p", "1", kinds.PDQ, f"hash {value} {exact}", payload)


def put(database: Database, n: int, *findings: Finding) -> str:
    sha256 = f"{n:064x}"
    item = Item(Place(b"/ev", (b"%d" % n,)), "folder", 1)
    Recorder(database, "t").examined([Examined(item, sha256, 1, (), findings)], [])
    return sha256


def test_fast_hashes_are_kept_apart_and_given_where_there_is_no_exact_one(database: Database) -> None:
    put(database, 3, pdq(3, exact=False, turned=8))
    put(database, 1, pdq(1, turned=8))
    put(database, 2, pdq(20, exact=False), pdq(21, frame=1), pdq(22, exact=False, frame=2))
    view = View(database)
    found = [(int(p.sha256, 16), p.value[-1], p.exact) for p in view.prints("pdq")]
    assert found == [(1, 1, True), (2, 20, False), (2, 21, True), (2, 22, False), (3, 3, False)]
    turned = [(int(p.sha256, 16), p.exact) for p in view.prints("pdq.dihedral")]
    assert turned == [(1, True)] * 8 + [(3, False)] * 8
    assert not list(check_record(database))


def test_an_exact_hash_stands_before_a_fast_one_of_the_same_frame(database: Database) -> None:
    put(database, 1, pdq(7, exact=False, turned=8), pdq(9, turned=8))
    assert [(p.value[-1], p.exact) for p in View(database).prints("pdq")] == [(9, True)]
    assert {p.exact for p in View(database).prints("pdq.dihedral")} == {True}


def test_a_share_of_the_case_counts_fast_hashes_too(database: Database) -> None:
    sha256s = [put(database, n, pdq(n, exact=n % 2 == 0)) for n in range(10)]
    payload = {"list_id": 1, "list": "R", "list_kind": "known", "algorithm": "pdq", "distance": 0, "entry": "aa"}
    recorder = Recorder(database, "t")
    recorder.add_list(ListInfo("R", ListKind.KNOWN, "csv"), [])
    match = Finding("m", "1", kinds.MATCH, "m", payload)
    recorder.matches("m", [(s, match) for s in sha256s[:4]])

    def floods(share: float) -> int:
        settings = Settings(flood_least=1, flood_share=share)
        return len(Ranking(database).context(settings, datetime.now(UTC)).floods)

    assert (floods(0.3), floods(0.5)) == (1, 0)


def test_other_kinds_of_hash_state_theirs_as_a_list() -> None:
    stated = [
        {"algorithm": "other", "value": "00ff", "quality": 5},
        {"algorithm": "other", "value": "01", "quality": 6},
    ]
    rows = print_rows("a", [Finding("x", "1", "fingerprint.other", "s", {"prints": stated, "exact": False})])
    assert [(r["algorithm"], r["value"], r["quality"]) for r in rows] == [
        ("other.fast", b"\0\xff", 5),
        ("other.fast", b"\1", 6),
    ]
    assert len({r["ordinal"] for r in rows}) == 2
    assert print_rows("a", [Finding("x", "1", "text", "s", {"prints": stated})]) == []
