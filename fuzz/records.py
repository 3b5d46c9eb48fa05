"""Targets: what the program writes itself and reads again. Records, messages, indexes, settings."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from fuzz.target import Target, scratch
from fuzz.twist import twisted
from leadlight import casefile, config, policy
from leadlight.engine.channel import Inbox, examined_in, examined_out, packed
from leadlight.errors import (
    CaseError,
    ConfigError,
    IndexDamaged,
    KeyUnusable,
    SealUnreadable,
    TimestampFailed,
    UnknownName,
)
from leadlight.keypoints import geometry, record
from leadlight.provenance import writers
from leadlight.radius import IndexFile, RadiusIndex, listing, segment
from leadlight.radius import kernel as radius_kernel
from leadlight.radius.reference import ReferenceIndex
from leadlight.radius.tables import Tables, widths_for
from leadlight.records import Finding, Item, Place, codec, display_name, display_text, failure
from leadlight.records.examined import Examined
from leadlight.records.finding import Basis, Proposition, Weight, WeightSource
from leadlight.records.item import Times
from leadlight.seal import dersets, keys, timestamp
from leadlight.seal.signed import FORM, signed_in, signed_out
from leadlight.seal.signed import read_seal as parsed_seal

NONSENSE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)
"""What the engine takes for 'no worker of ours says that'."""


def channel(data: bytes) -> None:
    """A stream of messages in three pieces; an Examined that could be read is written and read as the same."""
    inbox, cut = Inbox(), len(data) // 3
    messages = [m for piece in (data[:cut], data[cut : 2 * cut], data[2 * cut :]) for m in inbox.feed(piece)]
    assert messages == list(Inbox().feed(data)), "messages depend on how the bytes came"
    sent = {"examined": examined_out(_examined())}
    for message in (*messages, twisted(sent, data)):
        with suppress(*NONSENSE):
            examined = examined_in(message["examined"])
            assert all(type(n) is int and 0 <= n < 2**63 for n in (examined.size, examined.item.size or 0))
            assert examined.sha256 is None or len(bytes.fromhex(examined.sha256)) == 32
            assert type(examined.item.source) is str
            assert len(examined.findings) == len(examined.written)
            assert all(type(f.kind) is type(f.statement) is str for f in examined.findings)
            try:
                sent = examined_out(examined)
            except ValueError:
                continue  # a moment that no calendar holds in UTC: it goes no further
            assert examined_in(json.loads(codec.dumps(sent))) == examined


def findings(data: bytes) -> None:
    """JSON as a finding, an item or a standing: what can be read is written and read as the same."""
    for known in _json_values():
        _read_as_any(twisted(known, data))
    with suppress(ValueError, RecursionError):
        _read_as_any(json.loads(data))


def _read_as_any(value: object) -> None:
    for read, write in (
        (codec.finding_in, codec.finding_out),
        (codec.item_in, codec.item_out),
        (codec.weight_in, codec.weight_out),
        (codec.standing_in, codec.standing_out),
    ):
        with suppress(*NONSENSE, OverflowError):
            found = read(value)
            text = codec.dumps(write(found))
            assert read(json.loads(text)) == found, (read, found)
            assert codec.dumps(write(read(json.loads(text)))) == text


def plain_values(data: bytes) -> None:
    """Any value that evidence can give becomes JSON that comes back as it was."""
    value: object = data
    with suppress(ValueError, RecursionError):
        value = json.loads(data)
    words = data.decode("utf-8", "surrogateescape")
    numbers = np.frombuffer(data[: len(data) // 8 * 8], dtype="<f8").tolist()
    for one in (value, words, numbers, {words[:9]: [data, numbers[:3]]}):
        try:
            made = codec.plain(one)
        except RecursionError:
            continue
        assert json.loads(codec.dumps(made)) == made
        assert codec.plain(made, longest=10_000) == made or len(data) > 1000
    assert display_name(data).isprintable()
    assert display_text(words, 50).isprintable()
    place = Place(data[:20], (data[20:40], data[40:]))
    assert codec.place_in(codec.place_out(place)) == place
    assert place.path.isprintable()
    assert str(place).isprintable()


def keypoints(data: bytes) -> None:
    """A record of local features, with a head that fits it, so that the rows are reached."""
    rows = data[14:]
    count = min(record.MOST, len(rows) // 38)
    fitted = struct.pack("<BBHIIH", 1, 0, count, 640, 480, 512) + rows[: 38 * count]
    for form in (data, fitted):
        try:
            found = record.unpacked(form)
        except ValueError:
            continue
        assert len(found) <= record.MOST
        assert bool(
            np.isfinite(found.places).all() and np.isfinite(found.sizes).all() and np.isfinite(found.angles).all()
        )
        agreed = geometry.agreement(found, found)
        assert repr(agreed) == repr(geometry.agreement(found, found))


BASE = 3
"""Bytes of one change of an index file: which file, and where in it (16 bits); a length byte and bytes follow."""


@cache
def _index() -> Path:
    """A folder with a list, two segments, a tail and tombstones."""
    folder = scratch() / "index"
    rng = np.random.default_rng(1)
    index = IndexFile.create(folder, rng.integers(0, 2**63, (40, 4), dtype=np.uint64), note="fuzz")
    index.append(rng.integers(0, 2**63, (9, 4), dtype=np.uint64))
    index.remove(np.array([3, 41]))
    index.merge()
    index.append(rng.integers(0, 2**63, (5, 4), dtype=np.uint64))
    index.remove(np.array([50]))
    index.close()
    return folder


def index_file(data: bytes) -> None:
    """An index with some bytes changed; its checksums mended where the first byte says so.

    Raises IndexDamaged, or searches without a fault: what is found lies within the radius.
    """
    source, folder = _index(), scratch() / "changed"
    names = sorted(p.name for p in source.iterdir() if p.name != listing.LOCK)
    held = {name: bytearray((source / name).read_bytes()) for name in names}
    seal, at = data[0] if data else 0, 1
    while at + 4 <= len(data):
        name, offset, length = (
            names[data[at] % len(names)],
            int.from_bytes(data[at + 1 : at + 3], "big"),
            data[at + 3],
        )
        body = data[at + 4 : at + 4 + length % 40]
        at += 4 + len(body)
        if length >= 250:
            del held[name][offset:]
        else:
            held[name][offset : offset + len(body)] = body
    if seal & 1:
        held = {name: bytearray(_resealed(name, bytes(raw))) for name, raw in held.items()}
        _relisted(held)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, raw in held.items():
        (folder / name).write_bytes(raw)
    queries = np.zeros((2, 4), dtype=np.uint64)
    with IndexFile.open(folder) as index:
        assert len(index) <= 1 << 64
        for q, h, d in index.search(queries, 31):
            assert (d <= 31).all()
            assert (q < 2).all()
            with suppress(ValueError):
                index.hashes(h)
        index.check()


def _resealed(name: str, raw: bytes) -> bytes:
    if name.startswith("segment") and len(raw) >= segment.HEADER:
        head = raw[: segment.HEADER - 32]
        return head + blake2b(head, digest_size=32).digest() + raw[segment.HEADER :]
    if name.startswith("removed"):
        return blake2b(raw[32:], digest_size=32).digest() + raw[32:]
    if name.startswith("tail") and len(raw) >= 64:
        fixed, state = raw[:24], raw[32:40]
        out = bytearray(
            fixed
            + struct.pack("<I", crc32(fixed))
            + raw[28:32]
            + state
            + struct.pack("<I", crc32(state))
            + raw[44:]
        )
        at = 64
        while at + 24 <= len(out):
            kind, count = struct.unpack_from("<II", out, at)
            body = out[at + 24 : at + 24 + count * (32 if kind == 1 else 8)]
            struct.pack_into("<I", out, at + 16, crc32(body, crc32(out[at : at + 16])))
            at += 24 + len(body)
        return bytes(out)
    return raw


def _relisted(held: dict[str, bytearray]) -> None:
    """The list with the digests of the headers as they are now, where it is JSON still."""
    body = bytes(held[listing.LIST]).partition(b"\n")[2]
    with suppress(ValueError, KeyError, TypeError, RecursionError, IndexError):
        facts = json.loads(body)
        for one in facts["segments"]:
            if one[0] in held:
                one[1] = bytes(held[one[0]][segment.HEADER - 32 : segment.HEADER]).hex()
        body = json.dumps(facts, sort_keys=True).encode()
    digest = blake2b(body, digest_size=32).hexdigest()
    held[listing.LIST] = bytearray(f"leadlight radius index {listing.VERSION} {digest}\n".encode() + body)


def _changes() -> Iterable[bytes]:
    yield b"\0"
    for number in range(5):
        for offset in (0, 8, 16, 24, 32, 64, 68, 72):
            yield bytes((1, number)) + offset.to_bytes(2, "big") + b"\x08\0\0\0\0\0\0\0\1"
            yield bytes((1, number)) + offset.to_bytes(2, "big") + b"\x04\xff\xff\xff\xff"
    yield b"\1\0\0\0\xfa"


def radius(data: bytes) -> None:
    """Hashes and queries of the bytes: the kernel finds what the reference finds, and a brute comparison."""
    whole = np.frombuffer(data[: len(data) // 32 * 32], dtype="<u8").astype(np.uint64).reshape(-1, 4)
    if len(whole) < 2:
        return
    within = data[0] % 64
    queries, hashes = whole[: len(whole) // 4 + 1], whole
    apart = np.bitwise_count(queries[:, None] ^ hashes[None]).sum(axis=2)
    wanted = {(int(q), int(h), int(apart[q, h])) for q, h in np.argwhere(apart <= within)}
    for index in (RadiusIndex(hashes), ReferenceIndex(hashes)):
        found = [
            hit
            for q, h, d in index.search(queries, within)
            for hit in zip(q.tolist(), h.tolist(), d.tolist(), strict=True)
        ]
        assert set(found) == wanted
        assert len(found) == len(wanted), "a pair was given twice"


@cache
def _tables() -> Tables | None:
    compiled = radius_kernel.kernel()
    if compiled is None:
        return None
    return Tables.of(compiled, np.random.default_rng(2).integers(0, 2**64 - 1, (2500, 4), dtype=np.uint64))


def radius_tables(data: bytes) -> None:
    """Tables with some bytes changed, as from a file that was altered: an error, or no hit that is false."""
    base = _tables()
    if base is None or len(data) < 8:
        return
    number = data[0] % len(base.tables)
    parts = [np.array(part) for part in base.tables[number]]
    raw = parts[data[1] % 3].view(np.uint8).reshape(-1)
    at = 2
    while at + 5 <= len(data):
        offset, value = int.from_bytes(data[at : at + 4], "little") % len(raw), data[at + 4]
        raw[offset : offset + 1 + value % 4] = value
        at += 5
    changed = (*base.tables[:number], tuple(parts), *base.tables[number + 1 :])
    tables = Tables(base.kernel, base.hashes, widths_for(len(base.hashes)), changed, base.order)  # type: ignore[arg-type]
    queries = base.hashes[data[2] : data[2] + 3].copy()
    queries[:, 0] ^= np.uint64(data[3])
    for within in (0, 31):
        limits = bytes(2 if within else 0 for _ in tables.widths)
        views = tuple((g.view(np.uint8), p, r) for g, p, r in tables.tables)
        raw_hits = base.kernel.search(
            *(base.hashes, base.order, tables.widths, views, limits, queries, within, 1 << 20, b"", b"")
        )
        for q, h, d in np.frombuffer(raw_hits or b"", dtype="<u4").reshape(-1, 3).tolist():
            assert int(np.bitwise_count(queries[q] ^ base.hashes[h]).sum()) == d <= within


def seals(data: bytes) -> None:
    """Seals and timestamps from a file or a server, and the certificates in an answer put in order."""
    path = scratch() / "a.seal"
    path.write_bytes(data)
    ordered = dersets.sorted_sets(data)
    assert len(ordered) == len(data)
    assert sorted(ordered) == sorted(data)
    assert dersets.sorted_sets(ordered) == ordered
    for read in (keys.open_public, keys.certificates, lambda p: keys.open_key(p, lambda: "words")):
        with suppress(KeyUnusable):
            read(path)
    _, whole, *_ = _seals()
    with suppress(ValueError):
        changed = signed_in(twisted(json.loads(whole), data))
        assert signed_in(json.loads(codec.dumps(signed_out(changed)))) == changed
    signed = parsed_seal(path)
    assert signed_in(json.loads(codec.dumps(signed_out(signed)))) == signed
    assert len(signed.signature) == 64
    assert signed.stamped() == replace(signed, timestamp=None).stamped()
    if signed.timestamp and timestamp.available():
        with suppress(TimestampFailed):
            timestamp.check(signed.timestamp, signed.stamped(), ())


def _seals() -> Iterable[bytes]:
    seal = {"case": "1", "act": 3, "digest": "0" * 64, "time": "2026-05-01T10:22:03+00:00", "key": "1" * 64}
    values = {"seal": {**seal, "software": "1", "form": FORM}, "signature": "AAAA" * 21 + "AA=="}
    yield codec.dumps(values).encode()
    yield codec.dumps({**values, "timestamp": {"nonce": "1f", "response": "MAMCAQA="}}).encode()
    members = b"\x30\x03\x02\x01\x05" + b"\x30\x03\x02\x01\x04"
    data = b"\x02\x01\x03\x31\x00\x30\x00\xa0" + bytes([len(members)]) + members
    for tag in (b"\x30", b"\xa0"):
        data = tag + bytes([len(data)]) + data
    data = b"\x06\x01\x2a" + data
    data = b"\x30\x00" + b"\x30" + bytes([len(data)]) + data
    yield b"\x30" + bytes([len(data)]) + data
    yield b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


def settings_file(data: bytes) -> None:
    path = scratch() / "config.toml"
    path.write_bytes(data)
    made = config.load(environ={}, file=path)
    codec.dumps(made.to_plain())
    assert config.from_plain(made.to_plain()) == made


def policy_file(data: bytes) -> None:
    path = scratch() / "policy.toml"
    path.write_bytes(data)
    policy.load_policy(str(path))


def writers_file(data: bytes) -> None:
    path = scratch() / "writers.toml"
    path.write_bytes(data)
    writers.load(path)


def case_facts(data: bytes) -> None:
    folder = scratch() / "case"
    folder.mkdir(exist_ok=True)
    (folder / casefile.CASE_FILE).write_bytes(data)
    facts = casefile.read_facts(folder)
    casefile.write_facts(folder, facts)
    assert casefile.read_facts(folder) == facts


def _examined() -> Examined:
    times = Times(modified=codec.when_in("2026-05-01T10:22:03+00:00"))
    item = Item(Place(b"/evidence", (b"box.zip", b"a\xff.jpg")), "unpack.zip", 12, times)
    weight = Weight(Proposition.CAMERA, 0.5, Basis.STRUCTURE, WeightSource.TABLE, "example")
    said = Finding(
        "a", "1", "structure", "An example.", {"n": [1, 2.5, None, {"x": "é"}]}, weight, {"prompt": "an apple"}
    )
    of_place = failure("read", "1", reason="undecodable", what="is broken", advice="Look by hand.")
    return Examined(item, "00" * 32, 12, (of_place,), (said,), True)


def _messages() -> Iterable[bytes]:
    sent = packed({"examined": examined_out(_examined())})
    yield sent + packed({"tick": True}) + packed({"finish": True, "claims": [["00" * 32, 0, None]]})
    yield packed({"ready": True, "cage": {}}) + sent


@cache
def _json_values() -> tuple[dict[str, Any], ...]:
    examined = _examined()
    origin = {"answer": "camera", "log10_lr": 0.5, "verbal": "weak", "for": [], "against": []}
    standing = {"tier": "undetermined", "order": [1, "a"], "relevance": 0.5, "origin": origin}
    match = {"list": "a", "kind": "known", "algorithm": "md5", "distance": 0, "finding": None}
    standing |= {"matches": [match], "reasons": [], "failures": []}
    values = (codec.finding_out(examined.findings[1]), codec.item_out(examined.item), standing)
    return tuple(json.loads(codec.dumps(value)) for value in values)


def _json_records() -> Iterable[bytes]:
    return [codec.dumps(value).encode() for value in _json_values()]


def _hashes() -> Iterable[bytes]:
    rng = np.random.default_rng(3)
    whole = rng.integers(0, 256, (12, 32), dtype=np.uint8)
    near = np.repeat(whole[:3], 4, axis=0)
    near[np.arange(12), rng.integers(0, 32, 12)] ^= 5
    return (whole.tobytes(), near.tobytes(), bytes(320))


def _features() -> Iterable[bytes]:
    rng = np.random.default_rng(4)
    for count in (1, 30):
        rows = np.column_stack((rng.random((count, 2)) * 480, rng.integers(0, 8, count), rng.random(count) * 360))
        yield record.packed(
            (640, 480), 512, rows.astype(np.float32), rng.integers(0, 256, (count, 32), dtype=np.uint8)
        )


def _toml() -> Iterable[bytes]:
    yield b'jobs = 2\nactor = "a"\nhashing = "exact"\nflood_share = 0.5\n[limits]\ndepth = 3\nratio = 1e3\n'
    yield b'name = "n"\norder = ["relevance"]\n[origin]\ngenerated_at = 3.0\n[new]\nplaces = [{lat=1,lon=2,km=3}]'
    yield b'[[writer]]\nsignature = "0123456789abcdef"\nkind = "camera"\nname = "n"\nsource = "s"\ncount = 1\n'
    yield b'number = "1"\nname = "a"\ncreated = "2026"\nprofile = "seizure"\n'


TOML = (
    b"[", b"]", b"[[", b"]]", b"{", b"}", b"=", b"'''", b'"""', b"inf", b"nan", b"0x" + b"f" * 60, b"1e999",
    b"true", b"2026-01-01T00:00:00Z", b"\\U0010FFFF", b"\\ud800", b"limits.", b"[limits]\n", b"[origin]\n",
    b"[[new.places]]\n", b"tiers = ", b"order = ", b"a.b.c.d = 1\n", b"-",
)  # fmt: skip
JSON = (
    b"null", b"true", b"1e400", b"NaN", b"-1", b"9" * 25, b'""', b"[]", b"{}", b"\\ud800", b"\\u0000", b'"place"',
    b'"times"', b'"modified"', b'"weight"', b'"sealed"', b'"payload"', b'"written"', b'"of_place"',
    b'"of_content"', b'"9999-12-31T23:59:59-14:00"', b'"0001-01-01T00:00:00+14:00"', b"\0\0\0\2{}",
)  # fmt: skip

