"""From pictures that may be kept to a match in a case, by the commands that people use; and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pil

from leadlight import case as case_module
from leadlight import plugins
from leadlight.case import Case, ListFile
from leadlight.cli.app import run
from leadlight.config import Settings
from leadlight.errors import CaseDamaged, ConfigError, UsageError
from leadlight.keypoints import listing
from leadlight.learn import learn
from leadlight.plugins import registry
from leadlight.records import ListKind
from tests.scenes import jpeg, scene

ON = Settings(features="on", jobs=1)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(jpeg(scene(n)))
    (folder / "again.jpg").write_bytes(jpeg(scene(0)))
    Pil.new("RGB", (300, 200), (9, 9, 9)).save(folder / "flat.png")
    (folder / "note.txt").write_text("a plain line of text\n")
    (folder / "broken.jpg").write_bytes(jpeg(scene(9))[:300])
    return folder


@pytest.fixture(scope="module")
def learnt(kept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lists") / "series.features"
    lesson = learn(kept, out, settings=ON, plugins=registry(), name="a series")
    assert (lesson.pictures, lesson.flat, lesson.others, len(lesson.failed)) == (4, 1, 1, 1)
    assert "broken.jpg" in lesson.failed[0]
    return out


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence"
    folder.mkdir()
    (folder / "crop.jpg").write_bytes(jpeg(scene(0).crop((60, 40, 600, 440)), 75))
    (folder / "turned.jpg").write_bytes(jpeg(scene(1).rotate(12), 75))
    (folder / "same.jpg").write_bytes(jpeg(scene(2)))
    (folder / "stranger.jpg").write_bytes(jpeg(scene(50)))
    return folder


def test_learnt_pictures_are_found_in_parts(learnt: Path, evidence: Path, tmp_path: Path, capfd) -> None:
    case = str(tmp_path / "case")
    arguments = ["triage", str(evidence), "--case", case, "--list", str(learnt), "--features", "on", "--json"]
    assert run(arguments) == 0
    assert json.loads(capfd.readouterr().out)["tiers"]["near-known"] == 2
    assert run(["queue", case, "--json"]) == 0
    queue = {Path(e["places"][0]["path"]).name: e for e in json.loads(capfd.readouterr().out)}
    for name in ("crop.jpg", "turned.jpg"):
        assert queue[name]["tier"] == "near-known"
        assert [m["algorithm"] for m in queue[name]["matches"]] == ["features"]
        assert queue[name]["reasons"][0]["text"].startswith("Shows the same picture, or a part of it, as an entry")
    assert queue["same.jpg"]["tier"] == "known"
    assert {m["algorithm"] for m in queue["same.jpg"]["matches"]} == {"sha256", "pdq"}
    assert not queue["stranger.jpg"]["matches"]
    assert run(["verify", case]) == 0


def test_without_the_setting_nothing_of_it_is_done(learnt: Path, evidence: Path, tmp_path: Path) -> None:
    with Case.create(tmp_path / "case", settings=Settings(jobs=1)) as case:
        case.run([evidence], lists=[ListFile(learnt)])
        found = {m.algorithm for e in case.queue() for m in e.standing.matches}
        assert found == {"sha256", "pdq"}


def test_a_list_added_later_is_matched(learnt: Path, evidence: Path, tmp_path: Path) -> None:
    with Case.create(tmp_path / "case", settings=ON) as case:
        case.run([evidence])
    with Case.open(tmp_path / "case", settings=Settings(jobs=1)) as case:
        (info,) = case.add_lists([ListFile(learnt)])
        assert (info.name, info.format, info.kind) == ("a series", "features", ListKind.KNOWN)
        assert sum(m.algorithm == "features" for e in case.queue() for m in e.standing.matches) == 2
        case.remove_list("a series")
        assert not [m for e in case.queue() for m in e.standing.matches]


def test_features_are_taken_later_where_contents_are_examined_again(
    learnt: Path, evidence: Path, tmp_path: Path
) -> None:
    with Case.create(tmp_path / "case", settings=Settings(jobs=1)) as case:
        case.run([evidence], lists=[ListFile(learnt)])
    with Case.open(tmp_path / "case", settings=ON) as case:
        case.run([evidence])
        assert not [m for e in case.queue() for m in e.standing.matches if m.algorithm == "features"]
        case.run([evidence], again=True)
        assert sum(m.algorithm == "features" for e in case.queue() for m in e.standing.matches) == 2


def test_the_list_is_kept_with_the_case_and_an_altered_copy_is_told(
    learnt: Path, evidence: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.features"
    mine.write_bytes(learnt.read_bytes())
    with Case.create(tmp_path / "case", settings=ON) as case:
        case.add_lists([ListFile(mine)])
        mine.unlink()
        case.run([evidence])
        assert not [f for f in case.verify() if not getattr(f, "expected", False)]
        (copy,) = (tmp_path / "case" / listing.FOLDER).iterdir()
        with pytest.raises(UsageError, match="own record"):
            case.export("report", copy, force=True)
        data = bytearray(copy.read_bytes())
        data[500] ^= 1
        copy.write_bytes(data)
        assert any("local features were altered" in f.what for f in case.verify())
        with pytest.raises(CaseDamaged, match="altered"):
            case.add_lists([])
        copy.unlink()
        assert any("can't be read" in f.what for f in case.verify())
        case.add_lists([ListFile(learnt)])
        assert not [f for f in case.verify() if not getattr(f, "expected", False)]


def test_a_broken_list_leaves_no_case_behind(learnt: Path, evidence: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.features"
    broken.write_bytes(learnt.read_bytes()[:-5])
    case = tmp_path / "case"
    arguments = ["triage", str(evidence), "--case", str(case), "--list", str(learnt), "--list", str(broken)]
    assert run(arguments) == 2
    assert not case.exists()


def test_on_without_the_library_is_refused_with_the_cure(monkeypatch, evidence: Path, tmp_path: Path) -> None:
    found = registry()
    infos = tuple(
        replace(i, available=False, missing="cv2 is not installed: pip install 'leadlight[features]'")
        if i.name == "fingerprint.features"
        else i
        for i in found.infos
    )
    analysers = tuple(a for a in found.analysers if a.name != "fingerprint.features")
    without = replace(found, infos=infos, analysers=analysers)
    monkeypatch.setattr(case_module, "registry", lambda: without)
    with pytest.raises(ConfigError, match=r"pip install 'leadlight\[features\]'"):
        Case.create(tmp_path / "case", settings=ON)
    assert not (tmp_path / "case").exists()
    with pytest.raises(ConfigError):
        learn(evidence, tmp_path / "x.features", settings=Settings(), plugins=without)
    with Case.create(tmp_path / "case", settings=Settings(jobs=1)) as case:
        assert case.run([evidence]).counts.contents == 4


def test_the_library_is_named_where_it_is_missing(monkeypatch) -> None:
    from leadlight.fingerprint.features import PLUGIN

    monkeypatch.setattr(plugins, "find_spec", lambda name: None if name == "cv2" else object())
    assert plugins._missing(PLUGIN) == "cv2 is not installed: pip install 'leadlight[features]'"


def test_where_a_list_may_not_be_written(kept: Path, tmp_path: Path, capsys) -> None:
    there = tmp_path / "there"
    there.write_bytes(b"x")
    assert run(["features", "learn", str(kept), "--out", str(there)]) == 2
    assert run(["features", "learn", str(kept), "--out", str(kept / "x.features")]) == 2
    assert there.read_bytes() == b"x"
    assert "never written to" in capsys.readouterr().err
    assert not list(kept.glob("*.features*"))
    with pytest.raises(UsageError):
        learn(kept, tmp_path / "b.features", settings=ON, plugins=registry(), kind=ListKind.BENIGN)
    with pytest.raises(FileNotFoundError):
        learn(kept, tmp_path / "none" / "b.features", settings=ON, plugins=registry())


def test_the_command(kept: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "x.features"
    assert run(["features", "learn", str(kept), "--out", str(out), "--kind", "generated"]) == 1
    said = capsys.readouterr()
    assert "4 pictures" in said.out
    assert "broken.jpg" in said.err
    head = listing.head(out)
    assert (head.kind, head.pictures, head.name) == ("generated", 4, kept.name)
    for learnt in listing.read(out):
        assert len(learnt.sha256) == 32
