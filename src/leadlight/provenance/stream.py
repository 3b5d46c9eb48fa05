"""How a JPEG stream is built: its tables, sampling, order of markers, and what follows its end.

ITU-T T.81 for the stream, T.871 for JFIF, CIPA DC-007 for the multi-picture format.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from leadlight.provenance import jpeg
from leadlight.provenance.quantisation import Table, is_ijg, quality_of
from leadlight.provenance.tiff import read_tiff
from leadlight.records.codec import dumps

MAX_STREAMS: Final = 32
"""JPEG streams counted one behind the other."""

STANDARD_HUFFMAN: Final = frozenset(
    {"8cf60aa835f8474b", "9fb04cb1a8076318", "af48d4f608dfb682", "f27ce9b718f91cd4"}
)
"""Digests of the tables K.3 to K.6 of T.81, as `_huffman` makes them."""
_CARRIERS: Final = (
    (0xE0, b"JFIF\0", "JFIF"),
    (0xE0, b"JFXX\0", "JFXX"),
    (0xE0, b"AVI1", "AVI1"),
    (0xE1, b"Exif\0", "EXIF"),
    (0xE1, b"http://ns.adobe.com/xap/1.0/\0", "XMP"),
    (0xE1, b"http://ns.adobe.com/xmp/extension/\0", "XMP+"),
    (0xE2, b"ICC_PROFILE\0", "ICC"),
    (0xE2, b"MPF\0", "MPF"),
    (0xE2, b"FPXR\0", "FPXR"),
    (0xEB, b"JP", "JUMBF"),
    (0xEC, b"Ducky", "DUCKY"),
    (0xED, b"Photoshop 3.0\0", "PHOTOSHOP"),
    (0xEE, b"Adobe", "ADOBE"),
)
_NAMES: Final = {0xC4: "DHT", 0xDA: "SOS", 0xDB: "DQT", 0xDD: "DRI", 0xFE: "COM", 0xD9: "EOI"}
_AFTER: Final = (
    (b"\xff\xd8\xff", 0, "JPEG picture"),
    (b"PK\x03\x04", 0, "ZIP archive"),
    (b"ftyp", 4, "MP4 or QuickTime video"),
    (b"Rar!\x1a\x07", 0, "RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", 0, "7z archive"),
    (b"\x89PNG", 0, "PNG picture"),
    (b"RIFF", 0, "RIFF file"),
    (b"%PDF-", 0, "PDF document"),
)


@dataclass(frozen=True, slots=True)
class Component:
    """One colour component of the frame."""

    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True, slots=True)
class Stream:
    """The build of the first JPEG stream of a file."""

    frame: int
    """The SOF marker's second byte: 0xC0 baseline, 0xC1 extended, 0xC2 progressive."""
    width: int
    height: int
    precision: int
    components: tuple[Component, ...]
    tables: tuple[Table, ...]
    """By the components' use: first that of the first component; each table once."""
    huffman: str
    """'standard' (T.81, annex K.3), 'own', or 'none' where no table is in the file."""
    order: tuple[str, ...]
    """Markers by class, repeats of one kind in a row counted once, to the first SOS."""
    scans: int
    restart: int
    """Restart interval in MCUs; 0 for none."""
    comments: int
    """Bytes of comments."""
    pictures: int
    """Pictures that the multi-picture index states; 0 without one."""
    complete: bool
    """Whether the stream ends with EOI."""
    end: int
    """Where it ends."""
    streams: int
    """JPEG streams from the start of the file, one directly behind the other."""

    @property
    def progressive(self) -> bool:
        """Whether the frame is progressive."""
        return self.frame in (0xC2, 0xC6, 0xCA, 0xCE)

    @property
    def sampling(self) -> str:
        """'4:2:0' and so on where it has a name; else the factors; 'none' for a frame without components."""
        factors = [(c.horizontal, c.vertical) for c in self.components]
        if not factors:
            return "none"
        if len(factors) == 1:
            return "grey"
        if len(factors) == 3 and factors[1:] == [(1, 1)] * 2:
            named = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}
            if factors[0] in named:
                return named[factors[0]]
        return ",".join(f"{h}x{v}" for h, v in factors)

    @property
    def quality(self) -> int | None:
        """The nearest IJG quality, 1 to 100."""
        return quality_of(self.tables[0]) if self.tables else None

    @property
    def ijg(self) -> bool:
        """Whether the tables are exactly those of that quality."""
        return is_ijg(self.tables)

    @property
    def quantisation(self) -> str:
        """Digest of tables and sampling, 16 hex digits."""
        return _digest([self.tables, self.sampling])

    @property
    def signature(self) -> str:
        """Digest of all that a writer decides and a picture does not, 16 hex digits."""
        return _digest(
            [self.tables, self.sampling, self.huffman, self.frame, self.precision, self.restart > 0, self.order]
        )


def _digest(value: object) -> str:
    return hashlib.sha256(dumps(value).encode("ascii")).hexdigest()[:16]


