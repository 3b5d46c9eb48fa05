"""The folder source: order, names, links, special files, faults, and evidence that stays as it was."""

from __future__ import annotations

import errno
import os
import socket
import sys
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.errors import EvidenceError, ReadFailed
from leadlight.records import Item
from leadlight.records.examined import Examined
from leadlight.sources import folder
from leadlight.sources.folder import PLUGIN

needs_account = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything"
)


def listed(path: Path) -> list[Item | Examined]:
    return list(PLUGIN.items(path))


def names(path: Path) -> list[bytes]:
    return [i.place.steps[0] for i in listed(path) if isinstance(i, Item)]


def refusals(path: Path) -> dict[bytes, tuple[str, str]]:
    out = {}
    for examined in listed(path):
        if isinstance(examined, Examined):
            assert examined.sha256 is None
            assert examined.of_content is None
            assert examined.item.source == "folder"
            [finding] = examined.of_place
            assert finding.payload["advice"]
            assert finding.statement.isprintable()
            out[examined.item.place.steps[0]] = (finding.payload["reason"], finding.statement)
    return out


def test_files_are_listed_with_size_and_times_in_utc(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"apple")
    os.utime(tmp_path / "a.txt", ns=(1_600_000_000_000_000_000, 1_700_000_000_123_456_000))
    [item] = listed(tmp_path)
    assert isinstance(item, Item)
    assert item.place.root == os.fsencode(tmp_path)
    assert item.place.steps == (b"a.txt",)
    assert item.size == 5
    assert item.times.modified == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
    assert item.times.accessed == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert item.times.changed is not None
    with PLUGIN.open(item) as stream:
        assert stream.seekable()
        assert stream.read() == b"apple"
        stream.seek(2)
        assert stream.read() == b"ple"


def test_order_is_by_bytes_and_depth_first(tmp_path: Path) -> None:
    for name in ("b/2", "b/1/x", "a", "B", "b-", "é", "z/z"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert names(tmp_path) == [b"B", b"a", b"b/1/x", b"b/2", b"b-", b"z/z", "é".encode()]
    assert listed(tmp_path) == listed(tmp_path)


def test_single_file_is_its_own_root(tmp_path: Path) -> None:
    file = tmp_path / "one.bin"
    file.write_bytes(b"pear")
    [item] = listed(file)
    assert isinstance(item, Item)
    assert (item.place.root, item.place.steps) == (os.fsencode(file), ())
    with PLUGIN.open(item) as stream:
        assert stream.read() == b"pear"


def test_detects_folders_and_files_only(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    os.mkfifo(tmp_path / "p")
    assert PLUGIN.detect(tmp_path)
    assert PLUGIN.detect(tmp_path / "f")
    assert not PLUGIN.detect(tmp_path / "p")
    assert not PLUGIN.detect(tmp_path / "missing")


def test_empty_folder_yields_nothing(tmp_path: Path) -> None:
    assert listed(tmp_path) == []


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system there takes UTF-8 only")
def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    raw = b"caf\xe9 \xff\n\x1b[2J.bin"
    with open(os.path.join(os.fsencode(tmp_path), raw), "wb") as out:  # noqa: PTH118, PTH123
        out.write(b"plum")
    [item] = listed(tmp_path)
    assert isinstance(item, Item)
    assert item.place.steps == (raw,)
    assert str(item.place).isprintable()
    with PLUGIN.open(item) as stream:
        assert stream.read() == b"plum"


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "root-beside"
    (root / "d").mkdir(parents=True)
    outside.mkdir()
    (outside / "o").write_bytes(b"other")
    (root / "d" / "f").write_bytes(b"fig")
    (root / "in").symlink_to("d/f")
    (root / "indir").symlink_to("d")
    (root / "d" / "loop").symlink_to("..")
    (root / "self").symlink_to("self")
    (root / "out").symlink_to(outside / "o")
    (root / "outdir").symlink_to("../root-beside")
    (root / "gone").symlink_to("nowhere")
    assert names(root) == [b"d/f"]
    said = refusals(root)
    assert set(said) == {b"self", b"out", b"outdir", b"gone"}
    assert {reason for reason, _ in said.values()} == {"refused"}
    assert "leads out of the evidence" in said[b"out"][1]
    assert "leads out of the evidence" in said[b"outdir"][1]
    assert "leads to nothing" in said[b"gone"][1]


def test_a_named_link_counts_as_its_target(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_bytes(b"fig")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "flink").symlink_to("real/f")
    [item] = listed(tmp_path / "link")
    assert isinstance(item, Item)
    assert item.place.root == os.fsencode(tmp_path / "link")
    [item] = listed(tmp_path / "flink")
    assert isinstance(item, Item)
    with PLUGIN.open(item) as stream:
        assert stream.read() == b"fig"


def test_dots_after_a_link_lead_where_the_system_leads(tmp_path: Path) -> None:
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "far" / "right").write_bytes(b"1")
    (tmp_path / "wrong").write_bytes(b"2")
    (tmp_path / "link").symlink_to("far/deep")
    assert b"right" in names(tmp_path / "link" / "..")
    assert b"wrong" not in names(tmp_path / "link" / "..")


def test_special_files_are_refused_and_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        said = refusals(tmp_path)
    assert {k: v[0] for k, v in said.items()} == {b"pipe": "refused", b"socket": "refused"}
    assert "named pipe" in said[b"pipe"][1]


def test_a_locator_that_can_not_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for bad in (tmp_path / "missing", tmp_path / "pipe", Path("/dev/null"), tmp_path / "nul\0byte"):
        with pytest.raises(EvidenceError) as caught:
            PLUGIN.items(bad)
        assert caught.value.advice
        assert caught.value.subject


@needs_account
def test_without_permission(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "d").mkdir()
    (tmp_path / "f").chmod(0)
    (tmp_path / "d").chmod(0)
    try:
        [item] = [i for i in listed(tmp_path) if isinstance(i, Item)]
        with pytest.raises(ReadFailed):
            PLUGIN.open(item)
        assert refusals(tmp_path)[b"d"][0] == "unreadable"
        with pytest.raises(EvidenceError):
            PLUGIN.items(tmp_path / "d")
        with pytest.raises(EvidenceError):
            PLUGIN.items(tmp_path / "f")
    finally:
        (tmp_path / "d").chmod(0o700)


def test_a_folder_that_can_not_be_listed_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "f").write_bytes(b"x")
    scandir = os.scandir

    def barred(path: bytes):
        if path.endswith(b"bad"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(folder.os, "scandir", barred)
    assert names(tmp_path) == [b"good/f"]
    reason, statement = refusals(tmp_path)[b"bad"]
    assert reason == "unreadable"
    assert "Permission denied" in statement


def test_a_listing_that_breaks_off_keeps_what_it_gave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d").mkdir()
    for n in range(3):
        (tmp_path / "d" / str(n)).write_bytes(b"x")
    scandir = os.scandir

    class Broken:
        def __init__(self, path: bytes) -> None:
            self.entries = scandir(path)
            self.left = 2 if path.endswith(b"d") else 99

        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def __iter__(self) -> Broken:
            return self

        def __next__(self) -> os.DirEntry[bytes]:
            if not self.left:
                raise OSError(errno.EIO, "Input/output error")
            self.left -= 1
            return next(self.entries)

    monkeypatch.setattr(folder.os, "scandir", Broken)
    assert len(names(tmp_path)) == 2
    assert refusals(tmp_path)[b"d"][0] == "unreadable"


def test_a_file_that_turned_into_something_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    (tmp_path / "c").write_bytes(b"x")
    items = [i for i in listed(tmp_path) if isinstance(i, Item)]
    for name in "abc":
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / "a")
    (tmp_path / "b").symlink_to("/etc/hostname")
    for item in items:
        with pytest.raises(ReadFailed) as caught:
            PLUGIN.open(item)
        assert caught.value.advice


