"""What bytes are, judged from the bytes and never from the name.

What Leadlight decodes or unpacks is told by own signatures, for there the answer must be exact; for the long tail
puremagic is asked: pure Python, kept, MIT, no system library and no model to load.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import puremagic

from leadlight.chart import chart_png
from leadlight.content import EMPTY, UNKNOWN, Content, FileType
from leadlight.identify import carving
from leadlight.identify.disks import disk_type
from leadlight.identify.ending import ends_of
from leadlight.identify.rarer import rarer_type
from leadlight.identify.signatures import TEXT, ZIP, by_signature, zip_kind
from leadlight.records import Finding, Item, finding
from leadlight.seams import Cost, Example, Known

_HEAD = 8192
_END_OF_ZIP = b"PK\x05\x06"
_ZIP_TAIL = 22 + 65_535
"""The record that ends a ZIP archive, and the longest comment that may follow it."""
_ZIP_ENDS = 16
"""Marks of that record looked at, from the end."""
_TRUSTED = 0.8
"""puremagic's confidence below which its answer is no better than none: a match of less than eight bytes."""
_DISTINCT = 4
"""Distinct bytes that a match must have: runs of zeros or of 0xFF are in all kinds of files."""


_CARRIERS = frozenset({"text", "program", "database", "other", "unknown", "document"})
"""Families that are no media and may carry some."""
_SAMPLE = 64 * 1024
_EVEN = 7.95
"""Bits a byte; encrypted and well compressed bytes have 7.99 and more in such a sample."""
_PIECE = 4096
"""Bytes of a long text looked at in one place."""


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
        return disk_type(content) or rarer_type(content, head) or _whole_text(content, head) or _tail(head)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        filetype = content.filetype
        payload: dict[str, object] = {
            "media_type": filetype.media_type,
            "family": filetype.family,
            "extension": filetype.extension,
            "label": filetype.label,
        }
        statement = f"The bytes are: {filetype.label}."
        also: set[str] = set()
        if filetype.family in ("picture", "document", "video", "audio") and _hides_zip(content):
            also.add("application/zip")
            statement += " A ZIP archive is appended: more may lie in it."
        if filetype.family == "picture":
            ends = ends_of(content)
            payload["extra_bytes"] = ends.extra
            if ends.extra:
                statement += f" {ends.extra} bytes lie outside the picture, where no viewer shows them."
            for start, end in (*ends.after, *ends.beside):
                also |= carving.signatures(_between(content, start, end))
        elif filetype.family in _CARRIERS:
            payload["carries"] = carried = carving.carried(content)
            if carried:
                statement += f" Signatures of media lie in it: {', '.join(carried)}."
        if filetype.family == "unknown" and _high_entropy(content):
            payload["high_entropy"] = True
            statement += " They look encrypted or compressed."
        if also:
            payload["also"] = sorted(also)
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
    """Whether a ZIP archive that holds something ends the file: its last record and the directory it names."""
    if content.filetype.media_type == ZIP.media_type or content.filetype.media_type.startswith(
        ("application/vnd.o", "application/epub")
    ):
        return False
    tail = content.tail(_ZIP_TAIL)
    at = tail.rfind(_END_OF_ZIP)
    for _ in range(_ZIP_ENDS):
        if at < 0:
            return False
        record = tail[at : at + 22]
        length = int.from_bytes(record[12:16], "little")
        if len(record) == 22 and record[10:12] != b"\0\0":
            start = content.size - len(tail) + at - length
            if tail[max(0, at - 20) : at][:4] == b"PK\x06\x07" or _bytes_at(content, start) == b"PK\x01\x02":
                return True
        at = tail.rfind(_END_OF_ZIP, 0, at)
    return False


def _bytes_at(content: Content, start: int) -> bytes:
    if start < 0:
        return b""
    with content.open() as stream:
        stream.seek(start)
        return stream.read(4)


def _between(content: Content, start: int, end: int) -> bytes:
    """A stretch; of a long one the first and the last 4 MiB."""
    most = carving.SEARCHED
    with content.open() as stream:
        stream.seek(start)
        first = stream.read(min(end - start, most))
        if end - start <= most:
            return first
        stream.seek(max(start + most, end - most))
        return first + stream.read(min(most, end - start - most))