TARGETS = {
    "channel": Target(channel, _messages, refused=(ValueError, RecursionError), tokens=JSON, longest=4096),
    "findings": Target(findings, _json_records, refused=(), tokens=JSON, longest=4096, quick=300),
    "plain-values": Target(
        plain_values,
        lambda: (b'{"a": [1.5, "b", null]}', bytes(range(256)), b"\xff\xfe\xe2\x80\xae"),
        refused=(),
        tokens=(*JSON, b"\xe2\x80\xae", b"\xed\xa0\x80", b"\x1b[2J"),
        longest=1024,
        quick=200,
    ),
    "keypoints": Target(keypoints, _features, refused=(), longest=9200, quick=60),
    "index-file": Target(
        index_file,
        _changes,
        refused=(IndexDamaged,),
        tokens=(b"\xff" * 8, b"\0" * 8, b"\1"),
        longest=512,
        quick=100,
        native=True,
    ),
    "radius": Target(radius, _hashes, refused=(), longest=1024, quick=40, native=True),
    "radius-tables": Target(
        radius_tables,
        lambda: (bytes(range(40)), b"\1\0" + b"\xff" * 20),
        refused=(ValueError,),
        longest=512,
        quick=60,
        native=True,
    ),
    "seals": Target(
        seals,
        _seals,
        refused=(SealUnreadable,),
        longest=4096,
        tokens=(*JSON, b"\x30\x82", b"\xa0\x80", b"-----BEGIN "),
    ),
    "settings": Target(settings_file, _toml, refused=(ConfigError,), tokens=TOML, longest=1024),
    "policy": Target(policy_file, _toml, refused=(ConfigError, UnknownName), tokens=TOML, longest=1024),
    "writers": Target(writers_file, _toml, refused=(ConfigError,), tokens=TOML, longest=1024),
    "case-file": Target(case_facts, _toml, refused=(CaseError,), tokens=TOML, longest=1024, quick=60),
}
