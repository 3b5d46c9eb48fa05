"""What EXIF states (CIPA DC-008, EXIF 3.0), as plain values with their units. Nothing is judged here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from leadlight.content import Content
from leadlight.provenance import jpeg
from leadlight.provenance.blocks import read_blocks
from leadlight.provenance.tiff import Directory, Tiff, read_tiff

MAX_THUMBNAIL: Final = 4 * 1024 * 1024

_DATE: Final = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?")
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as a clock showed it, and its distance from UTC where that is stated."""

    local: datetime
    """Without time zone."""
    offset: timedelta | None = None

    @property
    def utc(self) -> datetime | None:
        """In UTC, or None where the offset is not stated or can't be."""
        if self.offset is None:
            return None
        try:
            return self.local.replace(tzinfo=timezone(self.offset)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None

    def iso(self) -> str:
        """ISO 8601, with the offset where there is one."""
        return self.local.isoformat(timespec="seconds") + offset_text(self.offset)


def offset_text(offset: timedelta | None) -> str:
    """'+02:00'; '' for None."""
    if offset is None:
        return ""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def read_offset(text: str | None) -> timedelta | None:
    """'+02:00' or 'Z' as a difference from UTC; None where it is neither. It may be one that no clock has."""
    if text is None:
        return None
    if text.strip() == "Z":
        return timedelta()
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    span = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -span if found[1] == "-" else span


def read_stamp(text: str | None, offset: str | None = None) -> Stamp | None:
    """A time as EXIF ('2024:05:01 10:22:03') or XMP (ISO 8601) writes it; None for one that is not set."""
    if not text:
        return None
    found = _ISO.match(text)
    if found is not None and found[7]:
        offset = found[7]
    found = found or _DATE.match(text)
    if found is None:
        return None
    year, month, day, hour, minute = (int(found[n]) for n in range(1, 6))
    try:
        local = datetime(year, month, day, hour, minute, min(int(found[6] or 0), 59))  # noqa: DTZ001
    except ValueError:
        return None
    return Stamp(local, read_offset(offset))


@dataclass(frozen=True, slots=True)
class Place:
    """A position as stated."""

    lat: float
    """Degrees, north positive. It may be one that does not exist."""
    lon: float
    """Degrees, east positive."""
    alt: float | None
    """Metres over the reference the file names (sea level)."""


@dataclass(frozen=True, slots=True)
class Exif:
    """The facts that EXIF states of a camera and a capture; None for what it does not state."""

    make: str | None = None
    model: str | None = None
    lens: str | None = None
    serial: str | None = None
    lens_serial: str | None = None
    owner: str | None = None
    """The camera's owner, as set in the camera."""
    artist: str | None = None
    image_id: str | None = None
    """ImageUniqueID."""
    software: str | None = None
    captured: Stamp | None = None
    digitised: Stamp | None = None
    modified: Stamp | None = None
    offsets: tuple[str, ...] = ()
    """The stated time zones, as written."""
    place: Place | None = None
    gps_time: datetime | None = None
    """UTC, by satellite."""
    orientation: int | None = None
    thumbnail_orientation: int | None = None
    width: int | None = None
    """Pixels, as stated (PixelXDimension)."""
    height: int | None = None
    exposure_time: float | None = None
    """Seconds."""
    f_number: float | None = None
    iso: float | None = None
    focal_length: float | None = None
    """Millimetres."""
    flash: bool | None = None
    """Whether it fired."""
    maker_note: int = 0
    """Bytes of the maker note; its contents are not read."""
    thumbnail: bytes | None = None
    """An embedded JPEG."""
    notes: tuple[str, ...] = ()


def exif_of(content: Content) -> Exif:
    """The EXIF of a content, read once. Raises LimitReached as `read_blocks` does."""
    return content.memo("provenance.exif", lambda: read_exif(read_blocks(content).exif))


def read_exif(block: bytes | None) -> Exif:
    """The facts in a TIFF-structured block; an empty record where there are none. Never raises on any bytes."""
    tiff = read_tiff(block) if block else None
    if tiff is None or block is None:
        return Exif(notes=("the EXIF block is not readable",) if block else ())
    main, exif, gps = tiff.main, tiff.exif, tiff.gps
    maker = exif.get(0x927C)
    flash = _number(exif, 0x9209)
    orientation = _whole(main, 0x0112)
    return Exif(
        make=_text(main, 0x010F),
        model=_text(main, 0x0110) or _text(main, 0xC614),
        lens=_text(exif, 0xA434),
        serial=_text(exif, 0xA431) or _text(main, 0xC62F),
        lens_serial=_text(exif, 0xA435),
        owner=_text(exif, 0xA430),
        artist=_text(main, 0x013B),
        image_id=_text(exif, 0xA420),
        software=_text(main, 0x0131),
        captured=read_stamp(_text(exif, 0x9003), _text(exif, 0x9011)),
        digitised=read_stamp(_text(exif, 0x9004), _text(exif, 0x9012)),
        modified=read_stamp(_text(main, 0x0132), _text(exif, 0x9010)),
        offsets=tuple(t for t in (_text(exif, n) for n in (0x9010, 0x9011, 0x9012)) if t),
        place=_place(gps),
        gps_time=_gps_time(gps),
        orientation=orientation if orientation is not None and 1 <= orientation <= 8 else None,
        thumbnail_orientation=_whole(tiff.thumbnail, 0x0112),
        width=_whole(exif, 0xA002),
        height=_whole(exif, 0xA003),
        exposure_time=_positive(exif, 0x829A),
        f_number=_positive(exif, 0x829D),
        iso=_positive(exif, 0x8827),
        focal_length=_positive(exif, 0x920A),
        flash=None if flash is None else bool(int(flash) & 1),
        maker_note=len(maker.raw(len(block))) if maker is not None else 0,
        thumbnail=_thumbnail(block, tiff),
        notes=tiff.damage,
    )


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the frame header of a JPEG states."""
    for segment in jpeg.segments(data):
        if segment.marker in jpeg.FRAMES and segment.end - segment.start >= 6:
            height, width = (
                data[segment.start + 1 : segment.start + 3],
                data[segment.start + 3 : segment.start + 5],
            )
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
    return None


def _text(directory: Directory, tag: int) -> str | None:
    field = directory.get(tag)
    if field is None or field.kind not in (1, 2, 7, 129):
        return None
    return field.text() or None


def _number(directory: Directory, tag: int) -> float | None:
    field = directory.get(tag)
    return None if field is None else field.number()


def _whole(directory: Directory, tag: int) -> int | None:
    value = _number(directory, tag)
    return None if value is None else int(value)


def _positive(directory: Directory, tag: int) -> float | None:
    value = _number(directory, tag)
    return value if value is not None and value > 0 else None


def _place(gps: Directory) -> Place | None:
    lat, lon = _degrees(gps, 2, 1, "S"), _degrees(gps, 4, 3, "W")
    if lat is None or lon is None:
        return None
    alt = _number(gps, 6)
    below = _number(gps, 5) == 1
    return Place(lat, lon, None if alt is None else round(-alt if below else alt, 3))


def _degrees(gps: Directory, tag: int, reference: int, negative: str) -> float | None:
    field = gps.get(tag)
    parts = field.numbers() if field is not None else ()
    if not parts or field is None or field.count > 3 or any(p != p or abs(p) == float("inf") for p in parts):
        return None
    value = float(sum(p / 60.0**n for n, p in enumerate(parts)))
    return round(-value if (_text(gps, reference) or "").upper() == negative else value, 7)


def _gps_time(gps: Directory) -> datetime | None:
    field = gps.get(7)
    parts = field.numbers() if field is not None else ()
    date = _text(gps, 29)
    if len(parts) < 3 or not date or any(not 0 <= p < 61 for p in parts[:3]):
        return None
    stamp = read_stamp(f"{date} {int(parts[0]):02}:{int(parts[1]):02}:{int(parts[2]):02}", "+00:00")
    return None if stamp is None else stamp.utc


def _thumbnail(block: bytes, tiff: Tiff) -> bytes | None:
    start, length = _whole(tiff.thumbnail, 0x0201), _whole(tiff.thumbnail, 0x0202)
    if start is None or length is None or not 0 < length <= MAX_THUMBNAIL or start < 0:
        return None
    data = block[start : start + length]
    return data if data[:2] == b"\xff\xd8" else None
