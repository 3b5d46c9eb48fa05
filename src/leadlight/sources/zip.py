"""ZIP archives, and the documents and programs that are ZIP archives."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import BinaryIO

from leadlight.content import Content, Window
from leadlight.errors import ContentError, Encrypted, Unaccounted, Undecodable, Unsupported
from leadlight.limits import Budget
from leadlight.records import Place
from leadlight.seams import Member
from leadlight.sources import decompress, zip_directory
from leadlight.sources.decompress import Codec, Decompressed
from leadlight.sources.stream import BY_HAND, FOLLOWS, REPAIR, UNLOCK, Account, content_error
from leadlight.sources.zip_directory import Directory, Entry

_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OFFICE = "application/vnd.openxmlformats-officedocument."

_CODECS = {
    8: decompress.DEFLATE,
    9: decompress.DEFLATE64,
    12: decompress.BZIP2,
    20: decompress.ZSTANDARD,
    93: decompress.ZSTANDARD,
    95: decompress.XZ,
}
_STORED = 0
_LZMA = 14
_UNREAD = {
    1: "shrinking",
    2: "reducing",
    3: "reducing",
    4: "reducing",
    5: "reducing",
    6: "imploding",
    10: "PKWARE imploding",
    18: "IBM TERSE",
    19: "IBM LZ77",
    94: "MP3",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
}


class Zip:
    """Members as the directory lists them; from their own headers where the directory is lost or broken."""

    name = "unpack.zip"
    version = "1"
    extra: str | None = None
    requires: tuple[str, ...] = ()
    media_types = frozenset(
        {
            "application/zip",
            "application/epub+zip",
            "application/java-archive",
            "application/vnd.android.package-archive",
            *(
                _OFFICE + kind
                for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
            ),
            *(_OPEN_DOCUMENT + kind for kind in ("text", "spreadsheet", "presentation")),
        }
    )

    def unpack(self, place: Place, content: Content, budget: Budget) -> Iterator[Member]:
        """Raises Undecodable last where the directory was broken or bytes follow the archive."""
        account = Account(self, place, content, budget)
        with content.open() as file, account.guard():
            directory = zip_directory.locate(file, content.size)
            if directory is None:
                found = yield from _salvage(account, file, content.size, 0, set())
                account.check()
                raise Undecodable(
                    "the directory at its end is missing: "
                    + (f"members found by their own headers: {found}" if found else "no member was found"),
                    subject=account.subject,
                    advice=REPAIR,
                )
            covered: list[tuple[int, int]] = []
            yield from _listed(account, file, content.size, directory, covered)
            account.check()
            loose = yield from _unlisted(account, file, directory, covered)
            account.check()
            try:
                account.tail(file, directory.after, content)
            except Undecodable as e:
                if not loose:
                    raise
                raise Unaccounted(f"{loose}; {e.what}", subject=account.subject, advice=FOLLOWS) from e
            if loose:
                raise Unaccounted(loose, subject=account.subject, advice=FOLLOWS)


def _unlisted(
    account: Account, file: BinaryIO, directory: Directory, covered: list[tuple[int, int]]
) -> Generator[Member, None, str]:
    """Members in bytes that nothing listed needs; returns what to say of those bytes, '' where there are none."""
    loose = found = 0
    for start, end in zip_directory.gaps(file, directory, covered):
        loose += end - start
        found += yield from _salvage(account, file, end, start, set())
    if not loose:
        return ""
    said = f"{loose} bytes of the archive belong to no listed member"
    return f"{said}; members in them that the directory does not list: {found}" if found else said


def _listed(
    account: Account, file: BinaryIO, size: int, directory: Directory, covered: list[tuple[int, int]]
) -> Iterator[Member]:
    offsets: set[int] = set()
    try:
        for entry in zip_directory.entries(file, directory):
            offsets.add(entry.offset)
            if (header := zip_directory.local(file, entry.offset)) is not None:
                covered.append((entry.offset, header[1] + (entry.packed or 0)))
            if not entry.folder:
                yield from _member(account, file, size, entry)
    except Undecodable as e:
        found = yield from _salvage(account, file, size, directory.shift, offsets)
        raise Undecodable(
            f"{e.what}; more members found by their own headers: {found}", subject=account.subject, advice=REPAIR
        ) from e


def _member(account: Account, file: BinaryIO, size: int, entry: Entry) -> Iterator[Member]:
    item = account.item(entry.name, size=entry.size, times=entry.times)
    subject = str(item.place)
    try:
        _readable(entry, subject)
        header = zip_directory.local(file, entry.offset)
        if header is None:
            raise Undecodable("its header is missing: it was cut off", subject=subject, advice=REPAIR)
        window = Window(file, header[1], min(entry.packed or 0, size - header[1]))
        read = _reader(entry, window)[0]
    except Exception as e:
        yield account.failed(item, content_error(e, subject))
        return
    with account.open(item, read, crc=entry.crc, size=entry.size) as stream:
        yield Member(item, stream)


def _readable(entry: Entry, subject: str) -> None:
    """Raises Encrypted or Unsupported."""
    if entry.encrypted:
        raise Encrypted("is encrypted", subject=subject, advice=UNLOCK)
    if entry.method not in _CODECS and entry.method not in (_STORED, _LZMA):
        method = _UNREAD.get(entry.method, "an unknown method")
        raise Unsupported(
            f"is packed by {method} (method {entry.method}), which no reader here knows",
            subject=subject,
            advice=BY_HAND,
        )


def _reader(entry: Entry, window: Window) -> tuple[Callable[[int], bytes], Decompressed | None]:
    """How to read a member whose packed bytes lie in `window`, and what unpacks it."""
    if entry.method == _STORED:
        return window.read, None
    if entry.method == _LZMA:
        return _lzma(entry, window)
    codec: Codec = _CODECS[entry.method]
    unpacked = Decompressed(window.read, codec, joined=bool(codec.magics))
    return unpacked.read, unpacked


def _lzma(entry: Entry, window: Window) -> tuple[Callable[[int], bytes], Decompressed]:
    """LZMA (clause 5.8): two bytes of version, two of length, the properties, then data."""
    head = window.read(4)
    properties = window.read(int.from_bytes(head[2:4], "little"))
    if len(properties) != 5:
        raise Undecodable("its LZMA properties are broken", advice=REPAIR)
    unpacked = Decompressed(window.read, decompress.lzma_alone(properties))
    if entry.flags & 2 or entry.size is None:
        return unpacked.read, unpacked
    left = entry.size

    def read(most: int) -> bytes:
        nonlocal left
        got = unpacked.read(min(most, left))
        left -= len(got)
        return got

    return read, unpacked


def _salvage(
    account: Account, file: BinaryIO, size: int, start: int, known: set[int]
) -> Generator[Member, None, int]:
    """Members found by the headers before them, but those at `known` offsets; returns their number."""
    found = 0
    at = start
    while (hit := zip_directory.find(file, (zip_directory.LOCAL,), at, size)) is not None:
        at = hit
        header = zip_directory.local(file, at)
        if header is None:
            at += len(zip_directory.LOCAL)
            continue
        entry, data = header
        if at in known:
            at = data + (entry.packed or 0)
            continue
        at = data
        if entry.folder and not entry.size:
            continue
        found += 1
        at = yield from _salvaged(account, file, size, entry, data)
    return found


def _salvaged(
    account: Account, file: BinaryIO, size: int, entry: Entry, data: int
) -> Generator[Member, None, int]:
    """One member by its own header; returns where to search on."""
    item = account.item(entry.name, size=entry.size, times=entry.times)
    subject = str(item.place)
    packed = entry.packed
    if packed is None and entry.method == _STORED:
        marks = (zip_directory.DESCRIPTOR, zip_directory.LOCAL, zip_directory.CENTRAL)
        packed = (zip_directory.find(file, marks, data, size) or size) - data
    window = Window(file, data, size - data if packed is None else min(packed, size - data))
    try:
        _readable(entry, subject)
        read, unpacked = _reader(entry, window)
    except ContentError as e:
        yield account.failed(item, e)
        return data
    ended = False

    def told(most: int) -> bytes:
        nonlocal ended
        got = read(most)
        ended = not got
        return got

    with account.open(item, told, crc=entry.crc, size=entry.size) as stream:
        yield Member(item, stream)
    if not ended:
        return data
    return data + (packed if packed is not None else unpacked.consumed if unpacked else 0)


PLUGIN = Zip()
