"""Tar archives, plain and compressed, and single files compressed by gzip, bzip2, xz or Zstandard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from leadlight.config import MIB
from leadlight.content import Content
from leadlight.errors import Unaccounted, Undecodable
from leadlight.limits import Budget
from leadlight.records import Place, Times
from leadlight.seams import Member
from leadlight.sources import decompress, tar_headers
from leadlight.sources.decompress import GZIP, STREAMS, Codec, Decompressed
from leadlight.sources.stream import FOLLOWS, REPAIR, Account, content_error, unix_time
from leadlight.sources.tar_headers import BLOCK, HARD_LINK, SYMBOLIC_LINK, Blocks, Header

_SUFFIXES = (b".gz", b".bz2", b".xz", b".zst", b".zstd", b".bz", b".z")
_SHORT = {b".tgz": b".tar", b".tbz": b".tar", b".tbz2": b".tar", b".txz": b".tar", b".tzst": b".tar"}
_SHORT[b".svgz"] = b".svg"


class Tar:
    """Members in the order they lie; a compressed file that holds no tar is one member."""

    name = "unpack.tar"
    version = "1"
    extra: str | None = None
    requires = ("zstandard",)
    media_types = frozenset(
        {
            "application/x-tar",
            "application/gzip",
            "application/x-bzip2",
            "application/x-xz",
            "application/zstd",
        }
    )

    def unpack(self, place: Place, content: Content, budget: Budget) -> Iterator[Member]:
        """Raises Undecodable last where headers were broken, the end is missing or bytes follow it."""
        account = Account(self, place, content, budget)
        head = content.head(2 * BLOCK)
        codec = None if tar_headers.sound(head[:BLOCK]) else next((c for c in STREAMS if c.begins(head)), None)
        with content.open() as file, account.guard():
            if codec is None:
                yield from _plain(account, file, content)
            else:
                yield from _compressed(account, file, content, codec)


def _plain(account: Account, file: BinaryIO, content: Content) -> Iterator[Member]:
    if not tar_headers.sound(content.head(BLOCK)):
        # All zeros: the end mark alone.
        if content.size % BLOCK == 0 and not content.head(2 * BLOCK).strip(b"\0"):
            return
        raise Undecodable("does not start with a tar header", subject=account.subject, advice=REPAIR)

    def skip(length: int) -> None:
        file.seek(length, 1)

    yield from _members(account, content, Blocks(file.read, skip), counted=True)


def _compressed(account: Account, file: BinaryIO, content: Content, codec: Codec) -> Iterator[Member]:
    unpacked = Decompressed(file.read, codec, joined=True)
    counter = _Counter(account, unpacked)
    fault: Exception | None = None
    try:
        counter.peek()
    except Exception as e:
        fault = e
    if tar_headers.sound(counter.head):
        yield from _members(account, content, Blocks(counter.read), counted=False)
    else:
        item = account.item(_inner_name(account.place.name), times=_gzip_time(content, codec))
        if fault is not None:
            yield account.failed(item, content_error(fault, str(item.place)))
        else:
            with account.open(item, counter.read, counted=False) as stream:
                yield Member(item, stream)
        account.check()
    loose = decompress.gzip_loose(content.head(MIB)) if codec is GZIP else 0
    if loose > 64 and not unpacked.trailing:
        raise Unaccounted(
            f"{loose} bytes of the archive belong to no listed member: they lie in the header of the stream",
            subject=account.subject,
            advice=FOLLOWS,
        )
    if unpacked.trailing:
        raise Undecodable(
            f"bytes that are no {codec.label} stream follow its end; not examined",
            subject=account.subject,
            advice=FOLLOWS,
        )


class _Counter:
    """Holds all that is decompressed against the limits, whether it is a member's or passed over."""

    def __init__(self, account: Account, unpacked: Decompressed) -> None:
        self.head = b""
        self._account = account
        self._unpacked = unpacked

    def peek(self) -> None:
        """Look at the first block."""
        while len(self.head) < BLOCK and (got := self._next(BLOCK - len(self.head))):
            self.head += got

    def read(self, most: int) -> bytes:
        if self.head:
            got, self.head = self.head[:most], self.head[most:]
            return got
        return self._next(most)

    def _next(self, most: int) -> bytes:
        got = self._unpacked.read(most)
        self._account.count(len(got), 0, self._account.subject)
        return got


def _members(account: Account, content: Content, blocks: Blocks, *, counted: bool) -> Iterator[Member]:
    tar = tar_headers.Tar(blocks, metadata_bytes=content.limits.metadata_bytes, subject=account.subject)
    for header in tar.headers():
        if not header.no_file:
            yield from _member(account, header, blocks, counted)
        account.check()
    if tar.faults:
        more = f" (and {tar.faults - 1} faults more)" if tar.faults > 1 else ""
        raise Undecodable(f"{tar.first_fault}{more}", subject=account.subject, advice=REPAIR)


def _member(account: Account, header: Header, blocks: Blocks, counted: bool) -> Iterator[Member]:
    if header.kind == HARD_LINK and account.listed(header.link):
        return
    modified = None if header.modified is None else unix_time(header.modified)
    item = account.item(header.name, size=header.size, times=Times(modified=modified))
    if header.kind == HARD_LINK:
        yield account.refused(
            item,
            "is a hard link to a file that the archive does not hold",
            "Find the archive or the medium that holds it.",
        )
    elif header.kind == SYMBOLIC_LINK:
        yield account.refused(
            item,
            "is a symbolic link in an archive; it holds no bytes and is not followed",
            "If what it leads to belongs to the case, scan that too.",
        )
    elif header.special:
        yield account.refused(
            item,
            f"is {header.special} in an archive; it holds no bytes",
            "Nothing to do, unless you expected a file.",
        )
    else:
        read: Callable[[int], bytes] = blocks.take
        if header.runs is not None:
            # The zeros between the stretches come out of nothing that was counted.
            read, counted = tar_headers.fill(header, blocks.take), True
        with account.open(item, read, size=header.size, counted=counted) as stream:
            yield Member(item, stream)


def _inner_name(name: bytes) -> bytes:
    """The name of what a compressed file holds: its own without the suffix."""
    lowered = name.lower()
    for suffix, other in (*((s, b"") for s in _SUFFIXES), *_SHORT.items()):
        if lowered.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)] + other
    return name


def _gzip_time(content: Content, codec: Codec) -> Times:
    """The time in a gzip header (RFC 1952, clause 2.3), where it states one."""
    seconds = int.from_bytes(content.head(8)[4:8], "little") if codec is GZIP else 0
    return Times(modified=unix_time(seconds)) if seconds else Times()


PLUGIN = Tar()
