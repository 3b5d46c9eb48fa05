"""The noise of sensors in a scan: enrolled cameras are named, weights stay bounded, no bytes break it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from leadlight.chart import chart_png, png
from leadlight.config import Settings
from leadlight.detect.sensor import CAPTURE, PLUGIN
from leadlight.errors import CameraUnusable
from leadlight.records import Basis, Finding, Proposition, WeightSource
from leadlight.records import finding as kinds
from leadlight.sensornoise import camerafile
from leadlight.sensornoise.camerafile import Described
from leadlight.sensornoise.compact import compact_in
from tests.conftest import examine_bytes
from tests.sensors import SIZE, enrolled_pattern, shot_by

ON = Settings(sensor="on")


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cameras")
    for seed in (1, 2):
        described = Described(f"Camera {seed}", *SIZE, ("0" * 64,), 100.0)
        camerafile.write(folder / f"{seed}.camera", described, enrolled_pattern(seed))
    return folder


def said_of(data: bytes, settings: Settings) -> list[Finding]:
    found = examine_bytes(data, settings=settings)[0].of_content or ()
    return [f for f in found if f.analyser == PLUGIN.name]


def test_nothing_is_taken_unless_asked_for() -> None:
    assert said_of(png(shot_by(1, 60)), Settings()) == []


def test_the_noise_is_kept_and_weighs_nothing() -> None:
    (found,) = said_of(png(shot_by(1, 60)), ON)
    assert found.kind == kinds.RESIDUE
    assert found.weight is None
    assert (compact_in(found.payload).width, compact_in(found.payload).height) == SIZE


def test_the_camera_that_took_it_is_named_and_no_other(cameras: Path) -> None:
    settings = replace(ON, cameras=str(cameras))
    kept, found = said_of(png(shot_by(2, 60)), settings)
    assert kept.kind == kinds.RESIDUE
    assert found.kind == kinds.SENSOR
    assert found.payload["camera"] == "Camera 2"
    assert found.payload["camera_file"] == next(camerafile.found(str(cameras / "2.camera"))).digest
    assert found.payload["way"] == "unchanged"
    assert found.payload["pce"] > 500
    assert "'taken by the camera Camera 2' rather than 'taken by another camera'" in found.statement
    assert found.weight is not None
    assert found.weight.proposition is Proposition.CAMERA
    assert found.weight.basis is Basis.SENSOR
    assert found.weight.source is WeightSource.MEASURED
    assert found.weight.log10_lr == CAPTURE < found.payload["log10_lr_camera"]


def test_a_reduced_copy_in_jpeg_is_named_too(cameras: Path) -> None:
    out = io.BytesIO()
    Pil.fromarray(shot_by(1, 61)).resize((360, 270), Pil.Resampling.LANCZOS).save(out, "JPEG", quality=92)
    found = [f for f in said_of(out.getvalue(), replace(ON, cameras=str(cameras / "1.camera"))) if f.weight]
    assert [f.payload["way"] for f in found] == ["resized"]


def test_a_picture_by_a_stranger_names_nobody(cameras: Path) -> None:
    found = said_of(png(shot_by(3, 60)), replace(ON, cameras=str(cameras)))
    assert [f.kind for f in found] == [kinds.RESIDUE]


def test_a_picture_that_the_camera_was_enrolled_from_weighs_nothing(cameras: Path, tmp_path: Path) -> None:
    import hashlib

    data = png(shot_by(1, 0))
    own = Described("Own", *SIZE, (hashlib.sha256(data).hexdigest(),), 100.0)
    camerafile.write(tmp_path / "own.camera", own, enrolled_pattern(1))
    found = said_of(data, replace(ON, cameras=str(tmp_path)))[-1]
    assert found.kind == kinds.SENSOR
    assert found.payload["enrolled"] is True
    assert found.weight is None
    assert "from this very picture" in found.statement


@pytest.mark.parametrize(
    "data",
    [
        chart_png(200, 200),
        png(np.full((300, 300, 3), 128, dtype=np.uint8)),
        png(np.full((300, 300, 3), 255, dtype=np.uint8)),
        png(shot_by(1, 60)[:255]),
    ],
    ids=["small", "even", "full", "one pixel short"],
)
def test_what_shows_no_noise_is_left_alone(data: bytes, cameras: Path) -> None:
    assert said_of(data, replace(ON, cameras=str(cameras))) == []


def test_cut_files_are_left_alone() -> None:
    data = io.BytesIO()
    Pil.fromarray(shot_by(1, 60)).save(data, "JPEG", quality=90)
    for length in (len(data.getvalue()) // 2, 700):
        assert not [f for f in said_of(data.getvalue()[:length], ON) if f.kind != kinds.FAILURE]


def test_a_camera_that_cannot_be_used_is_told_before_the_scan(cameras: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.camera"
    data = bytearray((cameras / "1.camera").read_bytes())
    data[-100] ^= 1
    broken.write_bytes(data)
    with pytest.raises(CameraUnusable, match="checksum"):
        PLUGIN.configure(replace(ON, cameras=str(broken)))
    with pytest.raises(CameraUnusable, match="can't be read"):
        PLUGIN.configure(replace(ON, cameras=str(tmp_path / "none")))
    assert PLUGIN.configure(Settings(cameras=str(broken))).analyse is not None


def test_a_camera_that_goes_missing_is_a_failure_not_a_fault(cameras: Path, tmp_path: Path) -> None:
    path = tmp_path / "gone.camera"
    path.write_bytes((cameras / "1.camera").read_bytes())
    analyser = PLUGIN.configure(replace(ON, cameras=str(path)))
    from leadlight.pipeline import failure_of

    camera = next(camerafile.found(str(path)))
    path.unlink()
    with pytest.raises(Exception) as caught:
        analyser._frame(camera)
    assert failure_of(caught.value, "detect.sensor", "1").payload["reason"] == "unreadable"
