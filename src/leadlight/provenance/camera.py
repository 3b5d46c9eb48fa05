"""What EXIF, XMP and IPTC state of a camera, a time and a place. Statements, never proof: anyone can write them.

EXIF: CIPA DC-008 (EXIF 3.0). XMP: ISO 16684-1. IPTC: IIM 4.2 and the digital source types of 2024-10-23.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from leadlight.content import Content
from leadlight.provenance import iptc, specimen, xmp
from leadlight.provenance.blocks import Blocks, read_blocks
from leadlight.provenance.exif import Exif, Place, Stamp, exif_of, jpeg_size, read_stamp
from leadlight.provenance.xmp import Xmp, xmp_of
from leadlight.records import Basis, Finding, Item, Proposition, Weight, WeightSource, display_text
from leadlight.records import finding as kinds
from leadlight.records.codec import plain
from leadlight.seams import Cost, Example, Known

MODEL_TYPES: Final = frozenset({"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"})
"""Digital source types that name a model: the generator analyser's matter, not stated here."""
CAPTURE_TYPES: Final = frozenset({"digitalCapture", "computationalCapture"})
COMPLETE: Final = 0.5
"""log10 of the likelihood ratio where make, model, exposure and a maker note are all there."""
PARTIAL: Final = 0.2

_XMP_DEGREES: Final = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])", re.ASCII)
_NO_SERIAL: Final = re.compile(r"[0x._* -]*|n/?a|none|unknown|undefined|default|serial|0x0+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stated:
    """All that one content states, each fact from the first carrier that has it: EXIF, XMP, IPTC."""

    facts: Mapping[str, Any]
    """The payload; empty where nothing is stated."""
    captured: Stamp | None
    modified: Stamp | None
    place: Place | None
    source_type: str | None


def source_type(packet: Xmp) -> str | None:
    """The short name of the IPTC digital source type: the last part of its address."""
    value = packet.first(xmp.IPTC_EXT, "DigitalSourceType") or packet.first(xmp.IPTC_EXT, "digitalSourceType")
    return value.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1][:64] if value else None


def stated_of(content: Content) -> Stated:
    """What `content` states, read once."""
    return content.memo(
        "provenance.camera", lambda: _stated(read_blocks(content), exif_of(content), xmp_of(content))
    )


def _stated(blocks: Blocks, exif: Exif, packet: Xmp) -> Stated:
    records = iptc.read_iptc(blocks.iptc) if blocks.iptc else {}
    captured = (
        exif.captured
        or read_stamp(packet.first(xmp.EXIF, "DateTimeOriginal"))
        or read_stamp(packet.first(xmp.PHOTOSHOP, "DateCreated"))
        or _iptc_date(records)
    )
    modified = exif.modified or read_stamp(packet.first(xmp.XMP, "ModifyDate"))
    digitised = exif.digitised or read_stamp(packet.first(xmp.XMP, "CreateDate"))
    place = exif.place or _xmp_place(packet)
    kind = source_type(packet)
    facts: dict[str, Any] = {
        "make": exif.make or packet.first(xmp.TIFF, "Make"),
        "model": exif.model or packet.first(xmp.TIFF, "Model"),
        "lens": _named(exif.lens or packet.first(xmp.EXIF_EX, "LensModel") or packet.first(xmp.AUX, "Lens")),
        "serial": _named(
            exif.serial or packet.first(xmp.EXIF_EX, "BodySerialNumber") or packet.first(xmp.AUX, "SerialNumber")
        ),
        "lens_serial": _named(
            exif.lens_serial
            or packet.first(xmp.EXIF_EX, "LensSerialNumber")
            or packet.first(xmp.AUX, "LensSerialNumber")
        ),
        "owner": exif.owner or packet.first(xmp.EXIF_EX, "CameraOwnerName") or packet.first(xmp.AUX, "OwnerName"),
        "artist": exif.artist,
        "image_id": exif.image_id,
        "software": exif.software
        or packet.first(xmp.XMP, "CreatorTool")
        or next(iter(records.get(iptc.SOURCE_PROGRAM, ())), None),
        "captured": captured.iso() if captured else None,
        "captured_utc": _utc(captured),
        "digitised": digitised.iso() if digitised else None,
        "modified": modified.iso() if modified else None,
        "gps": _gps(place, exif.gps_time),
        "orientation": exif.orientation,
        "stated_width": exif.width,
        "stated_height": exif.height,
        "exposure": {
            k: round(v, 6) if isinstance(v, float) else v
            for k in ("exposure_time", "f_number", "iso", "focal_length", "flash")
            if (v := getattr(exif, k)) is not None
        },
        "maker_note_bytes": exif.maker_note or None,
        "thumbnail": _thumbnail(exif.thumbnail),
        "iptc": _iptc_facts(records),
        "source_type": kind if kind not in MODEL_TYPES else None,
        "document_ids": {
            name: value
            for name in ("DocumentID", "OriginalDocumentID", "InstanceID")
            if (value := packet.first(xmp.XMP_MM, name))
        },
        "history": list(dict.fromkeys(packet.all(xmp.ST_EVT, "softwareAgent")))[:16],
    }
    facts = {k: v for k, v in facts.items() if v not in (None, "", [], {})}
    if facts:
        carriers = {"exif": blocks.exif is not None, "xmp": bool(packet.values), "iptc": bool(records)}
        facts["carriers"] = [name for name, there in carriers.items() if there]
    return Stated(plain(facts, longest=300), captured, modified, place, kind)


