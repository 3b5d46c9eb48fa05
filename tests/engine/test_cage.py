"""The cage holds: what a probe within it tries is refused, each layer seen alone, and honest work goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadlight.config import Limits, Settings, load
from leadlight.engine import cage
from leadlight.engine.local import LocalEngine
from leadlight.errors import ConfigError
from leadlight.plugins import registry
from leadlight.records import Act
from leadlight.records.examined import Examined
from tests.evidence import jpeg, png, tarred, zipped

HERE = {layer.name: layer for layer in cage.layers(Settings())}
MIB = 1024 * 1024


def needs(*names: str) -> None:
    for name in names:
        if not HERE[name].active:
            pytest.skip(f"{name}: {HERE[name].words}")


class Probed:
    """A place with evidence and what lies beside it, and what became of each act tried there."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.at: dict[str, dict[str, Any]] = {}
        self.build()
        self.before = self.look()

    def build(self) -> None:
        base = self.base
        for name in ("evidence", "home", "outside", "scratch", "parts"):
            shutil.rmtree(base / name, ignore_errors=True)
            (base / name).mkdir()
        for name in ("a.bin", "c.bin"):
            (base / "evidence" / name).write_bytes(b"evidence")
        (base / "evidence" / "b.png").write_bytes(png(1))
        (base / "outside" / "secret").write_text("secret")
        for name in ("disk.E01", "disk.E02", "diskette.txt"):
            (base / "parts" / name).write_bytes(b"part")

    def look(self) -> dict[str, tuple[bytes, int, int]]:
        return {
            p.relative_to(self.base).as_posix(): (p.read_bytes(), p.stat().st_mode, p.stat().st_mtime_ns)
            for folder in ("evidence", "home", "outside", "parts")
            for p in sorted((self.base / folder).rglob("*"))
            if p.is_file()
        }

    def tried(self, layers: str) -> dict[str, Any]:
        if layers not in self.at:
            self.build()
            with socket.socket() as server, socket.socket(socket.AF_UNIX) as local:
                server.bind(("127.0.0.1", 0))
                server.listen()
                name = f"leadlight-{os.getpid()}-{layers}"
                local.bind("\0" + name)
                local.listen()
                done = subprocess.run(
                    self.command(layers, server.getsockname()[1], name),
                    capture_output=True,
                    env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                    timeout=120,
                )
            assert not done.returncode, done.stderr.decode()
            self.after = self.look()
            self.at[layers] = json.loads(done.stdout)
        return self.at[layers]

    def command(self, layers: str, port: int = 0, abstract: str = "") -> list[str]:
        facts = {
            "evidence": str(self.base / "evidence"),
            "outside": str(self.base / "outside" / "secret"),
            "home": str(self.base / "home"),
            "scratch": str(self.base / "scratch"),
            "first": str(self.base / "parts" / "disk.E01"),
            "part": str(self.base / "parts" / "disk.E02"),
            "port": port,
            "abstract": abstract,
        }
        return [sys.executable, "-m", "tests.engine.caged", json.dumps(facts), layers]


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Probed:
    return Probed(tmp_path_factory.mktemp("cage"))


HONEST = (
    "read evidence",
    "list evidence",
    "thread",
    "spool",
    "named spool",
    "late import",
    "signal to itself",
    "decode",
    "read a neighbour's part",
)
OF_FILES = (
    "write at home",
    "write in evidence",
    "append to evidence",
    "rename evidence",
    "unlink evidence",
    "link evidence out",
    "link",
    "fifo",
    "folder in evidence",
    "read outside",
    "list outside",
    "read passwd",
    "parent's environment",
    "parent's arguments",
    "ptrace parent",
)
OF_FILES_SINCE = {
    3: ("truncate evidence", "open and truncate evidence"),
    4: ("connect", "bind"),
    6: ("abstract socket", "signal parent"),
}
OF_CALLS = (
    "connect",
    "bind",
    "abstract socket",
    "socket pair",
    "truncate evidence",
    "link evidence out",
    "link",
    "mode of evidence",
    "times of evidence",
    "attribute of evidence",
    "fork",
    "exec",
    "ptrace parent",
    "signal parent",
    "nice",
    "memfd",
    "io_uring",
    "shared memory",
    "namespace",
    "mount",
    "become another",
    "type for the terminal",
    "outlive the parent",
    "raise a limit",
)
OF_LIMITS = {"much memory": "MemoryError", "much shared memory": 12, "a great file": 27}


