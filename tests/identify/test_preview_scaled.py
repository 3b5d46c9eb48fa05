"""Fast mode: a scaled decode says the same of a JPEG as the full one, and what is broken is still found broken."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leadlight.chart import chart_pixels
from leadlight.config import Limits, Settings
from leadlight.content import Content
from leadlight.errors import ContentError
from leadlight.identify import preview
from leadlight.identify.preview import PLUGIN
from leadlight.records import Finding, Item, Place, finding
from leadlight.scaled.kernel import kernel
from leadlight.seams import Known
from tests.identify.formats import opened, saved

pytestmark = pytest.mark.skipif(kernel() is None, reason="no compiled kernel")
ITEM = Item(Place(b"/evidence", (b"x.jpg",)), source="test")
FAST, EXACT = Settings(hashing="fast"), Settings(hashing="exact")


def grainy(width: int = 330, height: int = 280, seed: int = 3) -> Image.Image:
    noise = np.random.default_rng(seed).integers(-15, 16, (height, width, 3))
    return Image.fromarray(np.clip(chart_pixels(width, height, seed) + noise, 0, 255).astype(np.uint8))


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


SMALL = grainy()
FILES = {
    "baseline": saved(SMALL, "JPEG", quality=80),
    "full colour": saved(SMALL, "JPEG", quality=92, subsampling=0, optimize=True),
    "half across": saved(SMALL, "JPEG", quality=80, subsampling=1),
    "progressive": saved(SMALL, "JPEG", quality=80, progressive=True),
    "grey": saved(SMALL.convert("L"), "JPEG"),
    "grey, progressive": saved(SMALL.convert("L"), "JPEG", progressive=True),
    "restarts": saved(SMALL, "JPEG", restart_marker_rows=1),
    "turned": saved(SMALL, "JPEG", exif=turned(6)),
    "two pictures": saved(SMALL, "MPO", save_all=True, append_images=[SMALL.resize((100, 80))]),
    "followed": saved(SMALL, "JPEG") + b"\0\0\0\x18ftypmp42",
}


def content(data: bytes, *, exact: bool = False) -> Content:
    made = opened(data)
    made.exact = exact
    return made


def said(data: bytes, *, exact: bool) -> tuple[object, str]:
    """All that the analyser says or raises but how it decoded; and how it decoded."""
    made = content(data, exact=exact)
    try:
        found = list(PLUGIN.analyse(ITEM, made, Known()))
    except ContentError as e:
        return repr(e), ""
    plain = [(f.kind, f.statement, {k: v for k, v in f.payload.items() if k != "decode"}) for f in found]
    return plain, str(found[0].payload["decode"])


@pytest.fixture
def low(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pictures are decoded scaled too, so that tests are quick."""
    monkeypatch.setattr(preview, "LEAST", 32)


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize("name", FILES)
def test_the_same_is_said_by_either_decode(name: str) -> None:
    fast, exact = said(FILES[name], exact=False), said(FILES[name], exact=True)
    assert fast[0] == exact[0]
    assert fast[1].startswith("scaled 1/")
    assert exact[1] == "full"


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize("name", FILES)
def test_what_is_broken_is_found_broken(name: str) -> None:
    """Cuts, changed bytes, changed markers and tables, bytes lost and added."""
    data, rng = FILES[name], random.Random(name)
    marks = [i for i in range(len(data) - 1) if data[i] == 0xFF and 0xC0 <= data[i + 1] <= 0xFE]
    scaled = full = 0
    for n in range(150):
        damaged = bytearray(data)
        if n % 5 == 0:
            damaged = damaged[: rng.randrange(2, len(data))]
        elif n % 5 == 1:
            damaged[rng.randrange(len(data))] = rng.randrange(256)
        elif n % 5 == 2:
            at = rng.randrange(len(data))
            del damaged[at : at + rng.randrange(1, 40)]
        else:
            damaged[min(len(data) - 1, rng.choice(marks) + rng.randrange(40))] ^= 1 << rng.randrange(8)
        fast, exact = said(bytes(damaged), exact=False), said(bytes(damaged), exact=True)
        assert fast[0] == exact[0], (n, name)
        scaled += fast[1].startswith("scaled")
        full += not fast[1].startswith("scaled")
    assert scaled
    assert full


