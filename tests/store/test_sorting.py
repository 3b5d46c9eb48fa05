"""A list in the order of its table, whether it is sorted in memory or not."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.errors import CaseFull, HashListError
from leadlight.records import ListEntry, ListInfo, ListKind
from leadlight.records.codec import dumps
from leadlight.store import sorting
from leadlight.store.check import check_record
from leadlight.store.database import Database
from leadlight.store.lists import Lists, added_details
from leadlight.store.record import Recorder
from leadlight.store.sorting import in_order

ENTRIES = st.lists(
    st.builds(
        ListEntry,
        st.sampled_from(["md5", "pdq", "sha256"]),
        st.binary(max_size=3),
        st.text('aé"\\,\n', max_size=2),
    )
)


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.sampled_from([1, 4, 1000]))
def test_order_and_first_of_equals(entries, held) -> None:
    first: dict[tuple[str, bytes], str] = {}
    for e in entries:
        first.setdefault((e.algorithm, e.value), e.label)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "HELD", held)
        assert list(in_order(entries)) == [(*key, first[key]) for key in sorted(first)]


@pytest.mark.parametrize("held", [3, 1000])
def test_a_fault_in_the_list_comes_as_it_is(held, monkeypatch) -> None:
    monkeypatch.setattr(sorting, "HELD", held)

    def broken() -> Iterator[ListEntry]:
        yield from (ListEntry("md5", bytes([n]) * 16) for n in range(50))
        raise HashListError("is no digest", subject="list, line 51", advice="Mend it.")

    with pytest.raises(HashListError, match="line 51"):
        next(in_order(broken()))


def test_no_room_for_sorting_is_told(monkeypatch) -> None:
    monkeypatch.setattr(sorting, "HELD", 3)

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sorting.sqlite3, "connect", full)
    with pytest.raises(CaseFull, match="disk is full"):
        list(in_order(ListEntry("md5", bytes([n]) * 16) for n in range(50)))


def test_many_entries_are_loaded_in_parts_and_hold_against_the_record(tmp_path: Path, monkeypatch) -> None:
    """The digest that the act records is that of the rows, one by one, as its words say."""
    monkeypatch.setattr(sorting, "HELD", 100)
    rng = random.Random(1)
    entries = [
        ListEntry(algorithm, rng.randbytes(size), rng.choice(['series "7"', "", "série", "a\\b", "\U0001f5bc"]))
        for algorithm, size in (("sha256", 32), ("pdq", 32), ("md5", 16))
        for _ in range(400)
    ]
    database = Database.create(tmp_path / "case.db")
    recorder = Recorder(database, "tester")
    recorder.act("case.create", {})
    info = recorder.add_list(ListInfo("x", ListKind.KNOWN, "csv"), [*entries, *entries[:9]])
    assert info.entries == 1200
    assert info.number
    ordered = sorted(entries, key=lambda e: (e.algorithm, e.value))
    expected = hashlib.sha256(b"known")
    for e in ordered:
        expected.update(dumps([e.algorithm, e.value.hex(), e.label]).encode("ascii"))
    with database.reading() as connection:
        assert added_details(connection, info.number)["entries_digest"] == expected.hexdigest()
    assert list(Lists(database).entries(info.number, "pdq")) == [e for e in ordered if e.algorithm == "pdq"]
    assert not list(check_record(database))
    database.close()