def refused(got: object) -> bool:
    return got in (1, 13, 38, 18, "ValueError")  # EPERM, EACCES, ENOSYS, EXDEV; Python's word for a barred limit


def test_the_probe_can_do_all_that_where_nothing_holds_it(tmp_path: Path) -> None:
    """Else the other tests would prove nothing: uncaged, what needs no rights of its own succeeds."""
    got = Probed(tmp_path).tried("none")
    able = (*HONEST, "write at home", "write in evidence", "append to evidence", "truncate evidence",
            "mode of evidence", "times of evidence", "read outside", "list outside", "fork", "exec", "connect",
            "bind", "socket pair", "signal parent", "memfd", "much memory", "much shared memory", "a great file",
            "parent's arguments", "rename evidence", "unlink evidence", "outlive the parent")  # fmt: skip
    assert {name: got[name] for name in able} == dict.fromkeys(able, "done")


@pytest.mark.parametrize("name", OF_FILES)
def test_landlock_alone_refuses(probed: Probed, name: str) -> None:
    needs(cage.FILES)
    assert refused(probed.tried("files")[name]), name


@pytest.mark.parametrize("since", OF_FILES_SINCE)
def test_landlock_of_later_kernels_alone_refuses(probed: Probed, since: int) -> None:
    needs(cage.FILES)
    abi = cage._native().landlock_abi()
    if abi < since:
        pytest.skip(f"this kernel's landlock is {abi}")
    for name in OF_FILES_SINCE[since]:
        assert refused(probed.tried("files")[name]), name


@pytest.mark.parametrize("name", OF_CALLS)
def test_the_filter_alone_refuses(probed: Probed, name: str) -> None:
    needs(cage.CALLS)
    assert refused(probed.tried("calls")[name]), name


@pytest.mark.parametrize("name", OF_LIMITS)
def test_limits_alone_refuse(probed: Probed, name: str) -> None:
    if sys.platform != "linux":
        pytest.skip("memory is limited on Linux alone")
    got = probed.tried("limits")[name]
    assert got == OF_LIMITS[name], name


@pytest.mark.parametrize("layers", ["all", "files", "calls", "limits"])
def test_honest_work_goes_on(probed: Probed, layers: str) -> None:
    needs(*{"files": (cage.FILES,), "calls": (cage.CALLS,)}.get(layers, ()))
    got = probed.tried(layers)
    assert {name: got[name] for name in HONEST} == dict.fromkeys(HONEST, "done")


def test_all_layers_together_refuse_all(tmp_path: Path) -> None:
    needs(cage.FILES, cage.CALLS)
    place = Probed(tmp_path)
    before = place.before
    got = place.tried("all")
    assert all(layer["active"] for layer in got["layers"].values()), got["layers"]
    assert {name for name in (*OF_FILES, *OF_CALLS) if not refused(got[name])} == set()
    assert {name: got[name] for name in OF_LIMITS} == OF_LIMITS
    assert {k: v[:2] for k, v in place.after.items()} == {k: v[:2] for k, v in before.items()}, (
        "nothing in the evidence, at home or outside has changed"
    )


def test_a_caged_process_ends_with_its_parent(tmp_path: Path) -> None:
    needs(cage.RIGHTS)
    code = "import subprocess,sys,time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    command = [sys.executable, "-c", code, *Probed(tmp_path).command("wait")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.kill(child, 0)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        for _ in range(200):
            if not _runs(child):
                return
            time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("it outlived its parent")


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# -- what is asked of each kernel


