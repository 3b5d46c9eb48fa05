"""Enrolling a camera and looking for it, by the functions and by the commands; and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest
from PIL import Image as Pil

from leadlight.cameras import Compared, compare, enrol
from leadlight.case import Case
from leadlight.chart import png
from leadlight.cli.app import run
from leadlight.config import Settings
from leadlight.errors import CameraUnusable, EvidenceError, UsageError
from leadlight.plugins import registry
from leadlight.records import LinkKind
from leadlight.sensornoise.camerafile import opened
from leadlight.sensornoise.compare import correlation
from leadlight.sensornoise.likelihood import UPPER
from tests.sensors import pictures_by, sensor, shot_by

COMMON = {"settings": Settings(), "plugins": registry()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cameras")


@pytest.fixture(scope="module")
def pictures(folder: Path) -> list[Path]:
    return pictures_by(folder / "a", 1, range(20))


@pytest.fixture(scope="module")
def camera(folder: Path, pictures: list[Path]) -> Path:
    out = folder / "a.camera"
    assert run(["camera", "enrol", "Phone A", *map(str, pictures), "--out", str(out)]) == 0
    return out


def enrol_few(paths: list[Path], out: Path, **more: object) -> object:
    return enrol("Few", paths, out=out, least=2, **COMMON, **more)  # type: ignore[arg-type]


def test_the_file_says_what_was_enrolled(camera: Path, pictures: list[Path]) -> None:
    found = opened(camera)
    assert found.described.name == "Phone A"
    assert (found.described.width, found.described.height) == (400, 300)
    assert len(found.described.pictures) == len(pictures)
    assert found.described.agreement > 50
    assert correlation(found.pattern(), sensor(1)) > 100


def test_its_pictures_are_told_from_others(camera: Path, folder: Path) -> None:
    own, part, other, text, small = (folder / n for n in ("own.png", "part.png", "other.png", "text.txt", "s.png"))
    own.write_bytes(png(shot_by(1, 40)))
    part.write_bytes(png(shot_by(1, 40)[11:291, 20:390]))
    other.write_bytes(png(shot_by(2, 40)))
    text.write_text("a plain line of text\n")
    small.write_bytes(png(shot_by(1, 40)[:200, :200]))
    said = {
        Path(c.path).name: c
        for c in compare(camera, [own, part, other, text, small], **COMMON)  # type: ignore[arg-type]
    }
    assert list(said) == ["own.png", "part.png", "other.png", "text.txt", "s.png"]
    assert said["own.png"].log10_lr == said["part.png"].log10_lr == UPPER
    assert said["other.png"].log10_lr < 0
    assert _found(said["part.png"]).way == "cropped"
    assert (_found(said["part.png"]).left, _found(said["part.png"]).top) == (20, 11)
    for refused, why in (("text.txt", "is no picture"), ("s.png", "fewer than 256 pixels")):
        assert said[refused].found is None
        assert why in said[refused].failure


def _found(one: Compared) -> object:
    assert one.found is not None
    return one.found


def test_a_picture_that_was_enrolled_says_nothing(camera: Path, pictures: list[Path]) -> None:
    (said,) = compare(camera, [pictures[3]], **COMMON)  # type: ignore[arg-type]
    assert said.enrolled
    assert said.log10_lr == 0
    assert "enrolled from this very picture" in said.words


def test_the_command_prints_both_propositions_and_json(
    camera: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, broken = folder / "c-own.png", folder / "c-broken.png"
    own.write_bytes(png(shot_by(1, 41)))
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    capsys.readouterr()
    assert run(["camera", "match", str(camera), str(own), str(broken)]) == 1
    out, _ = capsys.readouterr()
    assert "'taken by the camera Phone A' rather than 'taken by another camera'" in out
    assert "not compared" in out
    assert "Ratios rest on: comparisons" in out
    assert run(["camera", "match", str(camera), str(own), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr()[0])
    assert said["way"] == "unchanged"
    assert said["pce"] > 60
    assert said["log10_lr"] == UPPER
    assert said["failure"] is None


def test_too_few_pictures_are_refused(
    folder: Path, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["camera", "enrol", "Few", *map(str, pictures[:4]), "--out", str(folder / "few.camera")])
    assert code == 2
    assert "has 4 pictures that can be used, and 20 are needed" in capsys.readouterr()[1]
    assert not (folder / "few.camera").exists()


def test_mixed_sizes_are_refused_with_both_named(folder: Path, pictures: list[Path]) -> None:
    upright = folder / "upright.png"
    upright.write_bytes(png(shot_by(1, 42, (300, 400))))
    with pytest.raises(
        CameraUnusable, match=r"upright.png: is 300 × 400 pixels as stored, and .*1-000.png is 400 × 300"
    ):
        enrol_few([*pictures[:2], upright], folder / "mixed.camera")


def test_copies_of_a_picture_count_once(folder: Path, pictures: list[Path]) -> None:
    again, copy = folder / "again.png", folder / "copy.jpg"
    again.write_bytes(pictures[0].read_bytes())
    data = io.BytesIO()
    Pil.open(pictures[1]).save(data, "JPEG", quality=90)
    copy.write_bytes(data.getvalue())
    done = enrol_few([*pictures[:3], again, copy], folder / "copies.camera")
    assert len(opened(folder / "copies.camera").described.pictures) == 3
    assert [line.rpartition(": ")[2] for line in done.left_out] == [
        "the same file again",
        "a near-copy of another",
    ]  # type: ignore[attr-defined]


def test_what_cannot_serve_is_left_out_and_said(folder: Path, pictures: list[Path]) -> None:
    full, text = folder / "full.png", folder / "note.txt"
    pixels = shot_by(1, 43).copy()
    pixels[:, :300] = 255
    full.write_bytes(png(pixels))
    text.write_text("a plain line of text\n")
    done = enrol_few([*pictures[:3], full, text], folder / "left.camera")
    assert len(done.left_out) == 2  # type: ignore[attr-defined]
    assert "full or dark" in done.left_out[0]  # type: ignore[attr-defined]
    assert "is no picture" in done.left_out[1]  # type: ignore[attr-defined]


def test_pictures_that_share_no_pattern_are_refused(folder: Path) -> None:
    strangers = [path for n in range(4) for path in pictures_by(folder / "strangers", 20 + n, range(1))]
    with pytest.raises(CameraUnusable, match="share no pattern"):
        enrol_few(strangers, folder / "strangers.camera")
    assert not (folder / "strangers.camera").exists()


def test_nothing_is_overwritten_or_written_among_the_pictures(
    camera: Path, folder: Path, pictures: list[Path]
) -> None:
    with pytest.raises(UsageError, match="there already"):
        enrol_few(pictures[:2], camera)
    with pytest.raises(UsageError, match="among the pictures"):
        enrol_few(pictures[:2], pictures[0], force=True)
    with pytest.raises(UsageError, match="among the pictures"):
        enrol_few([pictures[0].parent], pictures[0].parent / "new.camera")


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 121, " "])
def test_names_are_printable(name: str, pictures: list[Path], folder: Path) -> None:
    with pytest.raises(UsageError, match="no name"):
        enrol(name, pictures, out=folder / "name.camera", **COMMON)  # type: ignore[arg-type]


def test_a_path_that_is_not_there_is_told(camera: Path, folder: Path) -> None:
    with pytest.raises(EvidenceError):
        list(compare(camera, [folder / "none.png"], **COMMON))  # type: ignore[arg-type]
    with pytest.raises(CameraUnusable):
        list(compare(folder / "none.camera", [], **COMMON))  # type: ignore[arg-type]


def test_a_caged_scan_names_enrolled_cameras_and_links_unknown_ones(
    camera: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = tmp_path / "evidence"
    known = pictures_by(evidence, 1, range(50, 52))
    unknown = pictures_by(evidence, 2, range(50, 53))
    monkeypatch.setenv("LEADLIGHT_CAMERAS", str(camera))
    case = tmp_path / "case"
    assert run(["triage", str(evidence), "--case", str(case), "--sensor", "on", "--jobs", "1", "--json"]) == 0
    capsys.readouterr()
    assert run(["show", str(case), str(known[0]), "--json"]) == 0
    shown = json.loads(capsys.readouterr()[0])
    named = [f for f in shown["findings"] if f["kind"] == "sensor"]
    assert [(f["payload"]["camera"], f["proposition"], f["log10_lr"]) for f in named] == [
        ("Phone A", "camera", 2.0)
    ]
    with Case.open(case) as held:
        links = {link.members: link.statement for link in held.dossier().links if link.kind is LinkKind.SENSOR}

    def digests(paths: list[Path]) -> tuple[str, ...]:
        return tuple(sorted(hashlib.sha256(p.read_bytes()).hexdigest() for p in paths))

    assert set(links) == {digests(known), digests(unknown)}
    statements = sorted(links.values())
    assert any("the enrolled camera Phone A" in s for s in statements)
    assert run(["report", str(case), "--out", str(tmp_path / "report.html")]) == 0
    assert "Same pattern of noise, as of one sensor" in (tmp_path / "report.html").read_text("utf-8")
