"""Known pictures are found by tables or by folders, and nothing is guessed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from leadlight.errors import EvidenceError, UsageError
from leadlight.scoring.corpus import corpus, family_of


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture")


def test_folders_say_kind_and_source(tmp_path: Path) -> None:
    put(tmp_path, "camera/phone a/1.jpg", "camera/phone a/deep/2.jpg", "camera/b/3.jpg", "generated/m/4.png")
    put(tmp_path, "camera/top.jpg", "notes/5.jpg", "camera/b/.hidden.jpg", "camera/b/README.md")
    found = corpus(tmp_path)
    assert [(p.shown, p.generated, p.source) for p in found.pictures] == [
        ("camera/top.jpg", False, "."),
        ("camera/b/3.jpg", False, "b"),
        ("camera/phone a/1.jpg", False, "phone a"),
        ("camera/phone a/deep/2.jpg", False, "phone a"),
        ("generated/m/4.png", True, "m"),
    ]
    assert found.left_out == {"below no folder that is named camera or generated": 1}


def test_a_split_may_stand_above(tmp_path: Path) -> None:
    put(tmp_path, "train/camera/a/1.jpg", "dev/camera/a/2.jpg")
    found = corpus(tmp_path, split="dev")
    assert [p.shown for p in found.pictures] == ["dev/camera/a/2.jpg"]
    assert found.left_out == {"of another split": 1}


def test_one_kind_alone(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/c/2.jpg", "3.jpg")
    found = corpus(tmp_path, generated=True)
    assert [(p.source, p.generated) for p in found.pictures] == [(".", True), ("a", True), ("b", True)]


def table(folder: Path, text: str, name: str = "manifest.csv") -> None:
    (folder / name).write_text(text, "utf-8")


def test_tables_say_it_all(tmp_path: Path) -> None:
    put(tmp_path, "x/1.jpg", "x/2.jpg", "x/3.jpg", "x/4.jpg", "x/9.jpg")
    table(
        tmp_path,
        "path,origin,source,generator_or_camera,split\n"
        'x/1.jpg,camera,one,"Phone 5",train\n'
        'x/2.jpg,generated,two,"Midjourney (2025-26, v7 era)",dev\n'
        "x/3.jpg,altered,three,,dev\n"
        "x/1.jpg,camera,one,,train\n"
        "x/5.jpg,camera,one,,dev\n",
    )
    table(tmp_path, "path,origin,source\nx/4.jpg,Camera,four\n", "more.csv")
    table(tmp_path, "name,count\na,1\n", "other.csv")
    found = corpus(tmp_path)
    assert [(p.shown, p.generated, p.source, p.family, p.split) for p in found.pictures] == [
        ("x/4.jpg", False, "four", "not stated", ""),
        ("x/1.jpg", False, "one", "Phone 5", "train"),
        ("x/2.jpg", True, "two", "Midjourney", "dev"),
    ]
    assert found.left_out == {
        "of another origin than camera or generated": 1,
        "listed twice": 1,
        "listed and not there": 1,
    }
    assert [p.shown for p in corpus(tmp_path, split="dev").pictures] == ["x/2.jpg"]
    assert [p.shown for p in corpus(tmp_path, generated=True).pictures] == ["x/2.jpg"]


def test_a_table_of_one_kind_needs_no_origin(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    table(tmp_path, "path,source\n1.jpg,one\n")
    assert [p.generated for p in corpus(tmp_path, generated=True).pictures] == [True]
    with pytest.raises(UsageError, match="no known pictures"):
        corpus(tmp_path)


def test_tables_elsewhere_name_pictures_by_their_digests(tmp_path: Path) -> None:
    """Whatever the files are called: a manifest that is kept apart from the pictures finds them."""
    folder = tmp_path / "set"
    for name, data in (("x/1.bin", b"one"), ("y/2.jpg", b"two"), ("y/copy.jpg", b"two"), ("3.jpg", b"three")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    one, two, gone = (hashlib.sha256(b).hexdigest() for b in (b"one", b"two", b"gone"))
    head = "source,commit,path,generator_or_camera,sha256,split\n"
    table(tmp_path, f"{head}a/b,c0,p/1.jpg,Phone,{one},dev\na/b,c0,p/9.jpg,,{gone},dev\n", "camera.csv")
    table(tmp_path, f"{head}g/h,c1,../q.jpg,FLUX,{two},train\n", "generated.csv")
    told = [tmp_path / "camera.csv", tmp_path / "generated.csv"]
    found = corpus(folder, tables=told)
    assert [(p.shown, p.generated, p.source, p.family, p.split) for p in found.pictures] == [
        ("x/1.bin", False, "a/b", "Phone", "dev"),
        ("y/2.jpg", True, "g/h", "FLUX", "train"),
    ]
    assert found.left_out == {"there twice": 1, "in no table": 1, "listed and not there": 1}
    assert [p.source for p in corpus(folder, tables=told, split="dev").pictures] == ["a/b"]
    table(tmp_path, "path,source\nx/1.bin,a\n", "other.csv")
    with pytest.raises(UsageError, match="sha256"):
        corpus(folder, tables=[tmp_path / "other.csv"])


@pytest.mark.parametrize("path", ["/etc/passwd", "../1.jpg", "x/../../1.jpg", "", "a\0b"])
def test_no_table_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    table(tmp_path, f"path,origin,source\n{path},camera,one\n")
    with pytest.raises(UsageError, match=r"manifest\.csv line 2"):
        corpus(tmp_path)


def test_a_table_that_states_no_source(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg")
    table(tmp_path, "path,origin,source\n1.jpg,camera,\n")
    with pytest.raises(UsageError, match="source"):
        corpus(tmp_path)


def test_so_many_of_a_source_the_same_each_time(tmp_path: Path) -> None:
    put(tmp_path, *(f"camera/a/{n}.jpg" for n in range(30)), *(f"camera/b/{n}.jpg" for n in range(3)))
    found = corpus(tmp_path, most=5)
    assert [p.source for p in found.pictures] == ["a"] * 5 + ["b"] * 3
    assert corpus(tmp_path, most=5).pictures == found.pictures
    assert [p.shown for p in found.pictures[:5]] != [f"camera/a/{n}.jpg" for n in range(5)]
    assert found.left_out == {"more of a source than asked for": 25}


def test_nothing_to_go_by(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg")
    with pytest.raises(UsageError, match="camera/SOURCE"):
        corpus(tmp_path)
    with pytest.raises(EvidenceError):
        corpus(tmp_path / "absent")


def test_hostile_names_are_safe_to_print(tmp_path: Path) -> None:
    put(tmp_path, "camera/a\x1b[2J/1\u202e.jpg")
    found = corpus(tmp_path).pictures[0]
    assert found.source.isprintable()
    assert found.shown.isprintable()


def test_families() -> None:
    assert family_of("Midjourney (v7)") == "Midjourney"
    assert family_of(" ") == "not stated"
