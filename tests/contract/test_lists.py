"""Every format of hash lists keeps the contract of the seam."""

from __future__ import annotations

import hashlib
import random
from contextlib import suppress
from pathlib import Path

import pytest

from leadlight.errors import HashListError
from leadlight.plugins import registry
from leadlight.records import ListKind
from leadlight.records.hashlist import DIGEST_BYTES
from leadlight.seams import HashList
from tests.hashlists.samples import SAMPLES

FORMATS = registry().formats
CASES = [
    pytest.param(f, name, build, id=f"{f.name}-{name}") for f in FORMATS for name, build in SAMPLES[f.name].items()
]
GARBAGE = {
    "empty": b"",
    "spaces": b"  \n\n \t\n",
    "prose": b"Dear colleague,\nplease find nothing enclosed.\n",
    "zeros": bytes(5000),
    "noise": random.Random(1).randbytes(5000),
    "brace": b"{",
    "json": b'{"a": [1, 2, {"b": null}]}',
    "nested": b"[" * 100_000,
    "nested-maps": b'{"a":' * 100_000,
    "xml": b"<html><body>no list</body></html>",
    "xml-cut": b"<queryResult xmlns='https://hashsharing.ncmec.org/hashsharing/v2'><images><image>",
    "entities": b'<!DOCTYPE q [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>'
    b"<queryResult xmlns='https://hashsharing.ncmec.org/hashsharing/v2'>&b;</queryResult>",
    "xml-deep": b"<queryResult xmlns='https://hashsharing.ncmec.org/hashsharing/v2'>" + b"<a>" * 50_000,
    "sqlite": b"SQLite format 3\0" + bytes(100),
    "one-line": b"a" * 1_000_000,
    "quote": b'md5,label\n"' + b"a" * 1_000_000,
    "utf-16": b"\xff\xfe" + "md5\nx\n".encode("utf-16-le")[:-1],
    "json-bytes": b'{"type": "pdq", "hash": "\xff\xfe"}',
    "json-number": b'[{"type": "pdq", "hash": "x", "n": 1' + b"0" * 5000 + b"}]",
    "media": b'{"value": [{"MediaID": 1, "MD5": "x"}]}',
}


@pytest.mark.parametrize("plugin", FORMATS, ids=lambda f: f.name)
def test_shape(plugin: HashList) -> None:
    assert plugin.version
    assert plugin.allowed_kinds
    assert plugin.allowed_kinds <= frozenset(ListKind)
    assert SAMPLES[plugin.name], "a format brings samples"


@pytest.mark.parametrize(("plugin", "name", "build"), CASES)
def test_samples(plugin: HashList, name: str, build, tmp_path: Path) -> None:
    path = tmp_path / name
    build(path)
    before = path.read_bytes()
    assert [f.name for f in FORMATS if f.detect(path)] == [plugin.name]
    info = plugin.describe(path)
    assert info.name == path.stem
    assert info.format == plugin.name
    assert info.kind in plugin.allowed_kinds
    assert info.digest == hashlib.sha256(before).hexdigest()
    entries = list(plugin.entries(path))
    assert entries
    for entry in entries:
        assert len(entry.value) == DIGEST_BYTES[entry.algorithm]
        assert entry.label.isprintable()
        assert len(entry.label) <= 200
    assert entries == list(plugin.entries(path)), "two reads agree"
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name], "nothing is written beside a list"


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("plugin", FORMATS, ids=lambda f: f.name)
def test_garbage_is_refused_with_advice(plugin: HashList, garbage: str, tmp_path: Path) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(GARBAGE[garbage])
    plugin.detect(path)
    with pytest.raises(HashListError) as caught:
        list(plugin.entries(path))
    assert "garbage" in caught.value.subject
    assert caught.value.advice
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(("plugin", "name", "build"), CASES)
def test_damaged_samples_are_read_or_refused(plugin: HashList, name: str, build, tmp_path: Path) -> None:
    path = tmp_path / name
    build(path)
    whole = path.read_bytes()
    rng = random.Random(name)
    for _ in range(30):
        broken = bytearray(whole[: rng.randrange(1, len(whole) + 1)] if rng.random() < 0.5 else whole)
        for _ in range(rng.randrange(1, 8)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path.write_bytes(broken)
        for reader in (plugin.detect, plugin.describe, lambda p: list(plugin.entries(p))):
            with suppress(HashListError):
                reader(path)


@pytest.mark.parametrize("plugin", FORMATS, ids=lambda f: f.name)
def test_a_file_that_is_not_there(plugin: HashList, tmp_path: Path) -> None:
    path = tmp_path / "absent"
    assert not plugin.detect(path)
    for reader in (plugin.describe, lambda p: list(plugin.entries(p))):
        with pytest.raises(HashListError):
            reader(path)
    assert not path.exists()
    assert not plugin.detect(tmp_path), "a folder is no list"
