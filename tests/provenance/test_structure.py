from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.config import Settings
from leadlight.content import content_of
from leadlight.errors import ConfigError
from leadlight.provenance import jpeg, quantisation, specimen, writers
from leadlight.provenance.stream import read_stream, what_follows
from leadlight.provenance.structure import PLUGIN, Structure
from leadlight.records import Basis, Finding, Item, Place, Proposition, WeightSource
from leadlight.records.codec import finding_in, finding_out
from leadlight.seams import Configurable, Known

ITEM = Item(Place(b"/evidence", (b"x.jpg",)), source="test")
OWN = [[n + 3 for n in range(64)], [n + 5 for n in range(64)]]


def analysed(data: bytes, plugin: Structure = PLUGIN) -> Finding | None:
    found = list(plugin.analyse(ITEM, content_of(data, {"sha256": hashlib.sha256()}), Known()))
    assert len(found) <= 1
    for finding in found:
        assert finding_in(finding_out(finding)) == finding
        assert finding.statement.isprintable()
    return found[0] if found else None


@pytest.mark.parametrize("quality", [*range(1, 25), 30, 49, 50, 51, 75, 90, 95, 99, 100])
def test_ijg_quality_is_exact(quality: int) -> None:
    stream = read_stream(specimen.jpeg(width=16, height=16, quality=quality))
    assert stream is not None
    assert stream.ijg
    assert stream.quality == quality


def test_own_tables_are_not_ijg() -> None:
    stream = read_stream(specimen.jpeg(qtables=OWN))
    assert stream is not None
    assert not stream.ijg
    assert stream.quality is not None
    assert stream.tables[0] == tuple(quantisation_in_zigzag(OWN[0]))
    assert not quantisation.is_ijg(())


def quantisation_in_zigzag(natural: list[int]) -> list[int]:
    order = sorted(
        ((row, column) for row in range(8) for column in range(8)),
        key=lambda c: (c[0] + c[1], c[0] if (c[0] + c[1]) % 2 else c[1]),
    )
    return [natural[8 * row + column] for row, column in order]


@pytest.mark.parametrize(("subsampling", "named"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_sampling(subsampling: int, named: str) -> None:
    stream = read_stream(specimen.jpeg(subsampling=subsampling))
    assert stream is not None
    assert stream.sampling == named


def test_huffman_progressive_restart_and_comment() -> None:
    plain, optimised, progressive, restarting = (
        read_stream(specimen.jpeg(**o))
        for o in ({}, {"optimize": True}, {"progressive": True}, {"restart_marker_blocks": 4, "comment": b"hello"})
    )
    assert plain is not None
    assert optimised is not None
    assert progressive is not None
    assert restarting is not None
    assert (plain.huffman, plain.progressive, plain.scans, plain.restart) == ("standard", False, 1, 0)
    assert (optimised.huffman, optimised.progressive) == ("own", False)
    assert progressive.progressive
    assert progressive.scans > 1
    assert restarting.restart == 4
    assert restarting.comments == 5
    assert "COM" in restarting.order
    assert "DRI" in restarting.order
    assert len({s.signature for s in (plain, optimised, progressive, restarting)}) == 4
    assert len({s.quantisation for s in (plain, optimised, progressive, restarting)}) == 1


def test_grey() -> None:
    out = io.BytesIO()
    Image.fromarray(chart_pixels(32, 32)).convert("L").save(out, "JPEG")
    stream = read_stream(out.getvalue())
    assert stream is not None
    assert stream.sampling == "grey"
    assert stream.ijg


def test_the_signature_is_of_the_writer_and_not_of_the_picture() -> None:
    one, two = (
        read_stream(specimen.jpeg(seed=n, width=64 + 16 * n, exif=specimen.exif_block(specimen.CAMERA)))
        for n in (1, 2)
    )
    assert one is not None
    assert two is not None
    assert one.signature == two.signature
    assert one.order == ("EXIF", "JFIF", "DQT", "SOF0", "DHT", "SOS")


@pytest.mark.parametrize(
    ("tail", "looks"),
    [
        (b"", ""),
        (b"\0" * 40, "padding"),
        (b"PK\x03\x04" + b"x" * 30, "ZIP archive"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 12, "MP4 or QuickTime video"),
        (b"\0" * 12 + b"\0\0\0\x18ftypmp42" + b"\0" * 12, "MP4 or QuickTime video"),
        (specimen.jpeg(width=16, height=16), "JPEG picture"),
        (b"\x01\x02 nothing known", "bytes of no known kind"),
        (b"\x12\x34" * 30 + b"SEFT", "Samsung trailer"),
    ],
)
def test_what_follows_the_end(tail: bytes, looks: str) -> None:
    data = specimen.jpeg()
    stream = read_stream(data + tail)
    assert stream is not None
    assert stream.end == len(data)
    assert what_follows(data + tail, stream.end) == (len(tail), looks)
    finding = analysed(data + tail)
    assert finding is not None
    assert finding.payload.get("trailing", "") == looks
    assert finding.payload["streams"] == (2 if looks == "JPEG picture" else 1)


def test_a_file_that_breaks_off() -> None:
    finding = analysed(specimen.jpeg()[:-200])
    assert finding is not None
    assert finding.payload["complete"] is False
    assert "breaks off" in finding.statement


def test_a_camera_named_over_library_tables_is_hinted_without_weight() -> None:
    finding = analysed(specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA)))
    assert finding is not None
    assert "IJG" in finding.payload["hints"][0]
    assert finding.weight is None


