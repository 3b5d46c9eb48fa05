"""Small files that ask for much: what they state is refused before room is made for it, in the whole pipeline."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib

import pytest

from leadlight.chart import chart_png, chunk
from tests.evidence import jpeg
from tests.identify.formats import tiff

MIB = 1024 * 1024
ROOM = 400
"""MiB that any of them may take beyond what the first honest picture took: content, texts kept, buffers."""
GREAT = 1024 * MIB


def squeezed(size: int = GREAT) -> bytes:
    """Zeros as a sound zlib stream: one block, again and again, which is made at once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    check = (size % 65521) << 16 | 1  # Adler-32 of zeros
    return b"\x78\xda" + block * (size // MIB) + b"\x03\0" + struct.pack(">I", check)


def with_chunk(*chunks: bytes) -> bytes:
    whole = chart_png(64, 48, 1)
    return whole[:33] + b"".join(chunks) + whole[33:]


def animated_png() -> bytes:
    """Four thousand million frames are stated, the first of them greater than the picture."""
    control = struct.pack(">IIIIIHHBB", 0, 60_000, 60_000, 0, 0, 1, 1, 0, 0)
    return with_chunk(chunk(b"acTL", struct.pack(">II", 0xFFFFFFFF, 0)), chunk(b"fcTL", control))


def tiled_tiff() -> bytes:
    """A picture of 16 by 16 in one tile of 30,000 by 30,000, deflated."""
    packed = squeezed(900 * MIB)
    head = tiff([(256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 1),
                 (322, 4, 1, 30_000), (323, 4, 1, 30_000), (324, 4, 1, 200),
                 (325, 4, 1, len(packed))])  # fmt: skip
    return head.ljust(200, b"\0")[:200] + packed


def striped_tiff() -> bytes:
    """A picture of 16 by 16 whose one strip states four thousand million rows."""
    packed = squeezed(900 * MIB)
    head = tiff([(256, 4, 1, 16), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1),
                 (273, 4, 1, 200),
                 (277, 3, 1, 1), (278, 4, 1, 0xFFFFFFFF), (279, 4, 1, len(packed))])  # fmt: skip
    return head.ljust(200, b"\0")[:200] + packed


def thumbnail() -> bytes:
    """A sound JPEG, whose EXIF holds a thumbnail that states 60,000 by 60,000."""
    small = bytearray(jpeg(2, side=16))
    at = small.index(b"\xff\xc0")
    struct.pack_into(">HH", small, at + 5, 60_000, 60_000)
    second = struct.pack("<H", 3) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value)
        for tag, kind, value in ((0x0103, 3, 6), (0x0201, 4, 14 + 42), (0x0202, 4, len(small)))
    )
    body = b"II*\0" + struct.pack("<I", 8) + struct.pack("<HI", 0, 14) + second + struct.pack("<I", 0)
    exif = b"Exif\0\0" + body + bytes(small)
    whole = jpeg(3)
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:]


def jxl_box() -> bytes:
    """A JPEG XL whose EXIF box holds a quarter of a gibibyte of nothing, by Brotli."""
    import brotli  # what reads 7z brings it

    from tests.identify.formats import jxl

    whole = jxl(container=True)
    body = b"Exif" + brotli.compress(bytes(GREAT // 4), quality=1)
    box = struct.pack(">I", len(body) + 8) + b"brob" + body
    at = 12 + struct.unpack_from(">I", whole, 12)[0]
    return whole[:at] + box + whole[at:]


def _text() -> bytes:
    return chunk(b"zTXt", b"Comment\0\0" + squeezed())


BOMBS = {
    "text": lambda: with_chunk(_text()),
    "twenty texts": lambda: with_chunk(*[_text()] * 20),
    "international text": lambda: with_chunk(chunk(b"iTXt", b"Word\0\1\0\0\0" + squeezed())),
    "profile": lambda: with_chunk(chunk(b"iCCP", b"icc\0\0" + squeezed())),
    "raw profile": lambda: with_chunk(chunk(b"zTXt", b"Raw profile type exif\0\0" + squeezed())),
    "rows beyond the picture": lambda: (
        chart_png(64, 48, 1)[:33] + chunk(b"IDAT", squeezed()) + chunk(b"IEND", b"")
    ),
    "frames": animated_png,
    "tile": tiled_tiff,
    "strip": striped_tiff,
    "thumbnail": thumbnail,
    "box": jxl_box,
}


def main() -> None:
    import resource

    from tests.conftest import examine_bytes

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MIB if sys.platform == "darwin" else 1024)

    out = {}
    for data in (chart_png(640, 480, 1), jpeg(1, side=480)):
        examine_bytes(data)
    for name, build in BOMBS.items():
        data = build()
        before = peak()
        (first,) = examine_bytes(data)[:1]
        found = [f.payload.get("reason", "") for f in first.of_content or () if f.kind == "failure"]
        notes = [n for f in first.of_content or () for n in f.payload.get("notes", ())]
        out[name] = [round(peak() - before), found, notes, len(data)]
    print(json.dumps(out))


@pytest.fixture(scope="module")
def cost() -> dict[str, list]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.identify.test_bombs"], capture_output=True, timeout=240, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", BOMBS)
def test_no_bomb_costs_much_memory(name: str, cost: dict[str, list]) -> None:
    grown, _, _, size = cost[name]
    assert size < 25 * MIB
    assert grown < ROOM, f"{grown} MiB more"


def test_a_tile_greater_than_a_picture_may_be_is_a_limit(cost: dict[str, list]) -> None:
    assert "limit" in cost["tile"][1]


def test_a_text_that_inflates_too_far_is_said(cost: dict[str, list]) -> None:
    for name in ("text", "twenty texts", "international text", "raw profile"):
        assert cost[name][1], name


if __name__ == "__main__":
    main()
