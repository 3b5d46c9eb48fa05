"""Keys of cases: what they are made from, and what is written of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadlight.casekey import SALT, CaseKey, new_key_file
from leadlight.errors import KeyUnusable

dbapi2 = pytest.importorskip("sqlcipher3.dbapi2")


def test_a_passphrase_opens_with_the_tools_of_sqlcipher_as_they_are(tmp_path: Path) -> None:
    lock = CaseKey.from_passphrase("quiet harbour wall 7").lock()
    path = tmp_path / "x.db"
    ours = dbapi2.connect(str(path))
    ours.execute(f'PRAGMA key = "{lock.pragma()}"')
    ours.execute("CREATE TABLE t (a)")
    ours.commit()
    ours.close()
    assert path.read_bytes()[:SALT] == lock.salt
    theirs = dbapi2.connect(str(path))
    theirs.execute("PRAGMA key = 'quiet harbour wall 7'")
    assert theirs.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    theirs.close()


def test_a_key_file_is_the_key_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "case.key"
    new_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key = CaseKey.from_file(path)
    lock = key.lock(bytes(SALT))
    assert lock.pragma() == f"x'{path.read_text().strip()}{'00' * SALT}'"
    with pytest.raises(KeyUnusable, match="never overwritten"):
        new_key_file(path)
    with pytest.raises(KeyUnusable, match="can't be written"):
        new_key_file(tmp_path / "none" / "case.key")


@pytest.mark.parametrize("data", [b"", b"ab" * 31, b"ab" * 33, b"zz" * 32, b"ab" * 5000, bytes(32), b"\xff" * 64])
def test_what_is_no_key_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "case.key"
    path.write_bytes(data)
    with pytest.raises(KeyUnusable, match="holds no key"):
        CaseKey.from_file(path)
    with pytest.raises(KeyUnusable, match="can't be read"):
        CaseKey.from_file(tmp_path / "absent")
    with pytest.raises(KeyUnusable, match="empty"):
        CaseKey.from_passphrase("")


def test_a_key_is_told_from_another_and_shows_itself_nowhere() -> None:
    key = CaseKey.from_passphrase("quiet harbour wall 7")
    lock = key.lock(bytes(SALT))
    other = CaseKey.from_passphrase("quiet harbour wall 8").lock(bytes(SALT))
    facts = lock.facts()
    assert lock.fits(facts)
    assert not other.fits(facts)
    assert not lock.fits({})
    assert "harbour" not in f"{key!r}{lock!r}{facts}"
    assert lock.pragma()[2:66] not in f"{lock!r}{facts}"
    assert key.lock().salt != key.lock().salt
