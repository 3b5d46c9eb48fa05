"""The demo's material is whole and neutral, and triage places each file of it where the guide says."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from leadlight.case import Case, ListFile
from leadlight.cli.demo import run_demo
from leadlight.config import load
from leadlight.demo import DemoMaterial, build
from leadlight.demo.evidence import NEWEST, lake, pieces
from leadlight.demo.signing import make_authority
from leadlight.errors import UsageError
from leadlight.fingerprint.pdq import pdq
from leadlight.plugins import registry
from leadlight.records import Answer, Entry, ListKind

TIERS = {
    "series/lake-camera.jpg": "urgent",
    "camera/harbour.jpg": "urgent",
    "series/pier.jpg": "urgent",
    "archive/backup.zip!/older.tar.gz!/lake-copy.jpg": "near-known",
    "series/lake-small.jpg": "near-known",
    "camera/old-mill.jpg": "possible-victim",
    "camera/orchard.jpg": "possible-victim",
    "camera/island.jpg": "possible-victim",
    "camera/meadow.jpg": "possible-victim",
    "signed/capture.jpg": "possible-victim",
    "signed/changed.jpg": "possible-victim",
    "generators/apple-from-picture.png": "possible-victim",
    "archive/backup.zip!/hills.jpg": "possible-victim",
    "archive/backup.zip!/older.tar.gz!/cove.jpg": "undetermined",
    "broken/locked.zip!/inside.jpg": "undetermined",
    "broken/cut.jpg": "undetermined",
    "broken/notes.txt": "undetermined",
    "screen/notes.png": "undetermined",
    "signed/tampered.jpg": "undetermined",
    "generators/apple.png": "undetermined",
    "generators/bowl.png": "undetermined",
    "generators/hidden.png": "undetermined",
    "generators/label.png": "undetermined",
    "series/lake.jpg": "known",
    "listed/pears.png": "known",
    "signed/generated.jpg": "generated",
    "archive/backup.zip": "set-aside",
    "archive/backup.zip!/older.tar.gz": "set-aside",
    "broken/empty.jpg": "set-aside",
    "broken/locked.zip": "set-aside",
    "system/about.txt": "set-aside",
    "system/button.png": "set-aside",
    "system/dot.png": "set-aside",
}


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> DemoMaterial:
    return build(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def queue(material, tmp_path_factory) -> dict[str, Entry]:
    settings = load({"trust_anchors": str(material.trust_anchors), "jobs": 2}, environ={})
    lists = [ListFile(x.path, format=x.format, name=x.name, kind=ListKind(x.kind)) for x in material.lists]
    with Case.create(tmp_path_factory.mktemp("case") / "demo", settings=settings) as case:
        case.run([material.evidence], lists=lists)
        return {
            str(item.place).removeprefix(f"{material.evidence}/"): entry
            for entry in case.queue()
            for item in entry.places
        }


def test_each_file_stands_where_the_demo_teaches(queue) -> None:
    found = {path: str(entry.standing.tier) for path, entry in queue.items() if not path.startswith("stamped/")}
    assert found == TIERS


def test_a_stamp_by_anyone_does_not_pass_for_generated(queue) -> None:
    standing = queue["stamped/valley.jpg"].standing
    assert standing.tier == "possible-victim", "the stamp takes nothing away"
    assert standing.origin.answer is not Answer.GENERATED


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("signed/capture.jpg", Answer.CAMERA),
        ("signed/generated.jpg", Answer.GENERATED),
        ("signed/changed.jpg", Answer.ALTERED),
        ("signed/tampered.jpg", Answer.UNDETERMINED),
        ("generators/apple-from-picture.png", Answer.ALTERED),
    ],
)
def test_origin(queue, path, answer) -> None:
    assert queue[path].standing.origin.answer is answer


def test_reasons_name_what_the_guide_teaches(queue) -> None:
    def said(path: str) -> str:
        return " ".join(r.text for r in queue[path].standing.reasons)

    assert "same camera, by serial number" in said("camera/harbour.jpg")
    assert "with a match" in said("series/pier.jpg")
    assert {f.reason for f in queue["broken/cut.jpg"].standing.failures} == {"undecodable"}
    assert {f.reason for f in queue["broken/locked.zip!/inside.jpg"].standing.failures} == {"encrypted"}


def test_findings_of_single_files(examine, material) -> None:
    def kinds_of(path: str) -> Counter[str]:
        return Counter(f.analyser for f in examine((material.evidence / path).read_bytes(), path))

    def consistency(path: str) -> list[str]:
        found = examine((material.evidence / path).read_bytes(), path)
        return [f.kind for f in found if f.analyser == "provenance.consistency"]

    assert consistency("camera/meadow.jpg") == ["provenance.contradiction"], "the thumbnail shows another picture"
    assert consistency("camera/harbour.jpg") == ["provenance.agreement"], "the thumbnail shows the same picture"
    assert kinds_of("generators/hidden.png")["provenance.stealth"] == 1
    place = next(
        f.payload["gps"]
        for f in examine((material.evidence / "camera/island.jpg").read_bytes())
        if f.analyser == "provenance.camera"
    )
    assert (place["lat"], place["lon"]) == (36.2, -38.4)


def test_pictures_open_and_are_rich_enough_to_match(material) -> None:
    opened = 0
    for path in sorted(material.evidence.rglob("*")):
        if path.suffix not in (".jpg", ".png") or path.name in ("cut.jpg", "empty.jpg"):
            continue
        with Image.open(path) as image:
            image.load()
            assert image.width >= 24
        opened += 1
    assert opened >= 20
    assert pdq(lake())[1] == 100


def test_different_scenes_are_no_near_copies(examine, material) -> None:
    """Else the groups of the demo would teach something false."""
    values: dict[str, int] = {}
    for path in (*material.evidence.glob("camera/*"), *material.evidence.glob("signed/*")):
        found = [f for f in examine(path.read_bytes()) if f.payload.get("algorithm") == "pdq"]
        assert found[0].payload["quality"] == 100
        values[path.name] = int(found[0].payload["value"], 16)
    names = sorted(values)
    assert all((values[a] ^ values[b]).bit_count() > 40 for a in names for b in names if a < b)


def test_lists_load(material) -> None:
    readers = registry()
    for given in material.lists:
        reader = readers.format(given.format)
        assert reader.detect(given.path)
        assert list(reader.entries(given.path))
    assert [x.kind for x in material.lists] == ["known", "generated", "benign"]


def test_paths_that_other_pages_name(material) -> None:
    folder = material.evidence.parent
    assert material.evidence == folder / "evidence"
    assert (folder / "lists" / "reference.csv").is_file()
    assert (folder / "evidence" / "camera" / "harbour.jpg").is_file()
    assert material.trust_anchors == folder / "trust" / "anchors.pem"


def test_guide_names_every_file(material) -> None:
    told = {line.split()[0] for line in material.guide}
    files = {str(p.relative_to(material.evidence)) for p in material.evidence.rglob("*") if p.is_file()}
    assert told == files
    assert all(line.isprintable() and len(line) <= 112 for line in material.guide)


def test_same_bytes_each_time_but_for_signatures(material) -> None:
    for piece in pieces(make_authority("Another Signer")):
        path = material.evidence / piece.path
        assert (path.read_bytes() == piece.data) is not piece.signed, piece.path
        assert path.stat().st_mtime == piece.modified.timestamp() <= NEWEST.timestamp()


def test_no_key_is_written(material) -> None:
    folder = material.evidence.parent
    assert not [p for p in folder.rglob("*") if p.is_file() and re.search(rb"PRIVATE KEY", p.read_bytes())]


def test_small(material) -> None:
    assert sum(p.stat().st_size for p in material.evidence.rglob("*")) < 15_000_000


def test_never_built_over_something(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(UsageError, match="not empty"):
        build(tmp_path)
    with pytest.raises(UsageError):
        run_demo(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="can't be written"):
        build(tmp_path / "file" / "below")


def test_the_command(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("LEADLIGHT_JOBS", "2")
    assert run_demo(tmp_path / "demo") == 0
    out = capsys.readouterr().out
    for tier in set(TIERS.values()):
        assert re.search(rf"^ *\d+  {tier} ", out, re.MULTILINE), "an entry of each tier, with its reasons"
    assert "camera/harbour.jpg" in out
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000


def test_a_truncated_picture_is_truncated(material) -> None:
    data = (material.evidence / "broken" / "cut.jpg").read_bytes()
    with Image.open(io.BytesIO(data)) as image, pytest.raises(OSError, match="truncated"):
        image.load()
