"""Opening a case that may only be read, at any path; and asking it for anything at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadlight.records import Answer, Item, Origin, Place, Standing, Tier
from leadlight.records.examined import Examined
from leadlight.store.database import Database
from leadlight.store.queue import Queue
from leadlight.store.ranking import Ranking
from leadlight.store.record import Recorder
from leadlight.store.view import View

READ = """
import os, sys
from pathlib import Path
from leadlight.errors import CaseError
from leadlight.store.check import check_record
from leadlight.store.database import Database
from leadlight.store.queue import Queue
from leadlight.store.record import Recorder
from leadlight.store.view import View

def read(path):
    database = Database.open(path)
    found = [len(list(Queue(database).entries())), View(database).counts()["items"], list(check_record(database))]
    try:
        Recorder(database, "t").act("grade", {})
    except CaseError as e:
        found.append(e.what)
    database.close()
    return found

read(Path(sys.argv[1]))  # what is imported late is imported while the libraries may be read
if os.geteuid() == 0:
    os.setegid(65534)
    os.seteuid(65534)
print(read(Path(os.fsdecode(sys.argv[2]))))
"""


def fill(database: Database) -> None:
    recorder = Recorder(database, "t")
    recorder.act("case.create", {})
    for n in (1, 2):
        item = Item(Place(b"/ev", (b"f\xff/%d.jpg" % n,)), "folder", 1)
        recorder.examined([Examined(item, f"{n:064x}", 1, (), ())], [])
    origin = Origin(Answer.UNDETERMINED, None, "", (), ())
    standing = Standing(Tier.UNDETERMINED, (0.0,), 0.0, origin, (), (), ())
    Ranking(database).replace_queue(lambda subject: standing, lambda s: 3)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other accounts reach (pytest's own are closed to them)."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    case = made / "a case? 100% #1 \udcff"
    case.mkdir()
    yield case
    case.chmod(0o755)
    shutil.rmtree(made)


@pytest.mark.parametrize("log", [False, True], ids=["closed", "with its log"])
def test_a_case_that_may_only_be_read_is_read(folder: Path, tmp_path: Path, log: bool) -> None:
    spare = tmp_path / "spare.db"
    Database.create(spare).close()
    path = folder / "case.db"
    database = Database.create(path)
    fill(database)
    if not log:
        database.close()
    assert (folder / "case.db-wal").exists() == log
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    ran = subprocess.run(
        [sys.executable, "-c", READ, spare, os.fsencode(path)], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == "[2, 2, [], 'may be read here, but not written']"
    assert {f.name: f.read_bytes() for f in folder.iterdir() if f.suffix == ".db"} == {
        "case.db": before["case.db"]
    }
    database.close()


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Database]:
    database = Database.create(tmp_path / "case.db")
    fill(database)
    yield database
    database.close()


def test_a_path_is_found_by_its_bytes_and_by_the_text_that_is_shown(filled: Database) -> None:
    view = View(filled)
    for name in (os.fsdecode(b"/ev/f\xff/1.jpg"), r"/ev/f\xff/1.jpg"):
        assert view.resolve(name, (name,)) == [f"{1:064x}"]
    assert view.resolve("\ud800", ("\ud800", "/ev/\udcfe")) == []
    assert len(view.resolve("0000", ())) == 2


@pytest.mark.parametrize(("top", "count"), [(1, 1), (1 << 62, 2), (1 << 63, 2), (10**40, 2), (-(10**40), 0)])
def test_any_number_may_be_asked_for(filled: Database, top: int, count: int) -> None:
    assert len(list(Queue(filled).entries(top=top))) == count
    assert Queue(filled).links(top) == ()
