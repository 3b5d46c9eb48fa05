"""Where a C2PA manifest may lie: a cheap look before the library is asked.

The library reads a directory of chunks or boxes in most formats, in a fifth of a millisecond; JPEG, GIF, SVG and
documents it reads from end to end. For those the bytes are searched for what a manifest can't do without.
"""

from __future__ import annotations

from leadlight.config import MIB
from leadlight.content import Content
from leadlight.provenance import jpeg

STORE = b"jumdc2pa"
"""How a manifest store begins (ISO 19566-5): a description box, its type beginning 'c2pa'."""
REMOTE = b"dcterms:provenance"
"""The XMP property that names a manifest kept elsewhere."""
_ZIPPED = b"META-INF/content_credential.c2pa"
APP11 = 0xEB

_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/mpo": "image/jpeg",
    "image/apng": "image/png",
    "image/vnd.mozilla.apng": "image/png",
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heif",
    "video/3gpp": "video/mp4",
    "video/3gpp2": "video/mp4",
    "video/vnd.avi": "video/avi",
    "audio/x-m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
}


def media_type(content: Content) -> str:
    """The media type by the name that the library knows."""
    found = content.filetype.media_type
    return _SAME.get(found, found)


def may_hold(kind: str, content: Content) -> bool:
    """Whether a content of media type `kind` may hold or name a manifest. No false 'no' for a sound file.

    Raises LimitReached for a GIF, SVG or PDF too large for memory: the library would hold it whole.
    """
    if kind == "image/jpeg":
        if content.size > content.limits.memory_bytes:
            return True
        data = content.data()
        end = _header_end(data)
        return data.find(STORE, 0, end) >= 0 or data.find(REMOTE, 0, end) >= 0
    if kind in ("image/gif", "image/svg+xml"):
        data = content.data()
        return STORE in data or REMOTE in data or (kind != "image/gif" and b"c2pa" in data)
    if kind == "application/pdf":
        data = content.data()
        return b"C2PA" in data or STORE in data or b"/ObjStm" in data
    if kind.startswith("application/") and kind != "application/mp4":
        return _ZIPPED in content.tail(MIB)
    return True


def store_in(content: Content) -> bool:
    """Whether a manifest store begins somewhere in the bytes; in the first and last 16 MiB of large ones."""
    if content.size <= content.limits.memory_bytes:
        return STORE in content.data()
    return STORE in content.head(16 * MIB) or STORE in content.tail(16 * MIB)


def without_store(data: bytes) -> bytes:
    """A JPEG without its APP11 segments, in which JUMBF lies: for examples."""
    kept = bytearray(data)
    for segment in reversed(list(jpeg.segments(data))):
        if segment.marker == APP11:
            del kept[segment.at : segment.end]
    return bytes(kept)


def naming(data: bytes, url: str) -> bytes:
    """A JPEG with an XMP packet that names a manifest at `url`: for examples."""
    packet = (
        b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        b'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="%s"/></rdf:RDF></x:xmpmeta>' % url.encode()
    )
    return data[:2] + b"\xff\xe1" + (len(packet) + 2).to_bytes(2, "big") + packet + data[2:]


def _header_end(data: bytes) -> int:
    """Where the first scan begins; the end of the bytes where the segments can't be followed to one."""
    last = None
    for segment in jpeg.segments(data):
        last = segment
    return last.at if last is not None and last.marker in (jpeg.SOS, jpeg.EOI) else len(data)
