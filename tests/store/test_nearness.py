"""The index beside the database: what it gives, and that it is never believed before it was checked."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from leadlight.config import Settings
from leadlight.errors import CaseDamaged
from leadlight.match.near import PLUGIN
from leadlight.radius import IndexFile, pack
from leadlight.records import ListEntry, ListInfo, ListKind
from leadlight.seams import Print
from leadlight.store import nearness
from leadlight.store.check import check_record
from leadlight.store.database import Database
from leadlight.store.record import Recorder
from leadlight.store.view import View
from tests.views import flipped, sha

RNG = random.Random(5)
VALUES = [RNG.randbytes(32) for _ in range(60)]


class Prints(View):
    """A case whose contents have these hashes."""

    def prints(self, algorithm: str) -> Iterator[Print]:
        if algorithm == "pdq":
            yield from sorted(
                (Print(sha(n), flipped(v, *range(n % 40)), 90) for n, v in enumerate(VALUES[:50])),
                key=lambda p: p.sha256,
            )


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "FEW", 4)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.create(tmp_path / "case.db")
    Recorder(made, "tester").act("case.create", {})
    yield made
    made.close()


def load(database: Database, values: list[bytes], name: str = "x") -> int:
    entries = [ListEntry("pdq", v, f"label {n}") for n, v in enumerate(values)]
    entries.append(ListEntry("md5", bytes(16), "of another kind"))
    info = Recorder(database, "tester").add_list(ListInfo(name, ListKind.KNOWN, "csv"), entries)
    assert info.number
    return info.number


def matches(database: Database) -> list[tuple[str, dict[str, object]]]:
    return [(s, dict(f.payload)) for s, f in PLUGIN.match(Prints(database), Settings())]


def test_an_index_is_made_once_and_gives_entries_with_their_labels(database: Database, tmp_path: Path) -> None:
    number = load(database, VALUES)
    assert not (tmp_path / "lists").exists()
    first = matches(database)
    assert {int(str(p["label"]).split()[1]) for _, p in first} == {n for n in range(50) if n % 40 <= 31}
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "lists" / str(number)).iterdir()}
    assert matches(database) == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "lists" / str(number)).iterdir()} == made
    assert [p.name for p in (tmp_path / "lists").iterdir()] == [str(number)]


def test_numbers_run_in_order_of_value(database: Database) -> None:
    number = load(database, VALUES)
    for _ in range(2):
        with View(database).near(number) as entries:
            assert len(entries) == 60
            assert [e.value for e in entries.entries(range(60))] == sorted(VALUES)
            ((q, h, d),) = entries.search(pack([VALUES[3]]), 0, lanes=2)
            assert (list(q), list(d)) == ([0], [0])
            (found,) = entries.entries([int(h[0])])
            assert (found.value, found.label) == (VALUES[3], "label 3")


def test_a_hash_on_two_lists_gives_a_finding_for_each(database: Database) -> None:
    load(database, VALUES, "one")
    load(database, VALUES[:7], "two")
    found = {p["list"]: p["label"] for s, p in matches(database) if s == sha(5)}
    assert found == {"one": "label 5", "two": "label 5"}


def broken(folder: Path) -> Iterator[str]:
    """Each way in which an index can be wrong, done to it."""
    segment = next(folder.glob("segment-*"))
    raw = segment.read_bytes()
    segment.unlink()
    yield "a segment is missing"
    next(folder.glob("segment-*")).write_bytes(raw[:-4096])
    yield "a segment is cut off"
    rng = random.Random(1)
    for _ in range(12):
        at = rng.randrange(len(raw))
        turned = bytearray(raw)
        turned[at] ^= 1 << rng.randrange(8)
        next(folder.glob("segment-*")).write_bytes(turned)
        yield f"a bit at {at} is flipped"
    (folder / "index").write_bytes(b"")
    yield "the list is empty"
    shutil.rmtree(folder)
    yield "all is missing"
    shutil.rmtree(folder)
    folder.write_text("a file")
    yield "a file stands there"
    other = IndexFile.create(folder.with_name("other"), pack(VALUES[40:]), note="of something else")
    other.close()
    shutil.rmtree(folder)
    folder.with_name("other").rename(folder)
    yield "the index of another list"


def test_a_broken_missing_or_strange_index_changes_no_finding(database: Database, tmp_path: Path) -> None:
    number = load(database, VALUES)
    folder = tmp_path / "lists" / str(number)
    first = matches(database)
    whole = {p.name: p.read_bytes() for p in folder.iterdir()}
    for how in broken(folder):
        assert matches(database) == first, how
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == whole, f"{how}: made again"
        assert not list(check_record(database)), "the record does not depend on it"


def test_without_leave_or_room_to_write_the_findings_are_the_same(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(database, VALUES)
    (tmp_path / "lists").write_text("no folder can be here")
    there = matches(database)
    (tmp_path / "lists").unlink()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IndexFile, "create", full)
    assert matches(database) == there
    assert not list((tmp_path / "lists").iterdir())
    monkeypatch.undo()
    assert matches(database) == there


def test_a_list_of_another_state_is_indexed_anew(database: Database, tmp_path: Path) -> None:
    """Two cases with a list of the same number: the index of one is none of the other's."""
    load(database, VALUES)
    mine = matches(database)
    (tmp_path / "other").mkdir()
    other = Database.create(tmp_path / "other" / "case.db")
    Recorder(other, "tester").act("case.create", {})
    load(other, [flipped(v, 200) for v in VALUES])
    theirs = matches(other)
    assert theirs != mine
    shutil.rmtree(tmp_path / "other" / "lists")
    shutil.copytree(tmp_path / "lists", tmp_path / "other" / "lists")
    assert matches(other) == theirs
    other.close()


def test_removing_a_list_takes_its_index_away(database: Database, tmp_path: Path) -> None:
    one, two = load(database, VALUES, "one"), load(database, VALUES[:9], "two")
    matches(database)
    recorder = Recorder(database, "tester")
    for info in View(database).lists():
        recorder.remove_list(info)
        assert not (tmp_path / "lists" / str(info.number)).exists()
    assert (one, two) == (1, 2)
    assert not (tmp_path / "lists").exists()
    assert matches(database) == []


def test_an_entry_that_left_the_database_is_no_silent_hit(database: Database, tmp_path: Path) -> None:
    load(database, VALUES)
    matches(database)
    with closing(sqlite3.connect(tmp_path / "case.db")) as raw, raw:
        assert raw.execute("DELETE FROM hash_entry WHERE label = 'label 2'").rowcount == 1
    with pytest.raises(CaseDamaged, match="lacks the entry"):
        matches(database)


@pytest.mark.parametrize("value", ["'text'", "x'00'"])
def test_an_entry_that_is_no_hash_is_told(database: Database, tmp_path: Path, value: str) -> None:
    load(database, VALUES)
    with closing(sqlite3.connect(tmp_path / "case.db")) as raw, raw:
        raw.execute(f"UPDATE hash_entry SET value = {value} WHERE label = 'label 2'")
    with pytest.raises(CaseDamaged):
        matches(database)
