"""XMP packets (ISO 16684-1) as a flat table of properties. Hostile input: no entities, no DTD, all bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from defusedxml.ElementTree import ParseError, fromstring

from leadlight.content import Content
from leadlight.provenance.blocks import read_blocks

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_PACKETS: Final = 16
MAX_TAGS: Final = 200_000
"""Elements of one packet; a packet with more is not read."""
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 50_000
MAX_TEXT: Final = 1024 * 1024
"""Characters kept of one value."""

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP: Final = "http://ns.adobe.com/xap/1.0/"
XMP_MM: Final = "http://ns.adobe.com/xap/1.0/mm/"
ST_EVT: Final = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
ST_REF: Final = "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"
DC: Final = "http://purl.org/dc/elements/1.1/"
TIFF: Final = "http://ns.adobe.com/tiff/1.0/"
EXIF: Final = "http://ns.adobe.com/exif/1.0/"
EXIF_EX: Final = "http://cipa.jp/exif/1.0/"
AUX: Final = "http://ns.adobe.com/exif/1.0/aux/"
PHOTOSHOP: Final = "http://ns.adobe.com/photoshop/1.0/"
CAMERA_RAW: Final = "http://ns.adobe.com/camera-raw-settings/1.0/"
IPTC_CORE: Final = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
IPTC_EXT: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
PLUS: Final = "http://ns.useplus.org/ldf/xmp/1.0/"
TC260: Final = "http://www.tc260.org.cn/ns/AIGC/1.0/"
"""Labels of generated content under GB 45438-2025."""
G_CAMERA: Final = "http://ns.google.com/photos/1.0/camera/"
G_CONTAINER: Final = "http://ns.google.com/photos/1.0/container/"
G_IMAGE: Final = "http://ns.google.com/photos/1.0/image/"
G_PANO: Final = "http://ns.google.com/photos/1.0/panorama/"
APPLE_DESKTOP: Final = "http://ns.apple.com/adjustment-settings/1.0/"
DRONE_DJI: Final = "http://www.dji.com/drone-dji/1.0/"

Name = tuple[str, str]
"""Namespace and local name."""

_XML: Final = "http://www.w3.org/XML/1998/namespace"
_SHELLS: Final = frozenset({"http://www.w3.org/1999/02/22-rdf-syntax-ns#", "adobe:ns:meta/"})
_PANTRY: Final = (XMP_MM, "Pantry")
"""Copies of the metadata of ingredients: not statements about this picture."""
_CORE: Final = re.compile(r"<((?:[\w.-]+:)?(?:xmpmeta|xapmeta|RDF))[\s>].*</\1\s*>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Xmp:
    """The properties of all packets of one content, in document order."""

    values: Mapping[Name, tuple[str, ...]] = field(default_factory=dict)
    """Attributes and elements alike; items of lists and fields of structures stand under their own names."""
    notes: tuple[str, ...] = ()

    def all(self, namespace: str, name: str) -> tuple[str, ...]:
        """All values of a property, stripped, empty ones left out."""
        return tuple(v for v in (v.strip() for v in self.values.get((namespace, name), ())) if v)

    def first(self, namespace: str, name: str) -> str | None:
        """The first value of a property that is not empty, or None."""
        return next(iter(self.all(namespace, name)), None)


def xmp_of(content: Content) -> Xmp:
    """The XMP of a content, read once. Raises LimitReached as `read_blocks` does."""
    return content.memo("provenance.xmp", lambda: read_xmp(read_blocks(content).xmp))


def read_xmp(packets: Iterable[bytes]) -> Xmp:
    """All packets as one table. Broken XML gives nothing and a note. Never raises on any bytes."""
    values: dict[Name, list[str]] = {}
    notes: list[str] = []
    for number, packet in enumerate(packets):
        if number >= MAX_PACKETS:
            notes.append("more XMP packets than are read")
            break
        root = _root(_text(packet), notes)
        if root is not None:
            _collect(root, values, notes)
    return Xmp({k: tuple(v) for k, v in values.items()}, tuple(dict.fromkeys(notes)))


def _text(packet: bytes) -> str:
    """XMP is Unicode in UTF-8, UTF-16 or UTF-32; a declared encoding is not looked at."""
    for mark, encoding in ((b"\xff\xfe\0\0", "utf-32-le"), (b"\0\0\xfe\xff", "utf-32-be")):
        if packet.startswith(mark):
            return packet[4:].decode(encoding, "replace")
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if packet.startswith(mark):
            return packet[2:].decode(encoding, "replace")
    for mark, encoding in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if packet.startswith(mark):
            return packet.decode(encoding, "replace")
    return packet.decode("utf-8-sig", "replace")


def _root(text: str, notes: list[str]) -> Element | None:
    if text.count("<") > 2 * MAX_TAGS:
        notes.append("an XMP packet has more elements than are read")
        return None
    found = _CORE.search(text)
    try:
        root: Element = fromstring(found[0] if found else text.strip("\0 \r\n\t"), forbid_dtd=True)
    except (ParseError, ValueError):
        notes.append("an XMP packet is not well-formed and was not read")
        return None
    return root


def _name(tag: str) -> Name:
    namespace, _, local = tag.removeprefix("{").rpartition("}")
    return namespace, local


def _collect(root: Element, values: dict[Name, list[str]], notes: list[str]) -> None:
    """Walk in document order; RDF's own elements are transparent."""
    kept = 0
    stack: list[tuple[Element, Name | None, int]] = [(root, None, 0)]
    while stack:
        element, owner, depth = stack.pop()
        name = _name(element.tag) if isinstance(element.tag, str) else ("", "")
        if name == _PANTRY:
            continue
        if name[0] not in _SHELLS:
            owner = name
        if kept >= MAX_VALUES or depth > MAX_DEPTH:
            notes.append("XMP is nested deeper, or holds more, than is read")
            continue
        for key, value in element.attrib.items():
            attribute = _name(key)
            if attribute[0] not in (*_SHELLS, _XML, ""):
                values.setdefault(attribute, []).append(value[:MAX_TEXT])
                kept += 1
            elif attribute == (RDF, "resource") and owner is not None:
                values.setdefault(owner, []).append(value[:MAX_TEXT])
                kept += 1
        if len(element) == 0:
            if owner is not None and element.text and element.text.strip():
                values.setdefault(owner, []).append(element.text[:MAX_TEXT])
                kept += 1
            continue
        stack.extend((child, owner, depth + 1) for child in reversed(element))
