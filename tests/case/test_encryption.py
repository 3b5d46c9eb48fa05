"""Encrypted cases: nothing of them lies in plain, whatever happens; and what is said when they can't be opened."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from leadlight import Case, Settings
from leadlight import keeping as keeping_module
from leadlight.case import ListFile
from leadlight.casekey import CaseKey, new_key_file
from leadlight.errors import CaseBusy, CaseDamaged, CaseFull, CaseLocked, UsageError
from leadlight.keeping import NEW, OLD
from leadlight.keypoints import listing
from leadlight.records.codec import entry_out
from leadlight.store import cipher, nearness

pytest.importorskip("sqlcipher3")

PROMPT = "a quiet marmalade harbour at dusk"
NAME = "lantern-archive"
LABEL = "entry-of-a-neutral-list"
SETTINGS = Settings(jobs=1)


def evidence(root: Path, count: int = 6) -> Path:
    folder = root / NAME
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    for n in range(count):
        info = PngInfo()
        info.add_text(
            "parameters", f"{PROMPT}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {n}, Model: demo_v1"
        )
        small = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(small).resize((160, 160)).save(folder / f"{NAME}-{n}.png", pnginfo=info)
    return folder


def hash_list(root: Path, known: Path, more: int = 0) -> Path:
    path = root / "list.csv"
    rng = np.random.default_rng(1)
    rows = [f"pdq,{rng.bytes(32).hex()},{LABEL}-{n}" for n in range(more)]
    sha256 = hashlib.sha256(known.read_bytes()).hexdigest()
    path.write_text("\n".join(["algorithm,value,label", f"sha256,{sha256},{LABEL}", *rows]) + "\n")
    return path


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    new_key_file(tmp_path / "case.key")
    return tmp_path / "case.key"


@pytest.fixture
def key(key_file: Path) -> CaseKey:
    return CaseKey.from_file(key_file)


def secrets_of(folder: Path) -> list[bytes]:
    found = [PROMPT.encode(), NAME.encode(), LABEL.encode(), b"scan.start"]
    for file in folder.iterdir():
        digest = hashlib.sha256(file.read_bytes())
        found += [digest.digest(), digest.hexdigest().encode()]
    return found


def assert_nothing_in_plain(case: Path, secrets: list[bytes]) -> None:
    files = [f for f in case.rglob("*") if f.is_file()]
    assert {f.name for f in files} >= {"case.db", "case.toml"}
    for file in files:
        data = file.read_bytes()
        assert not data.startswith(b"SQLite format 3"), file
        for secret in secrets:
            assert secret not in data, (file, secret)
    with sqlite3.connect(case / "case.db") as plain, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        plain.execute("SELECT * FROM sqlite_master").fetchall()
    plain.close()


def command(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "leadlight", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_a_plain_case_does_hold_all_that_is_looked_for(tmp_path: Path) -> None:
    """Else the tests below would prove nothing."""
    ev = evidence(tmp_path / "in")
    with Case.create(tmp_path / "case", settings=SETTINGS) as case:
        case.run([ev], lists=[ListFile(hash_list(tmp_path, ev / f"{NAME}-0.png"))])
    data = b"".join(f.read_bytes() for f in (tmp_path / "case").rglob("*") if f.is_file())
    hexed = [s for s in secrets_of(ev) if len(s) != 32]
    assert all(s in data for s in hexed)


def test_nothing_lies_in_plain_after_a_kill_a_resume_a_grade_and_verify(tmp_path: Path, key_file: Path) -> None:
    ev, folder = evidence(tmp_path / "in", 150), tmp_path / "case"
    known = hash_list(tmp_path, ev / f"{NAME}-0.png")
    secrets = secrets_of(ev)
    arguments = ("triage", ev, "--case", folder, "--key-file", key_file, "--jobs", 1, "--list", f"known={known}")
    first = command(*arguments)
    until = time.monotonic() + 60
    while time.monotonic() < until and first.poll() is None:
        wal = folder / "case.db-wal"
        if wal.exists() and wal.stat().st_size > 200_000:
            break
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert (folder / "case.db-wal").exists()
    assert_nothing_in_plain(folder, secrets)
    again = command(*arguments)
    _, err = again.communicate(timeout=200)
    assert again.returncode in (0, 1), err
    key = CaseKey.from_file(key_file)
    with Case.open(folder, settings=SETTINGS, key=key) as case:
        entry = next(iter(case.queue()))
        assert entry.sha256
        case.grade(entry.sha256, "seen", note=PROMPT)
        assert not [f for f in case.verify() if not f.expected]
        shown = case.show(entry.sha256, unseal=True)
        assert shown.grades[0].note == PROMPT
        assert any(PROMPT in str(f.finding.sealed) for f in shown.findings)
        assert_nothing_in_plain(folder, secrets)
    assert_nothing_in_plain(folder, secrets)
    with Case.open(folder, settings=Settings(jobs=1, case_key_file=str(key_file))) as case:
        assert case.encrypted


def test_the_same_is_found_as_in_a_plain_case_and_no_index_is_written(
    tmp_path: Path, key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearness, "FEW", 10)
    ev = evidence(tmp_path / "in")
    known = hash_list(tmp_path, ev / f"{NAME}-0.png", more=50)
    found = []
    for name, with_key in (("plain", None), ("locked", key)):
        with Case.create(tmp_path / name, settings=SETTINGS, key=with_key) as case:
            case.run([ev], lists=[ListFile(known)])
            found.append([entry_out(e) for e in case.queue()])
    assert found[0] == found[1]
    assert list((tmp_path / "plain" / "lists").rglob("segment-*"))
    assert not (tmp_path / "locked" / "lists").exists()
    assert_nothing_in_plain(tmp_path / "locked", secrets_of(ev))


def test_a_list_of_features_is_kept_within(tmp_path: Path, key: CaseKey) -> None:
    ev, learnt = evidence(tmp_path / "in"), tmp_path / "learnt.features"
    pictures = [listing.Learnt(bytes([n]) * 32, bytes([n + 100]) * 32, 90, b"") for n in range(150)]
    with learnt.open("wb+") as out:
        listing.write(out, pictures, name=LABEL, kind="known", made="", software="")
    with Case.create(tmp_path / "case", settings=SETTINGS, key=key) as case:
        case.run([ev], lists=[ListFile(learnt)])
        assert not [f for f in case.verify() if not f.expected]
        assert_nothing_in_plain(tmp_path / "case", [*secrets_of(ev), bytes([100]) * 32, bytes([1]) * 32])
        with case._database.writing() as connection:
            connection.exec_driver_sql("UPDATE kept_features SET data = zeroblob(10)")
        assert [f.what for f in case.verify() if "local features" in f.what]
        with case._database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE kept_features")
        assert [f.what for f in case.verify() if "can't be read" in f.what]


def test_without_the_key_it_says_so_and_a_damaged_file_is_told_from_a_wrong_key(
    tmp_path: Path, key: CaseKey
) -> None:
    folder = tmp_path / "case"
    right = CaseKey.from_passphrase("quiet harbour wall 7")
    Case.create(folder, settings=SETTINGS, key=right).close()
    database = folder / "case.db"
    whole = database.read_bytes()
    for wrong in (key, CaseKey.from_passphrase("quiet harbour wall 8")):
        with pytest.raises(CaseLocked, match="this is not its key"):
            Case.open(folder, settings=SETTINGS, key=wrong)
    with pytest.raises(CaseLocked, match="no key was given"):
        Case.open(folder, settings=SETTINGS)
    for at in (0, 20, 4090):
        database.write_bytes(whole[:at] + bytes(b ^ 255 for b in whole[at : at + 8]) + whole[at + 8 :])
        with pytest.raises(CaseDamaged, match="can't be read"):
            Case.open(folder, settings=SETTINGS, key=right)
        with pytest.raises(CaseLocked, match="this is not its key"):
            Case.open(folder, settings=SETTINGS, key=CaseKey.from_passphrase("wrong"))
    database.unlink()
    Case.create(tmp_path / "other", settings=SETTINGS).close()
    database.write_bytes((tmp_path / "other" / "case.db").read_bytes())
    with pytest.raises(CaseDamaged, match="another file was put in its place"):
        Case.open(folder, settings=SETTINGS, key=right)


def test_no_byte_of_the_database_is_altered_unseen(tmp_path: Path, key: CaseKey) -> None:
    folder = tmp_path / "case"
    Case.create(folder, settings=SETTINGS, key=key).close()
    database = folder / "case.db"
    whole, told = database.read_bytes(), 0
    for at in range(4096, len(whole), 4096):
        changed = bytearray(whole)
        changed[at + 700] ^= 1
        database.write_bytes(changed)
        try:
            with Case.open(folder, settings=SETTINGS, key=key) as case:
                faults = [f for f in case.verify() if not f.expected]
        except CaseDamaged:  # a page that opening reads
            continue
        assert faults, at
        told += any(f.where == "pages" for f in faults)
    assert told
    for length in (0, 1, 16, 17, 4095, 4096, 5000):
        database.write_bytes(whole[:length])
        with pytest.raises(CaseDamaged):
            Case.open(folder, settings=SETTINGS, key=key)


def test_pages_torn_by_a_loss_of_power_are_whole_in_the_log(tmp_path: Path, key: CaseKey) -> None:
    folder, later = tmp_path / "case", tmp_path / "later"
    listing = tmp_path / "list.csv"
    listing.write_text("sha256\n" + "".join(f"{n:064x}\n" for n in range(200)), "ascii")
    with Case.create(folder, settings=SETTINGS, key=key) as case:
        case.add_lists([ListFile(listing)])
        shutil.copytree(folder, later)  # as it is on the disk now: not all of the log is in the file
    log = (later / "case.db-wal").read_bytes()
    size = int.from_bytes(log[8:12], "big")
    frames = [log[at : at + 24] for at in range(32, len(log) - size, 24 + size)]
    pages = {int.from_bytes(frame[:4], "big") for frame in frames if frame[8:16] == log[16:24]}
    whole = bytearray((later / "case.db").read_bytes())
    torn = [p for p in sorted(pages) if p * size <= len(whole)]
    assert torn, "some page of the file is in the log"
    for page in torn:
        whole[page * size - 700 : page * size - 600] = bytes(100)
    (later / "case.db").write_bytes(whole)
    with Case.open(later, settings=SETTINGS, key=key) as case:
        assert [f for f in case.verify() if not f.expected] == []
        assert case.lists()[0].entries == 200
    changed = bytearray((later / "case.db").read_bytes())
    changed[-700] ^= 1
    (later / "case.db").write_bytes(changed)
    try:
        with Case.open(later, settings=SETTINGS, key=key) as case:
            faults = [f for f in case.verify() if not f.expected]
    except CaseDamaged:
        return
    assert faults, "settled, its pages count"


@pytest.mark.parametrize(
    "line", ['key_salt = "zz"', 'key_salt = ""', 'key_check = "é"', "key_check = 3", 'key = "\\u001b[31m"']
)
def test_a_strange_case_toml_neither_locks_out_nor_lets_in(line: str, tmp_path: Path, key: CaseKey) -> None:
    folder = tmp_path / "case"
    Case.create(folder, settings=SETTINGS, key=key).close()
    facts, name = (folder / "case.toml").read_text("utf-8").splitlines(), line.split(" = ")[0]
    text = "\n".join(line if fact.startswith(f"{name} = ") else fact for fact in facts)
    (folder / "case.toml").write_text(text + "\n", encoding="utf-8")
    Case.open(folder, settings=SETTINGS, key=key).close()
    with pytest.raises(CaseLocked, match="this is not its key") as e:
        Case.open(folder, settings=SETTINGS, key=CaseKey.from_passphrase("quiet harbour wall 7"))
    assert "\x1b" not in str(e.value)


def test_without_the_extra_it_names_it(tmp_path: Path, key: CaseKey, monkeypatch: pytest.MonkeyPatch) -> None:
    Case.create(tmp_path / "case", settings=SETTINGS, key=key).close()
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    with pytest.raises(UsageError, match=r"not installed.*leadlight\[encryption\]"):
        Case.open(tmp_path / "case", settings=SETTINGS, key=key)
    with pytest.raises(UsageError, match=r"leadlight\[encryption\]"):
        Case.create(tmp_path / "new", settings=SETTINGS, key=key)
    assert not (tmp_path / "new").exists()
    Case.create(tmp_path / "plain", settings=SETTINGS).close()


def test_a_plain_case_is_encrypted_with_all_that_lies_beside_it_and_given_another_key(
    tmp_path: Path, key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearness, "FEW", 10)
    ev, folder, learnt = evidence(tmp_path / "in"), tmp_path / "case", tmp_path / "learnt.features"
    with learnt.open("wb+") as out:
        listing.write(
            out, [listing.Learnt(bytes(32), b"p" * 32, 90, b"")], name="n", kind="known", made="", software=""
        )
    lists = [ListFile(hash_list(tmp_path, ev / f"{NAME}-0.png", more=50)), ListFile(learnt)]
    with Case.create(folder, settings=SETTINGS) as case:
        case.run([ev], lists=lists)
        before = [entry_out(e) for e in case.queue()]
        inodes = {f: (folder / f).stat().st_ino for f in ("case.db",)}
        assert (folder / "lists").exists()
        assert (folder / "features").exists()
        case.encrypt(key)
        assert case.encrypted
        assert [entry_out(e) for e in case.queue()] == before
    assert sorted(f.name for f in folder.iterdir()) == ["case.db", "case.lock", "case.toml"]
    assert (folder / "case.db").stat().st_ino != inodes["case.db"]
    assert_nothing_in_plain(folder, secrets_of(ev))
    second = CaseKey.from_passphrase("quiet harbour wall 7")
    with Case.open(folder, settings=SETTINGS, key=key) as case:
        case.encrypt(second)
        case.rank()
    with pytest.raises(CaseLocked):
        Case.open(folder, settings=SETTINGS, key=key)
    with Case.open(folder, settings=SETTINGS, key=second) as case:
        assert [entry_out(e) for e in case.queue()] == before
        assert not [f for f in case.verify() if not f.expected]
        acts = [a.action for a in case._view.acts()]
        assert acts.count("case.encrypt") == acts.count("case.rekey") == 1
    assert 'key = "passphrase"' in (folder / "case.toml").read_text("utf-8")
    assert_nothing_in_plain(folder, secrets_of(ev))


READER = """
import sys
from leadlight import Case
with Case.open(sys.argv[1]) as case, case._database.reading() as connection:
    connection.exec_driver_sql("SELECT count(*) FROM act").fetchall()
    print("reads", flush=True)
    sys.stdin.read()
