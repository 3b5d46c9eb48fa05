"""How many bytes of a file its manifest leaves out of what was signed. No PLUGIN here.

A hash binds a manifest to a file but for exclusions, and the common ones (`/free`, `/skip`, `/mfra` of ISO base
media) let anyone add a whole picture after signing while the signature still holds. The library's remark on
additional exclusions is made of sound files too, so what lies in them is counted here.

Source: C2PA Technical Specification 2.x, hard bindings (data hash, general boxes hash, BMFF-based hash).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from leadlight.config import MIB
from leadlight.content import Content
from leadlight.provenance import jpeg

SLACK = 1024
"""Bytes outside the binding that are no matter: padding, a directory, a brand list."""
_BOXES = 4096
_EXCLUSIONS = 256
_DEPTH = 8
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_STORE = b"jumdc2pa"
_SEARCHED = 64 * MIB
"""Bytes of one excluded stretch that are looked through for anything but zeros; further ones count as such."""
_FULL = frozenset({b"meta"})
"""Boxes that hold boxes after four bytes of version and flags."""


def unbound(manifest: Mapping[str, Any], content: Content) -> int:
    """Bytes, zeros aside, that the manifest's own exclusions leave unsigned and its store does not need.

    `manifest` is in Conformance JSON. Never raises on any shape; reads with bounds.
    """
    assertions = manifest.get("assertions")
    count = 0
    with content.open() as stream:
        for label, value in sorted(assertions.items()) if isinstance(assertions, Mapping) else ():
            if not isinstance(value, Mapping):
                continue
            exclusions = _mappings(value.get("exclusions"))
            if str(label).startswith("c2pa.hash.data"):
                count += _of_data(stream, content.size, exclusions)
            elif str(label).startswith("c2pa.hash.bmff"):
                count += _of_boxes(stream, content.size, exclusions)
            elif str(label).startswith("c2pa.hash.boxes"):
                count += _after_picture(content)
    return count


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [v for v in value[:_EXCLUSIONS] if isinstance(v, Mapping)] if isinstance(value, list) else []


def _after_picture(content: Content) -> int:
    """A boxes hash names the segments of a JPEG; what follows the last is none of them."""
    if content.filetype.media_type != "image/jpeg" or content.size > content.limits.memory_bytes:
        return 0
    ends = [s.end for s in jpeg.segments(content.data(), scans=True) if s.marker == jpeg.EOI]
    return content.size - ends[0] if ends else 0


def _of_data(stream: BinaryIO, size: int, exclusions: Sequence[Mapping[str, Any]]) -> int:
    """Excluded stretches but for the manifest store and what wraps it (markers, lengths, padding)."""
    total = needed = 0
    for exclusion in exclusions:
        start, length = exclusion.get("start"), exclusion.get("length")
        if not isinstance(start, int) or not isinstance(length, int) or not 0 <= start < size or length <= 0:
            continue
        length = min(length, size - start)
        stream.seek(start)
        head = stream.read(min(length, 4096))
        at = head.find(_STORE) - 12
        if at >= 0 and head[at + 4 : at + 8] == b"jumb" and not needed:
            needed = int.from_bytes(head[at : at + 4], "big")
            total += length
        elif not _zeros(stream, start, length):
            total += length
    return max(0, total - needed - needed // 64)


def _of_boxes(stream: BinaryIO, size: int, exclusions: Sequence[Mapping[str, Any]]) -> int:
    paths = {_path(e.get("xpath")): e for e in exclusions}
    count = 0
    stores = 0
    for path, start, end in _walked(stream, size):
        exclusion = paths.get(path)
        if exclusion is None:
            continue
        if path == (b"uuid",):
            stream.seek(start)
            if stream.read(16) != _C2PA and exclusion.get("data"):
                continue
            stores += 1
            if stores == 1:
                start = _store_end(stream, start, end)
        if end - start and not _zeros(stream, start, end - start):
            count += end - start
    return count


def _path(xpath: object) -> tuple[bytes, ...]:
    parts = str(xpath)[:200].encode("latin-1", "replace").split(b"/")
    return tuple(part.partition(b"[")[0] for part in parts if part)


def _walked(stream: BinaryIO, size: int) -> Iterator[tuple[tuple[bytes, ...], int, int]]:
    """Boxes at the places that exclusions name, with where their content lies, a bounded number of them."""
    waiting: list[tuple[tuple[bytes, ...], int, int]] = [((), 0, size)]
    left = _BOXES
    while waiting:
        above, at, end = waiting.pop()
        while at + 8 <= end and left:
            left -= 1
            stream.seek(at)
            header = stream.read(16)
            length, skip = int.from_bytes(header[:4], "big"), 8
            if length == 1:
                length, skip = int.from_bytes(header[8:16], "big"), 16
            stop = end if length == 0 else at + length
            if stop > end or (length and length < skip):
                break
            path = (*above, header[4:8])
            yield path, at + skip, stop
            if header[4:8] in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"udta", b"meta"):
                inner = at + skip + (4 if header[4:8] in _FULL else 0)
                if len(path) < _DEPTH:
                    waiting.append((path, inner, stop))
            at = stop


def _store_end(stream: BinaryIO, start: int, end: int) -> int:
    """Where the manifest store in a C2PA box ends; its start where none is found."""
    stream.seek(start)
    head = stream.read(min(end - start, 4096))
    at = head.find(_STORE) - 12
    if at < 0 or head[at + 4 : at + 8] != b"jumb":
        return start
    return min(end, start + at + int.from_bytes(head[at : at + 4], "big"))


def _zeros(stream: BinaryIO, start: int, length: int) -> bool:
    if length > _SEARCHED:
        return False
    stream.seek(start)
    while length > 0:
        block = stream.read(min(length, MIB))
        if not block:
            break
        if block.strip(b"\0"):
            return False
        length -= len(block)
    return True
