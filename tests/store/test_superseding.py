"""Findings that give way: nothing is changed or taken out, all is covered, and older cases are brought up."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadlight.errors import CaseError
from leadlight.records import Filed, Finding, Item, ListInfo, ListKind, Place, failure
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.store import schema
from leadlight.store.check import check_record
from leadlight.store.database import Database
from leadlight.store.migration import bring_up
from leadlight.store.record import Recorder
from leadlight.store.superseding import Replacing, gives_way
from leadlight.store.view import View

SHA = f"{1:064x}"
ITEM = Item(Place(b"/ev", (b"1.jpg",)), "folder", 1)
ABLE = frozenset({"t", "p", "filetype"})


def say(text: str, analyser: str = "t") -> Finding:
    return Finding(analyser, "1", "text", text)


def pdq(value: int, *, exact: bool) -> Finding:
    payload = {"algorithm": "pdq", "value": f"{value:064x}", "quality": 90, "frame": 0, "exact": exact}
    return Finding("p", "1", kinds.PDQ, f"hash {value}", payload)


def failed(what: str, analyser: str = "t", reason: str = "limit") -> Finding:
    return failure(analyser, "1", reason=reason, what=what, advice="Look.")


def examined(*findings: Finding, of_place: tuple[Finding, ...] = ()) -> Examined:
    return Examined(ITEM, SHA, 1, of_place, findings)


def again(recorder: Recorder, *findings: Finding, able: frozenset[str] = ABLE) -> None:
    recorder.examined([examined(*findings)], [], Replacing(frozenset({SHA}), tried={SHA}, able=able))


def texts(found: tuple[Filed, ...]) -> list[str]:
    return [f.finding.statement for f in found]


def test_a_newer_examination_takes_the_place_of_the_older(database: Database, recorder: Recorder) -> None:
    view = View(database)
    recorder.examined([examined(say("same"), say("old"), pdq(1, exact=False))], [])
    first = view.findings_of(SHA)
    again(recorder, say("same"), say("new"), pdq(2, exact=True))
    assert sorted(texts(view.findings_of(SHA))) == ["hash 2", "new", "same"]
    assert sorted(f.finding.statement for _, f in view.superseded_of(SHA)) == ["hash 1", "old"]
    assert [(p.value[-1], p.exact) for p in view.prints("pdq")] == [(2, True)]
    assert [f.statement for _, f in view.findings(kinds.PDQ)] == ["hash 2"]
    again(recorder, say("same"), say("old"), pdq(1, exact=False))
    assert {f.id for f in view.findings_of(SHA)} == {f.id for f in first}, "made again, it stands again"
    assert [(p.value[-1], p.exact) for p in view.prints("pdq")] == [(1, False)]
    again(recorder, say("same"), say("old"), pdq(1, exact=False))
    assert {f.id for f in view.findings_of(SHA)} == {f.id for f in first}
    assert not list(check_record(database))


def test_failures_are_counted_as_they_stand(database: Database, recorder: Recorder) -> None:
    recorder.examined([examined(failed("was cut"))], [])
    assert View(database).failure_counts() == {"limit": 1}
    again(recorder, say("whole"))
    assert View(database).failure_counts() == {}


def test_what_a_newer_examination_could_not_look_at_stays() -> None:
    old = [say("a"), Finding("p", "1", "hash", "b"), failed("was cut"), failed("lost", "engine", "crashed")]
    crash = [failed("ended its process", "engine", "crashed")]
    assert list(gives_way(old, [say("n")], ABLE)) == [True] * 4
    assert list(gives_way(old, crash, ABLE)) == [False, False, False, True]
    assert list(gives_way(old, [failed("cut later")], ABLE)) == [False, False, True, True]
    assert list(gives_way(old, [say("n"), failed("more", "p")], ABLE)) == [True, False, True, True]
    assert list(gives_way(old, [failed("was cut")], ABLE)) == [True] * 4, "no newer failure: all was looked at"
    assert list(gives_way(old, [say("n")], frozenset({"t"}))) == [True, False, True, True], "p can't run here"


def test_what_was_said_of_a_place_gives_way_when_its_file_was_read_to_the_end(
    database: Database, recorder: Recorder
) -> None:
    note, key = failed("nested too deep"), ITEM.place.key
    unread = failed("could not be read", "read", "unreadable")
    recorder.examined([Examined(ITEM, None, 0, (unread,), None), examined(say("x"), of_place=(note,))], [])
    view = View(database)
    recorder.examined([], [], Replacing(places={key: (SHA, (note,))}, tried={key}, able=ABLE))
    assert texts(view.findings_of(SHA)) == ["nested too deep", "x"]
    assert texts(view.findings_of(key)) == ["nested too deep"], "it was read now"
    recorder.examined([], [], Replacing(places={key: (SHA, ())}, tried={key}, able=ABLE))
    assert texts(view.findings_of(SHA)) == ["x"]
    recorder.examined([examined(of_place=(note,))], [])
    assert sorted(texts(view.findings_of(SHA))) == ["nested too deep", "x"], "a scan that meets it again says so"
    assert not list(check_record(database))


def match(list_id: int, distance: int, matcher: str = "m") -> Finding:
    payload = {"list_id": list_id, "list": "R", "list_kind": "known", "algorithm": "pdq", "distance": distance}
    return Finding(matcher, "1", kinds.MATCH, f"near {distance}", {**payload, "entry": "aa"})


def test_matches_that_are_not_made_again_give_way(database: Database, recorder: Recorder) -> None:
    view = View(database)
    recorder.examined([examined(say("x"))], [])
    number = recorder.add_list(ListInfo("R", ListKind.KNOWN, "csv"), []).number or 0
    gone = recorder.add_list(ListInfo("Old", ListKind.KNOWN, "csv"), [])
    near, other, elsewhere = match(number, 5), match(gone.number or 0, 7), match(number, 9, "other")
    assert recorder.matches("m", [(SHA, near), (SHA, other)]) == 2
    assert recorder.matches("other", [(SHA, elsewhere)]) == 1
    recorder.remove_list(gone)

    def standing() -> set[str]:
        return {f.statement for _, f in view.findings(kinds.MATCH)}

    acts = len(list(view.acts()))
    assert recorder.matches("m", [(SHA, near)]) == 0
    assert standing() == {"near 5", "near 7", "near 9"}, "of a list out of use nothing is said"
    assert len(list(view.acts())) == acts, "nothing changed, nothing is recorded"
    recorder.matches("m", [(SHA, match(number, 3))])
    assert standing() == {"near 3", "near 7", "near 9"}
    recorder.matches("m", [(SHA, near)])
    assert standing() == {"near 5", "near 7", "near 9"}
    recorder.matches("m", [])
    assert standing() == {"near 7", "near 9"}
    again(recorder, say("y"))
    assert standing() == {"near 7", "near 9"}, "matches give way to matches alone"
    assert not list(check_record(database))


def test_the_family_is_as_it_was_found_last(database: Database, recorder: Recorder) -> None:
    def typed(family: str) -> Finding:
        return Finding("filetype", "1", kinds.FILETYPE, family, {"media_type": "x/y", "family": family})

    recorder.examined([examined(typed("unknown"))], [])
    assert View(database).counts()["families"] == {"unknown": 1}
    again(recorder, typed("picture"))
    recorder.examined([], [], Replacing(tried={SHA}, able=ABLE))
    assert View(database).counts()["families"] == {"picture": 1}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.lists(st.sampled_from("abcd"), unique=True), min_size=1, max_size=6))
def test_whatever_is_found_last_stands_and_the_record_holds(tmp_path: Path, rounds: list[list[str]]) -> None:
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    database = Database.create(path)
    recorder, seen = Recorder(database, "t"), set[str]()
    recorder.examined([examined(*map(say, rounds[0]))], [])
    for names in rounds:
        again(recorder, *map(say, names))
        seen |= set(names)
        found = View(database).findings_of(SHA)
        assert {f.finding.statement for f in found} == set(names)
        assert {f.finding.statement for _, f in View(database).superseded_of(SHA)} == seen - set(names)
    assert not list(check_record(database))
    database.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "case.db"
    database = Database.create(path)
    recorder = Recorder(database, "tester")
    recorder.act("case.create", {})
    recorder.examined([examined(say("a"), say("b"), pdq(1, exact=False))], [])
    again(recorder, say("a"), pdq(2, exact=True))
    again(recorder, say("a"), say("b"), pdq(2, exact=True))
    assert not list(check_record(database))
    database.close()
    return path


CHANGES = {
    "one removed": ("DELETE FROM superseded WHERE act = 3 AND finding = 2", "act 3"),
    "all removed": ("DELETE FROM superseded", "act 3"),
    "one that stands again removed": ("DELETE FROM superseded WHERE act = 4", "act 4"),
    "one added": ("INSERT INTO superseded VALUES (1, 3, 0)", "act 3"),
    "one added to an act that covers none": ("INSERT INTO superseded VALUES (1, 2, 0)", "act 2"),
    "one added by no act": ("INSERT INTO superseded VALUES (1, 99, 0)", "act 99"),
    "one added by an act of another kind": ("INSERT INTO superseded VALUES (1, 1, 0)", "act 1"),
    "one of no finding": ("UPDATE superseded SET finding = 77 WHERE finding = 2 AND act = 3", "act 3"),
    "one of another finding": ("UPDATE superseded SET finding = 1 WHERE finding = 2 AND act = 3", "act 3"),
    "one turned": ("UPDATE superseded SET stands = 1 WHERE act = 3", "act 3"),
    "one turned to no truth value": ("UPDATE superseded SET stands = 2 WHERE act = 4", "act 4"),
    "one moved to another act": ("UPDATE superseded SET act = 4 WHERE finding = 3", "act 3"),
    "what was examined again removed": ("DELETE FROM examination WHERE act = 3", "act 3"),
    "what was examined again added": ("INSERT INTO examination VALUES ('x', 4, NULL, NULL)", "act 4"),
    "its family": ("UPDATE examination SET family = 'picture'", "act 3"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_to_what_gives_way_is_named(filled: Path, tmp_path: Path, name: str) -> None:
    path = Path(shutil.copy(filled, tmp_path / "case.db"))
    statement, where = CHANGES[name]
    with closing(sqlite3.connect(path)) as raw, raw:
        assert raw.execute(statement).rowcount > 0
    database = Database.open(path)
    assert where in {f.where for f in check_record(database)}
    database.close()


def of_version_1(path: Path) -> Path:
    """A case as the first version of the schema had it."""
    database = Database.create(path)
    recorder = Recorder(database, "tester")
    recorder.act("case.create", {})
    recorder.examined([examined(say("a"), pdq(1, exact=True))], [])
    database.close()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DROP TABLE superseded")
        raw.execute("DROP TABLE examination")
        raw.execute("UPDATE meta SET value = '1' WHERE name = 'schema_version'")
    return path


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {r[0] for r in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_an_older_case_is_read_as_it_is_and_brought_up_before_it_is_written(tmp_path: Path) -> None:
    path = of_version_1(tmp_path / "case.db")
    before = path.read_bytes()
    database = Database.open(path)
    assert texts(View(database).findings_of(SHA)) == ["a", "hash 1"]
    assert not list(check_record(database))
    with pytest.raises(CaseError, match="older form"):
        Recorder(database, "t").act("x", {})
    database.close()
    assert path.read_bytes() == before, "reading changes nothing"
    database = Database.open(path)
    bring_up(database, "tester")
    bring_up(database, "tester")
    acts = [a for a in View(database).acts() if a.action == "case.schema"]
    assert [(a.actor, a.details["from"], a.details["to"]) for a in acts] == [("tester", 1, schema.SCHEMA_VERSION)]
    again(Recorder(database, "tester"), say("b"))
    assert texts(View(database).findings_of(SHA)) == ["b"]
    assert not list(check_record(database))
    database.close()
    assert {"superseded", "examination"} <= tables(path)
    database = Database.open(path)
    assert texts(View(database).findings_of(SHA)) == ["b"]
    assert database.version == schema.SCHEMA_VERSION
    database.close()


def test_a_migration_that_is_cut_off_leaves_the_case_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = of_version_1(tmp_path / "case.db")

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leadlight.store.migration.append_act", cut)
    database = Database.open(path)
    with pytest.raises(KeyboardInterrupt):
        bring_up(database, "tester")
    database.close()
    assert not {"superseded", "examination"} & tables(path)
    monkeypatch.undo()
    database = Database.open(path)
    bring_up(database, "tester")
    assert not list(check_record(database))
    database.close()


def test_two_that_bring_it_up_at_once_do_it_once(tmp_path: Path) -> None:
    path = of_version_1(tmp_path / "case.db")
    one, other = Database.open(path), Database.open(path)
    for database in (one, other):
        bring_up(database, "tester")
        again(Recorder(database, "tester"), say("b"))
    assert sum(a.action == "case.schema" for a in View(other).acts()) == 1
    assert not list(check_record(one))
    one.close()
    other.close()
