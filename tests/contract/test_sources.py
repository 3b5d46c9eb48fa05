"""Every source and unpacker, present and future, keeps the contract of its seam."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import pytest

from leadlight.config import Limits
from leadlight.content import content_of
from leadlight.errors import ContentError, EvidenceError
from leadlight.limits import Budget
from leadlight.plugins import registry
from leadlight.records import Item, Place
from leadlight.records.codec import dumps, finding_in, finding_out, item_in, item_out
from leadlight.seams import Source, Unpacker

SOURCES = registry().sources
UNPACKERS = registry().unpackers
PLACE = Place(b"/evidence", (b"garbage",))

MAGICS = (
    b"",
    b"PK\x03\x04\x14\0\0\0\x08\0",
    b"PK\x05\x06",
    b"7z\xbc\xaf\x27\x1c\0\x04",
    b"Rar!\x1a\x07\x00",
    b"Rar!\x1a\x07\x01\x00",
    b"\x1f\x8b\x08\0",
    b"BZh91AY&SY",
    b"\xfd7zXZ\0\0\x04",
    b"\x28\xb5\x2f\xfd",
    b"name".ljust(257, b"\0") + b"ustar\x0000",
)


def garbage() -> list[bytes]:
    """The first bytes of each kind, then noise, zeros or nothing."""
    rng = random.Random("garbage")
    made = [b"", bytes(5000), b"text " * 300]
    for magic in MAGICS:
        made += [magic, magic + rng.randbytes(3000), magic + bytes(2000)]
    return made


def walked(unpacker: Unpacker, data: bytes) -> list[str]:
    """What comes out, as text: members, failures and the error that ended it. Any other exception passes."""
    said = []
    ended: ContentError | None = None
    try:
        content = content_of(data, {"sha256": hashlib.sha256()})
        for member in unpacker.unpack(PLACE, content, Budget(Limits(total_bytes=20_000_000))):
            assert member.item.place.steps[: len(PLACE.steps)] == PLACE.steps
            assert member.item.place.depth == PLACE.depth + 1
            assert member.item.source == unpacker.name
            assert item_in(item_out(member.item)) == member.item
            said.append(dumps(item_out(member.item)))
            if member.stream is None:
                assert member.failure is not None
                assert member.failure.analyser == unpacker.name
                assert member.failure.version == unpacker.version
                assert member.failure.statement.isprintable()
                assert finding_in(finding_out(member.failure)) == member.failure
                said.append(dumps(finding_out(member.failure)))
                continue
            try:
                with member.stream as stream:
                    said.append(hashlib.sha256(stream.read()).hexdigest())
            except ContentError as e:
                said.append(str(e))
    except ContentError as e:
        ended = e
    if ended is not None:
        assert ended.what.isprintable()
        assert ended.advice
        said.append(str(ended))
    return said


@pytest.mark.parametrize("plugin", [*SOURCES, *UNPACKERS], ids=lambda p: p.name)
def test_shape(plugin: Source | Unpacker) -> None:
    assert re.fullmatch(r"[a-z0-9]+(\.[a-z0-9-]+)*", plugin.name)
    assert plugin.version
    assert isinstance(plugin.requires, tuple)
    assert len({p.name for p in (*SOURCES, *UNPACKERS)}) == len(SOURCES) + len(UNPACKERS)


def test_media_types_are_named_and_each_has_one_unpacker() -> None:
    taken: dict[str, str] = {}
    for unpacker in UNPACKERS:
        assert unpacker.media_types
        for media_type in unpacker.media_types:
            assert re.fullmatch(r"[a-z]+/[a-z0-9][a-z0-9.+-]*", media_type)
            assert media_type not in taken, (media_type, taken[media_type], unpacker.name)
            taken[media_type] = unpacker.name


@pytest.mark.parametrize("unpacker", UNPACKERS, ids=lambda u: u.name)
def test_garbage_gives_content_errors_only_and_the_same_twice(unpacker: Unpacker) -> None:
    for data in garbage():
        assert walked(unpacker, data) == walked(unpacker, data)


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_items_come_in_one_order_and_evidence_stays(source: Source, tmp_path: Path) -> None:
    for name in ("b/pear", "a", "b/apple", "c/d/fig"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    if not source.detect(tmp_path):
        pytest.skip("not a medium of this source")
    once, again = list(source.items(tmp_path)), list(source.items(tmp_path))
    assert once == again
    assert once
    for item in once:
        if isinstance(item, Item):
            assert item.source == source.name
            assert item_in(item_out(item)) == item
            with source.open(item) as stream:
                assert stream.seekable()
                assert stream.read() == item.place.steps[-1]
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_what_is_not_there_is_an_evidence_error(source: Source, tmp_path: Path) -> None:
    assert not source.detect(tmp_path / "missing")
    with pytest.raises(EvidenceError) as caught:
        list(source.items(tmp_path / "missing"))
    assert caught.value.subject
    assert caught.value.advice
