"""The index on disk: what it finds as it grows, what it refuses, who reads while one writes."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadlight.errors import CaseBusy, CaseMissing, IndexDamaged, UsageError
from leadlight.radius import WORDS, IndexFile, distances, files, listing, segment, tables, words
from leadlight.radius.kernel import kernel

needs_kernel = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few hashes are enough for segments and tables."""
    monkeypatch.setattr(files, "LARGE", 64)
    monkeypatch.setattr(files, "TAIL_MOST", 96)
    monkeypatch.setattr(tables, "LEAST", 32)
    monkeypatch.setattr(segment, "LEAST", 32)
    monkeypatch.setattr(tables, "worth_probing", lambda *_: True)


def random(count: int, seed: int) -> WORDS:
    return np.random.default_rng(seed).integers(0, 1 << 64, size=(count, 4), dtype=np.uint64)


def found(index: IndexFile, queries: WORDS, radius: words.RADII) -> list[tuple[int, int, int]]:
    return [
        (int(q), int(h), int(d)) for block in index.search(queries, radius) for q, h, d in zip(*block, strict=True)
    ]


def expected(held: dict[int, WORDS], queries: WORDS, radius: int) -> list[tuple[int, int, int]]:
    ids = sorted(held)
    if not ids:
        return []
    apart = distances(queries[:, None], np.array([held[n] for n in ids])[None, :])
    return [(int(q), ids[h], int(apart[q, h])) for q, h in zip(*np.nonzero(apart <= radius), strict=True)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from([0, 1, 7, 40, 70])),
        st.tuples(st.just("remove"), st.integers(0, 200)),
        st.tuples(st.just("merge"), st.booleans()),
        st.tuples(st.just("open"), st.booleans()),
    ),
    max_size=10,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([0, 5, 100]), STEPS, st.booleans(), st.integers(0, 63))