def _named(value: str | None) -> str | None:
    """None for what stands where nothing is known: 'N/A', '00000000', '----'."""
    return None if value is None or _NO_SERIAL.fullmatch(value) else value


def _utc(stamp: Stamp | None) -> str | None:
    when = stamp.utc if stamp is not None else None
    return None if when is None else when.isoformat(timespec="seconds")


def _gps(place: Place | None, when: datetime | None) -> dict[str, Any]:
    facts: dict[str, Any] = {} if place is None else {"lat": place.lat, "lon": place.lon, "alt": place.alt}
    if when is not None:
        facts["time"] = when.astimezone(UTC).isoformat(timespec="seconds")
    return {k: v for k, v in facts.items() if v is not None}


def _xmp_place(packet: Xmp) -> Place | None:
    both: list[float] = []
    for name in ("GPSLatitude", "GPSLongitude"):
        found = _XMP_DEGREES.fullmatch((packet.first(xmp.EXIF, name) or "").replace(" ", ""))
        if found is None:
            return None
        value = int(found[1]) + float(found[2]) / 60 + float(found[3] or 0) / 3600
        both.append(round(-value if found[4] in "SW" else value, 7))
    return Place(both[0], both[1], None)


def _iptc_date(records: Mapping[tuple[int, int], tuple[str, ...]]) -> Stamp | None:
    """IIM dates: CCYYMMDD, and HHMMSS with the distance from UTC."""
    date, time = (next(iter(records.get(k, ())), "") for k in (iptc.DATE_CREATED, iptc.TIME_CREATED))
    if not (re.fullmatch(r"\d{8}", date, re.ASCII) and re.match(r"\d{6}", time, re.ASCII)):
        return None
    return read_stamp(f"{date[:4]}-{date[4:6]}-{date[6:]}T{time[:2]}:{time[2:4]}:{time[4:6]}", time[6:] or None)


def _thumbnail(data: bytes | None) -> dict[str, Any]:
    size = jpeg_size(data) if data else None
    return {"width": size[0], "height": size[1], "bytes": len(data)} if data and size else {}


def _iptc_facts(records: Mapping[tuple[int, int], tuple[str, ...]]) -> dict[str, Any]:
    named = {"credit": iptc.CREDIT, "byline": iptc.BYLINE, "source": iptc.SOURCE, "copyright": iptc.COPYRIGHT}
    facts: dict[str, Any] = {k: records[key][0] for k, key in named.items() if records.get(key, ("",))[0]}
    if caption := records.get(iptc.CAPTION, ("",))[0]:
        facts["caption_characters"] = len(caption)
    return facts


