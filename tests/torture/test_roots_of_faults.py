"""What fault injection found, each fault at its root."""

from __future__ import annotations

import errno
import hashlib
import os
import random
from pathlib import Path
from typing import Any

import pytest

from leadlight import Case, Settings, casefile
from leadlight.casefile import held, made_whole
from leadlight.errors import CaseBusy, CaseError, CaseFull
from leadlight.records import Finding, failure
from leadlight.records import finding as kinds
from leadlight.records.examined import Examined
from leadlight.scan import stamp_of
from leadlight.sources.folder import PLUGIN as FOLDER
from leadlight.store import features
from leadlight.store.database import Database
from tests.evidence import jpeg


def test_a_content_whose_first_place_is_gone_before_it_was_examined_is_examined_at_the_other(
    tmp_path: Path,
) -> None:
    """Two files hold one content. The worker with the first was ended, the other was recorded as done; then the
    first is gone. A scan that went by files alone would never look at that content.
    """
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "other.jpg").write_bytes(jpeg(1))
    with Case.create(tmp_path / "case", settings=Settings(jobs=1)) as case:
        item = next(iter(FOLDER.items(evidence)))
        assert not isinstance(item, Examined)
        sha256 = hashlib.sha256(jpeg(1)).hexdigest()
        case._recorder.act("scan.start", {"roots": [os.fsencode(evidence).hex()]})
        case._recorder.examined(
            [Examined(item, sha256, item.size or 0, (), None)], [(item.place.key, stamp_of(item))]
        )
        assert case._view.unexamined() == {sha256}
        result = case.run([evidence])
        assert result.skipped == 1
        assert not case._view.unexamined()
        assert {f.finding.kind for f in case.show(sha256).findings} >= {kinds.FILETYPE, kinds.DIGEST, kinds.PDQ}
        assert not [f for f in case.verify() if not f.expected]
        before = [a.action for a in case._view.acts()].count("scan.again")
        case.run([evidence])
        assert [a.action for a in case._view.acts()].count("scan.again") == before == 1


def test_a_case_that_was_made_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, Path]] = []
    monkeypatch.setattr(casefile, "settle", lambda folder: done.append(("settle", Path(folder))))
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda old, new: (done.append(("rename", Path(new))), rename(old, new))[1])
    folder = (tmp_path / "a" / "b" / "case").resolve()
    with made_whole(folder) as making:
        (making / "file").write_text("x", "ascii")
    at = done.index(("rename", folder))
    assert ("settle", making) in done[:at]
    assert {f for what, f in done[at:] if what == "settle"} == {
        folder.parent,
        folder.parent.parent,
        tmp_path.resolve(),
    }


def test_two_that_make_one_case_leave_each_other_alone(tmp_path: Path) -> None:
    with made_whole(tmp_path / "case") as making:
        (making / "file").write_text("x", "ascii")
        with pytest.raises(CaseBusy, match="another process makes this case"), made_whole(tmp_path / "case"):
            pytest.fail("two make it")
        assert (making / "file").read_text("ascii") == "x"
    assert (tmp_path / "case" / "file").exists()
    with pytest.raises(CaseBusy), made_whole(tmp_path / "case"):
        pass
    assert (tmp_path / "case" / "file").exists()


def test_what_an_interrupted_attempt_left_is_not_part_of_the_case(tmp_path: Path) -> None:
    left = tmp_path / ".case.making" / "lists"
    left.mkdir(parents=True)
    (left.parent / "case.db").write_text("half", "ascii")
    with made_whole(tmp_path / "case") as making:
        assert not list(making.iterdir())
    assert not list((tmp_path / "case").iterdir())


def test_a_new_case_on_which_another_process_works_is_not_taken_away(tmp_path: Path) -> None:
    with Case.create(tmp_path / "case", settings=Settings()) as case:
        with held(tmp_path / "case"):
            assert not case.discard_unused()
        assert (tmp_path / "case" / "case.db").exists()
        assert case.discard_unused()
    assert not (tmp_path / "case").exists()


def test_a_lock_on_a_file_that_was_taken_away_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "case.lock").touch()
    flock = casefile.fcntl.flock

    def late(handle: int, how: int) -> None:
        flock(handle, how)
        (tmp_path / "case.lock").unlink()

    monkeypatch.setattr(casefile.fcntl, "flock", late)
    with pytest.raises(CaseBusy), held(tmp_path):
        pytest.fail("held")


def test_no_room_for_a_list_of_features_is_said_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(features.listing, "is_listing", lambda path: True)
    with Case.create(tmp_path / "case", settings=Settings()) as case:
        monkeypatch.setattr(Path, "open", refuse)
        with pytest.raises(CaseFull, match="no room"):
            features.keep(case._database, tmp_path / "list", "a" * 64)


def test_a_file_that_was_read_in_part_was_not_changed(tmp_path: Path) -> None:
    """The medium failed at some byte and gives it later: nobody changed the file."""
    evidence, data = tmp_path / "evidence", random.Random(1).randbytes(3000)
    evidence.mkdir()
    (evidence / "large.bin").write_bytes(data)
    with Case.create(tmp_path / "case", settings=Settings(jobs=1)) as case:
        item = next(iter(FOLDER.items(evidence)))
        assert not isinstance(item, Examined)
        case._recorder.act("scan.start", {"roots": [os.fsencode(evidence).hex()]})
        part = failure("read", "1", reason="unreadable", what="failed", advice="Look.", bytes_read=1000)
        found = Finding("t", "1", kinds.FILETYPE, "bytes", {"media_type": "application/octet-stream"})
        case._recorder.examined(
            [Examined(item, hashlib.sha256(data[:1000]).hexdigest(), 1000, (part,), (found,))], []
        )
        told = list(case.verify())
        assert [f.expected for f in told] == [True]
        assert "only up to byte 1,000" in told[0].what
        (evidence / "large.bin").write_bytes(data[:999] + b"\0" + data[1000:])
        assert ["was changed" in f.what for f in case.verify() if not f.expected] == [True]
        (evidence / "large.bin").write_bytes(data)
        case.run([evidence])
        told = list(case.verify())
        assert [f.expected for f in told] == [True]
        assert "gave only 1,000 bytes" in told[0].what


def test_a_database_that_can_t_be_made_names_room_among_the_reasons(tmp_path: Path) -> None:
    """SQLite says 'unable to open database file' of one that can't be made on a full disk."""
    with pytest.raises(CaseError, match="no room left on its disk"):
        Database.create(tmp_path / "not there" / "case.db")
