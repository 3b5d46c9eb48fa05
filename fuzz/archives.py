"""Targets: archives, and the streams of what lies packed in them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.sources import archives

from fuzz.target import LIMITS, Target
from leadlight.content import content_of
from leadlight.errors import ContentError
from leadlight.limits import Budget
from leadlight.plugins import registry
from leadlight.records import Place
from leadlight.records.codec import dumps, finding_in, finding_out, item_in, item_out
from leadlight.sources import rar_headers, tar_headers, zip_directory

SEVEN = Path(__file__).parent / "apple.7z"
"""Kept as a file: whoever builds one writes the time of day into it."""
PLACE = Place(b"/evidence", (b"box",))
FILES = ((b"a.txt", b"an apple\n" * 9), (b"b/\xc3\xa9.bin", bytes(range(256))), (b"empty", b""))


def walked(name: str, data: bytes) -> list[str]:
    """All that an unpacker gives, as text. Each item and failure survives a round trip through the codec."""
    unpacker = next(u for u in registry().unpackers if u.name == name)
    said: list[str] = []
    total = 0
    budget = Budget(LIMITS)
    try:
        for member in unpacker.unpack(PLACE, content_of(data, {"sha256": hashlib.sha256()}, LIMITS), budget):
            assert member.item.place.steps[:-1] == PLACE.steps
            assert item_in(item_out(member.item)) == member.item
            said.append(dumps(item_out(member.item)))
            if member.stream is None:
                assert member.failure is not None
                assert member.failure.statement.isprintable()
                assert finding_in(finding_out(member.failure)) == member.failure
                said.append(dumps(finding_out(member.failure)))
                continue
            try:
                with member.stream as stream:
                    while chunk := stream.read(1 << 16):
                        total += len(chunk)
                        said.append(hashlib.sha256(chunk).hexdigest())
            except ContentError as e:
                said.append(str(e))
    except ContentError as e:
        assert e.what.isprintable()
        assert e.advice
        said.append(str(e))
    assert total <= LIMITS.total_bytes + LIMITS.member_bytes, "more came out than the limits allow"
    assert len(said) <= 4 * LIMITS.members + total // (1 << 16) + 8
    return said


def unpacking(name: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        assert walked(name, data) == walked(name, data), "two walks differ"

    return run


def zip_headers(data: bytes) -> None:
    """The directory and the headers alone: nothing is read outside the file, and entries end."""
    file = io.BytesIO(data)
    found = zip_directory.locate(file, len(data))
    for at in range(0, len(data), 97):
        zip_directory.local(file, at)
    at = zip_directory.find(file, (zip_directory.LOCAL, zip_directory.CENTRAL), 0, len(data))
    assert at is None or data[at : at + 4] in (zip_directory.LOCAL, zip_directory.CENTRAL)
    if found is None:
        return
    assert 0 <= found.start <= found.end <= len(data) >= found.after
    covered: list[tuple[int, int]] = []
    count = 0
    try:
        for entry in zip_directory.entries(file, found):
            count += 1
            if (header := zip_directory.local(file, entry.offset)) is not None:
                covered.append((entry.offset, header[1] + (entry.packed or 0)))
    finally:
        assert count * 46 <= len(data), "more entries than fit"
        for start, end in zip_directory.gaps(file, found, covered):
            assert 0 <= start < end <= len(data)


def rar_blocks(data: bytes) -> None:
    ending = rar_headers.Ending()
    for count, entry in enumerate(rar_headers.entries(io.BytesIO(data), len(data), ending)):
        assert count <= len(data)
        assert entry.name is not None


def tar_blocks(data: bytes) -> None:
    for at in range(0, min(len(data), 4096), 512):
        block = data[at : at + 512]
        assert tar_headers.sound(block) in (True, False)


def tars() -> Iterable[bytes]:
    plain = archives.tarred(FILES)
    return (
        plain,
        archives.tarred(FILES, tarfile.GNU_FORMAT),
        *(pack(plain) for pack in archives.COMPRESS.values()),
    )


def built(*kinds: str) -> Callable[[], Iterable[bytes]]:
    return lambda: (archives.KINDS[kind](FILES) for kind in kinds)


ZIP_TOKENS = (
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08", b"\xff\xff\xff\xff",
    b"\x01\0\x18\0", b"UT\x05\0", b"\x0a\0\x20\0", b"\x09\0", b"\x63\0", b"\x5d\0", b"\x0e\0",
)  # fmt: skip
TAR_TOKENS = (
    b"ustar\x0000", b"ustar  \0", b"././@LongLink", b"././@PaxHeader", b"path=", b"size=",
    b"GNU.sparse.major=1\n", b"30 mtime=1.5\n", b"\x80\0\0\0\0\0\0\1", b"L", b"x", b"g", b"S", b"0000000",
    b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
RAR_TOKENS = (
    b"Rar!\x1a\x07\x01\0",
    b"Rar!\x1a\x07\0",
    b"\x73",
    b"\x74",
    b"\x7a",
    b"\x7b",
    b"\xff\xff\xff\xff\x0f",
    b"\x80\x80",
)
SEVEN_TOKENS = (
    b"7z\xbc\xaf\x27\x1c",
    b"\x17\x06",
    b"\x01\x04\x06",
    b"\x23\x03\x01\x01",
    b"\x21\x21\x01",
    b"\x03\x01\x01",
    b"\xff" * 8,
)


def resealed(data: bytes) -> bytes:
    """RAR blocks with their checksums mended, so that mutations reach what lies behind them."""
    out = bytearray(data)
    at = 8 if data[:8] == b"Rar!\x1a\x07\x01\0" else 7
    for _ in range(64):
        if at == 7 or data[6:7] == b"\0":
            if at + 7 > len(out):
                break
            length = int.from_bytes(out[at + 5 : at + 7], "little")
            body = out[at + 2 : at + length]
            out[at : at + 2] = (zlib.crc32(body) & 0xFFFF).to_bytes(2, "little")
            more = int.from_bytes(out[at + 7 : at + 11], "little") if out[at + 2] == 0x74 else 0
        else:
            size, used, shift = 0, 0, 0
            for byte in out[at + 4 : at + 7]:
                size |= (byte & 0x7F) << shift
                used, shift = used + 1, shift + 7
                if byte < 128:
                    break
            length = 4 + used + size
            if not used or at + length > len(out):
                break
            out[at : at + 4] = zlib.crc32(out[at + 4 : at + length]).to_bytes(4, "little")
            more = 0
        if length < 7 or at + length + more > len(out):
            break
        at += length + more
    return bytes(out)


def rar(data: bytes) -> None:
    for form in (data, resealed(data)):
        rar_blocks(form)
        unpacking("unpack.rar")(form)


TARGETS = {
    "zip": Target(
        unpacking("unpack.zip"), built("zip", "zip-stored", "zip-bzip2", "zip-lzma"), tokens=ZIP_TOKENS, quick=60
    ),
    "zip-headers": Target(zip_headers, built("zip", "zip-stored"), tokens=ZIP_TOKENS),
    "tar": Target(
        unpacking("unpack.tar"),
        tars,
        tokens=TAR_TOKENS,
        longest=16384,
        quick=60,
    ),
    "tar-blocks": Target(tar_blocks, built("tar"), tokens=TAR_TOKENS, longest=4096, quick=40),
    "rar": Target(rar, built("rar5", "rar4"), tokens=RAR_TOKENS, quick=60),
    "7z": Target(unpacking("unpack.7z"), lambda: (SEVEN.read_bytes(),), tokens=SEVEN_TOKENS, quick=40),
}