def entry(key: str, digest: str, kind: str, name: str = "Example") -> str:
    return f'[[writer]]\n{key} = "{digest}"\nkind = "{kind}"\nname = "{name}"\nsource = "test"\ncount = 3\n'


def configured(tmp_path: Path, text: str) -> Structure:
    path = tmp_path / "writers.toml"
    path.write_text(text, "utf-8")
    return PLUGIN.configure(Settings(writers=str(path)))


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        ("camera", Proposition.CAMERA),
        ("phone", Proposition.CAMERA),
        ("generator", Proposition.GENERATED),
        ("editor", None),
        ("messenger", None),
        ("library", None),
    ],
)
@pytest.mark.parametrize("key", ["signature", "quantisation"])
def test_a_table_hit_weighs_little(tmp_path: Path, kind: str, side: Proposition | None, key: str) -> None:
    assert isinstance(PLUGIN, Configurable)
    data = specimen.jpeg(qtables=OWN)
    stream = read_stream(data)
    assert stream is not None
    finding = analysed(data, configured(tmp_path, entry(key, getattr(stream, key), kind)))
    assert finding is not None
    assert finding.payload["writer_kind"] == kind
    assert f"Example ({kind})" in finding.statement
    if side is None:
        assert finding.weight is None
    else:
        assert finding.weight is not None
        assert (finding.weight.proposition, finding.weight.log10_lr) == (side, 0.3)
        assert (finding.weight.basis, finding.weight.source) == (Basis.STRUCTURE, WeightSource.TABLE)
    unconfigured = analysed(data)
    assert unconfigured is not None
    assert unconfigured.weight is None


@pytest.mark.parametrize("kind", ["camera", "phone", "generator"])
@pytest.mark.parametrize("key", ["signature", "quantisation"])
def test_plain_ijg_tables_are_never_a_cameras_or_a_generators(tmp_path: Path, kind: str, key: str) -> None:
    data = specimen.jpeg(quality=90, optimize=True)
    stream = read_stream(data)
    assert stream is not None
    finding = analysed(data, configured(tmp_path, entry(key, getattr(stream, key), kind)))
    assert finding is not None
    assert finding.payload["writer_kind"] == "library"
    assert finding.weight is None


def test_a_build_that_two_kinds_share_speaks_for_neither(tmp_path: Path) -> None:
    data = specimen.jpeg(qtables=OWN)
    stream = read_stream(data)
    assert stream is not None
    both = entry("signature", stream.signature, "camera") + entry(
        "signature", stream.signature, "generator", "Other"
    )
    finding = analysed(data, configured(tmp_path, both))
    assert finding is not None
    assert finding.weight is None
    assert finding.payload["writer_kind"] == "shared"


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ('[[writer]]\nsignature = "00\n', "line 2", "not TOML"),
        ("# a comment\n\n" + entry("signature", "0" * 15, "camera"), "line 3", "16 hex digits"),
        (entry("signature", "0" * 16, "camera") + entry("signature", "0" * 16, "telescope"), "line 7", "kind"),
        (entry("signature", "0" * 16, "camera").replace("count = 3", "count = 0"), "line 1", "count"),
        (entry("signature", "0" * 16, "camera") + 'quantisation = "' + "0" * 16 + '"', "line 1", "either"),
        (entry("signature", "0" * 16, "camera") + "colour = 1", "line 1", "colour"),
        ("[other]\n", "", "beside"),
        ("writer = [1]\n", "", "[[writer]]"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, text: str, line: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(tmp_path, text)
    assert line in str(caught.value)
    assert fault in str(caught.value)
    assert "writers.toml" in str(caught.value)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        PLUGIN.configure(Settings(writers=str(tmp_path / "absent.toml")))


def test_the_shipped_table_reads() -> None:
    assert {w.kind for w in writers.shipped()} <= set(writers.KINDS)
    assert not any(w.kind == "generator" for w in writers.shipped())


@settings(max_examples=200, deadline=None)
@given(
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=30),
    st.integers(0, 8000),
)
def test_damaged_files_never_raise(progressive: bool, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(SEEDS[progressive])
    for at, value in changes:
        data[at % len(data)] = value
    analysed(bytes(data[: len(data) - cut % len(data)]))


SEEDS = [
    specimen.jpeg(exif=specimen.exif_block(specimen.CAMERA)) + b"\0\0\0\x18ftypmp42",
    specimen.jpeg(progressive=True),
]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_never_raise(rest: bytes) -> None:
    analysed(b"\xff\xd8\xff" + rest)
    assert len(list(jpeg.segments(b"\xff\xd8" + rest, scans=True))) <= len(rest) + 2


def test_markers_without_end_are_bounded() -> None:
    data = b"\xff\xd8" + b"\xff\xd0" * 100_000
    assert len(list(jpeg.segments(data))) <= jpeg.MAX_SEGMENTS + 1


def test_public_files(public_files: Path) -> None:
    finding = analysed(next(iter(sorted((public_files / "origin").rglob("*candle_01.jpg")))).read_bytes())
    assert finding is not None
    assert finding.payload["writer_kind"] == "phone"
    assert finding.weight is not None
    assert finding.weight.proposition is Proposition.CAMERA
    assert finding.payload["multi_picture"] == 2
    pictures = sorted((public_files / "origin").rglob("*midjourney*/*.jpg"))[:3]
    assert pictures
    for path in pictures:
        found = analysed(path.read_bytes())
        assert found is not None
        assert (found.payload["writer_kind"], found.weight) == ("library", None)
