"""What someone who may write to the file of a case can do to it: each change is named, none is a traceback."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadlight.audit import act_digest
from leadlight.errors import CaseDamaged, CaseError
from leadlight.records import (
    Answer,
    Finding,
    Grade,
    Item,
    Link,
    LinkKind,
    ListEntry,
    ListInfo,
    ListKind,
    Origin,
    Place,
    Standing,
    Tier,
    Times,
    failure,
)
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.store.check import check_record, derived_digest, evidence
from leadlight.store.database import Database
from leadlight.store.lists import Lists
from leadlight.store.queue import Queue
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder
from leadlight.store.view import View

WHEN = datetime(2026, 5, 1, tzinfo=UTC)
STANDING = Standing(Tier.UNDETERMINED, (0.0,), 0.0, Origin(Answer.UNDETERMINED, None, "", (), ()), (), (), ())


def examined(n: int) -> Examined:
    sha256 = f"{n:064x}"
    digest = {"algorithm": "md5", "value": f"{n:032x}", "quality": None, "method": "all bytes"}
    pdq = {"algorithm": "pdq", "value": sha256, "quality": 100, "frame": 0, "dihedral": [sha256] * 8}
    note = failure("read", "1", reason="limit", what="was cut", advice="Look.")
    found = (Finding("t", "1", kinds.DIGEST, "d", digest), Finding("t", "1", kinds.PDQ, "p", pdq), note)
    item = Item(Place(b"/ev", (b"%d.jpg" % n,)), "folder", 1, Times(modified=WHEN))
    return Examined(item, sha256, 1, (), found, container=n == 2)


def fill(path: Path) -> None:
    database = Database.create(path)
    recorder, ranking = Recorder(database, "tester"), Ranking(database)
    recorder.act("case.create", {})
    recorder.examined([examined(1), examined(2)], [("a" * 64, "1" * 64)])
    recorder.examined([], [("a" * 64, "2" * 64), ("b" * 64, "1" * 64)])
    info = ListInfo("R", ListKind.KNOWN, "csv", "owner", "7", "2026-01-01", "d" * 64)
    recorder.add_list(info, [ListEntry("md5", b"\1" * 16, "")])
    recorder.remove_list(recorder.add_list(ListInfo("Old", ListKind.BENIGN, "csv"), []))
    recorder.grade(Grade(f"{1:064x}", "reviewed", "tester", WHEN))
    members = (f"{1:064x}", f"{2:064x}")
    ranking.replace_links([Link(LinkKind.NEAR_COPY, members[0], members, "2 near-copies", {"diameter": 3})])
    ranking.replace_queue(lambda subject: STANDING, lambda s: 3)
    recorder.act("rank", {"derived": "0" * 64})
    recorder.act("rank", {"derived": derived_digest(database)})
    assert not list(check_record(database))
    database.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "case.db"
    fill(path)
    return path


@pytest.fixture
def path(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(filled, tmp_path / "case.db"))


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        for statement in statements:
            assert raw.execute(statement).rowcount > 0, statement


def faults(path: Path) -> dict[str, str]:
    database = Database.open(path)
    try:
        return {f.where: f.what for f in check_record(database)}
    finally:
        database.close()


CHANGES = {
    "a list out of use": ("UPDATE hash_list SET removed = '2026-01-01' WHERE number = 1", "hash list 1"),
    "a list back in use": ("UPDATE hash_list SET removed = NULL WHERE number = 2", "hash list 2"),
    "a list removed at another time": ("UPDATE hash_list SET removed = added WHERE number = 2", "hash list 2"),
    "a list's name": ("UPDATE hash_list SET name = 'S' WHERE number = 1", "hash list 1"),
    "a list's kind": ("UPDATE hash_list SET kind = 'benign' WHERE number = 1", "hash list 1"),
    "a list's kind, to none": ("UPDATE hash_list SET kind = 'garbage' WHERE number = 1", "hash list 1"),
    "a list's digest": ("UPDATE hash_list SET digest = 'e' WHERE number = 1", "hash list 1"),
    "a list's version": ("UPDATE hash_list SET version = '8' WHERE number = 1", "hash list 1"),
    "a list's owner": ("UPDATE hash_list SET owner = 'o' WHERE number = 1", "hash list 1"),
    "a list's date": ("UPDATE hash_list SET dated = '' WHERE number = 1", "hash list 1"),
    "a list's format": ("UPDATE hash_list SET format = 'nsrl' WHERE number = 1", "hash list 1"),
    "a list's size": ("UPDATE hash_list SET entries = 9 WHERE number = 1", "hash list 1"),
    "a list's time": ("UPDATE hash_list SET added = removed WHERE number = 2", "hash list 2"),
    "a list gone": ("DELETE FROM hash_list WHERE number = 2", "act 5"),
    "a list from nowhere": (
        "INSERT INTO hash_list SELECT 9, name, kind, format, owner, version, dated, digest, entries, added,"
        " removed FROM hash_list WHERE number = 1",
        "hash list 9",
    ),
    "an entry": ("UPDATE hash_entry SET label = 'x'", "hash list 1"),
    "an entry that is no bytes": ("UPDATE hash_entry SET value = 'text'", "hash list 1"),
    "an entry of no list": ("INSERT INTO hash_entry VALUES ('md5', x'00', 7, '')", "hash list 7"),
    "a container": ("UPDATE item SET container = 1 WHERE number = 1", "act 2"),
    "a container no more": ("UPDATE item SET container = 0", "act 2"),
    "a file said to be done": ("INSERT INTO finished VALUES ('c', 2, 's')", "act 2"),
    "a file said to be done by no act": ("INSERT INTO finished VALUES ('c', 99, 's')", "act 99"),
    "a file done no more": ("DELETE FROM finished WHERE act = 3 AND stamp LIKE '2%'", "act 3"),
    "a stamp": ("UPDATE finished SET stamp = 'x' WHERE act = 3", "act 3"),
    "a look": ("INSERT INTO look VALUES (1, 'a', 'b', '2026-01-01', 'd')", "look 1"),
    "a digest of nothing": ("INSERT INTO digest VALUES ('ff', 'md5', x'00')", "content ff…"),
    "a hash of nothing": ("INSERT INTO perceptual VALUES ('pdq', 'ff', 0, x'00', 100)", "content ff…"),
    "hashes gone": ("DELETE FROM perceptual", f"content {'0' * 16}…"),
    "a grade's time": ("UPDATE grade SET at = '2020-01-01'", "grade 1"),
    "a grade gone": ("DELETE FROM grade", "act 7"),
    "a grade from nowhere": ("INSERT INTO grade VALUES (9, 'a', 'b', 'c', '2026-01-01', '')", "grade 9"),
    "a tier": ("UPDATE standing SET tier = 7 WHERE subject LIKE '%1'", "queue"),
    "a standing's order": ("UPDATE standing SET first = 1e999", "queue"),
    "a standing's text": ("UPDATE standing SET record = 'garbage'", "queue"),
    "a standing gone": ("DELETE FROM standing WHERE subject LIKE '%1'", "queue"),
    "a member gone": ("DELETE FROM link_member WHERE sha256 LIKE '%1'", "queue"),
    "a link's statement": ("UPDATE link SET statement = x'ff'", "queue"),
    "the queue turned": ("UPDATE queue SET rank = 3 WHERE rank = 1", "queue"),
    "the queue cut": ("DELETE FROM queue WHERE rank = 2", "queue"),
    "an act's details, no object": ("UPDATE act SET details = '[]' WHERE number = 2", "act 2"),
    "an act's details, empty": ("UPDATE act SET details = '{}' WHERE number = 4", "act 4"),
    "an act's details, garbage": ("UPDATE act SET details = 'garbage' WHERE number = 2", "act 2"),
    "an act's details, spaced": ("UPDATE act SET details = '{ }' WHERE number = 1", "act 1"),
    "an act's details, nested": (
        "UPDATE act SET details = replace(hex(zeroblob(50000)), '0', '[') WHERE number = 2",
        "act 2",
    ),
    "an act's time": ("UPDATE act SET at = 'garbage' WHERE number = 2", "act 2"),
    "an act's actor": ("UPDATE act SET actor = x'ff' WHERE number = 2", "act 2"),
    "a finding's text": ("UPDATE finding SET record = 'garbage' WHERE number = 3", "finding 3"),
    "a finding's text, of no shape": ("UPDATE finding SET record = '{\"kind\":5}' WHERE number = 3", "finding 3"),
    "a finding's text, bytes": ("UPDATE finding SET record = x'ff' WHERE number = 3", "finding 3"),
    "a finding's text, none": ("UPDATE finding SET record = CAST(x'ff' AS TEXT) WHERE number = 3", None),
    "a finding of hashes": ("UPDATE finding SET record = 'garbage' WHERE number = 1", "finding 1"),
    "an item's text": ("UPDATE item SET record = 'garbage' WHERE number = 2", "item 2"),
    "an item's text, empty": ("UPDATE item SET record = '{}' WHERE number = 2", "item 2"),
    "an item's text, none": ("UPDATE item SET record = x'00' WHERE number = 2", "item 2"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_named_and_none_is_a_traceback(path: Path, name: str) -> None:
    statement, where = CHANGES[name]
    change(path, statement)
    found = faults(path)
    assert found
    assert where is None or where in found
    read_all(path)


def read_all(path: Path) -> None:
    """What `queue`, `show` and `report` read: an error of our own, or none."""
    database = Database.open(path)
    view, queue = View(database), Queue(database)
    readings = (
        lambda: list(queue.entries()),
        lambda: [(queue.entry(f"{n:064x}"), queue.links_of(f"{n:064x}")) for n in (1, 2)],
        lambda: [(view.findings_of(f"{n:064x}"), view.grades_of(f"{n:064x}")) for n in (1, 2)],
        lambda: (queue.links(5), queue.months(), queue.stated_sources(), view.failure_counts(), view.counts()),
        lambda: (list(view.acts()), view.last_act(), Lists(database).all(removed=True)),
        lambda: (list(view.items()), list(view.findings(kinds.DIGEST))),
        lambda: list(evidence(database)),
    )
    try:
        for reading in readings:
            with suppress(CaseError):
                reading()
    finally:
        database.close()


@pytest.mark.parametrize(
    ("statement", "reading", "where"),
    [
        ("UPDATE act SET details = '[]' WHERE number = 2", lambda d: list(View(d).acts()), "act 2"),
        ("UPDATE act SET at = 'garbage' WHERE number = 9", lambda d: View(d).last_act(), "act 9"),
        ("UPDATE act SET at = 'garbage' WHERE number = 9", lambda d: Recorder(d, "t").act("a", {}), "act 9"),
        (
            "UPDATE finding SET record = '{\"kind\":5}' WHERE number = 3",
            lambda d: View(d).findings_of(f"{1:064x}"),
            "finding 3",
        ),
        ("UPDATE finding SET record = '[]' WHERE number = 3", lambda d: View(d).failure_counts(), "finding 3"),
        ("UPDATE item SET record = '{}' WHERE number = 2", lambda d: list(Queue(d).entries()), "item 2"),
        ("UPDATE item SET modified = 1e300", lambda d: Queue(d).months(), "item 1"),
        ("UPDATE standing SET record = '{}'", lambda d: list(Queue(d).entries()), "standing of 0"),
        ("UPDATE link SET facts = 'garbage'", lambda d: Queue(d).links(1), "link 1"),
        ("UPDATE link SET kind = 'garbage'", lambda d: Queue(d).links_of(f"{1:064x}"), "link 1"),
        ("UPDATE grade SET at = 'garbage'", lambda d: View(d).grades_of(f"{1:064x}"), "grade 1"),
        ("UPDATE hash_list SET kind = 'garbage'", lambda d: Lists(d).all(), "hash list 1"),
    ],
)
def test_readers_name_the_row_that_is_damaged(path: Path, statement: str, reading: object, where: str) -> None:
    change(path, statement)
    database = Database.open(path)
    with pytest.raises(CaseDamaged) as caught:
        reading(database)  # type: ignore[operator]
    database.close()
    assert caught.value.subject.startswith(where)


def test_who_mends_the_digests_too_is_still_named(path: Path) -> None:
    """An act rewritten with a digest that fits, as the last of the chain: its text is no act all the same."""
    with closing(sqlite3.connect(path)) as raw, raw:
        row = list(raw.execute("SELECT * FROM act WHERE number = 9").fetchone())
        for details in ("[]", "garbage", '"text"'):
            row[4], row[6] = details, act_digest(*row[:4], details, row[5])
            raw.execute("UPDATE act SET details = ?, digest = ? WHERE number = 9", (row[4], row[6]))
            raw.commit()
            assert "can't be read" in faults(path)["act 9"]


def test_evidence_leaves_out_what_no_file_system_holds(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        record = json.loads(raw.execute("SELECT record FROM item WHERE number = 1").fetchone()[0])
        record["place"] = ["L2V2", "AGE="]
        raw.execute("UPDATE item SET record = ? WHERE number = 1", (json.dumps(record),))
        raw.execute("UPDATE item SET record = 'garbage' WHERE number = 2")
    database = Database.open(path)
    assert not list(evidence(database))
    database.close()


def test_a_file_that_is_done_anew_is_appended_and_the_newest_counts(path: Path) -> None:
    database = Database.open(path)
    view, recorder = View(database), Recorder(database, "t")
    assert view.finished(["a" * 64, "b" * 64, "c" * 64]) == {"a" * 64: "2" * 64, "b" * 64: "1" * 64}
    recorder.examined([], [("a" * 64, "2" * 64)])
    recorder.examined([], [("a" * 64, "1" * 64)])
    assert view.finished(["a" * 64]) == {"a" * 64: "1" * 64}
    assert not list(check_record(database))
    database.close()
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM finished").fetchone() == (4,)


VALUES = (
    "'garbage'",
    "''",
    "NULL",
    "-1",
    "1e999",
    "x'ff'",
    "CAST(x'ff' AS TEXT)",
    "'{}'",
    "'[1]'",
    "9223372036854775807",
)
UNSAID = {("meta", "name"), ("meta", "value"), ("grade", "number")}
"""The schema's version is not the record's; a grade's number says no more than the order of grades."""


def columns(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as raw:
        tables = [t for (t,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        for table in tables:
            for row in raw.execute(f"PRAGMA table_info({table})"):
                yield table, row[1]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_value_in_any_column_is_named(filled: Path, tmp_path: Path, data: st.DataObject) -> None:
    table, column = data.draw(st.sampled_from(sorted(set(columns(filled)) - UNSAID)))
    value = data.draw(st.sampled_from(VALUES))
    path = Path(shutil.copy(filled, tmp_path / "case.db"))
    stored = f'SELECT quote(CAST("{column}" AS BLOB)), typeof("{column}") FROM "{table}"'
    with closing(sqlite3.connect(path)) as raw:
        before = list(raw.execute(stored))
        try:
            raw.execute(f'UPDATE "{table}" SET "{column}" = {value}')
        except sqlite3.Error:
            return
        after = list(raw.execute(stored))
        raw.commit()
    assert before == after or faults(path), (table, column, value)
    read_all(path)
