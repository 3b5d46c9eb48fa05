"""Statements in one file that can't all be true: times, sizes, places, programs, and the embedded thumbnail.

A contradiction weighs nothing by itself: editors, scanners and unset clocks make them too. It tells a person
where to look. An embedded thumbnail that shows another picture is the strongest: cameras write it at capture
and some editors leave it as it was, so it may show what was there before.

Where all that a camera writes is there and agrees, thumbnail and stated size too, that weighs a little more than
the statements alone: a stamp that is copied from another file does not fit. Whoever takes care can make it fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from types import MappingProxyType
from typing import Any, Final

from leadlight.content import Content, Picture, Reduced
from leadlight.errors import ContentError
from leadlight.provenance import specimen, xmp
from leadlight.provenance.blocks import read_blocks
from leadlight.provenance.camera import complete, stated_of
from leadlight.provenance.exif import Stamp, exif_of, read_offset, read_stamp
from leadlight.provenance.thumbnail import ANOTHER, SAME, Comparison, compare, thinned
from leadlight.provenance.xmp import xmp_of
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import plain
from leadlight.seams import Cost, Example, Known

ANY_ZONE: Final = timedelta(hours=26)
"""The most by which two clocks can differ that show the same moment in two time zones."""
FIRST_DIGITAL: Final = 1990
"""No digital camera that writes EXIF was sold before."""
_EDITORS: Final = (
    "photoshop", "lightroom", "gimp", "snapseed", "picsart", "facetune", "pixelmator", "affinity", "capture one",
    "darktable", "rawtherapee", "luminar", "meitu", "faceapp", "remini", "paint.net", "photoscape", "picasa",
    "acdsee", "imagemagick", "photo viewer", "polarr", "vsco", "canva", "krita", "corel", "dxo",
)  # fmt: skip
_MODEL: Final = "trainedAlgorithmicMedia"
_WHOLE_PICTURE: Final = frozenset(
    {"image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/avif"}
)
"""Formats whose EXIF is of the picture itself; in raw formats it may be of a preview."""

AGREES: Final = 0.6
"""log10 of the likelihood ratio where make, model, exposure and maker note are there and all agrees, by policy."""

Contradiction = tuple[str, str, dict[str, Any]]
"""Its name, the statement, the facts."""


def _times(content: Content) -> Iterator[Contradiction]:
    exif, packet, stated = exif_of(content), xmp_of(content), stated_of(content)
    captured, modified = stated.captured, stated.modified
    if captured is not None and modified is not None and _before(modified, captured):
        yield (
            "modified before captured",
            f"States to be modified {_shown(modified)}, before it was taken {_shown(captured)}.",
            {"captured": captured.iso(), "modified": modified.iso()},
        )
    if captured is not None and captured.local.year < FIRST_DIGITAL:
        yield (
            "before digital cameras",
            f"States to be taken {_shown(captured)}, before digital cameras: a scan, or a clock that was not set.",
            {"captured": captured.iso()},
        )
    if captured is not None and exif.gps_time is not None:
        utc = captured.utc
        apart = abs((utc or captured.local.replace(tzinfo=UTC)) - exif.gps_time)
        if apart > ANY_ZONE:
            yield (
                "satellite time",
                f"The satellite time is {_span(apart)} from the time stated for the capture.",
                {"captured": captured.iso(), "gps_time": exif.gps_time.isoformat(), "hours": _hours(apart)},
            )
    other = read_stamp(packet.first(xmp.EXIF, "DateTimeOriginal"))
    if exif.captured is not None and other is not None:
        apart = abs(exif.captured.local - other.local)
        zones = apart <= ANY_ZONE and apart.total_seconds() % 900 in (0, 1, 899)
        if apart > timedelta(seconds=1) and not zones and not _same_moment(exif.captured, other):
            yield (
                "two capture times",
                f"EXIF and XMP state times of capture that lie {_span(apart)} apart.",
                {"exif": exif.captured.iso(), "xmp": other.iso(), "hours": _hours(apart)},
            )
    for text in exif.offsets:
        offset = read_offset(text)
        if offset is not None and (abs(offset) > timedelta(hours=14) or offset.total_seconds() % 900):
            yield (
                "impossible time zone",
                f"States a time zone that no place has ({display_text(text, 16)}).",
                {"offset": text[:16]},
            )
            break


def _before(first: Stamp, second: Stamp) -> bool:
    """Whether the first certainly lies before the second: where a zone is open, by more than any zone."""
    if first.utc is not None and second.utc is not None:
        return second.utc - first.utc > timedelta(seconds=2)
    return second.local - first.local > ANY_ZONE


def _same_moment(one: Stamp, other: Stamp) -> bool:
    return one.utc is not None and other.utc is not None and abs(one.utc - other.utc) <= timedelta(seconds=1)


def _shown(stamp: Stamp) -> str:
    return stamp.iso().replace("T", " ")


def _span(apart: timedelta) -> str:
    hours = apart.total_seconds() / 3600
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    return f"{hours:.0f} hours" if hours >= 2 else f"{apart.total_seconds() / 60:.0f} minutes"


def _hours(apart: timedelta) -> float:
    return round(apart.total_seconds() / 3600, 2)


def _devices(content: Content) -> Iterator[Contradiction]:
    exif, packet, stated, blocks = exif_of(content), xmp_of(content), stated_of(content), read_blocks(content)
    for what, ours, tag in (("make", exif.make, "Make"), ("model", exif.model, "Model")):
        theirs = packet.first(xmp.TIFF, tag)
        if ours and theirs and _plain_name(ours) != _plain_name(theirs):
            yield (
                f"two {what}s",
                f"EXIF states the {what} {display_text(ours, 48)}, XMP states {display_text(theirs, 48)}.",
                {"exif": display_text(ours, 200), "xmp": display_text(theirs, 200)},
            )
    place = stated.place
    if place is not None and (abs(place.lat) > 90 or abs(place.lon) > 180):
        yield "impossible place", "States a place that does not exist.", {"lat": place.lat, "lon": place.lon}
    software = next(
        (s for s in (exif.software, packet.first(xmp.XMP, "CreatorTool")) if s and _is_editor(s)), None
    )
    if software is not None and exif.maker_note:
        yield (
            "editor and maker note",
            f"Names {display_text(software, 48)} and still holds the camera's maker note: saved again since.",
            {"software": display_text(software, 200), "maker_note_bytes": exif.maker_note},
        )
    if stated.source_type == _MODEL and (exif.make or exif.model):
        yield (
            "camera and model",
            f"States a camera and also that a model made the whole picture ({_MODEL}).",
            {"source_type": stated.source_type},
        )
    digest = blocks.iptc_digest
    if blocks.iptc and digest is not None and any(digest) and digest != _md5(blocks.iptc):
        yield (
            "IPTC digest",
            "The IPTC records were changed by a program that did not renew their digest.",
            {"stated": digest.hex(), "computed": _md5(blocks.iptc).hex()},
        )


def _plain_name(text: str) -> str:
    return " ".join(text.casefold().split())


def _is_editor(software: str) -> bool:
    return any(name in software.casefold() for name in _EDITORS)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _sizes(content: Content, known: Known) -> Iterator[Contradiction]:
    exif, picture = exif_of(content), known.first(kinds.PICTURE)
    if picture is None or content.filetype.media_type not in _WHOLE_PICTURE:
        return
    if not exif.width or not exif.height or picture.payload.get("method") == "preview":
        return
    width, height = picture.payload.get("width"), picture.payload.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return
    if sorted((width, height)) != sorted((exif.width, exif.height)):
        yield (
            "stated size",
            f"States {exif.width} x {exif.height} pixels and has {width} x {height}: resized or cropped since.",
            {"stated": [exif.width, exif.height], "has": [width, height]},
        )


def _compared(content: Content) -> tuple[Comparison, int] | None:
    """How the embedded thumbnail and the picture agree, and the picture's orientation; None where that can't be
    told.
    """
    data = exif_of(content).thumbnail
    if data is None:
        return None
    try:
        picture: Picture | Reduced = content.scaled() or content.picture()
    except ContentError:
        return None
    if picture.method == "preview":
        return None
    found = compare(data, picture.luma if isinstance(picture, Reduced) else thinned(picture.pixels))
    return None if found is None else (found, picture.orientation)


def _thumbnail(content: Content, compared: tuple[Comparison, int] | None) -> Iterator[Contradiction]:
    data = exif_of(content).thumbnail
    if data is None or compared is None:
        return
    found, orientation = compared
    facts = {
        "correlation": found.correlation,
        "width": found.width,
        "height": found.height,
        "bytes": len(data),
        "method": found.method,
    }
    if found.best < ANOTHER:
        yield (
            "thumbnail",
            f"The embedded thumbnail shows another picture, or another cut of it (correlation {found.best:.2f}): "
            "look at both.",
            facts,
        )
    elif found.degrees and found.best >= SAME and orientation == 1:
        yield (
            "thumbnail turned",
            f"The picture was turned by {found.degrees} degrees since its thumbnail was made.",
            {**facts, "degrees": found.degrees},
        )
    elif found.best < SAME:
        yield (
            "thumbnail in part",
            f"The embedded thumbnail agrees only in part (correlation {found.best:.2f}): cropped, retouched or "
            "composed since.",
            facts,
        )
    elif not 0.9 < found.shape < 1.1:
        yield (
            "thumbnail shape",
            "The embedded thumbnail shows the same scene in another shape: cropped since, or stretched.",
            {**facts, "shape": found.shape},
        )


def _dated(captured: str, modified: str) -> bytes:
    return specimen.jpeg(
        exif=specimen.exif_block({**specimen.CAMERA, 0x0132: modified}, {**specimen.CAPTURE, 0x9003: captured})
    )


def _with_thumbnail(seed: int, more: Mapping[int, int] = MappingProxyType({})) -> bytes:
    small = specimen.jpeg(width=160, height=120, seed=seed)
    return specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA, {**specimen.CAPTURE, **more}, thumbnail=small))


class Consistency:
    """One finding for each contradiction, none of which weighs; or one where all that a camera writes agrees."""

    name = "provenance.consistency"
    version = "2"
    extra = None
    requires: tuple[str, ...] = ()
    needs = frozenset({kinds.CAMERA})
    gives = frozenset({kinds.CONTRADICTION, kinds.AGREEMENT})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def examples(self) -> Iterator[Example]:
        yield Example(
            "modified years before it was taken",
            lambda: _dated("2024:05:01 10:22:03", "2019:01:01 00:00:00"),
            (kinds.CONTRADICTION,),
            {"what": "modified before captured"},
            name="times.jpg",
        )
        yield Example(
            "a thumbnail of another picture",
            lambda: _with_thumbnail(7),
            (kinds.CONTRADICTION,),
            {"what": "thumbnail"},
            name="thumbnail.jpg",
        )
        yield Example("a thumbnail of the same picture", lambda: _with_thumbnail(0), (), name="agrees.jpg")
        yield Example(
            "a thumbnail of the same picture, and its size",
            lambda: _with_thumbnail(0, {0xA002: 256, 0xA003: 192}),
            (kinds.AGREEMENT,),
            {"checked": ["size", "thumbnail", "times", "device"]},
            name="camera.jpg",
        )
        yield Example(
            "nothing that contradicts",
            lambda: specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS)),
            (),
            name="sound.jpg",
        )

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        compared = _compared(content)
        agrees = complete(stated_of(content).facts) and _fits(content, known, compared)
        for part in (_times(content), _devices(content), _sizes(content, known), _thumbnail(content, compared)):
            for what, statement, facts in part:
                agrees = False
                payload = plain({"what": what, **facts}, longest=300)
                yield Finding(self.name, self.version, kinds.CONTRADICTION, statement, payload)
        if agrees:
            yield Finding(
                self.name,
                self.version,
                kinds.AGREEMENT,
                "What a camera writes agrees: the stated size, the embedded thumbnail, times and device. Anyone "
                "who takes care can write this.",
                {"checked": ["size", "thumbnail", "times", "device"]},
                Weight(
                    Proposition.CAMERA,
                    AGREES,
                    Basis.METADATA,
                    WeightSource.POLICY,
                    "EXIF that agrees with itself and with the picture; never proof of a camera",
                ),
            )


def _fits(content: Content, known: Known, compared: tuple[Comparison, int] | None) -> bool:
    """Whether the picture has the size and the thumbnail that its EXIF states."""
    exif, picture = exif_of(content), known.first(kinds.PICTURE)
    if picture is None or compared is None or content.filetype.media_type not in _WHOLE_PICTURE:
        return False
    has = (picture.payload.get("width"), picture.payload.get("height"))
    return compared[0].best >= SAME and bool(exif.width and exif.height) and has == (exif.width, exif.height)


PLUGIN = Consistency()