def _statement(facts: Mapping[str, Any]) -> str:
    def shown(key: str) -> str:
        return display_text(str(facts[key]), 64)

    parts: list[str] = []
    if "model" in facts:
        parts.append(f"the camera {shown('model')}" + (f" by {shown('make')}" if "make" in facts else ""))
    elif "make" in facts:
        parts.append(f"a camera by {shown('make')}")
    elif "serial" in facts or "lens" in facts or "exposure" in facts:
        parts.append("camera settings but no model")
    if not parts and "software" in facts:
        parts.append(f"no camera, but a program ({shown('software')})")
    if "captured" in facts:
        day, _, clock = facts["captured"].partition("T")
        zone = f" ({clock[8:]})" if clock[8:] else ""
        parts.append(f"taken {day} {clock[:8]}{zone}")
    if "lat" in facts.get("gps", {}):
        parts.append("with a place")
    if facts.get("source_type") in CAPTURE_TYPES:
        parts.append("made by a camera (IPTC digital source type)")
    if not parts:
        named = ", ".join(k.replace("_", " ") for k in facts if k != "carriers")
        return f"States no camera, only: {named}. Anyone can write this."
    return f"States {', '.join(parts)}. Anyone can write this."


def complete(facts: Mapping[str, Any]) -> bool:
    """Whether make, model, exposure and a maker note are all stated."""
    exposure = facts.get("exposure", {})
    triple = all(k in exposure for k in ("exposure_time", "f_number", "iso"))
    return "make" in facts and "model" in facts and triple and "maker_note_bytes" in facts


def _weight(facts: Mapping[str, Any]) -> Weight | None:
    named = "make" in facts and "model" in facts
    if complete(facts):
        log10_lr, note = COMPLETE, "make, model, exposure and a maker note"
    elif named:
        log10_lr, note = PARTIAL, "make and model"
    elif facts.get("source_type") in CAPTURE_TYPES:
        log10_lr, note = PARTIAL, "an unsigned source type"
    else:
        return None
    return Weight(
        Proposition.CAMERA,
        log10_lr,
        Basis.METADATA,
        WeightSource.POLICY,
        f"{note}; EXIF is never proof of a camera",
    )


class Camera:
    """Reads what is stated; gives one finding where anything is."""

    name = "provenance.camera"
    version = "1"
    extra = None
    requires: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    gives = frozenset({kinds.CAMERA})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.HEADER

    def examples(self) -> Iterator[Example]:
        yield Example(
            "a camera, a time with its zone, a place",
            lambda: specimen.jpeg(
                exif=specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS),
            ),
            (kinds.CAMERA,),
            {
                "make": "Example",
                "model": "Model One",
                "serial": "SN-0001",
                "captured": "2024-05-01T10:22:03+02:00",
                "captured_utc": "2024-05-01T08:22:03+00:00",
                "gps": {"lat": 48.2, "lon": 16.4},
            },
            name="camera.jpg",
        )
        yield Example(
            "a program and no camera, in XMP",
            lambda: specimen.jpeg(xmp=specimen.packet('xmp:CreatorTool="Example Editor 3"')),
            (kinds.CAMERA,),
            {"software": "Example Editor 3", "carriers": ["xmp"]},
            name="edited.jpg",
        )
        yield Example("nothing stated", lambda: specimen.jpeg(), (), name="plain.jpg")
        yield Example(
            "a model named as the source is for another analyser",
            lambda: specimen.jpeg(
                xmp=specimen.packet(
                    "Iptc4xmpExt:DigitalSourceType="
                    '"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"'
                )
            ),
            (),
            name="model.jpg",
        )

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        facts = dict(stated_of(content).facts)
        if not facts.keys() - {"carriers", "orientation", "stated_width", "stated_height", "thumbnail"}:
            return
        notes = [*read_blocks(content).notes, *exif_of(content).notes, *xmp_of(content).notes]
        if notes:
            facts["notes"] = list(dict.fromkeys(notes))[:16]
        yield Finding(self.name, self.version, kinds.CAMERA, _statement(facts), facts, _weight(facts))


PLUGIN = Camera()
