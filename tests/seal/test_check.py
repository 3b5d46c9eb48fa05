"""What someone who knows the form of a case can do to a sealed one: all of it is named, given the last seal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leadlight.audit import Fault, Line, act_digest, check_chain
from leadlight.errors import CaseDamaged
from leadlight.records import GENESIS, Grade, Link, LinkKind, ListEntry, ListInfo, ListKind
from leadlight.records.codec import dumps
from leadlight.seal.check import Against, check_seals
from leadlight.seal.keys import Signer, new_key, open_key
from leadlight.seal.signed import Seal, Signed, signed_out
from leadlight.sealing import Sealer
from leadlight.store.check import check_record, derived_digest, lines
from leadlight.store.database import Database
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder, batch_digest
from leadlight.store.rows import finding_key
from tests.store.test_check import STANDING, WHEN, examined

CASE = "0b7a77f4-neutral"


@dataclass(frozen=True)
class Built:
    """A case of many acts, sealed twice, as it was after each step."""

    steps: tuple[Path, ...]
    signer: Signer
    early: Signed
    last: Signed

    @property
    def path(self) -> Path:
        return self.steps[-1]

    @property
    def against(self) -> Against:
        return Against(keys=(self.signer.public,), seals=(("last.json", self.last),))


def key_at(path: Path) -> Signer:
    new_key(path, None)
    return open_key(path, lambda: None)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("sealed")
    signer, seals, kept = key_at(folder / "k"), [], []
    database = Database.create(folder / "case.db")
    recorder, ranking = Recorder(database, "tester"), Ranking(database)
    sealer = Sealer(database, recorder)
    info = ListInfo("R", ListKind.KNOWN, "csv", "owner", "7", "2026-01-01", "d" * 64)
    members = (f"{1:064x}", f"{2:064x}")

    def rank() -> None:
        ranking.replace_links([Link(LinkKind.NEAR_COPY, members[0], members, "2 near-copies", {"diameter": 3})])
        ranking.replace_queue(lambda subject: STANDING, lambda s: 3)
        recorder.act("rank", {"derived": derived_digest(database)})

    steps: tuple[Callable[[], object], ...] = (
        lambda: recorder.act("case.create", {"number": CASE}),
        lambda: recorder.examined([examined(1), examined(2)], [("a" * 64, "1" * 64)]),
        lambda: recorder.add_list(info, [ListEntry("md5", b"\1" * 16, "")]),
        lambda: seals.append(sealer.seal(signer)),
        lambda: recorder.examined([examined(3)], [("b" * 64, "1" * 64)]),
        lambda: recorder.grade(Grade(f"{1:064x}", "reviewed", "tester", WHEN)),
        rank,
        lambda: recorder.act("export", {"as": "report", "files": []}),
        lambda: seals.append(sealer.seal(signer)),
    )
    for n, step in enumerate(steps):
        step()
        kept.append(folder / f"{n:02}.db")
        with closing(sqlite3.connect(folder / "case.db")) as raw, closing(sqlite3.connect(kept[-1])) as copy:
            raw.backup(copy)
    database.close()
    return Built(tuple(kept), signer, seals[0].signed, seals[1].signed)


def faults(path: Path, against: Against) -> list[Fault]:
    database = Database.open(path)
    try:
        told = [*check_record(database), *check_seals(lines(database), against)]
    finally:
        database.close()
    return [f for f in told if not f.expected]


def acts(path: Path) -> list[Line]:
    database = Database.open(path)
    try:
        return list(lines(database))
    finally:
        database.close()


def chained(told: list[Line]) -> list[Line]:
    """The acts numbered and digested anew, so that the chain holds."""
    made: list[Line] = []
    for act in told:
        number, previous = len(made) + 1, made[-1].digest if made else GENESIS
        digest = act_digest(number, act.at, act.actor, act.action, act.details, previous)
        made.append(replace(act, number=number, previous=previous, digest=digest))
    assert not list(check_chain(made)), "a forgery that the chain can't show"
    return made


def named(told: list[Line], against: Against) -> list[Fault]:
    return [f for f in check_seals(told, against) if not f.expected]


def test_nothing_is_named_in_an_untouched_case(built: Built) -> None:
    assert not faults(built.path, built.against)
    assert not faults(built.path, Against())
    assert not faults(built.path, replace(built.against, seals=(("a", built.early), ("b", built.last))))
    told = list(check_seals(acts(built.path), built.against))
    assert len(told) == 1
    assert "covers acts 1 to 8" in told[0].what
    (note,) = check_seals(acts(built.path), Against())
    assert "2 seals fit the record; no signature was checked" in note.what


def test_a_tail_cut_off_cleanly_is_named_at_any_point(built: Built) -> None:
    """Each step as it was is a record that holds; only the seal kept elsewhere shows that there was more."""
    for path in built.steps[:-1]:
        end = acts(path)[-1].number
        assert not faults(path, Against()), "a clean cut"
        cut = faults(path, built.against)
        if end == built.last.seal.act:
            assert [(f.where, "held the seal" in f.what) for f in cut] == [(f"act {end + 1}", True)]
        else:
            said = f"ends at act {end}; the seal of {built.last.seal.date} names act {built.last.seal.act}"
            assert ("the record", said) in [(f.where, f.what) for f in cut]
    assert "is empty" in named([], built.against)[0].what


FIELDS = {"at": "2026-01-01T00:00:00.000000+00:00", "actor": "someone", "action": "other", "details": '{"a":1}'}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_chain_made_anew_after_any_change_of_acts_is_named(built: Built, data: st.DataObject) -> None:
    told = acts(built.path)
    sealed = built.last.seal.act
    kind = data.draw(st.sampled_from(["alter", "remove", "insert", "swap", "cut"]))
    n = data.draw(st.integers(0, sealed - 1))
    changed = list(told)
    if kind == "alter":
        name = data.draw(st.sampled_from(sorted(FIELDS)))
        changed[n] = replace(changed[n], **{name: FIELDS[name]})
    elif kind == "remove":
        del changed[n]
    elif kind == "insert":
        changed.insert(n, replace(changed[n], actor="someone"))
    elif kind == "swap":
        m = data.draw(st.integers(0, sealed - 1))
        assume(m != n)
        changed[n], changed[m] = changed[m], changed[n]
    else:
        del changed[n:]
    changed = chained(changed)
    assert named(changed, built.against), kind
    assert named(changed, replace(built.against, keys=())), "the digest alone tells, without a key"
    without = chained([a for a in changed if a.action != "seal"])
    assert named(without, built.against), "the seals of the record taken out too"


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_seals_of_the_record_alone_show_any_change_before_them(built: Built, data: st.DataObject) -> None:
    told = acts(built.path)
    n, name = data.draw(st.integers(0, built.last.seal.act - 1)), data.draw(st.sampled_from(sorted(FIELDS)))
    told[n] = replace(told[n], **{name: FIELDS[name]})
    assert named(chained(told), Against(keys=(built.signer.public,)))


def test_the_change_is_placed_between_two_seals(built: Built) -> None:
    told = acts(built.path)
    told[5] = replace(told[5], actor="someone")
    first = named(chained(told), built.against)[0]
    assert first.where == f"act {built.last.seal.act}"
    assert f"made anew after act {built.early.seal.act}" in first.what


def test_a_forger_who_mends_rows_keys_batches_and_chain_is_named(built: Built, tmp_path: Path) -> None:
    """A finding altered, with all digests made to fit, as this program itself would: the record alone holds."""
    path = tmp_path / "case.db"
    with closing(sqlite3.connect(built.path)) as raw, closing(sqlite3.connect(path)) as copy:
        raw.backup(copy)
    with closing(sqlite3.connect(path)) as raw, raw:
        number, act, sha256, place, record = raw.execute(
            "SELECT number, act, sha256, place_key, record FROM finding WHERE kind = 'failure' ORDER BY number"
        ).fetchone()
        record = dumps({**json.loads(record), "statement": "nothing to see"})
        raw.execute(
            "UPDATE finding SET record = ?, key = ? WHERE number = ?",
            (record, finding_key(sha256, place, record, None), number),
        )
        ask = [
            ("SELECT place_key, sha256, container, record FROM item WHERE act = ? ORDER BY number"),
            ("SELECT sha256, size, media_type, family FROM content WHERE act = ? ORDER BY sha256"),
            ("SELECT key FROM finding WHERE act = ? ORDER BY number"),
            ("SELECT place_key, stamp FROM finished WHERE act = ? ORDER BY place_key"),
        ]
        items, contents, keys, finished = (raw.execute(q, (act,)).fetchall() for q in ask)
        details = json.loads(raw.execute("SELECT details FROM act WHERE number = ?", (act,)).fetchone()[0])
        details["digest"] = batch_digest(items, contents, [k for (k,) in keys], finished)
        raw.execute("UPDATE act SET details = ? WHERE number = ?", (dumps(details), act))
        for line in chained([Line(*r) for r in raw.execute("SELECT * FROM act ORDER BY number")]):
            raw.execute(
                "UPDATE act SET previous = ?, digest = ? WHERE number = ?",
                (line.previous, line.digest, line.number),
            )
    database = Database.open(path)
    assert not list(check_record(database)), "the forgery is whole"
    database.close()
    assert faults(path, Against()), "the seals in the record do not fit"
    assert faults(path, built.against)


TABLES = {"item": "path", "content": "media_type", "finding": "kind", "finished": "stamp", "act": "actor"}
TABLES |= {"hash_list": "name", "grade": "note", "standing": "record", "queue": "subject", "link": "statement"}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["alter", "remove"])
def test_any_row_altered_or_removed_is_named(built: Built, tmp_path: Path, table: str, change: str) -> None:
    with closing(sqlite3.connect(built.path)) as raw:
        count = raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    assert count
    for n in range(count):
        path = tmp_path / f"{n}.db"
        with closing(sqlite3.connect(built.path)) as raw, closing(sqlite3.connect(path)) as copy:
            raw.backup(copy)
        # by its values, since some tables have no row number
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.row_factory = sqlite3.Row
            row = raw.execute(f"SELECT * FROM {table} LIMIT 1 OFFSET ?", (n,)).fetchone()
            where = " AND ".join(f'"{name}" IS ?' for name in row.keys())  # noqa: SIM118
            act = f"UPDATE {table} SET {TABLES[table]} = 'x'" if change == "alter" else f"DELETE FROM {table}"
            assert raw.execute(f"{act} WHERE {where}", tuple(row)).rowcount == 1
        assert faults(path, built.against), (table, change, n)


def sealed_by(signer: Signer, told: list[Line], **more: object) -> list[Line]:
    """The acts and a seal of the last one, as an act."""
    last = told[-1]
    seal = Seal(CASE, last.number, last.digest, "2026-11-22T07:00:00.000000+00:00", signer.public.id, "0")
    signed = Signed.make(replace(seal, **more), signer)
    return chained([*told, replace(last, action="seal", details=dumps(signed_out(signed)))])


def test_a_case_rebuilt_and_sealed_with_another_key_is_named(built: Built, tmp_path: Path) -> None:
    other = key_at(tmp_path / "other")
    told = chained([replace(a, actor="someone") for a in acts(built.path) if a.action != "seal"])
    rebuilt = sealed_by(other, told)
    assert not named(rebuilt, Against()), "it is whole in itself"
    words = [f.what for f in named(rebuilt, Against(keys=(built.signer.public,)))]
    assert any("none of those given" in w for w in words)
    assert any("no seal that holds was made with a key given" in w for w in words)
    assert named(rebuilt, built.against)
    assert not named(rebuilt, Against(keys=(built.signer.public, other.public)))
    assert named(rebuilt, Against(keys=(other.public,), seals=(("last.json", built.last),)))


def test_a_record_without_a_seal_is_named_where_a_key_is_given(built: Built) -> None:
    told = chained([a for a in acts(built.path) if a.action != "seal"])
    (fault,) = named(told, Against(keys=(built.signer.public,)))
    assert "no seal" in fault.what


def test_a_seal_in_the_record_must_be_of_the_act_before_it(built: Built) -> None:
    told = acts(built.steps[2])
    for more in ({"act": 2}, {"act": 99}, {"digest": "0" * 64}, {"case": "another"}):
        assert named(sealed_by(built.signer, told, **more), Against()), more
    assert not named(sealed_by(built.signer, told), Against(keys=(built.signer.public,)))
    moved = sealed_by(built.signer, told)
    assert named(chained([*moved[:-1], moved[0], moved[-1]]), Against())


def test_a_seal_whose_text_was_altered_is_named(built: Built) -> None:
    told = acts(built.path)
    at = next(n for n, a in enumerate(told) if a.action == "seal")
    told[at] = replace(told[at], details=told[at].details.replace("2026", "2016").replace("2027", "2017"))
    words = [f.what for f in named(chained(told), Against(keys=(built.signer.public,)))]
    assert any("signature does not fit" in w for w in words)
    kept = replace(built.last, seal=replace(built.last.seal, software="9"))
    against = Against(keys=(built.signer.public,), seals=(("s", kept),))
    assert [f.where for f in named(acts(built.path), against)] == ["seal s"]


def test_a_seal_of_another_case_is_named(built: Built) -> None:
    other = replace(built.last, seal=replace(built.last.seal, case="another"))
    (fault,) = named(acts(built.path), Against(seals=(("s", other),)))
    assert "of another case" in fault.what


@pytest.mark.parametrize(
    "details", ["", "[]", "{}", "garbage", '{"seal":5,"signature":""}', "[" * 50_000, 5, None]
)
@pytest.mark.parametrize("action", ["seal", "seal.timestamp"])
def test_a_seal_that_can_not_be_read_is_a_fault(built: Built, action: str, details: object) -> None:
    told = acts(built.steps[0])
    told.append(replace(told[-1], number=2, action=action, details=details))
    (fault,) = named(told, Against())
    assert fault.where == "act 2"


def test_acts_after_the_newest_seal_are_counted(built: Built) -> None:
    told = acts(built.path)
    told = chained([*told, replace(told[0], action="export"), replace(told[0], action="export")])
    (note,) = check_seals(told, built.against)
    assert note.expected
    assert note.what.endswith("covers acts 1 to 8; 2 acts after it not sealed")


def test_a_record_that_does_not_hold_is_not_sealed(built: Built, tmp_path: Path) -> None:
    path = tmp_path / "case.db"
    with closing(sqlite3.connect(built.path)) as raw, closing(sqlite3.connect(path)) as copy:
        raw.backup(copy)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE act SET actor = 'someone' WHERE number = 3")
    database = Database.open(path)
    with pytest.raises(CaseDamaged, match="not sealed") as caught:
        Sealer(database, Recorder(database, "t")).seal(built.signer)
    assert caught.value.subject == "act 3"
    assert len(list(lines(database))) == len(acts(built.path))
    database.close()


VALUES = st.none() | st.integers() | st.floats() | st.binary(max_size=20) | st.text(max_size=20)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_value_in_any_column_is_a_traceback(built: Built, data: st.DataObject) -> None:
    """SQLite holds values of any kind in any column but the number; `verify` goes on to the end."""
    told = acts(built.path)
    n = data.draw(st.integers(0, len(told) - 1))
    name = data.draw(st.sampled_from(["number", "at", "actor", "action", "details", "previous", "digest"]))
    value = data.draw(st.integers() if name == "number" else VALUES)
    assume(value != getattr(told[n], name))
    told[n] = replace(told[n], **{name: value})
    assert [*check_chain(told), *named(told, built.against)]
