"""7z: codecs, solid blocks, encryption, damage, limits, and memory that stays flat."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zlib
from functools import cache

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Limits
from leadlight.errors import Encrypted, LimitReached, Undecodable
from leadlight.sources.sevenzip import PLUGIN
from tests.sources.archives import drained, members, sevenzipped

FAST = [{"id": py7zr.FILTER_LZMA2, "preset": 1}]
COPY = [{"id": py7zr.FILTER_COPY}]
FILES = [(b"a/apple.txt", b"apple" * 500), ("é\U0001f41f".encode(), b"pear"), (b"empty", b"")]
FILTERS = {
    "lzma2": FAST,
    "lzma": [{"id": py7zr.FILTER_LZMA, "preset": 1}],
    "copy": COPY,
    "bzip2": [{"id": py7zr.FILTER_BZIP2}],
    "deflate": [{"id": py7zr.FILTER_DEFLATE}],
    "zstandard": [{"id": py7zr.FILTER_ZSTD, "level": 1}],
    "ppmd": [{"id": py7zr.FILTER_PPMD, "order": 6, "mem": 20}],
    "brotli": [{"id": py7zr.FILTER_BROTLI, "level": 1}],
    "bcj+lzma2": [{"id": py7zr.FILTER_X86}, *FAST],
    "bcj+lzma": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA, "preset": 1}],
    "delta+lzma2": [{"id": py7zr.FILTER_DELTA}, *FAST],
}


@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS)
def test_members_of_each_codec(filters: list[dict[str, int]]) -> None:
    files = [*FILES, (b"mixed", random.Random(1).randbytes(200_000) + bytes(300_000))]
    leaves, error = drained(PLUGIN, sevenzipped(files, filters))
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == files
    assert [leaf.item.size for leaf in leaves] == [len(d) for _, d in files]
    assert all(leaf.item.times.modified is not None for leaf in leaves)
    assert {leaf.item.source for leaf in leaves} == {"unpack.7z"}


def test_two_members_of_one_name_keep_two_places() -> None:
    leaves, _ = drained(PLUGIN, sevenzipped([(b"a", b"old"), (b"a", b"new")], FAST))
    assert [(leaf.name, leaf.data) for leaf in leaves] == [(b"a", b"old"), (b"a#2", b"new")]


def test_folders_are_passed_over(tmp_path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "f").write_bytes(b"fig")
    (tmp_path / "d" / "none").write_bytes(b"")
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w", filters=FAST) as out:
        out.writeall(tmp_path / "d", "d")
    leaves, error = drained(PLUGIN, (tmp_path / "x.7z").read_bytes())
    assert error is None
    assert {leaf.name: leaf.data for leaf in leaves} == {b"d/f": b"fig", b"d/none": b""}


def test_several_blocks(tmp_path) -> None:
    path = tmp_path / "x.7z"
    for n, mode in enumerate("waa"):
        with py7zr.SevenZipFile(path, mode, filters=FAST) as out:
            out.writestr(b"%d" % n * 1000, f"{n}-a")
            out.writestr(b"x%d" % n * 1000, f"{n}-b")
    leaves, error = drained(PLUGIN, path.read_bytes())
    assert error is None
    assert [leaf.data for leaf in leaves] == [b"%s%d" % (x, n) * 1000 for n in range(3) for x in (b"", b"x")]


def test_encrypted_members_and_an_encrypted_header() -> None:
    leaves, error = drained(PLUGIN, sevenzipped(FILES, password="word"))
    assert error is None
    assert [leaf.reason for leaf in leaves] == ["encrypted", "encrypted", None]
    with pytest.raises(Encrypted) as caught:
        list(members(PLUGIN, sevenzipped(FILES, password="word", header_encryption=True)))
    assert caught.value.advice


def test_damage_in_a_stored_block_is_one_members() -> None:
    data = bytearray(sevenzipped([(b"a", b"apple"), (b"b", b"broken"), (b"c", b"cherry")], COPY))
    data[data.index(b"broken")] ^= 1
    leaves, error = drained(PLUGIN, bytes(data))
    assert error is None
    assert [leaf.reason for leaf in leaves] == [None, "undecodable", None]


def test_damage_in_a_solid_block_bars_the_rest_and_says_so() -> None:
    noise = random.Random(2).randbytes(300_000)
    data = bytearray(sevenzipped([(b"a", b"apple"), (b"b", noise), (b"c", noise[::-1]), (b"d", b"")], FAST))
    data[150_000:150_100] = bytes(100)
    data[305_000:305_600] = b"\xff" * 600
    leaves, error = drained(PLUGIN, bytes(data))
    assert error is None
    assert leaves[0].data == b"apple"
    assert [leaf.reason for leaf in leaves[1:3]] == ["undecodable"] * 2
    assert leaves[3].data == b""


def test_cut_short_and_bytes_behind() -> None:
    data = sevenzipped(FILES, FAST)
    for cut in (40, len(data) - 5):
        leaves, error = drained(PLUGIN, data[:cut])
        assert leaves == []
        assert isinstance(error, Undecodable)
    leaves, error = drained(PLUGIN, data + b"hidden")
    assert len(leaves) == 3
    assert isinstance(error, Undecodable)
    assert "6 bytes follow" in error.what


def test_limits_hold_while_it_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadlight.limits.RATIO_FROM", 100_000)
    for label in ("lzma2", "bzip2", "deflate", "zstandard"):
        data = sevenzipped([(b"bomb", bytes(9_000_000)), (b"fig", b"fig")], FILTERS[label])
        leaves, error = drained(PLUGIN, data, Limits(ratio=20))
        assert [leaf.reason for leaf in leaves] == ["limit"], label
        assert isinstance(error, LimitReached)
        leaves, error = drained(PLUGIN, data, Limits(member_bytes=1000, ratio=1e9))
        assert [leaf.reason for leaf in leaves] == ["limit", None], label
        assert leaves[1].data == b"fig"
        assert error is None
        leaves, error = drained(PLUGIN, data, Limits(member_bytes=1000, ratio=1e9, total_bytes=2_000_000))
        assert [leaf.reason for leaf in leaves] == ["limit"], label
        assert isinstance(error, LimitReached)


def test_memory_is_flat_in_the_size_of_a_member() -> None:
    data = sevenzipped([(b"large", bytes(100_000_000)), (b"next", bytes(50_000_000))], FAST)
    from leadlight.limits import Budget
    from tests.sources.archives import PLACE, content

    opened = content(data)
    tracemalloc.start()
    sizes = []
    for member in PLUGIN.unpack(PLACE, opened, Budget(Limits(ratio=1e9))):
        assert member.stream is not None
        size = 0
        while chunk := member.stream.read(1 << 20):
            size += len(chunk)
        sizes.append(size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sizes == [100_000_000, 50_000_000]
    assert peak < 40_000_000


@cache
def _built(label: str) -> bytes:
    """Once, because the writer puts the present time in."""
    return sevenzipped(FILES, FILTERS[label])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_gives_content_errors_only(draw: st.DataObject) -> None:
    data = bytearray(_built(draw.draw(st.sampled_from(sorted(FILTERS.keys() - {"ppmd"})))))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(32, len(data) - 1))] = draw.draw(st.integers(0, 255))
    drained(PLUGIN, bytes(data))
    drained(PLUGIN, bytes(data[: draw.draw(st.integers(0, len(data)))]))


@cache
def _open_header() -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", filters=COPY) as archive:
        archive.set_encoded_header_mode(False)
        for name, body in FILES:
            archive.writestr(body, name.decode())
    return out.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_in_an_open_header_gives_content_errors_only(draw: st.DataObject) -> None:
    """The header is not compressed here and its checksums are mended, so that the damage is read."""
    data = bytearray(_open_header())
    start = 32 + struct.unpack_from("<Q", data, 12)[0]
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(start, len(data) - 1))] = draw.draw(st.integers(0, 255))
    struct.pack_into("<I", data, 28, zlib.crc32(data[start:]))
    struct.pack_into("<I", data, 8, zlib.crc32(data[12:32]))
    drained(PLUGIN, bytes(data))
