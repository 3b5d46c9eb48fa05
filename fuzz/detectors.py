"""What detectors read beside pictures: cards, files of cameras, noise as findings hold it, tables of pictures."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np

from fuzz.records import JSON, TOML
from fuzz.target import Target, scratch
from leadlight.errors import CameraUnusable, ConfigError, EvidenceError, UsageError
from leadlight.scoring import card, corpus, crops
from leadlight.scoring.shelf import shipped_cards
from leadlight.sensornoise import camerafile, compact

HEAD, DIGEST = 16, 32


def model_card(data: bytes) -> None:
    made = card.parse(data.decode("utf-8", "replace"), "card")
    assert card.parse(made.text(), "card") == made
    for one in made.calibration:
        for raw in (-1e6, -1.0, 0.0, 1.0, 1e6):
            assert one.lower <= one.log10_lr(raw) <= one.upper


def _cards() -> tuple[bytes, ...]:
    least = 'name = "a"\nversion = "1"\ntitle = "t"\nlicence = "MIT"\nsource = "s"\nsummary = "s"\n'
    curve = (
        '[[calibration]]\nname = "c"\nsize = 10\nsources = 2\ndate = "2026-01-01"\nstate = "any"\n'
        'method = "logistic"\nknots = [[-1.0, -1.0], [1.0, 1.0]]\nlower = -1.0\nupper = 1.0\n'
    )
    return (*(c.text().encode() for c in shipped_cards()), (least + curve).encode())


def camera_file(data: bytes) -> None:
    """As it comes, and with its length and checksum made right, so that what lies behind them is reached too."""
    path = scratch() / "one.camera"
    for written in (data, _mended(data)):
        path.write_bytes(written)
        try:
            camera = camerafile.opened(path)
            camera.check()
            pattern = camera.pattern()
        except CameraUnusable:
            if written is not data:
                raise
            continue
        assert pattern.shape == (camera.described.height, camera.described.width)
        assert np.isfinite(pattern).all()


def _mended(data: bytes) -> bytes:
    text = data[HEAD : HEAD + int.from_bytes(data[12:16], "little")]
    try:
        values = json.loads(text)
        size = 2 * values["width"] * values["height"]
    except (ValueError, KeyError, TypeError, RecursionError):
        size = 0
    size = size if isinstance(size, int) and 0 <= size < 1 << 20 else 0
    body = data[: HEAD + len(text)] + data[HEAD + len(text) : -DIGEST].ljust(size, b"\0")[:size]
    return body + hashlib.sha256(body).digest()


def _cameras() -> tuple[bytes, ...]:
    path = scratch() / "seed.camera"
    said = camerafile.Described("lab", 256, 256, ("0" * 64, "1" * 64), 40.0, "2026-01-01T00:00:00+00:00", "1")
    camerafile.write(path, said, np.tile(np.arange(-128, 128, dtype=np.float32), (256, 1)))
    # The pattern is left out, which `camera_file` fills up: inputs stay short, and describe more than they hold.
    whole = path.read_bytes()
    return (whole[: HEAD + int.from_bytes(whole[12:16], "little")] + b"\0" * DIGEST,)


def noise(data: bytes) -> None:
    values = json.loads(data)
    held = compact.compact_in(values if isinstance(values, dict) else {})
    assert len(held.bits) == math.ceil(held.samples / 8)
    assert compact.compact_in(compact.payload_of(held)) == held


def _noise() -> tuple[bytes, ...]:
    plane = np.sin(np.arange(256 * 256, dtype=np.float32)).reshape(256, 256)
    return (json.dumps(compact.payload_of(compact.compacted(plane))).encode(),)


def pictures_table(data: bytes) -> None:
    folder = scratch() / "pictures"
    folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(b"a")
    (folder / "manifest.csv").write_bytes(data)
    found = corpus.corpus(folder)
    assert all(p.path.is_relative_to(folder) for p in found.pictures)
    assert all(p.shown.isprintable() and p.source.isprintable() for p in found.pictures)


def patches(data: bytes) -> None:
    """Side, count and shape of the first bytes, pixels of the rest."""
    if len(data) < 5:
        return
    side, count, width = 8 + data[0] % 24, 1 + data[1] % 16, 1 + data[2] % 96
    height = (len(data) - 3) // (3 * width)
    pixels = np.frombuffer(data[3 : 3 + 3 * width * height], np.uint8).reshape(height, width, 3)
    places = crops.places(pixels, side=side, count=count)
    assert len(set(places)) == len(places) <= count
    assert all(p.top % 8 == p.left % 8 == 0 for p in places)
    assert crops.crops(pixels, side=side, count=count).shape == (len(places), side, side, 3)
    assert bool(places) == (min(height, width) >= side)


TARGETS = {
    "model-card": Target(model_card, _cards, refused=(ConfigError,), tokens=TOML, longest=16384, quick=100),
    "camera-file": Target(camera_file, _cameras, refused=(CameraUnusable,), tokens=JSON, longest=1024, quick=60),
    "noise": Target(noise, _noise, refused=(ValueError, RecursionError), tokens=JSON, longest=16384, quick=60),
    "pictures-table": Target(
        pictures_table,
        lambda: (
            b"path,origin,source,generator_or_camera,split\na.png,camera,lab,phone,dev\n",
            b"sha256,origin,source\n" + b"0" * 64 + b",generated,lab\n",
        ),
        refused=(UsageError, EvidenceError),
        tokens=(b"path", b"origin", b"source", b"camera", b"generated", b"../", b'"'),
        longest=1024,
        quick=60,
    ),
    "patches": Target(patches, lambda: (bytes((0, 3, 40)) + bytes(range(256)) * 30,), refused=(), quick=100),
}
