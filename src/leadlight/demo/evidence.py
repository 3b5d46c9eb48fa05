"""The demo's evidence, file by file, each with the line that teaches what it is.

All of it is drawn or written here; the same on each build, but for signatures, whose keys are made anew.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

from leadlight.chart import chunk, png
from leadlight.content import Pixels
from leadlight.demo.pictures import EX1, OPEN_SEA, S2, exif, icon, jpeg, resized, scene, screenshot
from leadlight.demo.signing import CAPTURE, GENERATED, Authority, Ingredient, sign
from leadlight.provenance.stealth_bits import hide

NEWEST = datetime(2026, 5, 20, 16, 30, tzinfo=UTC)
"""The newest file time; 'recent' is told from here, not from today."""
OLD = datetime(2023, 8, 3, 12, 0, tzinfo=UTC)
ZONE = timezone(timedelta(hours=2))
SIZE = (960, 720)
SETTINGS = (
    "a red apple on a wooden table\nNegative prompt: blurry\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512, "
    "Model hash: 0123abcd45, Model: demo_v1, Version: v1.10.1"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of the evidence."""

    path: str
    """Below the evidence folder, with slashes."""
    data: bytes
    lesson: str
    """What it is, for the guide."""
    modified: datetime = NEWEST - timedelta(days=30)
    signed: bool = False
    """Its bytes hold a signature by a key made at build time, so they differ from build to build."""


def pieces(authority: Authority) -> Iterator[Piece]:
    """All files of the evidence, in the order in which the guide tells of them.

    Each is written an hour apart, so that company in time is only where it is meant.
    """
    parts = (_camera(), _series(), _signed(authority), _generators(), _others(), _archive(), _broken())
    for n, piece in enumerate(chain.from_iterable(parts)):
        yield replace(piece, modified=piece.modified + timedelta(hours=n))


def lake() -> Pixels:
    """The picture of which the reference list holds the perceptual hash."""
    return scene(20, water=True, light="dusk")


def _camera() -> Iterator[Piece]:
    harbour, meadow = scene(1, water=True), scene(3, light="autumn")
    at = NEWEST.astimezone(ZONE)
    yield Piece(
        "camera/harbour.jpg",
        jpeg(harbour, exif=exif(EX1, at, size=SIZE, thumbnail=harbour)),
        "by the camera that took series/lake-camera.jpg; recent",
        NEWEST,
    )
    week = at - timedelta(days=7)
    yield Piece(
        "camera/orchard.jpg",
        jpeg(scene(2), exif=exif(S2, week, size=SIZE)),
        "by an invented phone: its EXIF speaks for a camera, a little",
        week,
    )
    month = at - timedelta(days=33)
    yield Piece(
        "camera/island.jpg",
        jpeg(scene(4, water=True, light="mist"), exif=exif(S2, month, size=SIZE, gps=OPEN_SEA)),
        "the same phone, with a place: in the open sea",
        month,
    )
    yield Piece(
        "camera/meadow.jpg",
        jpeg(meadow, exif=exif(S2, month, size=SIZE, thumbnail=scene(5, light="mist"))),
        "its embedded thumbnail shows another picture: look there first",
        month,
    )
    yield Piece(
        "camera/old-mill.jpg",
        jpeg(scene(6), exif=exif(EX1, OLD.astimezone(ZONE), size=SIZE)),
        "by the camera of harbour.jpg too, but from 2023: not new",
        OLD,
    )


def _series() -> Iterator[Piece]:
    picture = lake()
    then = NEWEST - timedelta(days=12)
    yield Piece("series/lake.jpg", jpeg(picture), "on the reference list, byte for byte", OLD)
    yield Piece(
        "series/lake-small.jpg", jpeg(resized(picture, 400), quality=70), "a smaller copy: near, not listed"
    )
    yield Piece(
        "series/lake-camera.jpg",
        jpeg(resized(picture, 880), quality=92, exif=exif(EX1, then.astimezone(ZONE), size=(880, 660))),
        "a near-copy with the EXIF of a camera and a recent time: on top",
        then,
    )
    yield Piece(
        "series/pier.jpg",
        jpeg(scene(21, water=True, light="autumn"), exif=exif(S2, then.astimezone(ZONE), size=SIZE)),
        "another picture in the company of the match",
        then,
    )


def _signed(authority: Authority) -> Iterator[Piece]:
    recent = NEWEST - timedelta(days=20)
    capture = jpeg(scene(30), exif=exif(S2, recent.astimezone(ZONE), size=SIZE))
    signed = sign(capture, authority, source_type=CAPTURE)
    yield Piece("signed/capture.jpg", signed, "a signature says: taken by a camera", recent, signed=True)
    yield Piece(
        "signed/generated.jpg",
        sign(jpeg(scene(31, light="mist")), authority, source_type=GENERATED),
        "a trusted signature says: wholly made by a model, from no picture",
        signed=True,
    )
    step = {"action": "c2pa.edited", "digitalSourceType": GENERATED}
    yield Piece(
        "signed/changed.jpg",
        sign(
            jpeg(scene(32, water=True)),
            authority,
            source_type=None,
            ingredients=(Ingredient(jpeg(scene(33, water=True))),),
            actions=(step,),
        ),
        "signed: a model changed a picture that was put in. It may be real",
        signed=True,
    )
    broken = bytearray(sign(jpeg(scene(34, light="autumn")), authority, source_type=GENERATED))
    at = len(broken) - 4000
    broken[at : at + 8] = bytes(b ^ 1 if b not in (0, 1, 0xFE, 0xFF) else b for b in broken[at : at + 8])
    yield Piece(
        "signed/tampered.jpg",
        bytes(broken),
        "changed after it was signed: the signature says nothing",
        signed=True,
    )


