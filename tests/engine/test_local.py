"""Worker processes that crash, hang or lose their plugin cost one file a Failure, and nothing else."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from leadlight.config import Settings
from leadlight.engine import local
from leadlight.engine.local import LocalEngine
from leadlight.records import Item
from leadlight.records.examined import Examined
from leadlight.sources.folder import PLUGIN as FOLDER
from tests.evidence import jpeg, png, tarred, zipped

PLUGIN = """
import os, signal, time
from leadlight.records import Finding
from leadlight.seams import Cost

class Hostile:
    name, version, extra, requires = "hostile", "1", None, ()
    needs, gives, families = frozenset(), frozenset({"hostile.seen"}), frozenset({"picture"})
    per_place, cost = False, Cost.MODEL

    def examples(self):
        return ()

    def analyse(self, item, content, known):
        data = content.head(1 << 20)
        with open(os.environ["HOSTILE_LOG"], "a") as log:
            log.write(content.sha256 + "\\n")
        if b"CRASH" in data:
            os.kill(os.getpid(), signal.SIGSEGV)
        if b"HANG" in data:
            time.sleep(600)
        yield Finding(self.name, self.version, "hostile.seen", "Seen.")

PLUGIN = Hostile()
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    info = folder / "hostile-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "hostile_plugin.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[leadlight.plugins]\nhostile = hostile_plugin:PLUGIN\n")
    return folder


def leadlight(site: Path, tmp_path: Path, *arguments: object, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "leadlight", *map(str, arguments)],
        capture_output=True,
        env={
            **os.environ,
            "PYTHONPATH": str(site),
            "HOSTILE_LOG": str(tmp_path / "log"),
            "LEADLIGHT_CAGE": "off",  # the plugin writes that log
            "LEADLIGHT_LIMITS__SECONDS": "3",
            **environment,
        },
        timeout=120,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith((b"[", b"{")) else done.stdout


