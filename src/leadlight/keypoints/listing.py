"""The file of learnt features: what a unit keeps of pictures it may keep, without the pictures.

Layout, little-endian: ``LLFEATS`` and a line feed; version (4 bytes); length of the head (4); number of pictures
(8); the head as JSON (`name`, `kind`, `made`, `software`); then for each picture its length (4), SHA-256 (32), PDQ
(32), PDQ quality (1, 255 for none) and its features as `record.packed` writes them (nothing where it is too flat);
last the SHA-256 of all before it (32).
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from leadlight.errors import HashListError
from leadlight.keypoints.record import unpacked
from leadlight.records import display_text

FORMAT = "features"
"""The name of the format of hash lists that reads it."""
FOLDER = "features"
"""In the folder of a case: where lists of features are kept."""
MAGIC = b"LLFEATS\n"
VERSION = 1
_FIXED = struct.Struct("<8sIIQ")
_LENGTH = struct.Struct("<I")
_PICTURE = struct.Struct("<32s32sB")
_DIGEST = 32
_NONE = 255
_LONGEST_HEAD = 64 * 1024
_LONGEST = 64 * 1024
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Learnt:
    """What is kept of one picture."""

    sha256: bytes
    pdq: bytes | None
    quality: int
    """Of the PDQ hash, 0 to 100."""
    record: bytes
    """Its features as `record.packed` writes them; b'' where it is too flat to have any."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says of itself."""

    name: str
    kind: str
    made: str
    software: str
    pictures: int


def write(out: BinaryIO, pictures: Iterable[Learnt], *, name: str, kind: str, made: str, software: str) -> int:
    """Write a file to a new, seekable `out`; returns how many pictures it holds. Each is written once."""
    head = json.dumps({"name": name, "kind": kind, "made": made, "software": software}).encode("ascii")
    out.write(_FIXED.pack(MAGIC, VERSION, len(head), 0) + head)
    seen: set[bytes] = set()
    for p in pictures:
        if p.sha256 in seen:
            continue
        seen.add(p.sha256)
        body = _PICTURE.pack(p.sha256, p.pdq or bytes(32), p.quality if p.pdq else _NONE) + p.record
        out.write(_LENGTH.pack(len(body)) + body)
    out.seek(0)
    out.write(_FIXED.pack(MAGIC, VERSION, len(head), len(seen)))
    out.seek(0)
    digest = hashlib.sha256()
    while chunk := out.read(_CHUNK):
        digest.update(chunk)
    out.write(digest.digest())
    return len(seen)


def is_listing(path: Path) -> bool:
    """Whether a file begins as one; False where it can't be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def head(path: Path) -> Head:
    """What a file says of itself, once all of it was compared with its checksum. Raises HashListError."""
    with _opened(path) as stream:
        return _checked(path, stream)


def read(path: Path, stored: BinaryIO | None = None) -> Iterator[Learnt]:
    """All pictures, streamed, once all was compared with the checksum; from `stored`, a seekable stream, where the
    file lies elsewhere. Raises HashListError.
    """
    with stored or _opened(path) as stream:
        said = _checked(path, stream)
        start = stream.tell()
        end = stream.seek(0, 2) - _DIGEST
        stream.seek(start)
        for number in range(1, said.pictures + 1):
            yield _picture(path, stream, number, end)
        if stream.tell() != end:
            raise _fault(path, f"holds more than the {said.pictures} pictures it states")


def _checked(path: Path, stream: BinaryIO) -> Head:
    """The head; leaves the stream behind it."""
    fixed = stream.read(_FIXED.size)
    if len(fixed) < _FIXED.size or not fixed.startswith(MAGIC):
        raise _fault(path, "is no list of local features, or cut off")
    _, version, length, pictures = _FIXED.unpack(fixed)
    if version != VERSION:
        raise _fault(
            path,
            f"is of version {version}; this program reads version {VERSION}",
            advice="Learn it again with this program, or use the one that wrote it.",
        )
    if length > _LONGEST_HEAD:
        raise _fault(path, "states a head that is too long")
    raw = stream.read(length)
    _compare(path, stream)
    stream.seek(_FIXED.size + length)
    try:
        said = json.loads(raw)
        name, kind, made, software = (
            display_text(str(said[k]), 200) for k in ("name", "kind", "made", "software")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _fault(path, "has a head that can't be read") from None
    return Head(name, kind, made, software, pictures)


def _compare(path: Path, stream: BinaryIO) -> None:
    """The whole file against the checksum at its end."""
    size = stream.seek(0, 2)
    stream.seek(0)
    left = size - _DIGEST
    digest = hashlib.sha256()
    while left > 0 and (chunk := stream.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    if left or stream.read(_DIGEST) != digest.digest():
        raise _fault(path, "does not match its checksum: it was cut off or altered")


def _picture(path: Path, stream: BinaryIO, number: int, end: int) -> Learnt:
    raw = stream.read(_LENGTH.size)
    length = _LENGTH.unpack(raw)[0] if len(raw) == _LENGTH.size else 0
    if not _PICTURE.size <= length <= _LONGEST or stream.tell() + length > end:
        raise _fault(path, "has a length that can't be", at=f"picture {number}")
    body = stream.read(length)
    sha256, pdq, quality = _PICTURE.unpack_from(body)
    record = body[_PICTURE.size :]
    if quality > 100 and quality != _NONE:
        raise _fault(path, f"states a quality of {quality}", at=f"picture {number}")
    if record:
        try:
            unpacked(record)
        except ValueError as e:
            raise _fault(path, str(e), at=f"picture {number}") from None
    return Learnt(sha256, None if quality == _NONE else pdq, 0 if quality == _NONE else quality, record)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as e:
        raise _fault(path, f"can't be read ({e.strerror or type(e).__name__})", advice="Check the file.") from e


def _fault(
    path: Path, what: str, *, at: str = "", advice: str = "Take it again from its maker, or from a copy."
) -> HashListError:
    name = display_text(path.name)
    return HashListError(what, subject=f"{name}, {at}" if at else name, advice=advice)
