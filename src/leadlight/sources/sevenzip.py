"""7z archives. Each solid block is decoded once, piece by piece, and nothing is spooled.

py7zr reads the directory and sets up the decoders; the bytes are pulled through them here, because its own
extraction hands over a member only when it has written all of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import py7zr
from py7zr.exceptions import PasswordRequired, UnsupportedCompressionMethodError

from leadlight.content import Content, Window
from leadlight.errors import ContentError, Encrypted, Undecodable, Unsupported
from leadlight.limits import Budget
from leadlight.records import Place, Times, display_text
from leadlight.seams import Member
from leadlight.sources.stream import BY_HAND, REPAIR, UNLOCK, Account, content_error, windows_time

_PACE = 64 * 1024
"""Packed bytes handed to a decoder that tells when it wants more."""
_CAUTION = 512
"""... to one that gives back at once all that they unpack to."""
_PATIENCE = 16
"""Empty answers in a row after which a decoder is taken to be at its end."""
_UNIX_EXTENSION = 0x8000
_FOLDER = 0x10


class SevenZip:
    """Members in the archive's order; a locked or unknown method fails its members alone."""

    name = "unpack.7z"
    version = "1"
    extra: str | None = None
    requires = ("py7zr",)
    media_types = frozenset({"application/x-7z-compressed"})

    def unpack(self, place: Place, content: Content, budget: Budget) -> Iterator[Member]:
        """Raises Encrypted where the list of members is locked, Undecodable where it is broken."""
        account = Account(self, place, content, budget)
        with content.open() as file, account.guard():
            nameless = cast("BinaryIO", io.BufferedReader(Window(file, 0, content.size)))
            try:
                archive = py7zr.SevenZipFile(nameless)
            except PasswordRequired as e:
                raise Encrypted("is encrypted, the names in it too", subject=account.subject, advice=UNLOCK) from e
            except UnsupportedCompressionMethodError as e:
                raise _unsupported(e, account.subject) from e
            yield from _members(account, archive, file)
            account.check()
            signature = archive.sig_header
            account.tail(file, archive.afterheader + signature.nextheaderofs + signature.nextheadersize, content)


def _members(account: Account, archive: Any, file: BinaryIO) -> Iterator[Member]:
    header = archive.header
    if header.files_info is None:
        return
    blocks = _blocks(archive, file)
    no_files = iter(header.files_info.emptyfiles)
    block: _Block | None = None
    for file_info in header.files_info.files:
        name = file_info["filename"].encode("utf-8", "surrogatepass")
        attributes = file_info.get("attributes") or 0
        empty = bool(file_info["emptystream"])
        if empty and _is_folder(attributes, is_file=next(no_files, False)):
            continue
        size = 0 if empty else int(file_info["uncompressed"])
        item = account.item(name, size=size, times=_times(file_info))
        subject = str(item.place)
        if not size:
            with account.open(item, lambda most: b"", size=0) as stream:
                yield Member(item, stream)
            continue
        folder = file_info["folder"]
        while block is None or block.folder is not folder:
            block = next(blocks, None)
            if block is None:
                raise Undecodable("its directory contradicts itself", subject=account.subject, advice=REPAIR)
        error = block.reach(account)
        if error is not None:
            yield account.failed(item, _again(error, subject))
            continue
        block.begin(size)
        with account.open(item, block.read, crc=file_info.get("digest"), size=size) as stream:
            yield Member(item, stream)


class _Block:
    """One solid block and its decoder."""

    def __init__(self, folder: Any, file: BinaryIO, start: int, packed: int) -> None:
        self.folder = folder
        self._packed = Window(file, start, packed)
        self._length = packed
        self._decoder: Any = None
        self._error: Exception | None = None
        self._left = 0

    def begin(self, size: int) -> None:
        """A member of `size` bytes follows."""
        self._left = size

    def reach(self, account: Account) -> Exception | None:
        """Pass over what is left of the member before; the error that bars the rest of the block, if any."""
        try:
            if self._decoder is None and self._error is None:
                self._decoder = self.folder.get_decompressor(self._length)
            while self._error is None and (passed := self.read(1 << 20)):
                account.count(len(passed), 0, account.subject)
        except MemoryError:
            raise
        except Exception as e:
            self._error = e
            account.check()
        return self._error

    def read(self, most: int) -> bytes:
        if self._error is not None:
            raise self._error
        try:
            got = self._decode(min(most, self._left)) if self._left else b""
        except Exception as e:
            self._error = e
            raise
        self._left -= len(got)
        return got

    def _decode(self, most: int) -> bytes:
        """At least one byte. Raises EOFError where no more come."""
        feed = _Feed(self._packed, self._decoder.chain[0])
        idle = 0
        while idle < _PATIENCE:
            feed.given = False
            got = bytes(self._decoder.decompress(feed, most))
            if got:
                return got
            idle = 0 if feed.given else idle + 1
        raise EOFError


class _Feed:
    """Gives a decoder no more than it can use, so that memory stays flat whatever the ratio."""

    def __init__(self, packed: Window, first: Any) -> None:
        self.given = False
        self._packed = packed
        self._first = getattr(first, "_decompressor", first)

    def read(self, size: int) -> bytes:
        wants = getattr(self._first, "needs_input", None)
        if wants is False:
            return b""
        got = self._packed.read(min(size, _CAUTION if wants is None else _PACE))
        self.given = bool(got)
        return got


def _blocks(archive: Any, file: BinaryIO) -> Iterator[_Block]:
    streams = archive.header.main_streams
    if streams is None:
        return
    position = archive.afterheader + streams.packinfo.packpos
    sizes = iter(streams.packinfo.packsizes)
    for folder in streams.unpackinfo.folders:
        packed = sum(next(sizes) for _ in range(max(1, len(folder.packed_indices))))
        if folder.files is not None:
            yield _Block(folder, file, position, packed)
        position += packed


def _again(error: Exception, subject: str) -> ContentError:
    """The error that bars a block, for one of its members."""
    if isinstance(error, PasswordRequired):
        return Encrypted("is encrypted", subject=subject, advice=UNLOCK)
    if isinstance(error, UnsupportedCompressionMethodError):
        return _unsupported(error, subject)
    return content_error(error, subject)


def _unsupported(error: Exception, subject: str) -> Unsupported:
    said = display_text(str(error.args[-1]) if error.args else "", 120)
    return Unsupported(f"is packed in a way that no reader here knows ({said})", subject=subject, advice=BY_HAND)


def _is_folder(attributes: int, *, is_file: bool) -> bool:
    if attributes & _UNIX_EXTENSION and attributes >> 16:
        return attributes >> 16 & 0o170000 == 0o040000
    return not is_file or bool(attributes & _FOLDER)


def _times(file_info: dict[str, Any]) -> Times:
    def moment(key: str) -> Any:
        ticks = file_info.get(key)
        return None if ticks is None else windows_time(int(ticks))

    return Times(
        modified=moment("lastwritetime"), created=moment("creationtime"), accessed=moment("lastaccesstime")
    )


PLUGIN = SevenZip()
