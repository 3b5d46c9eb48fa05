"""RAR 4 and 5, from archives built by hand: no program that writes them is free."""

from __future__ import annotations

import ast
import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rarfile
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.config import Limits
from leadlight.errors import Encrypted, LimitReached, Undecodable, Unsupported
from leadlight.sources import rar_headers
from leadlight.sources.rar import PLUGIN
from tests.sources.archives import drained, members, rar4, rar4_file, rar5, rar5_file, rar5_record

FILES = [(b"a/apple.txt", b"apple" * 500), ("é\U0001f41f".encode(), b"pear"), (b"empty", b"")]


def built(version: int) -> bytes:
    return (
        rar5(*(rar5_file(n, d) for n, d in FILES)) if version == 5 else rar4(*(rar4_file(n, d) for n, d in FILES))
    )


@pytest.mark.parametrize("version", [4, 5])
def test_stored_members(version: int) -> None:
    data = built(version)
    assert [i.file_size for i in rarfile.RarFile(io.BytesIO(data)).infolist()] == [2500, 4, 0]
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [(leaf.name, leaf.data) for leaf in leaves] == FILES
    assert [leaf.item.size for leaf in leaves] == [2500, 4, 0]
    assert {leaf.item.source for leaf in leaves} == {"unpack.rar"}
    moment = (
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
        if version == 5
        else datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)
    )
    assert leaves[0].item.times.modified == moment


def test_packed_members_are_listed_and_the_missing_part_is_named() -> None:
    for data in (
        rar5(rar5_file(b"p", b"????", method=3), rar5_file(b"s", b"fig")),
        rar4(rar4_file(b"p", b"????", method=0x33), rar4_file(b"s", b"fig")),
    ):
        leaves, error = drained(PLUGIN, data)
        assert error is None
        assert [leaf.reason for leaf in leaves] == ["unsupported", None]
        assert leaves[0].failure is not None
        assert "unrar" in leaves[0].failure.payload["advice"]
        assert leaves[1].data == b"fig"


def test_encrypted_members_and_headers() -> None:
    lock = rar5_record(1, bytes(40))
    leaves, _ = drained(PLUGIN, rar5(rar5_file(b"l", b"????", extra=lock), rar5_file(b"s", b"fig")))
    assert [leaf.reason for leaf in leaves] == ["encrypted", None]
    leaves, _ = drained(PLUGIN, rar4(rar4_file(b"l", b"????", flags=4), rar4_file(b"s", b"fig")))
    assert [leaf.reason for leaf in leaves] == ["encrypted", None]
    for locked in (rar5(locked=True), rar4(main=0x80)):
        with pytest.raises(Encrypted):
            list(members(PLUGIN, locked))


def test_folders_links_and_two_of_one_name() -> None:
    def link(kind: int, target: bytes) -> bytes:
        return rar5_record(5, bytes([kind, 0, len(target)]) + target)

    data = rar5(
        rar5_file(b"d", b"", folder=True),
        rar5_file(b"x", b"1"),
        rar5_file(b"x", b"2"),
        rar5_file(b"soft", b"", extra=link(1, b"/etc/hostname")),
        rar5_file(b"hard", b"", extra=link(4, b"x")),
        rar5_file(b"lost", b"", extra=link(4, b"not here")),
    )
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert [(leaf.name, leaf.reason or leaf.data) for leaf in leaves] == [
        (b"x", b"1"),
        (b"x#2", b"2"),
        (b"soft", "refused"),
        (b"lost", "refused"),
    ]
    data = rar4(rar4_file(b"d", b"", flags=0xE0), rar4_file(b"soft", b"x", host=3, attributes=0o120777))
    assert [leaf.reason for leaf in drained(PLUGIN, data)[0]] == ["refused"]


def test_times_of_version_5() -> None:
    ticks = (1_600_000_000 + 11_644_473_600) * 10_000_000
    windows = rar5_record(3, b"\x0e" + struct.pack("<3Q", ticks, ticks + 10_000_000, ticks + 20_000_000))
    unix = rar5_record(3, b"\x03" + struct.pack("<I", 1_600_000_000))
    leaves, _ = drained(PLUGIN, rar5(rar5_file(b"w", b"", extra=windows), rar5_file(b"u", b"", extra=unix)))
    assert leaves[0].item.times.modified == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)
    assert leaves[0].item.times.created == datetime(2020, 9, 13, 12, 26, 41, tzinfo=UTC)
    assert leaves[0].item.times.accessed == datetime(2020, 9, 13, 12, 26, 42, tzinfo=UTC)
    assert leaves[1].item.times.modified == datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC)


