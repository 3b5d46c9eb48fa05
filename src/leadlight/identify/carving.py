"""Whether bytes hold the start of a picture, a film or an archive somewhere in them. No PLUGIN here.

What is found is stated and not unpacked: a program's resources, a database or a mail often hold pictures. A mark
of three or four bytes is believed only with what must follow it.

Sources: ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG), GIF89a, RFC 9649 (WebP), ISO/IEC 14496-12 (ftyp), RFC 4648
(base64), RFC 2397 (data URLs), the RAR and 7z format notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from leadlight.config import MIB
from leadlight.content import Content

SEARCHED = 4 * MIB
"""Bytes searched at either end."""
_HITS = 4096
"""Marks looked at of one kind."""

_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    **dict.fromkeys(
        (b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "), "video/mp4"
    ),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3g2a"), "video/3gpp"),
}
_LITERAL: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
)
_BASE64: tuple[tuple[bytes, str], ...] = (
    (b"iVBORw0KGgo", "image/png"),
    (b"/9j/4", "image/jpeg"),
    (b"R0lGODdh", "image/gif"),
    (b"R0lGODlh", "image/gif"),
    (b"Z0eXBoZWlj", "image/heic"),
    (b"Z0eXBtaWYx", "image/heif"),
    (b"Z0eXBhdmlm", "image/avif"),
    (b"Z0eXBpc29t", "video/mp4"),
    (b"Z0eXBtcDQ", "video/mp4"),
)
_WEBP = re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL)
_WEBP_BASE64 = re.compile(rb"UklGR[\w+/]{6}XRUJQVlA4")
_DATA_URL = re.compile(rb"data:(image/[a-z0-9.+-]{1,40})", re.IGNORECASE)
_JPEG = b"\xff\xd8\xff"


def signatures(data: bytes) -> set[str]:
    """Media types whose start lies anywhere in `data`."""
    found = {media for mark, media in (*_LITERAL, *_BASE64) if mark in data}
    if any(True for _ in jpegs(data)):
        found.add("image/jpeg")
    if _WEBP.search(data) or _WEBP_BASE64.search(data):
        found.add("image/webp")
    found.update(_media_files(data))
    for _, match in zip(range(_HITS), _DATA_URL.finditer(data), strict=False):
        found.add(match[1].decode("ascii").lower())
    return found


def carried(content: Content) -> list[str]:
    """The same in the first and the last 4 MiB of a content, sorted."""
    found = signatures(content.head(SEARCHED))
    if content.size > SEARCHED:
        found |= signatures(content.tail(min(SEARCHED, content.size - SEARCHED + 64)))
    return sorted(found)


def jpegs(data: bytes) -> Iterator[int]:
    """Where a JPEG begins with a plausible first segment."""
    at = -1
    for _ in range(_HITS):
        at = data.find(_JPEG, at + 1)
        if at < 0:
            return
        if _plausible(data[at + 3 : at + 12]):
            yield at


def _plausible(head: bytes) -> bool:
    """The first segment after SOI: its marker, and its length or its name."""
    if len(head) < 7:
        return False
    marker, length, name = head[0], int.from_bytes(head[1:3], "big"), head[3:7]
    if marker == 0xE0:
        return name in (b"JFIF", b"JFXX", b"AVI1") or 16 <= length < 1024
    if 0xE1 <= marker <= 0xEF or marker == 0xFE:
        return length >= 4
    if marker == 0xDB:
        return length >= 67 and (length - 2) % 65 * ((length - 2) % 129) == 0
    if marker == 0xC4:
        return 19 < length < 2048
    return (marker in (0xC0, 0xC1, 0xC2) and name[0] in (8, 12)) or (marker == 0xDD and length == 4)


def _media_files(data: bytes) -> Iterator[str]:
    at = 3
    for _ in range(_HITS):
        at = data.find(b"ftyp", at + 1)
        if at < 0:
            return
        size = int.from_bytes(data[at - 4 : at], "big")
        if data[at + 4 : at + 8] in _BRANDS and 12 <= size <= 1024 and size % 4 == 0:
            yield _BRANDS[data[at + 4 : at + 8]]