def test_it_finds_what_was_put_in_and_not_taken_out(tmp_path_factory, start, steps, compiled, radius) -> None:
    path = tmp_path_factory.mktemp("radius") / "index"
    pool = random(40, 1)
    pool = np.concatenate((pool, pool ^ np.uint64(1), pool ^ np.array([0, 7, 0, 1 << 60], dtype=np.uint64)))
    rng = np.random.default_rng(start)
    held: dict[int, WORDS] = {}
    given_out = 0
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            patch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
        first = pool[rng.integers(0, len(pool), start)]
        index = IndexFile.create(path, first)
        reader = IndexFile.open(path)
        for step, value in [("append", 0), *steps]:
            if step == "append":
                more = pool[rng.integers(0, len(pool), value)]
                numbers = index.append(more)
                if not given_out:
                    held.update(enumerate(first))
                    given_out = start
                assert numbers == range(given_out, given_out + value)
                held.update(zip(numbers, more, strict=True))
                given_out += value
            elif step == "remove":
                ids = [n for n in (value, value // 2, value // 3) if n < given_out]
                assert index.remove(np.array(ids, dtype=np.int64)) == len(set(ids) & set(held))
                for n in ids:
                    held.pop(n, None)
            elif step == "merge":
                index.merge(whole=value)
                assert not value or len(index.segments) <= 1
            else:
                index.close()
                index = IndexFile.open(path, write=True)
                patch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1" if value else "0")
            assert len(index) == len(reader) == len(held)
            for one in (index, reader):
                assert found(one, pool[:9], radius) == expected(held, pool[:9], radius)
        index.check()
        assert found(reader, pool, 20) == expected(held, pool, 20)
        index.close()
        reader.close()


def test_merging_leaves_large_segments_alone(tmp_path: Path) -> None:
    with IndexFile.create(tmp_path / "x", random(1000, 1)) as index:
        for n in range(3):
            index.append(random(30, n))
            index.merge()
        assert index.segments == (1000, 90)
        kept = (tmp_path / "x" / "segment-2").stat().st_mtime_ns
        index.append(random(100, 9))
        assert index.segments == (1000, 190)
        assert (tmp_path / "x" / "segment-2").stat().st_mtime_ns == kept
        index.append(random(90, 10)[:60])
        index.append(random(60, 11))
        assert index.segments == (1000, 310), "a long tail is merged by itself"
        index.remove(np.arange(0, 500))
        index.merge(whole=True)
        assert index.segments == (810,)
        assert sorted(p.name for p in (tmp_path / "x").iterdir() if "segment" in p.name) == ["segment-8"]


def test_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(CaseMissing):
        IndexFile.open(tmp_path / "none")
    with pytest.raises(CaseMissing):
        IndexFile.open(tmp_path / "none", write=True)
    with IndexFile.create(tmp_path / "x") as index:
        assert found(index, random(2, 1), 31) == []
        with pytest.raises(UsageError):
            IndexFile.create(tmp_path / "x")
        with pytest.raises(CaseBusy):
            IndexFile.open(tmp_path / "x", write=True)
        with pytest.raises(ValueError, match="numbers lie"):
            index.remove(np.array([0]))
        with pytest.raises(ValueError, match="0 to 63"):
            found(index, random(1, 1), 64)
    reader = IndexFile.open(tmp_path / "x")
    for change in (lambda: reader.append(random(1, 1)), lambda: reader.remove(np.array([0])), reader.merge):
        with pytest.raises(UsageError, match="write=True"):
            change()
    reader.close()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with a segment (with tables where there is a kernel), removed numbers and a tail."""
    path = tmp_path_factory.mktemp("built") / "index"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment, "widths_for", lambda _: bytes([16] * 16))
        with IndexFile.create(path, random(2100, 7)) as index:
            index.remove(np.array([5, 6]))
            index.append(random(10, 8))
            index.merge()
            index.append(random(3, 9))
            index.remove(np.array([9]))
    return path


def copy_of(built: Path, to: Path) -> dict[str, Path]:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(built, to)
    return {p.name.split("-")[0]: p for p in sorted(to.iterdir()) if p.name != "lock"}


def look(path: Path) -> None:
    """All that a reader may do first."""
    with IndexFile.open(path) as index:
        found(index, random(20, 8), 31)
        index.check()


def test_every_truncation_is_told(built: Path, tmp_path: Path) -> None:
    for name in ("index", "tail", "removed", "segment"):
        path = copy_of(built, tmp_path / "x")[name]
        whole = path.read_bytes()
        assert look(tmp_path / "x") is None
        step = 64 if len(whole) < 20_000 else max(64, len(whole) // 64 // 400 * 64)
        for size in [*range(0, min(len(whole), 6400), 64), *range(0, len(whole), step), len(whole) - 1]:
            with path.open("r+b") as out:
                out.truncate(size)
            with pytest.raises(IndexDamaged) as error:
                IndexFile.open(tmp_path / "x")
            assert path.name in error.value.subject or "missing" in error.value.what
            assert error.value.advice
            path.write_bytes(whole)


def test_every_flipped_bit_is_told(built: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for name in ("index", "tail", "removed", "segment"):
        path = copy_of(built, tmp_path / "x")[name]
        whole = path.read_bytes()
        some = rng.integers(0, len(whole), 25).tolist() if name == "segment" else range(len(whole))
        for at in [*some, *([*range(90), *range(4060, 4200, 7)] if name == "segment" else [])]:
            raw = bytearray(whole)
            raw[at] ^= 1 << int(rng.integers(0, 8))
            path.write_bytes(raw)
            with pytest.raises(IndexDamaged):
                look(tmp_path / "x")


@pytest.mark.parametrize("name", ["index", "tail", "segment"])
def test_another_version_is_told_as_such(name: str, built: Path, tmp_path: Path) -> None:
    path = copy_of(built, tmp_path / "x")[name]
    raw = bytearray(path.read_bytes())
    if name == "index":
        raw = bytearray(raw.replace(b"radius index 2 ", b"radius index 3 "))
    else:
        struct.pack_into("<I", raw, 8, 3)
    if name == "segment":
        raw[4064:4096] = blake2b(raw[:4064], digest_size=32).digest()
    path.write_bytes(raw)
    with pytest.raises(IndexDamaged, match="version 3"):
        IndexFile.open(tmp_path / "x")


def test_a_missing_file_is_told(built: Path, tmp_path: Path) -> None:
    for name in ("tail", "removed", "segment"):
        path = copy_of(built, tmp_path / "x")[name]
        path.unlink()
        with pytest.raises(IndexDamaged, match="missing") as error:
            IndexFile.open(tmp_path / "x")
        assert path.name in error.value.subject


def test_a_list_that_names_other_files_is_refused_by_their_contents(built: Path, tmp_path: Path) -> None:
    copies = copy_of(built, tmp_path / "x")
    facts = json.loads(copies["index"].read_bytes().split(b"\n", 1)[1])
    facts["segments"] = [(copies["tail"].name, "")]
    listing.publish(tmp_path / "x", facts)
    with pytest.raises(IndexDamaged, match="not a segment"):
        IndexFile.open(tmp_path / "x")


def test_what_a_crash_left_behind_the_tail_is_written_over(built: Path, tmp_path: Path) -> None:
    path = copy_of(built, tmp_path / "x")["tail"]
    with path.open("ab") as out:
        out.write(b"half a record" * 9)
    with IndexFile.open(tmp_path / "x", write=True) as index:
        before = len(index)
        index.append(random(2, 1))
        assert len(index) == before + 2
        index.check()


def test_a_failed_write_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with IndexFile.create(tmp_path / "x", random(100, 1)) as index:
        index.append(random(5, 2))
        before = sorted(p.name for p in (tmp_path / "x").iterdir())

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(segment.os, "fsync", full)
        for change in (index.merge, lambda: index.append(random(5, 3)), lambda: index.append(random(80, 3))):
            with pytest.raises(OSError, match="No space"):
                change()
            assert sorted(p.name for p in (tmp_path / "x").iterdir()) == before
            with IndexFile.open(tmp_path / "x") as reader:
                assert len(reader) == 105
        monkeypatch.undo()
        assert index.append(random(5, 4)) == range(105, 110)
        index.check()


@needs_kernel
def test_a_segment_written_without_the_kernel_is_read_with_it_and_back(tmp_path: Path, monkeypatch) -> None:
    hashes = random(300, 1)
    near = hashes[::7] ^ np.uint64(1 << 40)
    answers = []
    for number, (writing, reading) in enumerate([("1", "0"), ("0", "1"), ("0", "0"), ("1", "1")]):
        monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", writing)
        IndexFile.create(tmp_path / str(number), hashes).close()
        monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", reading)
        many = np.concatenate((near, near))
        with IndexFile.open(tmp_path / str(number)) as index:
            answers.append((found(index, near, 31), found(index, many, 31)))
            index.check()
    assert answers[0][0] == [(n, 7 * n, 4) for n in range(43)]
    assert all(a == answers[0] for a in answers)


WRITER = """
import sys
import time
import numpy as np
from pathlib import Path
from leadlight.radius import IndexFile, files
files.LARGE, files.TAIL_MOST = 400, 300
index = IndexFile.open(Path(sys.argv[1]), write=True)
for n in range(150):
    many = 500 if n % 50 == 49 else 7
    at = np.arange(len(index), len(index) + many, dtype=np.uint64)
    numbers = index.append(np.stack([at * np.uint64(0x9E3779B97F4A7C15)] * 4, axis=1))
    assert numbers.start == int(at[0])
    if n % 20 == 19:
        index.merge(whole=n % 40 == 39)
    time.sleep(0.005)
print(len(index))
"""


def test_readers_see_whole_states_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    IndexFile.create(path).close()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    reader = IndexFile.open(path)
    sizes: list[int] = []

    def value(n: int) -> WORDS:
        return np.full((1, 4), n * 0x9E3779B97F4A7C15 & (2**64 - 1), dtype=np.uint64)

    def ask(until: Callable[[], bool]) -> None:
        while not until():
            size = len(reader)
            sizes.append(size)
            for n in {0, size // 2, size - 1} if size else set[int]():
                assert (0, n, 0) in found(reader, value(n), 3)
            assert not found(reader, value(10**6), 0)
            fresh = IndexFile.open(path)
            assert len(fresh) >= size
            fresh.close()

    ask(lambda: writer.poll() is not None)
    out, _ = writer.communicate()
    assert writer.returncode == 0
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3, "the reader was to look while the writer wrote"
    assert len(reader) == int(out) == 147 * 7 + 3 * 500
    reader.check()
    reader.close()


def test_a_hash_by_its_number_and_the_note(tmp_path: Path) -> None:
    hashes = random(90, 1)
    with IndexFile.create(tmp_path / "x", hashes, note="of list 3") as index:
        index.append(hashes[:5] ^ np.uint64(1))
        asked = np.array([94, 0, 89, 90, 0])
        expected = np.concatenate((hashes, hashes[:5] ^ np.uint64(1)))[asked]
        assert (index.hashes(asked) == expected).all()
        index.remove(np.array([3, 91]))
        index.merge(whole=True)
        assert (index.hashes(asked) == expected).all()
        for gone in (3, 95, -1):
            with pytest.raises(ValueError, match=str(gone)):
                index.hashes(np.array([0, gone]))
    with IndexFile.open(tmp_path / "x") as index:
        assert index.note == "of list 3"


def test_an_index_of_more_than_one_segment_can_hold_is_parted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tables, "MOST", 100)
    hashes = random(250, 1)
    with IndexFile.create(tmp_path / "x", hashes) as index:
        assert index.segments == (100, 100, 50)
        index.append(hashes[:70] ^ np.uint64(1))
        index.merge(whole=True)
        assert index.segments == (100, 100, 100, 20)
        assert found(index, hashes[240:], 0) == [(n, 240 + n, 0) for n in range(10)]
        index.check()


def test_a_segment_of_another_index_is_no_part_of_this_one(built: Path, tmp_path: Path) -> None:
    mine = copy_of(built, tmp_path / "x")["segment"]
    IndexFile.create(tmp_path / "y", random(mine.stat().st_size % 97 + 70, 9)).close()
    shutil.copy(next((tmp_path / "y").glob("segment-*")), mine)
    with pytest.raises(IndexDamaged, match="not the segment that the index names"):
        IndexFile.open(tmp_path / "x")


def test_a_list_that_says_something_else_is_told(tmp_path: Path) -> None:
    IndexFile.create(tmp_path / "x").close()
    for facts in (
        {},
        {"segments": {}},
        [],
        {"segments": [1], "tail": "t", "removed": None, "number": 1, "note": ""},
    ):
        listing.publish(tmp_path / "x", facts)  # type: ignore[arg-type]
        with pytest.raises(IndexDamaged, match="what a list says"):
            IndexFile.open(tmp_path / "x")
