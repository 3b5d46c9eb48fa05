from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from leadlight.errors import HashListError
from leadlight.hashlists.nsrl import PLUGIN
from leadlight.records import ListEntry, ListKind
from tests.hashlists.samples import nsrl


@pytest.mark.parametrize(("crc", "full"), [(True, False), (False, False), (True, True)])
def test_the_published_schemas(tmp_path: Path, crc: bool, full: bool) -> None:
    path = tmp_path / "RDS modern ünimal?.db"
    nsrl(25_000 if not full else 50, crc=crc, full=full)(path)
    info = PLUGIN.describe(path)
    assert (info.kind, info.owner, info.version, info.date) == (
        ListKind.BENIGN,
        "NIST NSRL",
        "2025.03.1, modern",
        "2025-03-11",
    )
    found = list(PLUGIN.entries(path))
    assert len(found) == (50 if full else 25_000)
    assert set(found) >= {ListEntry("sha256", bytes(31) + b"\1"), ListEntry("sha256", bytes(31) + b"\7")}


def test_benign_and_nothing_else() -> None:
    assert PLUGIN.allowed_kinds == {ListKind.BENIGN}


def test_the_strongest_digest_that_a_row_has(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE FILE (sha1, md5, sha256)")
        db.execute("INSERT INTO FILE VALUES (?, ?, NULL), (NULL, ?, '')", ("1" * 40, "2" * 32, "3" * 32))
        db.commit()
    assert [e.algorithm for e in PLUGIN.entries(path)] == ["sha1", "md5"]
    assert PLUGIN.describe(path).version == ""


@pytest.mark.parametrize("value", ["xyz", 7, b"\0" * 32, 1.5])
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, value: object) -> None:
    path = tmp_path / "x.db"
    nsrl(3)(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE FILE SET sha256 = ? WHERE file_name = 'n1.txt'", (value,))
        db.commit()
    with pytest.raises(HashListError, match="record 2, field 'sha256'"):
        list(PLUGIN.entries(path))


def test_another_database_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE FILE (name)")
        db.commit()
    assert not PLUGIN.detect(path)
    with pytest.raises(HashListError, match="no column sha256"):
        PLUGIN.describe(path)


def test_the_list_is_opened_for_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    nsrl(3)(path)
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert len(list(PLUGIN.entries(path))) == 3
    finally:
        tmp_path.chmod(0o700)
