"""Long lists of an encrypted case are sorted in an encrypted file, into the same order."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadlight.errors import CaseFull
from leadlight.records import ListEntry
from leadlight.store import cipher, sorting

pytest.importorskip("sqlcipher3")


def entries(count: int) -> list[ListEntry]:
    return [ListEntry("pdq", bytes([n * 7 % 251]) * 32, f"lantern-{n}") for n in range(count)]


def test_sorted_as_in_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    some = entries(1000)
    expected = list(sorting.in_order(some))
    monkeypatch.setattr(sorting, "HELD", 64)
    assert list(sorting.in_order(some)) == expected
    assert list(sorting.in_order(some, cipher.module())) == expected
    assert len(expected) == 251
    assert list(sorting.in_order(iter(some[:64]), cipher.module())) == list(sorting.in_order(some[:64]))


def test_what_it_puts_aside_is_not_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "HELD", 2000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    many = (ListEntry("pdq", n.to_bytes(2, "big") * 16, f"lantern-{n}" * 150) for n in range(12_000))
    rows = sorting.in_order(many, cipher.module())
    next(rows)
    open_ = list(Path("/proc/self/fd").iterdir())
    aside = [f for f in open_ if f.is_symlink() and str(f.readlink()).startswith(str(tmp_path))]
    assert aside
    for file in aside:
        data = file.read_bytes()
        assert len(data) > 100_000
        assert b"lantern" not in data
    assert not list(tmp_path.iterdir())
    assert sum(1 for _ in rows) == 11_999


def test_without_room_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "HELD", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(CaseFull, match="folder for temporary files"):
        list(sorting.in_order(entries(10), cipher.module()))
