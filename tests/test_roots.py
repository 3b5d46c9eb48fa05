"""Roots of the evidence: each read once, under one name, and never written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from leadlight import Case, Settings
from leadlight.errors import CaseBusy, EvidenceError, UsageError
from leadlight.roots import REPORT_FILE, check_evidence, why_no_file
from tests.evidence import jpeg, png

SETTINGS = Settings(jobs=1, actor="tester")


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.jpg").write_bytes(jpeg(1))
    (folder / "inner" / "two.png").write_bytes(png(2))
    return folder


@pytest.fixture
def case(tmp_path: Path, evidence: Path) -> Case:
    made = Case.create(tmp_path / "case", settings=SETTINGS)
    made.run([evidence])
    return made


def state(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_export_never_writes_into_evidence_or_over_the_record(
    case: Case, evidence: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(evidence)
    (tmp_path / "to-one").symlink_to(evidence / "one.jpg")
    monkeypatch.chdir(evidence)
    before = state(evidence), (case.path / "case.toml").read_bytes()
    targets = [
        evidence / "one.jpg",
        evidence / "new.html",
        evidence / "inner" / "new.html",
        evidence,
        tmp_path,
        tmp_path / "link" / "new.html",
        tmp_path / "to-one",
        Path("new.html"),
        tmp_path / "case",
        *(case.path / n for n in ("case.toml", "case.db", "case.db-wal", "case.lock", "CASE.DB", "lists/1")),
    ]
    for target in targets:
        for force in (False, True):
            with pytest.raises(UsageError, match=r"evidence|own record"):
                case.export("report", target, force=force)
    assert (state(evidence), (case.path / "case.toml").read_bytes()) == before
    assert not list(case.verify())
    os.link(case.path / "case.toml", case.path / "hard.html")
    with pytest.raises(UsageError, match="own record"):
        case.export("report", case.path / "hard.html", force=True)


def test_a_file_that_is_no_earlier_export_is_overwritten_by_force_alone(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    case.export("report", out)
    case.export("report", out)
    out.write_text("notes of an examiner")
    with pytest.raises(UsageError, match="--force"):
        case.export("report", out)
    assert out.read_text() == "notes of an examiner"
    case.export("report", out, force=True)
    assert "<html" in out.read_text()
    (case.path / REPORT_FILE).write_text("an older report")
    case.export("report", case.path / REPORT_FILE)
    assert not list(case.verify())


def test_the_report_of_a_case_is_no_way_into_the_evidence(case: Case, evidence: Path) -> None:
    (case.path / REPORT_FILE).symlink_to(evidence / "one.jpg")
    before = state(evidence)
    with pytest.raises(UsageError, match="evidence"):
        case.export("report", case.path / REPORT_FILE)
    assert state(evidence) == before


def test_a_busy_case_is_refused_before_anything_is_written(case: Case, tmp_path: Path) -> None:
    import fcntl

    with (case.path / "case.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CaseBusy):
            case.export("report", tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()


def test_roots_that_overlap_are_read_once(tmp_path: Path, evidence: Path) -> None:
    (tmp_path / "link").symlink_to(evidence)
    given = [evidence / "one.jpg", evidence, tmp_path / "link", evidence / "inner", evidence]
    with Case.create(tmp_path / "case", settings=SETTINGS) as case:
        assert case.run(given).counts.items == 2
        assert {len(e.places) for e in case.queue()} == {1}
        start = next(a for a in case._view.acts() if a.action == "scan.start")
        assert start.details["evidence"] == [str(evidence)]
        assert [bytes.fromhex(r) for r in start.details["roots"]] == [os.fsencode(evidence)]
        assert [Path(p).name for p in start.details["left_out"]] == ["one.jpg", "link", "inner", "evidence"]
        assert not list(case.verify())


@pytest.mark.parametrize(
    "order", [["", "link", "one.jpg"], ["one.jpg", "inner", ""], ["inner", "", "inner/two.png"]]
)
def test_a_file_reached_by_another_root_in_a_later_run_is_the_same_file(
    tmp_path: Path, evidence: Path, order: list[str]
) -> None:
    (tmp_path / "link").symlink_to(evidence)
    with Case.create(tmp_path / "case", settings=SETTINGS) as case:
        for name in order:
            counts = case.run([tmp_path / "link" if name == "link" else evidence / name]).counts
        assert counts.items == 2
        assert {len(e.places) for e in case.queue()} == {1}
        assert case.run([evidence]).skipped == 2
        assert case.show(str(tmp_path / "link" / "one.jpg")).entry.places
        assert not list(case.verify())


def test_what_can_not_be_read_is_said_before_anything_is_written(tmp_path: Path, evidence: Path) -> None:
    from leadlight.plugins import registry

    sources = registry().sources
    for paths, words in (([""], "empty path"), ([evidence, tmp_path / "missing"], "no such file")):
        with pytest.raises(EvidenceError, match=words):
            check_evidence(paths, tmp_path / "case", sources)
    (tmp_path / "link").symlink_to(evidence)
    for case in (evidence, evidence / "a" / "b", tmp_path / "link" / "case"):
        with pytest.raises(UsageError, match="never written to"):
            check_evidence([evidence], case, sources)
    assert not (tmp_path / "case").exists()


def test_why_a_path_is_no_file(tmp_path: Path) -> None:
    assert "folder" in why_no_file(tmp_path)
    assert "device" in why_no_file(Path("/dev/zero"))
    assert "no such file" in why_no_file(tmp_path / "missing")


def test_a_new_case_goes_away_only_before_a_scan(tmp_path: Path, evidence: Path) -> None:
    fresh = Case.create(tmp_path / "fresh", settings=SETTINGS)
    (tmp_path / "fresh" / "lists" / "1").mkdir(parents=True)
    assert fresh.discard_unused()
    assert not (tmp_path / "fresh").exists()
    used = Case.create(tmp_path / "used", settings=SETTINGS)
    used.run([evidence])
    assert not used.discard_unused()
    assert len(list(used.queue())) == 2