def test_what_landlock_is_asked_grows_with_its_version() -> None:
    assert cage.handled(1) == ((1 << 13) - 1, 0, 0)
    assert cage.handled(2)[0] == (1 << 14) - 1
    assert cage.handled(3) == ((1 << 15) - 1, 0, 0)
    assert cage.handled(4) == ((1 << 15) - 1, 3, 0)
    assert cage.handled(5) == ((1 << 16) - 1, 3, 0)
    assert cage.handled(6) == cage.handled(9) == ((1 << 16) - 1, 3, 3)


class Older:
    """A compiled part as an older or barred system has it."""

    LAYOUT = cage.LAYOUT

    def __init__(self, abi: int, filtered: int) -> None:
        self._abi, self._filtered = abi, filtered

    def landlock_abi(self) -> int:
        return self._abi

    def filter_errno(self) -> int:
        return self._filtered


@pytest.mark.parametrize(
    "abi, filtered, words",
    [
        (-38, 0, "needs Linux 5.13"),
        (-95, 0, "not switched on"),
        (-1, 0, "refused here"),
        (1, 0, "without truncating (Linux 6.2), TCP (6.7)"),
        (7, 22, "no seccomp filter (Invalid argument)"),
        (7, 38, "not written for"),
    ],
)
def test_what_can_t_be_had_is_said(abi: int, filtered: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cage, "_native", lambda: Older(abi, filtered))
    monkeypatch.setattr(cage.sys, "platform", "linux")
    layers = cage.layers(Settings())
    assert any(words in layer.words for layer in layers)
    whole = all(layer.active for layer in layers)
    assert whole is (abi == 1)
    if not whole:
        with pytest.raises(ConfigError, match="required"):
            cage.refuse_open(Settings(cage="required"))
    cage.refuse_open(Settings(cage="on"))
    cage.refuse_open(Settings(cage="off"))


def test_off_is_said_too() -> None:
    assert not any(layer.active for layer in cage.layers(Settings(cage="off")))
    infos = cage.listed(registry(), Settings(cage="off")).infos
    assert {i.missing for i in infos if i.kind == "cage"} == {"switched off (cage = off)"}


def test_settings_are_bounded() -> None:
    assert Limits().worker_memory_bytes >= 6 * 1024 * MIB, "a picture of 400 million pixels takes 5.0 GiB"
    with pytest.raises(ConfigError, match="worker_memory_bytes"):
        load({"limits": {"worker_memory_bytes": 1000}}, environ={})
    with pytest.raises(ConfigError, match="cage"):
        load({"cage": "perhaps"}, environ={})


def test_the_newest_scan_says_what_was_closed() -> None:
    infos = cage.listed(registry(), Settings()).infos
    assert cage.as_recorded(infos, ()) == infos
    told = {cage.FILES: {"active": False, "words": "landlock needs Linux 5.13"}}
    act = _act("scan.finish", {"items": 1, "cage": told})
    later = [i for i in cage.as_recorded(infos, (act,)) if i.kind == "cage"]
    assert [(i.name, i.available, i.missing) for i in later] == [(cage.FILES, False, "landlock needs Linux 5.13")]


def _act(action: str, details: dict[str, Any]) -> Act:
    made = object.__new__(Act)
    object.__setattr__(made, "action", action)
    object.__setattr__(made, "details", details)
    return made


# -- whole scans


class Desk:
    """Takes all that is found."""

    def __init__(self) -> None:
        self.claimed: set[str] = set()
        self.contents: dict[str, list[Any]] = {}
        self.places: dict[str, list[Any]] = {}

    def claims(self, sha256s: list[str]) -> list[bool]:
        new = []
        for one in sha256s:
            new.append(one not in self.claimed)
            self.claimed.add(one)
        return new

    def release(self, sha256: str) -> None:
        self.claimed.discard(sha256)

    def take(self, examined: Examined) -> None:
        written = list(examined.records())
        place = (examined.sha256, *written[: len(examined.of_place)])
        self.places.setdefault(examined.item.place.key, []).append(place)
        if examined.of_content is not None:
            self.contents[str(examined.sha256)] = written[len(examined.of_place) :]

    def finish(self, item: object) -> None:
        pass


