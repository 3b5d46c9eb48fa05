"""Small neutral pictures with metadata, built in memory: what the analysers here bring as examples."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any

from leadlight.chart import chart_pixels

Value = str | int | bytes | tuple[tuple[int, int], ...]
"""ASCII, LONG, UNDEFINED, or rationals."""

CAMERA: Mapping[int, Value] = {0x010F: "Example", 0x0110: "Model One", 0x0132: "2024:05:01 10:22:03"}
"""IFD0 of an invented camera."""
CAPTURE: Mapping[int, Value] = {
    0x829A: ((1, 125),),
    0x829D: ((28, 10),),
    0x8827: 200,
    0x9003: "2024:05:01 10:22:03",
    0x9011: "+02:00",
    0x920A: ((50, 1),),
    0x927C: b"\x01\x02maker note of no known form",
    0xA431: "SN-0001",
}
"""Its EXIF directory."""
GPS: Mapping[int, Value] = {1: "N", 2: ((48, 1), (12, 1), (0, 1)), 3: "E", 4: ((16, 1), (24, 1), (0, 1))}


def _directory(values: Mapping[int, Value], at: int, after: int = 0) -> bytes:
    """One directory at offset `at`, values behind it, little-endian."""
    fields = bytearray()
    tail = bytearray()
    start = at + 6 + 12 * len(values)
    for tag in sorted(values):
        value = values[tag]
        if isinstance(value, str):
            kind, raw = 2, value.encode("utf-8") + b"\0"
            count = len(raw)
        elif isinstance(value, int):
            kind, raw, count = 4, struct.pack("<I", value), 1
        elif isinstance(value, bytes):
            kind, raw, count = 7, value, len(value)
        else:
            kind, raw, count = 5, b"".join(struct.pack("<II", *pair) for pair in value), len(value)
        if len(raw) <= 4:
            fields += struct.pack("<HHI", tag, kind, count) + raw.ljust(4, b"\0")
        else:
            fields += struct.pack("<HHII", tag, kind, count, start + len(tail))
            tail += raw + b"\0" * (len(raw) % 2)
    return struct.pack("<H", len(values)) + bytes(fields) + struct.pack("<I", after) + bytes(tail)


def exif_block(
    main: Mapping[int, Value],
    exif: Mapping[int, Value] | None = None,
    gps: Mapping[int, Value] | None = None,
    *,
    thumbnail: bytes = b"",
) -> bytes:
    """A TIFF-structured EXIF block of these fields."""
    head = {**main, **({0x8769: 0} if exif else {}), **({0x8825: 0} if gps else {})}
    parts: list[bytes] = []
    at = 8 + len(_directory(head, 8))
    for pointer, values in ((0x8769, exif), (0x8825, gps)):
        if values:
            head[pointer] = at
            parts.append(_directory(values, at))
            at += len(parts[-1])
    after = 0
    if thumbnail:
        after = at
        where = at + len(_directory({0x0201: 0, 0x0202: 0}, at))
        parts.append(_directory({0x0201: where, 0x0202: len(thumbnail)}, at) + thumbnail)
    return b"II*\0\x08\0\0\0" + _directory(head, 8, after) + b"".join(parts)


def jpeg(
    *, width: int = 256, height: int = 192, seed: int = 0, exif: bytes = b"", xmp: bytes = b"", **options: Any
) -> bytes:
    """A drawn landscape as JPEG, with these blocks; `options` go to the encoder."""
    from PIL import Image

    out = io.BytesIO()
    # Pillow scales tables of one's own as well; 50 leaves them as they are.
    usual = {"quality": 50 if "qtables" in options else 85}
    Image.fromarray(chart_pixels(width, height, seed)).save(out, "JPEG", **{**usual, **options})
    plain = out.getvalue()
    segments = b""
    for body in (b"Exif\0\0" + exif if exif else b"", b"http://ns.adobe.com/xap/1.0/\0" + xmp if xmp else b""):
        if body:
            segments += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return plain[:2] + segments + plain[2:]


def webp(*, width: int = 256, height: int = 192, seed: int = 0, **options: Any) -> bytes:
    """A drawn landscape as WebP; `options` go to the encoder."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(chart_pixels(width, height, seed)).save(out, "WEBP", **options)
    return out.getvalue()


def packet(attributes: str, body: str = "") -> bytes:
    """An XMP packet with these attributes and elements in one description; the usual prefixes are bound."""
    from leadlight.provenance import xmp

    bound = {
        "xmp": xmp.XMP,
        "xmpMM": xmp.XMP_MM,
        "stEvt": xmp.ST_EVT,
        "dc": xmp.DC,
        "tiff": xmp.TIFF,
        "exif": xmp.EXIF,
        "aux": xmp.AUX,
        "photoshop": xmp.PHOTOSHOP,
        "Iptc4xmpExt": xmp.IPTC_EXT,
    }
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in bound.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{xmp.RDF}">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="w"?>'
    ).encode()
