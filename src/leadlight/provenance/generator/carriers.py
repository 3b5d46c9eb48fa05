"""Where generators write: the texts of PNG, JPEG and GIF, EXIF fields, XMP properties, IPTC credits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from leadlight.content import Content
from leadlight.provenance import xmp
from leadlight.provenance.blocks import read_blocks
from leadlight.provenance.generator import labels, texts
from leadlight.provenance.iptc import CAPTION, CREDIT, SOURCE_PROGRAM, read_iptc
from leadlight.provenance.tiff import Field, decode, read_tiff

XP_LIMIT: Final = 1024 * 1024

_MAIN: Final = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
}
_EXIF: Final = {0x9286: "UserComment", 0x927C: "MakerNote"}
_CODES: Final = {
    b"UNICODE\0": "utf-16",
    b"ASCII\0\0\0": "utf-8",
    b"JIS\0\0\0\0\0": "iso2022_jp",
    bytes(8): "utf-8",
}


def found(content: Content) -> Iterator[texts.Found]:
    """All records in the metadata of a content. Raises LimitReached as `read_blocks` does."""
    blocks = read_blocks(content)
    carrier = _text_carrier(content)
    for held in texts.rounds(list(blocks.texts)):
        yield from texts.records(held, carrier, content.limits)
    names: list[tuple[str, str, str]] = [
        ("software", carrier, text) for name, text in blocks.texts if name in ("Software", "Source")
    ]
    fields = exif_texts(blocks.exif, content.limits.metadata_bytes) if blocks.exif else {}
    for field_name, held in _exif_sets(fields):
        yield from texts.records(held, f"EXIF {field_name}", content.limits)
    names += [("software", "EXIF", fields[n]) for n in ("Software", "Make", "Model") if n in fields]
    properties = xmp.xmp_of(content)
    yield from from_xmp(properties, content)
    names += [("software", "XMP", v) for v in properties.all(xmp.XMP, "CreatorTool")[:8]]
    names += [("software", "XMP", v) for v in properties.all(xmp.TIFF, "Software")[:8]]
    names += [("credit", "XMP", v) for v in properties.all(xmp.PHOTOSHOP, "Credit")[:8]]
    if blocks.iptc:
        iptc = read_iptc(blocks.iptc)
        names += [("credit", "IPTC", v) for v in iptc.get(CREDIT, ())[:8]]
        names += [("software", "IPTC", v) for v in iptc.get(SOURCE_PROGRAM, ())[:8]]
        for text in iptc.get(CAPTION, ())[:4]:
            yield from texts.records({"caption": text}, "IPTC", content.limits)
    yield from labels.named(names)


def _text_carrier(content: Content) -> str:
    head = content.head(4)
    if head[:2] == b"\xff\xd8":
        return "JPEG comment"
    return "GIF comment" if head[:3] == b"GIF" else "PNG text"


def exif_texts(block: bytes, longest: int) -> dict[str, str]:
    """The fields of EXIF in which generators write, by name; fields that hold nothing are left out."""
    tiff = read_tiff(block)
    if tiff is None:
        return {}
    out: dict[str, str] = {}
    for tag, name in _MAIN.items():
        if (field := tiff.main.get(tag)) is not None and field.kind in (1, 2, 7, 129):
            raw = field.raw(longest)
            text = raw[:XP_LIMIT].decode("utf-16-le", "replace") if name.startswith("XP") else _text(raw)
            if text := text.rstrip("\0 "):
                out[name] = text
    for tag, name in _EXIF.items():
        if (held := tiff.exif.get(tag) or tiff.main.get(tag)) is not None:
            text = user_comment(held.raw(longest)) if name == "UserComment" else _note(held)
            if text := text.strip("\0 "):
                out[name] = text
    return out


def _text(raw: bytes) -> str:
    return decode(raw.split(b"\0", 1)[0])


def _note(field: Field) -> str:
    """A maker note where it is a short word, as Fooocus writes its scheme there."""
    raw = field.raw(64)
    return raw.decode("ascii").strip("\0") if field.length <= 32 and raw.isascii() else ""


def user_comment(raw: bytes) -> str:
    """EXIF UserComment (EXIF 3.0, 4.6.6.3): eight bytes of character code, then text.

    Unicode is written in either byte order, whatever the block's own: the zeros of plain letters tell which.
    """
    code = _CODES.get(raw[:8])
    body = raw[8:] if code is not None else raw
    if code is None or code == "utf-8":
        return decode(body)
    if code == "utf-16":
        if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return body.decode("utf-16", "replace")
        little = body[1:4096:2].count(0) > body[0:4096:2].count(0)
        return body.decode("utf-16-le" if little else "utf-16-be", "replace")
    return body.decode(code, "replace")


def _exif_sets(fields: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Sets within EXIF: ComfyUI's fields 'prompt:{...}' and 'workflow:{...}' together, then each by itself."""
    graphs: dict[str, str] = {}
    where: list[str] = []
    rest: dict[str, str] = {}
    for name, text in fields.items():
        kind, mark, body = text.partition(":")
        if mark and kind.strip().lower() in ("prompt", "workflow") and body.lstrip()[:1] == "{":
            graphs.setdefault(kind.strip().lower(), body)
            where.append(name)
        else:
            rest[name] = text
    if graphs:
        yield " and ".join(where[:2]), graphs
    beside = {k: v for k, v in rest.items() if k in ("Artist", "Software")}
    if "MakerNote" in rest:
        beside["fooocus_scheme"] = rest["MakerNote"] if rest["MakerNote"] in ("fooocus", "a1111") else ""
    for name, text in rest.items():
        if name.lower() in texts.COMMON:
            yield name, {name: text, **beside}


def from_xmp(properties: xmp.Xmp, content: Content) -> Iterator[texts.Found]:
    """AIGC labels, source types, the comment of Draw Things, and descriptions, in XMP."""
    for value in properties.all(xmp.TC260, "AIGC")[:4]:
        yield from texts.records({"AIGC": value}, "XMP", content.limits)
    seen: set[str] = set()
    for value in properties.all(xmp.IPTC_EXT, "DigitalSourceType")[:16]:
        record = labels.source_type(value)
        if record is not None and record.label not in seen:
            seen.add(record.label or "")
            yield replace(record, carrier="XMP")
    for value in properties.all(xmp.EXIF, "UserComment")[:4]:
        yield from texts.records({"UserComment": value}, "XMP", content.limits)
    author = properties.first(xmp.DC, "creator") or ""
    for value in properties.all(xmp.DC, "description")[:4]:
        yield from texts.records({"Description": value, "Author": author}, "XMP", content.limits)
