"""The quick form of `make torture`: a few of each fault. The seed is printed; LEADLIGHT_TEST_SEED sets it."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from torture.disks import full, together
from torture.hostile import hostile, mutated
from torture.kills import kills, undisturbed
from torture.material import bench
from torture.outcome import Outcome, table
from torture.planted import planted
from torture.power import SECTOR, Disk, Step, power, steps
from torture.scans import Bench, NoCompiler, Whole, shim
from torture.shapes import shapes


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    seed = int(os.environ.get("LEADLIGHT_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"LEADLIGHT_TEST_SEED={seed}")
    return random.Random(f"{seed} {request.node.name}")


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    home = tmp_path_factory.mktemp("torture")
    try:
        shim(home)
    except NoCompiler as e:
        pytest.skip(str(e))
    return bench(home, 30)


@pytest.fixture(scope="module")
def whole(on: Bench) -> Whole:
    return undisturbed(on)


def held(outcomes: Sequence[Outcome]) -> None:
    assert all(o.whole for o in outcomes), (
        table(outcomes, 0) + "\n" + "\n".join(f for o in outcomes for f in o.faults)
    )


def test_killed_and_resumed(on: Bench, whole: Whole, rng: random.Random) -> None:
    held(kills(on, whole, count=2, rng=rng))


def test_power_lost_and_resumed(on: Bench, whole: Whole, rng: random.Random) -> None:
    held(power(on, whole, count=15, resumed=1, rng=rng, scans=2))


def test_disk_full_and_two_at_once(on: Bench, whole: Whole, rng: random.Random) -> None:
    held([*full(on, whole, count=1, rng=rng), *together(on, whole, count=1, rng=rng)])


def test_changes_planted_in_the_record(on: Bench, rng: random.Random) -> None:
    held(planted(on, count=25, rng=rng))


def test_hostile_files(on: Bench, rng: random.Random) -> None:
    held(hostile(on, count=90, rng=rng))


# -- the tools themselves


def test_what_was_not_synced_may_be_lost_and_what_was_is_not(tmp_path: Path) -> None:
    old, new = b"a" * 4 * SECTOR, b"b" * 4 * SECTOR
    disk = Disk(Path("/disk"))
    for step in (
        Step("M", 0, 0, b"/disk/case", b""),
        Step("C", 7, 0, b"/disk/case/file", b""),
        Step("W", 7, 0, old, b""),
        Step("S", 7, 0, b"", b""),
        Step("D", 0, 0, b"/disk/case", b""),
        Step("D", 0, 0, b"/disk", b""),
        Step("W", 7, 0, new, b""),
        Step("R", 0, 0, b"/disk/case", b"/disk/other"),
    ):
        disk.play(step)
    disk.write(tmp_path / "clean")
    assert (tmp_path / "clean" / "other" / "file").read_bytes() == new
    seen = set()
    for seed in range(60):
        out = tmp_path / str(seed)
        disk.write(out, random.Random(seed))
        (folder,) = out.iterdir()
        data = (folder / "file").read_bytes()
        parts = {data[n : n + SECTOR] for n in range(0, len(data), SECTOR)}
        assert len(data) == len(old)
        assert parts <= {old[:SECTOR], new[:SECTOR]}
        seen.add((folder.name, len(parts) > 1, data == new, data == old))
    assert {name for name, *_ in seen} == {"case", "other"}
    assert any(torn for _, torn, _, _ in seen)
    assert any(kept for _, _, kept, _ in seen)
    assert any(lost for *_, lost in seen)


def test_the_log_is_read_to_its_last_whole_line(tmp_path: Path) -> None:
    head = struct.pack("<cIIIQQ4x", b"W", 1, 3, 0, 9, 512)
    (tmp_path / "log").write_bytes(head + b"abc" + head + b"ab")
    assert list(steps(tmp_path / "log")) == [Step("W", 9, 512, b"abc", b"")]


def test_shapes_and_mutations_are_many_and_the_same_every_time() -> None:
    made = dict(shapes())
    assert len(made) > 250
    assert len(set(made.values())) > 0.9 * len(made)
    assert max(map(len, made.values())) < 8 << 20
    data, other = os.urandom(1000), os.urandom(1000)
    one, again = ([mutated(data, other, random.Random(n)) for n in range(50)] for _ in range(2))
    assert one == again
    assert len(set(one)) > 40
    assert data not in one