def _generators() -> Iterator[Piece]:
    def with_text(seed: int, key: str, text: str) -> bytes:
        extra = chunk(b"tEXt", key.encode("latin-1") + b"\0" + text.encode("latin-1"))
        return png(scene(seed, width=512, height=512), extra=extra)

    yield Piece(
        "generators/apple.png",
        with_text(40, "parameters", SETTINGS),
        "a generator's settings are written in it: weak, anyone can",
    )
    yield Piece(
        "generators/apple-from-picture.png",
        with_text(41, "parameters", SETTINGS + ", Denoising strength: 0.4"),
        "the settings say that a picture was put in: speaks for altered",
    )
    yield Piece("generators/bowl.png", with_text(42, "prompt", _graph()), "a ComfyUI workflow is written in it")
    label = {"Label": "1", "ContentProducer": "Example Provider", "ProduceID": "demo-0001"}
    yield Piece(
        "generators/label.png", with_text(43, "AIGC", json.dumps(label)), "China's label of generated content"
    )
    yield Piece(
        "generators/hidden.png",
        hide(scene(44, width=512, height=512), "stealth_rgbcomp", SETTINGS),
        "the settings hidden in the lowest bits of its pixels",
    )
    yield Piece(
        "listed/pears.png",
        with_text(45, "parameters", SETTINGS.replace("42", "43")),
        "on the list of generated material",
    )
    at = NEWEST.astimezone(ZONE) - timedelta(days=5)
    yield Piece(
        "stamped/valley.jpg",
        jpeg(scene(46), exif=exif(S2, at, size=SIZE), comment=SETTINGS.encode()),
        "a camera's picture with a generator's text copied in: alone it proves nothing",
        at,
    )


def _graph() -> str:
    sampler = {"seed": 5, "steps": 20, "cfg": 7, "sampler_name": "euler", "scheduler": "normal", "denoise": 1}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}
    return json.dumps(
        {
            "3": {"class_type": "KSampler", "inputs": sampler | links},
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "demo_v1.safetensors"}},
            "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a bowl of pears", "clip": ["4", 1]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
            "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "bowl"}},
        }
    )


def _others() -> Iterator[Piece]:
    yield Piece("screen/notes.png", png(screenshot()), "a drawn screenshot: nothing in it tells its origin")
    yield Piece("system/about.txt", b"A text of an imaginary program.\n", "on the benign list", OLD)
    yield Piece("system/button.png", png(icon(64, (40, 110, 180))), "on the benign list", OLD)
    yield Piece("system/dot.png", png(icon(24, (180, 80, 40))), "an icon, by its size", OLD)


def _archive() -> Iterator[Piece]:
    cove = jpeg(scene(50, water=True, light="autumn"))
    inner = {"cove.jpg": cove, "lake-copy.jpg": jpeg(resized(lake(), 640), quality=60)}
    at = NEWEST - timedelta(days=60)
    outer = {
        "hills.jpg": jpeg(scene(51), exif=exif(S2, at.astimezone(ZONE), size=SIZE)),
        "older.tar.gz": _tar_gz(inner, OLD),
    }
    yield Piece(
        "archive/backup.zip",
        _zip(outer, at),
        "an archive in an archive: older.tar.gz within holds a near-copy of the lake",
        at,
    )


def _broken() -> Iterator[Piece]:
    whole = jpeg(scene(60))
    yield Piece(
        "broken/cut.jpg", whole[: len(whole) * 2 // 5], "cut short: what is there is read, the rest is told"
    )
    yield Piece("broken/notes.txt", jpeg(scene(61, light="dusk")), "a JPEG under a text's name: bytes decide")
    yield Piece("broken/empty.jpg", b"", "an empty file")
    yield Piece(
        "broken/locked.zip",
        _locked(_zip({"inside.jpg": jpeg(scene(62, width=320, height=240))}, OLD - timedelta(days=90))),
        "a locked archive: what lies in it could not be read, and may be real",
    )


def _zip(files: dict[str, bytes], at: datetime) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, at.timetuple()[:6])
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return out.getvalue()


def _tar_gz(files: dict[str, bytes], at: datetime) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), int(at.timestamp()), 0o644
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)


def _locked(archive: bytes) -> bytes:
    """`archive` with the flag of encryption set in both headers of its only member (PKWARE APPNOTE 4.4.4)."""
    data = bytearray(archive)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    return bytes(data)
