"""Tar and compressed files: names, links, sparse files, damage, limits."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from datetime import UTC, datetime

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Limits
from leadlight.errors import LimitReached, Undecodable
from leadlight.records import Place
from leadlight.sources.tar import PLUGIN
from tests.sources.archives import COMPRESS, drained, members, tarred

FILES = [(b"a/apple.txt", b"apple" * 500), (b"pear", b"pear"), (b"empty", b"")]


def header(name: bytes, kind: bytes = b"0", size: int = 0, **more: bytes) -> bytes:
    """One header block; `more` puts bytes at an offset: o386=b'...'."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % 1_700_000_000
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    for offset, data in more.items():
        at = int(offset[1:])
        block[at : at + len(data)] = data
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    text = b""
    for key, value in records:
        body = b" " + key + b"=" + value + b"\n"
        length = len(body) + 1
        while length != len(str(length)) + len(body):
            length = len(str(length)) + len(body)
        text += str(length).encode() + body
    return header(b"PaxHeaders/x", kind, len(text)) + padded(text)


END = bytes(1024)


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("codec", ["", *COMPRESS])
def test_members(form: int, codec: str) -> None:
    data = tarred(FILES, form)
    leaves, error = drained(PLUGIN, COMPRESS[codec](data) if codec else data)
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == FILES
    assert [leaf.item.size for leaf in leaves] == [2500, 4, 0]
    assert leaves[0].item.times.modified == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert {leaf.item.source for leaf in leaves} == {"unpack.tar"}


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_raw_names(form: int) -> None:
    names = [b"long/" * 60 + b"leaf", b"\xff\xfe raw", "é\U0001f41f".encode(), b"/abs", b"../../up", b"a\nb"]
    leaves, error = drained(PLUGIN, tarred([(n, b"x") for n in names], form))
    assert error is None
    assert [leaf.name for leaf in leaves] == names


def test_two_members_of_one_name_keep_two_places() -> None:
    leaves, _ = drained(PLUGIN, tarred([(b"a", b"old"), (b"a", b"new")]))
    assert [(leaf.name, leaf.data) for leaf in leaves] == [(b"a", b"old"), (b"a#2", b"new")]


def test_links_devices_and_folders() -> None:
    data = b"".join(
        (
            header(b"d/", b"5"),
            header(b"file", b"0", 3) + padded(b"fig"),
            header(b"same", b"1", o157=b"file"),
            header(b"lost", b"1", o157=b"not here"),
            header(b"soft", b"2", o157=b"/etc/hostname"),
            header(b"pipe", b"6"),
            header(b"disk", b"4"),
            header(b"tty", b"3"),
            header(b"label", b"V"),
            header(b"old/", b"\0"),
            header(b"kind-unknown", b"Q", 3) + padded(b"yew"),
            END,
        )
    )
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert {leaf.name: leaf.reason or leaf.data for leaf in leaves} == {
        b"file": b"fig",
        b"lost": "refused",
        b"soft": "refused",
        b"pipe": "refused",
        b"disk": "refused",
        b"tty": "refused",
        b"kind-unknown": b"yew",
    }


def test_pax_overrides_size_name_and_time() -> None:
    data = (
        pax((b"path", b"better"), (b"size", b"4"), (b"mtime", b"1600000000.5"))
        + header(b"worse")
        + padded(b"pear")
    )
    leaves, error = drained(PLUGIN, pax((b"comment", b"x"), kind=b"g") + data + END)
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == [(b"better", b"pear")]
    assert leaves[0].item.times.modified == datetime(2020, 9, 13, 12, 26, 40, 500000, tzinfo=UTC)


def test_sizes_in_base_256() -> None:
    block = header(b"big", o124=b"\x80" + (5).to_bytes(11, "big"))
    assert drained(PLUGIN, block + padded(b"apple") + END)[0][0].data == b"apple"


WANTED = bytes(1000) + b"apple" + bytes(2000) + b"pear" + bytes(91)


def test_sparse_files() -> None:
    old = header(
        b"old", b"S", 9, o386=b"%011o\0%011o\0%011o\0%011o\0" % (1000, 5, 3005, 4), o483=b"%011o\0" % len(WANTED)
    ) + padded(b"applepear")  # fmt: skip
    runs = [
        (b"GNU.sparse.offset", b"1000"),
        (b"GNU.sparse.numbytes", b"5"),
        (b"GNU.sparse.offset", b"3005"),
        (b"GNU.sparse.numbytes", b"4"),
    ]
    real = str(len(WANTED)).encode()
    zero = pax((b"GNU.sparse.size", real), *runs) + header(b"zero", b"0", 9) + padded(b"applepear")
    tenth = pax((b"GNU.sparse.major", b"0"), (b"GNU.sparse.map", b"1000,5,3005,4"), (b"GNU.sparse.size", real))
    tenth += header(b"tenth", b"0", 9) + padded(b"applepear")
    table = padded(b"2\n1000\n5\n3005\n4\n")
    one = pax(
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.realsize", real),
        (b"GNU.sparse.name", b"one"),
    )
    one += header(b"GNUSparseFile.0/x", b"0", 512 + 9) + table + padded(b"applepear")
    data = old + zero + tenth + one + header(b"after", b"0", 3) + padded(b"fig") + END
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [leaf.name for leaf in leaves] == [b"old", b"zero", b"tenth", b"one", b"after"]
    assert [leaf.data == WANTED for leaf in leaves[:4]] == [True] * 4
    assert leaves[4].data == b"fig"
    with tarfile.open(fileobj=io.BytesIO(data)) as oracle:
        member = oracle.extractfile("one")
        assert member is not None
        assert member.read() == WANTED