def read_stream(data: bytes) -> Stream | None:
    """The build of the JPEG stream that `data` begins with; None where there is no frame. Never raises."""
    order: list[str] = []
    tables: dict[int, Table] = {}
    huffman: set[str] = set()
    frame: tuple[int, bytes] | None = None
    scans = restart = comments = pictures = 0
    last = None
    for segment in jpeg.segments(data, scans=True):
        last = segment
        body = data[segment.start : segment.end]
        if not scans and segment.marker != jpeg.SOI:
            name = _class(segment.marker, body)
            if order[-1:] != [name]:
                order.append(name)
        if segment.marker == jpeg.DQT:
            for number, table in _quantisation(body):
                tables.setdefault(number, table)
        elif segment.marker == jpeg.DHT:
            huffman.update(_huffman(body))
        elif segment.marker in jpeg.FRAMES and frame is None:
            frame = (segment.marker, body)
        elif segment.marker == jpeg.SOS:
            scans += 1
        elif segment.marker == jpeg.DRI and len(body) >= 2:
            restart = int.from_bytes(body[:2], "big")
        elif segment.marker == jpeg.COM:
            comments += len(body)
        elif segment.marker == jpeg.APP2 and body.startswith(b"MPF\0"):
            pictures = max(pictures, _mpf(body[4:]))
    if last is None or frame is None or len(frame[1]) < 6:
        return None
    marker, body = frame
    components = tuple(
        Component(body[at + 1] >> 4, body[at + 1] & 15, body[at + 2])
        for at in range(6, min(len(body) - 2, 6 + 3 * min(body[5], 8)), 3)
    )
    used = dict.fromkeys(c.table for c in components)
    complete = last.marker == jpeg.EOI
    return Stream(
        frame=marker,
        width=int.from_bytes(body[3:5], "big"),
        height=int.from_bytes(body[1:3], "big"),
        precision=body[0],
        components=components,
        tables=tuple(tables[n] for n in used if n in tables),
        huffman="none" if not huffman else "standard" if huffman <= STANDARD_HUFFMAN else "own",
        order=tuple(order),
        scans=scans,
        restart=restart,
        comments=comments,
        pictures=pictures,
        complete=complete,
        end=last.end,
        streams=_streams(data, last.end) if complete else 1,
    )


def _class(marker: int, body: bytes) -> str:
    for number, start, name in _CARRIERS:
        if marker == number and body.startswith(start):
            return name
    if marker in jpeg.FRAMES:
        return f"SOF{marker - 0xC0}"
    return _NAMES.get(marker, f"APP{marker - 0xE0}" if 0xE0 <= marker <= 0xEF else f"{marker:02X}")


def _quantisation(body: bytes) -> Iterable[tuple[int, Table]]:
    at = 0
    while at < len(body):
        wide, number = body[at] >> 4, body[at] & 15
        size = 128 if wide else 64
        raw = body[at + 1 : at + 1 + size]
        if len(raw) < size:
            return
        yield (
            number,
            tuple(int.from_bytes(raw[n : n + 2], "big") for n in range(0, 128, 2)) if wide else tuple(raw),
        )
        at += 1 + size


def _huffman(body: bytes) -> Iterable[str]:
    """A digest for each table: its class and number, code lengths and values."""
    at = 0
    while at + 17 <= len(body):
        end = at + 17 + sum(body[at + 1 : at + 17])
        yield hashlib.sha256(body[at:end]).hexdigest()[:16]
        at = end


def _mpf(body: bytes) -> int:
    tiff = read_tiff(body)
    field = tiff.main.get(0xB001) if tiff is not None else None
    count = field.number() if field is not None else None
    return min(int(count), 65535) if count is not None and count > 0 else 0


def _streams(data: bytes, end: int) -> int:
    """How many JPEG streams lie one behind the other; padding with NULs between them is passed over."""
    count = 1
    while count < MAX_STREAMS:
        start = data.find(b"\xff\xd8\xff", end, end + 65536)
        if start < 0 or data[end:start].strip(b"\0"):
            break
        last = deque(jpeg.segments(data, start=start, scans=True), maxlen=1).pop()
        if last.marker != jpeg.EOI:
            break
        count, end = count + 1, last.end
    return count


def what_follows(data: bytes, end: int) -> tuple[int, str]:
    """How many bytes follow the end of the stream, and what they look like ('' for none)."""
    rest = len(data) - end
    if rest <= 0:
        return 0, ""
    start = end
    head = data[end : end + 65536]
    if not head.strip(b"\0"):
        return rest, "padding" if not data[end:].strip(b"\0") else "bytes of no known kind"
    start += len(head) - len(head.lstrip(b"\0"))
    # An MP4 box begins with its length, whose first bytes may be NUL.
    for at in (start, *range(max(end, start - 3), start)):
        for magic, skip, name in _AFTER:
            if data[at + skip : at + skip + len(magic)] == magic:
                return rest, name
    if (found := data.find(b"ftyp", end)) >= 0 and data[found + 4 : found + 8] in (
        b"mp42",
        b"isom",
        b"mp41",
        b"qt  ",
    ):
        return rest, "MP4 or QuickTime video"
    if data.endswith(b"SEFT"):
        return rest, "Samsung trailer"
    return rest, "bytes of no known kind"
