"""Targets: hash lists of every format, read from a file as an operator gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from tests.hashlists.samples import SAMPLES

from fuzz.target import Target, scratch
from leadlight.errors import HashListError
from leadlight.hashlists import jsonstream, table
from leadlight.keypoints import listing
from leadlight.plugins import registry
from leadlight.records.hashlist import DIGEST_BYTES

MOST = 20_000
"""Entries looked at of one input."""


def reading(name: str) -> Callable[[bytes], None]:
    """A format's three readers. Whatever is read has the length its algorithm says, and is read so again."""

    def run(data: bytes) -> None:
        plugin = registry().format(name)
        path = scratch() / f"{name}.list"
        path.write_bytes(data)
        assert plugin.detect(path) in (True, False)
        with suppress(HashListError):
            info = plugin.describe(path)
            assert info.name.isprintable()
            assert info.kind in plugin.allowed_kinds
        entries = []
        for entry in plugin.entries(path):
            assert len(entry.value) == DIGEST_BYTES[entry.algorithm]
            assert entry.label.isprintable()
            assert len(entry.label) <= 200
            entries.append(entry)
            assert len(entries) <= max(MOST, len(data)), "more entries than bytes"
        assert path.read_bytes() == data, "the list was changed"
        assert entries == list(plugin.entries(path)), "two reads differ"

    return run


def tables(data: bytes) -> None:
    path = scratch() / "table.csv"
    path.write_bytes(data)
    start = table.head(path)
    if start is not None:
        last = 0
        for line, cells in table.rows(path, start):
            assert line > last or line == last == 0
            last = line
            assert all(isinstance(cell, str) for cell in cells)


def json_things(data: bytes) -> None:
    path = scratch() / "things.json"
    path.write_bytes(data)
    for count, thing in enumerate(jsonstream.things(path)):
        assert count <= len(data)
        assert len(thing.values) <= jsonstream.KEYS


def features(data: bytes) -> None:
    """As it is, and with its checksum mended, so that what lies behind that is reached."""
    for form in (data, sealed(data)):
        path = scratch() / "a.features"
        path.write_bytes(form)
        if listing.is_listing(path):
            with suppress(HashListError):
                listing.head(path)
            with suppress(HashListError):
                found = list(listing.read(path))
                assert len(found) == listing.head(path).pictures
        with suppress(HashListError):
            reading("features")(form)


def sealed(data: bytes) -> bytes:
    """With the SHA-256 of all before its last 32 bytes in their place."""
    import hashlib

    return data[:-32] + hashlib.sha256(data[:-32]).digest()


def built(name: str, *files: str) -> Callable[[], Iterable[bytes]]:
    def build() -> Iterable[bytes]:
        for file, write in SAMPLES[name].items():
            if not files or file in files:
                path = scratch() / file
                path.unlink(missing_ok=True)
                write(path)
                yield path.read_bytes()
                path.unlink()

    return build


TEXT = (
    b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\r\n", b"\n", b'"', b'""', b",", b";", b"\t", b"|", b"md5",
    b"sha1", b"SHA-256", b"pdq", b"hash", b"algorithm", b"label", b"quality", b"signal_type", b"# ", b" *",
    b"0123456789abcdef" * 2, b"\0", b"\xd9\xa0",
)  # fmt: skip
JSON = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"1e400", b"-", b"9" * 30, b"\\u0000", b"\\ud800",
    b'"MD5"', b'"SHA1"', b'"Media"', b'"value"', b'"@odata.context"', b'"Category"', b'"MediaID"', b'"type"',
    b'"signal_type"', b'"HASH_MD5"', b'"indicator"', b'"tags"', b'"data"', b"[[[[[[[[", b'{"a":{"a":',
)  # fmt: skip
XML = (
    b"<image>", b"</image>", b"<fingerprints>", b"<deletedImage>", b"<md5>", b"</md5>", b"<pdq>", b"<video>",
    b"<id>", b"&amp;", b"<!DOCTYPE q [<!ENTITY a 'b'>]>", b"<![CDATA[", b"]]>", b"&#x0;",
    b"xmlns='https://hashsharing.ncmec.org/hashsharing/v2'",
)  # fmt: skip
SQL = (
    b"SQLite format 3\0",
    b"CREATE TABLE FILE",
    b"CREATE VIEW FILE AS SELECT ",
    b"sha256",
    b"UNION ALL ",
    b"\x10\0\x01\x01",
    b"\0\x40\x20\x20",
)

TARGETS = {
    "list-csv": Target(
        reading("csv"), built("csv"), refused=(HashListError,), tokens=TEXT, longest=4096, quick=100
    ),
    "list-table": Target(tables, built("csv"), refused=(HashListError,), tokens=TEXT, longest=4096, quick=100),
    "list-vics": Target(reading("vics"), built("vics"), refused=(HashListError,), tokens=JSON, longest=4096),
    "list-json": Target(
        json_things,
        built("threatexchange", "graph.json", "signals.ndjson"),
        refused=(HashListError,),
        tokens=JSON,
        longest=4096,
    ),
    "list-exchange": Target(
        reading("threatexchange"),
        built("threatexchange", "dataset.csv", "graph.json", "signals.ndjson", "hash.txt", "pairs.csv"),
        refused=(HashListError,),
        tokens=(*JSON, *TEXT),
        longest=4096,
        quick=100,
    ),
    "list-ncmec": Target(
        reading("threatexchange"),
        built("threatexchange", "entries.xml"),
        refused=(HashListError,),
        tokens=XML,
        longest=4096,
        quick=100,
    ),
    "list-nsrl": Target(
        reading("nsrl"), built("nsrl"), refused=(HashListError,), tokens=SQL, longest=40_960, quick=40
    ),
    "list-features": Target(
        features, built("features"), refused=(HashListError,), tokens=(b"LLFEATS\n", b"\xff" * 8), quick=100
    ),
}
