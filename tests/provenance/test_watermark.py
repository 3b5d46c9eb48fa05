"""Open watermarks found and not found, and the seam for keyed ones."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from leadlight.chart import chart_pixels, png
from leadlight.config import Settings
from leadlight.content import Picture, content_of
from leadlight.origin import weigh
from leadlight.plugins import assemble, registry
from leadlight.policy import load_policy
from leadlight.provenance import dwtdct
from leadlight.provenance.watermark import (
    MARKS,
    RARE,
    KeyedWatermark,
    OpenWatermarks,
    Reading,
    WatermarkReader,
    least_of,
    read_marks,
)
from leadlight.records import Answer, Basis, Filed, Finding, Item, Place, Proposition
from leadlight.records import finding as kinds
from leadlight.seams import Known
from tests.provenance.watermarking import marked

ON = Settings(detect="on")
BY_NAME = {m.name: m for m in MARKS}
WAYS = [(order, plane) for order in ("BGR", "RGB") for plane in ("bytes", "fractions")]
Examine = Callable[..., list[Finding]]


def found(findings: list[Finding]) -> list[Finding]:
    return [f for f in findings if f.kind == kinds.WATERMARK]


@pytest.mark.parametrize("mark", MARKS, ids=lambda m: m.name)
@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_each_mark_is_found_in_each_way_of_writing(mark, way) -> None:
    pixels = marked(chart_pixels(768, 512, 4), mark.bits, order=way[0], plane=way[1])
    (only,) = read_marks(pixels)
    assert only.mark is mark
    assert only.way[0] == way[0]
    assert only.agreeing >= 0.92 * len(mark.bits)


@pytest.mark.parametrize("text", ["Example Watermark", "aaaaaaaa", "ExampleInpainting-V1-Text"])
def test_another_text_written_the_same_way_is_none_of_them(text: str) -> None:
    bits = tuple(int(b) for b in np.unpackbits(np.frombuffer(text.encode(), np.uint8)))
    for order, plane in WAYS:
        assert read_marks(marked(chart_pixels(768, 512, 4), bits, order=order, plane=plane)) == ()


def test_thresholds_are_of_one_rarity_and_that_of_48_bits_is_44() -> None:
    assert {m.name: least_of(m) for m in MARKS} == {
        "sd1": 125,
        "sd1-inpainting": 206,
        "sd2": 32,
        "sdxl": 44,
        "flux": 43,
    }
    least = {length: dwtdct.least_agreeing(length, RARE) for length in (32, 46, 48, 136, 224)}
    assert least[48] == 44
    assert {len(m.bits) for m in MARKS} == set(least)
    for length, agreeing in least.items():
        assert dwtdct.chance(length, agreeing) <= RARE
        assert dwtdct.chance(length, agreeing - 1) > RARE
    assert dwtdct.least_agreeing(16, RARE) == 17, "a mark of 16 bits can't be told from chance"
    assert BY_NAME["flux"].bits[:2] == (1, 0), "the two zeros in front are lost"
    assert len(BY_NAME["flux"].bits) == 46


@pytest.mark.parametrize("seed", range(6))
def test_what_was_never_marked_holds_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for pixels in (
        chart_pixels(320, 256, seed),
        rng.integers(0, 256, (264, 280, 3), dtype=np.uint8),
        np.full((300, 300, 3), 40 * seed, np.uint8),
        np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2),
        np.where(np.arange(384)[None, :, None] // (8 + seed) % 2, (250, 10, 90), (20, 180, 240)).astype(np.uint8)
        * np.ones((256, 1, 1), np.uint8),
    ):
        assert read_marks(pixels) == ()


def test_bits_of_unmarked_pictures_agree_with_any_mark_as_coins_do() -> None:
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 2, (4000, 48)).astype(bool)
    shares = []
    for seed in range(6):
        for _, numbers, scores in dwtdct.ways(chart_pixels(320, 256, seed)):
            bits = dwtdct.read_bits(numbers, scores, 48)
            assert 8 <= bits.sum() <= 40, "ones and zeros in balance"
            shares.append((marks == bits).mean())
    assert 0.49 < float(np.mean(shares)) < 0.51


def test_a_picture_too_small_to_be_marked_is_not_read() -> None:
    pixels = marked(chart_pixels(512, 384, 4), BY_NAME["sd2"].bits, order="BGR", plane="bytes")
    assert read_marks(pixels)
    assert read_marks(pixels[:248, :256]) == ()
    assert list(dwtdct.ways(np.zeros((4, 70_000, 3), np.uint8))) == []


def test_of_a_great_picture_a_bounded_part_is_read_and_the_mark_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = marked(chart_pixels(1024, 768, 3), BY_NAME["sdxl"].bits, order="BGR", plane="fractions")
    monkeypatch.setattr(dwtdct, "MOST_SQUARES", 2000)
    for _, numbers, scores in dwtdct.ways(pixels):
        assert len(numbers) == len(scores) <= 2000
        assert numbers.max() > 10_000, "rows are spread over the whole picture"
    assert [f.mark.name for f in read_marks(pixels)] == ["sdxl"]


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3))),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_pictures_of_any_shape_are_read_without_fault(tile, down, across) -> None:
    read_marks(np.tile(tile, (down, across, 1)))


def test_a_view_of_four_bytes_a_pixel_is_read_alike() -> None:
    pixels = marked(chart_pixels(512, 384, 4), BY_NAME["sd2"].bits, order="BGR", plane="bytes")
    four = np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))
    assert read_marks(four[..., :3]) == read_marks(pixels)


def test_photographs_hold_a_mark_once_they_are_marked_and_not_before(public_files: Path) -> None:
    folder = public_files / "origin" / "train" / "camera" / "marcusklasson-GroceryStoreDataset"
    files = sorted(folder.rglob("*.jpg"))[::80]
    assert len(files) >= 4
    for file in files:
        with Image.open(file) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        assert read_marks(pixels) == ()
        for name in ("sd2", "sdxl", "flux"):
            for plane in ("bytes", "fractions"):
                (only,) = read_marks(marked(pixels, BY_NAME[name].bits, order="BGR", plane=plane))
                assert only.mark.name == name


def test_it_is_looked_for_only_where_asked(examine: Examine) -> None:
    data = png(marked(chart_pixels(320, 256, 4), BY_NAME["sdxl"].bits, order="BGR", plane="fractions"))
    assert not found(examine(data, "a.png"))
    (said,) = found(examine(data, "a.png", ON))
    assert said.statement.startswith("The pixels hold the open watermark of Stable Diffusion XL: 48 of 48 bits")
    assert "mark pictures that they only changed, too. Anyone can write this." in said.statement
    assert said.payload["mark"] == "sdxl"
    assert said.payload["least"] == 44
    assert said.payload["written_as"] == "fractions"
    assert said.payload["chance"] == 2e-8
    assert said.weight is not None
    assert (said.weight.proposition, said.weight.basis) == (Proposition.GENERATED, Basis.WATERMARK)


def test_a_mark_alone_never_says_generated_and_that_of_inpainting_says_altered(examine: Examine) -> None:
    policy = load_policy("victim-first").origin
    for name, answer in (("sd1", Answer.UNDETERMINED), ("sd1-inpainting", Answer.ALTERED)):
        data = png(marked(chart_pixels(512, 384, 4), BY_NAME[name].bits, order="BGR", plane="bytes"))
        said = examine(data, "a.png", ON)
        assert [f.payload["mark"] for f in found(said)] == [name]
        assert weigh([Filed("", f) for f in said], policy).answer is answer


def test_jpeg_without_chroma_subsampling_keeps_it_and_scaling_does_not(examine: Examine) -> None:
    pixels = Image.fromarray(
        marked(chart_pixels(512, 384, 4), BY_NAME["sdxl"].bits, order="BGR", plane="fractions")
    )
    saved = []
    for picture, options in (
        (pixels, {"quality": 95, "subsampling": 0}),
        (pixels, {"quality": 80, "subsampling": 2}),
        (pixels.resize((448, 336)), {"quality": 95, "subsampling": 0}),
    ):
        out = io.BytesIO()
        picture.save(out, "JPEG", **options)
        saved.append(len(found(examine(out.getvalue(), "a.jpg", ON))))
    assert saved == [1, 0, 0]


class Example:
    """A reader that knows a picture by its first pixel."""

    name = "watermark.example"
    version = "3"
    extra = None
    requires = ()
    scheme = "Example scheme"

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def read(self, picture: Picture) -> Reading | None:
        return self.reading if picture.pixels[0, 0, 0] == 7 else None


def keyed(reading: Reading, *, first: int = 7, on: bool = True) -> list[Finding]:
    pixels = chart_pixels(64, 48)
    pixels[0, 0] = first
    content = content_of(png(pixels), registry().hashers.hashers())
    content.filetype = registry().identifier.identify(content)
    content.decoder = registry().decoder
    analyser = KeyedWatermark(Example(reading)).configure(Settings(detect="on" if on else "off"))
    item = Item(Place(b"/evidence", (b"a.png",)), source="test")
    return list(analyser.analyse(item, content, Known()))


def test_a_keyed_reader_of_another_package_gives_findings_that_anyone_can_have_written() -> None:
    (said,) = keyed(Reading("the service of Example Ltd", "generated", 1e-6, {"payload": "42"}))
    assert said.kind == kinds.WATERMARK
    assert (said.analyser, said.version) == ("watermark.example", "3")
    assert said.payload["payload"] == "42"
    assert "as the service of Example Ltd writes it" in said.statement
    assert said.weight is not None
    assert said.weight.basis is Basis.WATERMARK
    assert said.weight.log10_lr == 0.7
    (frequent,) = keyed(Reading("Example", "altered", 0.5))
    assert frequent.weight is not None
    assert frequent.weight.proposition is Proposition.ALTERED
    assert frequent.weight.log10_lr == pytest.approx(0.301, abs=1e-3)


def test_a_keyed_mark_that_states_nothing_or_is_no_rarer_than_chance_weighs_nothing() -> None:
    for reading in (Reading("Example"), Reading("Example", "generated"), Reading("Example", "camera", 0.0)):
        (said,) = keyed(reading)
        assert said.weight is None
    assert keyed(Reading("Example"), first=8) == []
    assert keyed(Reading("Example"), on=False) == []


def test_a_keyed_reader_is_a_plugin_like_any_other() -> None:
    reader = Example(Reading("Example"))
    assert isinstance(reader, WatermarkReader)
    offers = [("built in", a, "") for a in registry().analysers] + [
        ("example_package", KeyedWatermark(reader), "")
    ]
    made = assemble(offers)
    assert [a.name for a in made.analysers][-1] == "watermark.example"
    assert isinstance(OpenWatermarks().configure(ON), OpenWatermarks)
