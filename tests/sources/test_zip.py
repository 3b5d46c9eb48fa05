"""ZIP: what is listed, what is read, what is damaged, what is hostile."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Limits
from leadlight.errors import LimitReached, Unaccounted, Undecodable
from leadlight.sources import tar, zip_directory
from leadlight.sources.zip import PLUGIN
from tests.sources.archives import drained, members, zipped

FILES = [(b"a/apple.txt", b"apple" * 500), (b"pear", b"pear"), (b"empty", b"")]


def entry(
    name: bytes,
    packed: bytes,
    *,
    data: bytes | None = None,
    method: int = 0,
    flags: int = 0,
    extra: bytes = b"",
    local_extra: bytes | None = None,
    attributes: int = 0,
    host: int = 3,
    size: int | None = None,
    streamed: bool = False,
) -> tuple[bytes, bytes]:
    """One member by hand: local header with data, and the directory's record with 0 as offset."""
    data = packed if data is None else data
    size = len(data) if size is None else size
    crc = zlib.crc32(data)
    when = (12345, 22694)
    sizes = (crc, len(packed), size)
    stated = (0, 0, 0) if streamed else sizes
    if streamed:
        flags |= 8
    inner = extra if local_extra is None else local_extra
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, flags, method, *when, *stated, len(name), len(inner))
    local += name + inner + packed
    if streamed:
        local += struct.pack("<4s3I", b"PK\7\x08", *sizes)
    central = struct.pack(
        "<4s6H3I5H2I", b"PK\1\2", host << 8 | 20, 20, flags, method, *when, *sizes, len(name), len(extra), 0, 0, 0,
        attributes, 0,
    )  # fmt: skip
    return local, central + name + extra


def archive(*made: tuple[bytes, bytes], comment: bytes = b"", count: int | None = None) -> bytes:
    body = directory = b""
    for local, central in made:
        directory += central[:42] + struct.pack("<I", len(body)) + central[46:]
        body += local
    count = len(made) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), len(comment))
    return body + directory + end + comment


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_members_of_each_method(method: int) -> None:
    leaves, error = drained(PLUGIN, zipped(FILES, method))
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == FILES
    assert [leaf.item.size for leaf in leaves] == [2500, 4, 0]
    assert {leaf.item.source for leaf in leaves} == {"unpack.zip"}
    assert leaves[0].item.times.modified == datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)


def test_the_examples_by_hand_are_sound() -> None:
    data = archive(entry(b"a", b"apple"), entry(b"b", b"pear", streamed=True), comment=b"hello")
    with zipfile.ZipFile(io.BytesIO(data)) as oracle:
        assert oracle.testzip() is None
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == [(b"a", b"apple"), (b"b", b"pear")]


def test_deflate64_and_zstandard() -> None:
    import inflate64

    deflater = inflate64.Deflater()
    plain = b"leaf " * 30_000
    packed = deflater.deflate(plain) + deflater.flush()
    frames = zstandard.ZstdCompressor().compress(plain)
    data = archive(entry(b"d", packed, data=plain, method=9), entry(b"z", frames, data=plain, method=93))
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [leaf.data for leaf in leaves] == [plain, plain]


@pytest.mark.parametrize(
    ("method", "word"), [(1, "shrinking"), (6, "imploding"), (98, "PPMd"), (97, "WavPack"), (77, "unknown")]
)
def test_methods_without_a_reader_are_named(method: int, word: str) -> None:
    leaves, error = drained(PLUGIN, archive(entry(b"x", b"??", method=method), entry(b"y", b"fig")))
    assert error is None
    assert leaves[0].reason == "unsupported"
    assert leaves[0].failure is not None
    assert word in leaves[0].failure.statement
    assert leaves[1].data == b"fig"


def test_raw_names_are_kept() -> None:
    names = [
        b"caf\x82.txt",
        "é\U0001f41f.txt".encode(),
        b"nul\0name",
        b"\xff\xfe",
        b"../../up",
        b"/abs",
        b"C:\\x\\y",
    ]
    made = [entry(n, b"x", flags=0x800 if n.startswith(b"\xc3") else 0) for n in names]
    leaves, _ = drained(PLUGIN, archive(*made, entry(b"bad\xff", b"y", flags=0x800)))
    assert [leaf.name for leaf in leaves] == [*names, b"bad\xff"]
    assert all(str(leaf.item.place).isprintable() for leaf in leaves)