def scanned(folder: Path, **flags: Any) -> tuple[Desk, dict[str, Any]]:
    desk = Desk()
    root = folder.resolve()
    source = next(s for s in registry().sources if s.name == "folder")
    engine = LocalEngine(load(flags, environ={}), roots=[os.fsencode(root)])

    def items() -> Iterator[Any]:
        for found in source.items(root):
            if isinstance(found, Examined):
                desk.take(found)
            else:
                yield found

    engine.run(items(), desk)
    return desk, engine.caged


def same(folder: Path) -> None:
    free, _ = scanned(folder, cage="off")
    caged, layers = scanned(folder, cage="on")
    assert {name: v["active"] for name, v in layers.items()} == {n: y.active for n, y in HERE.items()}
    assert free.contents
    assert caged.contents == free.contents
    assert {k: sorted(v, key=str) for k, v in caged.places.items()} == {
        k: sorted(v, key=str) for k, v in free.places.items()
    }


def test_findings_are_the_same_with_and_without(tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"{n}.jpg").write_bytes(jpeg(n, exif=True))
        (tmp_path / f"{n}.png").write_bytes(png(n))
    (tmp_path / "in.zip").write_bytes(zipped({"x.tgz": tarred({"y.png": png(9)}), "z.jpg": jpeg(8)}))
    same(tmp_path)


def test_findings_of_the_demo_are_the_same(tmp_path: Path) -> None:
    code, _, words = leadlight(tmp_path, "demo", "demo")
    assert code in (0, 1), words
    same(tmp_path / "demo" / "evidence")


def test_findings_of_public_files_are_the_same(public_files: Path, tmp_path: Path) -> None:
    """One of each kind of name, the smallest; a scan of them all gives the same too, and takes minutes."""
    least: dict[str, Path] = {}
    for path in sorted((public_files / "formats").rglob("*"), key=lambda p: (p.lstat().st_size, p)):
        if path.is_file() and path.stat().st_size > 1000:
            least.setdefault(path.suffix.lower(), path)
    for n, path in enumerate(least.values()):
        shutil.copyfile(path, tmp_path / f"{n}{path.suffix}")
    same(tmp_path)


PLUGIN = """
import os
from leadlight.records import Finding
from leadlight.seams import Cost

class Greedy:
    name, version, extra, requires = "greedy", "1", None, ()
    needs, gives, families = frozenset(), frozenset({"greedy.seen"}), frozenset({"picture"})
    per_place, cost = False, Cost.MODEL

    def examples(self):
        return ()

    def analyse(self, item, content, known):
        data = content.head(1 << 20)
        if b"GREEDY" in data:
            bytearray(3 << 30)
        if b"WRITER" in data:
            open(os.fsdecode(item.place.outer), "ab").close()
        yield Finding(self.name, self.version, "greedy.seen", "Seen.")

PLUGIN = Greedy()
"""


def leadlight(base: Path, *arguments: object, **environment: str) -> tuple[int, Any, str]:
    site = base / "site"
    if not site.exists():
        info = site / "greedy-1.0.dist-info"
        info.mkdir(parents=True)
        (site / "greedy_plugin.py").write_text(PLUGIN)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[leadlight.plugins]\ngreedy = greedy_plugin:PLUGIN\n")
    done = subprocess.run(
        [sys.executable, "-m", "leadlight", *map(str, arguments)],
        capture_output=True,
        cwd=base,
        env={**os.environ, "PYTHONPATH": str(site), **environment},
        timeout=120,
    )
    out = done.stdout.decode()
    return done.returncode, json.loads(out) if out.startswith(("{", "[")) else out, done.stderr.decode()


