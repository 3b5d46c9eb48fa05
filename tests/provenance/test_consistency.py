from __future__ import annotations

import hashlib
import io
import struct
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.content import Content, FileType, Picture, content_of
from leadlight.errors import Undecodable
from leadlight.provenance import specimen
from leadlight.provenance.consistency import PLUGIN
from leadlight.provenance.specimen import Value
from leadlight.provenance.thumbnail import ANOTHER, SAME, compare, thinned
from leadlight.records import Basis, Finding, Item, Place, Proposition, WeightSource
from leadlight.records import finding as kinds
from leadlight.records.codec import finding_in, finding_out
from leadlight.seams import Known

ITEM = Item(Place(b"/evidence", (b"x.jpg",)), source="test")


class Decoder:
    """Pillow, bare: enough for pictures built here."""

    def __init__(self, orientation: int = 1) -> None:
        self.orientation = orientation

    def decode(self, content: Content) -> Iterator[Picture]:
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content.data())) as image:
                if image.width * image.height > 1_000_000:
                    raise ValueError(image.size)
                pixels = np.asarray(image.convert("RGB"))
        except Exception as e:
            raise Undecodable("is broken", advice="None.") from e
        yield Picture(pixels, None, "RGB", orientation=self.orientation)


def analysed(data: bytes, *, orientation: int = 1) -> list[Finding]:
    content = content_of(data, {"sha256": hashlib.sha256()})
    content.filetype = FileType("image/jpeg", "picture", "jpg")
    content.decoder = Decoder(orientation)
    known = Known()
    try:
        picture = content.picture()
        known.add(
            Finding(
                "t",
                "1",
                kinds.PICTURE,
                "opens",
                {"width": picture.width, "height": picture.height, "method": "full"},
            )
        )
    except Undecodable:
        pass
    found = list(PLUGIN.analyse(ITEM, content, known))
    for finding in found:
        assert finding.kind == kinds.CONTRADICTION or found == [finding], "what agrees contradicts nothing"
        assert (finding.weight is not None) == (finding.kind == kinds.AGREEMENT)
        assert finding.statement.isprintable()
        assert finding_in(finding_out(finding)) == finding
    assert content.decodes <= 1
    return found


def names(data: bytes, **options: int) -> list[str]:
    return [f.payload["what"] for f in analysed(data, **options) if f.kind == kinds.CONTRADICTION]


def stated(
    main: Mapping[int, Value] | None = None,
    exif: Mapping[int, Value] | None = None,
    gps: Mapping[int, Value] | None = None,
    xmp: bytes = b"",
    thumbnail: bytes = b"",
) -> bytes:
    block = specimen.exif_block(
        {**specimen.CAMERA, **(main or {})}, {**specimen.CAPTURE, **(exif or {})}, gps, thumbnail=thumbnail
    )
    return specimen.jpeg(exif=block, xmp=xmp)


SATELLITE: Mapping[int, Value] = {**specimen.GPS, 7: ((8, 1), (22, 1), (1, 1)), 29: "2024:05:01"}


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("modified before captured", stated({0x0132: "2024:04:01 00:00:00"})),
        ("modified before captured", stated({0x0132: "2024:05:01 07:00:00"}, {0x9010: "+00:00"})),
        ("before digital cameras", stated({}, {0x9003: "1971:05:01 00:00:00"})),
        ("satellite time", stated({}, {}, {**SATELLITE, 29: "2024:05:09"})),
        ("two capture times", stated(xmp=specimen.packet('exif:DateTimeOriginal="2023-01-01T00:00:07"'))),
        ("impossible time zone", stated({}, {0x9011: "+19:00"})),
        ("impossible time zone", stated({}, {0x9011: "+02:07"})),
        ("two makes", stated(xmp=specimen.packet('tiff:Make="Another"'))),
        ("two models", stated(xmp=specimen.packet('tiff:Model="Model Two"'))),
        ("impossible place", stated({}, {}, {**specimen.GPS, 2: ((148, 1), (0, 1), (0, 1))})),
        ("editor and maker note", stated({0x0131: "Adobe Photoshop 25.0"})),
        (
            "camera and model",
            stated(
                xmp=specimen.packet(
                    'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"'
                )
            ),
        ),
        ("stated size", stated({}, {0xA002: 4000, 0xA003: 3000})),
    ],
)
def test_each_contradiction(what: str, data: bytes) -> None:
    assert what in names(data)


@pytest.mark.parametrize(
    "data",
    [
        stated(),
        stated({0x0132: "2024:05:01 02:00:00"}),  # a program in another zone, not stated
        stated({0x0132: "2024:05:01 08:22:03"}, {0x9010: "+00:00"}),  # the same moment
        stated({}, {}, SATELLITE),
        stated(xmp=specimen.packet('exif:DateTimeOriginal="2024-05-01T08:22:03Z" tiff:Make="EXAMPLE "')),
        stated({0x0131: "1.0.3"}),  # firmware
        stated({}, {0x9011: "+05:45"}),
        stated({}, {0xA002: 192, 0xA003: 256}),  # turned
    ],
)
def test_what_agrees_is_not_reported(data: bytes) -> None:
    assert names(data) == []


