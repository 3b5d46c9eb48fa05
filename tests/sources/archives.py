"""Small archives built in memory, and a walk that opens them as the pipeline does."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import py7zr
import zstandard

from leadlight.config import Limits
from leadlight.content import Content, content_of
from leadlight.errors import ContentError
from leadlight.limits import Budget
from leadlight.records import Finding, Item, Place
from leadlight.seams import Unpacker
from leadlight.sources import rar, sevenzip, tar, zip

Files = Iterable[tuple[bytes, bytes]]

PLACE = Place(b"/evidence", (b"box",))


@dataclass(frozen=True)
class Leaf:
    """One member that was walked: its bytes, or what was said in their place."""

    item: Item
    data: bytes | None
    failure: Finding | None = None
    error: ContentError | None = None

    @property
    def name(self) -> bytes:
        return self.item.place.steps[-1]

    @property
    def reason(self) -> str | None:
        if self.failure:
            return self.failure.payload["reason"]
        return self.error.reason if self.error else None


def content(data: bytes, limits: Limits | None = None) -> Content:
    return content_of(data, {"sha256": hashlib.sha256()}, limits)


def members(unpacker: Unpacker, data: bytes, limits: Limits | None = None, place: Place = PLACE) -> Iterator[Leaf]:
    """One container. Raises what the unpacker raises."""
    limits = limits or Limits()
    yield from _members(unpacker, content(data, limits), place, Budget(limits))


def _members(unpacker: Unpacker, opened: Content, place: Place, budget: Budget) -> Iterator[Leaf]:
    for member in unpacker.unpack(place, opened, budget):
        if member.stream is None:
            yield Leaf(member.item, None, member.failure)
            continue
        try:
            with member.stream as stream:
                yield Leaf(member.item, stream.read())
        except ContentError as e:
            yield Leaf(member.item, None, error=e)


def drained(
    unpacker: Unpacker, data: bytes, limits: Limits | None = None
) -> tuple[list[Leaf], ContentError | None]:
    """All members, and the error that ended the container, if one did."""
    leaves: list[Leaf] = []
    try:
        for leaf in members(unpacker, data, limits):
            leaves.append(leaf)
    except ContentError as e:
        return leaves, e
    return leaves, None


def unpacker_for(data: bytes) -> Unpacker | None:
    """By magic, as the identifier would say."""
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zip.PLUGIN
    if data.startswith(b"7z\xbc\xaf\x27\x1c"):
        return sevenzip.PLUGIN
    if data.startswith(b"Rar!\x1a\x07"):
        return rar.PLUGIN
    if data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")) or data[257:262] == b"ustar":
        return tar.PLUGIN
    return None


def walk(data: bytes, place: Place = PLACE, budget: Budget | None = None) -> Iterator[Leaf]:
    """All leaves below a file, nested containers opened, one budget over all."""
    budget = budget or Budget(Limits())
    unpacker = unpacker_for(data)
    if unpacker is None:
        yield Leaf(Item(place, "test"), data)
        return
    budget.enter(place.depth, str(place))
    for leaf in _members(unpacker, content(data, budget.limits), place, budget):
        if leaf.data is None:
            yield leaf
        else:
            yield from walk(leaf.data, leaf.item.place, budget)


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Names as raw bytes: those that are no UTF-8 go in as code page 437, without the flag."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(_cp437(name), (2024, 5, 6, 7, 8, 10)), data, method)
    return out.getvalue()


def _cp437(name: bytes) -> str:
    return name.decode("ascii") if name.isascii() else name.decode("utf-8")


def tarred(files: Files, format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, encoding="utf-8", errors="surrogateescape") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name.decode("utf-8", "surrogateescape"))
            info.size = len(data)
            info.mtime = 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def sevenzipped(files: Files, filters: list[dict[str, int]] | None = None, **more: object) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=filters, **more) as archive:  # type: ignore[arg-type]
        for name, data in files:
            archive.writestr(data, name.decode("utf-8"))
    return out.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: zstandard.ZstdCompressor().compress(data),
}


def _vint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _block5(kind: int, flags: int, fields: bytes, extra: bytes = b"", data: bytes = b"") -> bytes:
    flags |= (1 if extra else 0) | (2 if data else 0)
    head = _vint(kind) + _vint(flags)
    if extra:
        head += _vint(len(extra))
    if data:
        head += _vint(len(data))
    head += fields + extra
    covered = _vint(len(head)) + head
    return struct.pack("<I", zlib.crc32(covered)) + covered + data


def rar5_file(
    name: bytes,
    data: bytes,
    *,
    method: int = 0,
    flags: int = 0,
    extra: bytes = b"",
    mtime: int = 1_700_000_000,
    folder: bool = False,
    crc: int | None = None,
) -> bytes:
    crc = zlib.crc32(data) if crc is None else crc
    fields = _vint(6 | (1 if folder else 0)) + _vint(len(data)) + _vint(0)
    fields += struct.pack("<II", mtime, crc) + _vint(method << 7) + _vint(1) + _vint(len(name)) + name
    return _block5(2, flags, fields, extra, data)


def rar5_record(kind: int, data: bytes) -> bytes:
    body = _vint(kind) + data
    return _vint(len(body)) + body


def rar5(*files: bytes, end: bool = True, more: bool = False, locked: bool = False) -> bytes:
    head = b"Rar!\x1a\x07\x01\x00"
    if locked:
        return head + _block5(4, 0, _vint(0) + _vint(0) + b"\x0f" + bytes(16))
    return head + _block5(1, 0, _vint(0)) + b"".join(files) + (_block5(5, 0, _vint(int(more))) if end else b"")


def rar4_file(
    name: bytes, data: bytes, *, method: int = 0x30, flags: int = 0, attributes: int = 0x20, host: int = 2
) -> bytes:
    moment = (2024 - 1980) << 25 | 5 << 21 | 6 << 16 | 7 << 11 | 8 << 5 | 5
    fields = struct.pack(
        "<IIBIIBBHI", len(data), len(data), host, zlib.crc32(data), moment, 29, method, len(name), attributes
    )
    return _block4(0x74, 0x8000 | flags, fields + name) + data


def _block4(kind: int, flags: int, fields: bytes) -> bytes:
    covered = struct.pack("<BHH", kind, flags, 7 + len(fields)) + fields
    return struct.pack("<H", zlib.crc32(covered) & 0xFFFF) + covered


def rar4(*files: bytes, main: int = 0) -> bytes:
    return b"Rar!\x1a\x07\x00" + _block4(0x73, main, bytes(6)) + b"".join(files) + _block4(0x7B, 0x4000, b"")


KINDS: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped,
    "zip-stored": lambda files: zipped(files, zipfile.ZIP_STORED),
    "zip-bzip2": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "zip-lzma": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "tar": tarred,
    "tar-gnu": lambda files: tarred(files, tarfile.GNU_FORMAT),
    "tar.gz": lambda files: gzip.compress(tarred(files)),
    "tar.bz2": lambda files: bz2.compress(tarred(files)),
    "tar.xz": lambda files: lzma.compress(tarred(files)),
    "tar.zst": lambda files: COMPRESS["zst"](tarred(files)),
    "7z": lambda files: sevenzipped(files, [{"id": py7zr.FILTER_LZMA2, "preset": 1}]),
    "rar5": lambda files: rar5(*(rar5_file(n, d) for n, d in files)),
    "rar4": lambda files: rar4(*(rar4_file(n, d) for n, d in files)),
}
"""Every kind of container, by how it is built."""