@pytest.mark.usefixtures("low")
def test_a_cut_at_every_byte_of_the_end_is_found() -> None:
    data = FILES["baseline"]
    for cut in range(1, 40):
        assert said(data[:-cut], exact=False) == said(data[:-cut], exact=True)
        assert said(data[:-cut], exact=False)[1] != "scaled 1/8"


def test_what_is_no_common_jpeg_or_small_is_decoded_in_full() -> None:
    large = grainy(900, 800)
    assert content(saved(large, "JPEG")).scaled() is not None
    for data in (
        saved(large.convert("CMYK"), "JPEG"),
        saved(large, "JPEG", keep_rgb=True),
        saved(large, "WEBP"),
        saved(large, "PNG"),
        saved(grainy(900, 300), "JPEG"),
    ):
        made = content(data)
        assert made.scaled() is None
        assert next(iter(PLUGIN.analyse(ITEM, made, Known()))).payload["decode"] == "full"


def test_limits_hold_for_a_scaled_decode() -> None:
    data = saved(grainy(900, 800), "JPEG")
    for name, value in (("pixels", 900 * 800 - 1), ("side", 899), ("memory_bytes", 1000)):
        made = opened(data, Limits(**{name: value}))
        made.exact = False
        assert made.scaled() is None
        made.close()


def test_without_the_kernel_pictures_are_decoded_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLIGHT_TEST_NO_KERNEL", "1")
    assert content(saved(grainy(900, 800), "JPEG")).scaled() is None


def of(found: list[Finding], kind: str) -> list[Finding]:
    return [f for f in found if f.kind == kind]


def test_the_worker_decodes_a_large_jpeg_once_and_scaled(
    examine: Callable[..., list[Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a thumbnail, so that all who look at the picture do; stealth bits, hashes and thumbnails included."""
    from leadlight.provenance import specimen

    small = saved(grainy(900, 800).resize((160, 142)), "JPEG")
    block = specimen.exif_block(specimen.CAMERA, specimen.CAPTURE, thumbnail=small)
    data = saved(grainy(900, 800), "JPEG", exif=b"Exif\0\0" + block)
    counts: list[int] = []
    close = Content.close
    monkeypatch.setattr(Content, "close", lambda self: (counts.append(self.decodes), close(self))[1])

    def refused(self: object, content: Content) -> None:
        raise AssertionError("decoded in full")

    exact = examine(data, settings=EXACT)
    monkeypatch.setattr(type(PLUGIN), "decode", refused)
    fast = examine(data, settings=FAST)
    assert counts == [1, 1]
    assert of(exact, finding.CAMERA)[0].payload["thumbnail"]
    kinds = {f.kind for f in exact}
    assert {finding.PICTURE, finding.PDQ, finding.CAMERA} <= kinds
    assert {f.kind for f in fast} == kinds
    shown = [
        (f.analyser, f.statement, dict(f.payload)) for f in exact if f.kind not in (finding.PICTURE, finding.PDQ)
    ]
    assert shown == [
        (f.analyser, f.statement, dict(f.payload)) for f in fast if f.kind not in (finding.PICTURE, finding.PDQ)
    ]
    (one,), (other,) = of(exact, finding.PICTURE), of(fast, finding.PICTURE)
    assert {**one.payload, "decode": ""} == {**other.payload, "decode": ""}


def test_orientation_is_that_of_the_full_decode() -> None:
    for orientation in (1, 3, 8):
        data = saved(grainy(900, 800), "JPEG", exif=turned(orientation))
        reduced = content(data).scaled()
        assert reduced is not None
        assert reduced.orientation == content(data).picture().orientation == orientation


def test_public_pictures_are_said_to_be_the_same(public_files: Path) -> None:
    files = sorted(p for p in public_files.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))[::9]
    scaled = 0
    for path in files:
        data = path.read_bytes()
        fast = said(data, exact=False)
        assert fast[0] == said(data, exact=True)[0], path.name
        scaled += fast[1].startswith("scaled")
    assert scaled > len(files) // 3


def test_pixels_are_the_same_from_memory_of_our_own_and_from_pillow_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (*FILES.values(), FILES["baseline"][:-3000]):
        own = opened(data).picture()
        monkeypatch.setattr(Image.core, "map_buffer", None)
        copied = opened(data).picture()
        monkeypatch.undo()
        assert np.array_equal(own.pixels, copied.pixels)
        assert own.complete == copied.complete
        with Image.open(io.BytesIO(FILES["baseline"])) as image:
            assert own.pixels.shape[2] == 3
            assert image.mode == "RGB"
