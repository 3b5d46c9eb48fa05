from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.content import Content, FileType, content_of
from leadlight.provenance import specimen
from leadlight.provenance.camera import COMPLETE, PARTIAL, PLUGIN
from leadlight.provenance.exif import read_exif, read_offset, read_stamp
from leadlight.provenance.iptc import read_iptc
from leadlight.records import Basis, Finding, Item, Place, Proposition
from leadlight.records.codec import dumps, finding_in, finding_out
from leadlight.seams import Known

ITEM = Item(Place(b"/evidence", (b"x.jpg",)), source="test")


def opened(data: bytes) -> Content:
    content = content_of(data, {"sha256": hashlib.sha256()})
    content.filetype = FileType("image/jpeg", "picture", "jpg")
    return content


def analysed(data: bytes) -> Finding | None:
    found = list(PLUGIN.analyse(ITEM, opened(data), Known()))
    assert len(found) <= 1
    for finding in found:
        assert finding_in(finding_out(finding)) == finding
        assert finding.statement.isprintable()
    return found[0] if found else None


def test_every_fact_of_exif() -> None:
    small = specimen.jpeg(width=160, height=120)
    exif = {
        **specimen.CAPTURE,
        0x9209: 1,
        0xA002: 4000,
        0xA003: 3000,
        0xA434: "Lens 50",
        0xA435: "L-9",
        0xA430: "an owner",
    }
    gps = {**specimen.GPS, 6: ((1805, 10),), 7: ((8, 1), (22, 1), (1, 1)), 29: "2024:05:01"}
    data = specimen.jpeg(
        exif=specimen.exif_block({**specimen.CAMERA, 0x0131: "v1.2", 0x0112: 6}, exif, gps, thumbnail=small)
    )
    finding = analysed(data)
    assert finding is not None
    facts = finding.payload
    assert facts["exposure"] == {
        "exposure_time": 0.008,
        "f_number": 2.8,
        "iso": 200,
        "focal_length": 50.0,
        "flash": True,
    }
    assert facts["gps"] == {"lat": 48.2, "lon": 16.4, "alt": 180.5, "time": "2024-05-01T08:22:01+00:00"}
    assert facts["thumbnail"] == {"width": 160, "height": 120, "bytes": len(small)}
    assert (facts["lens"], facts["lens_serial"], facts["serial"]) == ("Lens 50", "L-9", "SN-0001")
    assert (facts["software"], facts["orientation"], facts["owner"]) == ("v1.2", 6, "an owner")
    assert (facts["stated_width"], facts["stated_height"]) == (4000, 3000)
    assert facts["modified"] == "2024-05-01T10:22:03"
    assert finding.statement == (
        "States the camera Model One by Example, taken 2024-05-01 10:22:03 (+02:00), with a place. "
        "Anyone can write this."
    )


def test_weight_goes_with_completeness_and_stays_small() -> None:
    full = analysed(specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA, specimen.CAPTURE)))
    bare = analysed(specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA)))
    program = analysed(
        specimen.jpeg(exif=specimen.exif_block({0x0131: "Example Editor", 0x0132: "2024:05:01 10:00:00"}))
    )
    assert full is not None
    assert bare is not None
    assert program is not None
    assert full.weight is not None
    assert bare.weight is not None
    assert (full.weight.log10_lr, bare.weight.log10_lr) == (COMPLETE, PARTIAL)
    assert full.weight.proposition is Proposition.CAMERA
    assert full.weight.basis is Basis.METADATA
    assert program.weight is None
    assert program.statement.startswith("States no camera, but a program (Example Editor)")


def test_xmp_alone() -> None:
    packet = specimen.packet(
        'tiff:Make="Example" tiff:Model="Two" exif:DateTimeOriginal="2020-02-03T04:05:06-03:30" '
        'exif:GPSLatitude="48,30.0S" exif:GPSLongitude="16,15,36W" aux:SerialNumber="77" '
        'xmpMM:DocumentID="xmp.did:1" xmpMM:OriginalDocumentID="xmp.did:0"',
        '<xmpMM:History><rdf:Seq><rdf:li stEvt:softwareAgent="Editor 1"/></rdf:Seq></xmpMM:History>',
    )
    finding = analysed(specimen.jpeg(xmp=packet))
    assert finding is not None
    facts = finding.payload
    assert (facts["make"], facts["serial"], facts["carriers"]) == ("Example", "77", ["xmp"])
    assert facts["captured_utc"] == "2020-02-03T07:35:06+00:00"
    assert facts["gps"] == {"lat": -48.5, "lon": -16.26}
    assert facts["document_ids"] == {"DocumentID": "xmp.did:1", "OriginalDocumentID": "xmp.did:0"}
    assert facts["history"] == ["Editor 1"]