def test_names_of_version_4() -> None:
    plain = b"caf_.txt"
    packed = bytes([0x00, 0b00000000]) + b"caf\xe9" + bytes([0b11000000, 0x02])
    wide = plain + b"\0" + packed
    high = b"__" + b"\0" + bytes([0x04, 0b01011000, 0x10, 0x11, 0x1F, 0xD8])
    data = rar4(
        rar4_file(wide, b"1", flags=0x200),
        rar4_file(high, b"2", flags=0x200),
        rar4_file(b"raw\xff\\x", b"3"),
        rar4_file("né".encode(), b"4", flags=0x200),
        rar4_file(b"torn\0\x01\xff", b"5", flags=0x200),
    )
    oracle = rarfile.RarFile(io.BytesIO(data)).infolist()
    leaves, error = drained(PLUGIN, data)
    assert error is None
    assert leaves[0].name == "café.txt".encode() == oracle[0].filename.encode()
    assert leaves[1].name.decode("utf-8", "surrogatepass") == "\u0410\u0411\ud81f"
    assert [leaf.name for leaf in leaves[2:]] == [b"raw\xff\\x", "né".encode(), b"torn\0\x01\xff"]


def test_volumes_are_told() -> None:
    leaves, error = drained(PLUGIN, rar5(rar5_file(b"part", b"fig", flags=0x10), more=True))
    assert [leaf.reason for leaf in leaves] == ["unsupported"]
    assert isinstance(error, Unsupported)
    assert "volume" in error.what


def test_damage() -> None:
    for version in (4, 5):
        data = bytearray(built(version))
        data[data.index(b"pear")] ^= 1
        leaves, error = drained(PLUGIN, bytes(data))
        assert error is None
        assert [leaf.reason for leaf in leaves] == [None, "undecodable", None]

        data = bytearray(built(version))
        data[data.index(b"empty")] ^= 1
        leaves, error = drained(PLUGIN, bytes(data))
        assert [leaf.data for leaf in leaves] == [FILES[0][1], b"pear"]
        assert isinstance(error, Undecodable)
        assert "can't be listed" in error.what

        cut = built(version)[:1000]
        leaves, error = drained(PLUGIN, cut)
        assert [leaf.reason for leaf in leaves] == ["undecodable"]
        assert isinstance(error, Undecodable)
        assert "cut short" in error.what

        leaves, error = drained(PLUGIN, built(version) + b"hidden")
        assert len(leaves) == 3
        assert isinstance(error, Undecodable)
        assert "6 bytes follow" in error.what
    assert isinstance(drained(PLUGIN, rar5(rar5_file(b"a", b"fig"), end=False))[1], Undecodable)


def test_limits() -> None:
    data = built(5)
    leaves, error = drained(PLUGIN, data, Limits(member_bytes=1000))
    assert [leaf.reason for leaf in leaves] == ["limit", None, None]
    assert error is None
    leaves, error = drained(PLUGIN, data, Limits(members=1))
    assert len(leaves) == 1
    assert isinstance(error, LimitReached)


def test_no_outside_program_can_be_started() -> None:
    """The modules import nothing that could."""
    allowed = {"__future__", "collections", "dataclasses", "struct", "typing", "zlib", "leadlight"}
    for module in ("rar.py", "rar_headers.py"):
        source = Path(rar_headers.__file__).with_name(module).read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                assert {a.name.split(".")[0] for a in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_gives_content_errors_only(draw: st.DataObject) -> None:
    """Checksums of headers are mended half of the time, so that what they state is believed."""
    extra = rar5_record(3, b"\x0e" + bytes(24)) + rar5_record(5, b"\x04\x00\x01x")
    data = bytearray(draw.draw(st.sampled_from([built(4), built(5), rar5(rar5_file(b"e", b"fig", extra=extra))])))
    for _ in range(draw.draw(st.integers(1, 5))):
        data[draw.draw(st.integers(7, min(len(data), 200) - 1))] = draw.draw(st.integers(0, 255))
    if draw.draw(st.booleans()) and data.startswith(rar_headers.SIGNATURE4):
        length = struct.unpack_from("<H", data, 25)[0]
        struct.pack_into("<H", data, 20, zlib.crc32(data[22 : 20 + length]) & 0xFFFF)
    elif data.startswith(rar_headers.SIGNATURE5):
        struct.pack_into("<I", data, 16, zlib.crc32(data[20 : 21 + data[20]]))
    drained(PLUGIN, bytes(data[: draw.draw(st.integers(0, len(data)))]))
    drained(PLUGIN, bytes(data))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=80), st.binary(max_size=500)), unique_by=lambda f: f[0]))
def test_any_names_and_bytes_come_back(files: list[tuple[bytes, bytes]]) -> None:
    for data in (rar5(*(rar5_file(n, d) for n, d in files)), rar4(*(rar4_file(n, d) for n, d in files))):
        leaves, error = drained(PLUGIN, data)
        assert error is None
        assert [(leaf.name, leaf.data) for leaf in leaves] == files