def test_what_passes_the_memory_limit_costs_one_file(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("memory is limited on Linux alone")
    evidence = tmp_path / "ev"
    evidence.mkdir()
    for n in range(6):
        (evidence / f"{n}.png").write_bytes(png(n))
    (evidence / "3-greedy.jpg").write_bytes(jpeg(1) + b"GREEDY")
    limit = {"LEADLIGHT_LIMITS__WORKER_MEMORY_BYTES": str(1024 * MIB)}
    code, counts, _ = leadlight(tmp_path, "triage", evidence, "--case", tmp_path / "c", "--json", **limit)
    assert code == 1
    assert counts["failures"] == {"memory": 1}
    assert counts["contents"] == 7
    temporary = tmp_path / "t"
    temporary.mkdir()
    code, counts, _ = leadlight(
        tmp_path,
        "triage",
        evidence,
        "--case",
        tmp_path / "d",
        "--json",
        TMPDIR=str(temporary),
        LEADLIGHT_CAGE="off",
    )
    assert (code, counts["failures"]) == (0, {})
    assert list(temporary.iterdir()) == [], "scratch folders are removed"


def test_an_analyser_can_t_write_to_the_evidence(tmp_path: Path) -> None:
    needs(cage.FILES)
    evidence = tmp_path / "ev"
    evidence.mkdir()
    (evidence / "a.jpg").write_bytes(jpeg(1) + b"WRITER")
    _, counts, _ = leadlight(tmp_path, "triage", evidence / "a.jpg", "--case", tmp_path / "c", "--json")
    assert counts["failures"] == {"failed": 1}
    _, counts, _ = leadlight(
        tmp_path, "triage", evidence, "--case", tmp_path / "d", "--json", LEADLIGHT_CAGE="off"
    )
    assert counts["failures"] == {}


def test_no_code_is_loaded_from_the_folder_one_stands_in(tmp_path: Path) -> None:
    """Evidence is often scanned from within: a file there may be named as a library is."""
    (tmp_path / "numpy.py").write_text("import os\nos.mkdir('was-run')\n")
    (tmp_path / "a.png").write_bytes(png(1))
    code = "from leadlight.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "triage", ".", "--case", str(tmp_path.parent / "c"), "--json"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr
    assert not (tmp_path / "was-run").exists()


def test_a_required_cage_refuses_and_an_optional_one_says(tmp_path: Path) -> None:
    evidence = tmp_path / "ev"
    evidence.mkdir()
    (evidence / "a.png").write_bytes(png(1))
    bare = {"LEADLIGHT_TEST_NO_CAGE": "1"}
    if sys.platform == "linux":
        command = ("triage", evidence, "--case", tmp_path / "c")
        code, _, words = leadlight(tmp_path, *command, LEADLIGHT_CAGE="required", **bare)
        assert code == 2
        assert "cage.files" in words
        assert "required" in words
    assert leadlight(tmp_path, "triage", evidence, "--case", tmp_path / "d", "--json", **bare)[0] == 0
    _, infos, _ = leadlight(tmp_path, "plugins", "--json", **bare)
    state = {i["name"]: i for i in infos if i["kind"] == "cage"}
    assert set(state) == set(HERE)
    assert state[cage.LIMITS]["available"]
    assert not state[cage.CALLS]["available"]
    assert state[cage.CALLS]["missing"]
    leadlight(tmp_path, "report", tmp_path / "d", **bare)
    page = (tmp_path / "d" / "report.html").read_text()
    assert cage.CALLS in page
    assert "open files, no core dump" in page


def test_a_required_cage_scans_where_it_can_be_had(tmp_path: Path) -> None:
    needs(*HERE)
    (tmp_path / "a.png").write_bytes(png(1))
    caged = scanned(tmp_path, cage="required")[1]
    assert all(v["active"] for v in caged.values())
