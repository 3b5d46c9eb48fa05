"""What bytes are, judged from the bytes and never from the name.

What Leadlight decodes or unpacks is told by own signatures, for there the answer must be exact; for the long tail
puremagic is asked: pure Python, kept, MIT, no system library and no model to load.
"""

from __future__ import annotations

from collections.abc import Iterator

import puremagic

from leadlight.chart import chart_png
from leadlight.content import EMPTY, UNKNOWN, Content, FileType
from leadlight.identify.disks import disk_type
from leadlight.identify.signatures import TEXT, ZIP, by_signature, zip_kind
from leadlight.records import Finding, Item, finding
from leadlight.seams import Cost, Example, Known

_HEAD = 8192
_END_OF_ZIP = b"PK\x05\x06"
_TRUSTED = 0.8
"""puremagic's confidence below which its answer is no better than none."""


class Filetype:
    """The first analyser of all: names the type."""

    name = "identify.filetype"
    version = "1"
    extra = None
    requires = ("puremagic",)
    needs: frozenset[str] = frozenset()
    gives = frozenset({finding.FILETYPE})
    families: frozenset[str] = frozenset()
    per_place = False
    cost = Cost.HEADER

    def identify(self, content: Content) -> FileType:
        """The type of a content. Never raises."""
        if not content.size:
            return EMPTY
        head = content.head(_HEAD)
        found = by_signature(head)
        if found is not None:
            return found
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
            return zip_kind(head, content.tail())
        return disk_type(content) or _text(head) or _tail(head)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        filetype = content.filetype
        payload: dict[str, object] = {
            "media_type": filetype.media_type,
            "family": filetype.family,
            "extension": filetype.extension,
            "label": filetype.label,
        }
        statement = f"The bytes are: {filetype.label}."
        if filetype.family in ("picture", "document", "video", "audio") and _hides_zip(content):
            payload["also"] = ["application/zip"]
            statement += " A ZIP archive is appended: more may lie in it."
        yield Finding(self.name, self.version, finding.FILETYPE, statement, payload)

    def examples(self) -> tuple[Example, ...]:
        kinds = (finding.FILETYPE,)
        return (
            Example("png", lambda: chart_png(16, 16, 1), kinds, {"media_type": "image/png", "family": "picture"}),
            Example("text", lambda: b"A plain line of text.\n", kinds, {"family": "text"}),
            Example("empty", lambda: b"", kinds, {"family": "empty"}),
            Example("unknown", lambda: bytes(range(128, 256)) * 3, kinds, {"family": "unknown"}),
            Example("zip", lambda: b"PK\x05\x06" + bytes(18), kinds, {"media_type": "application/zip"}),
        )


def _hides_zip(content: Content) -> bool:
    if content.filetype.media_type == ZIP.media_type or content.filetype.media_type.startswith(
        ("application/vnd.o", "application/epub")
    ):
        return False
    tail = content.tail(22 + 256)
    at = tail.rfind(_END_OF_ZIP)
    return at >= 0 and len(tail) - at >= 22


_STARTS = (
    (b"<!doctype html", FileType("text/html", "text", "html", "HTML text")),
    (b"<html", FileType("text/html", "text", "html", "HTML text")),
    (b"<svg", FileType("image/svg+xml", "picture", "svg", "SVG drawing")),
    (b"<?xml", FileType("application/xml", "text", "xml", "XML text")),
)


def _text(head: bytes) -> FileType | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and len(head) >= 4 and (0 in head[2:4]):
        return TEXT
    body = head.removeprefix(b"\xef\xbb\xbf")
    if not body or any(b in _CONTROL for b in body):
        return None
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as e:
        if e.start < len(body) - 3:
            return None
    start = body.lstrip()[:512].lower()
    for mark, filetype in _STARTS:
        if start.startswith(mark):
            if filetype.media_type == "application/xml" and b"<svg" in start:
                return _STARTS[2][1]
            return filetype
    return TEXT


_CONTROL = frozenset(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27}


def _tail(head: bytes) -> FileType:
    try:
        answers = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError, IndexError, UnicodeDecodeError, AttributeError, TypeError):
        return UNKNOWN
    best = max(answers, key=lambda a: (a.confidence, len(a.byte_match)), default=None)
    if best is None or best.confidence < _TRUSTED or len(best.byte_match) < 4:
        return UNKNOWN
    major = (best.mime_type or "").partition("/")[0]
    family = {"image": "picture", "video": "video", "audio": "audio", "text": "text"}.get(major, "other")
    extension = (best.extension or "").lstrip(".")
    return FileType(
        best.mime_type or UNKNOWN.media_type, family, extension, (best.name or extension or "file")[:80]
    )


PLUGIN = Filetype()