def test_iptc_digest() -> None:
    records = b"\x1c\x02\x6e\0\x03abc"

    def data(digest: bytes) -> bytes:
        def irb(number: int, body: bytes) -> bytes:
            return b"8BIM" + struct.pack(">H", number) + b"\0\0" + struct.pack(">I", len(body)) + body

        body = b"Photoshop 3.0\0" + irb(0x0404, records) + irb(0x0425, digest)
        plain = stated()
        return plain[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + plain[2:]

    assert names(data(hashlib.md5(records, usedforsecurity=False).digest())) == []
    assert names(data(b"\1" * 16)) == ["IPTC digest"]
    assert names(data(b"\0" * 16)) == []


def small(seed: int = 0, turn: int = 0, bars: bool = False) -> bytes:
    with Image.open(io.BytesIO(specimen.jpeg(seed=seed))) as image:
        if bars:
            canvas = Image.new("RGB", (160, 160))
            canvas.paste(image.resize((160, 120)), (0, 20))
            image = canvas
        else:
            image = image.resize((160, 120)).rotate(turn, expand=True)
        out = io.BytesIO()
        image.save(out, "JPEG")
    return out.getvalue()


def test_thumbnails() -> None:
    assert names(stated(thumbnail=small())) == []
    assert names(stated(thumbnail=small(bars=True))) == []
    assert names(stated(thumbnail=small(turn=90))) == ["thumbnail turned"]
    assert names(stated(thumbnail=small(turn=90)), orientation=6) == []
    found = analysed(stated(thumbnail=small(seed=7)))
    assert [f.payload["what"] for f in found] == ["thumbnail"]
    assert found[0].payload["correlation"] < ANOTHER
    assert "another picture" in found[0].statement


def test_a_thumbnail_from_before_a_part_was_replaced() -> None:
    with Image.open(io.BytesIO(specimen.jpeg())) as image:
        before = image.resize((160, 120))
    before.paste((250, 40, 40), (50, 30, 120, 100))
    out = io.BytesIO()
    before.save(out, "JPEG")
    assert names(stated(thumbnail=out.getvalue())) in (["thumbnail in part"], ["thumbnail"])


def test_a_flat_or_broken_or_huge_thumbnail_is_not_compared() -> None:
    flat = io.BytesIO()
    Image.new("L", (160, 120), 90).save(flat, "JPEG")
    huge = io.BytesIO()
    Image.new("L", (2000, 1000), 90).save(huge, "JPEG")
    for data in (flat.getvalue(), huge.getvalue(), small()[:400], b"\xff\xd8\xff\xd9"):
        assert names(stated(thumbnail=data)) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=30), st.integers(0, 3000))
def test_damaged_files_never_raise(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(stated({}, {}, SATELLITE, specimen.packet('tiff:Make="Another"'), small()))
    for at, value in changes:
        data[at % len(data)] = value
    analysed(bytes(data[: len(data) - cut % len(data)]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 20_000), st.integers(0, 255)), max_size=10))
def test_damaged_thumbnails_never_raise(changes: list[tuple[int, int]]) -> None:
    data = bytearray(small())
    for at, value in changes:
        data[at % len(data)] = value
    compare(bytes(data), np.zeros((64, 64)))


def test_cameras_own_thumbnails_agree(public_files: Path) -> None:
    found = 0
    for path in sorted((public_files / "origin").rglob("*DJI_00*")):
        from leadlight.provenance.blocks import find_blocks
        from leadlight.provenance.exif import read_exif

        data = path.read_bytes()
        thumbnail = read_exif(find_blocks(data, 1 << 24).exif).thumbnail
        assert thumbnail is not None
        with Image.open(io.BytesIO(data)) as image:
            compared = compare(thumbnail, thinned(np.asarray(image.convert("RGB"))))
        assert compared is not None
        assert compared.best >= SAME
        assert compared.degrees == 0
        found += 1
    assert found


def camera_file(**changes: Value | None) -> bytes:
    """A camera's file in which all agrees, but for `changes`."""
    small = changes.pop("thumbnail", specimen.jpeg(width=160, height=120))
    capture = {**specimen.CAPTURE, 0xA002: 256, 0xA003: 192}
    fields = {"maker_note": 0x927C, "exposure_time": 0x829A, "width": 0xA002, "captured": 0x9003}
    for name, value in changes.items():
        if value is None:
            del capture[fields[name]]
        else:
            capture[fields[name]] = value
    assert isinstance(small, bytes)
    return specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA, capture, thumbnail=small))


def test_what_a_camera_writes_and_agrees_weighs_a_little_by_policy() -> None:
    (found,) = analysed(camera_file())
    assert found.kind == kinds.AGREEMENT
    assert found.weight is not None
    assert (found.weight.proposition, found.weight.basis) == (Proposition.CAMERA, Basis.METADATA)
    assert (found.weight.log10_lr, found.weight.source) == (0.6, WeightSource.POLICY)
    assert "Anyone who takes care can write this." in found.statement


@pytest.mark.parametrize(
    "changes",
    [
        {"maker_note": None},
        {"exposure_time": None},
        {"width": None},
        {"width": 1024},
        {"captured": "2024:07:09 10:22:03"},
        {"thumbnail": b""},
        {"thumbnail": specimen.jpeg(width=160, height=120, seed=7)},
    ],
    ids=lambda c: "-".join(c),
)
def test_where_something_lacks_or_contradicts_nothing_agrees(changes: dict[str, Value | None]) -> None:
    assert kinds.AGREEMENT not in {f.kind for f in analysed(camera_file(**changes))}
