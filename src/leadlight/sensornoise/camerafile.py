"""The file of an enrolled camera: what is known of it, and the pattern of its sensor.

::

    8   b"LLcamera"
    2   version, little-endian, as all numbers here
    2   0
    4   length of the description
    n   the description: JSON in UTF-8, keys sorted
    2hw the pattern: float16, row by row, standard deviation 1
    32  SHA-256 of all that stands before

Nothing in it is run, and no length in it is trusted: the file must be exactly as long as its description says.
A pattern shows no picture; but with it anyone can look for pictures of the camera, or add its pattern to others.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from leadlight.errors import CameraUnusable
from leadlight.records import display_name, display_text
from leadlight.sensornoise.residue import LEAST
from leadlight.sensornoise.wavelet import Plane

SUFFIX: Final = ".camera"
MAGIC: Final = b"LLcamera"
VERSION: Final = 1
MOST_PIXELS: Final = 200_000_000
"""Of the pictures of a camera: the greatest sensors of phones."""
MOST_PICTURES: Final = 10_000
LONGEST_NAME: Final = 120
_MOST_SIDE: Final = 65_535
_LONGEST: Final = 1 << 20
_HEAD: Final = struct.Struct("<8sHHI")
_DIGEST: Final = 32
_CHUNK: Final = 1 << 20
_ADVICE: Final = "Take the file from where it was made, or enrol the camera again with 'leadlight camera enrol'."


@dataclass(frozen=True, slots=True)
class Described:
    """What a camera's file says of it. Raises ValueError where a field can't be."""

    name: str
    """As the operator calls it: printable text."""
    width: int
    """Pixels across of its pictures, as stored in the file, whatever their orientation flag says."""
    height: int
    pictures: tuple[str, ...]
    """SHA-256 of each picture that the pattern was estimated from, sorted."""
    agreement: float
    """How well the patterns of two halves of these pictures agree: standard deviations above chance."""
    made: str = ""
    """When it was enrolled, in UTC, as ISO 8601."""
    software: str = ""

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > LONGEST_NAME or display_text(self.name) != self.name:
            raise ValueError(f"the name must be printable text of 1 to {LONGEST_NAME} characters")
        if not (min(self.width, self.height) >= LEAST and max(self.width, self.height) <= _MOST_SIDE):
            raise ValueError("a side of its pictures can't be")
        if self.width * self.height > MOST_PIXELS:
            raise ValueError(f"its pictures have more than {MOST_PIXELS:,} pixels")
        if not 0 < len(self.pictures) <= MOST_PICTURES or sorted(set(self.pictures)) != list(self.pictures):
            raise ValueError("the digests of its pictures are not sorted, or too many, or none")
        if not all(len(p) == 64 and set(p) <= set("0123456789abcdef") for p in self.pictures):
            raise ValueError("a digest of its pictures is none")
        if not abs(self.agreement) < 1e9:
            raise ValueError("the agreement of its halves is no figure")
        if max(len(self.made), len(self.software)) > 100:
            raise ValueError("when or with what it was made is too long")


class EnrolledCamera:
    """An opened file of a camera: described, its pattern read when it is asked for."""

    def __init__(self, path: Path, described: Described, at: int, digest: bytes) -> None:
        self.path = path
        self.described = described
        self._at = at
        self._digest = digest

    @property
    def digest(self) -> str:
        """The SHA-256 that the file ends with, in hex, which names it in findings."""
        return self._digest.hex()

    def pattern(self) -> Plane:
        """Shape (height, width), mean 0, standard deviation 1. Raises CameraUnusable where the file is broken."""
        d = self.described
        held = np.empty((d.height, d.width), dtype="<f2")
        self._read_into(held.data.cast("B"))
        pattern: npt.NDArray[np.float32] = held.astype(np.float32)
        if not np.isfinite(pattern).all():
            raise _unusable("holds a pattern with values that are no figures", self.path)
        return pattern

    def check(self) -> None:
        """Raise CameraUnusable where the checksum does not hold."""
        digest = hashlib.sha256()
        left = self._at + 2 * self.described.width * self.described.height
        with self.path.open("rb") as stream:
            while left and (part := stream.read(min(left, _CHUNK))):
                digest.update(part)
                left -= len(part)
            if left or not stream.read(_DIGEST + 1) == digest.digest() == self._digest:
                raise _broken(self.path)

    def _read_into(self, target: memoryview) -> None:
        digest = hashlib.sha256()
        with self.path.open("rb") as stream:
            digest.update(stream.read(self._at))
            for start in range(0, len(target), _CHUNK):
                part = target[start : start + _CHUNK]
                if stream.readinto(part) != len(part):
                    raise _unusable("is cut off", self.path)
                digest.update(part)
            if not stream.read(_DIGEST + 1) == digest.digest() == self._digest:
                raise _broken(self.path)


def opened(path: Path) -> EnrolledCamera:
    """What stands in the file of a camera; the pattern and the checksum are read later, by `pattern`.

    Raises CameraUnusable for any file that `write` can't have written, as far as the description and the length
    tell.
    """
    try:
        with path.open("rb") as stream:
            return _opened(stream, path)
    except OSError as e:
        raise _unusable(f"can't be read ({e.strerror or e})", path, "Check the path.") from e


def _opened(stream: BinaryIO, path: Path) -> EnrolledCamera:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(MAGIC):
        raise _unusable("is no file of an enrolled camera", path)
    _, version, zero, length = _HEAD.unpack(head)
    if (version, zero) != (VERSION, 0):
        raise _unusable(
            f"is of version {version}, and this Leadlight reads {VERSION}", path, "Read it with a newer Leadlight."
        )
    if length > _LONGEST:
        raise _unusable("states a description that is too long", path)
    text = stream.read(length)
    if len(text) != length:
        raise _unusable("is cut off", path)
    described = _described(text, path)
    size = stream.seek(0, os.SEEK_END)
    if size != _HEAD.size + length + 2 * described.width * described.height + _DIGEST:
        raise _unusable("is cut off, or longer than it says", path)
    stream.seek(-_DIGEST, os.SEEK_END)
    return EnrolledCamera(path, described, _HEAD.size + length, stream.read(_DIGEST))


def _described(text: bytes, path: Path) -> Described:
    try:
        values: Any = json.loads(text)
        kinds = {"name": str, "width": int, "height": int, "made": str, "software": str}
        if not isinstance(values, dict) or values.keys() != {f.name for f in fields(Described)}:
            raise ValueError("its fields are others")
        if any(type(values[k]) is not kind for k, kind in kinds.items()):
            raise ValueError("a field is of another kind")
        pictures, agreement = values["pictures"], values["agreement"]
        if not isinstance(pictures, list) or not all(isinstance(p, str) for p in pictures):
            raise ValueError("its pictures are no digests")
        if isinstance(agreement, bool) or not isinstance(agreement, int | float):
            raise ValueError("the agreement of its halves is no figure")
        return Described(**{**values, "pictures": tuple(pictures), "agreement": float(agreement)})
    except (ValueError, RecursionError, OverflowError) as e:
        raise _unusable(f"has a description that can't be ({display_text(str(e), 200)})", path) from e


def write(path: Path, described: Described, pattern: Plane) -> None:
    """Write the file of a camera, whole or not at all, over one that is there.

    `pattern` has shape (height, width) and any scale. Raises ValueError where it does not fit, and OSError.
    """
    if pattern.shape != (described.height, described.width) or not np.isfinite(pattern).all():
        raise ValueError("the pattern is of another size, or no figures")
    scale = float(pattern.std(dtype=np.float64))
    if scale <= 0:
        raise ValueError("the pattern is flat")
    held = np.clip((pattern - pattern.mean(dtype=np.float64)) / scale, -1000, 1000).astype("<f2")
    text = json.dumps(asdict(described), sort_keys=True, ensure_ascii=False).encode("utf-8")
    digest = hashlib.sha256()
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as stream:
            for piece in (_HEAD.pack(MAGIC, VERSION, 0, len(text)), text, held.tobytes()):
                digest.update(piece)
                stream.write(piece)
            stream.write(digest.digest())
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def found(setting: str) -> Iterator[EnrolledCamera]:
    """The cameras that a setting names: one file, or all files of cameras in one folder, in order of name.

    Raises CameraUnusable where there is none, or one can't be used.
    """
    path = Path(setting)
    if not path.is_dir():
        yield opened(path)
        return
    files = sorted(p for p in path.iterdir() if p.suffix == SUFFIX)
    if not files:
        raise _unusable(f"holds no file that ends in {SUFFIX}", path, "Enrol a camera: 'leadlight camera enrol'.")
    yield from map(opened, files)


def _broken(path: Path) -> CameraUnusable:
    return _unusable("was changed or is broken: its checksum does not hold", path)


def _unusable(what: str, path: Path, advice: str = _ADVICE) -> CameraUnusable:
    return CameraUnusable(what, subject=display_name(os.fsencode(path)), advice=advice)