def _high_entropy(content: Content) -> bool:
    """Whether 64 KiB at the start or in the middle are as even as what is encrypted or compressed."""
    if content.size < _SAMPLE:
        return False
    with content.open() as stream:
        for at in (0, (content.size - _SAMPLE) // 2):
            stream.seek(at)
            sample = stream.read(_SAMPLE)
            counts = Counter(sample).values()
            if -sum(n / len(sample) * math.log2(n / len(sample)) for n in counts) > _EVEN:
                return True
    return False


def _whole_text(content: Content, head: bytes) -> FileType | None:
    """Text by its first bytes, where two samples of the middle and the end are text as well."""
    found = _text(head)
    if found is None or content.size <= len(head):
        return found
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    last = content.size - _PIECE
    with content.open() as stream:
        for at in (content.size // 3, content.size * 2 // 3, last):
            start = max(len(head), min(at, last)) & ~1
            stream.seek(start)
            piece = stream.read(_PIECE)
            if wide:
                piece = _whole_letters(head[:2], piece)
            else:
                piece = piece.rstrip(b"\0\x1a") if at == last else piece
                piece = piece.lstrip(bytes(range(0x80, 0xC0))) if piece[:1] >= b"\x80" else piece
            if piece and _text(piece) is None:
                return None
    return found


def _whole_letters(mark: bytes, piece: bytes) -> bytes:
    """UTF-16 from the middle of a text: without a half of a letter at its start, with the mark."""
    top = piece[1 if mark[0] == 0xFF else 0 :][:1]
    return mark + (piece[2:] if top and 0xDC <= top[0] <= 0xDF else piece)


_STARTS = (
    (b"<!doctype html", FileType("text/html", "text", "html", "HTML text")),
    (b"<html", FileType("text/html", "text", "html", "HTML text")),
    (b"<svg", FileType("image/svg+xml", "picture", "svg", "SVG drawing")),
    (b"<?xml", FileType("application/xml", "text", "xml", "XML text")),
)


def _text(head: bytes) -> FileType | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _wide_text(head)
    body = head.removeprefix(b"\xef\xbb\xbf")
    if not body or len(body.translate(None, _CONTROL)) != len(body):
        return None
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as e:
        if e.start < len(body) - 3:
            return _old_text(body)
    start = body.lstrip()[:512].lower()
    for mark, filetype in _STARTS:
        if start.startswith(mark):
            if filetype.media_type == "application/xml" and b"<svg" in start:
                return _STARTS[2][1]
            return filetype
    return TEXT


_CONTROL = bytes(set(range(32)) - {7, 8, 9, 10, 11, 12, 13, 27})
_NOT_LATIN = b"\x7f\x81\x8d\x8f\x90\x9d"
"""What Windows-1252, and with it what is printable in ISO 8859-1, leaves undefined."""


def _wide_text(head: bytes) -> FileType | None:
    """UTF-16 with its mark: it decodes, and holds no control characters."""
    even = head[: len(head) & ~1]
    if even[-2:-1] and 0xD8 <= even[-1 if head[0] == 0xFF else -2] <= 0xDB:
        even = even[:-2]
    try:
        text = even.decode("utf-16")
    except UnicodeDecodeError:
        return None
    return TEXT if text and not any(ord(c) < 32 and ord(c) not in (9, 10, 12, 13) for c in text) else None


def _old_text(body: bytes) -> FileType | None:
    """Text of one byte a letter, as old Windows programs write it: nearly all of it ASCII, the rest letters."""
    high = len(body) - len(body.translate(None, bytes(range(128, 256))))
    if high * 4 > len(body) or len(body.translate(None, _NOT_LATIN)) != len(body):
        return None
    return TEXT


def _tail(head: bytes) -> FileType:
    try:
        answers = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError, IndexError, UnicodeDecodeError, AttributeError, TypeError):
        return UNKNOWN
    told = [a for a in answers if a.confidence >= _TRUSTED and len(set(a.byte_match)) >= _DISTINCT]
    if not told:
        return UNKNOWN
    best = max(told, key=lambda a: (len(a.byte_match), -a.offset, a.mime_type, a.extension, a.name))
    major = (best.mime_type or "").partition("/")[0]
    family = {"image": "picture", "video": "video", "audio": "audio", "text": "text"}.get(major, "other")
    extension = (best.extension or "").lstrip(".")
    return FileType(
        best.mime_type or UNKNOWN.media_type, family, extension, (best.name or extension or "file")[:80]
    )


PLUGIN = Filetype()