def test_times_that_no_calendar_holds() -> None:
    assert folder._when(10**30) is None
    assert folder._when(-1_000_000_000) == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_deep_trees_need_no_recursion(tmp_path: Path) -> None:
    path = tmp_path
    for _ in range(600):
        path = path / "d"
    path.mkdir(parents=True)
    (path / "f").write_bytes(b"x")
    assert names(tmp_path) == [b"d/" * 600 + b"f"]


def test_memory_is_flat_in_the_number_of_files(tmp_path: Path) -> None:
    def peak(folders: int) -> int:
        root = tmp_path / str(folders)
        for n in range(folders):
            (root / str(n)).mkdir(parents=True)
            for m in range(50):
                (root / str(n) / f"file-{m}").write_bytes(b"")
        tracemalloc.start()
        count = sum(1 for _ in PLUGIN.items(root))
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == folders * 50
        return high

    peak(2)
    assert peak(60) < peak(6) + 60_000


def test_evidence_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"quince")
    os.utime(tmp_path / "f", ns=(1_000_000_000_000_000_000, 1_000_000_000_000_000_000))
    before = (tmp_path / "f").stat()
    for item in listed(tmp_path):
        assert isinstance(item, Item)
        with PLUGIN.open(item) as stream:
            stream.read()
    after = (tmp_path / "f").stat()
    for field in ("st_mtime_ns", "st_ctime_ns", "st_size", "st_mode"):
        assert getattr(before, field) == getattr(after, field)
    if hasattr(os, "O_NOATIME"):
        assert before.st_atime_ns == after.st_atime_ns
    assert (tmp_path / "f").read_bytes() == b"quince"


_NAME = st.binary(min_size=1, max_size=12).filter(lambda n: not set(n) & {0, 47} and n not in (b".", b".."))


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system there takes UTF-8 only")
@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.lists(_NAME, min_size=1, max_size=4).map(tuple), st.binary(max_size=50), max_size=12))
def test_every_file_of_a_random_tree_is_found(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[tuple[bytes, ...], bytes]
) -> None:
    root = os.fsencode(tmp_path_factory.mktemp("tree"))
    wanted = {}
    for parts, data in tree.items():
        path = os.path.join(root, *parts)  # noqa: PTH118
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            with open(path, "xb") as out:  # noqa: PTH123
                out.write(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        wanted[b"/".join(parts)] = data
    found = {}
    for item in PLUGIN.items(Path(os.fsdecode(root))):
        assert isinstance(item, Item)
        with PLUGIN.open(item) as stream:
            found[item.place.steps[0]] = stream.read()
        assert item.size == len(found[item.place.steps[0]])
    assert found == wanted
