"""Pictures that are cut, crafted or huge: a part, a ContentError, and nothing else."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import subprocess
import sys
import textwrap
import time
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from leadlight.chart import chart_pixels, chunk
from leadlight.config import Limits
from leadlight.errors import ContentError, LimitReached, Undecodable
from leadlight.identify import extent
from tests.identify.formats import TYPES, jxl, opened, picture, saved, tiff, zipped

LARGE = picture(200, 150)


def huge_png(side: int = 100_000) -> bytes:
    head = struct.pack(">II", side, side) + bytes((8, 2, 0, 0, 0))
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def huge_gif(first: tuple[int, int] = (65535, 65535)) -> bytes:
    """Where `first` is small, the second frame is the huge one, and a third makes it be decoded on the way."""
    data = b"GIF89a" + struct.pack("<HH", *first) + b"\x80\0\0" + bytes(3) + b"\xff" * 3
    for size in (first, (65535, 65535), (1, 1)):
        data += b"," + struct.pack("<HHHHB", 0, 0, *size, 0) + b"\x02\x02\x4c\x01\0"
    return data + b";"


def huge_bmp() -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHI", 100, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 100_000, 100_000, 1, 24, *[0] * 6)
    )


def huge_webp() -> bytes:
    canvas = struct.pack("<I", 60_000 - 1)[:3] * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    real = saved(picture(8, 8), "WEBP", lossless=True)[12:]
    frame = bytes(6) + struct.pack("<I", 7)[:3] * 2 + bytes(4) + real
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def huge_lossless_webp() -> bytes:
    bits = struct.pack("<I", 16383 | 16383 << 14)
    return b"RIFF" + struct.pack("<I", 1000) + b"WEBPVP8L" + struct.pack("<I", 988) + b"\x2f" + bits + bytes(983)


def huge_tiff() -> bytes:
    return tiff([(256, 4, 1, 100_000), (257, 4, 1, 100_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                 (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 100_000), (279, 4, 1, 100)])  # fmt: skip


def huge_second_page() -> bytes:
    data = bytearray(saved(picture(8, 8), "TIFF", save_all=True, append_images=[picture(8, 8)]))
    second = struct.unpack_from("<I", data, struct.unpack_from("<I", data, 4)[0] + 2 + 12 * _count(data))[0]
    for n in range(struct.unpack_from("<H", data, second)[0]):
        at = second + 2 + 12 * n
        if struct.unpack_from("<H", data, at)[0] in (256, 257):
            struct.pack_into("<HII", data, at + 2, 4, 1, 100_000)
    return bytes(data)


def _count(data: bytearray) -> int:
    return struct.unpack_from("<H", data, struct.unpack_from("<I", data, 4)[0])[0]


def huge_icon() -> bytes:
    """The directory says 16 by 16; the PNG within says otherwise."""
    inner = huge_png()
    return b"\0\0\1\0\1\0" + bytes((16, 16, 0, 0, 1, 0, 32, 0)) + struct.pack("<II", len(inner), 22) + inner


def huge_jxl() -> bytes:
    """A bare codestream: size header of 100,000 by 100,000, then noise."""
    bits = 0 | 2 << 1 | (100_000 - 1) << 3 | 1 << 21  # not small; 18 bits of height; square
    return b"\xff\x0a" + bits.to_bytes(3, "little") + bytes(range(256)) * 4


def huge_psd() -> bytes:
    return b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 100_000, 100_000, 8, 3) + bytes(64)


def huge_jp2() -> bytes:
    data = bytearray(saved(picture(), "JPEG2000", no_jp2=True))
    struct.pack_into(">IIII", data, 8, 100_000, 100_000, 0, 0)
    struct.pack_into(">IIII", data, 24, 100_000, 100_000, 0, 0)
    return bytes(data)


HUGE = {
    "png": huge_png, "gif": huge_gif, "bmp": huge_bmp, "webp": huge_webp, "webp lossless": huge_lossless_webp,
    "tiff": huge_tiff, "icon": huge_icon, "jxl": huge_jxl, "psd": huge_psd, "j2k": huge_jp2,
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE)
def test_too_many_pixels_are_a_limit_that_is_named(name: str) -> None:
    limits = Limits(pixels=200_000_000) if "lossless" in name else Limits()
    content = opened(HUGE[name](), limits)
    assert content.filetype.family == "picture"
    with pytest.raises(LimitReached) as caught:
        content.picture()
    assert caught.value.limit == "limits.pixels"
    assert caught.value.met > caught.value.allowed == limits.pixels
    with pytest.raises(LimitReached) as again:
        content.picture()
    assert again.value is caught.value
    assert content.decodes == 1
    content.close()


@pytest.mark.parametrize("build", [lambda: huge_gif((4, 4)), huge_second_page])
def test_a_later_frame_may_be_the_huge_one(build) -> None:
    content = opened(build())
    passed = content.frames()
    assert next(passed).index == 0
    with pytest.raises(ContentError):
        list(passed)
    content.close()


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux alone")
def test_huge_pictures_cost_no_memory() -> None:
    """In a process that may take 400 MB more than it has: all of them, and later frames too."""
    code = """
        import resource
        from leadlight.content import Content
        from leadlight.errors import ContentError
        from tests.identify import test_preview_hostile as cases
        from tests.identify.formats import opened
        built = {name: build() for name, build in cases.HUGE.items() if name != "webp lossless"}
        built["late gif"] = cases.huge_gif((4, 4))
        built["late page"] = cases.huge_second_page()
        pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (pages + (400 << 20), -1))
        for name, data in built.items():
            try:
                list(opened(data).frames())
            except ContentError as e:
                print(name, type(e).__name__)
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
    said = out.stdout.splitlines()
    assert len(said) == len(HUGE) - 1 + 2, said
    assert all(line.endswith("LimitReached") for line in said[:-1]), said


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "JPEG2000"])
def test_a_picture_cut_short_gives_its_part(format_: str, examine) -> None:
    options = {"JPEG": {"quality": 95}}.get(format_, {})
    whole = saved(LARGE, format_, **options)
    data = whole[: len(whole) * 2 // 3]
    content = opened(data)
    if format_ == "JPEG2000":
        with pytest.raises(Undecodable):
            content.picture()
        return
    found = content.picture()
    assert not found.complete
    assert (found.width, found.height) == (200, 150)
    full = opened(whole).picture()
    assert np.array_equal(found.pixels[:40], full.pixels[:40]) or format_ == "BMP"
    findings = examine(data)
    assert [f.payload["quality"] for f in findings if f.kind == "fingerprint.pdq"]
    (failed,) = [f for f in findings if f.kind == "failure" and f.analyser == "identify.preview"]
    assert failed.payload["reason"] == "undecodable"


@pytest.mark.parametrize("format_", ["WEBP", "AVIF", "JXL", "ICO"])
def test_formats_that_decode_whole_or_not_at_all(format_: str) -> None:
    whole = jxl() if format_ == "JXL" else saved(LARGE, format_)
    content = opened(whole[: len(whole) * 2 // 3])
    with contextlib.suppress(Undecodable):
        assert not content.picture().complete


CUT = [t for t in TYPES if t[3] == "picture" and len(t[1]) > 200]


@pytest.mark.parametrize("data", [pytest.param(t[1], id=t[0]) for t in CUT])
def test_cut_anywhere_gives_a_picture_or_a_content_error(data: bytes) -> None:
    for length in sorted({*range(0, min(len(data), 64), 5), *range(64, len(data), max(1, len(data) // 40))}):
        content = opened(data[:length])
        if content.filetype.family != "picture":
            continue
        try:
            for frame in content.frames():
                assert frame.pixels.shape[2] == 3
        except ContentError:
            pass
        content.close()


SEEDS = [t[1] for t in TYPES if t[3] == "picture" and len(t[1]) < 20_000]


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.sampled_from(SEEDS), st.integers(0, 2**32), st.integers(1, 12))
def test_changed_bytes_give_a_picture_or_a_content_error(data: bytes, seed: int, count: int) -> None:
    rng = random.Random(seed)
    changed = bytearray(data)
    for _ in range(count):
        changed[rng.randrange(len(changed))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    content = opened(bytes(changed), Limits(pixels=2_000_000))
    with contextlib.suppress(ContentError):
        list(content.frames())
    content.close()


def many_frames(count: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HH", 2, 2) + b"\x80\0\0" + bytes(3) + b"\xff" * 3
    return head + (b"," + struct.pack("<HHHHB", 0, 0, 2, 2, 0) + b"\x02\x02\x4c\x01\0") * count + b";"


def many_pages(count: int) -> bytes:
    """One-pixel pages in a chain, each of nine tags."""
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]
    out = bytearray(b"II*\0\x08\0\0\0")
    for n in range(count):
        following = len(out) + 2 + 12 * len(tags) + 4 if n + 1 < count else 0
        out += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHIHH", t, 3, 1, v, 0) for t, v in tags)
        out += struct.pack("<I", following)
    return bytes(out)


@pytest.mark.parametrize("data", [many_frames(400_000), many_pages(60_000)], ids=["gif", "tiff"])
def test_hundreds_of_thousands_of_frames_end_soon(data: bytes) -> None:
    start = time.monotonic()
    content = opened(data)
    found = list(content.frames())
    assert len(found) == 16
    assert found[-1].index == extent.FRAMES - 1
    assert found[0].frames == extent.FRAMES
    content.close()
    assert time.monotonic() - start < 8


def test_a_circle_of_pages_ends() -> None:
    data = bytearray(many_pages(3))
    struct.pack_into("<I", data, len(data) - 4, 8)
    assert [f.index for f in _frames(bytes(data))] == [0, 1, 2]


def _frames(data: bytes) -> list:
    content = opened(data)
    try:
        return list(content.frames())
    finally:
        content.close()


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["GIF", "PNG", "TIFF"]),
    st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0+", b"GIF89a"]),
    st.binary(max_size=300),
)
def test_counting_frames_never_raises(format_: str, head: bytes, rest: bytes) -> None:
    assert 1 <= extent.frames(format_, io.BytesIO(head + rest), 9) <= extent.FRAMES


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 90), st.booleans())
def test_jxl_sizes(width: int, height: int, container: bool) -> None:
    import pillow_jxl  # noqa: F401

    data = saved(Image.new("L", (width, height)), "JXL", effort=1, use_container=container)
    assert extent.jxl_size(data) == (width, height)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"]))
def test_jxl_size_never_raises(rest: bytes, head: bytes) -> None:
    extent.jxl_size(head + rest)


def test_texts_that_inflate_do_not_hide_the_picture() -> None:
    """A compressed text beyond all bounds stands before or after the samples."""
    bomb = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(64 << 20)))
    whole = saved(picture(), "PNG")
    at = whole.index(b"IDAT") - 4
    end = whole.index(b"IEND") - 4
    for data in (whole[:end] + bomb + whole[end:], whole[:at] + bomb + whole[at:]):
        (found,) = _frames(data)
        assert found.complete
        np.testing.assert_array_equal(found.pixels, chart_pixels(40, 30, 1))


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files by /proc")
def test_no_file_stays_open() -> None:
    code = """
        import os, random, tempfile, pathlib, warnings
        warnings.simplefilter("error")
        from leadlight.config import Limits
        from leadlight.content import Content
        from leadlight.errors import ContentError
        from leadlight.fingerprint.digests import PLUGIN as DIGESTS
        from leadlight.identify.filetype import PLUGIN as FILETYPE
        from leadlight.identify.preview import PLUGIN as PREVIEW
        from tests.identify.formats import TYPES
        folder = pathlib.Path(tempfile.mkdtemp())
        files = []
        for n, (_, data, _, family) in enumerate(TYPES):
            if family == "picture":
                for part in (data, data[: len(data) // 2]):
                    files.append(folder / str(len(files)))
                    files[-1].write_bytes(part)
        def once():
            for path in files:
                with path.open("rb") as stream:
                    limits = Limits(memory_bytes=100)
                    again = lambda: path.open("rb")
                    content = Content.read(stream, hashers=DIGESTS.hashers(), limits=limits, reopen=again)
                content.filetype, content.decoder = FILETYPE.identify(content), PREVIEW
                try:
                    next(content.frames())
                except ContentError:
                    pass
                content.close()
        once()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(4):
            once()
        print(len(files) * 4, before, len(os.listdir("/proc/self/fd")))
    """
    out = subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
    decodes, before, after = (int(n) for n in out.stdout.split())
    assert decodes >= 200
    assert after == before
    assert "ResourceWarning" not in out.stderr, out.stderr


def test_an_archive_named_as_a_picture_is_no_picture() -> None:
    assert opened(zipped("a.png")).filetype.family == "archive"


def test_a_broken_picture_writes_nothing_to_the_terminal() -> None:
    """Pillow logs an error for this one, which Python prints where nobody has set up logging."""
    code = """
        from tests.identify.formats import opened, tiff
        rows = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (262, 3, 1, 1), (277, 3, 1, 255)]
        try:
            opened(tiff(rows)).picture()
        except Exception as e:
            print(type(e).__name__)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert out.stdout == "Undecodable\n"
    assert out.stderr == ""


@pytest.mark.parametrize("size", [(65_536, 2), (2, 65_536), (40_000_000, 8)])
def test_a_picture_that_is_too_long_is_a_limit_that_is_named(size: tuple[int, int]) -> None:
    width, height = size
    header = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(min(4096, (width + 7) // 8 + 1)) * min(height, 8))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with pytest.raises(LimitReached, match=r"too long") as e:
        opened(data).picture()
    assert (e.value.limit, e.value.allowed, e.value.met) == ("limits.side", 65_535, max(size))


def test_the_longest_side_of_a_jpeg_is_allowed() -> None:
    out = io.BytesIO()
    Image.new("RGB", (65_500, 8)).save(out, "PNG")
    assert opened(out.getvalue()).picture().width == 65_500
    with pytest.raises(LimitReached):
        opened(out.getvalue(), Limits(side=65_000)).picture()