def test_two_members_of_one_name_keep_two_places() -> None:
    made = [entry(n, d) for n, d in ((b"a", b"1"), (b"a", b"2"), (b"a#2", b"3"), (b"a", b"4"), (b"a#2", b"5"))]
    leaves, _ = drained(PLUGIN, archive(*made))
    assert [leaf.data for leaf in leaves] == [b"1", b"2", b"3", b"4", b"5"]
    assert len({leaf.item.place.key for leaf in leaves}) == 5
    assert [leaf.name for leaf in leaves] == [b"a", b"a#2", b"a#2#2", b"a#3", b"a#2#3"]


def test_folders_are_passed_over_unless_they_hold_bytes() -> None:
    made = [entry(b"d/", b""), entry(b"e", b"", attributes=0o040755 << 16), entry(b"sly/", b"hidden")]
    leaves, _ = drained(PLUGIN, archive(*made))
    assert [(leaf.name, leaf.data) for leaf in leaves] == [(b"sly/", b"hidden")]


def test_encrypted_members_are_failures_one_by_one() -> None:
    made = [entry(b"l1", b"locked bytes", flags=1), entry(b"open", b"fig"), entry(b"l2", b"??", method=99)]
    leaves, error = drained(PLUGIN, archive(*made))
    assert error is None
    assert [leaf.reason for leaf in leaves] == ["encrypted", None, "encrypted"]
    assert leaves[1].data == b"fig"
    assert leaves[0].failure is not None
    assert leaves[0].failure.payload["advice"]


def test_times_of_unix_and_ntfs_fields_win_over_dos() -> None:
    unix = struct.pack("<HHBi", 0x5455, 5, 1, 1_700_000_000)
    ticks = (1_700_000_000 + 11_644_473_600) * 10_000_000
    ntfs = struct.pack("<HHIHH3Q", 0x000A, 32, 0, 1, 24, ticks, ticks + 10_000_000, ticks + 20_000_000)
    leaves, _ = drained(PLUGIN, archive(entry(b"u", b"", extra=unix), entry(b"n", b"", extra=ntfs)))
    assert leaves[0].item.times.modified == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert leaves[1].item.times.modified == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert leaves[1].item.times.accessed == datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC)
    assert leaves[1].item.times.created == datetime(2023, 11, 14, 22, 13, 22, tzinfo=UTC)


def test_zip64(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made, made.open("big", "w", force_zip64=True) as member:
        member.write(b"large" * 100)
    assert drained(PLUGIN, out.getvalue())[0][0].data == b"large" * 100

    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("one", b"first" * 10)
        made.writestr("two", b"second" * 10)
    data = out.getvalue()
    assert b"PK\x06\x06" in data
    for stub in (b"", b"MZ a program before it"):
        leaves, error = drained(PLUGIN, stub + data)
        assert error is None
        assert [leaf.data for leaf in leaves] == [b"first" * 10, b"second" * 10]


def test_a_program_before_it_shifts_offsets() -> None:
    leaves, error = drained(PLUGIN, b"MZ" * 700 + zipped(FILES))
    assert isinstance(error, Unaccounted)
    assert error.what == "1400 bytes of the archive belong to no listed member"
    assert [(leaf.name, leaf.data) for leaf in leaves] == FILES


def test_bytes_after_the_end_are_told_but_zeros_are_padding() -> None:
    leaves, error = drained(PLUGIN, zipped(FILES) + bytes(100))
    assert error is None
    leaves, error = drained(PLUGIN, zipped(FILES) + b"hidden")
    assert [(leaf.name, leaf.data) for leaf in leaves] == FILES
    assert isinstance(error, Undecodable)
    assert "6 bytes follow" in error.what


def test_a_damaged_member_does_not_take_the_others() -> None:
    data = bytearray(zipped([(b"a", b"apple"), (b"b", b"broken"), (b"c", b"cherry")], 0))
    data[data.index(b"broken")] ^= 1
    leaves, error = drained(PLUGIN, bytes(data))
    assert error is None
    assert [leaf.reason for leaf in leaves] == [None, "undecodable", None]
    assert leaves[1].error is not None
    assert "checksum" in leaves[1].error.what
    assert leaves[1].error.advice
    assert leaves[2].data == b"cherry"


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_without_directory_members_are_found_by_their_headers(method: int) -> None:
    data = zipped(FILES, method)
    cut = data[: data.index(b"PK\x01\x02")]
    leaves, error = drained(PLUGIN, cut)
    assert [(leaf.name, leaf.data) for leaf in leaves] == FILES
    assert isinstance(error, Undecodable)
    assert "directory at its end is missing" in error.what


def test_streamed_members_are_found_without_directory() -> None:
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeezed.compress(b"plum" * 900) + squeezed.flush()
    whole = archive(
        entry(b"d", packed, data=b"plum" * 900, method=8, streamed=True),
        entry(b"s", b"stored bytes", streamed=True),
        entry(b"l", b"last"),
    )
    leaves, error = drained(PLUGIN, whole[: whole.index(b"PK\x01\x02")])
    assert error is not None
    assert [leaf.data for leaf in leaves] == [b"plum" * 900, b"stored bytes", b"last"]


def test_cut_inside_a_member() -> None:
    data = zipped([(b"a", b"apple"), (b"b", bytes(range(256)) * 20)], 0)
    leaves, error = drained(PLUGIN, data[: data.index(b"b") + 1000])
    assert leaves[0].data == b"apple"
    assert leaves[1].reason == "undecodable"
    assert error is not None


def test_a_broken_directory_is_completed_from_the_headers() -> None:
    data = bytearray(zipped([(b"a", b"apple"), (b"b", b"banana"), (b"c", b"cherry")], 0))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second] = 0
    leaves, error = drained(PLUGIN, bytes(data))
    assert {leaf.name: leaf.data for leaf in leaves} == {b"a": b"apple", b"b": b"banana", b"c": b"cherry"}
    assert isinstance(error, Undecodable)
    assert error.what.endswith("more members found by their own headers: 2")