def test_iptc_records() -> None:
    def record(dataset: int, value: bytes) -> bytes:
        return b"\x1c\x02" + bytes((dataset,)) + struct.pack(">H", len(value)) + value

    records = (
        record(110, b"A credit") + record(120, b"A caption") + record(55, b"20210304") + record(60, b"101112+0100")
    )
    irb = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    plain = specimen.jpeg()
    data = plain[:2] + b"\xff\xed" + struct.pack(">H", len(irb) + 2) + irb + plain[2:]
    finding = analysed(data)
    assert finding is not None
    assert finding.payload["iptc"] == {"credit": "A credit", "caption_characters": 9}
    assert finding.payload["captured"] == "2021-03-04T10:11:12+01:00"
    assert "A caption" not in dumps(finding_out(finding))


@pytest.mark.parametrize("kind", ["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"])
def test_a_model_as_source_is_not_stated_here(kind: str) -> None:
    packet = specimen.packet(
        f'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{kind}"'
    )
    assert analysed(specimen.jpeg(xmp=packet)) is None


def test_an_unsigned_capture_type_weighs_little() -> None:
    packet = specimen.packet(
        'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"'
    )
    finding = analysed(specimen.jpeg(xmp=packet))
    assert finding is not None
    assert finding.payload["source_type"] == "digitalCapture"
    assert finding.weight is not None
    assert finding.weight.log10_lr <= PARTIAL


def test_placeholders_are_no_serial_numbers() -> None:
    for serial in ("0000000", "N/A", "------", "unknown"):
        finding = analysed(specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA, {0xA431: serial})))
        assert finding is not None
        assert "serial" not in finding.payload


def test_names_from_evidence_are_safe_to_print() -> None:
    finding = analysed(specimen.jpeg(exif=specimen.exif_block({0x010F: "\x1b[31mX\u202e", 0x0110: "M" * 5000})))
    assert finding is not None
    assert finding.statement.isprintable()
    assert len(finding.statement) < 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024:05:01 10:22:03", "2024-05-01T10:22:03"),
        ("2024-05-01T10:22:03.25Z", "2024-05-01T10:22:03+00:00"),
        ("2024-05-01T10:22+05:30", "2024-05-01T10:22:00+05:30"),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2024:13:01 10:22:03", None),
        ("", None),
    ],
)
def test_times(text: str, expected: str | None) -> None:
    stamp = read_stamp(text)
    assert (stamp.iso() if stamp else None) == expected


def test_an_offset_that_no_clock_has_gives_no_utc() -> None:
    stamp = read_stamp("2024:05:01 10:22:03", "+99:00")
    assert stamp is not None
    assert stamp.utc is None
    assert read_offset("nonsense") is None


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=40), st.integers(0, 400))
def test_damaged_exif_never_raises(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(
        specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, specimen.GPS, thumbnail=b"\xff\xd8\xff\xd9")
    )
    for at, value in changes:
        data[at % len(data)] = value
    data = data[: len(data) - cut % len(data)]
    read_exif(bytes(data))
    analysed(
        b"\xff\xd8\xff\xe1"
        + struct.pack(">H", len(data) + 8)
        + b"Exif\0\0"
        + bytes(data)
        + b"\xff\xda\0\x02\xff\xd9"
    )


@given(st.binary(max_size=200))
def test_random_records_never_raise(data: bytes) -> None:
    read_iptc(data)
    read_iptc(b"\x1c\x02\x78\x80\x04" + data)


def test_controls_stay_silent(public_files: Path) -> None:
    own = public_files / "formats" / "own-fixtures"
    for name in (
        "plain.jpg",
        "plain.png",
        "comfyui.png",
        "iptc_dst_trained.png",
        "midjourney_like.png",
        "a1111.png",
    ):
        assert analysed((own / name).read_bytes()) is None, name


def test_a_drone_and_a_phone(public_files: Path) -> None:
    files = sorted((public_files / "origin").rglob("*DJI_0034*"))
    assert files
    finding = analysed(files[0].read_bytes())
    assert finding is not None
    assert (finding.payload["make"], finding.payload["model"]) == ("DJI", "FC300S")
    assert finding.payload["gps"]["lat"] == pytest.approx(46.8426, abs=1e-3)
    assert finding.payload["gps"]["lon"] == pytest.approx(-91.9936, abs=1e-3)
    assert finding.payload["captured"] == "2016-06-23T16:33:56"
    assert finding.weight is not None
    assert finding.weight.log10_lr == COMPLETE
