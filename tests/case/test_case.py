"""The main job, from evidence to queue, with its bad paths."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadlight import Case, ListFile, Settings
from leadlight.errors import (
    CaseBusy,
    CaseError,
    CaseMissing,
    EvidenceError,
    HashListError,
    UnknownName,
    UsageError,
)
from leadlight.records import Entry, ListKind, Tier
from leadlight.records.codec import entry_out
from tests.evidence import build, jpeg, png, tarred, zipped

SETTINGS = Settings(jobs=2, actor="tester")


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with Case.create(tmp_path / "case", settings=SETTINGS) as made:
        yield made


def by_name(case: Case) -> dict[str, Entry]:
    return {Path(i.place.path).name: e for e in case.queue() for i in e.places}


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    (folder / "inner").mkdir(parents=True)
    (folder / "camera.jpg").write_bytes(jpeg(1, side=192, exif=True))
    (folder / "plain.png").write_bytes(png(2, side=96))
    (folder / "copy of plain.png").write_bytes(png(2, side=96))
    (folder / "smaller.jpg").write_bytes(jpeg(1, side=144, quality=60))
    (folder / "note.txt").write_bytes(b"a note\n")
    (folder / "empty").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(jpeg(5)[:900])
    (folder / "inner" / "pictures.zip").write_bytes(
        zipped({"a/one.jpg": jpeg(7), "deeper.tar.gz": tarred({"two.png": png(8), "hidden.txt": b"hidden\n"})})
    )
    return folder


def test_the_main_job(case: Case, evidence: Path) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in evidence.rglob("*") if p.is_file()}
    result = case.run([evidence])
    assert result.counts.items == 12
    assert result.counts.contents == 11
    entries = by_name(case)
    assert entries["camera.jpg"].standing.tier is Tier.POSSIBLE_VICTIM
    assert entries["note.txt"].standing.tier is Tier.SET_ASIDE
    assert entries["cut.jpg"].standing.failures
    assert len(entries["plain.png"].places) == 2
    assert entries["camera.jpg"].group == entries["smaller.jpg"].group is not None
    two = entries["two.png"].places[0].place
    assert two.path == "two.png"
    assert two.within == f"{evidence}/inner/pictures.zip!/deeper.tar.gz"
    assert [e.rank for e in case.queue()] == list(range(1, 12))
    assert sum(result.counts.tiers.values()) == 11
    assert not list(case.verify())
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in evidence.rglob("*") if p.is_file()}


def test_lists_move_places_and_can_be_taken_back(case: Case, evidence: Path, tmp_path: Path) -> None:
    case.run([evidence])
    shown = case.show(str(evidence / "camera.jpg"))
    pdq = next(f.finding.payload["value"] for f in shown.findings if f.finding.kind == "fingerprint.pdq")
    plain = hashlib.md5((evidence / "plain.png").read_bytes()).hexdigest()
    note = hashlib.sha256((evidence / "note.txt").read_bytes()).hexdigest()
    known, benign, near = tmp_path / "known.csv", tmp_path / "benign.csv", tmp_path / "near.csv"
    known.write_text(f"md5\n{plain}\n")
    benign.write_text(f"sha256\n{note}\n")
    near.write_text(f"pdq\n{pdq}\n")
    case.add_lists(
        [
            ListFile(known, name="Reference", kind=ListKind.KNOWN),
            ListFile(benign, kind=ListKind.BENIGN),
            ListFile(near, name="Series", kind=ListKind.KNOWN),
        ]
    )
    entries = by_name(case)
    assert entries["plain.png"].standing.tier is Tier.KNOWN
    assert entries["plain.png"].standing.matches[0].list == "Reference"
    assert entries["smaller.jpg"].standing.tier in (Tier.NEAR_KNOWN, Tier.URGENT)
    assert 0 < entries["smaller.jpg"].standing.matches[0].distance <= 31
    assert "benign" in entries["note.txt"].standing.reasons[0].text
    known.unlink()
    case.rank()
    assert by_name(case)["plain.png"].standing.tier is Tier.KNOWN, "a loaded list is not read again"
    assert case.add_lists([ListFile(benign, kind=ListKind.BENIGN)])[0].number == 2, "loaded once"
    case.remove_list("Reference")
    assert by_name(case)["plain.png"].standing.tier is Tier.UNDETERMINED
    assert [i.name for i in case.lists(removed=True)] == ["Reference", "benign", "Series"]
    with pytest.raises(UnknownName, match="Lists of this case"):
        case.remove_list("Reference")
    assert not list(case.verify())


def test_a_second_run_examines_only_what_is_new(case: Case, evidence: Path) -> None:
    first = case.run([evidence])
    queue = [entry_out(e) for e in case.queue()]
    again = case.run([evidence])
    assert again.skipped == 8
    assert [entry_out(e) for e in case.queue()] == queue
    (evidence / "new.png").write_bytes(png(77))
    more = case.run([evidence])
    assert more.counts.contents == first.counts.contents + 1
    (evidence / "note.txt").write_bytes(b"another note, longer\n")
    changed = case.run([evidence])
    assert changed.counts.contents == first.counts.contents + 2, "a changed file is examined again, the old kept"


def test_order_does_not_depend_on_jobs_or_on_the_order_of_work(tmp_path: Path) -> None:
    build(tmp_path / "ev", 150)
    queues = []
    for jobs in (1, 3):
        with Case.create(tmp_path / f"case{jobs}", settings=Settings(jobs=jobs)) as case:
            case.run([tmp_path / "ev"])
            queues.append([entry_out(e) for e in case.queue()])
    assert queues[0] == queues[1]


def test_show_by_digest_prefix_and_path(case: Case, evidence: Path) -> None:
    case.run([evidence])
    shown = case.show(str(evidence / "camera.jpg"))
    sha256 = shown.entry.sha256 or ""
    assert case.show(sha256).entry == shown.entry
    assert case.show(sha256[:10]).entry == shown.entry
    with pytest.raises(UnknownName, match="no such item"):
        case.show("ffffffffffff")
    with pytest.raises(UnknownName):
        case.show("nothing.jpg")


def test_grades_are_by_people_and_in_the_record(case: Case, evidence: Path) -> None:
    case.run([evidence])
    sha256 = case.show(str(evidence / "plain.png")).entry.sha256 or ""
    case.grade(sha256, "reviewed", note="a landscape")
    assert case.show(sha256).grades[0].actor == "tester"
    assert not list(case.verify())


def test_changed_and_vanished_evidence_is_named(case: Case, evidence: Path) -> None:
    case.run([evidence])
    (evidence / "note.txt").write_bytes(b"changed")
    (evidence / "plain.png").unlink()
    faults = {Path(f.where).name: f.what for f in case.verify()}
    assert "was changed" in faults["note.txt"]
    assert "can't be read" in faults["plain.png"]
    assert len(faults) == 2


def test_bad_input_is_named_and_nothing_is_lost(case: Case, evidence: Path, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no such file"):
        case.run([evidence, tmp_path / "missing"])
    assert case.run([evidence]).counts.items == 12
    empty = tmp_path / "empty"
    empty.mkdir()
    assert case.run([empty]).counts.items == 12
    bad = tmp_path / "bad.csv"
    bad.write_text("md5\n" + "0" * 32 + "\nnot a digest\n")
    with pytest.raises(HashListError, match=r"bad\.csv"):
        case.add_lists([ListFile(bad, kind=ListKind.KNOWN)])
    assert case.lists() == ()
    with pytest.raises(HashListError, match="no such file"):
        case.add_lists([ListFile(tmp_path / "none.csv")])
    with pytest.raises(CaseMissing):
        Case.open(tmp_path / "nowhere")
    with pytest.raises(CaseError, match="not an empty folder"):
        Case.create(evidence)
    inside = Case.create(evidence / "case", settings=SETTINGS)
    with inside, pytest.raises(UsageError, match="never written to"):
        inside.run([evidence])


def test_a_second_scan_of_the_same_case_is_refused(case: Case, evidence: Path) -> None:
    import fcntl

    with (case.path / "case.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CaseBusy, match="another process"):
            case.run([evidence])
    assert case.run([evidence]).counts.items == 12


def test_names_of_any_bytes_and_links_are_kept_or_refused(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(png(3))
    raw = os.fsencode(folder) + b"/bad\xff\x1b[31m\xe2\x80\xae.png"
    with open(raw, "wb") as file:  # noqa: PTH123
        file.write(png(4))
    (folder / "out").symlink_to(tmp_path / "outside.png")
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    case.run([folder])
    entries = list(case.queue())
    texts = [str(i.place) for e in entries for i in e.places]
    assert all(t.isprintable() for t in texts)
    assert any(i.place.outer == raw for e in entries for i in e.places)
    refused = {Path(str(e.places[0].place)).name for e in entries if e.sha256 is None}
    assert {"out", "pipe"} <= refused


def test_a_case_that_was_moved_still_opens(case: Case, evidence: Path, tmp_path: Path) -> None:
    case.run([evidence])
    case.close()
    shutil.move(case.path, tmp_path / "moved")
    with Case.open(tmp_path / "moved") as moved:
        assert len(list(moved.queue())) == 11
        assert not list(moved.verify())


def test_what_could_not_be_read_is_tried_again_and_then_stands_as_read(
    case: Case, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = evidence / "inner" / "gone.png"
    broken.write_bytes(png(50))
    site = case.path.parent / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os\n"
        "if 'LEADLIGHT_TEST_DENY' in os.environ:\n"
        "    real = os.open\n"
        "    def refuse(path, *a, **k):\n"
        "        if os.fsencode(path).endswith(b'gone.png'):\n"
        "            raise PermissionError(13, 'Permission denied', path)\n"
        "        return real(path, *a, **k)\n"
        "    os.open = refuse\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("LEADLIGHT_TEST_DENY", "1")
    first = case.run([evidence])
    assert first.counts.failures["unreadable"] == 1
    unread = next(e for e in case.queue() if e.sha256 is None)
    assert unread.standing.tier is Tier.UNDETERMINED
    monkeypatch.delenv("LEADLIGHT_TEST_DENY")
    second = case.run([evidence])
    assert second.skipped == 8, "only what could not be read is tried again"
    assert by_name(case)["gone.png"].sha256
    assert all(e.sha256 for e in case.queue())
    assert not list(case.verify())