"""


class _Pulled(BaseException):
    """The plug."""


@pytest.mark.parametrize("at", ["copied", "link", "write_facts", "settle"])
def test_an_interrupted_change_of_the_key_leaves_the_old_or_the_new(
    at: str, tmp_path: Path, key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    ev, folder = evidence(tmp_path / "in", 2), tmp_path / "case"
    with Case.create(folder, settings=SETTINGS) as case:
        case.run([ev])
        before = [entry_out(e) for e in case.queue()]
        copied = cipher.copied

        def pulled(*args: object) -> None:
            if at == "copied":
                copied(*args)  # type: ignore[arg-type]
            raise _Pulled

        where = {"copied": cipher, "link": keeping_module.os}.get(at, keeping_module)
        with monkeypatch.context() as patch:
            patch.setattr(where, at, pulled)
            patch.setattr(keeping_module, "_clear", lambda folder: None)
            with pytest.raises(_Pulled):
                case.encrypt(key)
    done = at in ("write_facts", "settle")
    assert cipher.is_plain(folder / "case.db") is not done
    assert (folder / (OLD if done else NEW)).exists()
    with Case.open(folder, settings=SETTINGS, key=key if done else None) as case:
        assert [entry_out(e) for e in case.queue()] == before
        case.rank()
        assert not [f for f in case.verify() if not f.expected]
    assert not (folder / OLD).exists()
    assert not (folder / NEW).exists()
    with Case.open(folder, settings=SETTINGS, key=key if done else None) as case:
        assert case.encrypted is done
        case.encrypt(key)
    assert_nothing_in_plain(folder, secrets_of(ev))


def test_a_change_of_the_key_needs_the_case_alone_and_room(
    tmp_path: Path, key: CaseKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "case"
    with Case.create(folder, settings=SETTINGS) as case:
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reads\n"
        with pytest.raises(CaseBusy, match="another process reads"):
            case.encrypt(key)
        assert not case.encrypted
        reader.communicate()
        case.rank()
    with Case.open(folder, settings=SETTINGS) as case:
        driver = cipher.module()

        def full(*args: object, **options: object) -> None:
            raise driver.OperationalError("database or disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(driver, "connect", full)
            with pytest.raises(CaseFull, match="second copy"):
                case.encrypt(key)
        case.rank()
        assert not case.encrypted


def test_what_is_removed_was_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"lantern" * 300_000)
    os.link(path, tmp_path / "same")
    cipher.wipe(path)
    assert not path.exists()
    assert (tmp_path / "same").read_bytes() == bytes(2_100_000)
