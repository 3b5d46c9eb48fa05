from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadlight.errors import CameraUnusable
from leadlight.sensornoise import camerafile
from leadlight.sensornoise.camerafile import Described, found, opened, write

PATTERN = np.random.default_rng(1).standard_normal((256, 260)).astype(np.float32) * 3e-4
GOOD = Described(
    name="Phone A", width=260, height=256, pictures=("0" * 64, "1f" * 32), agreement=12.5, made="2026-11-22"
)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "a.camera"
    write(path, GOOD, PATTERN)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("camera") / "a.camera"
    write(path, GOOD, PATTERN)
    return path.read_bytes()


def read_all(path: Path) -> np.ndarray:
    camera = opened(path)
    camera.check()
    return camera.pattern()


def test_what_is_written_is_read(kept: Path) -> None:
    camera = opened(kept)
    assert camera.described == GOOD
    camera.check()
    pattern = camera.pattern()
    assert np.corrcoef(pattern.ravel(), PATTERN.ravel())[0, 1] > 0.9999
    assert abs(pattern.mean()) < 1e-3
    assert abs(pattern.std() - 1) < 1e-3
    assert kept.read_bytes()[-32:].hex() == camera.digest
    assert not list(kept.parent.glob("*.part"))


def test_writing_again_gives_the_same_bytes(kept: Path, whole: bytes) -> None:
    assert kept.read_bytes() == whole


ON_FILES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ON_FILES
@given(data=st.data())
def test_a_file_cut_anywhere_is_refused(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "cut.camera"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 700))])
    with pytest.raises(CameraUnusable):
        read_all(path)


@ON_FILES
@given(data=st.data())
def test_a_bit_turned_over_anywhere_is_refused(whole: bytes, tmp_path: Path, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 700))
    changed = bytearray(whole)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "changed.camera"
    path.write_bytes(bytes(changed))
    with pytest.raises(CameraUnusable):
        read_all(path)
    with pytest.raises(CameraUnusable):
        opened(path).pattern()


@ON_FILES
@given(data=st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: camerafile.MAGIC + b))
def test_any_bytes_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "any.camera"
    path.write_bytes(data)
    with pytest.raises(CameraUnusable):
        opened(path)


def test_bytes_behind_the_end_are_refused(kept: Path, whole: bytes) -> None:
    kept.write_bytes(whole + b"\0")
    with pytest.raises(CameraUnusable, match="longer than it says"):
        opened(kept)


def test_a_newer_version_is_named(kept: Path, whole: bytes) -> None:
    kept.write_bytes(whole[:8] + struct.pack("<H", 2) + whole[10:])
    with pytest.raises(CameraUnusable, match=r"version 2.*newer Leadlight"):
        opened(kept)


def test_a_stated_length_is_not_trusted(kept: Path, whole: bytes) -> None:
    kept.write_bytes(whole[:12] + struct.pack("<I", 0xFFFFFFFF) + whole[16:])
    with pytest.raises(CameraUnusable, match="too long"):
        opened(kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 1),
        ("width", 70_000),
        ("width", "260"),
        ("height", True),
        ("name", ""),
        ("name", "two\nlines"),
        ("name", "x" * 200),
        ("pictures", []),
        ("pictures", ["1" * 64, "0" * 64]),
        ("pictures", ["A" * 64]),
        ("pictures", "0" * 64),
        ("agreement", float("nan")),
        ("agreement", True),
        ("agreement", "much"),
        ("made", 3),
        ("more", 1),
    ],
)
def test_a_description_that_cannot_be_is_refused(kept: Path, whole: bytes, field: str, value: object) -> None:
    length = struct.unpack_from("<I", whole, 12)[0]
    described = json.loads(whole[16 : 16 + length])
    text = json.dumps({**described, field: value}).encode()
    kept.write_bytes(whole[:12] + struct.pack("<I", len(text)) + text + whole[16 + length :])
    with pytest.raises(CameraUnusable, match="description"):
        opened(kept)


def test_values_that_are_no_figures_are_refused(kept: Path) -> None:
    with pytest.raises(ValueError, match="no figures"):
        write(kept, GOOD, np.full((256, 260), np.nan, dtype=np.float32))
    with pytest.raises(ValueError, match="flat"):
        write(kept, GOOD, np.zeros((256, 260), dtype=np.float32))
    with pytest.raises(ValueError, match="size"):
        write(kept, GOOD, PATTERN[:, 1:])


def test_a_folder_gives_its_cameras_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / f"{name}.camera", Described(name, 260, 256, ("0" * 64,), 9.0), PATTERN)
    (tmp_path / "note.txt").write_text("no camera")
    assert [c.described.name for c in found(str(tmp_path))] == ["a", "b"]
    assert [c.described.name for c in found(str(tmp_path / "b.camera"))] == ["b"]


def test_a_folder_without_and_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraUnusable, match="holds no file"):
        list(found(str(tmp_path)))
    with pytest.raises(CameraUnusable, match="can't be read"):
        list(found(str(tmp_path / "none.camera")))
