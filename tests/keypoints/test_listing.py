"""The file of learnt features: read as written, and refused with a reason where a single bit is another."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadlight.errors import HashListError
from leadlight.keypoints import listing
from leadlight.keypoints.listing import Learnt
from tests.keypoints.test_record import some

SAID = {"name": "a list", "kind": "known", "made": "2026-11-01T00:00:00+00:00", "software": "1"}
PICTURES = [
    Learnt(
        hashlib.sha256(bytes([n])).digest(),
        bytes([n]) * 32 if n else None,
        80 if n else 0,
        some(20 * n) if n else b"",
    )
    for n in range(4)
]


def written(path: Path, pictures: list[Learnt] = PICTURES) -> Path:
    with path.open("w+b") as out:
        listing.write(out, pictures, **SAID)
    return path


def whole(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def test_read_as_written(tmp_path: Path) -> None:
    path = written(tmp_path / "x.features", [*PICTURES, PICTURES[1]])
    assert listing.is_listing(path)
    assert listing.head(path) == listing.Head(**SAID, pictures=4)
    assert list(listing.read(path)) == PICTURES


def test_none_at_all(tmp_path: Path) -> None:
    assert list(listing.read(written(tmp_path / "x.features", []))) == []


def test_every_cut_and_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path / "x.features").read_bytes()
    broken = tmp_path / "broken.features"
    for at in [*range(0, 160, 3), *range(160, len(data), 37)]:
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]):
            broken.write_bytes(damaged)
            with pytest.raises(HashListError) as error:
                list(listing.read(broken))
            assert "broken.features" in error.value.subject
            assert error.value.advice


def test_another_version_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "x.features")
    data = path.read_bytes()
    path.write_bytes(whole(data[:8] + b"\2" + data[9:-32]))
    with pytest.raises(HashListError, match="version 2; this program reads version 1"):
        listing.head(path)


@pytest.mark.parametrize("change", [(16, b"\x05"), (16, b"\x03"), (12, b"\xff")])
def test_what_contradicts_itself_is_refused_though_its_checksum_fits(change, tmp_path: Path) -> None:
    """More pictures, or fewer, than there are; a head of another length."""
    path = written(tmp_path / "x.features")
    at, new = change
    body = bytearray(path.read_bytes()[:-32])
    body[at : at + len(new)] = new
    path.write_bytes(whole(bytes(body)))
    with pytest.raises(HashListError):
        list(listing.read(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.binary(max_size=400))
def test_any_bytes_behind_a_sound_head_give_errors_of_our_own(tail: bytes, tmp_path: Path) -> None:
    out = io.BytesIO()
    listing.write(out, [], **SAID)
    body = bytearray(out.getvalue()[:-32])
    body[16] = 2
    path = tmp_path / "x.features"
    path.write_bytes(whole(bytes(body) + tail))
    with pytest.raises(HashListError):
        list(listing.read(path))


def test_no_file(tmp_path: Path) -> None:
    assert not listing.is_listing(tmp_path / "none")
    with pytest.raises(HashListError, match="can't be read"):
        listing.head(tmp_path / "none")