def test_a_directory_that_states_another_number() -> None:
    leaves, error = drained(PLUGIN, archive(entry(b"a", b"apple"), count=5))
    assert [leaf.data for leaf in leaves] == [b"apple"]
    assert isinstance(error, Undecodable)


def test_overlapping_members_are_counted_each_time() -> None:
    local, central = entry(b"a", b"x" * 1000)
    data = archive((local, central), (b"", central[:46] + b"b"))
    at = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data = data[: at + 42] + struct.pack("<I", 0) + data[at + 46 :]
    assert data.count(b"PK\x03\x04") == 1
    leaves, _ = drained(PLUGIN, data)
    assert [leaf.data for leaf in leaves] == [b"x" * 1000] * 2
    leaves, error = drained(PLUGIN, data, Limits(total_bytes=1500))
    assert [leaf.reason for leaf in leaves] == [None, "limit"]
    assert isinstance(error, LimitReached)


def test_ratio_ends_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadlight.limits.RATIO_FROM", 100_000)
    data = zipped([(b"bomb", bytes(3_000_000)), (b"after", b"fig")])
    leaves, error = drained(PLUGIN, data, Limits(ratio=50))
    assert [leaf.reason for leaf in leaves] == ["limit"]
    assert isinstance(error, LimitReached)
    assert error.limit == "limits.ratio"
    assert drained(PLUGIN, data, Limits(ratio=10_000))[1] is None


def test_a_bomb_is_stopped_while_it_unpacks() -> None:
    data = zipped([(b"bomb", bytes(70 * 1024 * 1024))])
    leaves, error = drained(PLUGIN, data)
    assert [leaf.reason for leaf in leaves] == ["limit"]
    assert isinstance(error, LimitReached)
    assert "bomb" in error.what


def test_the_limit_of_one_member_leaves_the_others() -> None:
    data = zipped([(b"large", bytes(5000)), (b"small", b"fig")])
    leaves, error = drained(PLUGIN, data, Limits(member_bytes=1000))
    assert error is None
    assert [leaf.reason for leaf in leaves] == ["limit", None]
    assert leaves[0].error is not None
    assert "limits.member_bytes" in leaves[0].error.advice


def test_the_limit_of_members_ends_the_archive() -> None:
    data = zipped([(b"%d" % n, b"x") for n in range(9)])
    leaves, error = drained(PLUGIN, data, Limits(members=4))
    assert len(leaves) == 4
    assert isinstance(error, LimitReached)
    assert error.limit == "limits.members"


def test_a_stream_is_closed_once_the_next_member_is_asked_for() -> None:
    import hashlib

    from leadlight.content import content_of
    from leadlight.limits import Budget
    from tests.sources.archives import PLACE

    walk = PLUGIN.unpack(PLACE, content_of(zipped(FILES), {"sha256": hashlib.sha256()}), Budget(Limits()))
    first = next(walk)
    next(walk)
    assert first.stream is not None
    with pytest.raises(ValueError):
        first.stream.read()
    walk.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(st.characters(codec="ascii"), min_size=1, max_size=9), st.binary(max_size=300))),
    st.sampled_from([0, 8, 12, 14]),
)
def test_agrees_with_the_standard_library(files: list[tuple[str, bytes]], method: int) -> None:
    clean = [(n.replace("\0", "_").rstrip("/").encode() or b"_", d) for n, d in files]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = zipped(clean, method)
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [leaf.data for leaf in leaves] == [d for _, d in clean]
    seen = {n for n, _ in clean}
    assert [leaf.name for leaf in leaves if leaf.name in seen][:1] == [n for n, _ in clean][:1]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_gives_content_errors_only(draw: st.DataObject) -> None:
    method = draw.draw(st.sampled_from([0, 8, 12, 14]))
    data = bytearray(zipped(FILES, method))
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    drained(PLUGIN, bytes(data))
    drained(PLUGIN, bytes(data[:cut]))