def test_a_crash_and_a_hang_cost_one_file_each(site: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "ev"
    evidence.mkdir()
    for n in range(40):
        (evidence / f"{n:02d}.png").write_bytes(png(n))
    (evidence / "07-crash.jpg").write_bytes(jpeg(1) + b"CRASH")
    (evidence / "21-hang.jpg").write_bytes(jpeg(2) + b"HANG")
    (evidence / "30-in.zip").write_bytes(
        zipped(
            {"a.jpg": jpeg(3), "b.jpg": jpeg(4) + b"CRASH", "c.tgz": tarred({"d.png": png(200)}), "e.jpg": jpeg(5)}
        )
    )
    code, counts = leadlight(site, tmp_path, "triage", evidence, "--case", tmp_path / "c", "--json", "--jobs", 2)
    assert code == 1
    assert counts["failures"] == {"crashed": 2, "timeout": 1}
    assert counts["items"] == 40 + 3 + 5
    _, entries = leadlight(site, tmp_path, "queue", tmp_path / "c", "--json")
    paths = {p["path"].rsplit("/", 1)[-1]: e for e in entries for p in e["places"]}
    assert {"a.jpg", "b.jpg", "d.png", "e.jpg", "07-crash.jpg", "21-hang.jpg"} <= set(paths)
    for name in ("07-crash.jpg", "21-hang.jpg", "b.jpg"):
        assert paths[name]["tier"] == "undetermined"
        assert paths[name]["failures"][0]["advice"]
    assert "signal 11" in paths["b.jpg"]["failures"][0]["text"]
    examined = (tmp_path / "log").read_text().split()
    harmless = [x for x in examined if examined.count(x) > 1]
    assert len(set(harmless)) == 3, "only what crashed or hung was examined twice"
    assert leadlight(site, tmp_path, "verify", tmp_path / "c")[0] == 0


def test_origin_reads_hostile_files_in_a_process_of_their_own(site: Path, tmp_path: Path) -> None:
    crash, hang, sound = (tmp_path / n for n in ("crash.jpg", "hang.jpg", "sound.jpg"))
    crash.write_bytes(jpeg(1) + b"CRASH")
    hang.write_bytes(jpeg(2) + b"HANG")
    sound.write_bytes(jpeg(3))
    pack = tmp_path / "pack.zip"
    pack.write_bytes(zipped({"in.jpg": jpeg(4) + b"CRASH"}))
    code, said = leadlight(site, tmp_path, "origin", crash, sound, hang, pack, sound, "--json", LEADLIGHT_JOBS="2")
    assert code == 1
    assert [Path(s["path"]) for s in said] == [crash, sound, hang, pack, sound]
    failed = [[f["payload"]["reason"] for f in s["findings"] if f["kind"] == "failure"] for s in said]
    assert failed == [["crashed"], [], ["timeout"], [], []]
    seen = [any(f["kind"] == "hostile.seen" for f in s["findings"]) for s in said]
    assert seen == [False, True, False, False, True]
    assert all(s["sha256"] for s in said)
    assert said[1] == said[4], "the same file named twice says the same"


def test_a_third_party_plugin_is_found_and_a_broken_one_is_named(site: Path, tmp_path: Path) -> None:
    _, infos = leadlight(site, tmp_path, "plugins", "--json")
    assert any(i["name"] == "hostile" and i["available"] for i in infos)
    (site / "hostile_plugin.py").write_text("import no_such_library\n")
    _, infos = leadlight(site, tmp_path, "plugins", "--json")
    broken = next(i for i in infos if i["name"] == "hostile")
    assert not broken["available"]
    assert "no_such_library" in broken["missing"]
    (tmp_path / "ev").mkdir()
    (tmp_path / "ev" / "a.png").write_bytes(png(1))
    assert leadlight(site, tmp_path, "triage", tmp_path / "ev", "--case", tmp_path / "c", "--json")[0] == 0


def test_identical_content_is_examined_once(site: Path, tmp_path: Path) -> None:
    evidence = tmp_path / "ev"
    evidence.mkdir()
    for n in range(60):
        (evidence / f"{n:02d}.png").write_bytes(png(n % 3, side=64))
    (evidence / "all.zip").write_bytes(zipped({f"{n}.png": png(n % 3, side=64) for n in range(9)}))
    _, counts = leadlight(site, tmp_path, "triage", evidence, "--case", tmp_path / "c", "--json", "--jobs", 3)
    assert (counts["items"], counts["contents"]) == (70, 4)
    examined = (tmp_path / "log").read_text().split()
    assert sorted(examined) == sorted(set(examined))
    assert len(examined) == 3, "the archive itself is no picture"


class Counting:
    """A desk that counts what it is given."""

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        self.in_flight: set[str] = set()
        self.contents: Counter[str] = Counter()
        self.places: set[str] = set()
        self.failed: list[str] = []
        self.finished: Counter[str] = Counter()
        self._after = after

    def claims(self, sha256s: Sequence[str]) -> list[bool]:
        granted = []
        for sha256 in sha256s:
            granted.append(sha256 not in self.in_flight and not self.contents[sha256])
            self.in_flight.add(sha256)
        return granted

    def release(self, sha256: str) -> None:
        self.in_flight.discard(sha256)

    def take(self, examined: Examined) -> None:
        if examined.of_content is not None and examined.sha256 is not None:
            self.contents[examined.sha256] += 1
        self.places.add(str(examined.item.place))
        self.failed += [f.statement for f in examined.findings if f.kind == "failure"]
        self._after()

    def finish(self, item: Item) -> None:
        self.finished[item.place.key] += 1
        self._after()


def files_of(evidence: Path) -> Iterator[Item]:
    for found in FOLDER.items(evidence):
        assert isinstance(found, Item)
        yield found


def test_workers_killed_with_batches_in_flight_lose_no_file_and_examine_none_twice(tmp_path: Path) -> None:
    for n in range(150):
        (tmp_path / f"{n:03d}.png").write_bytes(png(n % 120, side=24))
    for n in range(8):
        inner = zipped({f"{m}.txt": b"inner %d %d" % (n, m) for m in range(4)})
        members = {f"{m}.txt": b"member %d of %d" % (m, n) for m in range(6)}
        (tmp_path / f"{n}.zip").write_bytes(zipped({**members, "in.zip": inner}))
    whole = Counting()
    LocalEngine(Settings(jobs=2)).run(files_of(tmp_path), whole)
    assert len(whole.places) == 150 + 8 * 12
    assert not whole.failed
    seed = int(os.environ.get("LEADLIGHT_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    engine = LocalEngine(Settings(jobs=2))
    kills = 0

    def maybe_kill() -> None:
        nonlocal kills
        if kills >= 6 or rng.random() > 0.05:
            return
        seat = rng.choice(list(engine._seats.values()))
        if not seat.given or seat.process.poll() is not None:
            return
        item, claimed = seat.at()
        if {item.place.key, claimed} & set(engine._strikes) or engine._again:
            return
        seat.process.kill()
        kills += 1

    killed = Counting(maybe_kill)
    engine.run(files_of(tmp_path), killed)
    assert kills
    assert killed.places == whole.places
    assert killed.finished == whole.finished
    assert set(killed.finished.values()) == {1}
    assert killed.contents == whole.contents
    assert set(killed.contents.values()) == {1}
    assert killed.in_flight == set(killed.contents)


def test_a_worker_that_talks_nonsense_counts_as_crashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        (tmp_path / f"{n}.txt").write_bytes(b"text %d" % n)
    heeded = local.examined_in

    def odd(value: dict[str, Any], item: Item) -> Examined:
        if item.place.name == b"1.txt":
            value["written"] = [["{}", None]]
        return heeded(value, item)

    monkeypatch.setattr(local, "examined_in", odd)
    desk = Counting()
    LocalEngine(Settings(jobs=1)).run(files_of(tmp_path), desk)
    assert len(desk.places) == len(desk.finished) == 3
    assert len(desk.contents) == 3
    assert set(desk.contents.values()) == {1}
    assert desk.failed
    assert all("twice" in f for f in desk.failed)
