"""A picture's file without what says things about it: its pixels, and what it takes to read them. No PLUGIN here.

Decoders read text, colour profiles and EXIF before the pixels, and give up where those are broken or too large;
viewers pass over them and show the picture. So does what is here: no picture may escape hashing by a comment.

Sources: ITU-T T.81 annex B, PNG Third Edition (W3C, 2025), the WebP container specification (RFC 9649), TIFF 6.0
and BigTIFF.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bare:
    """A file with less in it."""

    data: bytes
    left_out: tuple[str, ...]
    """Names of segments, chunks and tags, each once, in order of their name; 'unknown' where it is no name."""


def bare(data: bytes, media_type: str) -> Iterator[Bare]:
    """`data` with less and less of its metadata; nothing where there is none, and of formats not read here.

    What is broken beyond metadata stays as it is: no file is made whole.
    """
    makers = {
        "image/jpeg": (_jpeg, (True, False)),
        "image/png": (_png, (True, False)),
        "image/webp": (_webp, (True,)),
        "image/tiff": (_tiff, (True,)),
    }
    make, rounds = makers.get(media_type, (_png, ()))
    said: set[str] = set()
    for first in rounds:
        names: set[str] = set()
        made = make(data, names, first)
        if names != said:
            said = names
            yield Bare(made, tuple(sorted(names)))


def excessive(data: bytes, each: int, together: int) -> bool:
    """Whether text or a profile of a PNG inflates to more than `each` bytes, or all its text to more than
    `together`.
    """
    total = 0
    for kind, at, length in _chunks(data):
        if kind not in (b"zTXt", b"iTXt", b"iCCP", b"tEXt"):
            continue
        body = data[at + 8 : at + 8 + length]
        size = len(body) if kind == b"tEXt" else _inflated(kind, body, each + 1)
        total += size if kind != b"iCCP" else 0
        if (size > each and kind != b"tEXt") or total > together:
            return True
    return False


def _inflated(kind: bytes, body: bytes, most: int) -> int:
    """How many bytes a chunk's text or profile has once inflated, counted up to `most`."""
    _, _, rest = body.partition(b"\0")
    packed = rest[1:]
    if kind == b"iTXt":
        packed = rest[2:].split(b"\0", 2)[-1]
        if not rest[:1].strip(b"\0"):
            return len(packed)
    try:
        return len(zlib.decompressobj().decompress(packed, most))
    except zlib.error:
        return 0


_COLOURS = {0xE0: 18, 0xEE: 16}
"""Bytes from which on JFIF's and Adobe's segments are read, with marker and length."""


def _jpeg(data: bytes, names: set[str], first: bool) -> bytes:
    """Without application segments and comments before the first scan; `first` keeps EXIF. JFIF's and Adobe's say
    which colours the samples are, where they are long enough to be read.
    """
    parts, at = [data[:2]], 2
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data):
        marker = data[at + 1]
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:
            at += 1
            continue
        if marker < 0xC0 or 0xD0 <= marker <= 0xDA or end < at + 4 or end > len(data):
            break
        exif = marker == 0xE1 and data.startswith(b"Exif\0\0", at + 4)
        kept = (exif and first) or end - at >= _COLOURS.get(marker, 1 << 17)
        if marker == 0xFE or (0xE0 <= marker <= 0xEF and not kept):
            names.add("COM" if marker == 0xFE else "EXIF" if exif else f"APP{marker - 0xE0}")
        else:
            parts.append(data[at:end])
        at = end
    return b"".join((*parts, data[at:]))


_MOVING = frozenset({b"acTL", b"fcTL", b"fdAT"})


def _png(data: bytes, names: set[str], first: bool) -> bytes:
    """Without chunks that may be passed over; `first` keeps animation, transparency, and EXIF that is sound."""
    parts, end = [data[:8]], 8
    for kind, at, length in _chunks(data):
        end = at + 12 + length
        whole = data[at:end]
        kept = not kind[0] & 32
        if first:
            sound = zlib.crc32(whole[4:-4]) == int.from_bytes(whole[-4:], "big")
            kept |= kind in _MOVING or kind == b"tRNS" or (kind == b"eXIf" and sound)
        if kept:
            parts.append(whole)
        else:
            names.add(kind.decode("ascii") if kind.isalpha() else "unknown")
    return b"".join((*parts, data[end:]))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, place and length of all that lie whole in the file, up to its end."""
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            break
        yield kind, at, length
        at += 12 + length
        if kind == b"IEND":
            break


_WEBP_PIXELS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}


def _webp(data: bytes, names: set[str], first: bool) -> bytes:
    """Without profile, XMP and unknown chunks, and without EXIF that is cut short; flags and size set again."""
    body = bytearray()
    flags = None
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + (length & 1)
        if kind in _WEBP_PIXELS or (kind == b"EXIF" and end <= len(data)):
            if kind == b"VP8X" and flags is None:
                flags = len(body) + 8
            body += data[at:end].ljust(min(end, len(data) + 1) - at, b"\0")
            if kind == b"EXIF":
                names.discard("EXIF")
        else:
            names.add(kind.decode("ascii").strip() if kind in _WEBP_FLAGS else "unknown")
        at = end
    if flags is not None and flags < len(body):
        for kind, flag in _WEBP_FLAGS.items():
            if kind != b"EXIF" or "EXIF" in names:
                body[flags] &= ~flag
    return b"RIFF" + struct.pack("<I", (len(body) + 4) & 0xFFFFFFFF) + b"WEBP" + bytes(body)


_TIFF_PIXELS = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324}
    | {325, 332, 334, 338, 339, 347, *range(512, 522), *range(529, 533), 32997, 32998}
)
_PAGES = 4096


def _tiff(data: bytes, names: set[str], first: bool) -> bytes:
    """Each page's directory with those tags alone that its samples need, in the place where it was."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 16:
        return data
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    head, size, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    wide, next_wide = struct.calcsize(head), struct.calcsize(pointer)
    made = bytearray(data)
    (at,) = struct.unpack_from(order + pointer, data, 8 if big else 4)
    seen: set[int] = set()
    while 8 <= at <= len(data) - wide and at not in seen and len(seen) < _PAGES:
        seen.add(at)
        (count,) = struct.unpack_from(order + head, data, at)
        start, end = at + wide, at + wide + count * size
        if end + next_wide > len(data):
            break
        kept = []
        for entry in range(start, end, size):
            (tag,) = struct.unpack_from(order + "H", data, entry)
            if tag in _TIFF_PIXELS:
                kept.append(data[entry : entry + size])
            else:
                names.add(str(tag))
        block = struct.pack(order + head, len(kept)) + b"".join(kept) + data[end : end + next_wide]
        made[at : at + len(block)] = block
        (at,) = struct.unpack_from(order + pointer, data, end)
    return bytes(made)