def test_offsets_out_of_range() -> None:
    local, central = entry(b"a", b"x", extra=struct.pack("<HHQ", 1, 8, 2**63 - 1))
    data = archive((local, central))
    at = data.index(b"PK\x01\x02")
    data = data[: at + 42] + b"\xff\xff\xff\xff" + data[at + 46 :]
    leaves, error = drained(PLUGIN, data)
    assert [leaf.reason for leaf in leaves] == ["undecodable"]
    assert error is None


def test_no_archive_at_all() -> None:
    with pytest.raises(Undecodable):
        list(members(PLUGIN, b"PK\x03\x04 and nothing more"))
    assert zip_directory.locate(io.BytesIO(b""), 0) is None


def two(comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("apple", b"apple" * 50)
        archive.writestr("pear", b"pear" * 50)
        archive.comment = comment
    return out.getvalue()


def without(data: bytes, name: bytes) -> bytes:
    """The archive with a member struck from its directory alone."""
    start = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    kept = b"".join(b"PK\1\2" + part for part in data[start:end].split(b"PK\1\2")[1:] if name not in part)
    tail = bytearray(data[end:])
    struct.pack_into("<2H2I", tail, 8, 1, 1, len(kept), start)
    return data[:start] + kept + bytes(tail)


@pytest.mark.parametrize("name", [b"apple", b"pear"])
def test_a_member_that_the_directory_does_not_list_is_found_and_said(name: bytes) -> None:
    leaves, error = drained(PLUGIN, without(two(), name))
    assert sorted(leaf.name for leaf in leaves) == [b"apple", b"pear"]
    assert all(leaf.data in (b"apple" * 50, b"pear" * 50) for leaf in leaves)
    assert isinstance(error, Unaccounted)
    assert error.reason == "unaccounted"
    assert "belong to no listed member" in error.what
    assert "does not list: 1" in error.what


def shifted(more: bytes) -> bytes:
    """Bytes between the last member and the directory."""
    data = two()
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    tail = bytearray(data[end:])
    struct.pack_into("<I", tail, 16, start + len(more))
    return data[:start] + more + data[start:end] + bytes(tail)


@pytest.mark.parametrize("build", [two, lambda b: b + two(), shifted], ids=["comment", "before", "gap"])
def test_bytes_that_belong_to_no_member_are_said(build) -> None:
    leaves, error = drained(PLUGIN, build(b"x" * 65))
    assert [leaf.name for leaf in leaves] == [b"apple", b"pear"]
    assert isinstance(error, Unaccounted)
    assert error.what == "65 bytes of the archive belong to no listed member"
    assert drained(PLUGIN, build(b"x" * 64))[1] is None
    assert drained(PLUGIN, build(bytes(5000)))[1] is None


def test_what_streams_and_signing_blocks_need_is_accounted_for() -> None:
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise io.UnsupportedOperation

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

    out = Unseekable()
    with zipfile.ZipFile(out, "w") as archive:
        for n in range(50):
            archive.writestr(f"file{n}", b"text" * n)
    assert drained(PLUGIN, out.getvalue())[1] is None
    assert drained(PLUGIN, shifted(b"x" * 4000 + b"APK Sig Block 42"))[1] is None


@pytest.mark.parametrize(("extra", "comment"), [(b"x" * 500, b""), (b"", b"x" * 500), (b"", b"")])
def test_large_fields_of_a_gzip_header_are_said(extra: bytes, comment: bytes) -> None:
    flags = (4 if extra else 0) | 8 | (16 if comment else 0)
    head = b"\x1f\x8b\x08" + bytes((flags,)) + bytes(6)
    head += (len(extra).to_bytes(2, "little") + extra if extra else b"") + b"name\0"
    head += comment + b"\0" if comment else b""
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(b"apple") + packer.flush()
    data = head + body + struct.pack("<2I", zlib.crc32(b"apple"), 5)
    leaves, error = drained(tar.PLUGIN, data)
    assert [leaf.data for leaf in leaves] == [b"apple"]
    assert (error and error.reason) == ("unaccounted" if extra or comment else None)
