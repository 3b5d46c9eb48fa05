"""The record: appended once, streamed back, and every change to it named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadlight.errors import CaseDamaged, CaseError, CaseMissing, CaseNewer
from leadlight.records import (
    Finding,
    Grade,
    Item,
    Link,
    LinkKind,
    ListEntry,
    ListInfo,
    ListKind,
    Place,
    Times,
    failure,
)
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.store.check import check_record
from leadlight.store.database import Database
from leadlight.store.lists import Lists
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder
from leadlight.store.view import View

WHEN = datetime(2026, 5, 1, tzinfo=UTC)


def finding(kind: str, n: int = 0, **payload: object) -> Finding:
    return Finding("test", "1", kind, f"statement {n}", payload)


def examined(n: int, *, new: bool = True, place: bytes | None = None, size: int = 10) -> Examined:
    sha256 = f"{n:064x}"
    item = Item(Place(b"/ev", (place or b"f\xff/%d.jpg" % n,)), "folder", size, Times(modified=WHEN))
    of_content = (
        finding(kinds.FILETYPE, media_type="image/jpeg", family="picture"),
        finding(kinds.DIGEST, 1, algorithm="sha256", value=sha256, quality=None, method="all bytes"),
        finding(kinds.DIGEST, 2, algorithm="md5", value=f"{n:032x}", quality=None, method="all bytes"),
        finding(
            kinds.PDQ, 3, algorithm="pdq", value=f"{n:064x}", quality=100, frame=0, dihedral=[f"{n:064x}"] * 8
        ),
    )
    return Examined(item, sha256, size, (), of_content if new else None)


def test_what_is_appended_comes_back_exactly(database: Database, recorder: Recorder) -> None:
    recorder.examined([examined(2), examined(1)], [("k", "s")])
    view = View(database)
    assert [s for s, _ in view.items()] == [f"{1:064x}", f"{2:064x}"]
    assert view.items_of(f"{1:064x}")[0].place.steps == (b"f\xff/1.jpg",)
    assert [f.finding for f in view.findings_of(f"{2:064x}")] == list(examined(2).of_content or ())
    assert [p.value[-1] for p in view.prints("pdq")] == [1, 2]
    assert len(list(view.prints("pdq.dihedral"))) == 16
    assert view.finished(["k", "other"]) == {"k": "s"}
    assert not list(check_record(database))


def test_appending_the_same_again_changes_nothing(database: Database, recorder: Recorder) -> None:
    first = recorder.examined([examined(1)], [])
    again = recorder.examined([examined(1)], [])
    assert (first.items, first.contents, first.findings) == (1, 1, 4)
    assert (again.items, again.contents, again.findings) == (0, 0, 0)
    assert View(database).counts()["items"] == 1
    assert not list(check_record(database))


def test_the_same_content_at_another_place_keeps_both_places(database: Database, recorder: Recorder) -> None:
    recorder.examined([examined(1), examined(1, new=False, place=b"copy.jpg")], [])
    assert [i.place.path for i in View(database).items_of(f"{1:064x}")] == ["/ev/copy.jpg", "/ev/f\\xff/1.jpg"]


def test_a_copy_that_is_delivered_before_the_examined_one_costs_nothing(
    database: Database, recorder: Recorder
) -> None:
    recorder.examined([examined(1, new=False, place=b"copy.jpg"), examined(1)], [])
    view = View(database)
    assert len(list(view.prints("pdq"))) == 1
    info = recorder.add_list(
        ListInfo("R", ListKind.KNOWN, "csv"), [ListEntry("md5", bytes.fromhex(f"{1:032x}"), "")]
    )
    assert len(list(view.hits(info.number or 0))) == 1
    assert not list(check_record(database))


def test_a_file_without_bytes_is_recorded_once(database: Database, recorder: Recorder) -> None:
    note = failure("read", "1", reason="unreadable", what="could not be read", advice="Look.")
    item = Item(Place(b"/ev", (b"x",)), "folder")
    for _ in range(2):
        recorder.examined([Examined(item, None, 0, (note,), None)], [])
    view = View(database)
    assert len(view.items_of(item.place.key)) == 1
    assert len(view.findings_of(item.place.key)) == 1
    assert view.failure_counts() == {"unreadable": 1}


def test_sealed_text_comes_only_when_asked_for(database: Database, recorder: Recorder) -> None:
    sealed = Finding("g", "1", kinds.GENERATOR, "a prompt", sealed={"prompt": "a red apple"})
    base = examined(1)
    recorder.examined([Examined(base.item, base.sha256, 1, (), (sealed,))], [])
    view = View(database)
    assert view.findings_of(base.sha256 or "")[0].finding.sealed == {}
    assert view.findings_of(base.sha256 or "", sealed=True)[0].finding.sealed == {"prompt": "a red apple"}


CHANGES = {
    "a finding's text": "UPDATE finding SET record = replace(record, 'ment 1', 'ment 9') WHERE number = 2",
    "a finding moved": "UPDATE finding SET sha256 = place_key, place_key = sha256 WHERE number = 1",
    "a finding removed": "DELETE FROM finding WHERE number = 3",
    "a finding's key too": "UPDATE finding SET key = 'x' || substr(key, 2) WHERE number = 3",
    "an item's place": "UPDATE item SET record = replace(record, 'folder', 'other') WHERE number = 1",
    "an item removed": "DELETE FROM item WHERE number = 1",
    "an item's digest": "UPDATE item SET sha256 = 'ff' || substr(sha256, 3) WHERE number = 2",
    "a content's type": "UPDATE content SET family = 'text'",
    "a content removed": "DELETE FROM content WHERE sha256 LIKE '%1'",
    "an act's actor": "UPDATE act SET actor = 'other' WHERE number = 2",
    "an act removed": "DELETE FROM act WHERE number = 1",
    "an act's details": "UPDATE act SET details = replace(details, '2', '3') WHERE number = 2",
    "an item's shown path": "UPDATE item SET path = 'elsewhere' WHERE number = 1",
    "an item's time": "UPDATE item SET modified = modified + 1 WHERE number = 1",
    "a finding's kind": "UPDATE finding SET kind = 'other' WHERE number = 1",
    "a digest": "UPDATE digest SET value = x'00' WHERE algorithm = 'md5'",
    "a digest removed": "DELETE FROM digest WHERE algorithm = 'md5'",
    "a perceptual hash": "UPDATE perceptual SET quality = 1 WHERE algorithm = 'pdq'",
    "a list's entry": "UPDATE hash_entry SET value = x'00'",
    "a list's entry removed": "DELETE FROM hash_entry",
    "a list's kind": "UPDATE hash_list SET kind = 'benign'",
    "a grade": "UPDATE grade SET grade = 'other'",
    "a finding added": "INSERT INTO finding (act, sha256, kind, record, key) VALUES (9, 'a', 'b', '{}', 'c')",
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_to_the_record_is_named(
    database: Database, recorder: Recorder, change: str, tmp_path: Path
) -> None:
    recorder.examined([examined(1), examined(2)], [])
    entry = ListEntry("md5", b"\1" * 16, "")
    recorder.add_list(ListInfo("Reference", ListKind.KNOWN, "csv"), [entry])
    recorder.grade(Grade(f"{1:064x}", "reviewed", "tester", WHEN))
    recorder.act("scan.finish", {})
    assert not list(check_record(database))
    with sqlite3.connect(tmp_path / "case.db") as raw:
        assert raw.execute(CHANGES[change]).rowcount > 0, change
    raw.close()
    faults = list(check_record(database))
    assert faults, change
    assert all(f.where and f.what for f in faults)


def test_lists_load_as_a_whole_and_hits_come_by_a_join(database: Database, recorder: Recorder) -> None:
    recorder.examined([examined(n) for n in range(1, 6)], [])

    def entries() -> Iterator[ListEntry]:
        yield ListEntry("sha256", bytes.fromhex(f"{3:064x}"), "series a")
        yield ListEntry("md5", bytes.fromhex(f"{3:032x}"), "")
        yield ListEntry("md5", bytes.fromhex(f"{5:032x}"), "")
        yield ListEntry("md5", bytes.fromhex(f"{5:032x}"), "twice")

    info = recorder.add_list(ListInfo("Reference", ListKind.KNOWN, "csv"), entries())
    assert info.entries == 3
    hits = list(View(database).hits(info.number or 0))
    assert [(int(h.sha256, 16), h.algorithm) for h in hits] == [(3, "sha256"), (3, "md5"), (5, "md5")]

    def broken() -> Iterator[ListEntry]:
        yield ListEntry("md5", b"\0" * 16, "")
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        recorder.add_list(ListInfo("Broken", ListKind.KNOWN, "csv"), broken())
    assert [i.name for i in Lists(database).all()] == ["Reference"]
    assert [e.label for e in Lists(database).entries(info.number or 0, "sha256")] == ["series a"]


def test_links_are_replaced_and_give_groups(database: Database, recorder: Recorder) -> None:
    recorder.examined([examined(n) for n in range(1, 4)], [])
    ranking = Ranking(database)
    group = Link(LinkKind.NEAR_COPY, f"{1:064x}", (f"{1:064x}", f"{2:064x}"), "2 near-copies", {"diameter": 3})
    for _ in range(2):
        assert ranking.replace_links([group]) == {"near-copy": 1}
    assert [(s.group, s.group_size) for s in ranking.subjects()] == [
        (f"{1:064x}", 2),
        (f"{1:064x}", 2),
        (None, 1),
    ]


def test_what_is_no_case_says_so(tmp_path: Path) -> None:
    with pytest.raises(CaseMissing):
        Database.open(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is no database, and longer than a header would be" * 100)
    with pytest.raises(CaseDamaged, match="not a database"):
        Database.open(tmp_path / "text.db")
    Database.create(tmp_path / "new.db").close()
    with sqlite3.connect(tmp_path / "new.db") as raw:
        raw.execute("UPDATE meta SET value = '99'")
    raw.close()
    with pytest.raises(CaseNewer, match="newer Leadlight"):
        Database.open(tmp_path / "new.db")
    with pytest.raises(CaseError):
        Database.create(tmp_path / "no" / "folder" / "case.db")