def test_sparse_zeros_count_against_the_limits() -> None:
    real = b"%d" % 10**12
    data = b""
    for n in range(3):
        data += pax((b"GNU.sparse.major", b"0"), (b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.size", real))
        data += header(b"%d" % n, b"0", 1) + padded(b"x")
    for whole in (data + END, gzip.compress(data + END)):
        leaves, error = drained(PLUGIN, whole, Limits(total_bytes=3_000_000, member_bytes=2_000_000))
        assert [leaf.reason for leaf in leaves] == ["limit", "limit"]
        assert isinstance(error, LimitReached)
        assert error.limit == "limits.total_bytes"


def test_a_broken_header_does_not_take_what_follows() -> None:
    data = bytearray(tarred([(b"a", b"apple"), (b"b", b"banana"), (b"c", b"cherry")], tarfile.USTAR_FORMAT))
    data[1024 + 3] ^= 0xFF
    for whole in (bytes(data), gzip.compress(bytes(data))):
        leaves, error = drained(PLUGIN, whole)
        assert [(leaf.name, leaf.data) for leaf in leaves] == [(b"a", b"apple"), (b"c", b"cherry")]
        assert isinstance(error, Undecodable)
        assert "a header is broken" in error.what


def test_an_archive_behind_the_end_mark_is_found() -> None:
    data = tarred([(b"a", b"apple")]) + tarred([(b"b", b"banana")])
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [leaf.data for leaf in leaves] == [b"apple", b"banana"]
    leaves, error = drained(PLUGIN, tarred([(b"a", b"apple")]) + b"hidden")
    assert isinstance(error, Undecodable)
    assert "bytes follow its end mark" in error.what


def test_cut_short() -> None:
    data = tarred([(b"a", b"apple"), (b"b", bytes(range(256)) * 10)], tarfile.USTAR_FORMAT)
    packed = gzip.compress(data, 0)
    for whole in (data[:1800], data[:1024], packed[:1900], gzip.compress(data[:1800]), packed[:-8]):
        leaves, error = drained(PLUGIN, whole)
        assert leaves[0].data == b"apple"
        if len(whole) < len(data):
            assert all(leaf.reason == "undecodable" for leaf in leaves[1:])
        assert isinstance(error, Undecodable)
        assert "cut short" in error.what


@pytest.mark.parametrize("codec", list(COMPRESS))
def test_one_compressed_file(codec: str) -> None:
    place = Place(b"/e", (b"d/photo.jpg." + codec.encode(),))
    plain = bytes(range(256)) * 40
    for data in (plain, b"", b"tiny"):
        [leaf] = members(PLUGIN, COMPRESS[codec](data), place=place)
        assert leaf.name == b"photo.jpg"
        assert leaf.data == data
    half = COMPRESS[codec](plain)[:-3]
    [leaf] = members(PLUGIN, half, place=place)
    assert leaf.reason == "undecodable"


@pytest.mark.parametrize(
    ("name", "inner"),
    [(b"x.TGZ", b"x.tar"), (b"x.svgz", b"x.svg"), (b"plain", b"plain"), (b".gz", b".gz"), (b"a.GZ", b"a")],
)
def test_name_inside_a_compressed_file(name: bytes, inner: bytes) -> None:
    [leaf] = members(PLUGIN, gzip.compress(b"x"), place=Place(b"/e", (name,)))
    assert leaf.name == inner


def test_time_of_a_gzip_header() -> None:
    [leaf] = members(PLUGIN, gzip.compress(b"x", mtime=1_700_000_000))
    assert leaf.item.times.modified == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    [leaf] = members(PLUGIN, gzip.compress(b"x", mtime=0))
    assert leaf.item.times.modified is None


@pytest.mark.parametrize("codec", list(COMPRESS))
def test_joined_streams_padding_and_what_follows(codec: str) -> None:
    press = COMPRESS[codec]
    two = press(b"one ") + press(b"two")
    assert drained(PLUGIN, two)[0][0].data == b"one two"
    leaves, error = drained(PLUGIN, two + bytes(512))
    assert leaves[0].data == b"one two"
    assert error is None
    leaves, error = drained(PLUGIN, two + b"hidden")
    assert leaves[0].data == b"one two"
    assert isinstance(error, Undecodable)
    assert "follow its end" in error.what


def test_skippable_zstandard_frames() -> None:
    skip = struct.pack("<II", 0x184D2A50, 5) + b"notes"
    [leaf] = members(PLUGIN, skip + zstandard.ZstdCompressor().compress(b"fig"))
    assert leaf.data == b"fig"


def test_a_zstandard_window_that_is_too_large() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(1, window_log=28)
    press = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = press.compress(b"x" * 100_000) + press.flush()
    [leaf] = members(PLUGIN, data)
    assert leaf.reason == "unsupported"


def test_ratio_and_member_limits_hold_while_it_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadlight.limits.RATIO_FROM", 100_000)
    for name, press in COMPRESS.items():
        single = press(bytes(5_000_000))
        leaves, error = drained(PLUGIN, single, Limits(ratio=20))
        assert [leaf.reason for leaf in leaves] == ["limit"], name
        assert isinstance(error, LimitReached)
        many = press(tarred([(b"bomb", bytes(5_000_000)), (b"fig", b"fig")]))
        leaves, error = drained(PLUGIN, many, Limits(ratio=20))
        assert [leaf.reason for leaf in leaves] == ["limit"], name
        assert isinstance(error, LimitReached)
        leaves, error = drained(PLUGIN, many, Limits(member_bytes=1000, ratio=1e9))
        assert [leaf.reason for leaf in leaves] == ["limit", None], name
        assert error is None


def test_what_is_passed_over_counts() -> None:
    many = gzip.compress(tarred([(b"large", bytes(5_000_000)), (b"fig", b"fig")]))
    leaves, error = drained(PLUGIN, many, Limits(member_bytes=1000, total_bytes=2_000_000))
    assert [leaf.reason for leaf in leaves] == ["limit"]
    assert isinstance(error, LimitReached)
    assert error.limit == "limits.total_bytes"


def test_a_header_that_states_gigabytes_of_metadata() -> None:
    for kind in b"xgLK":
        data = header(b"h", bytes([kind]), 8_000_000_000) + bytes(2048)
        leaves, error = drained(PLUGIN, header(b"a", size=1) + padded(b"x") + data)
        assert [leaf.data for leaf in leaves] == [b"x"]
        assert isinstance(error, LimitReached)
        assert error.limit == "limits.metadata_bytes"


def test_a_long_chain_of_extended_headers_needs_no_recursion() -> None:
    data = pax((b"comment", b"x")) * 3000 + header(b"a", size=3) + padded(b"fig") + END
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [leaf.data for leaf in leaves] == [b"fig"]


def test_no_tar_and_an_empty_one() -> None:
    with pytest.raises(Undecodable):
        list(members(PLUGIN, b"no archive" * 100))
    assert drained(PLUGIN, bytes(10240)) == ([], None)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.binary(min_size=1, max_size=150).filter(lambda n: 0 not in n and not n.endswith(b"/")),
            st.binary(max_size=1200),
        ),
        max_size=6,
        unique_by=lambda f: f[0],
    ),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.sampled_from(["", *COMPRESS]),
)
def test_any_names_and_bytes_come_back(files: list[tuple[bytes, bytes]], form: int, codec: str) -> None:
    data = tarred(files, form)
    leaves, error = drained(PLUGIN, COMPRESS[codec](data) if codec else data)
    if not files and codec:
        assert [leaf.data for leaf in leaves] == [data]
        return
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == files


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_gives_content_errors_only(draw: st.DataObject) -> None:
    base = pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.realsize", b"99")) + header(b"s", b"0", 521)
    base += padded(b"1\n3\n9\n") + padded(b"applepear") + tarred(FILES, tarfile.GNU_FORMAT)
    codec = draw.draw(st.sampled_from(["", "", *COMPRESS]))
    data = bytearray(COMPRESS[codec](base) if codec else base)
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(0, min(2000, len(data)) - 1))
        data[at] = draw.draw(st.integers(0, 255))
    drained(PLUGIN, bytes(data[: draw.draw(st.integers(1, len(data)))]), Limits(total_bytes=50_000_000))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_under_a_sound_checksum_gives_content_errors_only(draw: st.DataObject) -> None:
    more = {}
    for at in draw.draw(st.lists(st.sampled_from([100, 124, 136, 257, 345, 386, 400, 482, 483]), max_size=4)):
        more[f"o{at}"] = draw.draw(st.binary(max_size=12))
    kind = draw.draw(st.sampled_from([b"0", b"S", b"x", b"g", b"L", b"K", b"1", b"5", b"D"]))
    data = header(b"h", kind, 700, **more) + draw.draw(st.binary(max_size=1500)) + tarred(FILES)
    drained(PLUGIN, data, Limits(total_bytes=50_000_000))
